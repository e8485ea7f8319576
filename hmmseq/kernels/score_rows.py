"""Rows of log scores, looked at one by one."""

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.lanes import (
    BLOCK,
    WHOLE,
    WIDTH,
    column,
    columns,
    larger,
    load,
    put_columns,
    scaled,
    store,
    where_above,
)  # fmt: skip
from hmmseq.kernels.logmath import LOG2_HIGH, LOG2_LOW, NEVER, exp_series, largest


@jit(inner=True)
def gather(table, rows, out, first):
    """out[first + j] = column j of the table, in lane p of row rows[p]."""
    width = table.shape[1]
    if width < BLOCK:
        for j in range(width):
            store(out, first + j, column(table, rows, j))
        return
    for j in range(0, width, BLOCK):
        at = min(j, width - BLOCK)  # the last block overlaps: past the last row lies other memory
        a, b, c, d = columns(table, rows, at)
        store(out, first + at, a)
        store(out, first + at + 1, b)
        store(out, first + at + 2, c)
        store(out, first + at + 3, d)


@jit(inner=True)
def scatter(lanes, rows, table):
    """Column j of the table, in row rows[p], = lane p of lanes[j]."""
    width = table.shape[1]
    if width < BLOCK:
        for j in range(width):
            for p in range(WIDTH):
                table[rows[p], j] = lanes[j, p]
        return
    for j in range(0, width, BLOCK):
        at = min(j, width - BLOCK)
        put_columns(table, rows, at, (load(lanes, at), load(lanes, at + 1), load(lanes, at + 2), load(lanes, at + 3)))


@jit(inner=True)
def exponential(x):
    """exp(x) of lanes for x <= 700; zero below -708, where doubles lose digits. See `exp_row`."""
    x = larger(x, -709.0)
    powers = x * 1.4426950408889634 + WHOLE  # rounded
    k = powers - WHOLE
    r = x - k * LOG2_HIGH - k * LOG2_LOW
    return where_above(x, -708.0, scaled(exp_series(r), powers))


@jit
def lower_rows(table, label, linear, out, shift):
    """out[r, j] = table[r, label[j]] less the largest of the row, which goes to shift[r] (0 where all is impossible).

    linear: their exponentials. Columns past the labels, up to a whole BLOCK, become impossible.
    """
    n_states, last = label.size, table.shape[0] - 1
    rows, tops = np.empty(WIDTH, np.int64), np.empty((1, WIDTH))
    found, lanes = np.empty((table.shape[1], WIDTH)), np.full((out.shape[1], WIDTH), NEVER)
    for r in range(0, last + 1, WIDTH):
        for p in range(WIDTH):
            rows[p] = min(r + p, last)
        gather(table, rows, found, 0)
        top = load(found, label[0])
        for j in range(1, n_states):
            top = larger(top, load(found, label[j]))
        store(tops, 0, top)
        for p in range(WIDTH):
            tops[0, p] = tops[0, p] if tops[0, p] > NEVER else 0.0
            shift[rows[p]] = tops[0, p]
        for j in range(n_states):
            store(lanes, j, load(found, label[j]) - load(tops, 0))
        for j in range(0, out.shape[1], BLOCK):
            a, b, c, d = load(lanes, j), load(lanes, j + 1), load(lanes, j + 2), load(lanes, j + 3)
            if linear:
                a, b, c, d = exponential(a), exponential(b), exponential(c), exponential(d)
            put_columns(out, rows, j, (a, b, c, d))


@jit
def whole_rows(table, unit, bits, out):
    """out[r, j] = table[r, j] in whole units, `bits` zeros behind them; left as it is where that is impossible."""
    for r in range(table.shape[0]):
        for j in range(table.shape[1]):
            if table[r, j] > NEVER:
                out[r, j] = np.int64(np.rint(table[r, j] * unit)) << bits


@jit
def widest_row(table):
    """The largest difference within a row, not counting what is impossible."""
    widest = 0.0
    for r in range(table.shape[0]):
        top = low = largest(table[r])
        for j in range(table.shape[1]):
            if table[r, j] > NEVER:
                low = min(low, table[r, j])
        if top > NEVER:
            widest = max(widest, top - low)
    return widest
