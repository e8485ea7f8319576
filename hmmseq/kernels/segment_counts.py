"""Expected use of everything in a lattice whose states last: the backward pass.

    ahead[r, j] = log sum_d exp(score[r, j] + ... + score[r + d - 1, j] + duration[j, d] + beta[r + d, j])
    beta[r, i]  = log sum_j exp(w[i, j] + ahead[r, j])

Both passes take the same numbers out of their rows, so entry + ahead - total is the log posterior of a beginning; no large
numbers are subtracted. The posterior of state j at step t is the sum of those of all segments that cover t: each is added
to every step it covers, rather than taken as beginnings minus ends, which would leave a residue where nothing is.
"""

import math
from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.edges import count, propagate
from hmmseq.kernels.logmath import NEVER, log_add, log_sum
from hmmseq.kernels.paths import Tally, settle
from hmmseq.kernels.segments import enter, forward, surplus
from hmmseq.kernels.windows import absorb, clear, grow, joined, leaving, slide, slide_window


class DurationTally(NamedTuple):
    """Expected numbers of segments by duration, (n_states, width) each, as the tables of `Timed`."""

    inner: np.ndarray
    first: np.ndarray
    last: np.ndarray
    whole: np.ndarray
    tail: np.ndarray  # (n_states,) steps beyond the table, those not seen after a cut included


@jit(inner=True)
def _cover(mass, table, factor, weight, counts, covered):
    """Add the segments that begin here, by duration, to `counts` and to the steps they cover.

    The posterior of duration d is factor * mass[d] * table[d]. Unsigned, since a signed index that falls is asked at each
    use whether it is negative: 2.2 ns a duration instead of 0.9.
    """
    under_way = 0.0
    for back in range(mass.size):
        k = np.uint64(mass.size - 1 - back)
        share = factor * (mass[k] * table[k])
        counts[k] += weight * share
        under_way += share
        covered[k] += under_way


@jit(inner=True)
def _cover_exactly(run, table, log_factor, weight, counts, covered):
    """The same from logarithms: the posterior of duration d is exp(log_factor + run[d] + table[d])."""
    under_way = 0.0
    for k in range(run.size - 1, -1, -1):
        share = math.exp(log_factor + run[k] + table[k])
        counts[k] += weight * share
        under_way += share
        covered[k] += under_way


@jit(inner=True)
def _cover_last(n_left, share, weight, counts, covered):
    """The same for a segment that ends with the sequence."""
    counts[n_left - 1] += weight * share
    for k in range(n_left):
        covered[k] += share


@jit(inner=True)
def _close(timed, window, p, j, n_left, closing):
    """A segment that would end with the sequence, seen from `n_left` steps before: still its own, or in the window."""
    if n_left > timed.longest[j]:
        return NEVER
    if n_left == timed.longest[j] and timed.tail[j] > NEVER:
        absorb(timed, window, p, j, closing + surplus(timed, timed.last, j), False)
        return NEVER
    return closing


@jit(inner=True)
def _begin(timed, window, cover, p, j, t, n_left, entry, closing, log_total, weight, tally):
    """Segments of state j that begin with step t: all ways on from there; adds their posteriors."""
    n = timed.longest[j]
    run, mass, covered = window.run[j, p : p + n], window.mass[j, p : p + n], cover[j, p : p + n]
    if t > 0:
        ahead, total = leaving(timed, window, p, j, False)
        end = closing + timed.last[j, n_left - 1] if closing > NEVER else NEVER
        if entry > NEVER and total > 0.0:
            factor = math.exp(entry + ahead - log_total) / total
            _cover(mass, timed.weight[j, :n], factor, weight, tally.inner[j], covered)
        elif entry > NEVER and ahead > NEVER:
            _cover_exactly(run, timed.inner[j, :n], entry - log_total, weight, tally.inner[j], covered)
        if entry > NEVER and end > NEVER:
            _cover_last(n_left, math.exp(entry + end - log_total), weight, tally.last[j], covered)
        return log_add(ahead, end)
    ahead = joined(run, timed.first[j, :n], False)
    end = closing + timed.whole[j, n_left - 1] if closing > NEVER else NEVER
    if entry > NEVER and ahead > NEVER:
        _cover_exactly(run, timed.first[j, :n], entry - log_total, weight, tally.first[j], covered)
    if entry > NEVER and end > NEVER:
        _cover_last(n_left, math.exp(entry + end - log_total), weight, tally.whole[j], covered)
    return log_add(ahead, end)


@jit(inner=True)
def _forget(timed, cover, p, t, slot, weight, marginals):
    """Column p begins anew; the step that left the window has all its posterior and is written out."""
    for j in range(timed.longest.size):
        n = timed.longest[j]
        if n > 0:
            if t + n < slot.size:
                marginals[slot[t + n], timed.lattice.label[j]] += weight * cover[j, p + n]
            cover[j, p] = 0.0


@jit(inner=True)
def _write_rest(timed, cover, p, slot, weight, marginals):
    for j in range(timed.longest.size):
        for t in range(min(timed.longest[j], slot.size)):
            marginals[slot[t], timed.lattice.label[j]] += weight * cover[j, p + t]


@jit(inner=True)
def _stay(timed, j, added, older, beyond, log_total):
    """Posterior of a step beyond the table. Leaves in `beyond`, all ways on from the greatest age, those that go on."""
    beyond[j] += timed.tail[j] + added
    if beyond[j] == NEVER or older == NEVER:
        return 0.0
    return math.exp(older + beyond[j] + timed.inner[j, timed.longest[j] - 1] - log_total)


class Ahead(NamedTuple):
    """What the backward pass carries from step to step, (n_states,) each."""

    beta: np.ndarray  # all ways on from a row
    ahead: np.ndarray  # those that begin a segment there
    entry: np.ndarray  # all ways to it
    closing: np.ndarray  # the way on to the end in this state
    beyond: np.ndarray  # all ways on from the greatest age


@jit(inner=True)
def _end(timed, charts, n_steps, final, log_total, weight, on, work, tally, durations):
    """Behind the last step."""
    lattice = timed.lattice
    for j in range(final.size):
        tally.ends[j] += weight * math.exp(final[j] - log_total)
        silent = lattice.label[j] < 0
        on.beta[j], on.closing[j] = (lattice.end[j], NEVER) if silent else (NEVER, lattice.end[j])
    settle(lattice.silent_back, lattice.silent_order_back, on.beta, False)
    for j in range(final.size):
        if timed.tail[j] > NEVER:
            unseen = surplus(timed, timed.last, j)
            on.beyond[j] = log_add(on.beta[j], on.closing[j] + unseen)
            oldest = charts.tails[n_steps, j] + timed.last[j, timed.longest[j] - 1]
            durations.tail[j] += weight * math.exp(oldest + on.closing[j] - log_total) * math.expm1(unseen)
    count(lattice.silent, charts.rows[n_steps], on.beta, log_total, weight, work, tally.silent_edges)


@jit(inner=True)
def _step_back(
    timed, charts, window, cover, p, t, scores, n_left, log_total, weight, on, work, marginals, tally, durations
):  # fmt: skip
    """From row t + 1 to row t, and all that is expected there."""
    lattice, row = timed.lattice, charts.rows[t]
    enter(lattice, row, t == 0, on.entry, work[0], False)
    for j in range(row.size):
        on.ahead[j] = NEVER
        if timed.longest[j] == 0:
            continue
        added = scores[lattice.label[j]] - charts.shifts[t, 0] - charts.shifts[t, 1]
        if timed.tail[j] > NEVER:
            share = _stay(timed, j, added, charts.tails[t, j], on.beyond, log_total)
            durations.tail[j] += weight * share
            marginals[lattice.label[j]] += weight * share
        grow(timed, window, p, j, added, on.beta[j] + added, False)
        on.closing[j] = _close(timed, window, p, j, n_left, on.closing[j] + added)
        on.ahead[j] = _begin(
            timed, window, cover, p, j, t, n_left, on.entry[j], on.closing[j], log_total, weight, durations
        )  # fmt: skip
    propagate(lattice.step_back, on.ahead, on.beta, work[0])
    settle(lattice.silent_back, lattice.silent_order_back, on.beta, False)
    for j in range(row.size):
        if timed.tail[j] > NEVER:
            on.beyond[j] = log_add(on.beyond[j], on.beta[j])
    count(lattice.step, row, on.ahead, log_total, weight, work, tally.edges)
    count(lattice.silent, row, on.beta, log_total, weight, work, tally.silent_edges)


@jit(inner=True)
def _sweep_back(
    timed, charts, window, cover, table, code, slot, log_total, weight, on, work, marginals, tally, durations
):  # fmt: skip
    """All steps, the last first."""
    p = window.run.shape[1] // 2
    for t in range(code.size - 1, -1, -1):
        slide(cover, timed.longest, p)
        p = slide_window(window, timed.longest, p)
        _forget(timed, cover, p, t, slot, weight, marginals)
        _step_back(
            timed, charts, window, cover, p, t, table[code[t]], code.size - t, log_total, weight, on, work,
            marginals[slot[t]], tally, durations,
        )  # fmt: skip
    _write_rest(timed, cover, p, slot, weight, marginals)
    label, start = timed.lattice.label, timed.lattice.start
    for j in range(start.size):
        onward = on.ahead[j] if label[j] >= 0 else on.beta[j]
        tally.starts[j] += weight * math.exp(start[j] + onward - log_total)


@jit
def forward_backward(timed, table, code, slot, weight, window, charts, marginals, tally, durations):
    """Total log score; adds `weight` times the expected use of labels to `marginals`, of all else to the tallies."""
    final = np.empty(timed.longest.size)
    answer, _ = forward(timed, table, code, window, charts, final, False)
    if answer == NEVER or code.size == 0:
        return answer
    clear(window)
    rows, work, log_total = np.full((5, final.size), NEVER), np.empty((2, final.size)), log_sum(final)
    on, cover = Ahead(rows[0], rows[1], rows[2], rows[3], rows[4]), np.zeros_like(window.run)
    _end(timed, charts, code.size, final, log_total, weight, on, work, tally, durations)
    _sweep_back(
        timed, charts, window, cover, table, code, slot, log_total, weight, on, work, marginals, tally, durations
    )  # fmt: skip
    return answer


@jit
def marginals(
    timed, table, code, slot, offsets, first, last, weight, each, window, charts, out, labels, tally, durations
):  # fmt: skip
    """Total log score of each sequence, and expected uses; statistics of sequence s go to row s * each of the tallies."""
    for s in range(first, last):
        low, high, k = offsets[s], offsets[s + 1], s * each
        out[s] = 0.0
        if low == high:
            continue
        own = Tally(tally.edges[k], tally.silent_edges[k], tally.starts[k], tally.ends[k])
        times = DurationTally(
            durations.inner[k], durations.first[k], durations.last[k], durations.whole[k], durations.tail[k]
        )  # fmt: skip
        out[s] = forward_backward(
            timed, table, code[low:high], slot[low:high], weight[s], window, charts, labels, own, times
        )  # fmt: skip
