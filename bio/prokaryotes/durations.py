"""How long genes and the gaps between them are, and the graph that this makes.

A gene is a span, and so is each border between contigs; gaps lie between them. A border cuts what it meets, as if the
genome had been cut at random: a gene or gap that is seen in part weighs the probability of lasting at least so long.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq.span_graph import Gap, SpanGraph

Floats = NDArray[np.float64]

OVERLAP, NEAR = 120, 300  # longest overlap of neighbours; gaps longer than NEAR decay geometrically
SHORT_OVERLAP = 60  # the longest of a gene that is no longer than OVERLAP, or cut
FORWARD, REVERSE, BORDER_SPAN = 0, 1, 2
CUT_LEFT, CUT_RIGHT, CUT_BOTH = 3, 5, 7  # and strand, except for genes without either end
LONG = 8  # and strand: whole genes that are longer than OVERLAP
N_KINDS = 10

LONGEST = 20_000  # codons; longer genes weigh what this one does
_SHORTEST = 20
_LENGTH, _LENGTH_SPREAD = 270.0, 0.8  # codons of a gene before any is known: a log-normal distribution
_GRID = 400
_SMOOTH_LENGTHS, _SMOOTH_GAPS, _SMOOTH_SHARP = 12.0, 8.0, 2.0  # standard deviations of kernels
_PRIOR = 40.0  # genes and gaps that the first guesses count for
_ANY_SIZE = 0.02  # share of gaps that may have any size below NEAR
_FAR = 300.0  # mean of what a long gap has beyond NEAR
_SHARP_FROM = -30  # overlaps of one strand keep their peaks, such as ATGA's -4, from here on


class Lengths(NamedTuple):
    """Log weights of genes of 0, 1, ... codons: complete, cut at one end, cut at both."""

    whole: Floats  # (LONGEST + 1,)
    cut: Floats
    both: Floats
    mean: float  # codons


def learn_lengths(n_codons: NDArray[np.integer], weight: Floats | None = None) -> Lengths:
    """A kernel density in the log of the length, with a prior."""
    grid = np.linspace(math.log(_SHORTEST), math.log(LONGEST), _GRID)
    step = grid[1] - grid[0]
    at = np.clip(np.round((np.log(np.maximum(n_codons, 1)) - grid[0]) / step).astype(int), 0, _GRID - 1)
    prior = np.exp(-0.5 * ((grid - math.log(_LENGTH)) / _LENGTH_SPREAD) ** 2)
    density = (
        _smooth(np.bincount(at, weight, minlength=_GRID).astype(float), _SMOOTH_LENGTHS) + _PRIOR * prior / prior.sum()
    )
    density = 0.98 * density / density.sum() + 0.02 / _GRID
    log_n = np.log(np.maximum(np.arange(LONGEST + 1), _SHORTEST))
    p = np.interp(log_n, grid, density / step) / np.exp(log_n)
    p[:_SHORTEST] = p[_SHORTEST]
    p /= p.sum()
    at_least = np.cumsum(p[::-1])[::-1]
    both = np.cumsum(at_least[::-1])[::-1]
    return Lengths(np.log(p), np.log(at_least), np.log(both), float(at_least.sum()))


class GapSizes(NamedTuple):
    """Distributions of gaps by the strands beside them: near ones by size, far ones by their mean excess."""

    near: Floats  # (2, 2, OVERLAP + NEAR) probability of each size below NEAR and of the strand that follows
    far: Floats  # (2, 2) probability of NEAR or more
    excess: Floats  # (2, 2) mean of what far gaps have beyond NEAR


def learn_gaps(size: NDArray[np.integer], strand: NDArray[np.integer]) -> GapSizes:
    """size: (n,) gaps between neighbours; strand: (n, 2) of each."""
    near, far, excess = np.empty((2, 2, OVERLAP + NEAR)), np.empty((2, 2)), np.empty((2, 2))
    alike = strand[:, 0] == strand[:, 1]
    same = (alike.sum() + 0.75 * _PRIOR) / (len(size) + _PRIOR)
    for a in range(2):
        for b in range(2):
            chosen = alike if a == b else (strand[:, 0] == a) & (strand[:, 1] == b)
            table, n_far, far_sum = _gap_counts(size[chosen], a == b)
            turn = (same if a == b else 1 - same) / (table.sum() + n_far)
            near[a, b], far[a, b] = turn * table, turn * n_far
            excess[a, b] = far_sum / n_far
    return GapSizes(near, far, excess)


def _gap_counts(size: NDArray[np.integer], same: bool) -> tuple[Floats, float, float]:
    beyond = size[size >= NEAR] - NEAR
    counts = np.bincount(np.maximum(size[size < NEAR], -OVERLAP) + OVERLAP, minlength=OVERLAP + NEAR).astype(float)
    table = _smooth(counts, _SMOOTH_GAPS)
    if same:
        sharp = 0.8 * counts + 0.2 * _smooth(counts, _SMOOTH_SHARP)
        at = np.arange(-OVERLAP, NEAR)
        share = 0.9 * ((at > _SHARP_FROM) & (at < 0))
        table = share * sharp + (1 - share) * table
    first, first_far = first_gap(same)
    table = table + _ANY_SIZE * len(size) / len(table) + 1e-3 + _PRIOR * first
    n_far = len(beyond) + _PRIOR * first_far + 1.0
    return table, n_far, float(beyond.sum() + _FAR * (n_far - len(beyond)))


def first_gap(same: bool) -> tuple[Floats, float]:
    """Gaps before any are known: probability of each size, and of more."""
    size = np.arange(-OVERLAP, NEAR)
    overlap = np.where(size < 0, np.exp(np.minimum(size, 0) / 15.0), 0.0)
    apart = np.where(size >= 0, np.exp(-np.maximum(size, 0) / (80.0 if same else 150.0)), 0.0)
    p = 0.08 * overlap / overlap.sum() + (0.6 if same else 0.67) * apart / apart.sum()
    if same:
        p[OVERLAP - 4] += 0.10
        p[OVERLAP - 1] += 0.02
    return p, 0.2 if same else 0.25


def first_gaps() -> GapSizes:
    """The same for all pairs of strands: overlaps and near gaps flat."""
    near = np.full((2, 2, OVERLAP + NEAR), 0.5 * 0.75 / NEAR)
    near[:, :, :OVERLAP] = 0.5 * 0.1 / OVERLAP
    return GapSizes(near, np.full((2, 2), 0.5 * 0.15), np.full((2, 2), _FAR))


def is_whole(kind: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which kinds of span are genes with both ends."""
    return (kind < BORDER_SPAN) | (kind >= LONG)


def gene_graph(lengths: Lengths, gaps: GapSizes) -> SpanGraph:
    """Genes of both strands, whole or cut, and borders, joined by gaps."""
    size, tail = _sizes(gaps)
    seen, tail_seen, unseen = _censored(gaps)
    rate = -math.log(3.0 * lengths.mean + unseen[1])  # genes a base: where a border lies has no preference
    of_strand = rate + math.log(0.5)
    pairs = [(a, b) for a in range(2) for b in range(2)]
    longer = OVERLAP - SHORT_OVERLAP
    found = [Gap(_before(a), _after(b), size[a, b, longer:], -SHORT_OVERLAP, tail[a, b]) for a, b in pairs]
    found += [Gap([LONG + a], [LONG + b], size[a, b, :longer], -OVERLAP) for a, b in pairs]
    found += [Gap([BORDER_SPAN], _after(b), np.log(seen) + of_strand, 0, tail_seen) for b in range(2)]
    found += [Gap(_before(a), [BORDER_SPAN], np.log(seen), 0, tail_seen) for a in range(2)]
    found.append(Gap([BORDER_SPAN], [CUT_LEFT, CUT_LEFT + 1, CUT_BOTH], [of_strand]))
    found.append(Gap([CUT_RIGHT, CUT_RIGHT + 1, CUT_BOTH], [BORDER_SPAN], [0.0]))
    found.append(Gap([BORDER_SPAN], [BORDER_SPAN], np.log(unseen) + rate, 0, tail_seen))
    return SpanGraph(N_KINDS, found, opening=_border(), closing=_border())


def _sizes(gaps: GapSizes) -> tuple[Floats, Floats]:
    """Log weights of gaps as far as NEAR, and of each base beyond."""
    stay = gaps.excess / (gaps.excess + 1.0)
    return np.log(np.concatenate([gaps.near, (gaps.far * (1 - stay))[..., None]], axis=-1)), np.log(stay)


def _censored(gaps: GapSizes) -> tuple[Floats, float, Floats]:
    """P(gap >= d) for d = 0 ... NEAR, whatever the strands; its log decay beyond; and the sum over all >= d."""
    far = gaps.far.sum() / 2
    excess = (gaps.far * gaps.excess).sum() / gaps.far.sum()
    near = gaps.near.sum((0, 1))[OVERLAP:] / 2
    seen = np.cumsum(np.append(near, far)[::-1])[::-1]
    unseen = np.cumsum(np.append(seen[:-1], far * (excess + 1.0))[::-1])[::-1]
    return seen, float(np.log(excess / (excess + 1.0))), unseen


def _before(strand: int) -> list[int]:
    return [strand, LONG + strand, CUT_LEFT + strand]


def _after(strand: int) -> list[int]:
    return [strand, LONG + strand, CUT_RIGHT + strand]


def _border() -> Floats:
    return np.where(np.arange(N_KINDS) == BORDER_SPAN, 0.0, -np.inf)


def _smooth(counts: Floats, deviation: float) -> Floats:
    """Convolved with a Gaussian; what would leave at an end is reflected."""
    reach = int(4 * deviation + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return np.convolve(np.pad(counts, reach, mode="symmetric"), kernel / kernel.sum(), mode="valid")
