"""Waiting times without memory."""

from typing import Any

import numpy as np
import scipy

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import POSITIVE, Sample
from hmmseq.validation import check_not_negative


class Exponential(Columns):
    """An exponential distribution for each label and feature; features are independent.

    prior_sum, prior_steps : as if each label had been seen in `prior_steps` more steps that add up to `prior_sum` (an inverse
        gamma prior of the means, MAP estimate); 0 and 0 is maximum likelihood

    Attribute: means_ (n_labels, n_features), the inverse rates.
    """

    parameters_ = ("means_",)
    bounds = ((1e-300, np.inf),)
    support = POSITIVE

    def __init__(self, *, prior_sum: float = 0.0, prior_steps: float = 0.0, fixed: dict | None = None) -> None:
        self.prior_sum = prior_sum
        self.prior_steps = prior_steps
        self.fixed = fixed

    def arguments(self) -> None:
        for name in ("prior_sum", "prior_steps"):
            check_not_negative(name, getattr(self, name))
        if (self.prior_sum > 0) != (self.prior_steps > 0):
            raise ValueError(
                f"prior_sum and prior_steps are {self.prior_sum!r} and {self.prior_steps!r}; expected both above 0, or both 0"
            )

    def log_density(self, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
        return -np.log(mean) - x / mean

    def sufficient(self, x: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
        return {"x": x}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        steps = mass + self.prior_steps
        self.settle("means_", (average["x"] * mass + self.prior_sum) / np.where(steps > 0, steps, 1.0), steps > 0)

    def log_prior(self) -> float:
        return float(-np.sum(self.prior_steps * np.log(self.means_) + self.prior_sum / self.means_))

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        return (float(x.mean()),)

    def distribution(self, mean: np.ndarray) -> Any:
        return scipy.stats.expon(scale=mean)

    def draw(self, rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
        return rng.exponential(mean)
