"""Symbols as small codes."""

from hmmseq._jit import SUMS, jit
from hmmseq.kernels.logmath import add_exactly


@jit
def encode(symbols, n_symbols, code):
    """code[t] = symbols[t], or n_symbols where it is -1 (missing). Returns the first step with another symbol, or -1.

    One pass instead of one each for the largest, the smallest and the missing symbols.
    """
    for t in range(symbols.size):
        symbol = symbols[t]
        if symbol < -1 or symbol >= n_symbols:
            return t
        code[t] = n_symbols if symbol == -1 else symbol
    return -1


SOME = 128  # additions that are not compensated


@jit
def sum_rows(values, code, offsets, out):
    """out[s] = sum of values[code[t]] over the steps of sequence s."""
    for s in range(out.size):
        total = lost = 0.0
        for low in range(offsets[s], offsets[s + 1], SOME):
            part = _sum_some(values, code, low, min(low + SOME, offsets[s + 1]))
            total, lost = add_exactly(total, lost, part)
        out[s] = total + lost


@jit(fastmath=SUMS, inner=True)
def _sum_some(values, code, low, high):
    total = 0.0
    for t in range(low, high):
        total += values[code[t]]
    return total
