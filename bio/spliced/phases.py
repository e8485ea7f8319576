"""Codons that an intron cuts in two, and which halves may meet.

An exon ends with 0, 1 or 2 bases of a codon that the next one completes. So that no stop codon arises across a splice
site, introns remember what was left: of the standard code six kinds are enough, one of phase 0, two of phase 1 (T, and
the rest) and three of phase 2 (TA, TG, and the rest). Ends that the same completions would turn into a stop are one
kind; so are beginnings that complete the same ends.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..genetic_code import GeneticCode

_N = 4  # an unknown base completes nothing


class SplitCodons:
    """Kinds of exon ends and beginnings for a genetic code.

    n_introns   kinds of ends before an intron, 0 ... n_introns - 1
    n_begins    kinds of beginnings after an intron, 0 ... n_begins - 1
    intron      (3, 25) kind of end by phase and 5 * second to last base + last base of the exon
    begin       (3, 25) kind of beginning by phase and 5 * first + second base of the exon
    joins       (n_introns, n_begins) whether an end and a beginning give a codon that is no stop, in one phase
    phase       (n_introns,) bases of the split codon before the intron
    begin_phase (n_begins,) the same, of beginnings

    >>> kinds = SplitCodons(GeneticCode.from_table(1))
    >>> kinds.n_introns, kinds.n_begins, kinds.phase.tolist()
    (6, 6, [0, 1, 1, 2, 2, 2])
    """

    def __init__(self, code: GeneticCode) -> None:
        stops: set[tuple[int, ...]] = {(codon // 16, codon // 4 % 4, codon % 4) for codon in code.stops}
        ends: list[tuple[int, frozenset]] = []  # phase, what would complete a stop
        begins: list[tuple[int, frozenset]] = []  # phase, which ends it would complete to a stop
        self.intron, self.begin = np.zeros((2, 3, 25), np.int64)
        for phase in range(3):
            for pair in product(range(5), repeat=2):
                kind = (phase, _completions(stops, pair[2 - phase :]))
                self.intron[phase, 5 * pair[0] + pair[1]] = _number(ends, kind)
            for pair in product(range(5), repeat=2):
                own = pair[: 3 - phase] if phase else ()
                bad = frozenset(k for k, (p, rest) in enumerate(ends) if p == phase and own in rest)
                self.begin[phase, 5 * pair[0] + pair[1]] = _number(begins, (phase, bad))
        self.n_introns, self.n_begins = len(ends), len(begins)
        self.phase, self.begin_phase = (np.array([phase for phase, _ in kinds]) for kinds in (ends, begins))
        self.joins: NDArray[np.bool_] = np.array(
            [[phase == own and k not in bad for own, bad in begins] for k, (phase, _) in enumerate(ends)]
        )


def _completions(stops: set[tuple[int, ...]], left: tuple[int, ...]) -> frozenset:
    """What would complete these bases of a codon to a stop; of no bases at all nothing is asked."""
    return frozenset(codon[len(left) :] for codon in stops if left and codon[: len(left)] == left)


def _number(kinds: list, kind: tuple[int, frozenset]) -> int:
    if kind not in kinds:
        kinds.append(kind)
    return kinds.index(kind)
