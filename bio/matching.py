"""What predicted and annotated genes have in common, counted level by level and neighbourhood by neighbourhood.

A neighbourhood is a stretch of genes, predicted or annotated, whose extents overlap. Every count is a sum over
neighbourhoods, so that resampling them resamples all figures at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .gene import Gene, Piece

Strand: TypeAlias = tuple[str, str]  # sequence and strand
Counts: TypeAlias = NDArray[np.int64]  # (n_neighbourhoods, 4)
ANNOTATED, FOUND, PREDICTED, RIGHT = range(4)
AFTER = np.array([0, 1])  # turns last bases into ends


class Item(NamedTuple):
    """Something that is right if the other side has the same: where it lies, and what makes it equal."""

    where: Strand
    span: Piece
    key: Hashable

    @property
    def identity(self) -> Hashable:
        return self.where, self.key


def exons(gene: Gene) -> Iterator[Item]:
    return (Item(_where(gene), piece, piece) for piece in gene.coding_pieces)


def introns(gene: Gene) -> Iterator[Item]:
    return (
        Item(_where(gene), (first - 1, last + 1), (first, last)) for first, last in gene.introns
    )  # with a base of each exon


def intron_chains(gene: Gene) -> Iterator[Item]:
    if gene.introns:
        yield Item(_where(gene), (gene.start, gene.end), gene.introns)


def transcripts(gene: Gene) -> Iterator[Item]:
    yield Item(_where(gene), (gene.start, gene.end), gene.coding_pieces)


def stops(gene: Gene) -> Iterator[Item]:
    yield Item(_where(gene), (gene.start, gene.end), gene.three_prime)


def starts(gene: Gene) -> Iterator[Item]:
    yield Item(_where(gene), (gene.start, gene.end), gene.five_prime)


def both_ends(gene: Gene) -> Iterator[Item]:
    yield Item(_where(gene), (gene.start, gene.end), (gene.start, gene.end))


ITEMS = {
    "exon": exons,
    "intron": introns,
    "intron chain": intron_chains,
    "transcript": transcripts,
    "3' end": stops,
    "5' end": starts,
    "both ends": both_ends,
}


def count(predicted: list[Gene], annotated: list[Gene]) -> dict[str, Counts]:
    """Counts of each level: annotated, of them found, predicted, of them right; annotated genes that are cut, or no genes any
    more, count neither for nor against."""
    judged, others = ([gene for gene in annotated if gene.complete is wanted] for wanted in (True, False))
    bases, places = _Bases(predicted, judged, others), _Neighbourhoods([*predicted, *annotated])
    levels = {"base": bases.count(places)}
    for name, items_of in ITEMS.items():
        ours, theirs, open_ones = (_by_identity(genes, items_of) for genes in (predicted, judged, others))
        found = [items for key, items in theirs.items() if key in ours]
        missed = [items for key, items in ours.items() if key not in theirs and key not in open_ones]
        wrong = [items for items in missed if not any(map(bases.is_left_out, items))]
        levels[name] = _table(places, theirs.values(), found, found + wrong, found)
    levels["gene"] = _count_loci(predicted, judged, others, bases, places)
    return levels


def _by_identity(genes: list[Gene], items_of: Callable[[Gene], Iterator[Item]]) -> dict[Hashable, list[Item]]:
    """Equal items, ends of several transcripts say, count once; not at all where one of them lies on what is not judged."""
    found: dict[Hashable, list[Item]] = defaultdict(list)
    for gene in genes:
        for item in items_of(gene):
            found[item.identity].append(item)
    return found


def _table(places: _Neighbourhoods, *columns: Iterable[list[Item]]) -> Counts:
    """A column counts groups of items; those of one group overlap, so that the first says in which neighbourhood it is."""
    return np.stack([places.count(items[0] for items in groups) for groups in columns], axis=1)


def _count_loci(
    predicted: list[Gene], judged: list[Gene], others: list[Gene], bases: _Bases, places: _Neighbourhoods
) -> Counts:
    """A locus is found, or right, if one of its transcripts is; a wrong one counts unless one lies on what is not judged."""
    ours, theirs, open_ones = (
        {item for gene in genes for item in transcripts(gene)} for genes in (predicted, judged, others)
    )
    found, missed = _split(judged, ours)
    right, wrong = _split(predicted, theirs)
    wrong = [locus for locus in wrong if not any(item in open_ones or bases.is_left_out(item) for item in locus)]
    return _table(places, found + missed, found, right + wrong, right)


def _split(genes: list[Gene], other_side: set[Item]) -> tuple[list[list[Item]], list[list[Item]]]:
    """Transcripts by locus: of loci that share one with the other side, and of those that do not."""
    shared: list[list[Item]] = []
    alone: list[list[Item]] = []
    for locus in group_into_loci(genes):
        items = [item for gene in locus for item in transcripts(gene)]
        (alone if other_side.isdisjoint(items) else shared).append(items)
    return shared, alone


def group_into_loci(genes: list[Gene]) -> list[list[Gene]]:
    """Transcripts that share coding bases on the same strand and in the same frame, directly or through others.

    The frame sets apart what overlaps in bacteria: two genes of an operon are no isoforms.
    """
    root = list(range(len(genes)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    by_frame: dict[tuple, list[tuple[int, int, int]]] = defaultdict(list)
    for i, gene in enumerate(genes):
        for (first, last), phase in zip(gene.coding_pieces, gene.phases):
            frame = (first + phase) % 3 if gene.strand == "+" else (last - phase) % 3
            by_frame[*_where(gene), frame].append((first, last, i))
    for pieces in by_frame.values():
        reach, owner = 0, 0
        for first, last, i in sorted(pieces):
            if first <= reach:
                root[find(i)] = find(owner)
            if last > reach:
                reach, owner = last, i
    loci: dict[int, list[Gene]] = defaultdict(list)
    for i, gene in enumerate(genes):
        loci[find(i)].append(gene)
    return list(loci.values())


class _Neighbourhoods:
    def __init__(self, genes: list[Gene]) -> None:
        extents: dict[str, list[Piece]] = defaultdict(list)
        for gene in genes:
            extents[gene.seqid].append((gene.start, gene.end))
        self.number, self.starts = 0, {}
        for seqid, spans in extents.items():
            spans.sort()
            reach = np.maximum.accumulate([last for _, last in spans])
            first = np.array([first for first, _ in spans])
            begins = np.concatenate([[True], first[1:] > reach[:-1]])
            self.starts[seqid] = self.number, first[begins]
            self.number += int(begins.sum())

    def of(self, seqid: str, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        base, starts = self.starts[seqid]
        return base + np.searchsorted(starts, positions, side="right") - 1

    def count(self, items: Iterable[Item]) -> NDArray[np.int64]:
        by_sequence: dict[str, list[int]] = defaultdict(list)
        for item in items:
            by_sequence[item.where[0]].append(item.span[0])
        total = np.zeros(self.number, np.int64)
        for seqid, positions in by_sequence.items():
            total += np.bincount(self.of(seqid, np.array(positions)), minlength=self.number)
        return total


class _Bases:
    """Which bases are coding, by strand: predicted, annotated and judged, or annotated and left out."""

    def __init__(self, predicted: list[Gene], judged: list[Gene], left_out: list[Gene]) -> None:
        sides = [_pieces_by_strand(genes) for genes in (predicted, judged, left_out)]
        self.strands: dict[Strand, tuple[NDArray[np.int64], list[NDArray[np.bool_]]]] = {}
        for where in sorted(set().union(*sides)):
            pieces = [np.array(side.get(where, []), np.int64).reshape(-1, 2) for side in sides]
            edges = np.unique(np.concatenate([p + AFTER for p in pieces]))
            self.strands[where] = edges, [_covered(p, edges) for p in pieces]

    def count(self, places: _Neighbourhoods) -> Counts:
        total = np.zeros((places.number, 4), np.int64)
        for (seqid, _), (edges, (predicted, judged, left_out)) in self.strands.items():
            length, index = np.diff(edges), places.of(seqid, edges[:-1])
            right = predicted & judged
            for column, chosen in enumerate((judged, right, predicted & (judged | ~left_out), right)):
                total[:, column] += np.bincount(index[chosen], length[chosen], places.number).astype(np.int64)
        return total

    def is_left_out(self, item: Item) -> bool:
        """Whether it overlaps coding bases that are annotated, but not judged."""
        edges, (_, judged, left_out) = self.strands[item.where]
        first = max(int(np.searchsorted(edges, item.span[0], side="right")) - 1, 0)
        end = int(np.searchsorted(edges, item.span[1], side="right"))
        return bool(np.any((left_out & ~judged)[first:end]))


def _covered(pieces: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n_edges - 1,) whether some piece covers the bases between two edges."""
    begun = np.searchsorted(np.sort(pieces[:, 0]), edges[:-1], side="right")
    ended = np.searchsorted(np.sort(pieces[:, 1]), edges[:-1], side="left")
    return begun > ended


def _pieces_by_strand(genes: list[Gene]) -> dict[Strand, list[Piece]]:
    pieces: dict[Strand, list[Piece]] = defaultdict(list)
    for gene in genes:
        pieces[_where(gene)].extend(gene.coding_pieces)
    return pieces


def _where(gene: Gene) -> Strand:
    return gene.seqid, gene.strand
