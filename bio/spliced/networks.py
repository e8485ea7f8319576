"""Networks that score exons and their ends by what lies in and around them; without torch once they are trained.

What a network reads is what the hidden Markov model makes of the sequence. At a splice site, a start or a stop codon: log
odds of every base of the signal's weight array, and in windows on either side log odds of coding in each frame, counted
from the frame of the exon, of coding on the other strand, and of introns. Of a whole exon: the same sums over the exon,
its halves and its surroundings, the scores of its ends and of its length, and its phases. So content need not add up
from base to base, as it does in a Markov chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..alphabet import Codes, reverse_complement
from ..words import Floats, encode_words
from .candidates import TYPES, Places
from .content import Content, coding_sums, gc_classes
from .model import FEATURES, Candidates, SplicedModel
from .phases import SplitCodons
from .signals import Signal

ENDS = ("start", "acceptor", "donor", "stop")
KINDS = (*ENDS, *TYPES)
ENCODERS = {"sites": ENDS, "exons": KINDS}
FARTHEST = 4.0  # standard deviations, as in `hmmseq.hybrid.scorers`
WINDOWS = ((-150, -60), (-60, -20), (-20, 0), (0, 20), (20, 60), (60, 150))  # bases from the site
AROUND = 60, 200, 1000  # bases before and behind an exon, where windows end
_PER_WINDOW = 7
_SEEN = tuple(map(FEATURES.index, ("begin", "end", "length")))
_SURPRISE = 10.0  # nats; what half an exon says counts no more
_SOME = 10.0  # bases, so that averages over few bases are modest


class RowNetworks(NamedTuple):
    """Networks for one kind of rows, whose scores are averaged: a line and a hidden layer each.

    mean, scale  (n_networks, n_features)
    hidden, hidden_bias  (n_networks, n_hidden, n_features), (n_networks, n_hidden)
    output, line, bias   (n_networks, n_hidden), (n_networks, n_features), (n_networks,)
    """

    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    line: Floats
    bias: Floats

    def scores(self, rows: Floats) -> Floats:
        """(n_rows,) from (n_rows, n_features)."""
        total = np.zeros(len(rows))
        for mean, scale, hidden, hidden_bias, output, line, bias in zip(*self):
            standard = np.clip((rows - mean) / scale, -FARTHEST, FARTHEST)
            total += np.maximum(standard @ hidden.T + hidden_bias, 0) @ output + standard @ line + bias
        return total / len(self.bias)


Networks = Mapping[str, RowNetworks]  # by KINDS


class Reading(NamedTuple):
    """What networks of one kind read: (n_rows, n_features) rows; candidate[i] is scored by row[i]."""

    rows: Floats
    candidate: Places
    row: Places


class Exons(NamedTuple):
    """Candidate exons of one strand, in its own direction; columns of equal length.

    start, stop    bases start ... stop - 1
    phase          bases of a split codon before each
    type           as in `candidates.TYPES`
    opens, closes  whether it begins with a start codon, and ends with a stop codon
    seen           (n, 3) begin, end and length, as the hidden Markov model scores them
    candidate      which candidate it is
    """

    start: Places
    stop: Places
    phase: Places
    type: Places
    opens: NDArray[np.bool_]
    closes: NDArray[np.bool_]
    seen: Floats
    candidate: Places

    def take(self, chosen: Places) -> Exons:
        """Some of them."""
        columns: list[Any] = [column[chosen] for column in self]
        return Exons(*columns)

    @property
    def end_phase(self) -> Places:
        return (self.phase + self.stop - self.start) % 3


def row_width(kind: str, signals: Mapping[str, Signal]) -> int:
    """Numbers that networks of a kind read in a row."""
    if kind in ENDS:
        return len(signals[kind].log_odds) + len(WINDOWS) * _PER_WINDOW
    return (2 + 2 * len(AROUND)) * _PER_WINDOW + len(_SEEN) + 2 + 3 + 6


def network_scores(networks: Networks, readings: Mapping[str, Reading], n_candidates: int) -> Floats:
    """(n_candidates,) sums of what networks say of each candidate and its ends."""
    total = np.zeros(n_candidates)
    for kind, networks_of_kind in networks.items():
        rows, candidate, row = readings[kind]
        total[candidate] += networks_of_kind.scores(rows)[row]
    return total


def readings(
    model: SplicedModel, codes: Codes, candidates: Candidates, kinds: Iterable[str] = KINDS
) -> dict[str, Reading]:
    """What networks of these kinds read of candidates on both strands. What the end of a sequence cuts off, they do not."""
    split = SplitCodons(model.code)
    both = [
        (Surroundings(model, view), strand_exons(candidates, strand, split, len(codes)))
        for strand, view in enumerate((codes, reverse_complement(codes)))
    ]
    return {kind: _joined(*(around.read(kind, exons) for around, exons in both)) for kind in kinds}


def strand_exons(candidates: Candidates, strand: int, split: SplitCodons, length: int) -> Exons:
    """The candidates of a strand of a sequence of this length."""
    chosen = np.flatnonzero(candidates.strand == strand)
    own = candidates.take(chosen)
    start, stop = (own.start, own.stop) if strand == 0 else (length - own.stop, length - own.start)
    phase = np.where(own.begin < 0, 0, split.begin_phase[own.begin])
    seen = own.features[:, _SEEN]
    return Exons(start, stop, phase, own.type, own.begin < 0, own.end < 0, seen, chosen)


class Surroundings:
    """A strand of sequence as networks read it."""

    def __init__(self, model: SplicedModel, codes: Codes) -> None:
        self.codes, self._signals = codes, {name: getattr(model, name) for name in ENDS}
        coding, self._intron = _sums(model.content, codes, model.gc_edges)
        other, other_intron = _sums(model.content, reverse_complement(codes), model.gc_edges)
        self._coding, self._other, self._other_intron = coding, -other[:, ::-1], -other_intron[::-1]
        self._gc = np.concatenate([[0], np.cumsum((codes == 1) | (codes == 2))])

    def read(self, kind: str, exons: Exons) -> Reading:
        """What networks of a kind read of exons of this strand."""
        if kind in ENDS:
            has, place, phase = self._ends(kind, exons)
            keys, row = np.unique(3 * place[has] + phase[has], return_inverse=True)
            return Reading(self.end_rows(kind, keys // 3, keys % 3), exons.candidate[has], row)
        cut = (~exons.opens & (exons.start == 0)) | (~exons.closes & (exons.stop == len(self.codes)))
        chosen = np.flatnonzero((exons.type == TYPES.index(kind)) & ~cut)
        own = exons.take(chosen)
        return Reading(self.exon_rows(own), own.candidate, np.arange(len(chosen)))

    def _ends(self, kind: str, exons: Exons) -> tuple[NDArray[np.bool_], Places, Places]:
        """Which exons have an end of a kind, where all end on that side, and the codon position behind."""
        return {
            "start": (exons.opens, exons.start, exons.phase),
            "acceptor": (~exons.opens & (exons.start > 0), exons.start, exons.phase),
            "donor": (~exons.closes & (exons.stop < len(self.codes)), exons.stop, exons.end_phase),
            "stop": (exons.closes, exons.stop, exons.end_phase),
        }[kind]

    def end_rows(self, kind: str, places: Places, phase: Places) -> Floats:
        """(n, n_features) around ends of one kind: the base behind each, and its codon position."""
        frame = (places - phase) % 3
        windows = [self._content(places + first, places + last, frame) for first, last in WINDOWS]
        return np.hstack([self._signals[kind].log_odds_at(self.codes, places), *windows])

    def exon_rows(self, exons: Exons) -> Floats:
        """(n, n_features) of whole exons."""
        start, stop, frame = exons.start, exons.stop, (exons.start - exons.phase) % 3
        length = (stop - start)[:, None].astype(np.float64)
        inside = self._content(start, stop, frame)
        phases = [exons.phase[:, None] == np.arange(3), exons.end_phase[:, None] == np.arange(3)]
        around = [
            self._content(first, last, frame)
            for near, far in pairwise((0, *AROUND))
            for first, last in ((start - far, start - near), (stop + near, stop + far))
        ]
        return np.hstack([
            inside, inside / np.sqrt(length + _SOME), exons.seen, np.log(length), np.sqrt(length),
            self._halves(start, stop, frame), *around, *phases,
        ])  # fmt: skip

    def _halves(self, start: Places, stop: Places, frame: Places) -> Floats:
        """(n, 3) how coding each half of an exon is: the less coding one, and both, within limits."""
        middle = start + (stop - start) // 6 * 3
        left, right = self._content(start, middle, frame)[:, 0], self._content(middle, stop, frame)[:, 0]
        return np.column_stack(
            [np.minimum(left, right), *(np.clip(own, -_SURPRISE, _SURPRISE) for own in (left, right))]
        )

    def _content(self, first: Places, last: Places, frame: Places) -> Floats:
        """(n, 7) of stretches first ... last - 1: coding in the frame and in both others, coding on the other strand at
        best, introns of this strand and the other, and the number of G and C."""
        a, b = (np.clip(places, 0, len(self.codes)) for places in (first, last))
        coding = self._coding[:, b] - self._coding[:, a]
        columns = np.empty((len(a), _PER_WINDOW))
        for shift in range(3):
            columns[:, shift] = coding[(frame + shift) % 3, np.arange(len(a))]
        columns[:, 3] = (self._other[:, b] - self._other[:, a]).max(0)
        for column, sums in enumerate((self._intron, self._other_intron, self._gc), 4):
            columns[:, column] = sums[b] - sums[a]
        return columns


def _joined(first: Reading, second: Reading) -> Reading:
    """Readings of both strands as one."""
    return Reading(
        np.concatenate([first.rows, second.rows]),
        np.concatenate([first.candidate, second.candidate]),
        np.concatenate([first.row, second.row + len(first.rows)]),
    )


def _sums(content: Content, codes: Codes, edges: Floats) -> tuple[Floats, Floats]:
    """Log odds of all bases before each place: coding, by where codons begin, and in introns."""
    words, classes = encode_words(codes), gc_classes(codes, edges)
    return coding_sums(words, classes, content.coding), np.concatenate([[0.0], content.intron[classes, words].cumsum()])
