"""The log-likelihood of labels given features, and its gradient: observed counts less expected ones.

Lafferty, McCallum and Pereira, ICML 2001. Steps of unknown label are summed over: what was observed is then itself an
expectation, over the paths that keep to the known labels.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from hmmseq import lattice, topologies
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences


class Weights(NamedTuple):
    """Weights of a linear chain, or their derivatives."""

    features: np.ndarray  # (n_features, n_labels)
    edges: np.ndarray  # (n_labels * n_labels,) from label i to j at i * n_labels + j
    start: np.ndarray  # (n_labels,)
    end: np.ndarray


def chain(weights: Weights) -> StateGraph:
    """Every label may follow every other."""
    graph = topologies.ergodic(len(weights.start))
    return graph.weigh(edge=weights.edges, start=weights.start, end=weights.end)


def scores(matrix: sparse.csr_array, offsets: np.ndarray, features: np.ndarray, single: bool = False) -> Packed:
    """The score of each label at each step: the weights of the features that are there, added up."""
    return packed_steps(np.ascontiguousarray(matrix @ features), offsets, single)


class Likelihood:
    """Minus the log-likelihood of weights, as one vector, with an L2 penalty: what training minimises.

    matrix, offsets : features of all sequences
    labels : (n_steps in all,) -1 where unknown
    weights : (n_sequences,)
    unseen : a weight for each feature and label, also for pairs that no step has
    ends : weights of the first and the last label
    """

    def __init__(
        self, matrix: sparse.csr_array, offsets: np.ndarray, labels: Any, weights: np.ndarray, n_labels: int,
        *, c2: float, unseen: bool, ends: bool, n_jobs: int | None,
    ) -> None:  # fmt: skip
        # Left as it lies: frequent features come first, and then a sorted transpose is slower.
        self.matrix, self.transposed, self.offsets = matrix, matrix.T, offsets
        self.weights, self.n_labels, self.c2, self.ends, self.n_jobs = weights, n_labels, c2, ends, n_jobs
        self.labels, self.graph = labels, topologies.ergodic(n_labels)
        self._observe(labels)
        pairs = np.ones((self.n_features, n_labels), dtype=bool) if unseen else self._seen(labels)
        self.pairs = np.flatnonzero(pairs)
        self.n_weights = len(self.pairs) + n_labels**2 + 2 * ends * n_labels

    @cached_property
    def _features(self) -> np.ndarray:
        return np.zeros((self.n_features, self.n_labels))

    @property
    def n_features(self) -> int:
        """Rows of the weights of features."""
        return int(self.matrix.shape[1])

    def _seen(self, labels: Any) -> np.ndarray:
        return abs(self.transposed) @ _one_hot(labels, self.n_labels) > 0

    def _observe(self, labels: Any) -> None:
        """Counts of what is known of whole sequences; the others are kept apart, with what their steps rule out."""
        gaps = np.concatenate([[0], np.cumsum(labels < 0)])[self.offsets]
        known, self.partial = np.flatnonzero(np.diff(gaps) == 0), np.flatnonzero(np.diff(gaps) > 0)
        lengths, n = np.diff(self.offsets), self.n_labels
        whole = np.repeat(np.diff(gaps) == 0, lengths)
        weight = np.repeat(self.weights, lengths)
        self.rows = _one_hot(np.where(whole, labels, -1), n) * weight[:, None]
        inside = whole[1:].copy()
        inside[self.offsets[(self.offsets > 0) & (self.offsets < len(labels))] - 1] = False  # no edge between sequences
        at = np.flatnonzero(inside)
        self.edges = np.bincount(labels[at] * n + labels[at + 1], weight[at + 1], n * n)
        filled = known[lengths[known] > 0]
        first, last = labels[self.offsets[filled]], labels[self.offsets[filled + 1] - 1]
        self.start, self.end = (np.bincount(at, self.weights[filled], n) for at in (first, last))
        self.open = np.flatnonzero(~whole)
        given = labels[self.open]
        free = (given[:, None] < 0) | (given[:, None] == np.arange(n))
        self.barrier = np.where(free, 0.0, NEVER)
        self.open_offsets = np.concatenate([[0], np.cumsum(lengths[self.partial])])

    def part(self, chosen: np.ndarray) -> tuple["Likelihood", np.ndarray]:
        """Some sequences without penalty, with weights for the features that they have, which come besides."""
        of_step = np.concatenate([np.arange(self.offsets[s], self.offsets[s + 1]) for s in chosen])
        rows = self.matrix[of_step]
        columns, number = np.unique(rows.indices, return_inverse=True)
        matrix = sparse.csr_array((rows.data, number.reshape(-1), rows.indptr), shape=(len(of_step), len(columns)))
        offsets = np.concatenate([[0], np.cumsum(np.diff(self.offsets)[chosen])])
        part = Likelihood(
            matrix, offsets, self.labels[of_step], self.weights[chosen], self.n_labels,
            c2=0.0, unseen=True, ends=self.ends, n_jobs=self.n_jobs,
        )  # fmt: skip
        part.graph = self.graph  # one for all
        return part, columns

    def split(self, x: np.ndarray) -> Weights:
        """The vector as weights by feature and label, edge, start and end."""
        weights = self._filled(x)
        return weights._replace(features=weights.features.copy())

    def _filled(self, x: np.ndarray) -> Weights:
        """The same, until the next call: pairs that do not exist stay zero, so the array is made once."""
        n, features = self.n_labels, self._features
        features.reshape(-1)[self.pairs] = x[: len(self.pairs)]
        rest = np.concatenate([x[len(self.pairs) :], np.zeros(2 * n)])
        return Weights(features, rest[: n * n], rest[n * n : n * (n + 1)], rest[n * (n + 1) : n * (n + 2)])

    def join(self, weights: Weights) -> np.ndarray:
        """The vector of those of these that there are."""
        ends = (weights.start, weights.end) if self.ends else ()
        return np.concatenate([weights.features.reshape(-1)[self.pairs], weights.edges, *ends])

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient."""
        weights = self._filled(x)
        graph, packed = self._lattice(weights)
        free = lattice.expected_counts(graph, packed, self.weights, n_jobs=self.n_jobs)
        observed, value = self._observed(graph, packed.table, weights)
        uses = self._uses(free)
        gradient = Weights(
            self._by_feature(uses.features - observed.features),
            *(a - b for a, b in zip(uses[1:], observed[1:], strict=True)),
        )
        loss = float(self.weights @ free.log_partition) - value
        return loss + self.c2 * float(x @ x), self.join(gradient) + 2 * self.c2 * x

    def _lattice(self, weights: Weights) -> tuple[StateGraph, Packed]:
        graph = self.graph.weigh(edge=weights.edges, start=weights.start, end=weights.end)
        return graph, scores(self.matrix, self.offsets, weights.features)

    def _uses(self, counts: lattice.Counts) -> Weights:
        """Expected uses of weights, those of features by row and column of the table of scores."""
        return Weights(counts.rows, counts.edges, counts.start, counts.end)

    def _by_feature(self, rows: np.ndarray) -> np.ndarray:
        """Uses of the table of scores as uses of weights of features."""
        return self.transposed @ rows

    def _observed(self, graph: StateGraph, table: np.ndarray, weights: Weights) -> tuple[Weights, float]:
        """Expected uses given the known labels, as in `_uses`, and the log score of all that agrees with them."""
        value = float(
            np.einsum("tl,tl->", self.rows, table)
            + self.edges @ weights.edges + self.start @ weights.start + self.end @ weights.end
        )  # fmt: skip
        found = Weights(self.rows, self.edges, self.start, self.end)
        if not len(self.partial):
            return found, value
        of_sequences = self.weights[self.partial]
        packed = packed_steps(table[self.open] + self.barrier, self.open_offsets, False)
        counts = lattice.expected_counts(graph, packed, of_sequences, n_jobs=self.n_jobs)
        uses, rows = self._uses(counts), self.rows.copy()
        rows[self.open] = uses.features
        found = Weights(rows, *(a + b for a, b in zip(found[1:], uses[1:], strict=True)))
        return found, value + float(of_sequences @ counts.log_partition)


def _one_hot(labels: np.ndarray, n_labels: int) -> np.ndarray:
    return (labels[:, None] == np.arange(n_labels)).astype(np.float64)


def packed_steps(table: np.ndarray, offsets: np.ndarray, single: bool) -> Packed:
    """Scores with a row for each step of all sequences."""
    code = np.arange(len(table), dtype=np.int32)
    return Packed(table, code, Sequences(code, offsets), single)
