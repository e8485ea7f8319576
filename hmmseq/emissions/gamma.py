"""Positive numbers of any skewness."""

from typing import Any

import numpy as np
import scipy
from scipy.special import digamma, gammaln

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import POSITIVE, Sample
from hmmseq.emissions.solve import crossing

LEAST, LARGEST_SHAPE = 1e-4, 1e8  # at the largest, a deviation of 1e-4 of the mean: constant data end there


class Gamma(Columns):
    """A Gamma distribution for each label and feature; features are independent.

    Attributes: means_ and shapes_ (n_labels, n_features). scipy's `gamma` calls them a = shape and scale = mean / shape.
    The mean of the data is the best mean for any shape, so that fixing either leaves a simple maximum in the other.
    """

    parameters_ = ("means_", "shapes_")
    bounds = ((1e-300, np.inf), (LEAST, LARGEST_SHAPE))
    support = POSITIVE

    def log_density(self, x: np.ndarray, mean: np.ndarray, shape: np.ndarray) -> np.ndarray:
        ratio = np.log(x) - np.log(mean)
        return shape * (np.log(shape) + ratio - x / mean) - gammaln(shape) - np.log(x)

    def sufficient(self, x: np.ndarray, mean: np.ndarray, shape: np.ndarray) -> dict[str, np.ndarray]:
        # Relative to the present mean: log mean(x) - mean(log x) cancels where the data hardly vary.
        return {"ratio": x / mean, "log": np.log(x / mean)}

    def rebased(self, statistics: Statistics, before: Emission) -> Statistics:
        assert isinstance(before, Gamma)
        factor, mass = before.means_ / self.means_, statistics["mass"]
        log = statistics["log"] + mass * np.log(factor)
        return {"mass": mass, "ratio": statistics["ratio"] * factor, "log": log}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        before = self.means_
        self.settle("means_", before * average["ratio"], mass > 0)
        moved = self.means_ / before
        rest = 1 + average["log"] - np.log(moved) - average["ratio"] / moved
        shapes = crossing(lambda a: np.log(a) - digamma(a) + rest, LEAST, LARGEST_SHAPE, mass.shape)
        self.settle("shapes_", shapes, mass > 0)

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        mean = float(x.mean())
        return mean, float(1 / np.clip(np.var(x / mean), 0.01, 100.0))

    def distribution(self, mean: np.ndarray, shape: np.ndarray) -> Any:
        return scipy.stats.gamma(shape, scale=mean / shape)

    def draw(self, rng: np.random.Generator, mean: np.ndarray, shape: np.ndarray) -> np.ndarray:
        return rng.gamma(shape, mean / shape)
