"""Constructors of state graphs: the shapes that models are made of."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER

__all__ = ["cycle", "ergodic", "from_matrix", "join", "left_right", "repeat"]


def ergodic(n_states: int, *, stay: bool = True) -> StateGraph:
    """Every state leads to every state, and (`stay`) to itself."""
    source, target = np.divmod(np.arange(n_states**2), n_states)
    kept = (source != target) | stay
    return StateGraph(n_states, source[kept], target[kept])


def left_right(n_states: int, *, skip: int = 0, pinned: bool = False) -> StateGraph:
    """Stay, go on to the next state, or jump over up to `skip` states; paths start in the first state.

    pinned : paths must also end in the last state

    >>> left_right(3).matrix(np.ones(5))
    array([[1., 1., 0.],
           [0., 1., 1.],
           [0., 0., 1.]])
    """
    source = np.repeat(np.arange(n_states), skip + 2)
    target = source + np.tile(np.arange(skip + 2), n_states)
    inside = target < n_states
    end = _only(n_states, n_states - 1) if pinned else None
    return StateGraph(n_states, source[inside], target[inside], start=_only(n_states, 0), end=end)


def cycle(n_states: int, *, stay: bool = True) -> StateGraph:
    """Round and round: each state leads to the next, the last to the first, and (`stay`) to itself."""
    states = np.arange(n_states)
    onward = (states + 1) % n_states
    if not stay or n_states == 1:
        return StateGraph(n_states, states, onward)
    return StateGraph(n_states, np.tile(states, 2), np.concatenate([states, onward]))


def from_matrix(transmat: Any, startprob: Any = None, endprob: Any = None, *, label: Any = None) -> StateGraph:
    """A graph with an edge for each positive entry of a transition matrix, weighted by its logarithm.

    transmat : (n_states, n_states) non-negative; rows need not sum to one
    startprob, endprob : (n_states,) non-negative; default: any emitting state, weight 1
    label : (n_states,) as in StateGraph
    """
    transmat = np.asarray(transmat, dtype=np.float64)
    if transmat.ndim != 2 or transmat.shape[0] != transmat.shape[1]:
        raise ValueError(f"transmat has shape {transmat.shape}; expected (n_states, n_states)")
    source, target = np.nonzero(transmat)
    logs = [None if p is None else _log(p) for p in (startprob, endprob)]
    return StateGraph(
        len(transmat), source, target, label=label, edge=_log(transmat[source, target]), start=logs[0], end=logs[1]
    )


def join(*graphs: StateGraph, share_labels: bool = False) -> StateGraph:
    """One graph after another: wherever a path may end in one, it goes on where the next one starts.

    The weight of the edge between is the weight of that end plus the weight of that start.

    share_labels : state i of every part reads the column that it reads alone; otherwise the columns follow one another
    """
    if not graphs:
        raise ValueError("join needs at least one graph")
    return reduce(lambda a, b: _join(a, b, share_labels), graphs)


def repeat(graph: StateGraph, times: int, *, share_labels: bool = True) -> StateGraph:
    """The graph `times` times in a row; by default all copies read the same score columns."""
    if times < 1:
        raise ValueError(f"times is {times}; a graph can be repeated once or more")
    return join(*[graph] * times, share_labels=share_labels)


def _join(a: StateGraph, b: StateGraph, share_labels: bool) -> StateGraph:
    ends, starts = np.flatnonzero(a.end > NEVER), np.flatnonzero(b.start > NEVER)
    between: Sequence[np.ndarray] = np.meshgrid(ends, starts, indexing="ij")
    left, right = (x.ravel() for x in between)
    shift = 0 if share_labels else a.n_labels
    return StateGraph(
        a.n_states + b.n_states,
        np.concatenate([a.source, b.source + a.n_states, left]),
        np.concatenate([a.target, b.target + a.n_states, right + a.n_states]),
        label=np.concatenate([a.label, np.where(b.label >= 0, b.label + shift, -1)]),
        edge=np.concatenate([a.edge, b.edge, a.end[left] + b.start[right]]),
        start=np.concatenate([a.start, np.full(b.n_states, NEVER)]),
        end=np.concatenate([np.full(a.n_states, NEVER), b.end]),
    )


def _only(n_states: int, state: int) -> np.ndarray:
    weights = np.full(n_states, NEVER)
    weights[state] = 0.0
    return weights


def _log(probabilities: Any) -> np.ndarray:
    values = np.asarray(probabilities, dtype=np.float64)
    if np.any(values < 0) or np.any(np.isnan(values)):
        raise ValueError(f"probabilities must be 0 or more; the smallest is {np.nanmin(values)}")
    with np.errstate(divide="ignore"):
        return np.log(values)
