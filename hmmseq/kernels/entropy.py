"""The entropy of the posterior over paths: log of the total score, less the expected score of a path."""

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.batches import block_length
from hmmseq.kernels.logmath import NEVER, add_exactly
from hmmseq.kernels.paths import Tally, forward_backward, weigh_row


@jit
def _expected(use, log_weight):
    """sum use * log_weight over rows; what is never used adds nothing, whatever its weight."""
    total = lost = 0.0
    for i in range(use.shape[0]):
        for j in range(use.shape[1]):
            if use[i, j] > 0.0:
                total, lost = add_exactly(total, lost, use[i, j] * log_weight[i, j])
    return total + lost


@jit
def _places(lattice, n_steps):
    """Where to count, for one sequence; row by row if weights change."""
    n_states, n_places = lattice.label.size, n_steps + 1 if lattice.changes.kind.size else 1
    rows, columns = lattice.step.matrix.shape if lattice.step.matrix.size else (1, lattice.step.source.size)
    silent = np.zeros((n_places, 1, lattice.silent.source.size))
    return Tally(np.zeros((n_places, rows, columns)), silent, np.zeros(n_states), np.zeros(n_states))


@jit
def _expected_of_graph(lattice, code, tally):
    """What edges, start and end add to the score of a path, on average."""
    step = lattice.step.log_matrix if lattice.step.matrix.size else lattice.step.log_weight.reshape(1, -1)
    silent = lattice.silent.log_weight.reshape(1, -1)
    score = _expected(tally.starts.reshape(1, -1), lattice.start.reshape(1, -1))
    for r in range(len(tally.edges)):
        weigh_row(lattice, code, r)
        score += _expected(tally.edges[r], step) + _expected(tally.silent_edges[r], silent)
    return score + _expected(tally.ends.reshape(1, -1), lattice.end.reshape(1, -1))


@jit
def entropies(lattice, table, code, offsets, first, last, out):
    """The entropy of each sequence; 0 for an empty one and for one that no path explains.

    Posteriors are gathered by row of the table, or by step where there are fewer steps.
    """
    for s in range(first, last):
        own = code[offsets[s] : offsets[s + 1]]
        out[s] = 0.0
        if own.size == 0:
            continue
        scores = table if len(table) < own.size else table[own]
        slot = own if len(table) < own.size else np.arange(own.size).astype(own.dtype)
        labels, tally, block = (
            np.zeros(scores.shape),
            _places(lattice, own.size),
            block_length(own.size, lattice.label.size),
        )
        total = forward_backward(lattice, table, own, slot, 1.0, block, labels, tally)
        if total > NEVER:
            out[s] = max(total - _expected(labels, scores) - _expected_of_graph(lattice, own, tally), 0.0)
