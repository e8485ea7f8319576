"""Which states exist, which edges join them, and which score column each state reads."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hmmseq.kernels.edges import Edges
from hmmseq.kernels.logmath import LARGEST, NEVER
from hmmseq.kernels.paths import Changes, Lattice

# A graph with at least this share of all possible edges, or of the places on its diagonals, gets its weights as a matrix too.
MATRIX_FROM = 0.25
DIAGONALS_FROM = 0.25
_EDGES = ("step", "silent", "step_back", "silent_back")


class StateGraph:
    """States joined by weighted edges: the structure under every model of the library.

    Parameters
    ----------
    n_states : number of states, emitting and silent
    source, target : (n_edges,) the two ends of each edge; no edge twice
    label : (n_states,) score column that a state reads, -1 for a silent state; default: state i reads column i.
        States with one label share ("tie") their scores.
    edge : (n_edges,) log weight of each edge; default 0
    start, end : (n_states,) log weight of a path starting or ending there; default 0 for emitting states and minus
        infinity ("never") for silent ones

    A path takes one emitting state per step. Entering an emitting state consumes a step, entering a silent one does not;
    silent states must not form a cycle. Weights are log scores and need not be probabilities.

    Raises ValueError for edges out of range or given twice, labels with gaps, NaN or plus infinity, silent cycles.
    """

    def __init__(
        self,
        n_states: int,
        source: Any,
        target: Any,
        *,
        label: Any = None,
        edge: Any = None,
        start: Any = None,
        end: Any = None,
    ) -> None:
        label = np.arange(n_states) if label is None else _integers(label, "label")
        self._structure = _Structure(n_states, _integers(source, "source"), _integers(target, "target"), label)
        never = np.where(label >= 0, 0.0, NEVER)
        self.edge = _weights("edge", edge, np.zeros(self.n_edges))
        self.start = _weights("start", start, never)
        self.end = _weights("end", end, never)

    def __reduce__(self) -> tuple[Any, ...]:
        """Made again when unpickled: arrays that joblib maps from a file are read-only, kernels would compile for them."""
        weights = {name: getattr(self, name) for name in ("label", "edge", "start", "end")}
        return _made_again, (self.n_states, self.source, self.target, weights)

    n_states = property(lambda self: self._structure.n_states, doc="Number of states.")
    source = property(lambda self: self._structure.source, doc="(n_edges,) where each edge leaves.")
    target = property(lambda self: self._structure.target, doc="(n_edges,) where each edge arrives.")
    label = property(lambda self: self._structure.label, doc="(n_states,) score column, -1 for silent states.")
    n_edges = property(lambda self: len(self._structure.source), doc="Number of edges.")
    n_labels = property(lambda self: self._structure.n_labels, doc="Number of score columns.")

    def weigh(self, *, edge: Any = None, start: Any = None, end: Any = None) -> "StateGraph":
        """The same structure with other log weights; what is left out stays. Cheap: nothing is sorted again."""
        other = object.__new__(StateGraph)
        other._structure = self._structure
        other.edge = _weights("edge", edge, self.edge)
        other.start = _weights("start", start, self.start)
        other.end = _weights("end", end, self.end)
        return other

    def untied(self) -> "StateGraph":
        """The same graph in which every emitting state reads a column of its own, in order of state number.

        Scores for it are `scores[:, graph.label[graph.label >= 0]]`; posteriors then come per state.
        """
        if self.is_untied:
            return self
        label = np.where(self.label >= 0, np.cumsum(self.label >= 0) - 1, -1)
        return StateGraph(
            self.n_states, self.source, self.target, label=label, edge=self.edge, start=self.start, end=self.end
        )

    @property
    def is_untied(self) -> bool:
        """Whether state i reads column i, for all states."""
        return self._structure.is_untied

    @cached_property
    def is_full(self) -> bool:
        """Whether every state leads to every state, and none is silent."""
        full = self.n_edges == self.n_states**2 and self.label.min() >= 0
        return bool(full and self.edge.min() > NEVER)

    @cached_property
    def edge_range(self) -> float:
        """Nats between the smallest and the largest weight of an edge that can be taken."""
        edges = self.edge[self.edge > NEVER]
        return float(np.ptp(edges)) if len(edges) else 0.0

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What others have made of this graph, which never changes, and ask for again."""
        return {}

    @cached_property
    def lattice(self) -> Lattice:
        """The weighted graph as the kernels read it."""
        s = self._structure
        return Lattice(
            step=_weighted(s.step, self.edge),
            silent=_weighted(s.silent, self.edge),
            step_back=_weighted(s.step_back, self.edge),
            silent_back=_weighted(s.silent_back, self.edge),
            silent_order=s.silent_order,
            silent_order_back=s.silent_order_back,
            label=s.label,
            start=self.start.copy(),  # copies: Numba compiles every kernel a second time for read-only arrays
            end=self.end.copy(),
            changes=Changes(np.empty((0, 0)), *[np.empty(0, dtype=np.int64)] * 5),
        )

    def changing_lattice(self, added: np.ndarray, kind: np.ndarray) -> Lattice:
        """The same with weights that differ from step to step. Kernels write to it: give them what `own_weights` returns.

        added : (n_kinds, n_edges) log weights of a step of each kind, added to those of the graph
        kind : (n_rows,) the kind of step that goes with each row of the table of scores
        """
        groups = [getattr(self._structure, name) for name in _EDGES]
        changes = Changes(np.vstack([self.edge + added, self.edge]), kind, *[group.number for group in groups])
        return self.lattice._replace(changes=changes)

    def matrix(self, values: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """(n_states, n_states) array with `values`, one per edge, at [source, target] and `fill` elsewhere."""
        out = np.full((self.n_states, self.n_states), fill)
        out[self.source, self.target] = values
        return out

    def edge_counts(self, step_counts: np.ndarray, silent_counts: np.ndarray) -> np.ndarray:
        """Counts of the kernels, (..., rows, columns), as one number per edge of the graph: (..., n_edges)."""
        out = np.zeros((*step_counts.shape[:-2], self.n_edges))
        for group, counts in ((self._structure.step, step_counts), (self._structure.silent, silent_counts)):
            values = counts[..., group.row, group.target] if group.n_rows else counts[..., 0, :]
            out[..., group.number] = values
        return out

    def count_shapes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Shapes in which the kernels count the uses of step edges and of silent edges."""
        groups = (self._structure.step, self._structure.silent)
        step, silent = ((g.n_rows, self.n_states) if g.n_rows else (1, len(g.source)) for g in groups)
        return step, silent

    @property
    def silent_depth(self) -> int:
        """The most silent states that a path can visit between two steps."""
        return self._structure.silent_depth

    def __repr__(self) -> str:
        silent = int((self.label < 0).sum())
        quiet = f", {silent} of them silent" if silent else ""
        return f"<StateGraph: {self.n_states} states{quiet}, {self.n_edges} edges, {self.n_labels} labels>"


@dataclass(frozen=True)
class _Group:
    """Edges grouped by target: all about them that does not change with their weights."""

    first: np.ndarray  # (n_states + 1,)
    source: np.ndarray
    target: np.ndarray
    number: np.ndarray  # which edge of the graph each one is
    n_rows: int  # of a matrix that is kept too, or 0
    row: np.ndarray  # (n_edges,) of this matrix
    shift: np.ndarray  # (n_rows,) target - source where its rows are diagonals, else empty


def _group(n_states: int, source: np.ndarray, target: np.ndarray, chosen: np.ndarray, matrix: bool) -> _Group:
    number = np.flatnonzero(chosen)
    number = number[np.lexsort((source[number], target[number]))]
    first = np.searchsorted(target[number], np.arange(n_states + 1))
    source, target = source[number], target[number]
    shift, diagonal = np.unique(target - source, return_inverse=True)
    n_rows, row, no = 0, source, np.empty(0, dtype=np.int64)
    if matrix and len(number) >= MATRIX_FROM * n_states**2:
        n_rows, shift = n_states, no
    elif matrix and len(number) >= DIAGONALS_FROM * n_states * len(shift) and len(number):
        n_rows, row = len(shift), diagonal
    else:
        shift = no
    return _Group(first, source, target, number, n_rows, row, shift)


def _weighted(group: _Group, log_weights: np.ndarray) -> Edges:
    n_states = len(group.first) - 1
    log_weight = log_weights[group.number]
    peak = np.full(n_states, NEVER)
    np.maximum.at(peak, group.target, log_weight)
    peak[peak == NEVER] = 0.0
    weight = np.exp(log_weight - peak[group.target])
    shape = (group.n_rows, n_states if group.n_rows else 0)
    matrix, log_matrix = np.zeros(shape), np.full(shape, NEVER)
    if group.n_rows:
        matrix[group.row, group.target], log_matrix[group.row, group.target] = weight, log_weight
    return Edges(group.first, group.source, log_weight, weight, peak, matrix, log_matrix, group.row, group.shift)


def _made_again(n_states: int, source: np.ndarray, target: np.ndarray, weights: dict[str, np.ndarray]) -> StateGraph:
    return StateGraph(n_states, source, target, **weights)


def own_weights(lattice: Lattice) -> Lattice:
    """The same lattice, with weights that one thread can overwrite."""

    def own(edges: Edges) -> Edges:
        return edges._replace(
            **{name: getattr(edges, name).copy() for name in ("log_weight", "weight", "peak", "matrix", "log_matrix")}
        )

    copies: dict[str, Any] = {name: own(getattr(lattice, name)) for name in _EDGES}
    return lattice._replace(**copies)


class _Structure:
    """States, edges and labels, checked and sorted once, shared by all weightings of a graph."""

    def __init__(self, n_states: int, source: np.ndarray, target: np.ndarray, label: np.ndarray) -> None:
        self.n_states, self.source, self.target, self.label = int(n_states), source, target, label
        self._check()
        self.n_labels = int(label.max(initial=-1)) + 1
        self.is_untied = np.array_equal(label, np.arange(n_states))
        into_silent = label[target] < 0
        self.step = _group(n_states, source, target, ~into_silent, matrix=True)
        self.silent = _group(n_states, source, target, into_silent, matrix=False)
        self.step_back = _group(n_states, target, source, ~into_silent, matrix=True)
        self.silent_back = _group(n_states, target, source, into_silent, matrix=False)
        self.silent_order, self.silent_depth = self._sort_silent(into_silent)
        leaving = np.unique(source[into_silent & (label[source] >= 0)])
        self.silent_order_back = np.concatenate([self.silent_order[::-1], leaving])

    def _check(self) -> None:
        if self.n_states < 1:
            raise ValueError(f"n_states is {self.n_states}; a graph needs at least one state")
        if self.source.shape != self.target.shape:
            raise ValueError(
                f"source has shape {self.source.shape} but target {self.target.shape}; one of each per edge"
            )
        for name in ("source", "target"):
            wrong = np.flatnonzero((getattr(self, name) < 0) | (getattr(self, name) >= self.n_states))
            if wrong.size:
                value = getattr(self, name)[wrong[0]]
                raise ValueError(f"{name}[{wrong[0]}] is {value}; states are numbered 0 to {self.n_states - 1}")
        key, times = np.unique(self.source * self.n_states + self.target, return_counts=True)
        if np.any(times > 1):
            i, j = divmod(int(key[times > 1][0]), self.n_states)
            raise ValueError(f"edge {i} -> {j} is given more than once; add a state if there are two ways to go")
        if self.label.shape != (self.n_states,):
            raise ValueError(f"label has shape {self.label.shape}; expected one per state, ({self.n_states},)")
        used = np.unique(self.label[self.label >= 0])
        if not used.size or used[-1] != used.size - 1 or self.label.min() < -1:
            raise ValueError(
                f"labels must be 0 ... n_labels - 1 without gaps (-1: silent); got {np.unique(self.label)}"
            )

    def _sort_silent(self, into_silent: np.ndarray) -> tuple[np.ndarray, int]:
        """Silent states, each after those it is reached from, and the longest chain of them (Kahn's algorithm)."""
        between = into_silent & (self.label[self.source] < 0)
        source, target = self.source[between], self.target[between]
        waiting = np.bincount(target, minlength=self.n_states)
        depth = (self.label < 0).astype(np.int64)
        order: list[int] = []
        ready: list[Any] = list(np.flatnonzero((self.label < 0) & (waiting == 0)))
        by_source = np.argsort(source, kind="stable")
        first = np.searchsorted(source[by_source], np.arange(self.n_states + 1))
        while ready:
            i = ready.pop()
            order.append(int(i))
            for j in target[by_source[first[i] : first[i + 1]]]:
                depth[j] = max(depth[j], depth[i] + 1)
                waiting[j] -= 1
                if waiting[j] == 0:
                    ready.append(j)
        cycle = np.setdiff1d(np.flatnonzero(self.label < 0), order)
        if cycle.size:
            raise ValueError(
                f"silent states {cycle.tolist()} are on, or behind, a cycle of silent states; "
                "a path could circle there for ever without consuming a step"
            )
        return np.array(order, dtype=np.int64), int(depth.max(initial=0))


def _integers(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be a list of state numbers; got {array.dtype} of shape {array.shape}")
    return array.astype(np.int64)


def _weights(name: str, values: Any, default: np.ndarray) -> np.ndarray:
    array = np.array(default if values is None else values, dtype=np.float64)
    if array.shape != default.shape:
        raise ValueError(f"{name} weights have shape {array.shape}; expected {default.shape}")
    wrong = np.flatnonzero(~(array < LARGEST) | ((array < -LARGEST) & (array > NEVER)))
    if wrong.size:
        raise ValueError(
            f"{name} weight {wrong[0]} is {array[wrong[0]]}; log weights are finite, below {LARGEST:.0e} in size, "
            "or -inf (never)"
        )
    array.flags.writeable = False  # the lattice is made once: a change here would go unnoticed
    return array
