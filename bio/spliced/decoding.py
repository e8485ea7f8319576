"""What a trained model finds in one window of sequence: the best genes, their probabilities, and other structures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from hmmseq import lattice
from hmmseq.span_graph import Spans
from hmmseq.spans import SpanPath

from ..alphabet import Codes
from ..words import Floats
from .graph import IMPROBABLE, ExonKinds, as_spans, span_graph, take_spans
from .hints import Placed, Worth, bonuses, known_sites
from .model import SplicedModel
from .networks import network_scores, readings
from .phases import SplitCodons


class Structure(NamedTuple):
    """A gene: its strand, exons [start, stop) from left to right, and whether it runs on beyond the ends."""

    strand: int
    exons: tuple[tuple[int, int], ...]
    cut_left: bool
    cut_right: bool
    phase: int  # bases before the first whole codon, of a gene whose 5' end is cut


class Found(NamedTuple):
    """A structure, its score, and how sure it is and its exons are (`confidence.py`)."""

    structure: Structure
    score: float
    posterior: float
    posteriors: tuple[float, ...]  # of the exons


class Field:
    """A window of sequence with everything that could be in it.

    cut  whether genes may run on beyond the left and right end
    """

    def __init__(
        self, model: SplicedModel, codes: Codes, cut: tuple[bool, bool], hints: list[Placed], worth: Worth | None
    ) -> None:
        self.model = model
        self.kinds = ExonKinds(SplitCodons(model.code))
        self.graph = span_graph(model, self.kinds, cut)
        self.candidates = model.candidates(codes, known_sites(hints, len(codes)), cut)
        self.plain = as_spans(model, self.kinds, codes, self.candidates)
        self.spans: Spans = self.plain
        if worth is not None:
            bonus = bonuses(hints, self.candidates, len(codes), worth)
            self.spans = replace(self.plain, score=self.plain.score + bonus)
        if model.networks is not None:
            self._ask_networks(codes)

    def _ask_networks(self, codes: Codes) -> None:
        """Add what networks say of candidates that are not improbable without them; the others go, as in training."""
        chosen = self.posteriors() > IMPROBABLE
        candidates, networks = self.candidates.take(chosen), self.model.networks or {}
        found = network_scores(networks, readings(self.model, codes, candidates, networks), len(candidates.start))
        self.candidates = candidates.with_network_scores(found)
        gain = self.candidates.scores(self.model.weights) - candidates.scores(self.model.weights)
        self.plain, self.spans = (
            replace(own, score=own.score + gain)
            for own in (take_spans(spans, chosen) for spans in (self.plain, self.spans))
        )

    def best(self) -> list[Found]:
        """The genes of the best path, from left to right."""
        path, posterior = lattice.best_path(self.graph, self.spans), self.posteriors()
        found = []
        for structure, row in self._structures(path):
            sure, exons = self.model.gene_confidence(posterior[row].min()), self.model.exon_confidence(posterior[row])
            found.append(Found(structure, float(self.plain.score[row].sum()), float(sure), tuple(exons.tolist())))
        return found

    def posteriors(self) -> Floats:
        """Posterior of each candidate."""
        found: Floats = lattice.posteriors(self.graph, self.spans).spans
        return np.minimum(found, 1.0)

    def sample(self, n: int, random_state: Any) -> list[tuple[Structure, float]]:
        """Structures in n sampled paths, and the share of paths that have each; by place."""
        paths = lattice.sample_paths(self.graph, self.spans, n, random_state=random_state)
        counts = Counter(structure for path in paths for structure, _ in self._structures(path))
        return sorted(((one, k / n) for one, k in counts.items()), key=lambda pair: (pair[0].exons, -pair[1]))

    def _structures(self, path: SpanPath) -> Iterator[tuple[Structure, list[int]]]:
        for row, before, after in genes_along(path):
            yield self._structure(row, before, after), row

    def _structure(self, row: list[int], before: int, after: int) -> Structure:
        c, split = self.candidates, self.kinds.split
        strand = int(c.strand[row[0]])
        first = row[0] if strand == 0 else row[-1]
        exons = tuple((int(c.start[k]), int(c.stop[k])) for k in row)
        phase = int(split.begin_phase[c.begin[first]]) if c.begin[first] >= 0 else 0
        return Structure(strand, exons, before != 0, after != 0, -phase % 3)


def genes_along(path: SpanPath) -> Iterator[tuple[list[int], int, int]]:
    """Rows of exons between gaps of kind 0, with the gaps before and after each row."""
    row: list[int] = []
    before = path.gaps[0] if len(path.gaps) else 0
    for k, gap in zip(path.spans.tolist(), path.gaps[1:].tolist()):
        row.append(k)
        if gap == 0 or k == path.spans[-1]:
            yield row, before, gap
            row, before = [], 0
