"""The same questions over packed sequences `first ... last - 1`: one call a share, no Python inside.

Sequence s is code[offsets[s]:offsets[s + 1]]. Its statistics go to row `s * each` of every result: each = 1 keeps
sequences apart, each = 0 adds them up.
"""

import math

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.paths import Tally, forward, forward_backward
from hmmseq.kernels.ranked import ranked
from hmmseq.kernels.traces import trace

CHART_BYTES = 32 << 20  # rows kept at once; see block_length


@jit
def block_length(n_steps, n_states):
    """Keep every row (1), or every sqrt(n_steps)-th and make those between again: one more pass."""
    if 8 * (n_steps + 2) * n_states <= CHART_BYTES:
        return 1
    return int(math.sqrt(n_steps)) + 1


@jit
def totals(lattice, table, code, offsets, first, last, out):
    """Total log score of each sequence; 0 for an empty one."""
    last_row = np.empty((1, lattice.label.size))
    for s in range(first, last):
        out[s] = forward(lattice, table, code[offsets[s] : offsets[s + 1]], 0, last_row, False)
        if offsets[s] == offsets[s + 1]:
            out[s] = 0.0


@jit
def marginals(lattice, table, code, slot, offsets, first, last, weight, each, out, labels, tally):
    """Total log score of each sequence, and the expected use of labels, edges, starts and ends."""
    for s in range(first, last):
        low, high = offsets[s], offsets[s + 1]
        out[s] = 0.0
        if low == high:
            continue
        block = block_length(high - low, lattice.label.size)
        k = s * each
        own = Tally(tally.edges[k : k + 1], tally.silent_edges[k : k + 1], tally.starts[k], tally.ends[k])
        out[s] = forward_backward(
            lattice, table, code[low:high], slot[low:high], weight[s], block, labels, own
        )  # fmt: skip


@jit
def edge_marginals(lattice, table, code, offsets, first, last, edges, silent_edges):
    """The expected use of the edges that leave row r of sequence s, at place offsets[s] + s + r."""
    n_states = lattice.label.size
    labels, starts, ends = np.zeros((1, n_states)), np.zeros(n_states), np.zeros(n_states)
    for s in range(first, last):
        low, high = offsets[s], offsets[s + 1]
        if low < high:
            block, slot = block_length(high - low, n_states), np.zeros(high - low, code.dtype)
            own = Tally(edges[low + s : high + s + 1], silent_edges[low + s : high + s + 1], starts, ends)
            forward_backward(lattice, table, code[low:high], slot, 1.0, block, labels, own)


@jit
def paths(lattice, table, code, offsets, room, first, last, maximise, rng, out, lengths, scores):
    """Best or sampled paths: states at the right end of out[:, room[s]:room[s + 1]], how many in lengths[:, s]."""
    for s in range(first, last):
        low, high = offsets[s], offsets[s + 1]
        block = block_length(high - low, lattice.label.size)
        here = out[:, room[s] : room[s + 1]]
        scores[s] = trace(lattice, table, code[low:high], block, maximise, rng, here, lengths[:, s])
        if low == high:
            scores[s] = 0.0


@jit
def best_paths(lattice, table, code, offsets, room, first, last, out, lengths, scores):
    """The best paths, in no order: states as in `paths`, how many in lengths[:, s]; scores[:, s] -inf if fewer exist."""
    for s in range(first, last):
        low, high = offsets[s], offsets[s + 1]
        block = block_length(high - low, lattice.label.size)
        ranked(
            lattice, table, code[low:high], block, out[:, room[s] : room[s + 1]], lengths[:, s], scores[:, s]
        )  # fmt: skip
