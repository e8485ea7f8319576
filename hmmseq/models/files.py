"""Models as files: safetensors with JSON metadata, through a fixed registry. Nothing in a file is ever executed."""

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from hmmseq import emissions
from hmmseq.emissions import Emission
from hmmseq.errors import DataError
from hmmseq.files import atomic_write
from hmmseq.graph import StateGraph
from hmmseq.models.crf import CRF
from hmmseq.models.hmm import HMM
from hmmseq.models.hmm_tagger import HMMTagger

FORMAT = "hmmseq/1"
MODELS: dict[str, type[HMM]] = {"HMM": HMM}
TAGGERS: dict[str, type[CRF] | type[HMMTagger]] = {"CRF": CRF, "HMMTagger": HMMTagger}  # they name their own parts
GRAPH = ("source", "target", "label", "edge", "start", "end")
FITTED = ("n_features_in_", "converged_", "history_", "histories_", "n_iter_", "n_parameters_", "n_expectations_")


def save(model: HMM | CRF | HMMTagger, path: str | os.PathLike[str]) -> None:
    """Write a fitted model. A reader sees the old file or the whole new one, also after a crash."""
    if isinstance(model, (CRF, HMMTagger)):
        parts, fitted = model._parts()
        params = _plain(model.get_params(deep=False))
        write(path, {"class": type(model).__name__, "params": params, "fitted": fitted}, parts)
        return
    emission = model.emission_
    arrays = {f"graph.{name}": getattr(model.graph_, name) for name in GRAPH}
    arrays |= {f"emission.{name}": array for name, array in emission.state().items()}
    described = {
        "class": type(model).__name__,
        "params": _plain(model.get_params(deep=False) | {"emission": None, "topology": None}),
        "own_topology": model.topology is not None,
        "emission": _described(emission),
        "fitted": {name: getattr(model, name) for name in FITTED},
    }
    write(path, described, arrays)


def write(path: str | os.PathLike[str], described: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write arrays and what they describe (plain values), with a checksum; complete or absent."""
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps(described)
    metadata = {"format": FORMAT, "model": text, "sha256": _digest(text, arrays)}
    with atomic_write(path) as file:
        file.write(safetensors.numpy.save(arrays, metadata))


def load(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save` wrote.

    Raises DataError, in one clear line, for anything else: another format, a damaged or a hostile file. No code in the
    file runs and no class is looked up by a name outside a fixed list.
    """
    name = os.fspath(path)
    with open(name, "rb"):  # a folder or a missing file: the usual OSError, with its name
        pass
    text, arrays = read(name)
    try:
        described = json.loads(text)
        if described["class"] in TAGGERS:
            tagger = TAGGERS[described["class"]](**described["params"])
            tagger._restore(arrays, described["fitted"])
            return tagger
        model = MODELS[described["class"]](**described["params"])
        kind = described["emission"]
        model.emission, model.emission_ = _emission(kind), _emission(kind)
        _restore(model, described, arrays)
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise DataError(f"{name} does not describe a model of hmmseq {FORMAT}: {error}") from None
    return model


def read(name: str) -> tuple[str, dict[str, np.ndarray]]:
    """What `write` wrote: JSON text and arrays; DataError for anything else."""
    try:
        with safetensors.safe_open(name, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise DataError(
                    f"{name} has format {metadata.get('format')!r}; expected {FORMAT!r}, as `save` writes it"
                )
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    # AttributeError and TypeError: number types that NumPy does not have.
    except (safetensors.SafetensorError, AttributeError, TypeError, UnicodeDecodeError) as error:
        raise DataError(f"{name} is not a model file of hmmseq, or is damaged: {error}") from None
    text = metadata.get("model", "")
    if metadata.get("sha256") != _digest(text, arrays):
        raise DataError(f"{name} is damaged: its contents do not match their checksum; copy or save it again")
    return text, arrays


def _restore(model: HMM, described: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    source, target, *rest = (arrays[f"graph.{part}"] for part in GRAPH)
    model.graph_ = StateGraph(len(rest[0]), source, target, **dict(zip(GRAPH[2:], rest, strict=True)))
    if described["own_topology"]:
        model.topology = model.graph_
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


def _digest(text: str, arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for part in _sorted_bytes(arrays):
        digest.update(part)
    return digest.hexdigest()


def _sorted_bytes(arrays: dict[str, np.ndarray]) -> Iterator[bytes]:
    for name, array in sorted(arrays.items()):
        yield f"{name} {array.dtype} {array.shape}".encode()
        yield array.tobytes()


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
