"""What any protein-coding gene looks like before a genome has been seen: average protein composition.

Amino acids as often as in all known proteins, their codons by the genome's own base composition. No genome's codon use
goes in, so self-training starts alike for every genome and genetic code.
"""

from __future__ import annotations

import numpy as np

from ..genetic_code import GeneticCode
from .coding import N_WORDS, Floats

# Percent of residues in UniProtKB/Swiss-Prot (release statistics, CC BY 4.0).
COMPOSITION = {
    "A": 8.25, "R": 5.53, "N": 4.06, "D": 5.46, "C": 1.38, "Q": 3.93, "E": 6.72, "G": 7.07, "H": 2.27, "I": 5.91,
    "L": 9.65, "K": 5.80, "M": 2.41, "F": 3.86, "P": 4.74, "S": 6.65, "T": 5.36, "W": 1.10, "Y": 2.92, "V": 6.86,
}  # fmt: skip


def tilted(composition: Floats, shift: float) -> Floats:
    """Base composition (4,), alike on both strands, with the log odds of G and C moved by `shift`."""
    gc = composition[1] + composition[2]
    odds = gc / (1 - gc) * np.exp(shift)
    gc = odds / (1 + odds)
    return np.array([1 - gc, gc, gc, 1 - gc]) / 2


def codon_usage(code: GeneticCode, composition: Floats) -> Floats:
    """(64,) probability of each codon; zero for stops."""
    chance = np.einsum("a,b,c->abc", composition, composition, composition).ravel()
    chance[list(code.stops)] = 0.0
    usage = np.zeros(64)
    for amino_acid, percent in COMPOSITION.items():
        synonyms = np.array([letter == amino_acid for letter in code.letters]) & (chance > 0)
        if synonyms.any():
            usage += percent * np.where(synonyms, chance, 0) / chance[synonyms].sum()
    return usage / usage.sum()


def word_usage(codons: Floats) -> Floats:
    """(3, 4096) six-letter words by codon position of their last letter, where codons follow one another by chance."""
    codon, words = codons.reshape(4, 4, 4), np.empty((3, N_WORDS))
    for position in range(3):  # the end of a codon, one that is whole, and the beginning of a third
        end, begin = codon.sum(tuple(range(position + 1))), codon.sum(tuple(range(position + 1, 3)))
        words[position] = np.multiply.outer(np.multiply.outer(end, codon), begin).ravel()
    return words
