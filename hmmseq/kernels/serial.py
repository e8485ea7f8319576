"""One sequence alone, its states side by side: for models that do not forget, which cannot be cut into chunks.

The recursion of `tiles.py` with the roles of lanes and rows exchanged: a Lanes holds WIDTH states of one step.
Numbers are linear; every few steps a row is divided by a power of two.

Edges may be missing, so an entry can lose all its digits and matter again later. That is checked, not assumed: in counts
by beta, which says how much an entry can still be worth; in totals by the smallest entry that is not zero.

Glossary: as in `tiles.py`; here n is rounded up to a multiple of WIDTH, and `wide` = n // WIDTH rows hold one step.
"""

import math
from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.lanes import BLOCK, WIDTH, load, store
from hmmseq.kernels.logmath import power_of_two

LOW, HIGH = 1e-140, 1e150  # least sum of a row, largest beta: beyond, digits are lost
BACKLOG = 32  # steps between additions to the counts of pairs


class SerialModel(NamedTuple):
    """A graph in linear numbers, all but the first two arrays (rows, WIDTH)."""

    start: np.ndarray  # (n,)
    end: np.ndarray  # (n,)
    matrix: np.ndarray  # (n * wide, WIDTH) edges from i are rows i * wide ... i * wide + wide - 1
    back: np.ndarray  # the same for edges into i
    table: np.ndarray  # (n_rows * wide, WIDTH) scores, each row divided by its largest entry
    used: int  # number of states rounded up to a BLOCK
    every: int  # steps between rescalings; divides every number of steps of a chart


@jit(inner=True)
def _copy(source, at, out, to, n):
    for j in range(n):
        out[to + j] = source[at + j]


@jit(inner=True)
def _ended(flat, row, end):
    """What the last row sums to with the ending weights."""
    total = 0.0
    for j in range(end.size):
        total += flat[row * end.size + j] * end[j]
    return total


@jit(inner=True)
def _product(rows, flat, source, edges, wide, used, b):
    """Lanes b of the row at `source` times a matrix; four sums, as each addition waits for the one before it."""
    at = source * wide * WIDTH
    a, c = load(edges, b) * flat[at], load(edges, wide + b) * flat[at + 1]
    d, e = load(edges, 2 * wide + b) * flat[at + 2], load(edges, 3 * wide + b) * flat[at + 3]
    for i in range(BLOCK, used, BLOCK):
        k = i * wide + b
        a = a + load(edges, k) * flat[at + i]
        c = c + load(edges, k + wide) * flat[at + i + 1]
        d = d + load(edges, k + 2 * wide) * flat[at + i + 2]
        e = e + load(edges, k + 3 * wide) * flat[at + i + 3]
    return (a + c) + (d + e)


@jit(inner=True)
def _rescale(flat, row, n):
    """Bring the sum of a row between one and two. Returns the sum, the exponent and the smallest entry but zero."""
    total, least = 0.0, 1.0
    for j in range(row * n, row * n + n):
        total += flat[j]
        if flat[j] > 0.0:
            least = min(least, flat[j])
    if not total > 0.0:
        return 0.0, 0, 0.0
    exponent = math.floor(math.log2(total))
    factor = power_of_two(-exponent) if exponent > -1000 else 1.0
    for j in range(row * n, row * n + n):
        flat[j] *= factor
    return total, exponent, least * factor


@jit
def fill(model, code, low, high, rows, flat, factors):
    """Rows of steps low ... high - 1 behind row 0, the one before them. Returns exponent, least sum and least entry."""
    n = model.start.size
    wide, taken, lowest, least = n // WIDTH, 0, 1.0, 1.0
    for t in range(low, high):
        u = t - low
        for b in range(wide):
            scores = load(model.table, code[t] * wide + b)
            if t:
                store(rows, (u + 1) * wide + b, _product(rows, flat, u, model.matrix, wide, model.used, b) * scores)
            else:
                store(rows, wide + b, scores)
        if t == 0:
            for j in range(n):
                flat[n + j] *= model.start[j]
                flat[j] = 0.0
        if u % model.every == model.every - 1 or t == high - 1:
            total, exponent, smallest = _rescale(flat, u + 1, n)
            taken += exponent
            lowest, least = min(lowest, total), min(least, smallest)
            factors[t // model.every] = power_of_two(-exponent) if exponent > -1000 else 1.0
    return taken, lowest, least


@jit
def serial_totals(model, code, offsets, chosen, chart, smallest, out):
    """Log totals of the chosen sequences, NaN where digits may be lost: an entry, but for zeros, is below `smallest`.

    chart: steps held at a time.
    """
    n = model.start.size
    rows = np.zeros(((chart + 1) * (n // WIDTH), WIDTH))
    flat, factors = rows.reshape(-1), np.ones(1)
    for k in range(chosen.size):
        own = code[offsets[chosen[k]] : offsets[chosen[k] + 1]]
        factors = np.ones(own.size // model.every + 1)
        taken, lowest, least = 0, 1.0, 1.0
        for low in range(0, own.size, chart):
            high = min(low + chart, own.size)
            found = fill(model, own, low, high, rows, flat, factors)
            taken, lowest, least = taken + found[0], min(lowest, found[1]), min(least, found[2])
            _copy(flat, (high - low) * n, flat, 0, n)
        total = _ended(flat, 0, model.end)
        certain = lowest >= LOW and least >= smallest and total >= LOW
        out[k] = math.log(total) + math.log(2.0) * taken if certain and own.size else np.nan


@jit
def serial_counts(model, code, slot, offsets, chosen, weights, chart, out, labels, pairs, starts, ends):
    """Log totals as above, NaN where digits may be lost: what such a sequence has added to the counts is then wrong too.

    labels: (n_rows * wide, WIDTH).   pairs: (n * wide, WIDTH), not yet times the matrix.   starts, ends: (n,).
    """
    n = model.start.size
    wide = n // WIDTH
    rows, ahead, beta = (
        np.zeros(((chart + 1) * wide, WIDTH)),
        np.zeros((BACKLOG * wide, WIDTH)),
        np.zeros((wide, WIDTH)),
    )
    flat, flat_beta, flat_ahead = rows.reshape(-1), beta.reshape(-1), ahead.reshape(-1)
    for k in range(chosen.size):
        low, high = offsets[chosen[k]], offsets[chosen[k] + 1]
        own, own_slot = code[low:high], slot[low:high]
        factors, saved = np.ones(own.size // model.every + 1), np.zeros((own.size // chart + 1) * n)
        taken, lowest = 0, 1.0
        for low in range(0, own.size, chart):
            high = min(low + chart, own.size)
            _copy(flat, 0, saved, low // chart * n, n)
            found = fill(model, own, low, high, rows, flat, factors)
            taken, lowest = taken + found[0], min(lowest, found[1])
            if high < own.size:
                _copy(flat, chart * n, flat, 0, n)
        last = (own.size - 1) % chart + 1
        total = _ended(flat, last, model.end)
        out[k] = np.nan
        if own.size == 0 or not (lowest >= LOW and total >= LOW):
            continue
        for j in range(n):
            flat_beta[j] = model.end[j] * (weights[k] / total)
            ends[j] += flat[last * n + j] * flat_beta[j]
        largest = 0.0
        for low in range((own.size - 1) // chart * chart, -1, -chart):
            high = min(low + chart, own.size)
            if high < own.size:
                _copy(saved, low // chart * n, flat, 0, n)
                fill(model, own, low, high, rows, flat, factors)
            largest = max(largest, _backward(
                model, own, own_slot, low, high, rows, flat, factors, beta, flat_beta, ahead, flat_ahead, labels, pairs,
                starts,
            ))  # fmt: skip
        if largest <= HIGH * abs(weights[k]):
            out[k] = math.log(total) + math.log(2.0) * taken


@jit
def _backward(
    model, code, slot, low, high, rows, flat, factors, beta, flat_beta, ahead, flat_ahead, labels, pairs, starts
):
    """Steps high - 1 ... low of the backward recursion, and what they count. Returns the largest beta."""
    n = model.start.size
    wide, largest = n // WIDTH, 0.0
    for t in range(high - 1, low - 1, -1):
        u = t - low
        k = u % BACKLOG
        scaled = u % model.every == model.every - 1 or t == high - 1
        factor = factors[t // model.every] if scaled else 1.0
        for b in range(wide):
            at = slot[t] * wide + b
            ahead_b = load(beta, b)
            store(labels, at, load(labels, at) + load(rows, (u + 1) * wide + b) * ahead_b)
            store(ahead, k * wide + b, ahead_b * load(model.table, code[t] * wide + b) * factor)
        if t == 0:
            for j in range(n):
                starts[j] += flat[n + j] * flat_beta[j]
        if scaled:
            for j in range(n):
                largest = max(largest, abs(flat_beta[j]) * max(factor, 1.0))
        for b in range(wide):
            store(beta, b, _product(ahead, flat_ahead, k, model.back, wide, model.used, b))
        if k == 0:
            _count_pairs(flat, u, ahead, min(BACKLOG, high - t), wide, model.used, pairs)
    return largest


@jit(inner=True)
def _count_pairs(flat, u, ahead, steps, wide, used, pairs):
    """pairs[i, j] += sum over the steps of alpha[i] before the step times ahead[j] at it."""
    n = wide * WIDTH
    for b in range(wide):
        for i in range(0, used, BLOCK):
            at = i * wide + b
            a, c = load(pairs, at), load(pairs, at + wide)
            d, e = load(pairs, at + 2 * wide), load(pairs, at + 3 * wide)
            for k in range(steps):
                x, row = load(ahead, k * wide + b), (u + k) * n + i
                a = a + x * flat[row]
                c = c + x * flat[row + 1]
                d = d + x * flat[row + 2]
                e = e + x * flat[row + 3]
            store(pairs, at, a)
            store(pairs, at + wide, c)
            store(pairs, at + 2 * wide, d)
            store(pairs, at + 3 * wide, e)
