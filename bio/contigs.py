"""Records cut at long runs of unknown letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .alphabet import DNA, Codes
from .formats.fasta import FastaRecord

_GAP = 30  # so many unknown letters in a row part a contig; a gene can run through fewer
MARGIN = 5_000  # bases; what lies further away hardly counts for a posterior


class Part(NamedTuple):
    """A stretch of a record without long runs of unknown letters."""

    seqid: str
    offset: int
    codes: Codes
    whole: bool = False  # of the record


def parts_of(record: FastaRecord, mask_lower_case: bool = False) -> Iterator[Part]:
    """The stretches of a record; DataError for letters that are not DNA. Masked letters are unknown."""
    codes = record.encode()
    if mask_lower_case:
        codes[np.frombuffer(record.sequence, np.uint8) >= ord("a")] = DNA.missing
    gaps = [gap.span() for gap in re.finditer(_long_gap(mask_lower_case), record.sequence)]
    begins, ends = [0, *(b for _, b in gaps)], [*(a for a, _ in gaps), len(codes)]
    return (Part(record.id, a, codes[a:b], b - a == len(codes)) for a, b in zip(begins, ends) if a < b)


def is_whole(record: FastaRecord) -> bool:
    """Whether no long run of unknown letters parts the record."""
    return not re.search(_long_gap(False), record.sequence)


def _long_gap(mask_lower_case: bool) -> bytes:
    return rb"[^%s]{%d,}" % (b"ACGTU" if mask_lower_case else b"ACGTUacgtu", _GAP)
