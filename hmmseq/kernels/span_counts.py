"""Expected use of gaps: how often, how long, between what and where.

Each pair of an entry and a span behind it is looked at once if the table of durations reaches from one to the other.
Pairs further apart are counted by where they end, and, on the mirrored lattice, by where they begin: their number and
the steps between follow from those two.
"""

import math
from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.logmath import NEVER, log_add
from hmmseq.kernels.spans import after, arrive, beyond, content_before, far_weight, near_end, near_score, since_start


class SpanTally(NamedTuple):
    """Expected uses, counted where gaps are left."""

    after: np.ndarray  # (n_gaps, n_kinds) spans of each kind after each gap
    start: np.ndarray  # (n_gaps,) sequences that begin in each
    durations: np.ndarray  # (n_gaps, width) as in the table of the graph
    far: np.ndarray  # (n_gaps,) gaps longer than that
    far_places: np.ndarray  # (n_gaps,) the sum of the places where they are left
    places: (
        np.ndarray
    )  # (n_gaps, n_steps + 1) where they are left, less, at 0, sequences that begin in them; no overlaps


@jit
def tally_for(gaps, n_places):
    """Zeros. n_places: n_steps + 1, or 0 if nobody asks where gaps lie"""
    n_gaps, n_kinds = gaps.after.shape
    return SpanTally(
        np.zeros((n_gaps, n_kinds)), np.zeros(n_gaps), np.zeros(gaps.inner.weight.shape), np.zeros(n_gaps), np.zeros(n_gaps),
        np.zeros((n_gaps, n_places)),
    )  # fmt: skip


@jit
def _leave(gaps, spans, chart, tally, g, p, on):
    """All ways to leave gap g at p. on: log share of what follows"""
    low, c = chart.first[g], beyond(gaps, chart, gaps.inner, g, p, False)
    placed = tally.places.shape[1] > 0
    share = math.exp(since_start(gaps, spans, g, p) + on)
    tally.start[g] += share
    if placed:
        tally.places[g, 0] -= share
        tally.places[g, p] += share
    on += content_before(spans, gaps.label[g], p)
    if c > 0 and gaps.tail[g] > NEVER:
        share = math.exp(chart.running[low + c - 1] + far_weight(gaps, gaps.inner, g, p) + on)
        tally.far[g] += share
        tally.far_places[g] += share * p
        if placed:
            tally.places[g, p] += share
    for i in range(low + c, near_end(chart, gaps.inner, g, p, c)):
        score = near_score(gaps, spans, chart, gaps.inner, g, p, i)
        if score > NEVER:
            share, d = math.exp(score + on), p - chart.place[i]
            tally.durations[g, d - gaps.inner.shortest[g]] += share
            if placed and d > 0:
                tally.places[g, p] += share


@jit
def count(gaps, spans, chart, back, log_partition, n_places):
    """The tally of a sequence that has a path."""
    tally, n = tally_for(gaps, n_places), spans.begin.size
    by_place = np.argsort(spans.begin, kind="mergesort")
    i = 0
    while i < n:
        p, stop = spans.begin[by_place[i]], i
        while stop < n and spans.begin[by_place[stop]] == p:
            stop += 1
        for g in range(gaps.tail.size):
            on = NEVER
            for j in range(i, stop):
                s = by_place[j]
                if not spans.opens[s]:
                    score = gaps.after[g, spans.kind[s]] + spans.score[s] + after(gaps, spans, back, s)
                    on = log_add(on, score - log_partition)
            if on == NEVER:
                continue
            _leave(gaps, spans, chart, tally, g, p, on)
            reached = log_add(since_start(gaps, spans, g, p), arrive(gaps, spans, chart, gaps.inner, g, p, False))
            for j in range(i, stop):
                s = by_place[j]
                k = spans.kind[s]
                if not spans.opens[s] and gaps.after[g, k] > NEVER:
                    score = gaps.after[g, k] + spans.score[s] + after(gaps, spans, back, s)
                    tally.after[g, k] += math.exp(reached + score - log_partition)
        i = stop
    return tally
