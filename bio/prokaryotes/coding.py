"""What genes are made of: three-periodic Markov chains of fifth order, in several classes, against the background.

Inhomogeneous Markov models of coding sequence: Borodovsky and McIninch, Computers Chem. 17 (1993); orders are backed off
one by one with Dirichlet priors (MacKay and Peto, Natural Language Engineering 1, 1995).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hmmseq._jit import jit

from .. import words
from ..alphabet import Codes
from ..genetic_code import GeneticCode
from ..words import WIDTH, Floats

N_WORDS = words.N_FULL
_TINY = 1e-9  # probability of an in-frame stop, which is never read


@jit
def count_coding(codes, begin, stop, weight, out):
    """out[class, codon position, word] += weight[gene, class], words that end in codons from `begin` to before `stop`."""
    for g in range(begin.size):
        word, known = 0, 0
        for p in range(max(begin[g] - WIDTH + 1, 0), stop[g]):
            if codes[p] > 3:
                known = 0
                continue
            word = ((word << 2) | codes[p]) & (N_WORDS - 1)
            known += 1
            if p >= begin[g] and known >= WIDTH:
                for k in range(out.shape[0]):
                    out[k, (p - begin[g]) % 3, word] += weight[g, k]


@jit
def count_background(codes, taken, out):
    """out[word] += 1 for words none of whose letters is taken."""
    word, known = 0, 0
    for p in range(codes.size):
        if codes[p] > 3 or taken[p]:
            known = 0
            continue
        word = ((word << 2) | codes[p]) & (N_WORDS - 1)
        known += 1
        if known >= WIDTH:
            out[word] += 1.0


def background_words(codes: Codes, taken: NDArray[np.bool_]) -> Floats:
    """(4096,) counts of words of both strands none of whose letters is taken."""
    counts = np.zeros(N_WORDS)
    count_background(codes, taken, counts)
    return counts + counts[words.reverse_complements(WIDTH)]


@jit
def mark_taken(taken, begin, end):
    """taken[begin ... end - 1] = True for each pair."""
    for i in range(begin.size):
        for p in range(begin[i], end[i]):
            taken[p] = True


@jit(inner=True)
def codon_word(codes, p):
    """The codon at p and the five letters before it as one word; -1 where any is unknown."""
    if p < WIDTH - 1:
        return -1
    word = 0
    for q in range(p - WIDTH + 1, p + 3):
        if codes[q] > 3:
            return -1
        word = (word << 2) | codes[q]
    return word


@jit(inner=True)
def codon_before(codes, p, word):
    """The same as `codon_word`, from that of the codon at p + 3."""
    if word < 0 or p < WIDTH - 1 or codes[p - 5] > 3 or codes[p - 4] > 3 or codes[p - 3] > 3:
        return codon_word(codes, p)
    return (word >> 6) | (codes[p - 5] << 14) | (codes[p - 4] << 12) | (codes[p - 3] << 10)


@jit
def class_scores(codes, begin, stop, table, out):
    """out[gene, class] += log odds of the codons from `begin` to before `stop`."""
    for g in range(begin.size):
        word = -1
        for p in range(stop[g] - 3, begin[g] - 1, -3):
            word = codon_before(codes, p, word)
            if word >= 0:
                for k in range(table.shape[1]):
                    out[g, k] += table[word, k]


def conditionals(counts: Floats, strength: float | Sequence[float]) -> Floats:
    """(..., 4096) probability of the last letter of each word given the five before it, from counts of words."""
    rows = [words.conditionals(row, strength)[words.FIRST[WIDTH] :] for row in counts.reshape(-1, N_WORDS)]
    return np.reshape(rows, counts.shape)


def without_stops(p: Floats, code: GeneticCode) -> Floats:
    """(..., 3, 4096) the same without stop codons in frame."""
    out = p.copy().reshape(*p.shape[:-1], 64, 16, 4)
    for codon in code.stops:
        out[..., 2, :, codon // 4, codon % 4] = _TINY
    return (out / out.sum(-1, keepdims=True)).reshape(p.shape)


def open_background(background: Floats, code: GeneticCode) -> Floats:
    """(3, 4096) the background, given that no codon in frame is a stop: what it is to be open and nothing else."""
    return without_stops(np.repeat(background[None], 3, axis=0), code)


def independent_codons(usage: Floats) -> Floats:
    """(3, 4096) codons that follow one another by chance, as conditional probabilities. usage: (64,)"""
    codon = usage.reshape(4, 4, 4)
    first, pair = codon.sum((1, 2)), codon.sum(2)
    out = np.empty((3, *[4] * WIDTH))
    out[0] = first
    out[1] = pair / first[:, None]
    out[2] = codon / np.maximum(pair[:, :, None], _TINY)
    return np.maximum(out.reshape(3, N_WORDS), _TINY)


def codon_table(coding: Floats, background: Floats) -> NDArray[np.float32]:
    """(65536, n_classes) log odds of a codon given the five letters before it, for all words of eight letters."""
    odds = np.log(coding) - np.log(background)
    word = np.arange(4**8)
    table = np.empty((len(word), len(odds)), dtype=np.float32)
    for k, (first, second, third) in enumerate(
        odds
    ):  # one by one: all at once, the temporaries are larger than the table
        table[:, k] = first[word >> 4] + second[(word >> 2) & (N_WORDS - 1)] + third[word & (N_WORDS - 1)]
    return table
