"""What posteriors of a model are worth: how often the genes, starts and exons that it calls so probable are annotated.

The words of a gene are less independent than models have it, so posteriors as they come are overconfident.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .words import Floats

_SUREST = 1e-9  # posteriors are kept so far from 0 and 1
_STRENGTH = 5.0  # of the belief that posteriors mean what they say
_LEAST_SLOPE = 0.01  # the more probable of two stays the more probable one


class Confidence(NamedTuple):
    """Log odds of being right: those of the posterior times `slope`, and `offset` (Platt, 1999)."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, posterior: ArrayLike) -> Floats:
        """Probabilities that mean what they say."""
        return np.asarray(np.exp(-np.logaddexp(0.0, -(self.slope * _log_odds(posterior) + self.offset))))


AS_STATED = Confidence()


def fit_confidence(posterior: ArrayLike, right: ArrayLike) -> Confidence:
    """The most likely confidence, given which of some predictions were right; without any, posteriors stay as they are.

    posterior, right : (n,) of predictions on sequence that the model has not learned from
    """
    from scipy.optimize import minimize  # finding genes does without: it takes memory

    log_odds, sign = _log_odds(posterior), np.where(np.asarray(right, bool), 1.0, -1.0)

    def loss(parameters: Floats) -> float:
        slope, offset = parameters
        away = (slope - 1.0) ** 2 + offset**2
        return float(0.5 * _STRENGTH * away + np.logaddexp(0.0, -sign * (slope * log_odds + offset)).sum())

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(_LEAST_SLOPE, None), (None, None)])
    return Confidence(*map(float, found.x))


def _log_odds(posterior: ArrayLike) -> Floats:
    p = np.clip(np.asarray(posterior, dtype=np.float64), _SUREST, 1 - _SUREST)
    return np.asarray(np.log(p) - np.log1p(-p))
