"""Models as files: safetensors with JSON metadata, through a fixed registry. Nothing in a file is ever executed."""

import json
import os
from importlib import import_module
from typing import Any

import numpy as np

from hmmseq import emissions
from hmmseq.archive import FORMAT, MISFITS, read, write
from hmmseq.emissions import Emission
from hmmseq.errors import DataError
from hmmseq.files import Source, source_name
from hmmseq.graph import StateGraph
from hmmseq.models.crf import CRF
from hmmseq.models.factorial_hmm import FactorialHMM
from hmmseq.models.hmm import HMM
from hmmseq.models.hmm_tagger import HMMTagger
from hmmseq.models.input_hmm import InputHMM
from hmmseq.models.semi_crf import SemiCRF
from hmmseq.models.semi_markov import SemiMarkovHMM
from hmmseq.models.variational import VariationalHMM

MODELS: dict[str, type[HMM]] = {
    "HMM": HMM, "InputHMM": InputHMM, "SemiMarkovHMM": SemiMarkovHMM, "VariationalHMM": VariationalHMM,
}  # fmt: skip
# They name their own parts.
OTHERS: dict[str, type[Any]] = {
    "CRF": CRF, "FactorialHMM": FactorialHMM, "HMMTagger": HMMTagger, "SemiCRF": SemiCRF,
}  # fmt: skip
# Models of higher layers, imported when a file names one, as the public names of hmmseq are when they are used.
ELSEWHERE = {"SequenceTagger": "hmmseq.hybrid", "SplicedGeneFinder": "hmmseq.bio"}
GRAPH = ("source", "target", "label", "edge", "start", "end")
FITTED = ("n_features_in_", "converged_", "history_", "histories_", "n_iter_", "n_parameters_", "n_expectations_")


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model. A reader sees the old file or the whole new one, also after a crash."""
    if type(model).__name__ in OTHERS:
        parts, fitted = model._parts()
        params = _plain(model.get_params(deep=False))
        write(path, {"class": type(model).__name__, "params": params, "fitted": fitted}, parts)
        return
    emission = model.emission_
    arrays = {f"graph.{name}": getattr(model.graph_, name) for name in GRAPH}
    arrays |= {f"emission.{name}": array for name, array in emission.state().items()}
    arrays |= model._more_parts()
    described = {
        "class": type(model).__name__,
        "params": _plain(model.get_params(deep=False) | {"emission": None, "topology": None}),
        "own_topology": model.topology is not None,
        "emission": _described(emission),
        **(
            {}
            if model.emission is None or type(model.emission) is type(emission)
            else {"asked": _described(model.emission)}
        ),
        "fitted": {name: getattr(model, name) for name in FITTED},
    }
    write(path, described, arrays)


def load(source: Source) -> Any:
    """Read a model that `save` wrote: a path, or a file opened for reading bytes.

    Raises DataError, in one clear line, for anything else: another format, a damaged or a hostile file. No code in the
    file runs and no class is looked up by a name outside a fixed list.
    """
    name = source_name(source)
    text, arrays = read(source)
    try:
        described = json.loads(text)
        if described["class"] in OTHERS or described["class"] in ELSEWHERE:
            other = _other(described["class"])(**described["params"])
            other._restore(arrays, described["fitted"])
            return other
        model = MODELS[described["class"]](**described["params"])
        model.emission_ = _emission(described["emission"])
        model.emission = _emission(described.get("asked", described["emission"]))
        _restore(model, described, arrays)
    except MISFITS as error:
        reason = " ".join(str(error).split())  # arrays print on several lines
        raise DataError(f"{name} does not describe a model of hmmseq {FORMAT}: {reason}") from None
    return model


def _other(name: str) -> Any:
    return OTHERS[name] if name in OTHERS else getattr(import_module(ELSEWHERE[name]), name)


def _restore(model: HMM, described: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    source, target, *rest = (arrays[f"graph.{part}"] for part in GRAPH)
    graph = StateGraph(len(rest[0]), source, target, **dict(zip(GRAPH[2:], rest, strict=True)))
    if described["own_topology"]:
        model.topology = graph
    model._restore_graph(graph, arrays)
    model.emission_.restore({name[9:]: array for name, array in arrays.items() if name.startswith("emission.")})
    model.emission_.check(model.graph_.n_labels)
    for part in FITTED:
        setattr(model, part, described["fitted"][part])


def _described(emission: Emission) -> dict[str, Any]:
    return {"class": type(emission).__name__, "params": _plain(emission.get_params(deep=False))}


def _emission(kind: dict[str, Any]) -> Emission:
    """A new emission as described; only the families of `hmmseq.emissions` have a name."""
    if kind["class"] not in emissions.FAMILIES:
        raise ValueError(f"emission {kind['class']!r} is none of {sorted(emissions.FAMILIES)}")
    made: Emission = getattr(emissions, kind["class"])(**{name: _made(value) for name, value in kind["params"].items()})
    return made


def _made(value: Any) -> Any:
    """A constructor argument as it was before it was described."""
    if isinstance(value, list):
        return [_made(part) for part in value]
    return _emission(value) if isinstance(value, dict) and "class" in value else value


def _plain(params: dict[str, Any]) -> dict[str, Any]:
    """Constructor arguments that a file can hold; the emission of a model and its graph are written apart."""
    return {name: _listed(value) for name, value in params.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(part) for part in value)
    return value is None or isinstance(value, (bool, int, float, str, dict, np.ndarray, np.number, Emission))


def _listed(value: Any) -> Any:
    """Arrays as nested lists, emissions inside emissions as their descriptions."""
    if isinstance(value, Emission):
        return _described(value)
    if isinstance(value, dict):
        return {name: _listed(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_listed(part) for part in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.number)) else value
