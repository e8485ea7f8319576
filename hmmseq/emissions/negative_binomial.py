"""Counts that vary more than a Poisson distribution lets them."""

from typing import Any

import numpy as np
import scipy
from scipy.special import betaln, digamma, xlogy

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import COUNTS, Sample
from hmmseq.emissions.solve import crossing

LEAST, LARGEST_SIZE = 1e-6, 1e6  # beyond, all counts are 0 or some, or Poisson


class NegativeBinomial(Columns):
    """Counts of mean m and variance m + m**2 / size, for each label and feature; features are independent.

    Attributes: means_ and sizes_ (n_labels, n_features). scipy's `nbinom` calls them n = size and p = size / (size + mean).

    No fixed number of sums decides the size: the M-step reads how often each count came up. Sizes stay below 1e6, where
    the distribution is Poisson to six digits.
    """

    parameters_: tuple[str, ...] = ("means_", "sizes_")
    bounds: tuple[tuple[float, float], ...] = ((0.0, np.inf), (LEAST, LARGEST_SIZE))
    support = COUNTS
    keeps_sample = True

    def log_density(self, x: np.ndarray, mean: np.ndarray, size: np.ndarray) -> np.ndarray:
        coefficient = -betaln(size, x + 1) - np.log(size + x)
        return coefficient - size * np.log1p(mean / size) + xlogy(x, mean / (size + mean))

    def sufficient(self, x: np.ndarray, mean: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
        return {"count": x}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        assert sample is not None
        self.settle("means_", average["count"], mass > 0)
        sizes = [self._size(x, weights, self.means_[:, d]) for d, (x, weights) in enumerate(sample.columns())]
        self.settle("sizes_", np.stack(sizes, axis=1), (mass > 0) & (self.means_ > 0))

    @staticmethod
    def _size(x: np.ndarray, weights: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Where the derivative of the average log density by the size changes its sign."""
        share = weights / np.maximum(weights.sum(0), 1e-300)
        first = (share * x).sum(0)

        def derivative(size: np.ndarray) -> np.ndarray:
            rising = (share * (digamma(x + size) - digamma(size))).sum(0)
            return rising - np.log1p(mean / size) + (mean - first) / (size + mean)

        return crossing(derivative, LEAST, LARGEST_SIZE, mean.shape)

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        mean, excess = float(x.mean()), float(x.var() - x.mean())
        return mean, float(np.clip(mean**2 / excess if excess > 0 else 100.0, 0.1, 100.0))

    def distribution(self, mean: np.ndarray, size: np.ndarray) -> Any:
        return scipy.stats.nbinom(size, size / (size + mean))

    def draw(self, rng: np.random.Generator, mean: np.ndarray, size: np.ndarray) -> np.ndarray:
        return rng.poisson(rng.gamma(size, mean / size))
