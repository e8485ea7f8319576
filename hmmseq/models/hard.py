"""Counts of the best paths, in the place of expected counts: the E-step of Viterbi training."""

import numpy as np

from hmmseq import lattice
from hmmseq.errors import ImpossibleSequenceError
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.scores import Packed


def best_path_counts(
    graph: StateGraph, scores: Packed, weights: np.ndarray, *, n_jobs: int | None = None
) -> lattice.Counts:
    """`lattice.expected_counts` as if only the best path of each sequence existed; its score is the `log_partition`.

    Juang and Rabiner, IEEE Trans. Acoust. Speech Signal Process. 38 (1990): "segmental k-means".
    """
    found = lattice.best_path(graph, scores, n_jobs=n_jobs)
    best = [found] if scores.single else found
    for s, path in enumerate(best):
        if path.score == NEVER:
            _blame(graph, scores, s, n_jobs)
    paths = [path.states.astype(np.int64) for path in best]
    lengths = np.array([len(path) for path in paths])
    weight = np.repeat(weights, lengths)
    states = np.concatenate([*paths, np.zeros(0, dtype=np.int64)])
    rows = np.zeros_like(scores.table)
    emits = graph.label[states] >= 0
    np.add.at(rows, (scores.code, graph.label[states[emits]]), weight[emits])
    last = np.cumsum(lengths)[lengths > 0] - 1
    first = last + 1 - lengths[lengths > 0]
    inside = np.ones(len(states), dtype=bool)
    inside[last] = False
    edge = _edges(graph, states[:-1][inside[:-1]], states[1:][inside[:-1]])
    ends = [np.bincount(states[at], weight[at], minlength=graph.n_states) for at in (first, last)]
    return lattice.Counts(
        np.array([path.score for path in best]),
        rows,
        np.bincount(edge, weight[inside], minlength=graph.n_edges).astype(np.float64),
        *ends,
    )


def _edges(graph: StateGraph, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The number of the edge between each two states."""
    key = graph.source * graph.n_states + graph.target
    order = np.argsort(key)
    return order[np.searchsorted(key[order], source * graph.n_states + target)]


def _blame(graph: StateGraph, scores: Packed, sequence: int, n_jobs: int | None) -> None:
    """Raise the error that says at which step of a sequence all paths end."""
    try:
        lattice.expected_counts(graph, scores.subset(np.array([sequence])), n_jobs=n_jobs)
    except ImpossibleSequenceError as error:
        raise ImpossibleSequenceError(sequence, error.step) from None
