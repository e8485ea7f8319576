"""A fitted tagger as a file and back. What a file says is checked against the network it describes before any is made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hmmseq import archive
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER

from .inputs import Shape
from .network import Network

if TYPE_CHECKING:
    from .tagger import SequenceTagger

GRAPH = ("source", "target", "label", "edge", "start", "end")
LEARNED_WEIGHTS = ("head.edge", "head.start", "head.end")  # minus infinity where the graph has nothing


def save(tagger: SequenceTagger, path: str | os.PathLike[str]) -> None:
    """Write a fitted tagger."""
    if not isinstance(tagger.encoder, str):
        raise ValueError(
            f"encoder is {tagger.encoder!r}, a function, which a file cannot hold; use one by name, or keep "
            "network_.state_dict() yourself"
        )
    graph = tagger.network_.head.graph
    arrays = {f"graph.{name}": getattr(graph, name) for name in GRAPH} | {"classes": tagger.classes_}
    states = tagger.network_.state_dict().items()
    arrays |= {f"network.{name}": tensor.detach().cpu().numpy() for name, tensor in states}
    params = archive.plain(tagger.get_params(deep=False) | {"device": "cpu", "topology": None})
    fitted = {"shape": list(tagger.shape_), "history": tagger.history_, "own_topology": tagger.topology is not None}
    archive.write(path, {"class": "SequenceTagger", "params": params, "fitted": fitted}, arrays)


def restore(tagger: SequenceTagger, arrays: dict[str, np.ndarray], fitted: dict[str, Any]) -> None:
    """Give a new tagger what was learned. ValueError where parts do not fit together."""
    tagger._check_parameters()
    source, target, *rest = (arrays[f"graph.{name}"] for name in GRAPH)
    graph = StateGraph(len(rest[0]), source, target, **dict(zip(GRAPH[2:], rest, strict=True)))
    classes, shape = arrays["classes"], _shape(fitted["shape"])
    if classes.shape != (graph.n_labels,) or classes.dtype.kind != "i":
        raise ValueError(f"classes have shape {classes.shape}; expected a whole number for each of {graph.n_labels}")
    if not isinstance(tagger.encoder, str):
        raise ValueError(f"encoder is {tagger.encoder!r}; expected a name")
    with torch.device("meta"):  # shapes without memory: a file may ask for any size
        network = Network(shape, tagger.encoder, tagger.head, tagger.hidden_size, graph)
    found = {name[8:]: array for name, array in arrays.items() if name.startswith("network.")}
    _check(found, {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()})
    network.load_state_dict({name: torch.tensor(array) for name, array in found.items()}, assign=True)
    tagger.network_ = network.eval()
    tagger.topology = graph if fitted["own_topology"] else None
    tagger.classes_, tagger.shape_, tagger.n_features_in_ = classes, shape, shape.n_features or 1
    tagger.history_ = fitted["history"]


def _shape(given: Any) -> Shape:
    shape = Shape(*given)
    sizes = [size for size in shape if size is not None]
    if len(sizes) != 1 or type(sizes[0]) is not int or sizes[0] < 1:
        raise ValueError(f"shape is {given!r}; expected a number of symbols, or of features")
    return shape


def _check(found: dict[str, np.ndarray], expected: dict[str, tuple[int, ...]]) -> None:
    shapes = {name: array.shape for name, array in found.items()}
    if shapes != expected:
        wrong = sorted(set(shapes.items()) ^ set(expected.items()))[0]
        raise ValueError(f"the network's {wrong[0]} has a shape other than the parameters ask for")
    if len({array.dtype for array in found.values()} | {np.dtype(np.float32)}) > 1:
        raise ValueError("the network's numbers are not all of single precision")
    for name, array in found.items():
        closed = array == NEVER if name in LEARNED_WEIGHTS else False
        if not np.all(np.isfinite(array) | closed):
            raise ValueError(f"the network's {name} has NaN or infinity")
