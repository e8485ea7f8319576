"""Learning a spliced-gene model from annotated regions.

Two things are learned. Signals, content and lengths follow from counts. How much each of them weighs in the score of an
exon cannot follow from the same counts, which know their own genes too well; so regions are dealt into folds, each fold
is scored by a model counted on the others, and the weights are learned on all folds (`weighing.py`). Then come networks, if
they are asked for, and what posteriors and hints are worth.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from hmmseq import lattice
from hmmseq.span_graph import SpanGraph

from ..confidence import Confidence, fit_confidence
from ..genetic_code import GeneticCode
from .candidates import Places, Sites
from .counting import Counts, count, fit_model, gc_edges, sites_of
from .decoding import genes_along
from .examples import Region
from .graph import ExonKinds, as_spans, span_graph
from .hints import Hint, Worth, place, support
from .model import Candidates, SplicedModel
from .networks import ENCODERS
from .phases import SplitCodons
from .signals import Floats
from .weighing import Scored, learn_weights, posteriors, tied, without_improbable

FOLDS = 3
ENOUGH_GENES = 20  # with fewer, weights stay as they are
MISSED_SITES, MARGIN = 0.005, 1.0  # share of sites that candidates may lack on new sequence, and nats below that


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
    for one, score, posterior in zip(scored, scores, posteriors(scored, scores, n_jobs)):
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
