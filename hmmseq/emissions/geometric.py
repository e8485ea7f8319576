"""How many trials until the first success."""

from typing import Any

import numpy as np
import scipy
from scipy.special import xlog1py, xlogy

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import TRIALS, Sample
from hmmseq.validation import check_not_negative


class Geometric(Columns):
    """1, 2, ... trials up to and including the first success, for each label and feature; features are independent.

    prior_successes, prior_trials : as if each label had been seen in `prior_successes` more steps with `prior_trials` trials
        in all (a Beta prior, MAP estimate); 0 and 0 is maximum likelihood

    Attribute: probs_ (n_labels, n_features), the probabilities of success in one trial.
    """

    parameters_ = ("probs_",)
    bounds = ((1e-300, 1.0),)
    support = TRIALS

    def __init__(self, *, prior_successes: float = 0.0, prior_trials: float = 0.0, fixed: dict | None = None) -> None:
        self.prior_successes = prior_successes
        self.prior_trials = prior_trials
        self.fixed = fixed

    def arguments(self) -> None:
        for name in ("prior_successes", "prior_trials"):
            check_not_negative(name, getattr(self, name))
        if self.prior_successes > self.prior_trials:
            raise ValueError(
                f"prior_successes and prior_trials are {self.prior_successes!r} and {self.prior_trials!r}; expected no "
                "fewer trials than successes"
            )

    def log_density(self, x: np.ndarray, prob: np.ndarray) -> np.ndarray:
        return np.log(prob) + xlog1py(x - 1, -prob)

    def sufficient(self, x: np.ndarray, prob: np.ndarray) -> dict[str, np.ndarray]:
        return {"trials": x}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        steps = mass + self.prior_successes
        trials = np.maximum(average["trials"], 1.0) * mass + self.prior_trials
        self.settle("probs_", steps / np.where(steps > 0, trials, 1.0), steps > 0)

    def log_prior(self) -> float:
        failures = self.prior_trials - self.prior_successes
        return float(np.sum(xlogy(self.prior_successes, self.probs_) + xlog1py(failures, -self.probs_)))

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        return (float(1 / x.mean()),)

    def distribution(self, prob: np.ndarray) -> Any:
        return scipy.stats.geom(prob)

    def draw(self, rng: np.random.Generator, prob: np.ndarray) -> np.ndarray:
        return rng.geometric(prob)
