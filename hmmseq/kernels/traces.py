"""From the last row back to the first: the best path, or paths drawn from their posterior.

Both walk the same way: at each state, choose where it was reached from, by the largest score or by lot. Rows keep no
pointers; the choice is made again for the few states on a path, which leaves the forward pass free to run in vectors.
"""

import math

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.logmath import NEVER, copy_row, largest, log_sum
from hmmseq.kernels.paths import advance, before, forward, refill, weigh_move, weigh_row

FROM_START = -1  # a path begins here


@jit(inner=True)
def best_source(edges, row, j, start):
    """The best score with which j can be reached, and from where: a source or FROM_START.

    Ties go to the start and then to the lowest source.
    """
    top = start
    chosen = FROM_START
    for e in range(edges.first[j], edges.first[j + 1]):
        score = row[edges.source[e]] + edges.log_weight[e]
        if score > top:
            top, chosen = score, edges.source[e]
    return top, chosen


@jit(inner=True)
def choose(edges, row, j, start, maximise, rng):
    """The source from which j was reached, or FROM_START."""
    top, chosen = best_source(edges, row, j, start)
    if maximise or top == NEVER:
        return chosen
    return _draw(edges, row, j, start, top, rng)


@jit(inner=True)
def _draw(edges, row, j, start, top, rng):
    low, high = edges.first[j], edges.first[j + 1]
    total = math.exp(start - top)
    for e in range(low, high):
        total += math.exp(row[edges.source[e]] + edges.log_weight[e] - top)
    left = rng.random() * total - math.exp(start - top)
    chosen = FROM_START
    for e in range(low, high):
        if left < 0.0:
            break
        part = math.exp(row[edges.source[e]] + edges.log_weight[e] - top)
        if part > 0.0:
            chosen = edges.source[e]
            left -= part
    return chosen


@jit
def _last_state(row, maximise, rng):
    if maximise:
        return np.argmax(row)
    left = rng.random() * math.exp(log_sum(row) - largest(row))
    chosen = 0
    for j in range(row.size):
        part = math.exp(row[j] - largest(row))
        if part > 0.0:
            chosen = j
            left -= part
            if left < 0.0:
                break
    return chosen


@jit
def trace(lattice, table, code, block, maximise, rng, paths, lengths):
    """Fill each row of `paths`, from its right end, with the states of one path; returns the total (or best) log score.

    paths: (n_paths, capacity) with room for every silent state a path can visit.   lengths: (n_paths,) states written,
    0 where no path exists. All paths walk back together, so the rows of a block are made once for all of them.
    """
    n_states, n_steps = lattice.label.size, code.size
    saved = np.empty((n_steps // block + 2, n_states))
    total = forward(lattice, table, code, block, saved, maximise)
    lengths[:] = 0
    if total == NEVER or n_steps == 0:
        return total
    chart = np.empty((min(block, n_steps + 1), n_states))
    work = np.empty(n_states)
    for b in range(n_steps // block, -1, -1):
        low, high = b * block, min((b + 1) * block, n_steps + 1)
        copy_row(saved[b], chart[0])
        refill(lattice, table, code, low, high, chart, work, maximise)
        for k in range(paths.shape[0]):
            if high == n_steps + 1:
                last = chart[high - 1 - low] + lattice.end
                _write(paths, lengths, k, _last_state(last, maximise, rng))
            _walk_back(lattice, chart, code, low, high, n_steps, maximise, rng, paths, lengths, k)
    return total


@jit(inner=True)
def _walk_back(lattice, chart, code, low, high, n_steps, maximise, rng, paths, lengths, k):
    """Through the rows high - 1 ... low of a block."""
    for r in range(high - 1, low - 1, -1):
        row = chart[r - low]
        weigh_row(lattice, code, r)
        if r < n_steps and not _enter(lattice, row, r, maximise, rng, paths, lengths, k):
            return
        _leave_silent(lattice, row, r, maximise, rng, paths, lengths, k)


@jit(inner=True)
def _write(paths, lengths, k, state):
    lengths[k] += 1
    paths[k, paths.shape[1] - lengths[k]] = state


@jit(inner=True)
def _enter(lattice, row, r, maximise, rng, paths, lengths, k):
    """From the emitting state of row r + 1 into row r; False where the path began in row r + 1."""
    j = paths[k, paths.shape[1] - lengths[k]]
    start = lattice.start[j] if r == 0 else NEVER
    i = choose(lattice.step, row, j, start, maximise, rng)
    if i == FROM_START:
        return False
    _write(paths, lengths, k, i)
    return True


@jit(inner=True)
def _leave_silent(lattice, row, r, maximise, rng, paths, lengths, k):
    """Back through the silent states of row r, to its emitting state or (in row 0) to the start."""
    while True:
        j = paths[k, paths.shape[1] - lengths[k]]
        if lattice.label[j] >= 0:
            return
        start = lattice.start[j] if r == 0 else NEVER
        i = choose(lattice.silent, row, j, start, maximise, rng)
        if i == FROM_START:
            return
        _write(paths, lengths, k, i)


@jit
def first_dead_step(lattice, table, code):
    """The first step that no path survives; n_steps where only the ending is impossible."""
    row, out, work = np.empty(lattice.label.size), np.empty(lattice.label.size), np.empty(lattice.label.size)
    weigh_row(lattice, code, 0)
    before(lattice, row, True)
    for t in range(code.size):
        weigh_move(lattice, code, t + 1)
        if advance(lattice, row, t == 0, table[code[t]], out, work, True) == NEVER:
            return t
        row, out = out, row
    return code.size
