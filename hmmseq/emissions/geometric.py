"""How many trials until the first success."""

from typing import Any

import numpy as np
from scipy import stats
from scipy.special import xlog1py

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import TRIALS, Sample


class Geometric(Columns):
    """1, 2, ... trials up to and including the first success, for each label and feature; features are independent.

    Attribute: probs_ (n_labels, n_features), the probabilities of success in one trial.
    """

    parameters_ = ("probs_",)
    bounds = ((1e-300, 1.0),)
    support = TRIALS

    def log_density(self, x: np.ndarray, prob: np.ndarray) -> np.ndarray:
        return np.log(prob) + xlog1py(x - 1, -prob)

    def sufficient(self, x: np.ndarray, prob: np.ndarray) -> dict[str, np.ndarray]:
        return {"trials": x}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        self.settle("probs_", 1 / np.maximum(average["trials"], 1.0), mass > 0)

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        return (float(1 / x.mean()),)

    def distribution(self, prob: np.ndarray) -> Any:
        return stats.geom(prob)

    def draw(self, rng: np.random.Generator, prob: np.ndarray) -> np.ndarray:
        return rng.geometric(prob)
