"""DNA words of up to six letters, the symbols that gene models score.

Symbol of a position: the longest run of known letters, at most WIDTH, that ends there. Next to an N or to the end of
a contig the run is shorter, at an N it is empty (symbol 0). A model of order 5 has a score for each of them, so an
unknown letter is summed over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..alphabet import DNA, Codes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

WIDTH = 6
N_FULL = 4**WIDTH
FIRST = (4 ** np.arange(WIDTH + 1) - 1) // 3  # first symbol of each word length
N_WORDS = int(FIRST[-1]) + N_FULL


def encode_words(codes: Codes) -> NDArray[np.int32]:
    """(length,) symbol of each position of a sequence of DNA codes."""
    known = codes < DNA.missing
    position = np.arange(1, len(codes) + 1, dtype=np.int32)
    last_unknown = np.maximum.accumulate(np.where(known, 0, position)) if len(codes) else position
    length = np.minimum(position - last_unknown, WIDTH)
    number = np.zeros(len(codes), np.int32)
    letters = np.where(known, codes, 0).astype(np.int32)
    for back in range(min(WIDTH, len(codes))):
        number[back:] += letters[: len(codes) - back] << (2 * back)
    return (FIRST.astype(np.int32)[length] + (number & ((1 << (2 * length)) - 1))).astype(np.int32)


def reverse_complements(width: int) -> Integers:
    """(4**width,) number of the other strand's word, for each word of this width."""
    numbers, reversed_ = np.arange(4**width), np.zeros(4**width, np.int64)
    for _ in range(width):
        reversed_ = reversed_ * 4 + 3 - numbers % 4
        numbers = numbers // 4
    return reversed_


def conditionals(counts: Floats, strength: float) -> Floats:
    """(N_WORDS,) probability of the last letter of each word given those before it; 1 for the empty word.

    counts    (4096,) of six-letter words
    strength  a context seen n times weighs n / (n + strength) against the context one letter shorter: back-off with a
              Dirichlet prior (MacKay and Peto, Natural Language Engineering 1, 1995)
    """
    parts, shorter = [np.ones(1)], np.full((1, 4), 0.25)
    for width in range(1, WIDTH + 1):
        seen = counts.reshape(-1, 4 ** (width - 1), 4).sum(axis=0)
        prior = np.tile(shorter, (len(seen) // len(shorter), 1))
        shorter = (seen + strength * prior) / (seen.sum(axis=1, keepdims=True) + strength)
        parts.append(shorter.ravel())
    return np.concatenate(parts)
