"""Averaged stochastic gradient descent: many small steps, each from a few sequences, and the average of where they led.

Polyak and Juditsky, SIAM J. Control Optim. 30 (1992); rates as in Bottou, "Stochastic gradient tricks" (2012). Weights are
kept as scale * vector, so that the penalty shrinks them all at once, and their sum over the steps as total * vector less
what was added late (Xu, arXiv 1107.2490, 2011): a step costs what its sequences' features cost, not what all weights do.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hmmseq.models.conditional import Likelihood

PERIOD = 5  # epochs over which progress is measured
RATES = 2.0 ** np.arange(-8, 4)  # that are tried
TRIED_ON = 50  # so many batches
SMALLEST_SCALE = 1e-6


class Batch(NamedTuple):
    """A few sequences, and the weights that they use."""

    likelihood: Likelihood
    theirs: np.ndarray  # places among the weights of the batch
    ours: np.ndarray  # and of the same weights among all


def minimise(
    function: Likelihood, *, n_iter: int, tol: float, batch_size: int, learning_rate: float | None,
    rng: np.random.Generator, report: Callable[[float, np.ndarray], bool],
) -> tuple[np.ndarray, bool]:  # fmt: skip
    """Weights near the minimum of `function`, and whether progress over PERIOD epochs fell below `tol` of the value.

    n_iter : epochs, each of which takes every batch once
    batch_size : sequences in a batch
    learning_rate : of the first step, for the mean gradient of a sequence; None: the best of several on some batches
    report : called with value and weights, of the average, before the first and after each epoch; true ends training
    """
    parts = batches(function, batch_size, rng)
    rate = best_rate(function, parts[:TRIED_ON]) if learning_rate is None else learning_rate
    descent, history, x = Descent(function, rate), deque[float](maxlen=PERIOD + 1), np.zeros(function.n_weights)
    history.append(function(x)[0])
    report(history[-1], x)
    for epoch in range(n_iter):
        for k in rng.permutation(len(parts)):
            descent.step(parts[k], averaged=epoch > 0)
        x = descent.average()
        history.append(function(x)[0])
        stopped = report(history[-1], x)
        if len(history) > PERIOD and history[0] - history[-1] <= tol * abs(history[-1]):
            return x, True
        if stopped:
            break
    return x, False


def batches(function: Likelihood, size: int, rng: np.random.Generator) -> list[Batch]:
    """The sequences in any order, cut into batches; the same all along, which come in another order each time."""
    order = rng.permutation(len(function.offsets) - 1)
    cuts = range(0, len(order), size)
    place = np.full(function.n_features * function.n_labels, -1)
    place[function.pairs] = np.arange(len(function.pairs))
    return [_batch(function, order[first : first + size], place) for first in cuts]


def _batch(function: Likelihood, chosen: np.ndarray, place: np.ndarray) -> Batch:
    n = function.n_labels
    likelihood, columns = function.part(chosen)
    ours = place[columns[:, None] * n + np.arange(n)].reshape(-1)
    theirs = np.flatnonzero(ours >= 0)
    n_linear = function.n_weights - len(function.pairs)  # all batches use those of transitions and ends
    linear = np.arange(n_linear)
    return Batch(
        likelihood,
        np.concatenate([theirs, len(ours) + linear]),
        np.concatenate([ours[theirs], len(function.pairs) + linear]),
    )


class Descent:
    """Where the descent is, and the sum of where it has been."""

    def __init__(self, function: Likelihood, rate: float) -> None:
        self.n_sequences = len(function.offsets) - 1
        self.rate, self.shrink = rate, 2.0 * function.c2 / self.n_sequences
        self.vector, self.scale = np.zeros(function.n_weights), 1.0
        self.late, self.total = np.zeros(function.n_weights), 0.0  # their sum is total * vector - late
        self.n_steps, self.n_averaged = 0, 0

    def step(self, batch: Batch, *, averaged: bool = False, rate: float | None = None) -> float:
        """One step, towards less loss of a batch and smaller weights; the loss of the batch before it."""
        weights = np.zeros(batch.likelihood.n_weights)
        weights[batch.theirs] = self.scale * self.vector[batch.ours]
        loss, gradient = batch.likelihood(weights)
        if rate is None:
            rate = self.rate * (1.0 + self.shrink * self.rate * self.n_steps) ** -0.75
        self.scale *= max(1.0 - rate * self.shrink, 0.0)
        if self.scale < SMALLEST_SCALE:
            self._fold()
        change = -rate / (self.scale * (len(batch.likelihood.offsets) - 1)) * gradient[batch.theirs]
        self.vector[batch.ours] += change
        self.late[batch.ours] += self.total * change
        self.n_steps += 1
        if averaged:
            self.total += self.scale
            self.n_averaged += 1
        return loss

    def average(self) -> np.ndarray:
        """The mean of the weights after each averaged step; the last weights, if there was none."""
        if not self.n_averaged:
            return self.scale * self.vector
        return (self.total * self.vector - self.late) / self.n_averaged

    def _fold(self) -> None:
        """Start again from scale 1, with the same weights and the same sum."""
        smaller = self.scale * self.vector
        self.late += self.total * (smaller - self.vector)
        self.vector, self.scale = smaller, 1.0


def best_rate(function: Likelihood, parts: list[Batch]) -> float:
    """The rate that takes the loss of some batches, met once each, the farthest down."""

    def reached(rate: float) -> float:
        descent = Descent(function, rate)
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                for part in parts:
                    descent.step(part, rate=rate)
                x = descent.average()
                return sum(_loss(part, x) for part in parts) + function.c2 * len(parts) / descent.n_sequences * float(
                    x @ x
                )
            except ValueError:  # the weights have run away
                return np.inf

    return float(min(RATES, key=reached))


def _loss(batch: Batch, x: np.ndarray) -> float:
    weights = np.zeros(batch.likelihood.n_weights)
    weights[batch.theirs] = x[batch.ours]
    return batch.likelihood(weights)[0]
