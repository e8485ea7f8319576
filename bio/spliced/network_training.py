"""Learning networks for exons and their ends through the lattice (needs torch).

Their scores are added to those of the hidden Markov model, and what they are trained for is the same expected F1 of
exons, so what counts is which site wins against those that compete with it. Each fold's networks learn on the other
folds, from what models say that have not seen the sequence, and stop where folds held back are best, which may be
before they begin. Networks learn twice, from other first weights, and those of all folds are averaged.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from .model import SplicedModel
from .networks import Networks, RowNetworks, network_scores, readings
from .signals import Floats
from .training import Scored, f1_of, f1_slopes

Example: TypeAlias = Any  # those of `hmmseq.hybrid.scorers`, which needs torch and is imported when it is used

REPEATS = 2  # of each fold's training


def learn_networks(
    models: Sequence[SplicedModel],
    folds: Sequence[Sequence[Scored]],
    weights: Floats,
    kinds: Sequence[str],
    random_state: int,
    n_jobs: int | None,
    verbose: bool,
    plan: Any = None,
) -> tuple[Networks | None, list[list[Scored]]]:
    """Networks, None if they do not help; and the regions with the scores of those that have not seen them.

    models  of each fold, which have not seen it either
    kinds   of networks, see `networks.ENCODERS`
    plan    `hmmseq.hybrid.scorers.Plan`, default: its defaults
    """
    examples = [[example(model, one, kinds) for one in own] for model, own in zip(models, folds)]
    curves, kept = [], []
    for number, own in enumerate(folds):
        rest = [k for k in range(len(folds)) if k != number]
        training = _Fold([x for k in rest for x in examples[k]], [x for k in rest for x in folds[k]], weights, n_jobs)
        held_back = _Fold(examples[number], own, weights, n_jobs)
        seeds = [random_state + number + repeat * len(folds) for repeat in range(REPEATS)]
        trained = [_train(training, held_back, plan, seed) for seed in seeds]
        curves += [curve for curve, _ in trained]
        kept.append([states for _, states in trained])
    curve = np.mean(curves, 0)
    best = int(curve.argmax())
    if verbose:
        print(f"networks: expected exon F1 {curve[0]:.4f} without, {curve[best]:.4f} with", file=sys.stderr, flush=True)
    if best == 0:
        return None, [list(own) for own in folds]
    chosen = [average([states[best - 1] for states in own]) for own in kept]
    scored = [
        [
            one._replace(candidates=one.candidates.with_network_scores(score(networks, own)))
            for one, own in zip(fold, theirs)
        ]
        for networks, fold, theirs in zip(chosen, folds, examples)
    ]
    return average(chosen), scored


def example(model: SplicedModel, one: Scored, kinds: Sequence[str]) -> Example:
    """What networks of these kinds read of a region."""
    from hmmseq.hybrid.scorers import Example, Uses

    found = readings(model, one.region.codes, one.candidates, kinds)
    uses = {kind: Uses(own.rows.astype(np.float32), own.candidate, own.row) for kind, own in found.items()}
    return Example(len(one.candidates.start), uses)


def score(networks: Networks, own: Example) -> Floats:
    """(n_candidates,) of an example."""
    return network_scores(networks, own.uses, own.n_candidates)


def average(parts: Sequence[Networks]) -> Networks:
    """Networks whose scores are the mean of those of several."""
    return {kind: RowNetworks(*map(np.concatenate, zip(*(own[kind] for own in parts)))) for kind in parts[0]}


class _Fold:
    """Regions, and what their candidates score without networks."""

    def __init__(self, examples: list[Example], scored: Sequence[Scored], weights: Floats, n_jobs: int | None) -> None:
        self.examples, self.scored, self.n_jobs = examples, scored, n_jobs
        self.base = [one.candidates.scores(weights) for one in scored]

    def f1(self, networks: Networks | None) -> float:
        gains = [score(networks, own) if networks else 0.0 for own in self.examples]
        return f1_of(self.scored, [own + gain for own, gain in zip(self.base, gains)], self.n_jobs)

    def gradient(self, numbers: np.ndarray, gains: list[Floats]) -> list[Floats]:
        scores = [self.base[number] + gain for number, gain in zip(numbers, gains)]
        return f1_slopes([self.scored[number] for number in numbers], scores, self.n_jobs)[1]


def _train(training: _Fold, held_back: _Fold, plan: Any, seed: int) -> tuple[list[float], list[Networks]]:
    """Expected F1 held back before the first epoch and after each, and the networks after each."""
    from hmmseq.hybrid.scorers import Plan, train_scorers

    curve, states = [held_back.f1(None)], []
    for networks in train_scorers(training.examples, training.gradient, plan or Plan(), seed):
        states.append(_arrays(networks))
        curve.append(held_back.f1(states[-1]))
    return curve, states


def _arrays(networks: Any) -> Networks:
    def array(values: Any) -> Floats:
        found: Floats = values.detach().double().numpy()[None].copy()
        return found

    return {
        kind: RowNetworks(
            array(own.mean), array(own.scale), array(own.hidden.weight), array(own.hidden.bias),
            array(own.output.weight[0]), array(own.line.weight[0]), array(own.output.bias[0] + own.line.bias[0]),
        )
        for kind, own in networks.kinds.items()
    }  # fmt: skip
