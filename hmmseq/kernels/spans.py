"""Candidate spans joined by gaps: one ordered sweep over the sequence.

A gap of kind g is entered where a span ends and left where one begins. What entered it at one place is one entry:

    entry[g, e]  = log sum over spans s that end at e of exp(before[s] + score[s] + weight before g)
    before[s]    = log sum over gaps g of exp(weight after g + log sum over e of exp(entry[g, e] + duration[g, begin - e]
                                                                                     + score of the steps between))

so spans that share a place share the work, and cost grows with places and not with pairs of spans. Entries that lie
further back than the table of durations decay alike, each by the tail a step; their running sum is kept in a frame in
which they stay as they are, and is looked up. Overlaps are negative durations: a span is asked what lies before it
only when all that ends within its longest overlap has been seen, which is possible because it is longer than that.
Semi-Markov models over candidates: Burge and Karlin, J. Mol. Biol. 268 (1997); Sarawagi and Cohen, NIPS 17 (2005).
"""

import math
from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.logmath import NEVER, log_add
from hmmseq.kernels.sorting import order

NEGLIGIBLE = -40.0  # exp of this is below a rounding error of 1


class Table(NamedTuple):
    """Log weights of durations of each gap, from its shortest to its longest."""

    weight: np.ndarray  # (n_gaps, width)
    shortest: np.ndarray  # (n_gaps,)
    longest: np.ndarray  # (n_gaps,)


class Gaps(NamedTuple):
    """A graph of spans and gaps."""

    before: np.ndarray  # (n_gaps, n_kinds) log weight of a gap after a span of each kind
    after: np.ndarray  # (n_gaps, n_kinds) log weight of a span of each kind after a gap
    label: np.ndarray  # (n_gaps,) row of the content, -1 for none
    tail: np.ndarray  # (n_gaps,) log weight of each step beyond a table
    inner: Table
    border: Table  # of gaps that are cut by an end of the sequence, from 0 steps on
    start: np.ndarray  # (n_gaps,)
    end: np.ndarray  # (n_gaps,)
    opening: np.ndarray  # (n_kinds,)
    closing: np.ndarray  # (n_kinds,)
    reach: np.ndarray  # (n_kinds,) how far a span may begin before its predecessor ends


class Candidates(NamedTuple):
    """Spans, and the score of the steps before each place."""

    n_steps: int
    begin: np.ndarray  # (n_spans,)
    end: np.ndarray
    kind: np.ndarray
    score: np.ndarray
    opens: np.ndarray
    closes: np.ndarray
    content: np.ndarray  # (n_labels, n_steps + 1)


class Chart(NamedTuple):
    """What a sweep leaves behind."""

    before: np.ndarray  # (n_spans,) score of all ways to reach each span, its own score left out
    by_begin: np.ndarray  # (n_spans,) spans in the order in which they are asked what lies before them
    by_end: np.ndarray  # (n_spans,) spans by end
    first: np.ndarray  # (n_gaps,) entries of gap g lie at first[g] ... first[g] + number[g] - 1
    number: np.ndarray  # (n_gaps,)
    place: np.ndarray  # (n_entries,) where each gap was entered
    entry: np.ndarray  # (n_entries,) with what score, less the content before that place
    running: np.ndarray  # (n_entries,) all entries as far as this one, in the frame of the tail
    summed: np.ndarray  # (n_gaps,) entries that `running` holds
    cut: np.ndarray  # (n_gaps,) entries beyond the table, at the place asked for last


@jit
def mirrored(gaps, spans):
    """The same graph and spans, read from the end."""
    n = spans.n_steps
    content = np.empty_like(spans.content)
    for label in range(content.shape[0]):
        for t in range(content.shape[1]):
            content[label, t] = spans.content[label, n] - spans.content[label, n - t]
    overlap = np.zeros(gaps.reach.size, np.int64)
    for g in range(gaps.tail.size):
        for k in range(overlap.size):
            if gaps.before[g, k] > NEVER:
                overlap[k] = max(overlap[k], -gaps.inner.shortest[g])
    turned = Gaps(
        gaps.after, gaps.before, gaps.label, gaps.tail, gaps.inner, gaps.border, gaps.end, gaps.start,
        gaps.closing, gaps.opening, overlap,
    )  # fmt: skip
    return turned, Candidates(
        n, n - spans.end, n - spans.begin, spans.kind, spans.score, spans.closes, spans.opens, content
    )


@jit
def chart_for(gaps, spans):
    """An empty chart with room for every place where a gap can be entered."""
    n, n_gaps = spans.begin.size, gaps.tail.size
    by_begin = order(spans.begin + gaps.reach[spans.kind])
    by_end = order(spans.end)
    last, number = np.full(n_gaps, -1), np.zeros(n_gaps, np.int64)
    for s in by_end:
        for g in range(n_gaps):
            if gaps.before[g, spans.kind[s]] > NEVER and last[g] != spans.end[s]:
                last[g] = spans.end[s]
                number[g] += 1
    first = np.cumsum(number) - number
    total = number.sum()
    empty = np.zeros(n_gaps, np.int64)
    return Chart(
        np.full(n, NEVER), by_begin, by_end, first, empty, np.empty(total, np.int64), np.empty(total), np.empty(total),
        empty.copy(), empty.copy(),
    )  # fmt: skip


@jit(inner=True)
def plus(a, b, maximise):
    """What either way gives: the larger, or both together."""
    return max(a, b) if maximise else log_add(a, b)


@jit(inner=True)
def content_before(spans, label, p):
    """Score of all steps before a place, as a gap with this label reads them."""
    return spans.content[label, p] if label >= 0 else 0.0


@jit(inner=True)
def _enter(gaps, spans, chart, s, maximise):
    """A span ends: the gaps that may follow are entered."""
    reached = chart.before[s] + spans.score[s]
    if reached == NEVER:
        return
    e, k = spans.end[s], spans.kind[s]
    for g in range(gaps.tail.size):
        if gaps.before[g, k] == NEVER:
            continue
        value = reached + gaps.before[g, k] - content_before(spans, gaps.label[g], e)
        at = chart.first[g] + chart.number[g]
        if chart.number[g] and chart.place[at - 1] == e:
            chart.entry[at - 1] = plus(chart.entry[at - 1], value, maximise)
        else:
            chart.place[at], chart.entry[at] = e, value
            chart.number[g] += 1


@jit(inner=True)
def beyond(gaps, chart, table, g, p, maximise):
    """How many entries lie further back from p than the table reaches; their running sum is made as far as that."""
    low, c = chart.first[g], chart.cut[g]
    limit = p - table.longest[g]
    while c > 0 and chart.place[low + c - 1] >= limit:
        c -= 1
    while c < chart.number[g] and chart.place[low + c] < limit:
        c += 1
    chart.cut[g] = c
    if gaps.tail[g] > NEVER:
        for i in range(low + chart.summed[g], low + c):
            value = chart.entry[i] - gaps.tail[g] * chart.place[i]
            chart.running[i] = plus(chart.running[i - 1], value, maximise) if i > low else value
        chart.summed[g] = max(chart.summed[g], c)
    return c


@jit(inner=True)
def far_weight(gaps, table, g, p):
    """What carries a running sum to p."""
    return table.weight[g, table.longest[g] - table.shortest[g]] + gaps.tail[g] * (p - table.longest[g])


@jit(inner=True)
def near_end(chart, table, g, p, c):
    """The end of the entries from number c on that lie far enough back from p."""
    stop = chart.first[g] + chart.number[g]
    high = chart.first[g] + c
    while high < stop and chart.place[high] <= p - table.shortest[g]:
        high += 1
    return high


@jit(inner=True)
def near_score(gaps, spans, chart, table, g, p, i):
    """Score of entry i carried to p, less the content before p."""
    d = p - chart.place[i]
    value = chart.entry[i] + table.weight[g, d - table.shortest[g]]
    if d < 0 and gaps.label[g] >= 0:  # what two spans share is no part of the gap
        value += spans.content[gaps.label[g], chart.place[i]] - spans.content[gaps.label[g], p]
    return value


@jit(inner=True)
def arrive(gaps, spans, chart, table, g, p, maximise):
    """Score of all ways to be in gap g up to p since some span."""
    low, c = chart.first[g], beyond(gaps, chart, table, g, p, maximise)
    high = near_end(chart, table, g, p, c)
    far = NEVER
    if c > 0 and gaps.tail[g] > NEVER:
        far = chart.running[low + c - 1] + far_weight(gaps, table, g, p)
    top = far
    for i in range(low + c, high):
        top = max(top, near_score(gaps, spans, chart, table, g, p, i))
    if top == NEVER:
        return NEVER
    if not maximise:
        total = math.exp(far - top)
        for i in range(low + c, high):
            value = near_score(gaps, spans, chart, table, g, p, i) - top
            if value > NEGLIGIBLE:
                total += math.exp(value)
        top += math.log(total)
    return top + content_before(spans, gaps.label[g], p)


@jit(inner=True)
def since_start(gaps, spans, g, p):
    """Score of the gap that the sequence begins with, as far as p."""
    longest = gaps.border.longest[g]
    if p > longest and gaps.tail[g] == NEVER:
        return NEVER
    late = max(0, p - longest)
    weight = gaps.start[g] + gaps.border.weight[g, p - late]
    if late:
        weight += late * gaps.tail[g]
    return weight + content_before(spans, gaps.label[g], p)


@jit
def sweep(gaps, spans, chart, maximise):
    """Fill a chart: scores of all ways to reach each span, or of the best."""
    n, n_gaps = spans.begin.size, gaps.tail.size
    asked, answer = np.full(n_gaps, -1), np.empty(n_gaps)
    for s in range(n):
        if spans.opens[s]:
            chart.before[s] = gaps.opening[spans.kind[s]]
    i, j = 0, 0
    same, p, k = NEVER, -1, -1
    while i < n or j < n:
        s = chart.by_begin[min(i, n - 1)]
        if i == n or (j < n and spans.end[chart.by_end[j]] <= spans.begin[s] + gaps.reach[spans.kind[s]]):
            if not spans.closes[chart.by_end[j]]:
                _enter(gaps, spans, chart, chart.by_end[j], maximise)
            j += 1
            continue
        i += 1
        if spans.opens[s]:
            continue
        if spans.begin[s] != p or spans.kind[s] != k:
            p, k, same = spans.begin[s], spans.kind[s], NEVER
            for g in range(n_gaps):
                if gaps.after[g, k] == NEVER:
                    continue
                if asked[g] != p:
                    asked[g] = p
                    answer[g] = plus(
                        since_start(gaps, spans, g, p), arrive(gaps, spans, chart, gaps.inner, g, p, maximise), maximise
                    )
                same = plus(same, answer[g] + gaps.after[g, k], maximise)
        chart.before[s] = same


@jit
def total(gaps, spans, chart, whole, maximise):
    """Score of all paths, or of the best, from a chart that was filled. whole: (n_gaps,) paths that are all one gap."""
    n, out = spans.n_steps, NEVER
    for g in range(gaps.tail.size):
        out = plus(out, whole[g] + content_before(spans, gaps.label[g], n), maximise)
        if gaps.end[g] > NEVER:
            out = plus(out, gaps.end[g] + arrive(gaps, spans, chart, gaps.border, g, n, maximise), maximise)
    for j in range(spans.end.size - 1, -1, -1):
        s = chart.by_end[j]
        if spans.end[s] < n:
            break
        if spans.closes[s]:
            out = plus(out, chart.before[s] + spans.score[s] + gaps.closing[spans.kind[s]], maximise)
    return out


@jit
def forward(gaps, spans, whole, maximise):
    """The filled chart, and the total log score."""
    chart = chart_for(gaps, spans)
    sweep(gaps, spans, chart, maximise)
    return chart, total(gaps, spans, chart, whole, maximise)


@jit
def marginals(gaps, spans, whole, out):
    """Posterior of each span; returns the total, the chart, and that of the mirrored lattice."""
    chart, log_partition = forward(gaps, spans, whole, False)
    turned, others = mirrored(gaps, spans)
    back, _ = forward(turned, others, whole, False)
    for s in range(out.size):
        out[s] = 0.0
        if log_partition > NEVER:
            out[s] = math.exp(min(0.0, chart.before[s] + spans.score[s] + after(gaps, spans, back, s) - log_partition))
    return log_partition, chart, back


@jit(inner=True)
def after(gaps, spans, back, s):
    """Score of all ways on from a span. back: the chart of the mirrored lattice"""
    return back.before[s]
