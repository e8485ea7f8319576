"""Splice sites, start and stop codons: weight arrays of order one, sites against everything that looks like them.

A signal is a window around a place between two bases. The score of a window is the sum over its positions of the log
odds of a base given the one before it, at sites against decoys: other places with the same obligatory bases (AG, GT,
ATG). Zhang and Marr, CABIOS 9 (1993), weight array model. Far from the place neighbouring positions share their counts
(Burge and Karlin, JMB 268, 1997, windowed weight array, for the region of the branch point).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..alphabet import DNA, Codes

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_LETTERS = 5  # with the unknown one


class Window(NamedTuple):
    """Bases place - before ... place + after - 1; counts are spread over `blur` positions on either side of those
    further than `sharp` bases before the place."""

    before: int
    after: int
    sharp: int = 1000
    blur: int = 0


class Signal(NamedTuple):
    """A fitted weight array: log odds (width, 5, 5) by position, base before it and base; 0 for unknown bases."""

    before: int
    log_odds: Floats

    def scores(self, codes: Codes, places: Places) -> Floats:
        """(n_places,) log odds that each place is a site. What lies outside the sequence is unknown."""
        width = len(self.log_odds)
        padded = np.pad(codes, (self.before + 1, width), constant_values=DNA.missing)
        total, index = np.zeros(len(places)), places.copy()  # of the base before the window
        previous = padded[index].astype(np.intp)
        for table in self.log_odds.reshape(width, -1):
            index += 1
            base = padded[index]
            total += table[_LETTERS * previous + base]
            previous = base.astype(np.intp)
        return total

    def log_odds_at(self, codes: Codes, places: Places) -> Floats:
        """(n_places, width) log odds of each base around each place; their sum is the score."""
        width = len(self.log_odds)
        padded = np.pad(codes, (self.before + 1, width), constant_values=DNA.missing).astype(np.intp)
        bases = padded[places[:, None] + np.arange(width + 1)]
        return self.log_odds[np.arange(width), bases[:, :-1], bases[:, 1:]]


def fit_signal(window: Window, sites: Floats, decoys: Floats, strength: float) -> Signal:
    """Signal from counts (width, 5, 5) of sites and decoys, as `count_windows` makes them.

    strength  pseudocounts: a context weighs n / (n + strength) against the position's composition, and that against
              the decoys' in the same way
    """
    prior = _conditional(decoys, np.full((len(decoys), 1, 4), 0.25), strength)
    sites = _blurred(sites, window)
    composition = sites[:, :, :4].sum(1, keepdims=True)
    decoy_composition = decoys[:, :, :4].sum(1, keepdims=True) + 1.0
    decoy_composition /= decoy_composition.sum(2, keepdims=True)
    composition = composition + strength * decoy_composition
    probability = _conditional(sites, composition / composition.sum(2, keepdims=True), strength)
    log_odds = np.zeros((len(sites), _LETTERS, _LETTERS))
    log_odds[:, :, :4] = np.log(probability) - np.log(prior)
    return Signal(window.before, log_odds)


def count_windows(window: Window, codes: Codes, places: Places) -> Floats:
    """(width, 5, 5) pairs of neighbouring bases at each position of the windows around places."""
    padded = np.pad(codes, (window.before + 1, window.after), constant_values=DNA.missing).astype(np.intp)
    width = window.before + window.after
    counts = np.zeros((width, _LETTERS * _LETTERS))
    for j in range(width):
        pairs = _LETTERS * padded[places + j] + padded[places + j + 1]
        counts[j] = np.bincount(pairs, minlength=_LETTERS * _LETTERS)
    return counts.reshape(width, _LETTERS, _LETTERS)


def _conditional(counts: Floats, prior: Floats, strength: float) -> Floats:
    """(width, 5, 4) probability of a base given the one before it; after an unknown base, given the position alone."""
    known = counts[:, :, :4].copy()
    known[:, 4] = known[:, :4].sum(1)
    weighted = known + strength * prior
    return weighted / weighted.sum(2, keepdims=True)


def _blurred(counts: Floats, window: Window) -> Floats:
    """Counts far before the place averaged over neighbouring positions."""
    far = window.before - window.sharp
    if far <= 0 or not window.blur:
        return counts
    smooth = counts.copy()
    for j in range(far):
        smooth[j] = counts[max(0, j - window.blur) : min(far, j + window.blur + 1)].mean(0)
    return smooth
