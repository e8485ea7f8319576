"""Evidence about genes from elsewhere: exons and introns that are known, with numbers of reads or for certain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from hmmseq.errors import DataError
from hmmseq.files import Source, read_lines, source_name

from .candidates import Sites
from .model import Candidates
from .words import Floats

CERTAIN = 1000.0  # nats; no score of a gene comes near
_KINDS = {"CDS": "exon", "exon": "exon", "intron": "intron"}
_STRANDS = {"+": (0,), "-": (1,), ".": (0, 1)}


@dataclass(frozen=True)
class Hint:
    """An exon or an intron that something speaks for. Coordinates count from 1, both ends included.

    kind    "exon": a coding piece, stop codon included; "intron"
    strand  "+", "-" or "." for either
    reads   how often it was seen
    hard    whether a gene must have it
    """

    seqid: str
    start: int
    end: int
    strand: str
    kind: Literal["exon", "intron"]
    reads: float = 1.0
    hard: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.end or self.strand not in _STRANDS or self.kind not in ("exon", "intron"):
            raise ValueError(
                f"hint {self.kind} {self.seqid}:{self.start}-{self.end}({self.strand}); expected an exon or an intron with "
                "1 <= start <= end on strand +, - or ."
            )
        if not 0 <= self.reads < np.inf:
            raise ValueError(f"hint {self.seqid}:{self.start}-{self.end} has {self.reads} reads; expected 0 or more")


def read_hints(source: Source) -> list[Hint]:
    """Hints from a GFF file: rows of type intron, CDS or exon.

    Reads are in the score column (1 where that is "."), or in an attribute mult=N; an attribute hard=true makes a hint hard.
    DataError, with the line, for a row that is none.
    """
    hints = []
    for number, line in read_lines(source):
        columns = line.split("\t")
        if line.strip() and not line.startswith("#"):
            try:
                if len(columns) != 9:
                    raise ValueError(f"{len(columns)} tab-separated columns, expected the 9 of GFF")
                if columns[2] in _KINDS:
                    hints.append(_hint(columns))
            except ValueError as error:
                raise DataError(f"{source_name(source)}, line {number}: {error}") from None
    return hints


def _hint(columns: list[str]) -> Hint:
    attributes = dict(field.strip().partition("=")[::2] for field in columns[8].split(";"))
    reads = attributes.get("mult", "1" if columns[5] == "." else columns[5])
    start, end, strand = int(columns[3]), int(columns[4]), columns[6]
    kind = _KINDS[columns[2]]
    return Hint(columns[0], start, end, strand, kind, float(reads), attributes.get("hard") == "true")  # type: ignore[arg-type]


class Placed(NamedTuple):
    """A hint in the coordinates of a window: bases start ... stop - 1 of a strand."""

    hint: Hint
    strand: int
    start: int
    stop: int


def place(hints: Iterable[Hint], offset: int, length: int) -> list[Placed]:
    """Hints that lie wholly in a window of a sequence."""
    return [
        Placed(hint, strand, hint.start - 1 - offset, hint.end - offset)
        for hint in hints
        if hint.start - 1 >= offset and hint.end <= offset + length
        for strand in _STRANDS[hint.strand]
    ]


def known_sites(placed: list[Placed], length: int) -> tuple[Sites, Sites]:
    """Sites that hints name, by strand and in its own direction: they need not look like sites."""
    found: list[list[set[int]]] = [[set(), set(), set()] for _ in range(2)]
    for hint, strand, a, b in placed:
        first, last = (a, b) if strand == 0 else (length - b, length - a)
        start, acceptor, donor = found[strand]
        if hint.kind == "exon":
            start.add(first)
        acceptor.add(first if hint.kind == "exon" else last)
        donor.add(last if hint.kind == "exon" else first)
    forward, reverse = (Sites(*(np.array(sorted(own), np.int64) for own in strand)) for strand in found)
    return forward, reverse


class Worth(NamedTuple):
    """What hints add to the score of an exon, in nats, for each of its sides where an intron begins or ends.

    reads   for each log(1 + reads) of the best hint that names the site
    silent  where no hint names it
    """

    reads: float
    silent: float = 0.0


def support(placed: Iterable[Placed], candidates: Candidates, length: int) -> Floats:
    """(n, 2) of each candidate exon, over its sides where an intron lies: log(1 + reads), and how many without hints."""
    reads = np.zeros((2, 2, length + 1))  # by side (introns to the right, to the left), strand and place
    for hint, strand, a, b in placed:
        if hint.kind == "intron" and not hint.hard:
            gain = np.log1p(hint.reads)
            reads[0, strand, a] = max(reads[0, strand, a], gain)
            reads[1, strand, b] = max(reads[1, strand, b], gain)
    found = np.zeros((len(candidates.start), 2))
    for side, place in enumerate((candidates.stop, candidates.start)):
        seen, lies = reads[side, candidates.strand, place], _has_intron(candidates, right=side == 0)
        found += np.column_stack([seen * lies, (seen == 0) & lies])
    return found


def bonuses(placed: list[Placed], candidates: Candidates, length: int, worth: Worth) -> Floats:
    """What hints add to the score of each candidate exon, in nats.

    An intron's hint counts on the exons at either side; an exon's own hint as much as two. With a hard hint, exons that
    contradict it lose. DataError if no candidate fits a hard hint.
    """
    bonus: Floats = support(placed, candidates, length) @ np.array(worth)
    for one in placed:
        mine = candidates.strand == one.strand
        if one.hint.kind == "exon":
            fits = mine & (candidates.start == one.start) & (candidates.stop == one.stop)
            bonus[fits] += CERTAIN if one.hint.hard else 2 * worth.reads * np.log1p(one.hint.reads)
            _check(one, bool(fits.any()))
            _forbid(bonus, one, candidates, ~fits)
        elif one.hint.hard:
            left = mine & (candidates.stop == one.start) & _has_intron(candidates, right=True)
            right = mine & (candidates.start == one.stop) & _has_intron(candidates, right=False)
            bonus[left] += CERTAIN / 2
            bonus[right] += CERTAIN / 2
            _check(one, bool(left.any() and right.any()))
            _forbid(bonus, one, candidates, np.ones(len(mine), bool))
    return bonus


def _forbid(bonus: Floats, one: Placed, candidates: Candidates, clashes: np.ndarray) -> None:
    if one.hint.hard:
        bonus[clashes & (candidates.start < one.stop) & (one.start < candidates.stop)] -= 2 * CERTAIN


def _has_intron(candidates: Candidates, right: bool) -> np.ndarray:
    """Whether an intron lies to the right, or to the left, of each exon; beyond the ends of the sequence nobody knows."""
    forward = candidates.strand == 0
    beyond = candidates.closes if right else candidates.opens
    return np.where(forward == right, candidates.end >= 0, candidates.begin >= 0) & ~beyond


def _check(one: Placed, fits: bool) -> None:
    hint = one.hint
    if hint.hard and not fits and hint.strand != ".":
        raise DataError(
            f"hard hint {hint.kind} {hint.seqid}:{hint.start}-{hint.end}({hint.strand}) fits no gene: an intron runs from GT "
            "or GC to AG, and an exon has a frame without stop codons between two such ends, ATG and a stop codon"
        )
