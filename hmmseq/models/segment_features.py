"""Scores of segments from features of steps, of segments and of durations; and the way back, for gradients.

A segment of label y that begins at step t and lasts d steps scores

    sum of the scores of its steps under y + features of the segment @ weights of y + weight of duration d under y

The table of scores has a row for each step and a column for each label and duration that a segment beginning there can
have, so a semi-Markov model is a `StateGraph` like any other: see `segment_graph`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.models.features import Vocabulary

SegmentFeatures = Callable[[Any, int, int], Any]


class Columns(NamedTuple):
    """What each column of the table of scores is: segments of one label and duration, by label."""

    label: np.ndarray  # (n_columns,)
    duration: np.ndarray
    number: np.ndarray  # (n_labels, longest) the column of each label and duration, -1 where there is none

    @classmethod
    def up_to(cls, longest: np.ndarray) -> "Columns":
        """All durations up to the longest of each label."""
        possible = np.arange(1, longest.max() + 1) <= longest[:, None]
        label, place = np.nonzero(possible)
        number = np.where(possible, np.cumsum(possible).reshape(possible.shape) - 1, -1)
        return cls(label, place + 1, number)

    @property
    def longest(self) -> np.ndarray:
        """(n_labels,) the longest duration of each label."""
        return (self.number >= 0).sum(axis=1)


def segment_graph(columns: Columns) -> StateGraph:
    """Segments as paths: "begin" states that read the column of a label and duration, and count the steps that are left.

    Begin states come first, then one state for each label and number of steps left, which all read one more column of
    zeros; then for each label a silent state behind its segments, and one before. The first n_labels**2 edges lead from
    the former to the latter, in order: they, the starts and the ends are what a linear chain has.
    """
    n_labels, n_begin = len(columns.number), len(columns.label)
    left = Columns.up_to(np.maximum(columns.longest - 1, 0)) if columns.longest.max() > 1 else None
    n_left = 0 if left is None else len(left.label)
    after = n_begin + n_left + np.arange(n_labels)
    before = after + n_labels
    inside = np.zeros(0, dtype=np.int64) if left is None else n_begin + np.arange(n_left)

    def onward(label: np.ndarray, steps_left: np.ndarray) -> np.ndarray:
        out = after[label]
        more = steps_left > 0
        if left is not None:
            out[more] = n_begin + left.number[label[more], steps_left[more] - 1]
        return out

    source = [np.repeat(after, n_labels), before[columns.label], np.arange(n_begin)]
    target = [np.tile(before, n_labels), np.arange(n_begin), onward(columns.label, columns.duration - 1)]
    if left is not None:
        source, target = [*source, inside], [*target, onward(left.label, left.duration - 1)]
    silent = np.full(2 * n_labels, -1)
    label = np.concatenate([np.arange(n_begin), np.full(n_left, n_begin), silent])
    return StateGraph(
        len(label), np.concatenate(source), np.concatenate(target), label=label,
        start=_only(len(label), before), end=_only(len(label), after),
    )  # fmt: skip


def _only(n_states: int, states: np.ndarray) -> np.ndarray:
    weights = np.full(n_states, NEVER)
    weights[states] = 0.0
    return weights


def weighed(graph: StateGraph, linear: Sequence[np.ndarray], repeats: bool) -> StateGraph:
    """The graph of `segment_graph` with the weights of a linear chain: of transitions, starts and ends.

    repeats : whether a segment may follow one of its own label
    """
    n = len(linear[1])
    edge, start, end = np.zeros(graph.n_edges), np.full(graph.n_states, NEVER), np.full(graph.n_states, NEVER)
    edge[: n * n], start[-n:], end[-2 * n : -n] = linear
    if not repeats:
        edge[np.arange(n) * (n + 1)] = NEVER
    return graph.weigh(edge=edge, start=start, end=end)


def linear(parts: Any, n_labels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The inverse, of weights (a graph) or counts: what belongs to transitions, starts and ends."""
    edges = parts.edge if isinstance(parts, StateGraph) else parts.edges
    return edges[: n_labels**2], parts.start[-n_labels:], parts.end[-2 * n_labels : -n_labels]


class SegmentScores:
    """The table of scores as a linear function of the weights of features.

    matrix : (n_steps in all, n_features) features of steps
    segments : for each duration from 1, (n_steps in all, n_segment_features) features of the segments that begin there

    Weights have a row for each feature of steps, then of segments, then for each duration, and a column for each label.
    """

    def __init__(self, columns: Columns, matrix: sparse.csr_array, segments: list[sparse.csr_array]) -> None:
        self.columns, self.matrix, self.segments = columns, matrix, segments
        self.n_segment_features = segments[0].shape[1] if segments else 0
        self.longest = int(columns.longest.max())
        self.n_features = matrix.shape[1] + self.n_segment_features + self.longest
        self.width = len(columns.label) + (self.longest > 1)

    def table(self, weights: np.ndarray) -> np.ndarray:
        """(n_steps in all, width) score of each segment. Those that do not fit in a sequence are scored like others."""
        of_steps, of_segments, of_durations = self._split(weights)
        step = self.matrix @ of_steps
        table, total = np.zeros((len(step), self.width)), np.zeros_like(step)
        for d in range(1, self.longest + 1):
            total[: len(step) - d + 1] += step[d - 1 :]
            label, column = lasting(self.columns, d)
            table[:, column] = total[:, label] + of_durations[d - 1, label]
            if self.segments:
                table[:, column] += (self.segments[d - 1] @ of_segments)[:, label]
        return table

    def by_feature(self, rows: np.ndarray, *, absolute: bool = False) -> np.ndarray:
        """The transpose: uses of the entries of the table as uses of weights. absolute: as if no feature were negative."""
        size = abs if absolute else lambda matrix: matrix
        durations = [of_duration(self.columns, rows, d) for d in range(1, self.longest + 1)]
        segments = sum(size(matrix).T @ own for matrix, own in zip(self.segments, durations, strict=False))
        parts = [size(self.matrix).T @ by_step(self.columns, rows), *([segments] if self.segments else [])]
        return np.vstack([*parts, [own.sum(0) for own in durations]])

    def _split(self, weights: np.ndarray) -> list[np.ndarray]:
        p = self.matrix.shape[1]
        return np.split(weights, [p, p + self.n_segment_features])


def lasting(columns: Columns, duration: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels whose segments can last so long, and their columns."""
    column = columns.number[:, duration - 1]
    label = np.flatnonzero(column >= 0)
    return label, column[label]


def of_duration(columns: Columns, rows: np.ndarray, duration: int) -> np.ndarray:
    """(n_steps, n_labels) of segments of one duration that begin at each step."""
    label, column = lasting(columns, duration)
    out = np.zeros((len(rows), len(columns.number)))
    out[:, label] = rows[:, column]
    return out


def by_step(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """(n_steps, n_labels) of segments that each step lies in. rows: of segments by where they begin, and column."""
    out, going_on = np.zeros((2, len(rows), len(columns.number)))
    for d in range(int(columns.longest.max()), 0, -1):
        going_on += of_duration(columns, rows, d)  # segments that are under way d - 1 steps after they began
        out[d - 1 :] += going_on[: len(rows) - d + 1]
    return out


def every_segment(make: SegmentFeatures, sequences: list[Any], n_steps: list[int], longest: int) -> list[list[Any]]:
    """For each duration, the features of the segments that begin at each step; none where they end beyond the sequence."""

    def features(sequence: Any, n: int, start: int, stop: int) -> Any:
        return make(sequence, start, stop) if stop <= n else ()

    return [
        [features(x, n, t, t + d) for x, n in zip(sequences, n_steps, strict=True) for t in range(n)]
        for d in range(1, longest + 1)
    ]


def learn_vocabulary(found: list[list[Any]], min_frequency: int) -> Vocabulary:
    """The features of all segments."""
    return Vocabulary.learn([[step for steps in found for step in steps]], min_frequency)


def read_segments(vocabulary: Vocabulary, found: list[list[Any]]) -> list[sparse.csr_array]:
    """A matrix for each duration."""
    return [vocabulary.read([steps]).matrix for steps in found]
