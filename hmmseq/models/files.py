"""Models as files: safetensors with JSON metadata, through a fixed registry. Nothing in a file is ever executed."""

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from hmmseq.emissions import Categorical, Emission, Gaussian
from hmmseq.errors import DataError
from hmmseq.files import atomic_write
from hmmseq.graph import StateGraph
from hmmseq.models.hmm import HMM

FORMAT = "hmmseq/1"
MODELS: dict[str, type[HMM]] = {"HMM": HMM}
EMISSIONS: dict[str, type[Emission]] = {"Categorical": Categorical, "Gaussian": Gaussian}
GRAPH = ("source", "target", "label", "edge", "start", "end")
FITTED = ("n_features_in_", "converged_", "history_", "histories_", "n_iter_", "n_parameters_", "n_expectations_")


def save(model: HMM, path: str | os.PathLike[str]) -> None:
    """Write a fitted model. A reader sees the old file or the whole new one, also after a crash."""
    emission = model.emission_
    arrays = {f"graph.{name}": getattr(model.graph_, name) for name in GRAPH}
    arrays |= {f"emission.{name}": np.asarray(getattr(emission, name)) for name in emission.parameters_}
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    described = {
        "class": type(model).__name__,
        "params": _plain(model.get_params(deep=False)),
        "own_topology": model.topology is not None,
        "emission": {"class": type(emission).__name__, "params": _plain(emission.get_params(deep=False))},
        "fitted": {name: getattr(model, name) for name in FITTED},
    }
    text = json.dumps(described)
    metadata = {"format": FORMAT, "model": text, "sha256": _digest(text, arrays)}
    with atomic_write(path) as file:
        file.write(safetensors.numpy.save(arrays, metadata))


def load(path: str | os.PathLike[str]) -> HMM:
    """Read a model that `save` wrote.

    Raises DataError, in one clear line, for anything else: another format, a damaged or a hostile file. No code in the
    file runs and no class is looked up by a name outside a fixed list.
    """
    name = os.fspath(path)
    with open(name, "rb"):  # a folder or a missing file: the usual OSError, with its name
        pass
    text, arrays = _read(name)
    try:
        described = json.loads(text)
        model = MODELS[described["class"]](**described["params"])
        kind = described["emission"]
        model.emission = EMISSIONS[kind["class"]](**kind["params"])
        model.emission_ = EMISSIONS[kind["class"]](**kind["params"])
        _restore(model, described, arrays)
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise DataError(f"{name} does not describe a model of hmmseq {FORMAT}: {error}") from None
    return model


def _read(name: str) -> tuple[str, dict[str, np.ndarray]]:
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
    for part in model.emission_.parameters_:
        array = arrays[f"emission.{part}"]
        setattr(model.emission_, part, array if array.ndim else array.item())
    model.emission_.check(model.graph_.n_labels)
    for part in FITTED:
        setattr(model, part, described["fitted"][part])


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
    """Constructor arguments that are plain values or numbers in arrays; the emission and the graph are written apart."""
    arrays = {k: np.asarray(v).tolist() for k, v in params.items() if isinstance(v, (list, tuple, np.ndarray))}
    return {k: v for k, v in params.items() if v is None or isinstance(v, (bool, int, float, str))} | arrays
