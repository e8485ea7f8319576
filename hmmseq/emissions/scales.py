"""Parameters as numbers of any size, in which likelihoods are nearly parabolas: for leaps of EM and for standard errors.

Of probabilities and rates that may vanish the roots: those that vanish then stand still, where logarithms would run away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

LARGEST = 1e100  # beyond, squares and their products leave the range of doubles
HIGHEST_LOG = 200.0

Transform = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scale:
    """Numbers on their own: `value(free(x))` is x."""

    forward: Transform
    back: Transform
    unit: Any = 1.0
    low: Any = -np.inf
    high: Any = np.inf
    shared: bool = False  # whether all labels share the parameter

    def free(self, value: np.ndarray) -> np.ndarray:
        """The numbers of any size that stand for a value."""
        return self.forward(value / self.unit)

    def value(self, free: np.ndarray) -> np.ndarray:
        """The value that numbers of any size stand for, brought between the limits."""
        return np.clip(self.back(free) * self.unit, self.low, self.high)

    def learned(self, given: np.ndarray) -> np.ndarray:
        """Which of the free numbers are learned, for the fixed values of the parameter (NaN: not fixed)."""
        return np.isnan(given)


def _same(x: np.ndarray) -> np.ndarray:
    return x


def _exp(x: np.ndarray) -> np.ndarray:
    return np.exp(np.clip(x, -HIGHEST_LOG, HIGHEST_LOG))


def any_size(unit: Any = 1.0) -> Scale:
    """Numbers of any size, in units of their own."""
    return Scale(_same, _same, unit)


def positive(low: Any, high: Any = np.inf) -> Scale:
    """Logarithms of numbers that stay above `low`, itself above 0."""
    return Scale(np.log, _exp, low=low, high=high)


def roots(high: Any = np.inf) -> Scale:
    """Roots of numbers that may be 0, such as rates."""
    return Scale(np.sqrt, np.square, low=0.0, high=high)


def angles(low: Any = 0.0) -> Scale:
    """Probabilities of two outcomes: sine and cosine of the angle are their roots."""
    return Scale(lambda p: np.arcsin(np.sqrt(p)), lambda a: np.sin(a) ** 2, low=low, high=1.0)


def between(low: float, high: float, unit: Any = 1.0) -> Scale:
    """What suits numbers between these."""
    if low == -np.inf:
        return any_size(unit)
    if high == 1.0:
        return angles(low)
    return positive(low, high) if low > 0 else roots(high)


class Rows(Scale):
    """Rows of probabilities that sum to one, by their roots."""

    def value(self, free: np.ndarray) -> np.ndarray:
        """Rows that sum to one, from roots of any length; ValueError for a row of zeros."""
        square = free**2
        total = square.sum(-1, keepdims=True)
        if not np.all(total > 0):
            raise ValueError("a row of probabilities adds up to 0")
        return square / total


def rows() -> Scale:
    """Rows of probabilities, all or none of which are learned."""
    return Rows(np.sqrt, np.square, low=0.0, high=1.0)


@dataclass(frozen=True)
class Matrices:
    """Covariances (..., d, d): Cholesky factors in units of `spread`, with the logarithms of their diagonal."""

    spread: np.ndarray
    floored: Transform  # of one matrix: the nearest that keeps above the floor
    shared: bool = False
    high = np.inf

    @property
    def low(self) -> np.ndarray:
        """(d, d) 0 for the variances; covariances have no limit of their own."""
        return np.where(np.eye(len(self.spread)) > 0, 0.0, -np.inf)

    def free(self, value: np.ndarray) -> np.ndarray:
        """(..., d (d + 1) / 2) logarithms of the diagonal of the factors, then what is below it."""
        factors = np.linalg.cholesky(value / np.outer(self.spread, self.spread))
        low = np.tril_indices(len(self.spread), -1)
        diagonal = np.log(np.diagonal(factors, axis1=-2, axis2=-1))
        return np.concatenate([diagonal, factors[..., low[0], low[1]]], axis=-1)

    def value(self, free: np.ndarray) -> np.ndarray:
        """The covariances, none of them below the floor."""
        d = len(self.spread)
        low, each = np.tril_indices(d, -1), np.arange(d)
        factors = np.zeros((*free.shape[:-1], d, d))
        factors[..., each, each] = _exp(free[..., :d] / 2) ** 2
        factors[..., low[0], low[1]] = free[..., d:]
        matrices = (factors @ np.swapaxes(factors, -1, -2) * np.outer(self.spread, self.spread)).reshape(-1, d, d)
        return np.array([self.floored(one) for one in matrices]).reshape(factors.shape)

    def learned(self, given: np.ndarray) -> np.ndarray:
        """As `Scale.learned`: a covariance is fixed or learned as a whole."""
        whole = np.isnan(given).all(axis=(-2, -1))
        d = len(self.spread)
        return np.broadcast_to(whole[..., None], (*whole.shape, d * (d + 1) // 2))
