"""What a genome's genes, and the rest of it, are made of: counts of words and codons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .average_protein import codon_usage, tilted, word_usage
from .gene_graph import BACKGROUND, CLOSE, FORWARD, OPEN, REVERSE, GeneGraph
from .genetic_code import GeneticCode
from .words import FIRST, N_FULL, N_WORDS, WIDTH, Floats, reverse_complements

OTHER_STRAND = reverse_complements(WIDTH)
OTHER_CODON = reverse_complements(3)
_CERTAIN = 1e9  # counts so large that back-off changes nothing

# Start codons before any are seen, in genes: the usual ones, then whatever else the code allows.
_ATG, _NTG = 14, (30, 46, 62)  # and CTG, GTG, TTG
_START_PRIOR = ((_ATG, 16.0), *((codon, 1.3) for codon in _NTG))
_RARE_START = 0.02

# Prior counts behind what is learned. M. genitalium (0.58 Mb) needs them: without, short open frames train the model
# that scores them, and 3'-end F1 falls from 94.4 to 92.6.
_PROTEIN_WORDS = 20_000  # of average protein behind all coding classes together, by codon position
_SHARED_WORDS = 30_000  # of all classes together behind each one
_GENOME_WORDS = 20_000  # of the whole genome behind the background


@dataclass(frozen=True)
class Usage:
    """Counts of words and codons, on both strands together and read in the direction of the genes.

    background  (4096,) six-letter words outside genes
    coding      (n_classes, 3, 4096) words inside, by coding class and codon position of their last letter
    starts      (64,) start codons
    stops       (64,) stop codons
    """

    background: Floats
    coding: Floats
    starts: Floats
    stops: Floats


def first_usage(code: GeneticCode, words: Floats, tilts: tuple[float, ...]) -> Usage:
    """Before training: average proteins at several base compositions, against the whole genome's short words.

    words  (4096,) counts in the genome
    """
    both = words + words[OTHER_STRAND]
    composition = both.reshape(-1, 4).sum(axis=0) / both.sum()
    # Words of the whole genome are mostly coding; in words of two letters that hardly shows.
    pairs = both.reshape(-1, 16).sum(axis=0).reshape(4, 4)
    step = pairs / pairs.sum(axis=1, keepdims=True)
    background = np.einsum("a,ab,bc,cd,de,ef->abcdef", composition, step, step, step, step, step).ravel()
    proteins = [word_usage(codon_usage(code, tilted(composition, tilt))) for tilt in tilts]
    return Usage(_CERTAIN * background, _CERTAIN * np.array(proteins), start_prior(code), stop_prior(code))


def add_prior(counted: Usage, first: Usage) -> Usage:
    """Usage to score with: what was counted, with what was known before training behind it."""
    proteins = first.coding.mean(axis=0) / _CERTAIN
    together = counted.coding.sum(axis=0) + _PROTEIN_WORDS * proteins
    shares = together / together.sum(axis=1, keepdims=True)
    return Usage(
        background=counted.background + _GENOME_WORDS / _CERTAIN * first.background,
        coding=counted.coding + _SHARED_WORDS * shares,
        starts=counted.starts + first.starts,
        stops=counted.stops + first.stops,
    )


def start_prior(code: GeneticCode) -> Floats:
    weights = np.zeros(64)
    weights[list(code.starts)] = _RARE_START
    for codon, weight in _START_PRIOR:
        weights[codon] = weight if codon in code.starts else 0.0
    return weights


def usual_starts(code: GeneticCode) -> tuple[int, ...]:
    """NTG codons among the starts of a code; all its starts if there are none."""
    return tuple(codon for codon, _ in _START_PRIOR if codon in code.starts) or code.starts


def stop_prior(code: GeneticCode) -> Floats:
    weights = np.zeros(64)
    weights[list(code.stops)] = 1.0
    return weights


def gather(graph: GeneGraph, rows: Floats) -> Usage:
    """Usage from counts of symbols by label, (N_WORDS, n_labels)."""
    full = rows[FIRST[WIDTH] : N_WORDS]
    coding = np.zeros((graph.n_classes, 3, N_FULL))
    for k, position in np.ndindex(graph.n_classes, 3):
        forward, reverse = graph.coding_labels[:, k, position]
        coding[k, position] += full[:, forward]
        coding[k, last_position(position)] += full[OTHER_STRAND, reverse]
    codons = full.reshape(64, 64, -1).sum(axis=0)
    return Usage(
        background=full[:, BACKGROUND] + full[OTHER_STRAND, BACKGROUND],
        coding=coding,
        starts=codons[:, OPEN[FORWARD]] + codons[OTHER_CODON, CLOSE[REVERSE]],
        stops=codons[:, CLOSE[FORWARD]] + codons[OTHER_CODON, OPEN[REVERSE]],
    )


def last_position(position: int) -> int:
    """Codon position, in a reverse gene's direction, of the last letter of the word that its strand reads here.

    The word's last letter from left to right, at `position`, is its first one in the gene's direction.
    """
    return (2 - position + WIDTH - 1) % 3
