"""Symbols as small codes."""

from hmmseq._jit import SUMS, jit
from hmmseq.kernels.logmath import add_exactly

BLOCK = 4096  # symbols between two looks at what was found


@jit
def encode(symbols, n_symbols, code):
    """code[t] = symbols[t], or n_symbols where it is -1 (missing). Returns the first step with another symbol, or -1.

    One pass instead of one each for the largest, the smallest and the missing symbols; in blocks that leave in no other
    way than at their end, so that they run in vector registers.
    """
    for low in range(0, symbols.size, BLOCK):
        high = min(low + BLOCK, symbols.size)
        if not _encode_some(symbols[low:high], n_symbols, code[low:high]):
            for t in range(low, high):
                if symbols[t] < -1 or symbols[t] >= n_symbols:
                    return t
    return -1


@jit(inner=True)
def _encode_some(symbols, n_symbols, code):
    """Whether all are symbols."""
    least = most = symbols[0]
    for t in range(symbols.size):
        symbol = symbols[t]
        least, most = min(least, symbol), max(most, symbol)
        code[t] = n_symbols if symbol == -1 else symbol
    return least >= -1 and most < n_symbols


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
