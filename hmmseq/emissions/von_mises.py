"""Directions: angles on a circle."""

from typing import Any

import numpy as np
import scipy
from scipy.special import i0e, i1e

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.cumulative import Cut
from hmmseq.emissions.observed import Sample
from hmmseq.emissions.solve import crossing

LEAST, LARGEST_KAPPA = 1e-8, 1e8  # from the uniform distribution to a deviation of 1e-4 radians


class VonMises(Columns):
    """A von Mises distribution of angles in radians, for each label and feature; features are independent.

    Angles that differ by whole turns are the same. Attributes: locs_, the mean directions between -pi and pi, and
    kappas_, the concentrations, (n_labels, n_features) (Mardia and Jupp, Directional Statistics, 2000, section 5.3).
    """

    parameters_ = ("locs_", "kappas_")
    bounds = ((-np.inf, np.inf), (LEAST, LARGEST_KAPPA))

    def log_density(self, x: np.ndarray, loc: np.ndarray, kappa: np.ndarray) -> np.ndarray:
        away = -2 * np.sin((x - loc) / 2) ** 2  # cos - 1, without cancellation for small angles
        return kappa * away - np.log(2 * np.pi * i0e(kappa))

    def sufficient(self, x: np.ndarray, loc: np.ndarray, kappa: np.ndarray) -> dict[str, np.ndarray]:
        return {"sine": np.sin(x), "cosine": np.cos(x)}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        self.settle("locs_", np.arctan2(average["sine"], average["cosine"]), mass > 0)
        along = average["cosine"] * np.cos(self.locs_) + average["sine"] * np.sin(self.locs_)
        kappas = crossing(lambda kappa: along - i1e(kappa) / i0e(kappa), LEAST, LARGEST_KAPPA, mass.shape)
        self.settle("kappas_", kappas, mass > 0)

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        return float(np.angle(np.exp(1j * x).mean())), 1.0

    def distribution(self, loc: np.ndarray, kappa: np.ndarray) -> Any:
        return Cut(scipy.stats.vonmises(kappa, loc))

    def draw(self, rng: np.random.Generator, loc: np.ndarray, kappa: np.ndarray) -> np.ndarray:
        return rng.vonmises(loc, kappa)
