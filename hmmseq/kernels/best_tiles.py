"""The best paths of many pieces of sequences side by side, one in each lane. Glossary as in `tiles.py`.

Scores are whole numbers: `unit` of them to a nat, so fine that rounding is that of doubles (see `tiling.py`). Their lowest
bits hold the state that a score came from, so that one maximum finds both the score and the choice, and of equal scores the
lower state. Whole numbers add up the same in any order: seams are compared for equality.

A piece runs on for `after` steps past its core. Traced back from there, all paths have most often met when they enter the
core; whether they did is seen where the next piece says which state it came from. So all lanes are traced together.
"""

from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.gaussian import Normals
from hmmseq.kernels.lanes import BLOCK, WIDTH, larger, load, store, store_bytes
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.tile_scores import prepare_whole, whole_block, whole_score
from hmmseq.kernels.tiles import closes, opens, seat

FLOOR = -(1 << 60)  # what is impossible; three of them still fit


class BestModel(NamedTuple):
    """A graph in whole numbers. Those of the matrix end in mask - source, all others in zeros.

    Rows of scores have n places, whole BLOCKs; those past the states are never read.
    """

    start: np.ndarray  # (n,)
    matrix: np.ndarray  # (n_states, n)
    end: np.ndarray  # (n,)
    scores: np.ndarray | Normals  # (n_rows, n); or how to make them
    mask: int  # of the bits that hold a state
    unit: float  # a nat
    every: int  # steps between subtractions of the largest score


class BestSeams(NamedTuple):
    """What either side of a seam says: rows whose largest entry is zero, and states on the path; none without seams."""

    row_before: np.ndarray  # (n_pieces, n), or (0, n), at the step before the core
    row_last: np.ndarray  # at the last step of the core
    state_before: np.ndarray  # (n_pieces,)
    state_last: np.ndarray


@jit(inner=True)
def _step(rows, source, target, model, room, pointers, at):
    """rows[target + j] = score of j + max_i rows[source + i] + matrix[i, j], and the choice to pointers[at + j]."""
    matrix, mask = model.matrix, model.mask
    for j in range(0, matrix.shape[0], BLOCK):
        e, f, g, h = whole_block(model.scores, room, j)
        if j + 2 < matrix.shape[0]:
            a, b, c, d = _best_sources(rows, source, matrix, j)
            _keep(rows, target + j + 2, pointers, at + j + 2, c, g, mask)
            _keep(rows, target + j + 3, pointers, at + j + 3, d, h, mask)
        else:  # half a BLOCK
            a, b = _best_sources_of_two(rows, source, matrix, j)
        _keep(rows, target + j, pointers, at + j, a, e, mask)
        _keep(rows, target + j + 1, pointers, at + j + 1, b, f, mask)


@jit(inner=True)
def _best_sources(rows, source, matrix, j):
    """max_i rows[source + i] + matrix[i, k] for k = j ... j + BLOCK - 1."""
    x = load(rows, source)
    a, b, c, d = x + matrix[0, j], x + matrix[0, j + 1], x + matrix[0, j + 2], x + matrix[0, j + 3]
    for i in range(1, matrix.shape[0]):
        x = load(rows, source + i)
        a = larger(a, x + matrix[i, j])
        b = larger(b, x + matrix[i, j + 1])
        c = larger(c, x + matrix[i, j + 2])
        d = larger(d, x + matrix[i, j + 3])
    return a, b, c, d


@jit(inner=True)
def _best_sources_of_two(rows, source, matrix, j):
    x = load(rows, source)
    a, b = x + matrix[0, j], x + matrix[0, j + 1]
    for i in range(1, matrix.shape[0]):
        x = load(rows, source + i)
        a = larger(a, x + matrix[i, j])
        b = larger(b, x + matrix[i, j + 1])
    return a, b


@jit(inner=True)
def _keep(rows, target, pointers, at, best, score, mask):
    choice = best & mask
    store_bytes(pointers, at, choice)
    store(rows, target, larger(best - choice + score, FLOOR))


@jit(inner=True)
def _lower(rows, first, n, tops, taken, unit):
    """Subtract the largest entry of each lane; where all is impossible it stays so."""
    top = load(rows, first)
    for j in range(1, n):
        top = larger(top, load(rows, first + j))
    store(tops, 0, top)
    for p in range(WIDTH):
        if tops[0, p] < FLOOR // 2:  # what is impossible rises by what is subtracted, while it lasts
            tops[0, p] = 0
        taken[p] += tops[0, p] / unit
    top = load(tops, 0)
    for j in range(first, first + n):
        store(rows, j, larger(load(rows, j) - top, FLOOR))


@jit(inner=True)
def best_tile(model, code, pieces, low, high, warmup, rows, pointers, tops, taken, room, seams, logs, states):
    """Forward pass: scores of the pieces into `logs`, where to begin to trace into `states`, choices into `pointers`.

    rows: (2 * n, WIDTH).   tops: (1, WIDTH).   taken, states: (WIDTH,).   Returns how many steps have choices.
    """
    n_states, n = model.matrix.shape
    seat(pieces, low, high, room)
    steps = _mark(low, high, room)
    rows[:] = 0
    source, target = 0, n
    for u in range(-warmup, steps):
        if u == 0:
            _begin(model, rows, source, low, high, tops, taken, room, seams)
        prepare_whole(model.scores, code, room, u, model.unit, model.mask)
        _step(rows, source, target, model, room, pointers, max(u, 0) * n)
        if u == 0:
            _open(model, pieces, low, high, room, rows, target)
        if u % model.every == 0:
            _lower(rows, target, n_states, tops, taken, model.unit)
        if u >= 0 and room.event[u]:
            _close(model, pieces, low, high, u, rows, target, taken, room, seams, logs, states)
        source, target = target, source
    return steps


@jit(inner=True)
def _mark(low, high, room):
    """Note the steps at which a piece needs attention; returns how many steps there are, those after the cores too."""
    steps = 0
    for p in range(high - low):
        steps = max(steps, room.stop[p] + 1)
    for u in range(steps):
        room.event[u] = False
    for p in range(high - low):
        room.event[room.last[p]] = room.event[room.stop[p]] = True
    return steps


@jit(inner=True)
def _begin(model, rows, source, low, high, tops, taken, room, seams):
    """The row before the cores."""
    n = model.matrix.shape[0]
    _lower(rows, source, n, tops, taken, model.unit)
    for p in range(min(high - low, seams.row_before.shape[0])):
        for j in range(n):
            seams.row_before[low + p, j] = rows[source + j, p]
    for p in range(WIDTH):
        taken[p] = room.shift[0, p] = room.shift[1, p] = 0.0


@jit(inner=True)
def _open(model, pieces, low, high, room, rows, target):
    for p in range(high - low):
        if opens(pieces, low + p):
            for j in range(model.matrix.shape[0]):
                score = model.start[j] + whole_score(model.scores, room, j, p)
                rows[target + j, p] = max(score, FLOOR)


@jit(inner=True)
def _close(model, pieces, low, high, u, rows, target, taken, room, seams, logs, states):
    """Pieces whose core ends with this step, and those whose last step it is."""
    n = model.matrix.shape[0]
    for p in range(high - low):
        piece = low + p
        ending = closes(pieces, piece) and u == room.stop[p]
        state, best, top = 0, np.int64(FLOOR), np.int64(FLOOR)
        for j in range(n):
            score = rows[target + j, p] + (model.end[j] if ending else 0)
            if score > best:
                state, best = j, score
            top = max(top, rows[target + j, p])
        if u == room.last[p]:
            if seams.row_last.size:
                for j in range(n):
                    seams.row_last[piece, j] = max(rows[target + j, p] - top, FLOOR)
            best = best if ending else top
            made = room.shift[1, p] + room.shift[0, p]
            logs[p] = taken[p] + best / model.unit + made if best > FLOOR // 2 else NEVER
        if u == room.stop[p]:
            states[p] = state


@jit(inner=True)
def trace_tile(pieces, low, high, steps, model, pointers, room, starts, states, seams, out):
    """Walk back through pieces low ... high - 1, all together; their states into `out`.

    starts: the states in which the last step of each piece is left.   states: (WIDTH,), those in which they are now.
    """
    n, shortest = model.start.size, pieces.length[high - 1]
    for u in range(steps - 1, shortest - 1, -1):
        for p in range(high - low):
            if u == room.stop[p]:
                states[p] = starts[p]
            if u <= room.last[p]:
                out[room.at[p] + u] = states[p]
            states[p] = model.mask - pointers[u * n + states[p], p]
    for p in range(high - low):
        if room.stop[p] < shortest:
            states[p] = starts[p]
    for u in range(shortest - 1, -1, -1):
        for p in range(high - low):
            out[room.at[p] + u] = states[p]
            states[p] = model.mask - pointers[u * n + states[p], p]
    for p in range(min(high - low, seams.state_before.size)):
        seams.state_before[low + p] = states[p]
        seams.state_last[low + p] = out[room.at[p] + room.last[p]]


@jit
def best_tiles(model, code, pieces, tiles, a, b, warmup, room, seams, logs, out):
    """Best paths of tiles a ... b - 1: scores of pieces into `logs`, states by step into `out`."""
    n, longest = model.start.size, pieces.length[tiles[a]]
    pointers = np.empty(((longest + warmup) * n, WIDTH), np.uint8)
    starts, states = np.zeros(WIDTH, np.int64), np.zeros(WIDTH, np.int64)
    tops, taken = np.zeros((1, WIDTH), np.int64), np.zeros(WIDTH)
    for k in range(a, b):
        low, high = tiles[k], tiles[k + 1]
        steps = best_tile(
            model, code, pieces, low, high, warmup, room.alpha, pointers, tops, taken, room, seams, logs[low:high], starts
        )  # fmt: skip
        trace_tile(pieces, low, high, steps, model, pointers, room, starts, states, seams, out)
