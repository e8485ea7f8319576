"""Orders of whole numbers, by counting: five to ten times faster than a comparison sort of millions."""

import numpy as np

from hmmseq._jit import jit

_BITS = 11  # of the key at a time


@jit
def order(keys):
    """(n,) indices that sort keys, whole numbers from 0; equal ones stay in order."""
    n, most = keys.size, 0
    for key in keys:
        most = max(most, key)
    here, there = np.arange(n), np.empty(n, np.int64)
    shift = 0
    while most >> shift > 0:
        first = np.zeros((1 << _BITS) + 1, np.int64)
        for key in keys:
            first[((key >> shift) & ((1 << _BITS) - 1)) + 1] += 1
        for digit in range(1 << _BITS):
            first[digit + 1] += first[digit]
        for i in here:
            digit = (keys[i] >> shift) & ((1 << _BITS) - 1)
            there[first[digit]] = i
            first[digit] += 1
        here, there = there, here
        shift += _BITS
    return here
