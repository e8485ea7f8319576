"""One sequence alone, its states side by side: for models that do not forget, which cannot be cut into chunks.

The recursion of `tiles.py` with the roles of lanes and rows exchanged: a Lanes holds WIDTH states of one step.
Numbers are linear; every few steps a row is divided by a power of two.

Edges may be missing, so an entry can lose all its digits and matter again later. That is checked, not assumed: in counts
by beta, which says how much an entry can still be worth; in totals by the smallest entry that is not zero.

Edges are stripes (`stripes.py`), or a matrix where that is less to read.

Glossary: as in `tiles.py`; here n is rounded up to a multiple of WIDTH, and `wide` = n // WIDTH rows hold one step.
"""

import math
from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.lanes import BLOCK, WIDTH, load, store
from hmmseq.kernels.logmath import power_of_two
from hmmseq.kernels.stripes import Stripes, along, count_along

LOW, HIGH = 1e-140, 1e150  # least sum of a row, largest beta: beyond, digits are lost
BACKLOG = 32  # steps between additions to the counts of pairs


class SerialModel(NamedTuple):
    """A graph in linear numbers, rows of WIDTH numbers."""

    start: np.ndarray  # (n,)
    end: np.ndarray  # (n,)
    edges: (
        Stripes  # or a matrix: edges from i are rows i * wide ... i * wide + wide - 1 of `weight`, and `first` is empty
    )
    back: Stripes  # the same for edges into i
    table: np.ndarray  # (n_rows * wide, WIDTH) scores, each row divided by its largest entry
    used: int  # number of states rounded up to a BLOCK
    every: int  # steps between rescalings; divides every number of steps of a chart


class Rows(NamedTuple):
    """Numbers by step and state, seen in three ways."""

    lanes: np.ndarray  # (n_rows * wide, WIDTH)
    flat: np.ndarray  # (n_rows * n,)
    around: np.ndarray  # ((n_rows + 2) * n,) with a row of zeros before and behind, into which stripes may reach


@jit
def make_rows(n_rows, n):
    around = np.zeros((n_rows + 2) * n)
    inside = around[n : (n_rows + 1) * n]
    return Rows(inside.reshape(-1, WIDTH), inside, around)


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
def _product(rows, source, edges, wide, used, b):
    """Lanes b of the row at `source` times the edges; four sums, as each addition waits for the one before it."""
    at, flat, matrix = source * wide * WIDTH, rows.flat, edges.weight
    if edges.first.size:
        return along(edges, rows.around, at, b)
    a, c = load(matrix, b) * flat[at], load(matrix, wide + b) * flat[at + 1]
    d, e = load(matrix, 2 * wide + b) * flat[at + 2], load(matrix, 3 * wide + b) * flat[at + 3]
    for i in range(BLOCK, used, BLOCK):
        k = i * wide + b
        a = a + load(matrix, k) * flat[at + i]
        c = c + load(matrix, k + wide) * flat[at + i + 1]
        d = d + load(matrix, k + 2 * wide) * flat[at + i + 2]
        e = e + load(matrix, k + 3 * wide) * flat[at + i + 3]
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
def fill(model, code, low, high, rows, factors):
    """Rows of steps low ... high - 1 behind row 0, the one before them. Returns exponent, least sum and least entry."""
    n = model.start.size
    wide, taken, lowest, least = n // WIDTH, 0, 1.0, 1.0
    lanes, flat = rows.lanes, rows.flat
    for t in range(low, high):
        u = t - low
        for b in range(wide):
            scores = load(model.table, code[t] * wide + b)
            if t:
                moved = _product(rows, u, model.edges, wide, model.used, b)
                store(lanes, (u + 1) * wide + b, moved * scores)
            else:
                store(lanes, wide + b, scores)
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
    rows = make_rows(chart + 1, n)
    for k in range(chosen.size):
        own = code[offsets[chosen[k]] : offsets[chosen[k] + 1]]
        factors = np.ones(own.size // model.every + 1)
        taken, lowest, least = 0, 1.0, 1.0
        for low in range(0, own.size, chart):
            high = min(low + chart, own.size)
            found = fill(model, own, low, high, rows, factors)
            taken, lowest, least = taken + found[0], min(lowest, found[1]), min(least, found[2])
            if least < smallest:
                break
            _copy(rows.flat, (high - low) * n, rows.flat, 0, n)
        total = _ended(rows.flat, 0, model.end)
        certain = lowest >= LOW and least >= smallest and total >= LOW
        out[k] = math.log(total) + math.log(2.0) * taken if certain and own.size else np.nan


@jit
def serial_counts(model, code, slot, offsets, chosen, weights, chart, out, labels, pairs, starts, ends):
    """Log totals as above, NaN where digits may be lost: what such a sequence has added to the counts is then wrong too.

    labels: (n_rows * wide, WIDTH).   pairs: as the edges, not yet times their weights.   starts, ends: (n,).
    """
    n = model.start.size
    rows, ahead, beta = make_rows(chart + 1, n), make_rows(BACKLOG, n), make_rows(1, n)
    flat = rows.flat
    for k in range(chosen.size):
        low, high = offsets[chosen[k]], offsets[chosen[k] + 1]
        own, own_slot = code[low:high], slot[low:high]
        factors, saved = np.ones(own.size // model.every + 1), np.zeros((own.size // chart + 1) * n)
        taken, lowest = 0, 1.0
        for low in range(0, own.size, chart):
            high = min(low + chart, own.size)
            _copy(flat, 0, saved, low // chart * n, n)
            found = fill(model, own, low, high, rows, factors)
            taken, lowest = taken + found[0], min(lowest, found[1])
            if high < own.size:
                _copy(flat, chart * n, flat, 0, n)
        last = (own.size - 1) % chart + 1
        total = _ended(flat, last, model.end)
        out[k] = np.nan
        if own.size == 0 or not (lowest >= LOW and total >= LOW):
            continue
        for j in range(n):
            beta.flat[j] = model.end[j] * (weights[k] / total)
            ends[j] += flat[last * n + j] * beta.flat[j]
        certain, limit = True, HIGH * abs(weights[k])
        for low in range((own.size - 1) // chart * chart, -1, -chart):
            high = min(low + chart, own.size)
            if high < own.size:
                _copy(saved, low // chart * n, flat, 0, n)
                fill(model, own, low, high, rows, factors)
            certain = _backward(
                model, own, own_slot, low, high, rows, factors, limit, beta, ahead, labels, pairs, starts
            )
            if not certain:
                break
        if certain:
            out[k] = math.log(total) + math.log(2.0) * taken
        else:
            ahead.flat[:] = 0.0  # no infinity may stay where a stripe can reach


@jit
def _backward(model, code, slot, low, high, rows, factors, limit, beta, ahead, labels, pairs, starts):
    """Steps high - 1 ... low of the backward recursion, and what they count. False as soon as beta is beyond the limit."""
    n = model.start.size
    wide = n // WIDTH
    for t in range(high - 1, low - 1, -1):
        u = t - low
        k = u % BACKLOG
        scaled = u % model.every == model.every - 1 or t == high - 1
        factor = factors[t // model.every] if scaled else 1.0
        for b in range(wide):
            at = slot[t] * wide + b
            ahead_b = load(beta.lanes, b)
            store(labels, at, load(labels, at) + load(rows.lanes, (u + 1) * wide + b) * ahead_b)
            store(ahead.lanes, k * wide + b, ahead_b * load(model.table, code[t] * wide + b) * factor)
        if t == 0:
            for j in range(n):
                starts[j] += rows.flat[n + j] * beta.flat[j]
        if scaled:
            for j in range(n):
                if not abs(beta.flat[j]) * max(factor, 1.0) <= limit:
                    return False
        for b in range(wide):
            store(beta.lanes, b, _product(ahead, k, model.back, wide, model.used, b))
        if k == 0 and model.edges.first.size:
            count_along(model.edges, rows.around, u * n, ahead.lanes, min(BACKLOG, high - t), pairs)
        elif k == 0:
            _count_pairs(rows.flat, u, ahead.lanes, min(BACKLOG, high - t), wide, model.used, pairs)
    return True


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
