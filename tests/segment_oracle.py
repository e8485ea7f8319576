"""Slow, obvious twins for states that last: all segmentations, listed."""

import math
from itertools import pairwise

import numpy as np

from oracle import NEVER, log_sum


def full_table(graph, reach):
    """(n_states, reach) log weights of durations with the tail written out."""
    out = np.full((graph.n_states, reach), NEVER)
    for j in range(graph.n_states):
        possible = np.flatnonzero(graph.durations[j] > NEVER)
        if not possible.size:
            continue
        m = possible[-1] + 1
        out[j, :m] = graph.durations[j, :m]
        if graph.tail[j] > NEVER:
            out[j, m:] = graph.durations[j, m - 1] + graph.tail[j] * np.arange(1, reach - m + 1)
    return out


def tables(graph, n_steps):
    """Log weight of d steps by (first, last) of the path: (2, 2, n_states, n_steps)."""
    reach = 3000 if np.any(graph.tail > NEVER) else max(graph.longest, n_steps)
    inner = full_table(graph, reach)

    def at_least(table):
        return np.logaddexp.accumulate(table[:, ::-1], axis=1)[:, ::-1]

    first = at_least(inner) if graph.left_censored else inner
    last = at_least(inner) if graph.right_censored else inner
    whole = at_least(first) if graph.right_censored else first
    return np.array([[inner, last], [first, whole]])[..., :n_steps]


def all_segmentations(graph, scores):
    """Every row of segments (state, start, stop) over all steps, with its score."""
    plain, weights = graph.graph, tables(graph, len(scores))
    out = [[] for _ in range(graph.n_states)]
    for i, j, w in zip(plain.source, plain.target, plain.edge, strict=True):
        out[i].append((int(j), float(w)))

    def extend(segments, total, state, at):
        if total == NEVER:
            return
        if graph.label[state] < 0:
            yield from finish((*segments, (state, at, at)), total, total + plain.end[state], state, at)
            return
        for d in range(1, len(scores) - at + 1):
            read = scores[at : at + d, graph.label[state]].sum() + total
            inner, last = weights[int(at == 0), :, state, d - 1]
            here = (*segments, (state, at, at + d))
            yield from finish(here, read + inner, read + last + plain.end[state], state, at + d)

    def finish(segments, total, ended, state, at):
        if at == len(scores) and ended > NEVER:
            yield segments, ended
        for target, weight in out[state]:
            yield from extend(segments, total + weight, target, at)

    for state in range(graph.n_states):
        yield from extend((), float(plain.start[state]), state, 0)


def enumerate_segments(graph, scores):
    """log total, labels, edges, start, end by adding up the share of every segmentation."""
    plain = graph.graph
    number = {(int(i), int(j)): e for e, (i, j) in enumerate(zip(plain.source, plain.target, strict=True))}
    paths = list(all_segmentations(graph, scores))
    total = log_sum(score for _, score in paths)
    labels = np.zeros(scores.shape)
    edges, start, end = np.zeros(graph.n_edges), np.zeros(graph.n_states), np.zeros(graph.n_states)
    for path, score in paths:
        share = math.exp(score - total)
        for state, a, b in path:
            labels[a:b, graph.label[state]] += share
        for (i, _, _), (j, _, _) in pairwise(path):
            edges[number[i, j]] += share
        start[path[0][0]] += share
        end[path[-1][0]] += share
    return total, labels, edges, start, end
