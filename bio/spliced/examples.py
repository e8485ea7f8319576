"""Annotated genes to learn from, and why the others are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from hmmseq.errors import DataError, some

from ..alphabet import DNA, Codes, reverse_complement
from ..contigs import Part, parts_of
from ..formats.fasta import FastaRecord, checked
from ..gene import Gene
from ..genetic_code import GeneticCode, codons
from ..words import Floats
from .candidates import LONGEST_EXON, SHORTEST_EXON, exon_type

SHORTEST_INTRON = 20  # what is shorter mends a frame; no spliceosome cuts it
DONORS, ACCEPTORS = ("GT", "GC"), ("AG",)
_PRIOR_ENDS = 2.0
BLOCK = 20_000  # bases after which a region is cut, half-way between two genes


class LeftOut(NamedTuple):
    """An annotated gene that is not learned from."""

    gene: Gene
    reason: str

    def __str__(self) -> str:
        gene = self.gene
        return f"{gene.seqid}:{gene.start}-{gene.end}({gene.strand}) {gene.name or '(no name)'}: {self.reason}"


class Example(NamedTuple):
    """A gene to learn from: pieces [start, stop) from left to right, counted from 0 in its region."""

    strand: int  # 0 forward, 1 reverse
    pieces: tuple[tuple[int, int], ...]

    def moved(self, by: int) -> Example:
        """The same gene so many bases farther right."""
        return Example(self.strand, tuple((a + by, b + by) for a, b in self.pieces))

    def exons(self) -> list[tuple[int, int, int, int, int]]:
        """Start, stop, strand, type and phase of each exon, in the order of transcription."""
        exons, coding = [], 0
        for k, (a, b) in enumerate(self.pieces if self.strand == 0 else self.pieces[::-1]):
            exons.append((a, b, self.strand, exon_type(k, len(self.pieces)), coding % 3))
            coding += b - a
        return exons


@dataclass(frozen=True)
class Region:
    """A stretch of sequence all of whose genes are known; what lies between them counts as intergenic."""

    seqid: str
    offset: int
    codes: Codes
    genes: tuple[Example, ...] = field(default=())

    def strand_view(self, strand: int) -> tuple[Codes, list[list[tuple[int, int]]]]:
        """The sequence as this strand reads it, and the pieces of its genes in that order and those coordinates."""
        own = [list(gene.pieces) for gene in self.genes if gene.strand == strand]
        if strand == 0:
            return self.codes, own
        n = len(self.codes)
        return reverse_complement(self.codes), [[(n - b, n - a) for a, b in reversed(pieces)] for pieces in own]


def training_regions(
    records: Iterable[FastaRecord], genes: Iterable[Gene], code: GeneticCode
) -> tuple[list[Region], list[LeftOut]]:
    """Regions to learn from, and the genes that are left out, with reasons.

    Of genes that overlap on a strand, such as isoforms, the one with the longest coding sequence is kept. A gene that is
    left out for another reason cuts its stretch out of the sequence, so that it is not taken for intergenic.

    DataError if the annotation names no sequence of `records`, or if no gene is left.
    """
    records = list(checked(records))
    of_record: dict[str, list[Gene]] = {record.id: [] for record in records}
    left_out: list[LeftOut] = []
    genes = list(genes)
    for gene in genes:
        if gene.seqid in of_record:
            of_record[gene.seqid].append(gene)
        else:
            left_out.append(LeftOut(gene, f"no sequence is called {gene.seqid!r}"))
    _check_names(records, genes, left_out)
    regions = [
        block
        for record in records
        for region in _record_regions(record, of_record[record.id], code, left_out)
        for block in _blocks(region)
    ]
    if not any(region.genes for region in regions):
        raise DataError(f"none of {len(genes)} annotated genes can be learned from; {_summary(left_out)}")
    return regions, left_out


def shares_at_ends(shares: Floats, records: list[FastaRecord], genes: list[Gene]) -> Floats:
    """How often sequences begin and end in exons, introns and between genes, given the shares in the sequence.

    Chromosomes end anywhere; loci that somebody has cut out for their genes do not end in them. So the ends of all records
    are counted, with the shares as a prior.
    """
    length = {record.id: len(record.sequence) for record in records}
    left = {gene.seqid for gene in genes if gene.partial_left and gene.start == 1}
    right = {gene.seqid for gene in genes if gene.partial_right and gene.end == length.get(gene.seqid)}
    n_cut = len(left & length.keys()) + len(right & length.keys())
    inside = (n_cut + _PRIOR_ENDS * (1 - shares[2])) / (2 * len(records) + _PRIOR_ENDS)
    return np.append(inside * shares[:2] / shares[:2].sum(), 1 - inside)


def _check_names(records: list[FastaRecord], genes: list[Gene], left_out: list[LeftOut]) -> None:
    if not genes:
        raise DataError("the annotation has no coding gene; expected CDS features")
    if len(left_out) == len(genes):
        raise DataError(
            f"the annotation names {some({gene.seqid for gene in genes})}, the sequences are called "
            f"{some({record.id for record in records})}; the ids must be the same, rename one side"
        )


def _record_regions(
    record: FastaRecord, genes: list[Gene], code: GeneticCode, left_out: list[LeftOut]
) -> Iterator[Region]:
    codes, kept, blocked = record.encode(), [], []
    for gene in genes:
        reason = complaint(gene, codes, code)
        if reason is None:
            kept.append(gene)
        else:
            left_out.append(LeftOut(gene, reason))
            blocked.append(gene)
    kept, clashes = _without_overlaps(kept, left_out)
    holes = [(gene.start - 1, min(gene.end, len(codes))) for gene in blocked + clashes if gene.start <= len(codes)]
    holes = _merged(hole for hole in holes if not any(hole[0] < gene.end and gene.start - 1 < hole[1] for gene in kept))
    for part in parts_of(record):
        yield from _cut(part, holes, kept)


def complaint(gene: Gene, codes: Codes, code: GeneticCode) -> str | None:
    """Why a gene of this sequence cannot be learned from; None if it can."""
    pieces = gene.coding_pieces
    if gene.end > len(codes):
        return f"ends at {gene.end}, but its sequence has {len(codes)} bases"
    if gene.pseudo:
        return "a pseudogene"
    if not gene.complete or gene.phase:
        return "partial"
    if any(after[0] <= before[1] for before, after in pairwise(pieces)):
        return "its pieces overlap: a programmed frameshift, or trans-splicing"
    for a, b in pieces:
        if not SHORTEST_EXON <= b + 1 - a <= LONGEST_EXON:
            return f"an exon of {b + 1 - a} bases at {a}; exons have {SHORTEST_EXON} to {LONGEST_EXON}"
    return _coding_complaint(gene.coding_sequence(codes), code) or _intron_complaint(gene, codes)


def _coding_complaint(coding: Codes, code: GeneticCode) -> str | None:
    if len(coding) % 3:
        return f"its coding sequence has {len(coding)} bases, not a multiple of three"
    if (coding == DNA.missing).any():
        return "its coding sequence has unknown bases"
    numbers = codons(coding)
    if DNA.decode(coding[:3]) != "ATG":
        return f"begins with {DNA.decode(coding[:3])}, not with ATG"
    if numbers[-1] not in code.stops:
        return f"ends with {DNA.decode(coding[-3:])}, not with a stop codon"
    inner = np.flatnonzero(np.isin(numbers[:-1], code.stops))
    if len(inner):
        return f"a stop codon in frame at base {3 * inner[0] + 1} of its {len(coding)} coding bases"
    return None


def _intron_complaint(gene: Gene, codes: Codes) -> str | None:
    for (_, end), (start, _) in pairwise(gene.coding_pieces):
        intron = codes[end : start - 1]
        intron = intron if gene.strand == "+" else reverse_complement(intron)
        if len(intron) < SHORTEST_INTRON:
            return f"an intron of {len(intron)} bases at {end + 1}; the shortest that counts has {SHORTEST_INTRON}"
        ends = DNA.decode(intron[:2]), DNA.decode(intron[-2:])
        if ends[0] not in DONORS or ends[1] not in ACCEPTORS:
            return f"an intron {ends[0]}..{ends[1]} at {end + 1}; only GT..AG and GC..AG are modelled"
    return None


def _without_overlaps(genes: list[Gene], left_out: list[LeftOut]) -> tuple[list[Gene], list[Gene]]:
    """Genes of which no two overlap, by falling coding length; and what had to go but is no isoform."""
    kept: list[Gene] = []
    clashes = []
    for gene in sorted(genes, key=lambda gene: (-gene.coding_length, gene.start, gene.end)):
        rival = next((other for other in kept if other.start <= gene.end and gene.start <= other.end), None)
        if rival is None:
            kept.append(gene)
        elif rival.strand == gene.strand:
            left_out.append(LeftOut(gene, f"overlaps a longer gene of its strand, {_place(rival)}: an isoform?"))
        else:
            left_out.append(LeftOut(gene, f"overlaps a longer gene of the other strand, {_place(rival)}"))
            clashes.append(gene)
    return sorted(kept, key=lambda gene: gene.start), clashes


def _merged(holes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(holes):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _cut(part: Part, holes: list[tuple[int, int]], genes: list[Gene]) -> Iterator[Region]:
    """A part without its holes, with the genes that lie inside each piece."""
    low, high = part.offset, part.offset + len(part.codes)
    edges = [low, *(edge for hole in holes for edge in hole if low < edge < high), high]
    inside = any(a <= low < b for a, b in holes)
    for k, (first, last) in enumerate(pairwise(edges)):
        if (k % 2 == 1) == inside and first < last:
            own = [gene for gene in genes if first < gene.start and gene.end <= last]
            yield Region(
                part.seqid, first, part.codes[first - low : last - low], tuple(_example(g, first) for g in own)
            )


def _blocks(region: Region) -> Iterator[Region]:
    """A long region in pieces that can be dealt into folds."""
    first, cuts = 0, []
    for before, after in pairwise(region.genes):
        middle = (before.pieces[-1][1] + after.pieces[0][0]) // 2
        if middle - first >= BLOCK:
            cuts.append(middle)
            first = middle
    for low, high in pairwise([0, *cuts, len(region.codes)]):
        own = [gene.moved(-low) for gene in region.genes if low <= gene.pieces[0][0] and gene.pieces[-1][1] <= high]
        yield Region(region.seqid, region.offset + low, region.codes[low:high], tuple(own))


def _example(gene: Gene, offset: int) -> Example:
    return Example(int(gene.strand == "-"), tuple((a - 1 - offset, b - offset) for a, b in gene.coding_pieces))


def _summary(left_out: list[LeftOut]) -> str:
    shown = "; ".join(str(one) for one in left_out[:3])
    return f"the first reasons: {shown}" if shown else ""


def _place(gene: Gene) -> str:
    return gene.name or f"{gene.start}-{gene.end}"
