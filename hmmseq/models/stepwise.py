"""Learning from data that come in parts: stepwise EM (Cappé and Moulines, J. R. Stat. Soc. B 71, 2009).

What the M-step reads is a running average over all parts so far, in which the latest counts (k + 1) ** -decay: much in the
beginning, when parameters are guesses, and less and less.
"""

from copy import copy
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from hmmseq.emissions import Emission
from hmmseq.emissions.base import Statistics, add
from hmmseq.graph import StateGraph
from hmmseq.models import em, inputs, restarts, starts
from hmmseq.models.chain import Chain
from hmmseq.sequences import Sequences
from hmmseq.validation import sample_weights


@dataclass
class Stepwise:
    """Where learning stands between two parts."""

    graph: StateGraph
    emission: Emission
    chain: Chain
    average: em.Expected | None = None  # of what the M-step reads, for one step
    taken_at: Emission | None = None  # the emission with whose parameters the average was taken
    n_steps: float = 0.0  # so far
    n_updates: int = 0

    def take(self, task: em.Task, decay: float) -> float:
        """Take in a part; its log-likelihood before the update, plus the log prior."""
        n_steps = float(task.weights @ task.X.lengths)
        found = em.expect(self.graph, self.emission, task)
        height = found.log_likelihood + self.emission.log_prior() + self.chain.log_prior(self.graph)
        share = (self.n_updates + 1.0) ** -decay
        old, at = self.average or found, self.taken_at or self.emission
        before = self.emission.rebased(old.statistics, at)  # refuses, at once, what cannot be averaged
        average = _scaled(found, 1 / n_steps)
        if self.average is not None:
            average = _sum(_scaled(old._replace(statistics=before), 1 - share), _scaled(average, share))
        emission, total = copy(self.emission), self.n_steps + n_steps
        # So many steps are remembered: all with decay 1, those of one part with 0. Priors are weighed against them.
        counts = _scaled(average, total * (self.n_updates + 1.0) ** (decay - 1))
        emission.update(counts.statistics)
        self.graph = self.chain.maximise(self.graph, counts)
        self.average, self.taken_at, self.emission = average, self.emission, emission
        self.n_steps, self.n_updates = total, self.n_updates + 1
        return height


def learn(model: Any, X: Any, y: Any, lengths: Any, sample_weight: Any, decay: float) -> None:
    """What `HMM.partial_fit` does."""
    check_decay(decay)
    now: Stepwise | None = model.__dict__.get("_stepwise")
    sequences = inputs.sequences(model, X, lengths, reset=now is None)
    states = None if y is None else inputs.states(y, sequences, lengths)
    weights = sample_weights(sample_weight, len(sequences))
    if not weights @ sequences.lengths > 0:
        raise ValueError("X holds 0 sample(s): all its sequences are empty; a part needs at least one step")
    if now is None:
        now = _begin(model, sequences, states, weights)
    inputs.check_states(states, now.graph, "y")
    task = em.Task(now.emission.observe(sequences), states, weights, model.n_jobs, model._is_hard())
    history = [*(model.history_ if now.n_updates else []), now.take(task, decay)]
    model._stepwise, model.graph_, model.emission_ = now, now.graph, now.emission
    model.n_parameters_ = now.chain.n_free(now.graph) + now.emission.n_parameters()
    model.history_, model.histories_, model.converged_ = history, [history], False
    model.n_iter_ = model.n_expectations_ = now.n_updates


def _begin(model: Any, sequences: Sequences, states: np.ndarray | None, weights: np.ndarray) -> Stepwise:
    """At the parameters of a fitted model, or at a first guess from the first part."""
    fitted = "graph_" in model.__dict__
    graph = model.graph_ if fitted else starts.structure(model, states)
    chain = model._chain(graph, sequences)
    if fitted:
        return Stepwise(graph, model.emission_, chain)
    starts.check_init(model.init)
    emission = model._learner()
    task = em.Task(emission.observe(sequences), states, weights, model.n_jobs, model._is_hard())
    climb = restarts.Climb(chain.begin(graph), emission, chain)
    climb = model._first_guess(climb, task, check_random_state(model.random_state))
    return Stepwise(climb.graph, climb.emission, chain)


def _scaled(counts: em.Expected, factor: float) -> em.Expected:
    statistics: Statistics = {name: value * factor for name, value in counts.statistics.items()}
    return em.Expected(counts.log_likelihood * factor, statistics, counts.edges * factor, counts.start * factor)


def _sum(a: em.Expected, b: em.Expected) -> em.Expected:
    statistics = add(a.statistics, b.statistics)
    return em.Expected(a.log_likelihood + b.log_likelihood, statistics, a.edges + b.edges, a.start + b.start)


def check_decay(decay: float) -> None:
    """ValueError for an exponent with which averages would not settle."""
    if not isinstance(decay, Real) or not 0 <= float(decay) <= 1:
        raise ValueError(f"decay is {decay!r}; expected 0.5 to 1, or 0 to forget all parts but the last")
