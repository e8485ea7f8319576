"""Probabilities of tag sequences: n-grams mixed by deleted interpolation (Brants, TnT, ANLP 2000, section 2.2)."""

from typing import NamedTuple

import numpy as np

from hmmseq import topologies
from hmmseq.graph import StateGraph


class Counts(NamedTuple):
    """How often n-grams of tags occur. Number n_tags stands for the place before the first tag and after the last."""

    singles: np.ndarray  # (n + 1,)
    pairs: np.ndarray  # (n + 1, n + 1)
    triples: np.ndarray  # (n + 1, n + 1, n + 1); two places before the first tag


def count(tags: np.ndarray, offsets: np.ndarray, n_tags: int) -> Counts:
    """N-grams of all sequences; empty sequences have none."""
    singles, pairs, triples = (np.zeros((n_tags + 1,) * n) for n in (1, 2, 3))
    lengths = np.diff(offsets)
    filled = lengths > 0
    # Two boundaries before each sequence and one after it, laid end to end.
    shift = np.concatenate([[0], np.cumsum(np.where(filled, lengths + 3, 0))])
    row = np.full(shift[-1], n_tags)
    at = np.arange(len(tags)) + np.repeat(shift[:-1] + 2 - offsets[:-1], lengths)
    row[at] = tags
    end = (shift[1:] - 1)[filled]
    for here in (at, end):
        np.add.at(singles, row[here], 1)
        np.add.at(pairs, (row[here - 1], row[here]), 1)
        np.add.at(triples, (row[here - 2], row[here - 1], row[here]), 1)
    return Counts(singles, pairs, triples)


def interpolation(counts: Counts, order: int) -> np.ndarray:
    """(order + 1,) the weights of tags alone, of pairs and (order 2) of triples, none of them below zero, together 1.

    Each n-gram votes, as often as it occurs, for the length that predicts it best with this one occurrence left out
    (a history that occurs only here predicts nothing: 0, as in the paper).

    >>> tags = np.array([0, 1, 0, 1, 0, 0])
    >>> interpolation(count(tags, np.array([0, 6]), 2), 1)  # 01, 01, 10 and 10 for pairs; the others are no better
    array([0.42857143, 0.57142857])
    """
    total = counts.singles.sum()
    table = counts.triples if order == 2 else counts.pairs
    gram = np.argwhere(table > 0)
    times = table[tuple(gram.T)]
    last, before = gram[:, -1], gram[:, -2]
    votes = [left_out(counts.singles[last], np.full(len(gram), total))]
    votes.append(left_out(counts.pairs[before, last], counts.pairs.sum(1)[before]))
    if order == 2:
        votes.append(left_out(times, counts.triples.sum(2)[gram[:, 0], before]))
    best = np.argmax(votes, axis=0)  # of equals the shortest: where all are 0, nothing longer has shown its worth
    weights = np.bincount(best, times, minlength=order + 1)
    return weights / weights.sum()


def left_out(times: np.ndarray, history: np.ndarray) -> np.ndarray:
    """Shares of their histories with one occurrence left out of both."""
    return np.where(history > 1, (times - 1) / np.maximum(history - 1, 1), 0.0)


def probabilities(counts: Counts, order: int) -> np.ndarray:
    """P(tag | history): (n + 1, n + 1) for order 1, (n + 1, n + 1, n + 1) for order 2; histories first."""
    weights = interpolation(counts, order)
    single = counts.singles / counts.singles.sum()
    mixed = weights[0] * single + weights[1] * _shares(counts.pairs)
    return mixed if order == 1 else mixed + weights[2] * _shares(counts.triples)


def _shares(table: np.ndarray) -> np.ndarray:
    """Each row as shares of its sum; a history that never occurred has none."""
    total = table.sum(-1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)


def tag_graph(probability: np.ndarray) -> StateGraph:
    """The tags as a graph: of order 1 a state for each, of order 2 one for each pair (the tag before, the tag).

    State k of order 2 ends in tag k % n_tags, after tag k // n_tags - 1; after none, the first n_tags states.
    """
    n = len(probability) - 1
    with np.errstate(divide="ignore"):
        log = np.log(probability)
    if log.ndim == 2:
        graph = topologies.ergodic(n)
        return graph.weigh(edge=log[:n, :n].reshape(-1), start=log[n, :n], end=log[:n, n])
    before, tag = np.divmod(np.arange((n + 1) * n), n)
    before = (before - 1) % (n + 1)  # first those that open a sequence: before them is number n
    source = np.repeat(np.arange(len(tag)), n)
    target = (tag[source] + 1) * n + np.tile(np.arange(n), len(tag))
    edge = log[before[source], tag[source], tag[target]]
    start = np.where(before == n, log[n, n, tag], -np.inf)
    return StateGraph(len(tag), source, target, edge=edge, start=start, end=log[before, tag, n])
