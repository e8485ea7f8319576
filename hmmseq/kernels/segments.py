"""One segment after another: the forward pass over a lattice whose states last.

Row r lies between steps r - 1 and r. It holds, for each state, the score of all paths whose segment of that state ends
there (silent states: that pass there), the largest entry taken out. Edges join segments, so they are followed within a
row and take no step:

    entry[r, j] = log sum_i exp(row[r, i] + w[i, j])
    row[r, j]   = log sum_d exp(entry[r - d, j] + score[r - d, j] + ... + score[r - 1, j] + duration[j, d])

Rabiner, Proc. IEEE 77, section IV.D (1989); Yu, Artificial Intelligence 174 (2010). A segment that begins with the
sequence is kept apart ("opening"), because its beginning may have gone unseen.
"""

from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.edges import propagate, propagate_best
from hmmseq.kernels.logmath import NEVER, add_exactly, copy_row, largest, log_sum
from hmmseq.kernels.paths import before, lower, settle
from hmmseq.kernels.windows import absorb, clear, grow, joined, leaving, plus, slide_window


class Charts(NamedTuple):
    """What the forward pass keeps: 8 bytes a step and state, twice that where any state has a tail."""

    rows: np.ndarray  # (n_steps + 1, n_states)
    tails: np.ndarray  # the same, segments of the greatest age or beyond; (n_steps + 1, 0) without tails
    shifts: np.ndarray  # (n_steps, 2) what was taken out of step t, and then of row t + 1


def charts_for(timed, n_steps):
    """Charts for so many steps."""
    n_states = timed.longest.size
    tails = np.empty((n_steps + 1, n_states if np.any(timed.tail > NEVER) else 0))
    return Charts(np.empty((n_steps + 1, n_states)), tails, np.empty((n_steps, 2)))


@jit(inner=True)
def enter(lattice, row, first, entry, work, maximise):
    """Scores of the ways to begin a segment after this row."""
    if maximise:
        propagate_best(lattice.step, row, entry)
    else:
        propagate(lattice.step, row, entry, work)
    for j in range(entry.size):
        if first and lattice.label[j] >= 0:
            entry[j] = plus(entry[j], lattice.start[j], maximise)


@jit(inner=True)
def _reachable(timed, window, entry, scores):
    """The largest score of the states that any path is in; what no path reads must not drown what paths do read."""
    top = NEVER
    for j in range(entry.size):
        if timed.longest[j] > 0 and (window.alive[j] > 0 or entry[j] > NEVER):
            top = max(top, scores[timed.lattice.label[j]])
    return top


@jit(inner=True)
def surplus(timed, table, j):
    """What a table gives the greatest age beyond what `inner` does."""
    return table[j, timed.longest[j] - 1] - timed.inner[j, timed.longest[j] - 1]


@jit(inner=True)
def _open(timed, window, p, age, opening, out, maximise):
    """The segments that began with the sequence end here, or go on."""
    for j in range(out.size):
        if opening[j] == NEVER:
            continue
        if age > timed.longest[j]:
            opening[j] = NEVER
            continue
        out[j] = plus(out[j], opening[j] + timed.first[j, age - 1], maximise)
        if age == timed.longest[j] and timed.tail[j] > NEVER:
            absorb(timed, window, p, j, opening[j] + surplus(timed, timed.first, j), maximise)
            opening[j] = NEVER


@jit(inner=True)
def _step(timed, window, p, t, scores, shift, low, entry, opening, out, maximise):
    """From the entries of one row to what ends in the next."""
    for j in range(out.size):
        out[j] = NEVER
        if timed.longest[j] == 0:
            continue
        score = scores[timed.lattice.label[j]] - shift
        if t == 0:
            opening[j] = entry[j] + score
            entry[j] = NEVER
        else:
            opening[j] += score - low
        grow(timed, window, p, j, score - low, entry[j] + score, maximise)
        out[j], _ = leaving(timed, window, p, j, maximise)


@jit(inner=True)
def _finish(timed, window, p, n_steps, low, row, opening, final, maximise):
    """What ends with the sequence: segments by their own table, silent states as the row says."""
    for j in range(row.size):
        n = timed.longest[j]
        final[j] = row[j]
        if n > 0:
            final[j] = joined(window.run[j, p : p + n], timed.last[j, :n], maximise)
            if opening[j] > NEVER:  # else it is older than the table, or part of the window
                final[j] = plus(final[j], opening[j] + timed.whole[j, n_steps - 1], maximise)
            final[j] -= low
        final[j] += timed.lattice.end[j]


@jit(inner=True)
def _keep(timed, window, p, t, shift, low, row, charts):
    copy_row(row, charts.rows[t + 1])
    charts.shifts[t, 0], charts.shifts[t, 1] = shift, low
    for j in range(charts.tails.shape[1]):
        oldest = window.run[j, p + timed.longest[j] - 1] - low
        charts.tails[t + 1, j] = oldest if timed.tail[j] > NEVER else NEVER


@jit(inner=True)
def _sweep(timed, table, code, window, charts, row, entry, opening, work, maximise):
    """All steps; returns what was taken out of them and of the last row, where the window is, and the steps survived."""
    lattice, keep = timed.lattice, charts.rows.shape[0] > code.size
    p, low, total, lost = window.run.shape[1] // 2, 0.0, 0.0, 0.0
    for t in range(code.size):
        enter(lattice, row, t == 0, entry, work, maximise)
        for j in range(row.size):
            work[j] = max(entry[j], opening[j])
        shift = _reachable(timed, window, work, table[code[t]])
        if shift == NEVER:
            return NEVER, low, p, t
        p = slide_window(window, timed.longest, p)
        _step(timed, window, p, t, table[code[t]], shift, low, entry, opening, row, maximise)
        if t < window.run.shape[1]:
            _open(timed, window, p, t + 1, opening, row, maximise)
        settle(lattice.silent, lattice.silent_order, row, maximise)
        low = lower(row)
        low = low if low > NEVER else 0.0
        total, lost = add_exactly(total, lost, shift)
        total, lost = add_exactly(total, lost, low)
        if keep:
            _keep(timed, window, p, t, shift, low, row, charts)
    return total + lost, low, p, code.size


@jit
def forward(timed, table, code, window, charts, final, maximise):
    """Total (or best) log score of all paths, and the first step that none survives.

    Fills the charts if they have room (asked rather than told: Numba compiles anew for each constant flag).
    final: (n_states,) paths that end in each state.
    """
    n_states = timed.longest.size
    row, entry, opening, work = np.empty(n_states), np.empty(n_states), np.full(n_states, NEVER), np.empty(n_states)
    clear(window)
    before(timed.lattice, row, maximise)
    copy_row(row, charts.rows[0])
    charts.tails[0] = NEVER
    total, low, p, survived = _sweep(timed, table, code, window, charts, row, entry, opening, work, maximise)
    if survived < code.size:
        return NEVER, survived
    if code.size:
        _finish(timed, window, p, code.size, low, row, opening, final, maximise)
    last = largest(final) if maximise else log_sum(final)
    return total + last if last > NEVER else NEVER, survived


@jit
def totals(timed, table, code, offsets, first, last, window, charts, out):
    """Total log score of each sequence, 0 for an empty one. Nothing is kept: charts of no steps."""
    final = np.empty(timed.longest.size)
    for s in range(first, last):
        out[s] = 0.0
        if offsets[s] < offsets[s + 1]:
            own = code[offsets[s] : offsets[s + 1]]
            out[s], _ = forward(timed, table, own, window, charts, final, False)


@jit
def first_dead_step(timed, table, code, window, charts):
    """The first step that no path survives; n_steps where only the ending is impossible."""
    return forward(timed, table, code, window, charts, np.empty(timed.longest.size), False)[1]
