"""What annotated regions show: counts that add up, and the model that follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..alphabet import Codes
from ..genetic_code import GeneticCode
from .candidates import SHORTEST_EXON, Places, exon_type, next_stops
from .content import WordCounts, count_outside, count_words, fit_content, gc_share
from .examples import SHORTEST_INTRON, Region
from .lengths import Lengths, fit_lengths
from .model import FEATURES, SplicedModel, chosen, signal_places
from .signals import Floats, Window, count_windows, fit_signal

# Around the start codon (Kozak; in worms the acceptor of the spliced leader), behind the stop codon, donors, and acceptors
# with the region of the branch point.
WINDOWS = {"start": Window(30, 9), "acceptor": Window(44, 4, 22, 4), "donor": Window(4, 8), "stop": Window(3, 9)}

_SIGNAL_STRENGTH, _CODING_STRENGTH, _STRENGTH = 20.0, 200.0, 100.0  # pseudocounts, see `fit_signal` and `fit_content`
_LONGEST_TABLE, _EXON_BANDWIDTH, _INTRON_BANDWIDTH, _LENGTH_PRIOR = (3000, 1000), 0.2, 0.1, 1.0


class Counts(NamedTuple):
    """Sums over regions.

    sites, decoys   by signal, in the order of WINDOWS: pairs of bases in the windows around them
    words           of coding sequence, introns and the rest
    exons, introns  lengths seen; those of exons by type
    outside         bases outside genes, and stretches of them
    """

    sites: tuple[Floats, ...]
    decoys: tuple[Floats, ...]
    words: WordCounts
    exons: tuple[Places, ...]
    introns: Places
    outside: Floats

    def plus(self, other: Counts) -> Counts:
        return Counts(
            tuple(a + b for a, b in zip(self.sites, other.sites)),
            tuple(a + b for a, b in zip(self.decoys, other.decoys)),
            self.words.plus(other.words),
            tuple(np.concatenate(pair) for pair in zip(self.exons, other.exons)),
            np.concatenate([self.introns, other.introns]),
            self.outside + other.outside,
        )


def gc_edges(regions: Iterable[Region], n_classes: int) -> Floats:
    """(n_classes - 1,) G+C that part the genes of regions into classes of equal number."""
    shares = [
        gc_share(region.codes)[(gene.pieces[0][0] + gene.pieces[-1][1]) // 2]
        for region in regions
        for gene in region.genes
    ]
    return np.quantile(shares, np.arange(1, n_classes) / n_classes) if shares else np.zeros(0)


def count(regions: Iterable[Region], code: GeneticCode, edges: Floats) -> Counts:
    """Counts of regions, both strands together; `edges` of GC classes."""
    return reduce(Counts.plus, (_count_strand(region, strand, code, edges) for region in regions for strand in (0, 1)))


def fit_model(counts: Counts, code: GeneticCode, edges: Floats) -> SplicedModel:
    """The model that follows from counts; its weights are all 1, and every site makes candidates."""
    signals: dict[str, Any] = {
        name: fit_signal(window, sites, decoys, _SIGNAL_STRENGTH)
        for (name, window), sites, decoys in zip(WINDOWS.items(), counts.sites, counts.decoys)
    }
    exons = [_lengths(seen, 0, SHORTEST_EXON, _EXON_BANDWIDTH) for seen in counts.exons]
    weights = np.ones((len(exons), len(FEATURES)))
    weights[:, 0] = 0.0
    return SplicedModel(
        code=code,
        **signals,
        least=np.full(3, -np.inf),
        gc_edges=edges,
        content=fit_content(counts.words, _CODING_STRENGTH, _STRENGTH),
        exon_lengths=tuple(exons),
        intron_lengths=_lengths(counts.introns, 1, SHORTEST_INTRON, _INTRON_BANDWIDTH),
        between=float((counts.outside[0] + 1000.0) / (counts.outside[1] + 1.0)),
        shares=_shares(counts),
        weights=weights,
    )


def _shares(counts: Counts) -> Floats:
    bases = np.array([sum(own.sum() for own in counts.exons), counts.introns.sum(), counts.outside[0]]) + 100.0
    return bases / bases.sum()


def _lengths(seen: Places, table: int, shortest: int, bandwidth: float) -> Lengths:
    return fit_lengths(seen, _LONGEST_TABLE[table], shortest, bandwidth, _LENGTH_PRIOR)


def _count_strand(region: Region, strand: int, code: GeneticCode, edges: Floats) -> Counts:
    codes, genes = region.strand_view(strand)
    sites, decoys = [], []
    for window, true, all_ in zip(WINDOWS.values(), sites_of(genes), _lookalikes(codes, code)):
        sites.append(count_windows(window, codes, true))
        decoys.append(count_windows(window, codes, np.setdiff1d(all_, true)))
    words = count_words(codes, genes, edges)
    outside = np.zeros(2)
    if strand == 0:  # what lies outside is the same for both
        spans = sorted((gene.pieces[0][0], gene.pieces[-1][1]) for gene in region.genes)
        words = words._replace(other=count_outside(codes, spans, edges))
        outside += len(codes) - sum(b - a for a, b in spans), len(spans)
    introns = [b - a for pieces in genes for (_, a), (b, _) in pairwise(pieces)]
    return Counts(tuple(sites), tuple(decoys), words, _exon_lengths(genes), np.array(introns, np.int64), outside)


def sites_of(genes: list[list[tuple[int, int]]]) -> tuple[Places, ...]:
    """Places of the signals of genes, in the order of WINDOWS."""
    places = (
        [pieces[0][0] for pieces in genes],
        [a for pieces in genes for a, _ in pieces[1:]],
        [b for pieces in genes for _, b in pieces[:-1]],
        [pieces[-1][1] for pieces in genes],
    )
    return tuple(np.array(sorted(own), np.int64) for own in places)


def _lookalikes(codes: Codes, code: GeneticCode) -> tuple[Places, ...]:
    """Every place that could be such a signal by its obligatory bases."""
    stops = next_stops(codes, chosen(code.stops))[: len(codes)]
    return (*signal_places(codes), np.flatnonzero(stops == np.arange(len(codes))) + 3)


def _exon_lengths(genes: list[list[tuple[int, int]]]) -> tuple[Places, ...]:
    seen: list[list[int]] = [[] for _ in range(4)]
    for pieces in genes:
        for k, (a, b) in enumerate(pieces):
            seen[exon_type(k, len(pieces))].append(b - a)
    return tuple(np.array(own, np.int64) for own in seen)
