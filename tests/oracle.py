"""Slow, obvious twins: every question answered by listing all paths."""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

NEVER = -math.inf


def all_paths(graph, scores, edges=None) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every path through the graph that emits len(scores) steps, with its score (paths that cannot be taken left out).

    edges: (len(scores), n_edges) added to the weights of the edges on the way into each step
    """
    out = [[] for _ in range(graph.n_states)]
    for e, (i, j) in enumerate(zip(graph.source, graph.target, strict=True)):
        out[i].append((int(j), e))
    edges = np.zeros((len(scores), graph.n_edges)) if edges is None else edges
    weights = graph.edge + np.vstack([edges, np.zeros((1, graph.n_edges))])

    def extend(path, emitted, total):
        state = path[-1]
        if graph.label[state] >= 0:
            if emitted == len(scores):
                return
            total += scores[emitted, graph.label[state]]
            emitted += 1
        if total == NEVER:
            return
        if emitted == len(scores) and graph.end[state] > NEVER:
            yield path, total + graph.end[state]
        for target, e in out[state]:
            yield from extend((*path, target), emitted, total + weights[emitted, e])

    for state in range(graph.n_states):
        yield from extend((state,), 0, float(graph.start[state]))


def log_sum(values) -> float:
    values = list(values)
    top = max(values, default=NEVER)
    return top if top == NEVER else top + math.log(math.fsum(math.exp(v - top) for v in values))


def enumerate_posteriors(graph, scores):
    """log total, labels (T, L), edges (E,), start (N,), end (N,) by adding up the share of every path."""
    number = {(int(i), int(j)): e for e, (i, j) in enumerate(zip(graph.source, graph.target, strict=True))}
    paths = list(all_paths(graph, scores))
    total = log_sum(score for _, score in paths)
    labels = np.zeros(scores.shape)
    edges, start, end = np.zeros(graph.n_edges), np.zeros(graph.n_states), np.zeros(graph.n_states)
    for path, score in paths:
        share = math.exp(score - total)
        emitted = [graph.label[s] for s in path if graph.label[s] >= 0]
        labels[np.arange(len(emitted)), emitted] += share
        for pair in pairwise(path):
            edges[number[pair]] += share
        start[path[0]] += share
        end[path[-1]] += share
    return total, labels, edges, start, end
