"""From the end of a sequence back to its beginning: the best row of spans and gaps, or some drawn from their posterior.

As in `traces.py` nothing points back: what a span follows is chosen again, from the entries that it could have followed.
"""

import math

from hmmseq._jit import jit
from hmmseq.kernels.logmath import NEVER, log_add
from hmmseq.kernels.spans import beyond, content_before, far_weight, near_end, near_score, since_start

NOTHING, BORDER, FAR, NEAR, SPAN = range(5)  # what was chosen: nothing yet, the start of the sequence, entries, a span


@jit(inner=True)
def consider(total, value, maximise, rng):
    """The new total, and whether the newcomer takes the place of what was chosen so far."""
    if value == NEVER:
        return total, False
    if maximise:
        return max(total, value), value > total
    total = log_add(total, value)
    return total, math.log(rng.random()) < value - total


@jit(inner=True)
def _consider_entries(gaps, spans, chart, table, g, p, weight, choice, total, maximise, rng):
    """The entries of gap g, seen from p; the choice is (what, gap, which)."""
    low, c = chart.first[g], beyond(gaps, chart, table, g, p, maximise)
    weight += content_before(spans, gaps.label[g], p)
    if c > 0 and gaps.tail[g] > NEVER:
        far = chart.running[low + c - 1] + far_weight(gaps, table, g, p) + weight
        total, taken = consider(total, far, maximise, rng)
        if taken:
            choice = FAR, g, low + c - 1
    for i in range(low + c, near_end(chart, table, g, p, c)):
        total, taken = consider(total, near_score(gaps, spans, chart, table, g, p, i) + weight, maximise, rng)
        if taken:
            choice = NEAR, g, i
    return choice, total


@jit(inner=True)
def _far_entry(chart, g, last, maximise, rng):
    """One of the entries first ... last whose running sum was chosen."""
    level = chart.running[last]
    if not maximise:
        level += math.log(rng.random())
    low, high = chart.first[g], last
    while low < high:
        middle = (low + high) // 2
        if chart.running[middle] >= level:
            high = middle
        else:
            low = middle + 1
    return low


@jit
def _at_end(gaps, spans, chart, whole, maximise, rng):
    n, total, choice = spans.n_steps, NEVER, (NOTHING, -1, -1)
    for g in range(gaps.tail.size):
        content = content_before(spans, gaps.label[g], n)
        total, taken = consider(total, whole[g] + content, maximise, rng)
        if taken:
            choice = BORDER, g, -1
        if gaps.end[g] > NEVER:
            choice, total = _consider_entries(
                gaps, spans, chart, gaps.border, g, n, gaps.end[g], choice, total, maximise, rng
            )
    for j in range(spans.end.size - 1, -1, -1):
        s = chart.by_end[j]
        if spans.end[s] < n:
            break
        if spans.closes[s]:
            value = chart.before[s] + spans.score[s] + gaps.closing[spans.kind[s]]
            total, taken = consider(total, value, maximise, rng)
            if taken:
                choice = SPAN, -1, s
    return choice


@jit
def _at_begin(gaps, spans, chart, s, maximise, rng):
    """What a span follows."""
    p, k, total, choice = spans.begin[s], spans.kind[s], NEVER, (NOTHING, -1, -1)
    for g in range(gaps.tail.size):
        weight = gaps.after[g, k]
        if weight == NEVER:
            continue
        total, taken = consider(total, since_start(gaps, spans, g, p) + weight, maximise, rng)
        if taken:
            choice = BORDER, g, -1
        choice, total = _consider_entries(
            gaps, spans, chart, gaps.inner, g, p, weight, choice, total, maximise, rng
        )  # fmt: skip
    return choice


@jit
def _ended_at(gaps, spans, chart, g, place, maximise, rng):
    """A span that entered gap g at a place."""
    low, high = 0, spans.end.size
    while low < high:
        middle = (low + high) // 2
        if spans.end[chart.by_end[middle]] < place:
            low = middle + 1
        else:
            high = middle
    total, chosen = NEVER, -1
    for j in range(low, spans.end.size):
        s = chart.by_end[j]
        if spans.end[s] > place:
            break
        if not spans.closes[s]:
            value = chart.before[s] + spans.score[s] + gaps.before[g, spans.kind[s]]
            total, taken = consider(total, value, maximise, rng)
            if taken:
                chosen = s
    return chosen


@jit
def trace(gaps, spans, chart, whole, maximise, rng, chosen, between):
    """One path, last span first; returns how many spans it has, -1 where there is none.

    chosen: (n_spans,) the spans; between: (n_spans + 1,) the gap behind each of them, -1 for none, and the first gap
    """
    what, g, which = _at_end(gaps, spans, chart, whole, maximise, rng)
    if what == NOTHING:
        return -1
    m, between[0] = 0, g
    while what != BORDER:
        if what == FAR:
            which = _far_entry(chart, g, which, maximise, rng)
        s = which if what == SPAN else _ended_at(gaps, spans, chart, g, chart.place[which], maximise, rng)
        chosen[m] = s
        m += 1
        if spans.opens[s]:
            between[m] = -1
            break
        what, g, which = _at_begin(gaps, spans, chart, s, maximise, rng)
        between[m] = g
    return m
