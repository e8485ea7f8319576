"""What coding sequence, introns and the rest are made of: Markov chains of order five with back-off.

The symbol of a base is the word of up to six letters that ends there (`words.py`), so a chain of order five is a table
of symbols, and unknown bases are summed over. Contexts that were seen rarely lean on shorter ones (`words.conditionals`),
which is what interpolation does for an interpolated Markov model (Salzberg et al., NAR 26, 1998).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..alphabet import DNA, Codes
from ..words import FIRST, N_FULL, N_WORDS, WIDTH, Floats, Integers, conditionals, encode_words, reverse_complements

_OTHER_STRAND = reverse_complements(WIDTH)


GC_WINDOW = 2000  # bases on either side whose composition says which class a base belongs to
_SHARED = 0.5  # of the counts of all classes together behind those of each


class WordCounts(NamedTuple):
    """Counts of six-letter words by GC class, in the direction of the genes.

    coding  (n_classes, 3, 4096) by codon position of the last letter
    intron  (n_classes, 4096)
    other   (n_classes, 4096) outside genes, both strands together
    """

    coding: Floats
    intron: Floats
    other: Floats

    def plus(self, other: WordCounts) -> WordCounts:
        """The sum of both, part by part."""
        return WordCounts(*(a + b for a, b in zip(self, other)))


class Content(NamedTuple):
    """Log odds of the last letter of each word against sequence outside genes, by GC class.

    coding  (n_classes, 3, N_WORDS) by codon position
    intron  (n_classes, N_WORDS)
    """

    coding: Floats
    intron: Floats


def no_words(n_classes: int) -> WordCounts:
    """Counts to begin with."""
    return WordCounts(np.zeros((n_classes, 3, N_FULL)), np.zeros((n_classes, N_FULL)), np.zeros((n_classes, N_FULL)))


def gc_share(codes: Codes) -> Floats:
    """(length,) share of G and C among the known bases around each base."""
    is_gc, known = (np.concatenate([[0], np.cumsum(own)]) for own in ((codes == 1) | (codes == 2), codes < DNA.missing))
    place = np.arange(len(codes))
    low, high = np.maximum(place - GC_WINDOW, 0), np.minimum(place + GC_WINDOW + 1, len(codes))
    return (is_gc[high] - is_gc[low]) / np.maximum(known[high] - known[low], 1)


def gc_classes(codes: Codes, edges: Floats) -> Integers:
    """(length,) GC class of each base; edges (n_classes - 1,) of G+C in ascending order."""
    if not len(edges):
        return np.zeros(len(codes), np.int64)
    return np.searchsorted(edges, gc_share(codes), side="right")


def count_words(codes: Codes, genes: list[list[tuple[int, int]]], edges: Floats) -> WordCounts:
    """Words of the genes of one strand: coding words of the spliced sequence, and those of the introns.

    genes  pieces [start, stop) of each gene, in the direction of `codes`; one is of the class of its middle
    edges  of GC classes
    """
    classes, counts = gc_classes(codes, edges), no_words(len(edges) + 1)
    for pieces in genes:
        own = classes[(pieces[0][0] + pieces[-1][1]) // 2]
        spliced = encode_words(np.concatenate([codes[a:b] for a, b in pieces]))
        for position in range(3):
            counts.coding[own, position] += _full(spliced[position::3])
        for (_, a), (b, _) in pairwise(pieces):
            counts.intron[own] += _full(encode_words(codes[a:b]))
    return counts


def count_outside(codes: Codes, spans: list[tuple[int, int]], edges: Floats) -> Floats:
    """(n_classes, 4096) words on both strands outside genes, which lie at spans [start, stop) in ascending order."""
    classes, counts = gc_classes(codes, edges), np.zeros((len(edges) + 1, N_FULL))
    ends = [0, *(end for span in spans for end in span), len(codes)]
    for a, b in zip(ends[::2], ends[1::2]):
        words = encode_words(codes[a:b]) if a < b else np.zeros(0, np.int32)
        for own in range(len(counts)):
            counts[own] += _full(words[classes[a:b] == own] if len(words) else words)
    return counts + counts[:, _OTHER_STRAND]


def fit_content(counts: WordCounts, coding_strength: float, strength: float) -> Content:
    """Log odds from counts; a context seen n times weighs n / (n + strength) against the next shorter one.

    Classes lean on one another: behind the counts of each stand half of those of all others.
    """
    coding, intron, other = (own + _SHARED * (own.sum(0) - own) for own in counts)
    against = np.log([conditionals(own, strength) for own in other])
    by_position = np.log([[conditionals(own, coding_strength) for own in positions] for positions in coding])
    return Content(by_position - against[:, None], np.log([conditionals(own, strength) for own in intron]) - against)


def coding_sums(words: NDArray[np.int32], classes: Integers, coding: Floats) -> Floats:
    """(3, length + 1) log odds of all bases before each place, if the first base of a codon is at 0, 1 or 2 (mod 3)."""
    n = len(words)
    sums = np.zeros((3, n + 1))
    for frame in range(3):
        own = np.empty(n)
        for position in range(3):
            here = slice((frame + position) % 3, None, 3)
            own[here] = coding[classes[here], position, words[here]]
        np.cumsum(own, out=sums[frame, 1:])
    return sums


def _full(words: NDArray[np.int32]) -> Floats:
    return np.bincount(words, minlength=N_WORDS)[FIRST[WIDTH] :].astype(np.float64)
