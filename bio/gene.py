"""A coding gene on a sequence, predicted or annotated, in one piece or in several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from .alphabet import Codes, reverse_complement
from .genetic_code import GeneticCode

Piece: TypeAlias = tuple[int, int]  # first and last base, from 1


@dataclass(frozen=True, slots=True)
class Gene:
    """One coding transcript. Coordinates count from 1, both ends included, on the forward strand; the stop codon is in it.

    start, end      outermost coding bases; a gene across the origin of a circular sequence ends beyond its length
    score           log odds or whatever the finder ranks by; None if it has none
    posterior       probability that the gene is real; None if unknown
    partial_left    the gene runs on beyond `start` (for strand "-" that is its 3' end)
    partial_right   the gene runs on beyond `end`
    phase           bases to skip at the 5' end before the first whole codon, 0 unless cut there
    transl_table    NCBI number of its genetic code; None if unknown
    name            what annotators call it, a locus tag say
    pieces          coding pieces (exons, or parts of a joined gene), (start, end) each; empty for one piece. Kept from left
                    to right on both strands; they may overlap (programmed frameshifts)
    piece_posteriors  probability of each piece, in the order of `pieces`; empty if unknown
    start_posterior   probability that the gene begins where it says, if it is real; None if unknown
    id, locus       of this transcript, and of the gene whose transcripts share it; empty: chosen when written
    """

    seqid: str
    start: int
    end: int
    strand: str
    score: float | None = None
    posterior: float | None = None
    partial_left: bool = False
    partial_right: bool = False
    phase: int = 0
    transl_table: int | None = None
    name: str = ""
    pseudo: bool = False
    pieces: tuple[Piece, ...] = ()
    piece_posteriors: tuple[float, ...] = ()
    start_posterior: float | None = None
    id: str = ""
    locus: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.end:
            raise ValueError(f"{self.seqid}: gene at {self.start}..{self.end}; expected 1 <= start <= end")
        if self.strand not in ("+", "-"):
            raise ValueError(f"{self.seqid}: gene on strand {self.strand!r}; expected '+' or '-'")
        if self.phase not in (0, 1, 2):
            raise ValueError(f"{self.seqid}: gene with phase {self.phase!r}; expected 0, 1 or 2")
        if self.pieces:
            self._check_pieces()
        if self.piece_posteriors and len(self.piece_posteriors) != len(self.coding_pieces):
            raise ValueError(
                f"{self.seqid}: gene at {self.start}..{self.end} has {len(self.coding_pieces)} pieces and "
                f"{len(self.piece_posteriors)} piece_posteriors; give one a piece"
            )

    def _check_pieces(self) -> None:
        pieces = tuple(sorted(self.pieces))
        ends = pieces[0][0], max(last for _, last in pieces)
        if ends != (self.start, self.end) or any(first > last for first, last in pieces):
            raise ValueError(
                f"{self.seqid}: gene at {self.start}..{self.end} with pieces {pieces}; "
                "expected (start, end) each, the first to begin and the last to end with the gene"
            )
        object.__setattr__(self, "pieces", pieces)

    @classmethod
    def of_pieces(cls, seqid: str, pieces: Iterable[Piece], strand: str, **others: object) -> Gene:
        """A gene of these coding pieces, in any order."""
        pieces = tuple(sorted(pieces))
        if not pieces:
            raise ValueError(f"{seqid}: a gene without pieces; expected at least one (start, end)")
        end = max(last for _, last in pieces)
        own = pieces if len(pieces) > 1 else ()
        return cls(seqid, pieces[0][0], end, strand, pieces=own, **others)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return self.end - self.start + 1

    @property
    def coding_pieces(self) -> tuple[Piece, ...]:
        """(start, end) of each coding piece from left to right, also of a gene in one piece."""
        return self.pieces or ((self.start, self.end),)

    @property
    def introns(self) -> tuple[Piece, ...]:
        """(start, end) of what lies between the pieces; empty for a gene in one piece."""
        gaps = zip(self.coding_pieces, self.coding_pieces[1:])
        return tuple((a[1] + 1, b[0] - 1) for a, b in gaps if a[1] + 1 < b[0])

    @property
    def coding_length(self) -> int:
        """Coding bases, introns left out."""
        return sum(last - first + 1 for first, last in self.coding_pieces)

    @property
    def phases(self) -> tuple[int, ...]:
        """Of each of the `coding_pieces`: bases to skip at its 5' end before the next whole codon, as in GFF3."""
        phases, skip = [], self.phase
        for first, last in self.coding_pieces[:: 1 if self.strand == "+" else -1]:
            phases.append(skip)
            skip = (skip - (last - first + 1)) % 3
        return tuple(phases[:: 1 if self.strand == "+" else -1])

    @property
    def five_prime(self) -> int:
        """Coordinate of the first base, as transcribed."""
        return self.start if self.strand == "+" else self.end

    @property
    def three_prime(self) -> int:
        """Coordinate of the last base, as transcribed: the end of the stop codon of a complete gene."""
        return self.end if self.strand == "+" else self.start

    @property
    def partial_5(self) -> bool:
        """Whether its beginning, as transcribed, lies beyond what is known."""
        return self.partial_left if self.strand == "+" else self.partial_right

    @property
    def partial_3(self) -> bool:
        """Whether its end, as transcribed, lies beyond what is known."""
        return self.partial_right if self.strand == "+" else self.partial_left

    @property
    def complete(self) -> bool:
        """Neither cut nor a pseudogene; one piece or several."""
        return not (self.partial_left or self.partial_right or self.pseudo)

    @property
    def usable(self) -> bool:
        """Complete, in one piece and no pseudogene: fit to judge a finder of prokaryotic genes by."""
        return self.complete and len(self.pieces) <= 1

    def coding_sequence(self, sequence: Codes) -> Codes:
        """DNA codes of the coding pieces, joined and in the direction of transcription.

        sequence : codes of the whole sequence that the gene lies on; a gene that ends beyond it goes on at its beginning
        """
        if self.end > len(sequence):
            sequence = np.concatenate([sequence, sequence[: self.end - len(sequence)]])
        joined = np.concatenate([sequence[first - 1 : last] for first, last in self.coding_pieces])
        if len(joined) != self.coding_length:
            raise ValueError(f"{self.seqid}: gene at {self.start}..{self.end} of {len(sequence)} bases")
        return joined if self.strand == "+" else reverse_complement(joined)

    def protein(self, sequence: Codes, code: GeneticCode | None = None) -> str:
        """Amino acids of the whole codons, the stop left out; `code` is that of `transl_table`, else the bacterial one."""
        code = GeneticCode.from_table(self.transl_table or 11) if code is None else code
        coding = self.coding_sequence(sequence)[self.phase :]
        whole = coding[: len(coding) - len(coding) % 3]
        return code.translate(whole, from_start=not self.partial_5).removesuffix("*")

    def moved(self, bases: int) -> Gene:
        """The same gene so many bases farther right."""
        pieces = tuple((first + bases, last + bases) for first, last in self.pieces)
        return replace(self, start=self.start + bases, end=self.end + bases, pieces=pieces)

    def without_stop(self) -> Gene:
        """The gene less its last three coding bases; itself if its 3' end is cut. A stop codon can be split by an intron."""
        if self.partial_3 or self.coding_length <= 3:
            return self
        return self._trimmed(3)

    def stop_codon(self) -> tuple[Piece, ...]:
        """Where the last three coding bases lie, in one piece or more; nowhere if the 3' end is cut."""
        if self.partial_3 or self.coding_length < 3:
            return ()
        return _cut(self.coding_pieces, 3, self.strand == "+")[1]

    def start_codon(self) -> tuple[Piece, ...]:
        """Where the first three coding bases lie; nowhere if the 5' end is cut."""
        if self.partial_5 or self.coding_length < 3:
            return ()
        return _cut(self.coding_pieces, 3, self.strand == "-")[1]

    def with_stop(self) -> Gene:
        """The gene with three bases more at its 3' end: from files whose genes end before their stop codons."""
        if self.partial_3 or (self.strand == "-" and self.start <= 3):
            return self  # nothing there to add
        pieces = list(self.coding_pieces)
        if self.strand == "+":
            pieces[-1] = pieces[-1][0], pieces[-1][1] + 3
        else:
            pieces[0] = pieces[0][0] - 3, pieces[0][1]
        return self._of(pieces, self.piece_posteriors)

    def _trimmed(self, bases: int) -> Gene:
        forward = self.strand == "+"
        pieces = _cut(self.coding_pieces, bases, forward)[0]
        kept = slice(None, len(pieces)) if forward else slice(-len(pieces), None)
        return self._of(pieces, self.piece_posteriors[kept])

    def _of(self, pieces: Iterable[Piece], posteriors: tuple[float, ...]) -> Gene:
        pieces = tuple(pieces)
        start, end = pieces[0][0], max(last for _, last in pieces)
        own = pieces if len(pieces) > 1 else ()
        return replace(self, start=start, end=end, pieces=own, piece_posteriors=posteriors)


def _cut(pieces: tuple[Piece, ...], bases: int, right: bool) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Pieces without their last bases from the right (or the left), and those bases, in pieces."""
    kept, cut = list(pieces), []
    while bases and kept:
        first, last = kept.pop(-1 if right else 0)
        n = min(bases, last - first + 1)
        bases -= n
        cut.append((last - n + 1, last) if right else (first, first + n - 1))
        rest = (first, last - n) if right else (first + n, last)
        if rest[0] <= rest[1]:
            kept.insert(len(kept) if right else 0, rest)
    return tuple(kept), tuple(sorted(cut))


def identifiers(genes: Iterable[Gene]) -> list[str]:
    """A name for each gene, unique among them and the same for the same genes: its id, or its sequence and number."""
    genes = list(genes)
    taken = {gene.id for gene in genes if gene.id}
    names, given, count = [], set[str](), dict[str, int]()
    for gene in genes:
        name = gene.id
        while not name or name in given or (name in taken and name != gene.id):
            count[gene.seqid] = count.get(gene.seqid, 0) + 1
            name = f"{gene.seqid}_{count[gene.seqid]}"
        given.add(name)
        names.append(name)
    return names
