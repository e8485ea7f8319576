"""The parts of a spliced-gene model, and what they say about a sequence: candidate exons with their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..alphabet import DNA, Codes, reverse_complement
from ..confidence import AS_STATED, Confidence
from ..genetic_code import GeneticCode
from ..words import encode_words
from .candidates import INITIAL, Exons, Places, Sites, enumerate_exons, next_stops
from .content import Content, coding_sums, gc_classes
from .lengths import Lengths
from .phases import SplitCodons
from .signals import Signal

if TYPE_CHECKING:
    from .networks import Networks

Floats = NDArray[np.float64]

FEATURES = ("present", "begin", "end", "content", "length", "networks")

_ATG, _GT, _GC, _AG = 14, 11, 9, 2


@dataclass(frozen=True)
class SplicedModel:
    """Everything that is learned.

    start, stop, donor, acceptor   weight arrays around the start codon, behind the stop codon, and around splice sites
    least         (4,) lowest scores of start codons, donors, acceptors (and stops) that candidates are made of
    gc_edges      (n_classes - 1,) G+C between the classes of content
    content       word tables
    exon_lengths  by type, as in `candidates.TYPES`
    intron_lengths, between   lengths of introns; mean length between genes
    shares        (3,) how often a sequence ends in an exon, an intron and between genes
    weights       (4, n_features) of FEATURES, by exon type
    networks      scores of exons and their ends by what lies in and around them, beside all others; None: there are none
    exon_confidence, gene_confidence  what posteriors are worth: of exons, and of genes by their least probable exon
    """

    code: GeneticCode
    start: Signal
    stop: Signal
    donor: Signal
    acceptor: Signal
    least: Floats
    gc_edges: Floats
    content: Content
    exon_lengths: tuple[Lengths, ...]
    intron_lengths: Lengths
    between: float
    shares: Floats
    weights: Floats
    networks: Networks | None = None
    exon_confidence: Confidence = AS_STATED
    gene_confidence: Confidence = AS_STATED

    def candidates(
        self, codes: Codes, known: tuple[Sites, Sites] | None = None, cut: tuple[bool, bool] = (False, False)
    ) -> Candidates:
        """Candidate exons of both strands.

        known  sites of each strand, in its own direction, that are considered whatever they score
        cut    whether exons may run on beyond the left and the right end
        """
        known = known or (NO_SITES, NO_SITES)
        forward = self._strand(codes, 0, known[0], cut)
        reverse = self._strand(reverse_complement(codes), 1, known[1], cut[::-1])
        n = len(codes)
        mirrored = reverse._replace(
            start=n - reverse.stop, stop=n - reverse.start, opens=reverse.closes, closes=reverse.opens
        )
        return Candidates(*(np.concatenate(pair) for pair in zip(forward, mirrored)))

    def _strand(self, codes: Codes, strand: int, known: Sites, cut: tuple[bool, ...]) -> Candidates:
        sites, scores = self.sites(codes, known)
        if cut[0]:
            sites, scores = (
                sites._replace(acceptor=_before(0, sites.acceptor)),
                scores._replace(acceptor=_before(0.0, scores.acceptor)),
            )
        if cut[1]:
            sites, scores = (
                sites._replace(donor=_after(sites.donor, len(codes))),
                scores._replace(donor=_after(scores.donor, 0.0)),
            )
        exons = enumerate_exons(sites, next_stops(codes, chosen(self.code.stops)), len(codes))
        opens, closes = (exons.type > INITIAL) & (exons.start == 0), (exons.end >= 0) & (exons.stop == len(codes))
        features = self.features(codes, exons, scores)
        features[opens | closes, FEATURES.index("length")] = 0.0  # how long they are nobody sees
        begin, end = joints(codes, exons, SplitCodons(self.code))
        which = np.full(len(begin), strand)
        return Candidates(exons.start, exons.stop, which, exons.type, begin, end, opens, closes, features)

    def sites(self, codes: Codes, known: Sites) -> tuple[Sites, SiteScores]:
        """Places of signals worth considering, and their scores."""
        places = signal_places(codes)
        signals = self.start, self.acceptor, self.donor
        scores = [signal.scores(codes, own) for signal, own in zip(signals, places)]
        good = [(s >= least) | np.isin(own, keep) for s, least, own, keep in zip(scores, self.least, places, known)]
        return Sites(*(own[ok] for own, ok in zip(places, good))), SiteScores(*(s[ok] for s, ok in zip(scores, good)))

    def features(self, codes: Codes, exons: Exons, scores: SiteScores) -> Floats:
        """(n_exons, n_features) as in FEATURES, not weighted."""
        opens, closes = exons.type <= INITIAL, exons.end < 0
        features = np.ones((len(opens), len(FEATURES)))
        features[opens, 1] = scores.start[exons.begin[opens]]
        features[~opens, 1] = scores.acceptor[exons.begin[~opens]]
        features[~closes, 2] = scores.donor[exons.end[~closes]]
        features[closes, 2] = self._stop_scores(codes, exons.stop[closes])
        sums = coding_sums(encode_words(codes), gc_classes(codes, self.gc_edges), self.content.coding)
        frame = (exons.start - exons.phase) % 3
        features[:, 3] = sums[frame, exons.stop] - sums[frame, exons.start]
        for kind, lengths in enumerate(self.exon_lengths):
            own = exons.type == kind
            features[own, 4] = lengths.log_probability(exons.stop[own] - exons.start[own])
        features[:, FEATURES.index("networks")] = 0.0  # read candidates on both strands, see `networks.py`
        return features

    def _stop_scores(self, codes: Codes, places: Places) -> Floats:
        unique, where = np.unique(places, return_inverse=True)
        return self.stop.scores(codes, unique)[where]


def _before(value: float, values: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([np.array([value], values.dtype), values])


def _after(values: NDArray[Any], value: float) -> NDArray[Any]:
    return np.concatenate([values, np.array([value], values.dtype)])


_NONE = np.empty(0, np.int64)
NO_SITES = Sites(_NONE, _NONE, _NONE)


class SiteScores(NamedTuple):
    """Scores of the places of `Sites`."""

    start: Floats
    acceptor: Floats
    donor: Floats


class Candidates(NamedTuple):
    """Candidate exons of both strands; columns of equal length, coordinates of the forward strand.

    start, stop  bases start ... stop - 1
    strand       0 forward, 1 reverse
    type         SINGLE, INITIAL, INTERNAL or TERMINAL
    begin        kind of beginning behind an intron (`SplitCodons`), -1 for a start codon
    end          kind of intron that follows, -1 for a stop codon
    opens, closes  whether the exon runs on beyond the left, and the right end of the sequence
    features     (n, n_features)
    """

    start: Places
    stop: Places
    strand: Places
    type: Places
    begin: Places
    end: Places
    opens: NDArray[np.bool_]
    closes: NDArray[np.bool_]
    features: Floats

    def three_prime(self) -> Places:
        """Where the gene of each exon that ends with a stop codon ends, below 0 on the reverse strand; 0 for the others."""
        end = np.where(self.strand == 0, self.stop, -self.start - 1)
        return np.where(self.end < 0, end, 0)

    def take(self, chosen: NDArray[Any]) -> Candidates:
        """Some of them."""
        return Candidates(*(column[chosen] for column in self))

    def with_network_scores(self, scores: Floats) -> Candidates:
        """The same with what networks say of each."""
        features = self.features.copy()
        features[:, FEATURES.index("networks")] = scores
        return self._replace(features=features)

    def scores(self, weights: Floats) -> Floats:
        """(n,) sums of their features by the weights (n_types, n_features) of their types."""
        return np.einsum("ij,ij->i", self.features, weights[self.type])


def joints(codes: Codes, exons: Exons, kinds: SplitCodons) -> tuple[Places, Places]:
    """Kinds of beginnings and ends of exons, -1 at start and stop codons."""
    base = codes.astype(np.int64)
    opens, closes = exons.type <= INITIAL, exons.end < 0
    begin = kinds.begin[exons.phase, 5 * base[exons.start] + base[exons.start + 1]]
    phase = (exons.phase + exons.stop - exons.start) % 3
    end = kinds.intron[phase, 5 * base[exons.stop - 2] + base[exons.stop - 1]]
    return np.where(opens, -1, begin), np.where(closes, -1, end)


def signal_places(codes: Codes) -> Sites:
    """Every ATG, every base behind AG, and every GT or GC."""
    base = np.append(codes, [DNA.missing] * 2).astype(np.int64)
    pair = np.where((base[:-1] < 4) & (base[1:] < 4), 4 * base[:-1] + base[1:], -1)[: len(codes)]
    triple = np.where((pair >= 0) & (base[2 : len(codes) + 2] < 4), 4 * pair + base[2 : len(codes) + 2], -1)
    inside = np.flatnonzero(pair == _AG) + 2
    return Sites(
        np.flatnonzero(triple == _ATG), inside[inside < len(codes)], np.flatnonzero((pair == _GT) | (pair == _GC))
    )


def chosen(codons: tuple[int, ...]) -> NDArray[np.bool_]:
    """(64,) whether a codon is one of these."""
    chosen = np.zeros(64, bool)
    chosen[list(codons)] = True
    return chosen
