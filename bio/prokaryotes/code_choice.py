"""Which genetic code a genome is written in.

Codes that differ in their stop or start codons make other open frames: the likelihood of the genome tells them apart. Those
that differ in the meaning of a codon alone do not; there the proteins decide, which should be like others.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..genetic_code import GeneticCode
from . import coding
from .average_protein import COMPOSITION
from .candidates import Chosen, Genome
from .coding import N_WORDS, Floats
from .open_frames import start_codons
from .training import sense, stops_of


def group_by_frames(codes: Iterable[GeneticCode]) -> list[list[GeneticCode]]:
    """Codes with the same open frames, together."""
    groups: dict[tuple, list[GeneticCode]] = {}
    for code in codes:
        groups.setdefault((code.stops, start_codons(code)), []).append(code)
    return list(groups.values())


def codons_of(genome: Genome, chosen: Chosen) -> Floats:
    """(64,) how often genes use each codon, start and stop codons left out."""
    counts = np.zeros((1, 3, N_WORDS))
    for s, frames in enumerate(genome.strands):
        own = chosen.of_strand(s)
        coding.count_coding(frames.codes, sense(frames, own), stops_of(frames, own), np.ones((len(own), 1)), counts)
    return counts[0, 2].reshape(64, 64).sum(0)


def likeliest(codes: list[GeneticCode], codons: Floats) -> GeneticCode:
    """The code by which these codons make proteins most like the average one.

    That is the least sum of squares of log ratios, amino acid by amino acid: the rare ones count as much as the others.
    """
    return min(codes, key=lambda code: _distance(code, codons))


def _distance(code: GeneticCode, codons: Floats) -> float:
    expected = np.array([*COMPOSITION.values()])
    found = np.array([codons[[letter == a for letter in code.letters]].sum() for a in COMPOSITION]) + 1.0
    return float((np.log(found / found.sum() / expected * expected.sum()) ** 2).sum())
