"""A graph whose states last: edges join segments, and each segment has a duration."""

from functools import cached_property
from typing import Any

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import LARGEST, NEVER
from hmmseq.kernels.windows import Timed

__all__ = ["SegmentGraph", "log_survival"]


class SegmentGraph:
    """States that last for explicit durations: the structure under semi-Markov models.

    A path is a row of segments. A segment of state j takes d steps, all scored by j, and weighs durations[j, d - 1]. Edges
    join segments: an edge from a state to itself joins two segments of that state, and most models have none. Silent
    states take no step and have no duration.

    Parameters
    ----------
    graph : the states, and the edges between segments
    durations : (n_states, longest) log weight of each duration 1 ... longest, minus infinity for what cannot be; rows of
        silent states are not read. One row, (longest,), serves all states.
    tail : (n_states,) or one number below 0: log weight of each step beyond the last possible duration m of a state, so
        that m + k steps weigh durations[j, m - 1] + k * tail[j]; minus infinity (default): none. With m = 1 this is a
        geometric duration, exactly: an ordinary state, at the cost of one.
    right_censored : the last segment may go on unseen: it weighs log P(duration >= what was seen) (Guédon, JCGS 12, 2003)
    left_censored : the first one may have begun before: it weighs log P(duration >= what was seen), the sum over all such
        beginnings. Then `start` weighs segments, wherever they begin: for a stationary process the stationary
        probabilities of the jump chain, and the sum over all sequences is the mean duration, not 1.

    Raises ValueError for shapes that do not fit, weights that are NaN or infinite, tails of 0 or more.

    >>> from hmmseq import topologies
    >>> graph = SegmentGraph(topologies.cycle(2, stay=False), np.log([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]))
    >>> graph
    <SegmentGraph: 2 states, 2 edges, 2 labels, durations up to 3>
    """

    def __init__(
        self,
        graph: StateGraph,
        durations: Any,
        *,
        tail: Any = None,
        left_censored: bool = False,
        right_censored: bool = False,
    ) -> None:
        self.graph = graph
        self.left_censored, self.right_censored = bool(left_censored), bool(right_censored)
        self.durations = _durations(graph, durations)
        self.tail = _tails(graph, self.durations, tail)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made of it: see `StateGraph.__reduce__`."""
        return {name: part for name, part in self.__dict__.items() if name != "timed"}

    n_states = property(lambda self: self.graph.n_states, doc="Number of states.")
    n_edges = property(lambda self: self.graph.n_edges, doc="Number of edges.")
    n_labels = property(lambda self: self.graph.n_labels, doc="Number of score columns.")
    label = property(lambda self: self.graph.label, doc="(n_states,) score column, -1 for silent states.")
    longest = property(lambda self: self.durations.shape[1], doc="The longest duration in the table.")
    source = property(lambda self: self.graph.source, doc="(n_edges,) where each edge leaves.")
    target = property(lambda self: self.graph.target, doc="(n_edges,) where each edge arrives.")
    edge = property(lambda self: self.graph.edge, doc="(n_edges,) log weight of each edge.")
    start = property(lambda self: self.graph.start, doc="(n_states,) log weight of a path that starts there.")
    end = property(lambda self: self.graph.end, doc="(n_states,) log weight of a path that ends there.")
    is_untied = property(lambda self: self.graph.is_untied, doc="Whether state i reads column i, for all states.")

    def weigh(
        self, *, edge: Any = None, start: Any = None, end: Any = None, durations: Any = None, tail: Any = None
    ) -> "SegmentGraph":
        """The same structure with other log weights; what is left out stays."""
        return self._lasting(self.graph.weigh(edge=edge, start=start, end=end), durations, tail)

    def unweighted(self) -> "SegmentGraph":
        """The same paths, all of weight 0, for `lattice.best_path`; what is impossible stays so."""
        parts = {name: possible(getattr(self, name)) for name in ("edge", "start", "end", "durations")}
        graph, tables = self.weigh(**parts), ("inner", "first", "last", "whole", "tail")
        # Set apart: logarithms of survival, and tails, cannot be those of durations that all weigh 0.
        graph.timed = self.timed._replace(
            lattice=graph.graph.lattice, **{name: possible(getattr(self.timed, name)) for name in tables}
        )
        return graph

    def untied(self) -> "SegmentGraph":
        """As `StateGraph.untied`."""
        return self._lasting(self.graph.untied())

    def matrix(self, values: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """As `StateGraph.matrix`."""
        return self.graph.matrix(values, fill)

    def _lasting(self, graph: StateGraph, durations: Any = None, tail: Any = None) -> "SegmentGraph":
        """Another graph of as many states, that last as these do unless told otherwise."""
        return SegmentGraph(
            graph,
            self.durations if durations is None else durations,
            tail=self.tail if tail is None else tail,
            left_censored=self.left_censored,
            right_censored=self.right_censored,
        )

    @cached_property
    def timed(self) -> Timed:
        """The graph as the kernels read it."""
        inner, longest = self.durations.copy(), last_possible(self.durations)
        first = log_survival(inner, self.tail) if self.left_censored else inner
        last = log_survival(inner, self.tail) if self.right_censored else inner
        whole = log_survival(first, self.tail) if self.right_censored else first
        peak = np.maximum(inner.max(axis=1), -LARGEST)
        weight = np.exp(inner - peak[:, None])
        return Timed(self.graph.lattice, longest, inner, first, last, whole, weight, peak, self.tail.copy())

    def duration_counts(self, inner: Any, first: Any, last: Any, whole: Any) -> tuple[np.ndarray, np.ndarray]:
        """(..., n_states, longest) expected durations, and (..., n_states) unseen steps of tails, from the kernels' counts.

        A segment that was cut at d steps counts for each d' >= d with its share of the survival. The last possible
        duration of a state with a tail holds those that are longer too.
        """
        first_table = log_survival(self.durations, self.tail) if self.left_censored else self.durations
        whole, unseen = _spread(whole, first_table, self.tail, self.right_censored)
        first, before = _spread(first + whole, self.durations, self.tail, self.left_censored)
        last, after = _spread(last, self.durations, self.tail, self.right_censored)
        return inner + first + last, unseen + before + after

    def __repr__(self) -> str:
        beyond = " and beyond" if np.any(self.tail > NEVER) else ""
        return f"{repr(self.graph)[:-1].replace('State', 'Segment')}, durations up to {self.longest}{beyond}>"


def possible(weights: np.ndarray) -> np.ndarray:
    """0 where log weights are not minus infinity."""
    return np.where(weights > NEVER, 0.0, NEVER)


def last_possible(durations: np.ndarray) -> np.ndarray:
    """(n_states,) the last duration that is not minus infinity, 0 where there is none."""
    return np.where(durations > NEVER, np.arange(1, durations.shape[1] + 1), 0).max(axis=1)


def log_survival(durations: Any, tail: Any = NEVER) -> np.ndarray:
    """log P(duration >= d) for each d, from log weights of durations (n_states, longest) and of each step beyond the last.

    >>> np.exp(log_survival(np.log([[0.5, 0.25, 0.25]]))).round(2)
    array([[1.  , 0.5 , 0.25]])
    """
    out = np.array(durations, dtype=np.float64)
    states = np.flatnonzero(last_possible(out))
    with np.errstate(over="ignore"):
        out[states, last_possible(out)[states] - 1] -= np.log1p(-np.exp(np.broadcast_to(tail, len(out))[states]))
    return np.ascontiguousarray(np.logaddexp.accumulate(out[:, ::-1], axis=1)[:, ::-1])


def _spread(counts: np.ndarray, table: np.ndarray, tail: np.ndarray, censored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Counts of "d or more" as counts of each duration, and of the steps of a tail: derivatives of log_survival.

    What is known to reach d ends there with probability P(d) / P(>= d), or goes on.
    """
    if not censored:
        return counts, np.zeros_like(counts[..., 0])
    survival, longest = log_survival(table, tail), last_possible(table)
    ends = np.exp(table - np.where(survival > NEVER, survival, 0.0))
    at_last = np.arange(1, table.shape[1] + 1) == longest[:, None]
    ends[at_last] = 1.0
    out, going_on = np.zeros_like(counts), np.zeros_like(counts[..., 0])
    for d in range(counts.shape[-1]):
        going_on = going_on + counts[..., d]
        out[..., d] = going_on * ends[:, d]
        going_on = going_on * (1.0 - ends[:, d])
    stay = np.exp(tail)
    return out, (out * at_last).sum(axis=-1) * stay / (1.0 - stay)


def _durations(graph: StateGraph, durations: Any) -> np.ndarray:
    table = np.array(durations, dtype=np.float64)
    if table.ndim == 1:
        table = np.tile(table, (graph.n_states, 1))
    if table.ndim != 2 or len(table) != graph.n_states or table.shape[1] < 1:
        raise ValueError(
            f"durations have shape {np.shape(durations)}; expected ({graph.n_states}, longest), one row per state of log "
            "weights of 1, 2, ... steps"
        )
    table[graph.label < 0] = NEVER
    wrong = np.argwhere(~(table < LARGEST) | ((table < -LARGEST) & (table > NEVER)))
    if len(wrong):
        state, column = wrong[0]
        raise ValueError(
            f"the log weight of duration {column + 1} in state {state} is {table[state, column]}; log weights are finite, "
            f"below {LARGEST:.0e} in size, or -inf (never)"
        )
    table.flags.writeable = False
    return table


def _tails(graph: StateGraph, durations: np.ndarray, tail: Any) -> np.ndarray:
    tails = np.full(graph.n_states, NEVER)
    if tail is not None:
        given = np.asarray(tail, dtype=np.float64)
        if given.ndim > 1 or given.shape not in ((), (graph.n_states,)):
            raise ValueError(f"tail has shape {given.shape}; expected ({graph.n_states},), one log weight per state")
        tails[:] = given
    tails[graph.label < 0] = NEVER
    wrong = np.flatnonzero(~(tails < 0) | ((tails < -LARGEST) & (tails > NEVER)))
    if wrong.size:
        raise ValueError(
            f"the tail of state {wrong[0]} is {tails[wrong[0]]}; expected a log weight below 0, so that all durations "
            "together have a finite weight, or -inf for no tail"
        )
    tails[last_possible(durations) == 0] = NEVER
    tails.flags.writeable = False
    return tails
