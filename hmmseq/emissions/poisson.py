"""Counts of events that happen at a constant rate."""

from typing import Any

import numpy as np
import scipy
from scipy.special import gammaln, xlogy

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import COUNTS, Sample
from hmmseq.validation import check_not_negative


class Poisson(Columns):
    """A Poisson distribution for each label and feature; features are independent.

    prior_count, prior_steps : as if each label had been seen in `prior_steps` more steps with `prior_count` events in all
        (a Gamma prior, MAP estimate); 0 and 0 is maximum likelihood

    Attribute: lambdas_ (n_labels, n_features), the mean counts.
    """

    parameters_: tuple[str, ...] = ("lambdas_",)
    bounds: tuple[tuple[float, float], ...] = ((0.0, np.inf),)
    support = COUNTS

    def __init__(self, *, prior_count: float = 0.0, prior_steps: float = 0.0, fixed: dict | None = None) -> None:
        self.prior_count = prior_count
        self.prior_steps = prior_steps
        self.fixed = fixed

    def arguments(self) -> None:
        for name in ("prior_count", "prior_steps"):
            check_not_negative(name, getattr(self, name))

    def log_density(self, x: np.ndarray, rate: np.ndarray) -> np.ndarray:
        return xlogy(x, rate) - rate - gammaln(x + 1)

    def sufficient(self, x: np.ndarray, rate: np.ndarray) -> dict[str, np.ndarray]:
        return {"count": x}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        steps = mass + self.prior_steps
        with np.errstate(invalid="ignore", divide="ignore"):
            self.settle("lambdas_", (average["count"] * mass + self.prior_count) / steps, steps > 0)

    def log_prior(self) -> float:
        return float(np.sum(xlogy(self.prior_count, self.lambdas_) - self.prior_steps * self.lambdas_))

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        return (float(x.mean()),)

    def distribution(self, rate: np.ndarray) -> Any:
        return scipy.stats.poisson(rate)

    def draw(self, rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
        return rng.poisson(rate)
