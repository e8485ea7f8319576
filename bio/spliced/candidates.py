"""All exons that one strand could have: every begin with every end in an open frame."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq._jit import jit

from ..alphabet import Codes

Places = NDArray[np.int64]

SINGLE, INITIAL, INTERNAL, TERMINAL = range(4)
TYPES = ("single", "initial", "internal", "terminal")
SHORTEST_EXON, LONGEST_EXON = 3, 20_000  # with three bases an exon shows both halves of the codons that it shares


def exon_type(k: int, n: int) -> int:
    """Type of exon k of n, in the order of transcription."""
    if n == 1:
        return SINGLE
    return INITIAL if k == 0 else TERMINAL if k == n - 1 else INTERNAL


class Sites(NamedTuple):
    """Where exons of one strand may begin and end, each in ascending order.

    start, acceptor  first base of an exon that begins with a start codon, or behind an intron
    donor            first base of an intron
    """

    start: Places
    acceptor: Places
    donor: Places


class Exons(NamedTuple):
    """Candidates of one strand: bases start ... stop - 1; columns of equal length.

    type   SINGLE, INITIAL, INTERNAL or TERMINAL
    phase  bases of a split codon before the exon, 0 for those that begin with a start codon
    begin  which start codon or acceptor of `Sites`
    end    which donor, -1 for a stop codon
    """

    start: Places
    stop: Places
    type: Places
    phase: Places
    begin: Places
    end: Places


def next_stops(codes: Codes, stop: NDArray[np.bool_]) -> Places:
    """(length + 3,) where the first stop codon in the frame of each base begins; the length or more: there is none.

    stop  (64,) whether a codon is a stop
    """
    return _next_stops(codes, stop)


def enumerate_exons(
    sites: Sites, after: Places, length: int, shortest: int = SHORTEST_EXON, longest: int = LONGEST_EXON
) -> Exons:
    """All exons without an inner stop codon in frame, by begin, phase and end.

    after              `next_stops`
    shortest, longest  numbers of bases, 3 at least
    """
    begins = np.concatenate([sites.start, sites.acceptor])
    n_starts, none = len(sites.start), np.empty((6, 0), np.int64)
    n = _exons(begins, n_starts, sites.donor, after, length, shortest, longest, none, False)
    found = np.empty((6, n), np.int64)
    _exons(begins, n_starts, sites.donor, after, length, shortest, longest, found, True)
    return Exons(*found)


@jit
def _next_stops(codes, stop):
    n = len(codes)
    after = np.empty(n + 3, np.int64)
    for i in range(n, n + 3):
        after[i] = i
    for i in range(n - 1, -1, -1):
        after[i] = after[i + 3]
        known = i + 3 <= n and max(codes[i], codes[i + 1], codes[i + 2]) < 4
        if known and stop[16 * codes[i] + 4 * codes[i + 1] + codes[i + 2]]:
            after[i] = i
    return after


@jit
def _exons(begins, n_starts, donors, after, length, shortest, longest, found, write):
    """Number of exons; written to the columns of `found` if `write`."""
    n = 0
    for b in range(len(begins)):
        start, opens = begins[b], b < n_starts
        first = np.searchsorted(donors, start + shortest)
        for phase in range(1 if opens else 3):
            codon = start + (3 - phase) % 3
            stop = after[min(codon, length)]
            last = min(stop + 2, start + longest)  # a stop codon cut by an intron is none yet
            k = first
            while k < len(donors) and donors[k] <= last:
                if write:
                    found[0, n], found[1, n], found[2, n] = start, donors[k], INITIAL if opens else INTERNAL
                    found[3, n], found[4, n], found[5, n] = phase, b if opens else b - n_starts, k
                n += 1
                k += 1
            if stop + 3 <= length and shortest <= stop + 3 - start <= longest:
                if write:
                    found[0, n], found[1, n], found[2, n] = start, stop + 3, SINGLE if opens else TERMINAL
                    found[3, n], found[4, n], found[5, n] = phase, b if opens else b - n_starts, -1
                n += 1
    return n
