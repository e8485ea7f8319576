"""Shares: numbers between 0 and 1."""

from typing import Any

import numpy as np
import scipy
from scipy.special import betaln, digamma, polygamma, xlog1py, xlogy

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import FRACTIONS, Sample

LEAST, LARGEST_SHAPE = 1e-4, 1e8
SHORTER = 0.5 ** np.arange(20)
N_STEPS = 100  # of Newton's method; it needs about six unless shapes are near their ends


class Beta(Columns):
    """A Beta distribution for each label and feature; features are independent.

    Attributes: a_ and b_ (n_labels, n_features), the shapes as scipy's `beta` has them.
    """

    parameters_ = ("a_", "b_")
    bounds = ((LEAST, LARGEST_SHAPE), (LEAST, LARGEST_SHAPE))
    support = FRACTIONS

    def log_density(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b)

    def sufficient(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
        return {"log": np.log(x), "log_rest": np.log1p(-x)}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        """Newton's method on a concave function of two numbers, with steps that are halved until it rises."""
        shapes = np.stack([self.a_, self.b_])
        learned = np.stack([np.isnan(self.given(name, mass.shape)) for name in self.parameters_])
        target = np.stack([average["log"], average["log_rest"]])

        def value(shapes: np.ndarray) -> np.ndarray:
            return (shapes * target).sum(0) - betaln(*shapes)

        for _ in range(N_STEPS):
            step, before, tried = _newton(shapes, target, learned), value(shapes), shapes
            waits = mass > 0
            for length in SHORTER:
                shorter = np.clip(shapes + length * step, np.maximum(shapes / 10, LEAST), LARGEST_SHAPE)
                rises = waits & (value(shorter) >= before - 1e-14 * np.abs(before))  # but for rounding
                tried, waits = np.where(rises, shorter, tried), waits & ~rises
                if not waits.any():
                    break
            moved, shapes = np.abs(tried - shapes), tried
            if np.all(moved <= 1e-12 * shapes):
                break
        self.settle("a_", shapes[0], mass > 0)
        self.settle("b_", shapes[1], mass > 0)

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        mean = float(x.mean())
        both = float(np.clip(mean * (1 - mean) / max(x.var(), 1e-12) - 1, 0.1, 100.0))
        return mean * both, (1 - mean) * both

    def distribution(self, a: np.ndarray, b: np.ndarray) -> Any:
        return scipy.stats.beta(a, b)

    def draw(self, rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        tiny = np.finfo(float).tiny
        return np.clip(rng.beta(a, b), tiny, 1 - 2.0**-53)


def _newton(shapes: np.ndarray, target: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """(2, ...) the step to the maximum of the quadratic approximation, of the learned shapes alone."""
    slope = np.where(learned, target - digamma(shapes) + digamma(shapes.sum(0)), 0.0)
    both = polygamma(1, shapes.sum(0))
    own = polygamma(1, shapes) - both
    both = np.where(learned.all(0), both, 0.0)
    # Minus the matrix of second derivatives is positive definite: [[own_a, -both], [-both, own_b]].
    determinant = own[0] * own[1] - both**2
    return np.stack([own[1] * slope[0] + both * slope[1], own[0] * slope[1] + both * slope[0]]) / determinant
