"""From candidates to genes: the best path, and how sure each of its genes, and each start, is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmseq import spans as lattice
from hmmseq.span_graph import Spans

from ..confidence import Confidence
from ..gene import Gene, Piece
from .candidates import Chosen, Genome
from .durations import CUT_BOTH, CUT_LEFT, CUT_RIGHT
from .frameshifts import Joined, joined_frames
from .open_frames import CUT
from .scores import Weights
from .training import GeneModel, candidates

Floats = NDArray[np.float64]


# Fitted on the five genomes of `python -m benchmarks.genes`, which prints how well that does on genomes left out.
GENES, STARTS = Confidence(0.234, -0.679), Confidence(0.397, 0.322)


@dataclass(frozen=True)
class Found:
    """Genes of the best path through a genome, with their posterior probabilities as the model has them."""

    genome: Genome
    chosen: Chosen
    posterior: Floats  # (n,) that the gene is real, wherever it starts
    start: Floats  # (n,) that it starts there, given that it is real
    parts: NDArray[
        np.int64
    ]  # (n, 2) where the part on the left ends, and where that on the right begins; -1 for one part

    def genes(self, contig: int, seqid: str, offset: int, table: int | None) -> Iterator[Gene]:
        """Those of one contig, which begins at base `offset` of a sequence."""
        low, high = self.genome.borders[contig : contig + 2]
        shift = int(offset - self.genome.offsets[contig])
        posterior, start = GENES(self.posterior), STARTS(self.start)
        for i in range(*np.searchsorted(self.chosen.begin, (low, high)).tolist()):
            strand, kind = int(self.chosen.strand[i]), int(self.chosen.kind[i])
            yield Gene(
                seqid,
                int(self.chosen.begin[i] + shift + 1),
                int(self.chosen.end[i] + shift),
                "+-"[strand],
                score=float(posterior[i]),
                posterior=float(posterior[i]),
                start_posterior=None if self._starts_outside(i, strand) else float(start[i]),
                partial_left=kind in (CUT_LEFT, CUT_LEFT + 1, CUT_BOTH),
                partial_right=kind in (CUT_RIGHT, CUT_RIGHT + 1, CUT_BOTH),
                phase=self._phase(i, strand),
                transl_table=table,
                pieces=self._pieces(i, shift),
            )

    def widest_gap(self, contig: int) -> int | None:
        """The middle of the widest gap between two genes of a contig, as a place in the contig; None if there is none."""
        low, high = np.searchsorted(self.chosen.begin, self.genome.borders[contig : contig + 2])
        begin, end = self.chosen.begin[low + 1 : high], self.chosen.end[low : high - 1]
        if not len(begin) or (begin - end).max() < 2:
            return None
        widest = int((begin - end).argmax())
        return int(begin[widest] + end[widest]) // 2 - int(self.genome.offsets[contig])

    def _starts_outside(self, i: int, strand: int) -> bool:
        return bool(self.genome.strands[strand].start[self.chosen.candidate[i]] == CUT)

    def _pieces(self, i: int, shift: int) -> tuple[Piece, ...]:
        left, right = self.parts[i].tolist()
        if left < 0:
            return ()
        begin, end = int(self.chosen.begin[i]), int(self.chosen.end[i])
        return (begin + shift + 1, left + shift), (right + shift + 1, end + shift)

    def _phase(self, i: int, strand: int) -> int:
        """Bases of a cut codon at the 5' end."""
        if not self._starts_outside(i, strand):
            return 0
        frames, candidate = self.genome.strands[strand], self.chosen.candidate[i]
        five_prime = len(self.genome) - self.chosen.end[i] if strand else self.chosen.begin[i]
        return int(frames.begin[candidate] - five_prime)


def find_genes(genome: Genome, model: GeneModel, weights: Weights, frameshift_rate: float = 0.0) -> Found:
    """The genes of the best path. frameshift_rate: errors a base that shift the frame of a gene; 0: none"""
    scored, spans = candidates(genome, model, weights)
    nothing = np.full(len(spans) - len(scored.score), -1)  # for the borders
    strand, candidate = np.append(scored.strand, nothing), np.append(scored.candidate, nothing)
    frame = np.append(_frames(genome, scored.strand, scored.candidate), nothing)
    parts = np.full((len(spans), 2), -1)
    if frameshift_rate > 0:
        for s in range(2):
            joined = joined_frames(genome, s, model, weights, frameshift_rate)
            spans = _with_more(spans, joined)
            strand, candidate = np.append(strand, joined.strand), np.append(candidate, joined.candidate)
            frame = np.append(frame, _numbers(genome, joined.strand, joined.frame))
            parts = np.concatenate([parts, joined.parts])
    path, own = lattice.best_path(model.graph, spans, None), lattice.posteriors(model.graph, spans, None).spans
    genes, is_gene = path.spans[strand[path.spans] >= 0], strand >= 0
    together = np.bincount(frame[is_gene], own[is_gene], minlength=1)[frame[genes]]
    chosen = Chosen(strand[genes], candidate[genes], spans.begin[genes], spans.end[genes], spans.kind[genes])
    start = np.minimum(own[genes] / np.maximum(together, 1e-300), 1.0)
    return Found(genome, chosen, np.minimum(together, 1.0), start, parts[genes])


def _with_more(spans: Spans, joined: Joined) -> Spans:
    cut = np.zeros(len(joined.score), dtype=np.bool_)
    return Spans(
        spans.n_steps,
        np.append(spans.begin, joined.begin),
        np.append(spans.end, joined.end),
        np.append(spans.kind, joined.kind),
        np.append(spans.score, joined.score),
        opens=np.append(spans.opens, cut),
        closes=np.append(spans.closes, cut),
    )


def coding_cover(genome: Genome, model: GeneModel, weights: Weights) -> Floats:
    """(length of the genome, 2) probability, by strand, that a base lies inside a gene."""
    scored, spans = candidates(genome, model, weights)
    own = lattice.posteriors(model.graph, spans, None).spans
    change = np.zeros((len(genome) + 1, 2))
    for s in range(2):
        at = np.flatnonzero(scored.strand == s)
        np.add.at(change[:, s], spans.begin[at], own[at])
        np.subtract.at(change[:, s], spans.end[at], own[at])
    return np.clip(np.cumsum(change[:-1], axis=0), 0.0, 1.0)


def _frames(genome: Genome, strand: NDArray[np.int64], candidate: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for the open frame of each candidate."""
    own = [frames.frame[candidate[strand == s]] for s, frames in enumerate(genome.strands)]
    return _numbers(genome, strand, np.concatenate(own))


def _numbers(genome: Genome, strand: NDArray[np.int64], frame: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frames of both strands told apart."""
    return 2 * frame.astype(np.int64) + strand
