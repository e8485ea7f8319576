"""Networks that score splice sites, start and stop codons by what lies around them; without torch once they are trained.

What a network reads is what the hidden Markov model makes of the surroundings of a site: log odds of every base of the
signal's weight array, and in windows on either side log odds of coding in each frame, counted from the frame of the
exon, of coding on the other strand, and of introns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..alphabet import Codes, reverse_complement
from ..words import Floats, encode_words
from .candidates import Places
from .content import Content, coding_sums, gc_classes
from .signals import Signal

if TYPE_CHECKING:
    from .model import SplicedModel

KINDS = ("start", "acceptor", "donor", "stop")
FARTHEST = 4.0  # standard deviations, as in `hmmseq.hybrid.scorers`
WINDOWS = ((-150, -60), (-60, -20), (-20, 0), (0, 20), (20, 60), (60, 150))  # bases from the site
_PER_WINDOW = 7
_AT_ONCE = 10_000  # rows


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


def row_width(signal: Signal) -> int:
    """Numbers that networks read of each site of a signal."""
    return len(signal.log_odds) + len(WINDOWS) * _PER_WINDOW


class Ends(NamedTuple):
    """Sites of one kind where candidate exons begin or end: exon[i] has site[i].

    place  between which bases, the one behind it
    phase  the codon position of that base
    """

    place: Places
    phase: Places
    exon: Places
    site: Places


def ends_of(
    start: Places, stop: Places, phase: Places, opens: NDArray[np.bool_], closes: NDArray[np.bool_], length: int
) -> dict[str, Ends]:
    """Sites of candidate exons of one strand, by kind; exons that run on beyond an end of the sequence have none there.

    phase          bases of a split codon before each exon
    opens, closes  whether it begins with a start codon, and ends with a stop codon
    """
    sides = {
        "start": (opens, start, phase),
        "acceptor": (~opens & (start > 0), start, phase),
        "donor": (~closes & (stop < length), stop, (phase + stop - start) % 3),
        "stop": (closes, stop, (phase + stop - start) % 3),
    }
    found = {}
    for kind, (chosen, place, own) in sides.items():
        keys, site = np.unique(3 * place[chosen] + own[chosen], return_inverse=True)
        found[kind] = Ends(keys // 3, keys % 3, np.flatnonzero(chosen), site)
    return found


class Surroundings:
    """A strand of sequence as networks read it."""

    def __init__(self, model: SplicedModel, codes: Codes) -> None:
        self.codes, self._signals = codes, {name: getattr(model, name) for name in KINDS}
        coding, self._intron = _sums(model.content, codes, model.gc_edges)
        other, other_intron = _sums(model.content, reverse_complement(codes), model.gc_edges)
        self._coding, self._other, self._other_intron = coding, -other[:, ::-1], -other_intron[::-1]
        self._gc = np.concatenate([[0], np.cumsum((codes == 1) | (codes == 2))])

    def rows(self, kind: str, places: Places, phase: Places) -> Floats:
        """(n, n_features) around sites; places and phase as in `Ends`."""
        return np.hstack([self._signals[kind].log_odds_at(self.codes, places), self._windows(places, phase)])

    def scores(self, networks: Networks, ends: dict[str, Ends], n_exons: int) -> Floats:
        """(n_exons,) scores of both ends of each exon together."""
        total = np.zeros(n_exons)
        for kind, (place, phase, exon, site) in ends.items():
            found = np.empty(len(place))
            for low in range(0, len(place), _AT_ONCE):
                own = slice(low, low + _AT_ONCE)
                found[own] = networks[kind].scores(self.rows(kind, place[own], phase[own]))
            total[exon] += found[site]
        return total

    def _windows(self, places: Places, phase: Places) -> Floats:
        columns = np.empty((len(places), len(WINDOWS), _PER_WINDOW))
        frame, every = (places - phase) % 3, np.arange(len(places))
        for k, (first, last) in enumerate(WINDOWS):
            a, b = (np.clip(places + side, 0, len(self.codes)) for side in (first, last))
            coding = self._coding[:, b] - self._coding[:, a]
            for shift in range(3):
                columns[:, k, shift] = coding[(frame + shift) % 3, every]
            columns[:, k, 3] = (self._other[:, b] - self._other[:, a]).max(0)
            for column, sums in enumerate((self._intron, self._other_intron, self._gc), 4):
                columns[:, k, column] = sums[b] - sums[a]
        return columns.reshape(len(places), len(WINDOWS) * _PER_WINDOW)


def _sums(content: Content, codes: Codes, edges: Floats) -> tuple[Floats, Floats]:
    """Log odds of all bases before each place: coding, by where codons begin, and in introns."""
    words, classes = encode_words(codes), gc_classes(codes, edges)
    return coding_sums(words, classes, content.coding), np.concatenate([[0.0], content.intron[classes, words].cumsum()])
