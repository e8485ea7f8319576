"""Events that happen or do not."""

from typing import Any

import numpy as np
import scipy
from scipy.special import xlog1py, xlogy

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import BINARY, Sample
from hmmseq.validation import check_not_negative


class Bernoulli(Columns):
    """0 or 1, for each label and feature; features are independent.

    pseudocount : added to the counts of 0 and of 1 (a symmetric Beta prior, MAP estimate); 0 is maximum likelihood

    Attribute: probs_ (n_labels, n_features), the probabilities of 1.
    """

    parameters_ = ("probs_",)
    bounds = ((0.0, 1.0),)
    support = BINARY

    def __init__(self, *, pseudocount: float = 0.0, fixed: dict | None = None) -> None:
        self.pseudocount = pseudocount
        self.fixed = fixed

    def arguments(self) -> None:
        check_not_negative("pseudocount", self.pseudocount)

    def log_density(self, x: np.ndarray, prob: np.ndarray) -> np.ndarray:
        return xlogy(x, prob) + xlog1py(1 - x, -prob)

    def sufficient(self, x: np.ndarray, prob: np.ndarray) -> dict[str, np.ndarray]:
        return {"ones": x}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        total = mass + 2 * self.pseudocount
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (average["ones"] * mass + self.pseudocount) / total
        self.settle("probs_", np.clip(share, 0.0, 1.0), total > 0)  # sums of weights are rounded

    def log_prior(self) -> float:
        return float(np.sum(xlogy(self.pseudocount, self.probs_) + xlog1py(self.pseudocount, -self.probs_)))

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        return (float(x.mean()),)

    def distribution(self, prob: np.ndarray) -> Any:
        return scipy.stats.bernoulli(prob)

    def draw(self, rng: np.random.Generator, prob: np.ndarray) -> np.ndarray:
        return rng.random(prob.shape) < prob
