"""Records cut at long runs of unknown letters, and windows over what is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .alphabet import DNA, Codes
from .fasta import FastaRecord

_GAP = 30  # so many unknown letters in a row part a contig; a gene can run through fewer
WINDOW, MARGIN = 200_000, 5_000  # what lies further away than a margin hardly counts for a posterior


class Part(NamedTuple):
    """A stretch of a record without long runs of unknown letters."""

    seqid: str
    offset: int
    codes: Codes


class Window(NamedTuple):
    """Bases first ... last - 1 of a part, seen together with their surroundings, low ... high - 1."""

    part: int
    low: int
    first: int
    last: int
    high: int


def parts_of(record: FastaRecord) -> Iterator[Part]:
    """The stretches of a record; DataError for letters that are not DNA."""
    codes = record.encode()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], codes == DNA.missing, [0]])))
    gaps = [(a, b) for a, b in edges.reshape(-1, 2).tolist() if b - a >= _GAP]
    begins, ends = [0, *(b for _, b in gaps)], [*(a for a, _ in gaps), len(codes)]
    return (Part(record.id, a, codes[a:b]) for a, b in zip(begins, ends) if a < b)


def windows(lengths: list[int]) -> Iterator[Window]:
    """Windows that cover parts of these lengths."""
    for part, length in enumerate(lengths):
        for first in range(0, length, WINDOW):
            last = min(first + WINDOW, length)
            yield Window(part, max(0, first - MARGIN), first, last, min(length, last + MARGIN))
