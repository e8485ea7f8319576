"""Waiting times without memory."""

from typing import Any

import numpy as np
from scipy import stats

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import POSITIVE, Sample


class Exponential(Columns):
    """An exponential distribution for each label and feature; features are independent.

    Attribute: means_ (n_labels, n_features), the inverse rates.
    """

    parameters_ = ("means_",)
    bounds = ((1e-300, np.inf),)
    support = POSITIVE

    def log_density(self, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
        return -np.log(mean) - x / mean

    def sufficient(self, x: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
        return {"x": x}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        self.settle("means_", average["x"], mass > 0)

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        return (float(x.mean()),)

    def distribution(self, mean: np.ndarray) -> Any:
        return stats.expon(scale=mean)

    def draw(self, rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
        return rng.exponential(mean)
