"""The best paths of many pieces of sequences side by side.

As in `tiles.py`, the rows of a tile are pieces that take their u-th step together; here they lie along the last axis, so
that adding and comparing run over all of them in vector registers. Each choice is kept in a byte. Pieces are traced from
the last to the first: where a chunk ends is decided by where the next one begins.
"""

from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.logmath import NEVER

EVERY = 16  # steps between subtractions of the largest entry


class BestSeams(NamedTuple):
    """Rows at the ends of each piece as computed on either side, their largest entry zero."""

    before: np.ndarray  # (n_pieces, n_states) at the step before the core
    last: np.ndarray  # at the last step of the core


@jit(inner=True)
def _choose_all(matrix, prev, out, chosen, pointers, active):
    """out[j, p] = max_i prev[i, p] + matrix[i, j] and the lowest i that reaches it, for all pieces p < active."""
    n_states = matrix.shape[0]
    for j in range(n_states):
        for p in range(active):
            out[j, p] = prev[0, p] + matrix[0, j]
            chosen[p] = 0
        for i in range(1, n_states):
            weight = matrix[i, j]
            for p in range(active):
                score = prev[i, p] + weight
                better = score > out[j, p]
                out[j, p] = score if better else out[j, p]
                chosen[p] = i if better else chosen[p]
        for p in range(active):
            pointers[j, p] = chosen[p]


@jit(inner=True)
def _add_scores(table, shift, code, first, offset, symbols, out, logs, active):
    """out[j, p] += score of state j at the step of piece p; what `shift` took out of the table goes to `logs`."""
    for p in range(active):
        symbols[p] = code[first[p] + offset]
        logs[p] += shift[symbols[p]]
    for j in range(out.shape[0]):
        for p in range(active):
            out[j, p] += table[symbols[p], j]


@jit(inner=True)
def _lower_all(out, logs, active):
    """Subtract the largest entry of each piece."""
    for p in range(active):
        top = NEVER
        for j in range(out.shape[0]):
            top = max(top, out[j, p])
        if top > NEVER:
            logs[p] += top
            for j in range(out.shape[0]):
                out[j, p] -= top
        else:
            logs[p] = NEVER


@jit(inner=True)
def _copy_column(rows, p, out):
    for j in range(out.size):
        out[j] = rows[j, p]


@jit
def best_tile(lattice, table, shift, code, pieces, low, high, warmup, pointers, rows, logs, seams):
    """Forward pass of pieces low ... high - 1: choices into pointers[u], last rows (ends included) into `rows`."""
    matrix = lattice.step.log_matrix
    n_states, size = matrix.shape[0], high - low
    prev, out = np.zeros((n_states, size)), np.zeros((n_states, size))
    symbols, chosen = np.empty(size, np.int64), np.empty(size, np.int64)
    first, length = pieces.first[low:high], pieces.length[low:high]
    for u in range(-warmup, 0):
        for p in range(size):
            symbols[p] = first[p] if pieces.opens[low + p] else first[p] + u  # a piece that opens is set anew at u = 0
        _choose_all(matrix, prev, out, chosen, pointers[0], size)
        _add_scores(table, shift, code, symbols, 0, symbols, out, logs, size)
        if u % EVERY == 0 or u == -1:
            _lower_all(out, logs, size)
        prev, out = out, prev
    for p in range(size):
        _copy_column(prev, p, seams.before[low + p])
    logs[:] = 0.0
    active = size
    for u in range(length[0]):
        while length[active - 1] <= u:
            active -= 1
        _choose_all(matrix, prev, out, chosen, pointers[u], active)
        if u == 0:
            for p in range(active):
                if pieces.opens[low + p]:
                    for j in range(n_states):
                        out[j, p] = lattice.start[j]
        _add_scores(table, shift, code, first, u, symbols, out, logs, active)
        if u % EVERY == EVERY - 1:
            _lower_all(out, logs, active)
        for p in range(active - 1, -1, -1):
            if length[p] > u + 1:
                break
            _finish(lattice, pieces, low + p, p, out, rows, logs, seams)
        prev, out = out, prev


@jit(inner=True)
def _finish(lattice, pieces, piece, p, out, rows, logs, seams):
    """The last step of a piece."""
    top = NEVER
    ending = pieces.closes[piece] and pieces.after[piece] == 0
    for j in range(out.shape[0]):
        rows[j, p] = out[j, p] + (lattice.end[j] if ending else 0.0)
        top = max(top, rows[j, p])
    highest_out = NEVER
    for j in range(out.shape[0]):
        highest_out = max(highest_out, out[j, p])
    for j in range(out.shape[0]):
        seams.last[piece, j] = out[j, p] - highest_out if highest_out > NEVER else NEVER
    logs[p] += top if ending else highest_out


@jit
def trace_tile(lattice, pieces, low, high, follower, pointers, rows, states, out):
    """Walk back through pieces high - 1 ... low. follower: the next piece of the sequence or -1; out: states by step."""
    matrix = lattice.step.log_matrix
    for p in range(high - low - 1, -1, -1):
        piece = low + p
        first, length, after = pieces.first[piece], pieces.length[piece], follower[piece]
        state, top = 0, NEVER
        for i in range(matrix.shape[0]):
            score = rows[i, p] + (matrix[i, states[after]] if after >= 0 else 0.0)
            if score > top:
                state, top = i, score
        out[first + length - 1] = state
        for u in range(length - 1, 0, -1):
            state = pointers[u, state, p]
            out[first + u - 1] = state
        states[piece] = state


@jit
def best_tiles(lattice, table, shift, code, pieces, tiles, follower, a, b, warmup, seams, logs, out):
    """Best paths of tiles a ... b - 1, the last first, so that only one tile is in memory."""
    n_states = lattice.start.size
    states = np.zeros(follower.size, np.int64)
    for k in range(b - 1, a - 1, -1):
        low, high = tiles[k], tiles[k + 1]
        pointers = np.empty((pieces.length[low], n_states, high - low), np.uint8)
        rows = np.empty((n_states, high - low))
        best_tile(lattice, table, shift, code, pieces, low, high, warmup, pointers, rows, logs[low:high], seams)
        trace_tile(lattice, pieces, low, high, follower, pointers, rows, states, out)
