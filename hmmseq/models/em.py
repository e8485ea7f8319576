"""Expectation-maximisation, once for every model."""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from numbers import Real
from typing import Any, NamedTuple, TypeVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from hmmseq import lattice
from hmmseq.emissions.base import Emission, Statistics, add
from hmmseq.errors import ImpossibleSequenceError
from hmmseq.graph import StateGraph
from hmmseq.models.hard import best_path_counts
from hmmseq.scores import Packed, restrict
from hmmseq.segment_graph import SegmentGraph
from hmmseq.sequences import Sequences
from hmmseq.validation import check_whole

Graph = TypeVar("Graph", StateGraph, SegmentGraph)
GROUP_STEPS = 1 << 20  # scores of so many steps are held at a time


class Expected(NamedTuple):
    """What the M-step needs, added up over all sequences."""

    log_likelihood: float
    statistics: Statistics
    edges: np.ndarray  # (n_edges,)
    start: np.ndarray  # (n_states,)
    more: Statistics = {}  # what some models count besides


class Task(NamedTuple):
    """What stays the same over the iterations of a fit."""

    X: Sequences  # as the emission observes them
    states: np.ndarray | None  # (n_steps in all,) known states, -1 where unknown
    weights: np.ndarray  # (n_sequences,)
    n_jobs: int | None
    best_only: bool = False  # count the best path of each sequence alone

    def part(self, first: int, last: int) -> "Task":
        """Sequences first ... last - 1."""
        states = None if self.states is None else self.states[self.X.offsets[first] : self.X.offsets[last]]
        return self._replace(X=self.X.part(first, last), states=states, weights=self.weights[first:last])

    def only(self, chosen: np.ndarray) -> "Task":
        """Some of the sequences."""
        if len(chosen) == len(self.X):
            return self
        X, states = self.X.subset(chosen), self.states
        if states is not None:
            states = Sequences(states, self.X.offsets).subset(chosen).values
        return self._replace(X=X, states=states, weights=self.weights[chosen])


def expect(
    graph: StateGraph | SegmentGraph, emission: Emission, task: Task, of_group: Callable[..., Expected] | None = None
) -> Expected:
    """The E-step: Baum, Petrie, Soules and Weiss, Ann. Math. Stat. 41 (1970). Sequences of weight 0 are not looked at.

    of_group : counts of some of the sequences, given graph, emission, their task and which of all steps are theirs, a slice
        or numbers
    """
    total, count = None, of_group or _expect_group
    for first, last in groups(task.X, _held(emission, task, of_group)):
        part, low, high = task.part(first, last), task.X.offsets[first], task.X.offsets[last]
        weighed, steps = None, slice(low, high)
        if not part.weights.all() and part.weights.any():
            weighed = np.flatnonzero(part.weights)
            part, steps = part.only(weighed), low + np.flatnonzero(np.repeat(part.weights > 0, part.X.lengths))
        try:
            found = count(graph, emission, part, steps)
        except ImpossibleSequenceError as error:
            s = error.sequence if weighed is None else int(weighed[error.sequence])
            raise ImpossibleSequenceError(first + s, error.step) from None
        total = found if total is None else _add(total, found)
    assert total is not None  # there is at least one sequence
    return total


def _held(emission: Emission, task: Task, of_group: Any) -> int:
    """Steps in a group: of symbols alone nothing is held by step, so that threads share all of them at once."""
    every_step = not emission.symbols or task.states is not None or task.best_only or of_group is not None
    return GROUP_STEPS if every_step else max(len(task.X.values), 1)


def _expect_group(graph: StateGraph | SegmentGraph, emission: Emission, task: Task, steps: Any) -> Expected:
    done, left = _expect_in_tiles(graph, emission, task)
    if done is not None and not len(left):
        return done
    try:
        rest = _expect_by_table(graph, emission, task.only(left))
    except ImpossibleSequenceError as error:
        raise ImpossibleSequenceError(int(left[error.sequence]), error.step) from None
    return rest if done is None else _add(done, rest)


def _expect_in_tiles(
    graph: StateGraph | SegmentGraph, emission: Emission, task: Task
) -> tuple[Expected | None, np.ndarray]:
    """Without a table of scores, where kernels can do so; and which sequences are left."""
    normals = emission.normals(task.X) if task.states is None and not task.best_only else None
    if normals is None or isinstance(graph, SegmentGraph):
        return None, np.arange(len(task.X))
    counts, left = lattice.expected_moments(graph, normals, task.X, task.weights, task.n_jobs)
    if counts is None:
        return None, left
    log_likelihood = float(task.weights @ counts.log_partition)
    return Expected(log_likelihood, emission.statistics_of(counts.rows), counts.edges, counts.start), left


def _expect_by_table(graph: StateGraph | SegmentGraph, emission: Emission, task: Task) -> Expected:
    scores = emission.log_scores(task.X)
    count: Callable[..., Any] = best_path_counts if task.best_only else lattice.expected_counts
    if task.states is None:
        counts = count(graph, scores, task.weights, n_jobs=task.n_jobs)
        rows = counts.rows
    else:
        asked, row, column = known_states(graph, scores, task.states)
        counts = count(graph.untied(), asked, task.weights, n_jobs=task.n_jobs)
        rows = np.zeros_like(scores.table)
        np.add.at(rows, (row[:, None], column), counts.rows)
    log_likelihood = float(task.weights @ counts.log_partition)
    more = {name: getattr(counts, name) for name in ("durations", "tail") if hasattr(counts, name)}  # where states last
    return Expected(log_likelihood, emission.statistics(task.X, rows), counts.edges, counts.start, more)


def known_states(
    graph: StateGraph | SegmentGraph, scores: Packed, states: np.ndarray
) -> tuple[Packed, np.ndarray, np.ndarray]:
    """Scores of the untied graph, with all states but the known ones forbidden.

    Also, for each row and column of their table, the row and column of `scores.table` that it came from.
    """
    own = np.where(graph.label >= 0, np.cumsum(graph.label >= 0) - 1, -1)
    labels = np.where(states >= 0, own[states], -1)
    asked, row = restrict(untied(graph, scores), labels)
    return asked, row, graph.label[graph.label >= 0]


def untied(graph: StateGraph | SegmentGraph, scores: Packed) -> Packed:
    """Scores with a column for each emitting state, as `graph.untied()` reads them."""
    if graph.is_untied:
        return scores
    return replace(scores, table=np.ascontiguousarray(scores.table[:, graph.label[graph.label >= 0]]))


def first_guess(graph: StateGraph, emission: Emission, task: Task) -> None:
    """Start the emission from the known states; a step of unknown state counts for all labels alike."""
    assert task.states is not None
    scores = emission.log_scores(task.X)
    rows = np.zeros_like(scores.table)
    known = task.states >= 0
    np.add.at(rows, (scores.code[known], graph.label[task.states[known]]), 1.0)
    np.add.at(rows, scores.code[~known], 1.0 / graph.n_labels)
    emission.update(emission.statistics(task.X, rows))


def groups(X: Sequences, n_steps: int) -> Iterator[tuple[int, int]]:
    """Runs of sequences (first, last) of about so many steps, at least one sequence each."""
    first = 0
    while first < len(X):
        last = int(np.searchsorted(X.offsets, X.offsets[first] + n_steps, side="right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last


def _add(a: Expected, b: Expected) -> Expected:
    return Expected(
        a.log_likelihood + b.log_likelihood, add(a.statistics, b.statistics), a.edges + b.edges, a.start + b.start,
        add(a.more, b.more),
    )  # fmt: skip


def normalise(graph: Graph) -> Graph:
    """The same graph with the edges out of each state, and the starts, made probabilities."""
    top = np.full(graph.n_states, -np.inf)
    np.maximum.at(top, graph.source, graph.edge)
    top[top == -np.inf] = 0.0
    leaving = np.bincount(graph.source, np.exp(graph.edge - top[graph.source]), minlength=graph.n_states)
    with np.errstate(divide="ignore", invalid="ignore"):
        edge = graph.edge - (top + np.log(leaving))[graph.source]
        start = graph.start - np.logaddexp.reduce(graph.start)
    # What was impossible stays so, also where nothing is left to make probabilities of.
    edge, start = (np.where(old == -np.inf, old, new) for old, new in ((graph.edge, edge), (graph.start, start)))
    return graph.weigh(edge=edge, start=start)


def iterate(
    step: Callable[[], float],
    n_iter: int,
    tol: float,
    n_steps: int,
    verbose: bool,
    stopped: Callable[[], bool] = lambda: False,
    before: list[float] | None = None,
) -> tuple[list[float], bool]:
    """Call `step` until what it returns (it never falls) rises by less than `tol`; history, and whether that happened.

    stopped : asked after each step whether somebody else wants to stop
    before : the history of steps that were made already
    """
    check_whole("n_iter", n_iter, 0)
    if not isinstance(tol, Real) or np.isnan(tol):
        raise ValueError(f"tol is {tol!r}; expected a number: the least gain in log-likelihood to go on for")
    history = list(before or [])
    begun = time.perf_counter()
    if verbose:
        print("iteration  log-likelihood a step        gain  seconds", file=sys.stderr)
    for i in range(len(history), n_iter):
        history.append(step())
        gain = history[-1] - history[-2] if i else np.nan
        if verbose:
            seconds = time.perf_counter() - begun
            print(f"{i + 1:9d}  {history[-1] / max(n_steps, 1):21.6f}  {gain:10.4g}  {seconds:7.2f}", file=sys.stderr)
        if i and gain < tol:
            return history, _check_rise(history)
        if stopped():
            break
    return history, False


def _check_rise(history: list[float]) -> bool:
    """EM cannot lower the likelihood; if it fell by more than rounding, say so and do not call it converged."""
    fall = history[-2] - history[-1]
    if fall <= 1e-8 * abs(history[-2]) + 1e-8:
        return True
    warnings.warn(
        f"log-likelihood fell by {fall:.3g} in iteration {len(history)}; parameters are at their floor or "
        "the data are badly scaled: standardise the features or raise min_covar",
        ConvergenceWarning,
        stacklevel=4,
    )
    return False
