"""A genome as the gene finder sees it: contigs with borders between them, candidate genes, and the chosen ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hmmseq.span_graph import Spans

from ..genetic_code import GeneticCode
from . import coding
from .coding import Floats
from .durations import BORDER_SPAN, CUT_BOTH, CUT_LEFT, CUT_RIGHT, LONG, OVERLAP
from .open_frames import BORDER, BORDER_WIDTH, CUT, codon_marks, open_frames, other_strand
from .scores import Scored

_MIN_CUT = 63  # bases of the shortest part of a gene: longer than any overlap
BORDER_SCORE = 100.0  # nats: no path leaves out a border


class Genome:
    """Contigs side by side with borders between them, and the candidate genes of both strands."""

    def __init__(
        self, contigs: list[NDArray[np.uint8]], code: GeneticCode, min_length: int, n_jobs: int | None = None
    ) -> None:
        self.n_jobs = n_jobs
        border = np.full(BORDER_WIDTH, BORDER, dtype=np.uint8)
        self.codes = np.concatenate([border, *(part for contig in contigs for part in (contig, border))])
        lengths = np.array([len(contig) + BORDER_WIDTH for contig in contigs], dtype=np.int64)
        self.offsets = BORDER_WIDTH + np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        self.borders = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self.code, self.marks = code, codon_marks(code)
        both = (self.codes, other_strand(self.codes))
        forward, reverse = (open_frames(x, self.marks, min_length, _MIN_CUT) for x in both)
        self.strands = forward, reverse

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def words(self) -> Floats:
        """(4096,) counts of words of both strands."""
        return coding.background_words(self.codes, np.zeros(len(self), dtype=np.bool_))

    @cached_property
    def composition(self) -> Floats:
        """(4,) share of each letter, alike on both strands."""
        counts = self.words.reshape(-1, 4).sum(0) + 1.0
        return (counts + counts[::-1]) / (2 * counts.sum())

    def spans(self, scored: Scored) -> Spans:
        """Candidates, and the borders behind them, as spans of the gene graph."""
        parts = [self._places(s, scored.candidate[scored.strand == s]) for s in range(2)]
        n = len(self.borders)
        begin, end, kind = (np.concatenate([*column, last]) for *column, last in zip(
            *parts, (self.borders, self.borders + BORDER_WIDTH, np.full(n, BORDER_SPAN))
        ))  # fmt: skip
        score = np.concatenate([scored.score, np.full(n, BORDER_SCORE)])
        opens, closes = np.zeros((2, len(begin)), dtype=np.bool_)
        opens[len(begin) - n], closes[-1] = True, True
        return Spans(len(self), begin, end, kind, score, opens=opens, closes=closes)

    def _places(self, strand: int, candidate: NDArray[np.integer]) -> tuple[NDArray[np.int64], ...]:
        """Begin, end and kind of candidates, on the forward strand; a cut gene reaches to the border."""
        frames = self.strands[strand]
        frame = frames.frame[candidate]
        cut_5, cut_3 = frames.start[candidate] == CUT, frames.stop_kind[frame] == CUT
        begin = frames.begin[candidate].astype(np.int64)
        end = frames.stop[frame].astype(np.int64) + np.where(cut_3, 0, 3)
        for _ in range(2):
            begin -= cut_5 & (frames.codes[begin - 1] != BORDER)
            end += cut_3 & (frames.codes[end] != BORDER)
        left, right = cut_5, cut_3
        if strand:
            begin, end, left, right = len(self) - end, len(self) - begin, cut_3, cut_5
        kind = strand + np.where(left, CUT_LEFT, 0) + np.where(right, CUT_RIGHT, 0)
        kind += np.where(left | right, 0, np.where(end - begin > OVERLAP, LONG, 0))
        return begin, end, np.where(left & right, CUT_BOTH, kind)


@dataclass(frozen=True)
class Chosen:
    """Genes of a path, as candidates."""

    strand: NDArray[np.int64]
    candidate: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    kind: NDArray[np.int64]

    def of_strand(self, strand: int) -> NDArray[np.int64]:
        """Those of one strand, as candidates of that strand."""
        return self.candidate[self.strand == strand]

    def where(self, kept: NDArray[np.generic]) -> Chosen:
        """Those that a mask, or an array of indices, keeps."""
        return Chosen(*(getattr(self, name)[kept] for name in ("strand", "candidate", "begin", "end", "kind")))
