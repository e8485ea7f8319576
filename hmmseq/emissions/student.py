"""Bell curves with heavy tails, which outliers hardly move."""

from typing import Any

import numpy as np
import scipy
from scipy.special import digamma, gammaln

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import Sample
from hmmseq.emissions.solve import crossing

LEAST, LARGEST_DOF = 0.1, 1e6  # at the largest, normal to six digits


class StudentT(Columns):
    """Student's t distribution with a location, a scale and degrees of freedom for each label and feature.

    Features are independent. Attributes: locs_, scales_ and dofs_ (n_labels, n_features), as scipy's `t` has them.

    An EM within the EM: a t variable is normal with a random precision, which is expected at the present parameters
    (Lange, Little and Taylor, JASA 84, 1989). Scales stay above 1e-6 of the deviation of all data.
    """

    parameters_ = ("locs_", "scales_", "dofs_", "floor_")
    of_data = ("floor_",)
    bounds = ((-np.inf, np.inf), (1e-300, np.inf), (LEAST, LARGEST_DOF), (0.0, np.inf))

    def log_density(
        self, x: np.ndarray, loc: np.ndarray, scale: np.ndarray, dof: np.ndarray, floor: np.ndarray
    ) -> np.ndarray:
        constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - np.log(dof * np.pi) / 2 - np.log(scale)
        return constant - (dof + 1) / 2 * _log_tail((x - loc) / scale, dof)

    def sufficient(
        self, x: np.ndarray, loc: np.ndarray, scale: np.ndarray, dof: np.ndarray, floor: np.ndarray
    ) -> dict[str, np.ndarray]:
        away = (x - loc) / scale
        log_precision = np.log((dof + 1) / dof) - _log_tail(away, dof)
        precision = np.exp(log_precision)
        return {
            "precision": precision,
            "first": precision * away,
            "second": (precision * away) * away,
            "log": log_precision - precision,
        }

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        locs, scales, dofs = self.locs_, self.scales_, self.dofs_
        self.settle("locs_", locs + scales * average["first"] / np.maximum(average["precision"], 1e-300), mass > 0)
        shift = (self.locs_ - locs) / scales
        square = average["second"] - 2 * shift * average["first"] + shift**2 * average["precision"]
        self.settle("scales_", np.maximum(scales * np.sqrt(np.maximum(square, 0.0)), self.floor_), mass > 0)
        rest = 1 + average["log"] + digamma((dofs + 1) / 2) - np.log((dofs + 1) / 2)
        found = crossing(lambda dof: np.log(dof / 2) - digamma(dof / 2) + rest, LEAST, LARGEST_DOF, mass.shape)
        self.settle("dofs_", found, mass > 0)

    def rebased(self, statistics: Statistics, before: Emission) -> Statistics:
        return Emission.rebased(self, statistics, before)

    def units(self, name: str) -> np.ndarray:
        return 1e6 * self.floor_  # the deviation of all data

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        loc = float(np.median(x))
        unit = float(np.abs(x - loc).max()) or 1.0  # squares of large numbers overflow
        deviation = unit * float(np.sqrt(np.mean(((x - loc) / unit) ** 2))) or 1.0
        scale = float(np.median(np.abs(x - loc))) * 1.5 or deviation
        return loc, scale, 4.0, 1e-6 * deviation

    def distribution(self, loc: np.ndarray, scale: np.ndarray, dof: np.ndarray, floor: np.ndarray) -> Any:
        return scipy.stats.t(dof, loc, scale)

    def draw(
        self, rng: np.random.Generator, loc: np.ndarray, scale: np.ndarray, dof: np.ndarray, floor: np.ndarray
    ) -> np.ndarray:
        return loc + scale * rng.standard_t(dof)


def _log_tail(away: np.ndarray, dof: np.ndarray) -> np.ndarray:
    """log(1 + away**2 / dof), also where the square overflows."""
    far = np.abs(away) > 1e100
    near = np.where(far, 1.0, away)
    return np.where(far, 2 * np.log(np.abs(np.where(far, away, 1.0))) - np.log(dof), np.log1p(near**2 / dof))
