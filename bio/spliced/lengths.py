"""How long exons, introns and the stretches between genes are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Lengths(NamedTuple):
    """log_table (longest,): log probability of 1 ... longest; each base beyond adds log_tail."""

    log_table: Floats
    log_tail: float

    def log_probability(self, length: NDArray[np.int64]) -> Floats:
        """Log probability of lengths of 1 or more."""
        beyond = np.maximum(length - len(self.log_table), 0)
        return self.log_table[length - beyond - 1] + self.log_tail * beyond


def fit_lengths(observed: NDArray[np.int64], longest: int, shortest: int, bandwidth: float, prior: float) -> Lengths:
    """Kernel estimate up to `longest`, geometric beyond, with the mean excess of what is longer.

    bandwidth  of the Gaussian kernels in log length, so that long lengths are smoothed over more
    prior      weight of a broad log-normal distribution with the mean and twice the spread of the sample
    """
    grid = np.log(np.arange(1, longest + 1))
    logs = np.log(np.maximum(observed, 1).astype(np.float64))
    centre, spread = (logs.mean(), max(logs.std(), 0.5)) if len(logs) else (np.log(150.0), 1.0)
    places, uses = np.unique(logs, return_counts=True)
    density = prior * _bell(grid, centre, 2 * spread)
    for place, use in zip(places, uses):
        density += use * _bell(grid, place, bandwidth)
    density *= np.exp(-grid)  # per base, not per unit of log length
    density[: shortest - 1] = density[-1] = 0.0  # the last place stands for all that is longer
    density /= density.sum()
    excess = observed[observed >= longest] - longest
    mean = (excess.sum() + longest) / (len(excess) + 1.0)  # a prior observation, as far again
    share = (len(excess) + 0.5) / (len(observed) + 1.0)
    stay = mean / (mean + 1.0)
    with np.errstate(divide="ignore"):
        table = np.log(density * (1 - share))
    table[-1] = np.log(share * (1 - stay))
    return Lengths(table, float(np.log(stay)))


def _bell(grid: Floats, centre: float, width: float) -> Floats:
    return np.exp(-0.5 * ((grid - centre) / width) ** 2) / width
