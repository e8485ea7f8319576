"""A coding gene on a sequence, predicted or annotated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gene:
    """Coordinates count from 1, both ends included, on the forward strand; the stop codon is part of it.

    score          log odds or whatever the finder ranks by; None if it has none
    posterior      probability that the gene is real; None if unknown
    start_posterior  probability that it starts there, given that it is real; None if unknown
    partial_left   the gene runs on beyond `start` (for strand "-" that is its 3' end)
    partial_right  the gene runs on beyond `end`
    phase          bases to skip at the 5' end before the first whole codon, 0 unless cut there
    transl_table   NCBI number of its genetic code; None if unknown
    pieces         (start, end) of each piece of a joined gene; empty for one piece
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
    pieces: tuple[tuple[int, int], ...] = ()
    start_posterior: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.end:
            raise ValueError(f"{self.seqid}: gene at {self.start}..{self.end}; expected 1 <= start <= end")
        if self.strand not in ("+", "-"):
            raise ValueError(f"{self.seqid}: gene on strand {self.strand!r}; expected '+' or '-'")
        if self.phase not in (0, 1, 2):
            raise ValueError(f"{self.seqid}: gene with phase {self.phase!r}; expected 0, 1 or 2")

    def __len__(self) -> int:
        return self.end - self.start + 1

    @property
    def five_prime(self) -> int:
        """Coordinate of the first base, as transcribed."""
        return self.start if self.strand == "+" else self.end

    @property
    def three_prime(self) -> int:
        """Coordinate of the last base, as transcribed: the end of the stop codon of a complete gene."""
        return self.end if self.strand == "+" else self.start

    @property
    def usable(self) -> bool:
        """Complete, in one piece and no pseudogene: fit to judge a gene finder by."""
        return not (self.partial_left or self.partial_right or self.pseudo or len(self.pieces) > 1)
