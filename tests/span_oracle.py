"""Slow, obvious twins for spans joined by gaps: all rows of spans, listed."""

import math

import numpy as np

from oracle import NEVER, log_sum

REACH = 4000  # tails are written out this far


def duration(gap, d):
    """Log weight of d steps."""
    table = list(gap.durations)
    while table[-1] == NEVER:
        table.pop()
    longest = gap.shortest + len(table) - 1
    if d < gap.shortest or (d > longest and gap.tail == NEVER):
        return NEVER
    return table[d - gap.shortest] if d <= longest else table[-1] + (d - longest) * gap.tail


def survival(gap, d, times=1):
    """log sum over all durations from d on, and that again for a gap that is cut at both ends."""
    terms = [(duration(gap, k), k - d + 1 if times == 2 else 1) for k in range(d, REACH)]
    return log_sum(w + math.log(n) for w, n in terms if w > NEVER)


def all_rows(graph, spans):
    """Every row of spans and gaps, (spans, gaps), with its score."""
    n = spans.n_steps

    def read(gap, a, b):
        return float(spans.steps[a:b, gap.label].sum()) if gap.label >= 0 and b > a else 0.0

    def extend(row, between, total):
        s = row[-1]
        total += spans.score[s]
        if total == NEVER:
            return
        k = spans.kind[s]
        if spans.closes[s]:
            yield row, (*between, -1), total + graph.closing[k]
            return
        a = int(spans.end[s])
        for g, gap in enumerate(graph.gaps):
            into = graph.before[g, k]
            yield row, (*between, g), total + into + gap.end + survival(gap, n - a) + read(gap, a, n)
            for t in range(len(spans)):
                if t not in row and not spans.opens[t]:
                    b = int(spans.begin[t])
                    step = into + duration(gap, b - a) + graph.after[g, spans.kind[t]] + read(gap, a, b)
                    if step > NEVER:
                        yield from extend((*row, t), (*between, g), total + step)

    for g, gap in enumerate(graph.gaps):
        yield (), (g,), gap.start + gap.end + survival(gap, n, 2) + read(gap, 0, n)
        for s in range(len(spans)):
            if not spans.opens[s]:
                b = int(spans.begin[s])
                weight = gap.start + survival(gap, b) + graph.after[g, spans.kind[s]] + read(gap, 0, b)
                if weight > NEVER:
                    yield from extend((s,), (g,), weight)
    for s in np.flatnonzero(spans.opens):
        yield from extend((int(s),), (-1,), graph.opening[spans.kind[s]])


def possible_rows(graph, spans):
    return [row for row in all_rows(graph, spans) if row[-1] > NEVER]
