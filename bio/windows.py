"""Long sequences a window at a time: what memory they need is that of a window, whatever their length.

Neighbouring windows share a stretch. Far from its ends both have the same genes, and there one is left for the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .formats.fasta import FastaRecord, checked
from .gene import Gene

WINDOW, SHARED = 8_000_000, 100_000  # bases
_EDGE = 20_000  # bases at either end of the shared stretch where the end of a window may be felt


def batches(records: Iterable[FastaRecord]) -> Iterator[list[FastaRecord]]:
    """Records that together are no longer than a window, or a single one that is longer."""
    batch, size = list[FastaRecord](), 0
    for record in checked(records):
        if batch and size + len(record.sequence) > WINDOW:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.sequence)
    if batch:
        yield batch


def first_bases(records: Iterable[FastaRecord], most: int) -> Iterator[FastaRecord]:
    """The first records, as many as hold `most` bases, the last one cut off there."""
    for record in checked(records):
        if most <= 0:
            break
        yield record if len(record.sequence) <= most else FastaRecord(record.id, "", record.sequence[:most])
        most -= len(record.sequence)


def by_window(record: FastaRecord, find: Callable[[FastaRecord], list[Gene]]) -> list[Gene]:
    """Genes of a long record, from those of its windows."""
    genes, step = list[Gene](), WINDOW - SHARED
    for first in range(0, max(len(record.sequence) - SHARED, 1), step):
        piece = FastaRecord(record.id, "", record.sequence[first : first + WINDOW])
        found = [gene.moved(first) for gene in find(piece)]
        genes = joined(genes, found, first, first + SHARED) if first else found
    return genes


def joined(left: list[Gene], right: list[Gene], low: int, high: int) -> list[Gene]:
    """Genes of two windows that share the bases after `low` up to `high`, one after the other.

    The seam is the gene nearest to the middle that both have; without one it is the middle.
    """
    middle, place = (low + high) // 2, {(gene.start, gene.end, gene.strand): i for i, gene in enumerate(right)}
    shared = [
        (abs(gene.start - middle), i, place[gene.start, gene.end, gene.strand])
        for i, gene in enumerate(left)
        if low + _EDGE < gene.start and gene.end < high - _EDGE and (gene.start, gene.end, gene.strand) in place
    ]
    if shared:
        _, i, j = min(shared)
        return left[: i + 1] + right[j + 1 :]
    return [gene for gene in left if gene.start <= middle] + [gene for gene in right if gene.start > middle]
