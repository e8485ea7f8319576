"""Sequences without an end: answers while the steps arrive, in memory that does not grow with them.

    PosteriorStream     probability of each label at each step, given the steps so far and `lag` more
    PathStream          the best path, as far as it can no longer change

Both are fed with scores, one step or a block of steps at a time, and return what has become known. What they return, end to
end, does not depend on how the steps were cut into blocks.

>>> import numpy as np
>>> from hmmseq import topologies
>>> graph = topologies.from_matrix([[0.9, 0.1], [0.2, 0.8]], startprob=[0.5, 0.5])
>>> scores = np.log([[0.7, 0.1], [0.2, 0.6], [0.1, 0.5]])
>>> stream = PosteriorStream(graph)
>>> stream.push(scores[0]).round(3)
array([[0.875, 0.125]])
>>> stream.push(scores[1:]).round(3)
array([[0.591, 0.409],
       [0.241, 0.759]])
>>> path = PathStream(graph)
>>> path.push(scores), path.close()
(array([], dtype=int32), array([1, 1, 1], dtype=int32))
"""

from abc import ABC, abstractmethod
from copy import deepcopy
from numbers import Integral
from typing import Any, Self

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.streams import Tree, path_block, path_rest, posterior_block
from hmmseq.kernels.traces import FROM_START
from hmmseq.scores import Packed, Scores, pack

__all__ = ["PathStream", "PosteriorStream", "Stream"]

FIRST_ROWS = 64  # of the tree of paths; it doubles when it is full


class Stream(ABC):
    """One sequence that is still going on.

    A sequence that has become impossible stays so: see each stream for what it then returns.
    """

    def __init__(self, graph: StateGraph) -> None:
        self.graph = graph
        self.n_steps = 0
        self.closed = False
        self._row = np.full(graph.n_states, NEVER)
        self._taken = np.zeros(2)  # a compensated sum
        self._open_end = np.where(graph.label >= 0, 0.0, NEVER)  # of a prefix: any emitting state will do

    def push(self, scores: Scores) -> np.ndarray:
        """Take in some steps and return what has become known.

        scores : (n_labels,) one step, (n_steps, n_labels) a block, or `Indexed`
        """
        if self.closed:
            raise ValueError("the stream is closed; start a new one for another sequence")
        block = self._pack(scores)
        if not len(block.code):
            return self._nothing()
        first, self.n_steps = self.n_steps == 0, self.n_steps + len(block.code)
        return self._take(block, first)

    def close(self) -> np.ndarray:
        """The sequence ends here: what was still open, ending weights included."""
        if self.closed:
            return self._nothing()
        self.closed = True
        return self._rest() if self.n_steps else self._nothing()

    def copy(self) -> Self:
        """A second stream that goes on from here on its own: to try a continuation, or to come back to this step."""
        twin = object.__new__(type(self))
        twin.__dict__ = {name: part if name == "graph" else deepcopy(part) for name, part in self.__dict__.items()}
        return twin

    def _pack(self, scores: Scores) -> Packed:
        if isinstance(scores, np.ndarray) and scores.ndim == 1:
            scores = scores[None]
        block = pack(scores, self.graph.n_labels)
        if len(block) != 1:
            raise ValueError(f"got scores of {len(block)} sequences; a stream is one sequence")
        if block.edges is not None:
            raise ValueError("got TimeVarying scores; a stream takes edges that stay the same")
        return block

    @property
    def _end(self) -> np.ndarray:
        return self.graph.end.copy() if self.closed else self._open_end  # a copy: kernels take writable arrays

    @abstractmethod
    def _take(self, block: Packed, first: bool) -> np.ndarray:
        """Take in checked scores of one step or more."""

    @abstractmethod
    def _rest(self) -> np.ndarray:
        """What is open at the end."""

    @abstractmethod
    def _nothing(self) -> np.ndarray:
        """An answer for no step."""


class PosteriorStream(Stream):
    """Filtering and fixed-lag smoothing (Rabiner 1989, section III; Anderson and Moore, Optimal Filtering, 1979, ch. 7).

    Parameters
    ----------
    graph : StateGraph
    lag : steps to look ahead. 0 filters: P(label at t | scores up to t) comes with step t. Otherwise
        P(label at t - lag | scores up to t) comes with step t, and `close` returns the last `lag` steps

    `push` returns (n_new, n_labels). A step costs `lag` steps of the backward recursion, and `lag` rows are kept.
    Until the stream is closed nothing is assumed about its end. These are the posteriors that `hmmseq.lattice` gives for the
    part of the sequence that is known, so from the step on that makes it impossible they are zero.

    >>> from hmmseq import topologies
    >>> stream = PosteriorStream(topologies.ergodic(2), lag=2)
    >>> [stream.push(np.array([0.0, t])).round(2).tolist() for t in range(4)]
    [[], [], [[0.5, 0.5]], [[0.27, 0.73]]]
    >>> stream.close().round(2)
    array([[0.12, 0.88],
           [0.05, 0.95]])
    """

    def __init__(self, graph: StateGraph, lag: int = 0) -> None:
        super().__init__(graph)
        self.lag = _whole(lag, "lag")
        self._alpha = np.empty((0, graph.n_states))  # rows and scores of the steps that wait for an answer
        self._scores = np.empty((0, graph.n_labels))

    @property
    def log_partition(self) -> float:
        """Total log score of all paths through the steps so far; once closed, of the sequence with its end."""
        return float(self._taken.sum() + np.logaddexp.reduce(self._row + self._end)) if self.n_steps else 0.0

    def _take(self, block: Packed, first: bool) -> np.ndarray:
        return self._answer(block, first, max(len(self._alpha) + len(block.code) - self.lag, 0))

    def _rest(self) -> np.ndarray:
        return self._answer(self._pack(np.empty((0, self.graph.n_labels))), False, len(self._alpha))

    def _answer(self, block: Packed, first: bool, n_answers: int) -> np.ndarray:
        """The answers to the oldest steps that wait, once those of the block wait too."""
        out = np.empty((n_answers, self.graph.n_labels))
        alpha = _longer(self._alpha, len(block.code))
        scores = _longer(self._scores, len(block.code)) if self.lag else self._scores
        posterior_block(
            self.graph.lattice, self._end, block.table, block.code, first, self.lag, self._row, self._taken,
            scores, alpha, out,
        )  # fmt: skip
        self._alpha, self._scores = alpha[n_answers:].copy(), scores[n_answers:].copy()
        return out

    def _nothing(self) -> np.ndarray:
        return np.empty((0, self.graph.n_labels))


class PathStream(Stream):
    """The best path, each state as soon as all paths that may still win agree on it.

    On-line Viterbi: Šrámek, Brejová and Vinař, WABI 2007. Memory grows with the part on which they do not agree, which for
    most models is a few dozen steps (its expected length grows with the logarithm of n_steps for two symmetric states).

    Parameters
    ----------
    graph : StateGraph
    longest : None, or the most steps that may stay open; beyond, the older half of them is settled by the best path as it
        stands. What follows is the best continuation of that, which may differ from the best path of all, and may turn
        out to be impossible where another one was not

    `push` and `close` return states in the order visited, silent ones included. Together they are
    `lattice.best_path(graph, scores).states`, up to paths of equal score. Steps that are open when the sequence becomes
    impossible, and all later ones, are answered by -1.
    """

    def __init__(self, graph: StateGraph, longest: int | None = None) -> None:
        super().__init__(graph)
        self.longest = -1 if longest is None else _whole(longest, "longest")
        self._root = np.array([0, FROM_START, 0])  # row, state, and states written by the last call
        self._now = 0  # present row of the tree
        self._tree = Tree(*np.empty((2, FIRST_ROWS, graph.n_states + 1), dtype=np.int32))
        self._answered = 0

    @property
    def score(self) -> float:
        """Log score of the best path through the steps so far; once closed, of the path with its end."""
        return float(self._taken.sum() + (self._row + self._end).max()) if self.n_steps else 0.0

    @property
    def n_open(self) -> int:
        """Steps not answered yet."""
        return self.n_steps - self._answered

    def _take(self, block: Packed, first: bool) -> np.ndarray:
        if self._taken[0] == NEVER:
            return self._report(self._room())
        n_new = len(block.code)
        self._make_room(n_new)
        out = self._room()
        path_block(
            self.graph.lattice, self.longest, block.table, block.code, first, self._row, self._taken, self._tree,
            self._root, self._now, out,
        )  # fmt: skip
        self._now += n_new
        return self._report(out)

    def _rest(self) -> np.ndarray:
        row = self._row + self._end
        if row.max() == NEVER:
            self._taken[:] = NEVER, 0.0
            return self._report(self._room())
        self._make_room(1)
        out = self._room()
        path_rest(self.graph.lattice, row, self._tree, self._root, self._now, out)
        return self._report(out)

    def _room(self) -> np.ndarray:
        """For the states of all open steps; none of them is written yet."""
        self._root[2] = 0
        return np.empty(self.n_open + (self.n_open + 1) * self.graph.silent_depth, dtype=np.int32)

    def _report(self, out: np.ndarray) -> np.ndarray:
        states = out[: self._root[2]].copy()
        self._answered += int(np.count_nonzero(self.graph.label[states] >= 0))
        if self._taken[0] == NEVER:
            states = np.append(states, np.full(self.n_open, -1, dtype=np.int32))
            self._answered = self.n_steps
        return states

    def _make_room(self, n_rows: int) -> None:
        """Rows for so many more steps: forget those before the root, in a larger tree if they are few."""
        if self._now + n_rows < len(self._tree.back):
            return
        first, last = self._root[0], self._now + 1
        size = max(FIRST_ROWS, 2 * (int(last - first) + n_rows))
        tree = Tree(*np.empty((2, size, self.graph.n_states + 1), dtype=np.int32))
        for old, new in zip(self._tree, tree, strict=True):
            new[: last - first] = old[first:last]
        self._tree, self._now = tree, int(self._now - first)
        self._root[0] = 0

    def _nothing(self) -> np.ndarray:
        return np.empty(0, dtype=np.int32)


def _longer(rows: np.ndarray, n_more: int) -> np.ndarray:
    return np.concatenate([rows, np.empty((n_more, rows.shape[1]))])


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, Integral) or value < 0:
        raise ValueError(f"{name} is {value!r}; expected a whole number of steps, 0 or more")
    return int(value)
