"""What coding sequence, introns and the rest are made of: Markov chains of order five with back-off.

The symbol of a base is the word of up to six letters that ends there (`words.py`), so a chain of order five is a table
of symbols, and unknown bases are summed over. Contexts that were seen rarely lean on shorter ones (`words.conditionals`),
which is what interpolation does for an interpolated Markov model (Salzberg et al., NAR 26, 1998).
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..alphabet import Codes
from ..words import FIRST, N_FULL, N_WORDS, WIDTH, Floats, conditionals, encode_words, reverse_complements

_OTHER_STRAND = reverse_complements(WIDTH)


class WordCounts(NamedTuple):
    """Counts of six-letter words, in the direction of the genes.

    coding  (3, 4096) by codon position of the last letter
    intron  (4096,)
    other   (4096,) outside genes, both strands together
    """

    coding: Floats
    intron: Floats
    other: Floats

    def plus(self, other: WordCounts, weight: float = 1.0) -> WordCounts:
        return WordCounts(*(a + weight * b for a, b in zip(self, other)))


class Content(NamedTuple):
    """Log odds of the last letter of each word against sequence outside genes.

    coding  (3, N_WORDS) by codon position
    intron  (N_WORDS,)
    """

    coding: Floats
    intron: Floats


def no_words() -> WordCounts:
    return WordCounts(np.zeros((3, N_FULL)), np.zeros(N_FULL), np.zeros(N_FULL))


def count_words(codes: Codes, genes: list[list[tuple[int, int]]]) -> WordCounts:
    """Words of the genes of one strand: coding words of the spliced sequence, and those of the introns.

    genes  pieces [start, stop) of each gene, in the direction of `codes`
    """
    counts = no_words()
    for pieces in genes:
        spliced = encode_words(np.concatenate([codes[a:b] for a, b in pieces]))
        for position in range(3):
            counts.coding[position] += _full(spliced[position::3])
        for (_, a), (b, _) in itertools.pairwise(pieces):
            counts.intron[:] += _full(encode_words(codes[a:b]))
    return counts


def count_outside(codes: Codes, spans: list[tuple[int, int]]) -> Floats:
    """(4096,) words on both strands outside genes, which lie at spans [start, stop) in ascending order."""
    counts = np.zeros(N_FULL)
    edges = [0, *(edge for span in spans for edge in span), len(codes)]
    for a, b in zip(edges[::2], edges[1::2]):
        if a < b:
            counts += _full(encode_words(codes[a:b]))
    return counts + counts[_OTHER_STRAND]


def fit_content(counts: WordCounts, coding_strength: float, strength: float) -> Content:
    """Log odds from counts; a context seen n times weighs n / (n + strength) against the next shorter one."""
    other = np.log(conditionals(counts.other, strength))
    coding = np.stack([np.log(conditionals(own, coding_strength)) for own in counts.coding])
    return Content(coding - other, np.log(conditionals(counts.intron, strength)) - other)


def coding_sums(words: NDArray[np.int32], coding: Floats) -> Floats:
    """(3, length + 1) log odds of all bases before each place, if the first base of a codon is at 0, 1 or 2 (mod 3)."""
    by_position = coding[:, words]
    n = len(words)
    sums = np.zeros((3, n + 1))
    for frame in range(3):
        own = np.empty(n)
        for position in range(3):
            first = (frame + position) % 3
            own[first::3] = by_position[position, first::3]
        np.cumsum(own, out=sums[frame, 1:])
    return sums


def _full(words: NDArray[np.int32]) -> Floats:
    return np.bincount(words, minlength=N_WORDS)[FIRST[WIDTH] :].astype(np.float64)
