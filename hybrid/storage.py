"""The weights of a network as named arrays, and back. What a file says is checked before a network takes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hmmseq.kernels.logmath import NEVER
from hmmseq.storage import Arrays, named

from .inputs import Shape
from .network import Network

LEARNED_WEIGHTS = ("head.edge", "head.start", "head.end")  # minus infinity where the graph has nothing


def learned(network: Network) -> Arrays:
    """The weights of a network."""
    return {f"network.{name}": tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}


def relearned(network: Network, arrays: Arrays) -> Network:
    """A network, whose weights may lie nowhere yet, with those that `learned` gave; ValueError if they are not its own."""
    found = named("network", arrays)
    _check(found, {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()})
    network.load_state_dict({name: torch.tensor(array) for name, array in found.items()}, assign=True)
    return network.eval()


def shape_from(given: Any) -> Shape:
    """The shape of inputs as a file describes it."""
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
