"""Learning a spliced-gene model from annotated regions.

Two things are learned. Signals, content and lengths follow from counts. How much each of them weighs in the score of an
exon cannot follow from the same counts, which know their own genes too well; so regions are dealt into folds, each fold
is scored by a model counted on the others, and the weights are those with the best expected F1 of exons,

    2 sum over annotated exons of P(exon) / (sum over all candidates of P(exon) + number of annotated exons),

over all folds, where P is the posterior from the lattice. (Likelihood of the annotation would do for perfect data; but
one strong gene that nobody has annotated costs it hundreds of nats, and then content counts for little. Expected
accuracy: Gross, Do, Sirota and Batzoglou, Genome Biology 8, R269, 2007.) Its gradient with respect to all scores is a
covariance, c = d F1 / d P, sum over c_i Cov(exon_i, exon_j), which is how posteriors change when the scores move along c:
two more passes over the lattice, however many weights there are.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from hmmseq import lattice
from hmmseq.span_graph import SpanGraph, Spans

from ..confidence import Confidence, fit_confidence
from ..genetic_code import GeneticCode
from .candidates import Places, Sites
from .counting import Counts, count, fit_model, gc_edges, sites_of
from .decoding import genes_along
from .examples import Region
from .graph import IMPROBABLE, ExonKinds, as_spans, span_graph, take_spans
from .hints import Hint, Worth, place, support
from .model import FEATURES, Candidates, SplicedModel
from .networks import ENCODERS
from .phases import SplitCodons
from .signals import Floats

FOLDS = 3
ENOUGH_GENES = 20  # with fewer, weights stay as they are
MISSED_SITES, MARGIN = 0.005, 1.0  # share of sites that candidates may lack on new sequence, and nats below that

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


class Trained(NamedTuple):
    """A model, the expected F1 of exons by round of learning its weights, and what hints are worth if there were any."""

    model: SplicedModel
    history: list[float]
    worth: Worth | None


def train(
    regions: Sequence[Region],
    code: GeneticCode,
    *,
    hints: Sequence[Hint] = (),
    gc_classes: int = 1,
    encoder: str | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> Trained:
    """A model of annotated regions; for too few genes all weights stay as they are, and there are no networks."""
    edges = gc_edges(regions, gc_classes)
    n_genes = sum(len(region.genes) for region in regions)
    if len(regions) < FOLDS or n_genes < ENOUGH_GENES:
        if encoder is not None:
            warnings.warn(
                f"{n_genes} genes in {len(regions)} stretches are too few to train networks on (at least {ENOUGH_GENES} in "
                f"{FOLDS}); there are none",
                stacklevel=3,
            )
        return Trained(fit_model(count(regions, code, edges), code, edges), [], None)
    fold = _deal(regions, random_state)
    folds = [[region for region, own in zip(regions, fold) if own == k] for k in range(FOLDS)]
    counts = [count(own, code, edges) for own in folds]
    whole = fit_model(reduce(Counts.plus, counts), code, edges)
    models = [fit_model(reduce(Counts.plus, counts[:k] + counts[k + 1 :]), code, edges) for k in range(FOLDS)]
    least = np.min([_least_scores(model, own) for model, own in zip(models, folds)], axis=0)
    scored = [one for model, own in zip(models, folds) for one in _score_regions(replace(model, least=least), own)]
    weights, history = learn_weights(scored, whole.weights, tied(), n_jobs, verbose)
    scored, networks = without_improbable(scored, weights, n_jobs), None
    if encoder is not None:
        from .network_training import learn_networks  # needs torch

        sizes = np.cumsum([0, *(len(own) for own in folds)])
        by_fold = [scored[a:b] for a, b in pairwise(sizes)]
        networks, by_fold = learn_networks(models, by_fold, weights, ENCODERS[encoder], random_state, n_jobs, verbose)
        scored = [one for own in by_fold for one in own]
    exon, gene = confidences(scored, weights, n_jobs)
    model = replace(whole, least=least, weights=weights, networks=networks, exon_confidence=exon, gene_confidence=gene)
    return Trained(model, history, learn_worth(scored, weights, hints, n_jobs) if hints else None)


def learn_worth(scored: Sequence[Scored], weights: Floats, hints: Sequence[Hint], n_jobs: int | None) -> Worth:
    """What hints are worth beside scores of these weights: two more weights, learned in the same way."""
    with_hints = []
    for one in scored:
        length, candidates = len(one.region.codes), one.candidates
        placed = place((hint for hint in hints if hint.seqid == one.region.seqid), one.region.offset, length)
        columns = np.column_stack([candidates.scores(weights), support(placed, candidates, length)])
        changed = candidates._replace(type=np.zeros_like(candidates.type), features=columns)
        with_hints.append(one._replace(candidates=changed))
    ties = np.array([[[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]])
    found, _ = learn_weights(with_hints, np.array([[1.0, 0.0, 0.0]]), ties, n_jobs)
    return Worth(*found[0, 1:].tolist())


def confidences(scored: Sequence[Scored], weights: Floats, n_jobs: int | None) -> tuple[Confidence, Confidence]:
    """What posteriors are worth of exons on best paths, and of their genes: whether an annotated one ends there."""
    scores = [one.candidates.scores(weights) for one in scored]
    exons: list[tuple[float, bool]] = []
    genes: list[tuple[float, bool]] = []
    for one, score, posterior in zip(scored, scores, _posteriors(scored, scores, n_jobs)):
        last, true = one.candidates.three_prime(), np.zeros(len(posterior), bool)
        true[one.true] = True
        ends = set(last[one.true].tolist()) - {0}
        for row, _, _ in genes_along(lattice.best_path(one.graph, replace(one.spans, score=score))):
            exons += zip(posterior[row].tolist(), true[row].tolist())
            genes.append((float(posterior[row].min()), not ends.isdisjoint(last[row].tolist())))
    return _confidence(exons), _confidence(genes)


def _confidence(pairs: list[tuple[float, bool]]) -> Confidence:
    posterior, right = np.array(pairs, float).reshape(-1, 2).T
    return fit_confidence(posterior, right, with_ceiling=True)


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
        _posteriors(scored, [own + sign * _STEP * step for own, step in zip(scores, along)], n_jobs) for sign in (1, -1)
    )
    return 2 * right / size, [(above - below) / (_STEP * size) for above, below in zip(up, down)]


def f1_of(scored: Sequence[Scored], scores: list[Floats], n_jobs: int | None = None) -> float:
    """Expected F1 if candidates score so."""
    right, size = _right_and_size(scored, scores, n_jobs)
    return 2 * right / size


def _right_and_size(scored: Sequence[Scored], scores: list[Floats], n_jobs: int | None) -> tuple[float, float]:
    """Expected number of annotated exons that are found, and of all found ones and annotated ones together."""
    posterior, n_true = _posteriors(scored, scores, n_jobs), sum(len(one.true) for one in scored)
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


def _posteriors(scored: Sequence[Scored], scores: list[Floats], n_jobs: int | None) -> list[Floats]:
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
    for one, posterior in zip(scored, _posteriors(scored, scores, n_jobs)):
        chosen = posterior > IMPROBABLE
        chosen[one.true] = True
        true = np.cumsum(chosen)[one.true] - 1
        kept.append(Scored(one.graph, take_spans(one.spans, chosen), one.candidates.take(chosen), true, one.region))
    return kept


def _mean_squares(scored: Sequence[Scored]) -> Floats:
    """(n_features,) of annotated exons."""
    return (np.concatenate([one.candidates.features[one.true] for one in scored]) ** 2).mean(0)


def _score_regions(model: SplicedModel, regions: Sequence[Region]) -> list[Scored]:
    kinds = ExonKinds(SplitCodons(model.code))
    graph = span_graph(model, kinds)
    return [_score_region(model, graph, kinds, region) for region in regions]


def _score_region(model: SplicedModel, graph: SpanGraph, kinds: ExonKinds, region: Region) -> Scored:
    known = [Sites(*sites_of(region.strand_view(strand)[1])[:3]) for strand in (0, 1)]
    candidates = model.candidates(region.codes, (known[0], known[1]))
    spans = as_spans(model, kinds, region.codes, candidates)
    return Scored(graph, spans, candidates, _annotated(region, candidates, kinds.split), region)


def _annotated(region: Region, candidates: Candidates, split: SplitCodons) -> Places:
    """Which candidates are the exons of the region's genes, in the right phase."""
    phase = np.where(candidates.begin < 0, 0, split.begin_phase[candidates.begin])
    size = len(region.codes) + 1
    columns = candidates.start, candidates.stop, candidates.strand, candidates.type, phase
    keys = np.ravel_multi_index(columns, (size, size, 2, 4, 3))
    true = [exon for gene in region.genes for exon in gene.exons()]
    wanted = np.ravel_multi_index(np.array(true, np.int64).reshape(-1, 5).T, (size, size, 2, 4, 3))
    order = np.argsort(keys)
    return order[np.searchsorted(keys[order], np.sort(wanted))]


def _least_scores(model: SplicedModel, regions: Sequence[Region]) -> Floats:
    """(3,) score that nearly all start codons, acceptors and donors of these regions reach."""
    seen: list[list[Floats]] = [[], [], []]
    for codes, genes in (region.strand_view(strand) for region in regions for strand in (0, 1)):
        for own, signal, places in zip(seen, (model.start, model.acceptor, model.donor), sites_of(genes)):
            own.append(signal.scores(codes, places))
    scores = [np.concatenate(own) for own in seen]
    return np.array([np.quantile(own, MISSED_SITES) - MARGIN if len(own) else -np.inf for own in scores])


def _deal(regions: Sequence[Region], random_state: int) -> Places:
    """Fold of each region."""
    return np.random.default_rng(random_state).permutation(len(regions)) % FOLDS
