"""Symbols as small codes."""

from hmmseq._jit import jit


@jit
def encode(symbols, n_symbols, code):
    """code[t] = symbols[t], or n_symbols where it is -1 (missing). Returns the first step with another symbol, or -1.

    One pass instead of one each for the largest, the smallest and the missing symbols.
    """
    wrong = -1
    for t in range(symbols.size):
        symbol = symbols[t]
        if (symbol < -1 or symbol >= n_symbols) and wrong < 0:
            wrong = t
        code[t] = n_symbols if symbol == -1 else symbol
    return wrong
