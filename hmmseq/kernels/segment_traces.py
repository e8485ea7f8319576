"""From the last segment back to the first: the best segmentation, or some drawn from their posterior.

As in `traces.py` nothing points back: where a segment began is chosen again, by the largest score or by lot, from the rows
of the forward pass. Each choice looks back at most `longest` steps and adds up scores on its way, so it is exact.
"""

import math

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.edges import gather, gather_best
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.segments import forward
from hmmseq.kernels.traces import FROM_START, choose
from hmmseq.kernels.windows import plus


@jit(inner=True)
def pick(values, maximise, rng):
    """The index of the largest entry, or one drawn with probabilities exp(values): at least one is not minus infinity."""
    top, chosen = NEVER, 0
    total = 0.0
    for k in range(values.size):
        if values[k] > top:
            top, chosen = values[k], k
    if maximise:
        return chosen
    for k in range(values.size):
        total += math.exp(values[k] - top)
    left = rng.random() * total
    for k in range(values.size):
        part = math.exp(values[k] - top)
        if part > 0.0:
            chosen = k
            left -= part
            if left < 0.0:
                break
    return chosen


@jit(inner=True)
def _entry(lattice, row, first, j, maximise):
    """Score of the ways to begin a segment of state j after this row."""
    score = gather_best(lattice.step, row, j) if maximise else gather(lattice.step, row, j)
    return plus(score, lattice.start[j], maximise) if first else score


@jit(inner=True)
def _added(timed, table, code, charts, t, j):
    return table[code[t], timed.lattice.label[j]] - charts.shifts[t, 0] - charts.shifts[t, 1]


@jit(inner=True)
def _duration(timed, table, code, charts, r, j, closes, maximise, rng, values):
    """The duration of a segment of state j that ends after row r; with the sequence, if it `closes` the path."""
    lattice, n = timed.lattice, timed.longest[j]
    endless = timed.tail[j] > NEVER and r >= n
    reach, score = min(n, r), 0.0
    for k in range(reach):
        b = r - k - 1
        score += _added(timed, table, code, charts, b, j)
        ends = timed.last if closes else timed.inner
        if b == 0:
            ends = timed.whole if closes else timed.first
        values[k] = (
            score + ends[j, k] + _entry(lattice, charts.rows[b], b == 0, j, maximise) if score > NEVER else NEVER
        )
    if endless:
        values[n - 1] = charts.tails[r, j] + (timed.last if closes else timed.inner)[j, n - 1]
    duration = pick(values[:reach], maximise, rng) + 1
    if endless and duration == n:
        return _older(timed, table, code, charts, r, j, maximise, rng, values)
    return duration


@jit(inner=True)
def _older(timed, table, code, charts, r, j, maximise, rng, values):
    """The duration of a segment that is at least as old as the table at row r: back step by step."""
    n, u = timed.longest[j], r
    while u > n:
        score = 0.0
        for k in range(n):
            score += _added(timed, table, code, charts, u - k - 1, j)
        values[0] = score + _entry(timed.lattice, charts.rows[u - n], False, j, maximise)
        values[1] = timed.tail[j] + _added(timed, table, code, charts, u - 1, j) + charts.tails[u - 1, j]
        if pick(values[:2], maximise, rng) == 0:
            break
        u -= 1
    return n + r - u


@jit
def trace(timed, table, code, window, charts, maximise, rng, states, durations, lengths):
    """Fill each row of `states` and `durations`, from the right end, with the segments of one path; returns the total.

    Silent states last 0 steps. lengths: (n_paths,) segments written, 0 where no path exists.
    """
    lattice, n_steps = timed.lattice, code.size
    final, values = np.empty(timed.longest.size), np.empty(max(timed.inner.shape[1], 2))
    lengths[:] = 0
    total, _ = forward(timed, table, code, window, charts, final, maximise)
    if total == NEVER or n_steps == 0:
        return total
    for k in range(states.shape[0]):
        r, j = n_steps, pick(final, maximise, rng)
        while j != FROM_START:
            lengths[k] += 1
            at = states.shape[1] - lengths[k]
            states[k, at], durations[k, at] = j, 0
            edges = lattice.silent
            if lattice.label[j] >= 0:
                edges = lattice.step
                durations[k, at] = _duration(
                    timed, table, code, charts, r, j, lengths[k] == 1, maximise, rng, values
                )  # fmt: skip
                r -= durations[k, at]
            j = choose(edges, charts.rows[r], j, lattice.start[j] if r == 0 else NEVER, maximise, rng)
    return total


@jit
def paths(
    timed, table, code, offsets, room, first, last, maximise, rng, window, charts, states, durations, lengths, scores
):  # fmt: skip
    """Best or sampled segmentations: at the right end of columns room[s] ... room[s + 1] - 1, how many in lengths[:, s]."""
    for s in range(first, last):
        here = slice(room[s], room[s + 1])
        scores[s] = trace(
            timed, table, code[offsets[s] : offsets[s + 1]], window, charts, maximise, rng,
            states[:, here], durations[:, here], lengths[:, s],
        )  # fmt: skip
        if offsets[s] == offsets[s + 1]:
            scores[s] = 0.0
