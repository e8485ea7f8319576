"""Rows of log scores, looked at one by one."""

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.logmath import NEVER, exp_row, largest


@jit
def lower_rows(table, label, linear, out, shift):
    """out[r, j] = table[r, label[j]] less the largest of the row, which goes to shift[r] (0 where all is impossible).

    linear: their exponentials. Columns past the labels become impossible.
    """
    n_states = label.size
    for r in range(table.shape[0]):
        top = NEVER
        for j in range(n_states):
            top = max(top, table[r, label[j]])
        shift[r] = top if top > NEVER else 0.0
        for j in range(n_states):
            out[r, j] = table[r, label[j]] - shift[r]
        for j in range(n_states, out.shape[1]):
            out[r, j] = NEVER
        if linear:
            exp_row(out[r], out[r])


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
