"""Regression of events and counts on covariates, in each label."""

from abc import abstractmethod
from typing import Any

import numpy as np
import scipy
from scipy.special import expit, gammaln, logit

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.cumulative import tails
from hmmseq.emissions.linear import given_covariates, redrawn_targets
from hmmseq.emissions.observed import (
    BINARY,
    COUNTS,
    REAL,
    Largest,
    Support,
    guessed_labels,
    numbers,
    refuse,
    refuse_huge,
)
from hmmseq.emissions.scales import Scale, any_size
from hmmseq.kernels.logmath import LARGEST
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences
from hmmseq.validation import check_not_negative

FARTHEST = 600.0  # of a linear predictor: its exponential and the sums of it stay finite


class _Generalised(Emission):
    """One target, the first column of X, whose mean is a function of coefs @ [1, covariates], the other columns.

    penalty : of the sum of squares of all coefficients but the constants (a normal prior with precision `penalty`); keeps
        coefficients finite where a covariate separates the data
    fixed : {"coefs": ...}

    The M-step is one step of Newton's method, of length log(1 + d) / d, where no predictor of any step moves by more than
    d: then the likelihood cannot fall, and sums over steps suffice (Sun and Tran-Dinh, Math. Program. 178, 2019).
    A step with NaN in it is missing. Attribute: coefs_ (n_labels, 1 + n_covariates), constants first.
    """

    parameters_ = ("coefs_",)
    support: Support

    def __init__(self, *, penalty: float = 1e-3, fixed: dict | None = None) -> None:
        self.penalty = penalty
        self.fixed = fixed

    @abstractmethod
    def log_density(self, target: np.ndarray, predictor: np.ndarray) -> np.ndarray:
        """Of (n, 1) targets for (n, n_labels) predictors."""

    @abstractmethod
    def mean_and_slope(self, predictor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean of the target, and its derivative by the predictor, which is its variance."""

    @abstractmethod
    def distribution(self, mean: np.ndarray) -> Any:
        """Frozen, of targets with these means."""

    def cumulative(self, X: Sequences) -> np.ndarray:
        """Of the target; of covariates nothing is said."""
        _, target, covariates = self._complete(Sequences(np.nan_to_num(X.values), X.offsets))
        return tails(self.distribution(self.mean_and_slope(self._predictor(covariates))[0]), target, True)[..., None]

    @abstractmethod
    def constant(self, mean: float) -> float:
        """The predictor that gives a mean (which is inside the possible ones)."""

    @abstractmethod
    def draw(self, mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Targets with these means."""

    def observe(self, X: Sequences) -> Sequences:
        check_not_negative("penalty", self.penalty)
        name = type(self).__name__
        observed = numbers(X, name, REAL, self.coefs_.shape[1] if hasattr(self, "coefs_") else None)
        wrong = ~(self.support.holds(observed.values) | np.isnan(observed.values))
        wrong[:, 1:] = False
        refuse(X, wrong, observed.values, f"{name} takes {self.support.words}; NaN is missing")
        return observed

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        refuse_huge(X)
        target = X.values[:, 0][~np.isnan(X.values[:, 0])]
        coefs = np.zeros((n_labels, X.values.shape[1]))
        coefs[:, 0] = self.constant((target.sum() + 0.5) / (len(target) + 1))
        self.settle("coefs_", coefs)
        weights = guessed_labels(X.values, n_labels, rng)
        for _ in range(5):
            self.update(self.statistics(X, weights))

    def _complete(self, X: Sequences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which steps miss nothing; their (n, 1) targets and (n, 1 + n_covariates) covariates."""
        seen = ~np.isnan(X.values).any(axis=1)
        rows = X.values[seen]
        return seen, rows[:, :1], np.column_stack([np.ones(len(rows)), rows[:, 1:]])

    def _predictor(self, covariates: np.ndarray) -> np.ndarray:
        return np.clip(covariates @ self.coefs_.T, -FARTHEST, FARTHEST)

    def log_scores(self, X: Sequences) -> Packed:
        seen, target, covariates = self._complete(X)
        scores = np.zeros((len(X.values), len(self.coefs_)))
        scores[seen] = np.clip(self.log_density(target, self._predictor(covariates)), -LARGEST, LARGEST)
        return Packed(scores, np.arange(len(scores), dtype=np.int32), X, False)

    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        seen, target, covariates = self._complete(X)
        mean, slope = self.mean_and_slope(self._predictor(covariates))
        weights = rows[seen]
        return {
            "mass": weights.sum(0),
            "slope": (weights * (target - mean)).T @ covariates,
            "curvature": np.array([(covariates.T * column) @ covariates for column in (weights * slope).T]),
            "reach": Largest(np.array([_reach(covariates[column > 0]) for column in weights.T])),
        }

    def update(self, statistics: Statistics) -> None:
        reach = np.where(statistics["reach"].value > 0, statistics["reach"].value, 1.0)
        learned = np.isnan(self.given("coefs_", self.coefs_.shape))
        steps = np.zeros_like(self.coefs_)
        for j in np.flatnonzero(statistics["mass"] > 0):
            ridge = self._ridge()
            unit = reach[j]
            slope = (statistics["slope"][j] - ridge * self.coefs_[j]) / unit
            curvature = (statistics["curvature"][j] + np.diag(ridge)) / np.outer(unit, unit)
            free = learned[j]
            found = np.linalg.lstsq(curvature[np.ix_(free, free)], slope[free])[0]
            farthest = np.abs(found).sum()  # reach is 1 in these units
            length = np.log1p(farthest) / farthest if farthest > 0 else 1.0
            steps[j, free] = length * found / unit[free]
        self.settle("coefs_", self.coefs_ + steps)

    def _ridge(self) -> np.ndarray:
        return np.concatenate([[0.0], np.full(self.coefs_.shape[1] - 1, self.penalty)])

    def log_prior(self) -> float:
        return float(-0.5 * np.sum(self._ridge() * self.coefs_**2))

    def sample(self, labels: np.ndarray, rng: np.random.Generator, covariates: Any = None) -> np.ndarray:
        """Targets for (n_steps, n_covariates) covariates, and those beside them."""
        rows = given_covariates(covariates, len(labels), self.coefs_.shape[1] - 1)
        predictor = self._predictor(np.column_stack([np.ones(len(rows)), rows]))[np.arange(len(rows)), labels]
        return np.column_stack([self.draw(self.mean_and_slope(predictor)[0], rng), rows])

    def redraw(self, values: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return redrawn_targets(self, values, labels, rng, 1)

    def scales(self) -> dict[str, Scale]:
        return {"coefs_": any_size()}

    def check(self, n_labels: int) -> None:
        if self.coefs_.ndim != 2 or len(self.coefs_) != n_labels or not np.all(np.isfinite(self.coefs_)):
            raise ValueError(f"coefs_ has shape {self.coefs_.shape}; expected finite rows for {n_labels} labels")


def _reach(covariates: np.ndarray) -> np.ndarray:
    return np.abs(covariates).max(axis=0, initial=0.0)


class LogisticRegression(_Generalised):
    __doc__ = "A target of 0 or 1 with log odds coefs @ [1, covariates].\n\n" + (_Generalised.__doc__ or "")
    support = BINARY

    def log_density(self, target: np.ndarray, predictor: np.ndarray) -> np.ndarray:
        return target * predictor - np.logaddexp(0.0, predictor)

    def mean_and_slope(self, predictor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = expit(predictor)
        return mean, mean * expit(-predictor)

    def constant(self, mean: float) -> float:
        return float(logit(mean))

    def distribution(self, mean: np.ndarray) -> Any:
        return scipy.stats.bernoulli(mean)

    def draw(self, mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return (rng.random(mean.shape) < mean).astype(np.float64)


class PoissonRegression(_Generalised):
    __doc__ = "A count with mean exp(coefs @ [1, covariates]).\n\n" + (_Generalised.__doc__ or "")
    support = COUNTS

    def log_density(self, target: np.ndarray, predictor: np.ndarray) -> np.ndarray:
        return target * predictor - np.exp(predictor) - gammaln(target + 1)

    def mean_and_slope(self, predictor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = np.exp(predictor)
        return mean, mean

    def constant(self, mean: float) -> float:
        return float(np.log(mean))

    def distribution(self, mean: np.ndarray) -> Any:
        return scipy.stats.poisson(mean)

    def draw(self, mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.poisson(mean).astype(np.float64)
