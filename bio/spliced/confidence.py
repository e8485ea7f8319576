"""What posteriors of a model are worth: how often exons and genes that it calls so probable are annotated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from ..words import Floats

_SUREST = 1e-9  # posteriors are kept so far from 0 and 1
_STRENGTH = 5.0  # of the belief that posteriors mean what they say
_LEAST_SLOPE = 0.01  # the more probable of two stays the more probable one


class Confidence(NamedTuple):
    """Log odds of being right: those of the posterior times `slope`, and `offset` (Platt, 1999)."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, posterior: ArrayLike) -> Floats:
        """Probabilities that mean what they say."""
        return np.asarray(expit(self.slope * _log_odds(posterior) + self.offset))


AS_STATED = Confidence()


def fit_confidence(posterior: ArrayLike, right: ArrayLike) -> Confidence:
    """The most likely confidence, given which of some predictions were right; without any, posteriors stay as they are.

    posterior, right : (n,) of predictions on sequence that the model has not learned from
    """
    log_odds, sign = _log_odds(posterior), np.where(np.asarray(right, bool), 1.0, -1.0)

    def loss(parameters: Floats) -> float:
        slope, offset = parameters
        away = (slope - 1.0) ** 2 + offset**2
        return float(0.5 * _STRENGTH * away - log_expit(sign * (slope * log_odds + offset)).sum())

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(_LEAST_SLOPE, None), (None, None)])
    return Confidence(*map(float, found.x))


def _log_odds(posterior: ArrayLike) -> Floats:
    return np.asarray(logit(np.clip(posterior, _SUREST, 1 - _SUREST)))
