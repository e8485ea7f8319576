"""Exons as spans, introns and what lies between genes as gaps: the graph of genes on both strands.

A kind of span says on which strand an exon lies, how it begins and how it ends. Read from left to right, an exon of the
reverse strand is entered at its end. There is a kind of gap between genes, and one for each kind of intron and strand
(`phases.SplitCodons`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hmmseq.span_graph import Gap, SpanGraph, Spans

from ..alphabet import Codes, reverse_complement
from ..words import Floats, encode_words
from .candidates import Places
from .content import gc_classes
from .model import Candidates, SplicedModel
from .phases import SplitCodons

NEVER = -np.inf
IMPROBABLE = 1e-7  # candidates of less posterior change nothing: nine of ten
INTRON = 0, 1  # score columns of the introns of each strand; what lies between genes scores nothing


class ExonKinds:
    """Numbers of the kinds of exons: strand, how it begins (-1: start codon), how it ends (-1: stop codon).

    >>> from hmmseq.bio import GeneticCode
    >>> kinds = ExonKinds(SplitCodons(GeneticCode.from_table(1)))
    >>> len(kinds), int(kinds.number(0, -1, -1)), int(kinds.number(1, 5, 5))
    (98, 0, 97)
    """

    def __init__(self, split: SplitCodons) -> None:
        self.split = split
        self._shape = 2, split.n_begins + 1, split.n_introns + 1

    def __len__(self) -> int:
        return int(np.prod(self._shape))

    def number(self, strand: Places | int, begin: Places | int, end: Places | int) -> Places:
        return np.ravel_multi_index((strand, np.add(begin, 1), np.add(end, 1)), self._shape)

    @cached_property
    def _parts(self) -> tuple[Places, Places, Places]:
        strand, begin, end = np.unravel_index(np.arange(len(self)), self._shape)
        return strand, begin - 1, end - 1

    def beside(self, gap: int) -> tuple[list[int], list[int]]:
        """Kinds of exons that may stand to the left and to the right of gap 0 (between genes), 1 ... (introns)."""
        strand, begin, end = self._parts
        if gap == 0:
            upstream, downstream = end < 0, begin < 0
        else:
            which, intron = divmod(gap - 1, self.split.n_introns)
            upstream = (strand == which) & (end == intron)
            downstream = (strand == which) & (begin >= 0) & self.split.joins[intron, np.maximum(begin, 0)]
        left = np.where(strand == 0, upstream, downstream)
        right = np.where(strand == 0, downstream, upstream)
        return np.flatnonzero(left).tolist(), np.flatnonzero(right).tolist()


def span_graph(model: SplicedModel, kinds: ExonKinds, cut: tuple[bool, bool] = (False, False)) -> SpanGraph:
    """The graph of a model.

    cut  whether a sequence may begin, and end, inside a gene; where it does is as probable as the shares of exons, introns
         and what lies between genes make it
    """
    stay = model.between / (model.between + 1.0)
    exon, intron, between = zip(*(np.log(model.shares) if own else (NEVER, NEVER, 0.0) for own in cut))
    left, right = kinds.beside(0)
    gaps = [Gap(left, right, [np.log1p(-stay)], tail=np.log(stay), start=between[0], end=between[1])]
    lengths, n_introns = model.intron_lengths, kinds.split.n_introns
    start, end = (share - np.log(2 * n_introns) for share in intron)
    for number in range(2 * n_introns):
        left, right = kinds.beside(number + 1)
        label = INTRON[number // n_introns]
        gaps.append(Gap(left, right, lengths.log_table, 1, lengths.log_tail, label, start=start, end=end))
    opening, closing = (np.full(len(kinds), share - np.log(6)) for share in exon)  # strand and phase
    return SpanGraph(len(kinds), gaps, opening=opening, closing=closing)


def as_spans(model: SplicedModel, kinds: ExonKinds, codes: Codes, candidates: Candidates) -> Spans:
    """Candidates as spans of the graph, with the scores that the model's weights give them."""
    kind = kinds.number(candidates.strand, candidates.begin, candidates.end)
    c, score, steps = candidates, candidates.scores(model.weights), intron_scores(model, codes)
    return Spans(len(codes), c.start, c.stop, kind, score, c.opens, c.closes, steps)


def take_spans(spans: Spans, chosen: NDArray[np.bool_]) -> Spans:
    """Some of them."""
    columns = ("begin", "end", "kind", "score", "opens", "closes")
    return replace(spans, **{name: getattr(spans, name)[chosen] for name in columns})


def intron_scores(model: SplicedModel, codes: Codes) -> Floats:
    """(length, 2) log odds of each base as part of an intron of each strand."""
    columns = []
    for strand in (codes, reverse_complement(codes)):
        columns.append(model.content.intron[gc_classes(strand, model.gc_edges), encode_words(strand)])
    return np.column_stack([columns[0], columns[1][::-1]])
