"""Whether posterior probabilities mean what they say: of ten genes with 0.9, nine are real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Reliability:
    """Stated probabilities beside how often they came true, in bins of about equally many.

    stated, observed : (n_bins,) mean probability, and share that came true
    n : (n_bins,) how many there are

    DeGroot and Fienberg, The Statistician 32 (1983).
    """

    stated: NDArray[np.float64]
    observed: NDArray[np.float64]
    n: NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of the two, bins weighted by their size; 0 without data."""
        return float(self.n @ np.abs(self.stated - self.observed) / max(int(self.n.sum()), 1))

    def as_dict(self) -> dict[str, Any]:
        """The error and all bins, for JSON."""
        return {"error": self.error, **{key: getattr(self, key).tolist() for key in ("stated", "observed", "n")}}


def reliability(probabilities: ArrayLike, outcomes: ArrayLike, n_bins: int = 10) -> Reliability:
    """Sort by probability, cut into bins of about equally many (ties stay together), and compare.

    probabilities : (n,) 0 to 1
    outcomes : (n,) whether each came true
    """
    stated, came_true = np.asarray(probabilities, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    if stated.shape != came_true.shape or stated.ndim != 1 or not np.all((stated >= 0) & (stated <= 1)):
        raise ValueError(
            f"probabilities {stated.shape} and outcomes {came_true.shape}; expected as many, from 0 to 1, one dimension"
        )
    # Edges are quantiles, so that no bin is nearly empty where most probabilities are close to 1.
    edges = np.unique(np.quantile(stated, np.linspace(0, 1, n_bins + 1)[1:-1])) if len(stated) else np.zeros(0)
    place = np.searchsorted(edges, stated, side="right")
    n = np.bincount(place, minlength=len(edges) + 1)
    sums = (np.bincount(place, weights, len(n)) for weights in (stated, came_true))
    means = [total[n > 0] / n[n > 0] for total in sums]
    return Reliability(means[0], means[1], n[n > 0])
