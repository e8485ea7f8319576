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
_HIGH = 3.0  # log odds of a ceiling, where its search begins
_LEAST_SLOPE = 0.01  # the more probable of two stays the more probable one


class Confidence(NamedTuple):
    """Log odds of being right: those of the posterior times `slope`, and `offset` (Platt, 1999).

    ceiling  how probable the surest ones are; below 1 where an annotation lacks genes
    """

    slope: float = 1.0
    offset: float = 0.0
    ceiling: float = 1.0

    def __call__(self, posterior: ArrayLike) -> Floats:
        """Probabilities that mean what they say."""
        log_odds = self.slope * _log_odds(posterior) + self.offset
        return np.asarray(self.ceiling * np.exp(-np.logaddexp(0.0, -log_odds)))


AS_STATED = Confidence()


def fit_confidence(posterior: ArrayLike, right: ArrayLike, with_ceiling: bool = False) -> Confidence:
    """The most likely confidence, given which of some predictions were right; without any, posteriors stay as they are.

    posterior, right : (n,) of predictions on sequence that the model has not learned from
    with_ceiling : whether the surest may be wrong as well
    """
    from scipy.optimize import minimize  # finding genes does without: it takes memory
    from scipy.special import expit, log_expit

    log_odds, right = _log_odds(posterior), np.asarray(right, bool)

    def loss(parameters: Floats) -> float:
        slope, offset, *free = parameters
        sure, below = slope * log_odds + offset, free[0] if free else np.inf
        wrong = np.logaddexp(log_expit(-below), log_expit(below) + log_expit(-sure[~right]))
        away = 0.5 * ((slope - 1.0) ** 2 + offset**2) - log_expit(below)
        return float(_STRENGTH * away - (log_expit(below) + log_expit(sure[right])).sum() - wrong.sum())

    first = [1.0, 0.0, _HIGH] if with_ceiling else [1.0, 0.0]
    found = minimize(loss, first, method="L-BFGS-B", bounds=[(_LEAST_SLOPE, None), *[(None, None)] * (len(first) - 1)])
    slope, offset, *free = map(float, found.x)
    return Confidence(slope, offset, *(float(expit(below)) for below in free))


def _log_odds(posterior: ArrayLike) -> Floats:
    p = np.clip(np.asarray(posterior, dtype=np.float64), _SUREST, 1 - _SUREST)
    return np.asarray(np.log(p) - np.log1p(-p))
