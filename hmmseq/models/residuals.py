"""Pseudo-residuals: observations on the scale on which, if the model is right, they are standard normal."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp, ndtri_exp

from hmmseq import lattice
from hmmseq.emissions.cumulative import AT_LEAST, AT_MOST, LESS, MORE
from hmmseq.models import em, inputs
from hmmseq.models.hmm import HMM
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences, is_one
from hmmseq.streaming import PosteriorStream

WIDEST = 300.0  # nats between the scores of a step: far beyond the digits of a double, far from its smallest numbers


class Residuals(NamedTuple):
    """(n_steps, n_features) each; NaN where the observation is missing.

    A continuous observation has one residual, and `low` and `high` are the same. A discrete one has a segment, which holds
    the probability of its value.
    """

    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


def pseudo_residuals(model: HMM, X: Any, *, kind: str = "ordinary", lengths: Any = None) -> Any:
    """Normal pseudo-residuals of observations (Zucchini and MacDonald, Hidden Markov Models for Time Series, 2009, ch. 6).

    kind : "ordinary", given all other steps of the sequence: outliers stand out; or "forecast", given the steps before: what
        the model did not see coming
    If the model is right they are standard normal (forecast ones independent, too); discrete ones in the middle of their
    segment nearly so. `scipy.stats.probplot` shows it.

    Features one by one; of regressions the target, of an autoregression given the values before. Returns `Residuals` for one
    array (also of many sequences end to end, with `lengths`), a list for a list. Raises ValueError for emissions without
    order (Categorical, Multinomial, Pomegranate), and for forecasts of models that have no streams (`SemiMarkovHMM`,
    `InputHMM`).

    >>> from hmmseq import PoissonHMM
    >>> X = np.random.default_rng(0).poisson(np.repeat([2.0, 9.0, 2.0, 9.0], 50))[:, None]
    >>> model = PoissonHMM(2, random_state=0).fit(X)
    >>> found = pseudo_residuals(model, X).middle
    >>> bool(abs(found.mean()) < 0.2 and abs(found.std() - 1) < 0.1)
    True
    """
    inputs.check_emits(model, "pseudo_residuals")
    _check_kind(model, kind)
    sequences = inputs.sequences(model, X, lengths, reset=False)
    observed = model.emission_.observe(model._observed(sequences))
    chances = model.emission_.cumulative(observed)[:, :, model.graph_.label[model.graph_.label >= 0]]
    weights = _log_weights(model, sequences, observed, kind)
    with np.errstate(divide="ignore"):
        tails = logsumexp(chances + weights[:, :, None], axis=2)
    missing = np.isnan(observed.values[:, : chances.shape[-1]])
    parts = [np.where(missing, np.nan, part) for part in _residuals(tails)]
    if lengths is not None or is_one(X):
        return Residuals(*parts)
    return [Residuals(*one) for one in zip(*(observed.unpack(part) for part in parts), strict=True)]


def _check_kind(model: HMM, kind: str) -> None:
    if kind not in ("ordinary", "forecast"):
        raise ValueError(f"kind is {kind!r}; expected 'ordinary' or 'forecast'")
    if kind == "forecast" and type(model)._stream is not HMM._stream:
        raise ValueError(
            f"kind is 'forecast', which reads a sequence as a stream, and a {type(model).__name__} has none; expected "
            "'ordinary'"
        )


def _residuals(tails: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middle, lower and upper end; each from the tail that is small, so that no digit is lost."""
    below = np.logaddexp(tails[LESS], tails[AT_MOST]) - np.log(2)
    above = np.logaddexp(tails[AT_LEAST], tails[MORE]) - np.log(2)
    pairs = (below, above), (tails[LESS], tails[AT_LEAST]), (tails[AT_MOST], tails[MORE])
    middle, low, high = (
        np.where(lower < upper, ndtri_exp(np.minimum(lower, 0.0)), -ndtri_exp(np.minimum(upper, 0.0)))
        for lower, upper in pairs
    )
    return middle, low, high


def _log_weights(model: HMM, sequences: Sequences, X: Sequences, kind: str) -> np.ndarray:
    """(n_steps, n_emitting) log probability of each state at each step, without what was observed (X) at that step.

    Posteriors, less the score of the step itself. Scores that differ by more than `WIDEST` are brought so near: that
    changes no posterior, and none becomes so small that nothing could be taken from it.
    """
    packed = em.untied(model.graph_, model.emission_.log_scores(X))
    scores = packed.table[packed.code]
    top = scores.max(axis=1, keepdims=True, initial=-np.inf)
    scores = np.maximum(scores, np.where(top == -np.inf, 0.0, top) - WIDEST)  # also where a step is impossible in all
    steps = Packed(scores, np.arange(len(scores), dtype=np.int32), X, False)
    graph = model.graph_.untied()
    if kind == "ordinary":
        asked = model._driven(steps, sequences)
        posteriors = lattice.joined_posteriors(graph, asked, n_jobs=model.n_jobs)
    else:
        posteriors = np.concatenate([PosteriorStream(graph).push(own) for own in X.unpack(scores)])
    with np.errstate(divide="ignore"):
        weights = np.log(posteriors) - scores
    return weights - logsumexp(weights, axis=1, keepdims=True)
