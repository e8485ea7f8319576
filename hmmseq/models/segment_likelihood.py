"""The log-likelihood of segments with labels, and its gradient."""

import numpy as np

from hmmseq import lattice
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.models.conditional import Likelihood, Weights, packed_steps
from hmmseq.models.segment_features import Columns, SegmentScores, lasting, linear, segment_graph, weighed
from hmmseq.models.spans import Given
from hmmseq.scores import Packed


class SegmentLikelihood(Likelihood):
    """As `Likelihood`, of known segments. repeats: whether a segment may follow one of its own label."""

    def __init__(
        self, scored: SegmentScores, offsets: np.ndarray, given: Given, weights: np.ndarray,
        *, c2: float, unseen: bool, ends: bool, repeats: bool, n_jobs: int | None,
    ) -> None:  # fmt: skip
        self.scored, self.repeats = scored, repeats
        n_labels = len(scored.columns.number)
        super().__init__(
            scored.matrix, offsets, given, weights, n_labels, c2=c2, unseen=unseen, ends=ends, n_jobs=n_jobs
        )
        self.graph = segment_graph(scored.columns)

    @property
    def n_features(self) -> int:
        return self.scored.n_features

    def _seen(self, labels: Given) -> np.ndarray:
        rows = np.zeros((int(self.offsets[-1]), self.scored.width))
        rows[labels.start, labels.column] = 1.0
        return self.scored.by_feature(rows, absolute=True) > 0

    def _observe(self, labels: Given) -> None:
        n, known = self.n_labels, labels.whole[labels.sequence]
        start, _, label, column, sequence = (part[known] for part in labels[:5])
        weight = self.weights[sequence]
        self.rows = np.zeros((int(self.offsets[-1]), self.scored.width))
        np.add.at(self.rows, (start, column), weight)
        joined = sequence[1:] == sequence[:-1]
        self.edges = np.bincount((label[:-1] * n + label[1:])[joined], weight[1:][joined], n * n)
        ends = np.append(True, ~joined), np.append(~joined, True)
        self.start, self.end = (np.bincount(label[at[: len(label)]], weight[at[: len(label)]], n) for at in ends)
        lengths = np.diff(self.offsets)
        self.partial = np.flatnonzero(~labels.whole)
        self.open = np.flatnonzero(np.repeat(~labels.whole, lengths))
        self.barrier = barrier(labels, self.offsets, self.scored.columns, self.scored.width)[self.open]
        self.open_offsets = np.concatenate([[0], np.cumsum(lengths[self.partial])])

    def _lattice(self, weights: Weights) -> tuple[StateGraph, Packed]:
        table = self.scored.table(weights.features)
        return weighed(self.graph, weights[1:], self.repeats), packed_steps(table, self.offsets, False)

    def _uses(self, counts: lattice.Counts) -> Weights:
        return Weights(counts.rows, *linear(counts, self.n_labels))

    def _by_feature(self, rows: np.ndarray) -> np.ndarray:
        return self.scored.by_feature(rows)


def barrier(given: Given, offsets: np.ndarray, columns: Columns, width: int) -> np.ndarray:
    """(n_steps, width) minus infinity for all segments that overlap a known one and are not it, else 0."""
    out = np.zeros((int(offsets[-1]), width))
    for start, stop, first in zip(given.start, given.stop, offsets[given.sequence], strict=True):
        for d in range(1, columns.number.shape[1] + 1):
            out[max(first, start - d + 1) : stop, lasting(columns, d)[1]] = NEVER
    out[given.start, given.column] = 0.0
    return out
