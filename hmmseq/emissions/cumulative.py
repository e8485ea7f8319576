"""Cumulative distributions of what is emitted, in logarithms, so that outliers stay numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

LESS, AT_MOST, AT_LEAST, MORE = range(4)


def tails(distribution: Any, x: np.ndarray, whole: bool) -> np.ndarray:
    """(4, ...) log probability of less than x, at most x, at least x and more than x, of a frozen distribution of scipy.

    whole : whether values are whole numbers; otherwise less and at most are the same
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        at_most, more = distribution.logcdf(x), distribution.logsf(x)
        if not whole:
            return np.stack([at_most, at_most, more, more])
        return np.stack([distribution.logcdf(x - 1), at_most, distribution.logsf(x - 1), more])


@dataclass(frozen=True)
class Inflated:
    """Zero with some probability more than a distribution of counts has."""

    zero: np.ndarray
    counts: Any

    def logcdf(self, x: np.ndarray) -> np.ndarray:
        """Log probability of at most x."""
        return np.where(x < 0, -np.inf, np.logaddexp(np.log(self.zero), np.log1p(-self.zero) + self.counts.logcdf(x)))

    def logsf(self, x: np.ndarray) -> np.ndarray:
        """Log probability of more than x."""
        return np.where(x < 0, 0.0, np.log1p(-self.zero) + self.counts.logsf(x))


@dataclass(frozen=True)
class Cut:
    """A distribution on the circle, cut open at -pi and pi."""

    circular: Any

    def logcdf(self, x: np.ndarray) -> np.ndarray:
        """Log probability of an angle from -pi to x."""
        return np.log(np.clip(self.circular.cdf(_between(x)) - self.circular.cdf(-np.pi), 0.0, 1.0))

    def logsf(self, x: np.ndarray) -> np.ndarray:
        """Log probability of an angle from x to pi."""
        return np.log(np.clip(self.circular.cdf(np.pi) - self.circular.cdf(_between(x)), 0.0, 1.0))


def _between(x: np.ndarray) -> np.ndarray:
    return np.mod(x + np.pi, 2 * np.pi) - np.pi


def mixed(parts: np.ndarray, log_weights: np.ndarray) -> np.ndarray:
    """Tails of a mixture: (4, n_steps, n_labels, n_components, n_features) and (n_labels, n_components)."""
    found: np.ndarray = logsumexp(parts + log_weights[:, :, None], axis=3)
    return found
