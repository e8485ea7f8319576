"""How much signals, content and lengths weigh in the score of an exon: the weights with the best expected F1 of exons,

    2 sum over annotated exons of P(exon) / (sum over all candidates of P(exon) + number of annotated exons),

over all folds, where P is the posterior from the lattice. (Likelihood of the annotation would do for perfect data; but
one strong gene that nobody has annotated costs it hundreds of nats, and then content counts for little. Expected
accuracy: Gross, Do, Sirota and Batzoglou, Genome Biology 8, R269, 2007.) Its gradient with respect to all scores is a
covariance, c = d F1 / d P, sum over c_i Cov(exon_i, exon_j), which is how posteriors change when the scores move along c:
two more passes over the lattice, however many weights there are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from hmmseq import lattice
from hmmseq.span_graph import SpanGraph, Spans

from .candidates import Places
from .examples import Region
from .graph import IMPROBABLE, take_spans
from .model import FEATURES, Candidates
from .signals import Floats

_STEP = 1e-3  # along c, in nats
_RIDGE = 1e-3  # keeps weights that hardly matter near 1
_ROUNDS = 20
# Weights that types of exons share: opens with a start codon or an acceptor, closes with a donor or a stop codon.
_TIES = ("per gene", "per intron", "start", "acceptor", "donor", "stop", "content", "length")


class Scored(NamedTuple):
    """A region with candidates of a model that has not seen it."""

    graph: SpanGraph
    spans: Spans
    candidates: Candidates
    true: Places  # annotated exons among the candidates
    region: Region


def learn_weights(
    scored: Sequence[Scored], first: Floats, ties: Floats, n_jobs: int | None = None, verbose: bool = False
) -> tuple[Floats, list[float]]:
    """Weights (n_types, n_features) with the best expected F1 of exons, and that F1 by round.

    ties : (n_ties, n_types, n_features) which weights move together; those in none stay at `first`
    """
    scored = without_improbable(scored, first, n_jobs)
    scale = np.sqrt(np.maximum((ties * _mean_squares(scored)).max(axis=(1, 2)), 1.0))  # steps of like size
    history: list[float] = []

    def loss(step: Floats) -> tuple[float, Floats]:
        weights = first + np.tensordot(step / scale, ties, 1)
        f1, slope = expected_f1(scored, weights, n_jobs)
        gradient = np.tensordot(ties, slope, 2) / scale
        history.append(f1)
        if verbose:
            print(f"weights, round {len(history)}: expected exon F1 {f1:.4f}", file=sys.stderr, flush=True)
        return float(0.5 * _RIDGE * step @ step - f1), -gradient + _RIDGE * step

    found = minimize(loss, np.zeros(len(ties)), jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS})
    return first + np.tensordot(found.x / scale, ties, 1), history


def expected_f1(scored: Sequence[Scored], weights: Floats, n_jobs: int | None = None) -> tuple[float, Floats]:
    """Expected F1 of exons under these weights, and its gradient."""
    f1, slopes = f1_slopes(scored, [one.candidates.scores(weights) for one in scored], n_jobs)
    slope = np.zeros(weights.shape)
    for one, change in zip(scored, slopes):
        for kind in range(len(slope)):
            own = one.candidates.type == kind
            slope[kind] += change[own] @ one.candidates.features[own]
    return f1, slope


def f1_slopes(scored: Sequence[Scored], scores: list[Floats], n_jobs: int | None = None) -> tuple[float, list[Floats]]:
    """Expected F1 if candidates score so, and its gradient with respect to these scores."""
    right, size = _right_and_size(scored, scores, n_jobs)
    along = []
    for one in scored:
        step = np.full(len(one.spans), -right / size)
        step[one.true] += 1.0
        along.append(step)
    up, down = (
        posteriors(scored, [own + sign * _STEP * step for own, step in zip(scores, along)], n_jobs) for sign in (1, -1)
    )
    return 2 * right / size, [(above - below) / (_STEP * size) for above, below in zip(up, down)]


def f1_of(scored: Sequence[Scored], scores: list[Floats], n_jobs: int | None = None) -> float:
    """Expected F1 if candidates score so."""
    right, size = _right_and_size(scored, scores, n_jobs)
    return 2 * right / size


def _right_and_size(scored: Sequence[Scored], scores: list[Floats], n_jobs: int | None) -> tuple[float, float]:
    """Expected number of annotated exons that are found, and of all found ones and annotated ones together."""
    posterior, n_true = posteriors(scored, scores, n_jobs), sum(len(one.true) for one in scored)
    right = sum(own[one.true].sum() for one, own in zip(scored, posterior))
    return float(right), float(max(sum(own.sum() for own in posterior) + n_true, 1e-300))


def tied() -> Floats:
    """(n_ties, n_types, n_features) which weights move together, in the order of _TIES."""
    ties = np.zeros((len(_TIES), 4, len(FEATURES)))
    for kind, (opens, closes) in enumerate([(1, 1), (1, 0), (0, 0), (0, 1)]):  # single, initial, internal, terminal
        ties[0, kind, 0], ties[1, kind, 0] = opens, not closes
        ties[2 if opens else 3, kind, 1] = 1
        ties[5 if closes else 4, kind, 2] = 1
        ties[6, kind, 3] = ties[7, kind, 4] = 1
    return ties


def posteriors(scored: Sequence[Scored], scores: list[Floats], n_jobs: int | None) -> list[Floats]:
    """Posteriors of the candidates of each region if they score so."""
    graphs = {id(one.graph): one.graph for one in scored}
    found: list[Floats] = [np.zeros(0)] * len(scored)
    for key, graph in graphs.items():
        own = [i for i, one in enumerate(scored) if id(one.graph) == key]
        spans = [replace(scored[i].spans, score=scores[i]) for i in own]
        for i, result in zip(own, lattice.posteriors(graph, spans, n_jobs=n_jobs)):
            found[i] = result.spans
    return found


def without_improbable(scored: Sequence[Scored], weights: Floats, n_jobs: int | None) -> list[Scored]:
    """Without candidates that have next to no posterior, which are nine of ten, to begin with."""
    kept = []
    scores = [one.candidates.scores(weights) for one in scored]
    for one, posterior in zip(scored, posteriors(scored, scores, n_jobs)):
        chosen = posterior > IMPROBABLE
        chosen[one.true] = True
        true = np.cumsum(chosen)[one.true] - 1
        kept.append(Scored(one.graph, take_spans(one.spans, chosen), one.candidates.take(chosen), true, one.region))
    return kept


def _mean_squares(scored: Sequence[Scored]) -> Floats:
    """(n_features,) of annotated exons."""
    return (np.concatenate([one.candidates.features[one.true] for one in scored]) ** 2).mean(0)
