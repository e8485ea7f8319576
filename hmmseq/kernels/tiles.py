"""Many pieces of sequences side by side, one in each lane: the forward recursion in linear numbers.

A tile is WIDTH pieces: whole short sequences, or chunks of a long one. All take their u-th step together, so that the
inner loop is a product of a matrix with vectors instead of a chain of dependent additions.
Every few steps each row is divided by a power of two: that is exact, and exponents add up as integers.

A chunk does not know the row before it. It starts `warmup` steps early from any row (forward), and late (backward).
Positive matrices never increase the projective distance between two rows, so where a chunk's row agrees with its
neighbour's at the seam, all that follows agrees as well: `tiling.py` compares the seams. Where rows do not forget how they
began, a chunk is run once from each state: that is its transfer matrix, and these carry exact rows from seam to seam.

Glossary
p             lane: a piece of the tile
u             step of a piece; the core, the steps it answers for, is 0 ... length - 1
n             number of states, rounded up to whole BLOCKs
alpha, beta   as in paths.py, but linear and scaled: sum_j alpha[j] beta[j] is the weight of the sequence
"""

import math
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.gaussian import GROUP, Normals
from hmmseq.kernels.lanes import BLOCK, WIDTH, exponents, load, powers_of_two, store
from hmmseq.kernels.logmath import NEVER, log_row
from hmmseq.kernels.tile_scores import block, prepare, score


class Model(NamedTuple):
    """A graph in linear numbers; edges that are missing, and states that only fill a BLOCK, are zeros."""

    start: np.ndarray  # (n,)
    matrix: np.ndarray  # (n_states, n)
    back: np.ndarray  # (n_states, n) of the reversed edges
    end: np.ndarray  # (n,)
    scores: np.ndarray | Normals  # (n_rows, n) of states, each row divided by its largest entry; or how to make them
    every: int  # steps between rescalings; so few that nothing underflows in between


class Pieces(NamedTuple):
    """Pieces of sequences, those of one tile in a run, the longest first."""

    first: np.ndarray  # where in `code` the core of the piece begins
    length: np.ndarray  # steps in the core
    weight: np.ndarray  # weight of its sequence; none where nothing is counted
    # None where every piece is a sequence:
    before: np.ndarray  # steps of its sequence before the core, at most `warmup`
    after: np.ndarray  # steps of its sequence after the core, at most `warmup`
    opens: np.ndarray  # whether the sequence begins with this piece
    closes: np.ndarray  # whether no step of the sequence is left after `after`


class Seams(NamedTuple):
    """Rows at the ends of each piece, as computed on either side, each summing to one; none where every piece is a sequence.

    The first and the last hold, when a pass begins, the rows that it begins with.
    """

    alpha_before: (
        np.ndarray
    )  # (n_pieces, n), or (0, n), at the step before the core; at first: `warmup` steps before that
    alpha_last: np.ndarray  # at the last step of the core
    beta_before: np.ndarray  # at the step before the core
    beta_last: np.ndarray  # at the last step of the core; at first: `after` steps later
    lowest: np.ndarray  # (n_pieces,) smallest sum of a row where starts or ends can make it small


class Room(NamedTuple):
    """Memory for one tile. Row j of step u, a number a lane, is row (u + 1) * n + j of alpha."""

    alpha: np.ndarray  # ((steps + 1) * n, WIDTH), or 2 * n rows in turn; whole numbers for best paths
    work: np.ndarray  # rows for the way back
    factors: np.ndarray  # (steps // every + 1, WIDTH) by which rows were multiplied
    exponents: np.ndarray  # (1, WIDTH) logarithms to base 2 of what was divided out
    at: np.ndarray  # (WIDTH,) where the core begins
    low: np.ndarray  # (WIDTH,) first step that may be read, counted from there
    all_there: np.ndarray  # the first and the last step that may be read in every lane
    last: np.ndarray  # (WIDTH,) last step of the core
    stop: np.ndarray  # (WIDTH,) last step that may be read
    rows: np.ndarray  # (WIDTH,) row of the table at this step
    event: np.ndarray  # (steps + warmup + 1,) whether a piece needs attention at step u
    slots: np.ndarray  # (WIDTH,) row of the statistics
    # Where scores are made, not looked up:
    scores: np.ndarray  # ((steps + 1) * n, WIDTH), or n rows; none where they are looked up
    whole: np.ndarray  # (n, WIDTH) the same in whole units, for best paths
    features: np.ndarray  # of some steps
    shift: np.ndarray  # (2, WIDTH) sum of what was taken out of the scores, in two parts
    totals: np.ndarray  # (3, WIDTH) what the last rows sum to, and sums in between


def make_room(n_rows: tuple[int, ...], n_features: int, steps: int, every: int, warmup: int, best: bool) -> Room:
    """n_rows: of alpha, work, and the scores that are made, also in whole units.   steps: of the longest core.

    best : for best paths
    """
    whole_numbers, numbers = np.zeros((8, WIDTH), np.int64), np.zeros((5, WIDTH))
    at, low, last, stop, rows, slots, all_there = whole_numbers[:7]
    a, b, c, d = accumulate(n_rows)
    room = empty_rows(d + GROUP * n_features + 1)
    alpha, work, scores, whole, features = room[:a], room[a:b], room[b:c], room[c:d], room[d:]
    factors = np.ones((steps // every + 1, WIDTH))
    exponents, event = whole_numbers[7:], np.zeros(steps + warmup + 1, np.bool_)
    shift, totals = numbers[:2], numbers[2:]
    return Room(
        alpha.view(np.int64) if best else alpha, work, factors, exponents, at, low, all_there, last, stop, rows, event,
        slots, scores, whole.view(np.int64), features, shift, totals,
    )  # fmt: skip


def empty_rows(n_rows: int) -> np.ndarray:
    """(n_rows, WIDTH) whose rows begin where lines of the cache do: else each register is read from two of them."""
    room = np.empty(n_rows * WIDTH + 7)
    skip = -room.__array_interface__["data"][0] // 8 % 8  # `ctypes.data` takes a microsecond
    return room[skip : skip + n_rows * WIDTH].reshape(n_rows, WIDTH)


@jit(inner=True)
def opens(pieces, piece):
    return pieces.opens.size == 0 or pieces.opens[piece]


@jit(inner=True)
def closes(pieces, piece):
    return pieces.closes.size == 0 or pieces.closes[piece]


@jit(inner=True)
def seat(pieces, low, high, room):
    """Who is in which lane; an empty lane reads as the first one does."""
    for p in range(WIDTH):
        piece = min(low + p, high - 1)
        room.at[p] = pieces.first[piece]
        room.low[p] = 0
        room.last[p] = room.stop[p] = pieces.length[piece] - 1
        if pieces.before.size:
            room.low[p] -= pieces.before[piece]
            room.stop[p] += pieces.after[piece]
    room.all_there[0], room.all_there[1] = room.low[0], room.last[0]
    for p in range(WIDTH):
        room.all_there[0] = max(room.all_there[0], room.low[p])
        room.all_there[1] = min(room.all_there[1], room.last[p])


@jit(inner=True)
def is_even(pieces, low, room):
    """Whether the tile is of whole sequences of the same length: then nothing need be done lane by lane."""
    return pieces.closes.size == 0 and room.all_there[1] == pieces.length[low] - 1


@jit(inner=True)
def step(alpha, source, target, matrix, scores, room, k):
    """alpha[target + j] = score of j in row k * sum_i alpha[source + i] * matrix[i, j]"""
    n = matrix.shape[1]
    for j in range(0, n - BLOCK, 2 * BLOCK):
        (a, b, c, d), (e, f, g, h) = two_products(alpha, source, matrix, j)
        _store_scored(alpha, target + j, a, b, c, d, block(scores, room, k, j))
        _store_scored(alpha, target + j + BLOCK, e, f, g, h, block(scores, room, k, j + BLOCK))
    if n % (2 * BLOCK):
        a, b, c, d = product(alpha, source, matrix, n - BLOCK)
        _store_scored(alpha, target + n - BLOCK, a, b, c, d, block(scores, room, k, n - BLOCK))


@jit(inner=True)
def _store_scored(alpha, at, a, b, c, d, scores):
    e, f, g, h = scores
    store(alpha, at, a * e)
    store(alpha, at + 1, b * f)
    store(alpha, at + 2, c * g)
    store(alpha, at + 3, d * h)


@jit(inner=True)
def product(rows, source, matrix, j):
    """sum_i rows[source + i] * matrix[i, k] for k = j ... j + BLOCK - 1, in registers."""
    x = load(rows, source)
    a, b, c, d = x * matrix[0, j], x * matrix[0, j + 1], x * matrix[0, j + 2], x * matrix[0, j + 3]
    for i in range(1, matrix.shape[0]):
        x = load(rows, source + i)
        a = a + x * matrix[i, j]
        b = b + x * matrix[i, j + 1]
        c = c + x * matrix[i, j + 2]
        d = d + x * matrix[i, j + 3]
    return a, b, c, d


@jit(inner=True)
def two_products(rows, source, matrix, j):
    """The same for two BLOCKs: twice as many sums under way, and each row is loaded once for both."""
    x = load(rows, source)
    a, b, c, d = x * matrix[0, j], x * matrix[0, j + 1], x * matrix[0, j + 2], x * matrix[0, j + 3]
    e, f, g, h = x * matrix[0, j + 4], x * matrix[0, j + 5], x * matrix[0, j + 6], x * matrix[0, j + 7]
    for i in range(1, matrix.shape[0]):
        x = load(rows, source + i)
        a = a + x * matrix[i, j]
        b = b + x * matrix[i, j + 1]
        c = c + x * matrix[i, j + 2]
        d = d + x * matrix[i, j + 3]
        e = e + x * matrix[i, j + 4]
        f = f + x * matrix[i, j + 5]
        g = g + x * matrix[i, j + 6]
        h = h + x * matrix[i, j + 7]
    return (a, b, c, d), (e, f, g, h)


@jit(inner=True)
def lane_sums(rows, first, n):
    """Of n rows, lane by lane."""
    total = load(rows, first)
    for j in range(1, n):
        total = total + load(rows, first + j)
    return total


@jit(inner=True)
def scale(rows, first, n, factor):
    """Multiply n rows, lane by lane."""
    for j in range(first, first + n):
        store(rows, j, load(rows, j) * factor)


@jit(inner=True)
def _rescale(room, first, n, k):
    """Bring the sum of every lane between one and two, and keep the factors."""
    powers = exponents(lane_sums(room.alpha, first, n))
    factor = powers_of_two(powers * -1)
    store(room.factors, k, factor)
    store(room.exponents, 0, load(room.exponents, 0) + powers)
    scale(room.alpha, first, n, factor)


@jit(inner=True)
def _begin(low, high, n, room, seams):
    """The row before the cores: each lane sums to one."""
    for p in range(min(high - low, seams.alpha_before.shape[0])):
        normalise(room.alpha, 0, p, seams.alpha_before[low + p])
        for j in range(n):
            room.alpha[j, p] = seams.alpha_before[low + p, j]
    for p in range(WIDTH):
        room.exponents[0, p] = 0
        room.shift[0, p] = room.shift[1, p] = 0.0


@jit(inner=True)
def normalise(rows, first, p, out):
    """Lane p of a row, divided by its sum."""
    total = 0.0
    for j in range(out.size):
        total += rows[first + j, p]
    for j in range(out.size):
        out[j] = rows[first + j, p] / total if total > 0.0 else 0.0


@jit(inner=True)
def forward_tile(model, code, pieces, low, high, warmup, room, logs, seams):
    """alpha of pieces low ... high - 1, and their log totals into `logs`.

    All rows of the cores are kept where there is room, else two in turn. Pieces that do not open their sequence begin
    `warmup` steps early.
    """
    n, longest = model.start.size, pieces.length[low]
    keep = room.alpha.shape[0] >= (longest + 1) * n
    seat(pieces, low, high, room)
    for u in range(longest + 1):
        room.event[u] = False
    for piece in range(low, high):
        room.event[pieces.length[piece] - 1] = room.event[pieces.length[piece]] = True
    for j in range(n):
        for p in range(WIDTH):
            room.alpha[j, p] = 0.0
    for p in range(min(high - low, seams.alpha_before.shape[0])):
        for j in range(n):
            room.alpha[j, p] = seams.alpha_before[low + p, j]
    source = 0
    for u in range(-warmup, longest):
        if u == 0:  # the warm-up is even, so this is row 0
            _begin(low, high, n, room, seams)
        target = source + n if source == 0 or (keep and u >= 0) else 0
        k = max(u, 0) if keep else 0
        prepare(model.scores, model.matrix.shape[0], code, room, u, k)
        step(room.alpha, source, target, model.matrix, model.scores, room, k)
        if u == 0:
            _open(model, pieces, low, high, room, source, target, seams)
        if u % model.every == model.every - 1:
            _rescale(room, target, n, max(u, 0) // model.every)
        if u >= 0 and room.event[u]:
            if is_even(pieces, low, room):
                _close_all(model, low, high, room, target, logs, seams)
            else:
                _close(model, pieces, low, high, u, room, target, logs, seams)
        source = target
    log_row(room.totals[0], room.totals[1])
    for p in range(high - low):
        logs[p] = logs[p] + room.totals[1, p] if room.totals[0, p] > 0.0 else NEVER


@jit(inner=True)
def _open(model, pieces, low, high, room, source, target, seams):
    """Sequences that begin: the first row from the starting weights, and nothing before it."""
    n = model.start.size
    if not seams.alpha_before.shape[0]:  # all do, and row `source` is zero
        _open_all(model, room, target)
        for p in range(high - low):
            seams.lowest[low + p] = room.totals[1, p]
        return
    for p in range(high - low):
        if opens(pieces, low + p):
            total = 0.0
            for j in range(n):
                room.alpha[target + j, p] = model.start[j] * score(model.scores, room, 0, j, p)
                room.alpha[source + j, p] = 0.0
                total += room.alpha[target + j, p]
            seams.lowest[low + p] = total


@jit(inner=True)
def _open_all(model, room, target):
    n, start = model.start.size, model.start
    for j in range(0, n, BLOCK):
        a, b, c, d = block(model.scores, room, 0, j)
        store(room.alpha, target + j, a * start[j])
        store(room.alpha, target + j + 1, b * start[j + 1])
        store(room.alpha, target + j + 2, c * start[j + 2])
        store(room.alpha, target + j + 3, d * start[j + 3])
    store(room.totals, 1, lane_sums(room.alpha, target, n))


@jit(inner=True)
def _close(model, pieces, low, high, u, room, row, logs, seams):
    """Pieces whose last step this is: what their row sums to, with the ending weights where the sequence ends.

    Without the logarithm of that, which is taken of all lanes together.
    """
    n = model.end.size
    store(room.totals, 1, lane_sums(room.alpha, row, n))
    store(room.totals, 2, weighted_sums(room.alpha, row, model.end))
    for p in range(high - low):
        piece = low + p
        if pieces.length[piece] == u:  # ended a step ago: from here on the lane is empty
            for j in range(n):
                room.alpha[row + j, p] = 0.0
        elif pieces.length[piece] == u + 1:
            ending = closes(pieces, piece) and room.stop[p] == u
            total = room.totals[2, p] if ending else room.totals[1, p]
            room.totals[0, p] = total
            logs[p] = math.log(2.0) * room.exponents[0, p] + room.shift[1, p] + room.shift[0, p]
            seams.lowest[piece] = min(seams.lowest[piece], total)
            if seams.alpha_last.shape[0]:
                normalise(room.alpha, row, p, seams.alpha_last[piece])


@jit(inner=True)
def _close_all(model, low, high, room, row, logs, seams):
    """The same where all sequences end together."""
    store(room.totals, 0, weighted_sums(room.alpha, row, model.end))
    for p in range(high - low):
        logs[p] = math.log(2.0) * room.exponents[0, p] + room.shift[1, p] + room.shift[0, p]
        seams.lowest[low + p] = min(seams.lowest[low + p], room.totals[0, p])


@jit(inner=True)
def weighted_sums(rows, first, weights):
    """Lane by lane, of rows times weights."""
    total = load(rows, first) * weights[0]
    for j in range(1, weights.size):
        total = total + load(rows, first + j) * weights[j]
    return total
