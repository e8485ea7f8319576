"""Normal distributions whose mean is a linear function: of covariates, or of the observations before."""

from functools import partial
from typing import Any

import numpy as np
import scipy

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.cumulative import tails
from hmmseq.emissions.gaussian import floored, mean_and_variance
from hmmseq.emissions.observed import REAL, guessed_labels, numbers
from hmmseq.emissions.scales import Matrices, Scale, any_size
from hmmseq.kernels.logmath import LARGEST
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences
from hmmseq.validation import check_positive, check_whole


class _Linear(Emission):
    """Targets are normal about coefs @ [1, covariates]; observed rows are [targets, covariates]."""

    parameters_ = ("coefs_", "covars_", "scale_", "origin_")
    of_data = ("scale_", "origin_")
    min_covar: float

    def _check_arguments(self, name: str, value: Any) -> None:
        check_whole(name, value, 1)
        check_positive("min_covar", self.min_covar, "share of the variance")

    def _start(self, X: Sequences, n_targets: int, n_labels: int, rng: np.random.Generator) -> None:
        """Constant means and the covariance of all data, then least squares for labels guessed by k-means."""
        self.origin_, self.scale_, _ = mean_and_variance(X.values[:, :n_targets])
        coefs = np.zeros((n_labels, n_targets, X.values.shape[1] - n_targets + 1))
        coefs[:, :, 0] = self.origin_
        self.settle("coefs_", coefs)
        self.settle("covars_", np.tile(np.diag(self.scale_), (n_labels, 1, 1)))
        self.check(n_labels)
        weights = guessed_labels(X.values, n_labels, rng)
        for _ in range(2):
            self.update(self.statistics(X, weights))

    def _complete(self, X: Sequences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which steps miss nothing; their (n, n_targets) targets and (n, 1 + n_covariates) covariates."""
        n_targets = self.coefs_.shape[1]
        seen = ~np.isnan(X.values).any(axis=1)
        rows = X.values[seen]
        return seen, rows[:, :n_targets], np.column_stack([np.ones(len(rows)), rows[:, n_targets:]])

    def log_scores(self, X: Sequences) -> Packed:
        seen, targets, covariates = self._complete(X)
        scores = np.zeros((len(X.values), len(self.coefs_)))
        for j, (coefs, covariance) in enumerate(zip(self.coefs_, self.covars_, strict=True)):
            factor = np.linalg.cholesky(covariance)
            away = np.linalg.solve(factor, (targets - covariates @ coefs.T).T)
            constant = len(coefs) * np.log(2 * np.pi) / 2 + np.log(np.diag(factor)).sum()
            with np.errstate(over="ignore"):  # outliers: cut below
                scores[seen, j] = np.maximum(-constant - (away**2).sum(0) / 2, -LARGEST)
        return Packed(scores, np.arange(len(scores), dtype=np.int32), X, False)

    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        """Products of covariates with the residuals of the present coefficients: raw moments would cancel."""
        seen, targets, covariates = self._complete(X)
        weights = rows[seen]
        sums: dict[str, list[np.ndarray]] = {"covariates": [], "crossed": [], "residuals": []}
        for weight, coefs in zip(weights.T, self.coefs_, strict=True):
            away = targets - covariates @ coefs.T
            sums["covariates"].append((covariates.T * weight) @ covariates)
            sums["crossed"].append((away.T * weight) @ covariates)
            sums["residuals"].append((away.T * weight) @ away)
        return {"mass": weights.sum(0)} | {name: np.array(sum_) for name, sum_ in sums.items()}

    def rebased(self, statistics: Statistics, before: Emission) -> Statistics:
        """Products with the residuals of other coefficients."""
        assert isinstance(before, _Linear)
        covariates, crossed = statistics["covariates"], statistics["crossed"]
        shift = self.coefs_ - before.coefs_
        taken = shift @ covariates
        mixed = shift @ crossed.transpose(0, 2, 1)
        left = statistics["residuals"] - mixed - mixed.transpose(0, 2, 1) + taken @ shift.transpose(0, 2, 1)
        return {"mass": statistics["mass"], "covariates": covariates, "crossed": crossed - taken, "residuals": left}

    def update(self, statistics: Statistics) -> None:
        mass, learned = statistics["mass"], np.isnan(self.given("coefs_", self.coefs_.shape))
        covariances = self.covars_.copy()
        steps = np.zeros_like(self.coefs_)
        for j in np.flatnonzero(mass > 0):
            square, crossed = statistics["covariates"][j], statistics["crossed"][j]
            steps[j] = _least_squares(square, crossed, np.linalg.inv(self.covars_[j]), learned[j])
            mixed = steps[j] @ crossed.T
            left = statistics["residuals"][j] - mixed - mixed.T + steps[j] @ square @ steps[j].T
            covariances[j] = floored(left / mass[j], self.scale_, self.min_covar)
        self.settle("coefs_", self.coefs_ + steps)
        self.settle("covars_", covariances)

    def cumulative(self, X: Sequences) -> np.ndarray:
        """Of the targets given the covariates, which nothing is said of."""
        _, targets, covariates = self._complete(Sequences(np.nan_to_num(X.values), X.offsets))
        means = np.einsum("jdp,tp->tjd", self.coefs_, covariates)
        variances = np.diagonal(self.covars_, axis1=-2, axis2=-1)
        return tails(scipy.stats.norm(means, np.sqrt(variances)), targets[:, None], False)

    def scales(self) -> dict[str, Scale | Matrices]:
        spread = np.sqrt(self.scale_)
        covars = Matrices(spread, partial(floored, scale=self.scale_, share=self.min_covar))
        return {"coefs_": any_size(spread[:, None]), "covars_": covars}

    def check(self, n_labels: int) -> None:
        n_targets, n_coefs = self.coefs_.shape[1:]
        expected = (n_labels, n_targets, n_coefs), (n_labels, n_targets, n_targets), (n_targets,), (n_targets,)
        shapes = tuple(getattr(self, name).shape for name in self.parameters_)
        if shapes != expected:
            raise ValueError(f"coefs_, covars_, scale_ and origin_ have shapes {shapes}; expected {expected}")
        if not all(np.all(np.isfinite(getattr(self, name))) for name in self.parameters_):
            raise ValueError("coefs_, covars_, scale_ and origin_ must be finite")
        if not min(self.scale_.min(), np.linalg.eigvalsh(self.covars_).min()) > 0:
            raise ValueError("covars_ and scale_ must be positive")


def _least_squares(square: np.ndarray, crossed: np.ndarray, precision: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """(n_targets, n_coefs) the best change of the learned coefficients, the others staying as they are.

    Covariates that say the same, or nothing, share a change: the one of least norm, in units in which all are alike.
    """
    units = np.sqrt(np.diag(square))
    units = np.where(units > 0, units, 1.0)
    square, crossed = square / np.outer(units, units), crossed / units
    if learned.all():
        step = np.linalg.lstsq(square, crossed.T)[0].T
    else:  # targets are tied to each other through their covariance
        free = learned.reshape(-1)
        step = np.zeros(free.size)
        system = np.kron(precision, square)[np.ix_(free, free)]
        step[free] = np.linalg.lstsq(system, (precision @ crossed).reshape(-1)[free])[0]
        step = step.reshape(learned.shape)
    return step / units


class LinearRegression(_Linear):
    """Linear regression on covariates in each label (a switching regression, Quandt 1958).

    Parameters
    ----------
    n_targets : the first columns of X are what is emitted, the rest are covariates
    min_covar : as in `Gaussian`
    fixed : {"coefs": ..., "covars": ...}; any coefficients, and covariances of whole labels

    A step with NaN in it is missing. Attributes: coefs_ (n_labels, n_targets, 1 + n_covariates), constants first, and covars_
    (n_labels, n_targets, n_targets) of the residuals.
    """

    def __init__(self, n_targets: int = 1, *, min_covar: float = 1e-6, fixed: dict | None = None) -> None:
        self.n_targets = n_targets
        self.min_covar = min_covar
        self.fixed = fixed

    def observe(self, X: Sequences) -> Sequences:
        self._check_arguments("n_targets", self.n_targets)
        width = sum(self.coefs_.shape[1:]) - 1 if hasattr(self, "coefs_") else None
        observed = numbers(X, "LinearRegression", REAL, width)
        if len(observed.values) and observed.values.shape[1] < self.n_targets:
            raise ValueError(f"X has {observed.values.shape[1]} features but n_targets is {self.n_targets}")
        return observed

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        self._start(X, self.n_targets, n_labels, rng)

    def sample(self, labels: np.ndarray, rng: np.random.Generator, covariates: Any = None) -> np.ndarray:
        """Targets for (n_steps, n_covariates) covariates, and those beside them."""
        rows = given_covariates(covariates, len(labels), self.coefs_.shape[2] - 1)
        means = np.einsum("tdp,tp->td", self.coefs_[labels], np.column_stack([np.ones(len(rows)), rows]))
        noise = np.einsum("tde,te->td", np.linalg.cholesky(self.covars_)[labels], rng.normal(size=means.shape))
        return np.column_stack([means + noise, rows])

    def redraw(self, values: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return redrawn_targets(self, values, labels, rng, self.n_targets)


def redrawn_targets(
    emission: Any, values: np.ndarray, labels: np.ndarray, rng: np.random.Generator, n_targets: int
) -> np.ndarray:
    """Data with other targets, drawn for the same covariates; targets are missing where they or a covariate are."""
    seen = ~np.isnan(values).any(axis=1)
    out = np.array(values, dtype=np.float64)
    out[seen] = emission.sample(labels[seen], rng, out[seen, n_targets:])
    return out


def given_covariates(covariates: Any, n_steps: int, n_covariates: int) -> np.ndarray:
    """What to draw targets for; a model of targets does not know it."""
    rows = np.zeros((n_steps, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    if rows.shape != (n_steps, n_covariates):
        raise ValueError(
            f"covariates have shape {rows.shape}; a regression draws targets for given covariates: pass "
            f"({n_steps}, {n_covariates}) to `model.emission_.sample(labels, rng, covariates)`"
        )
    return rows


class AutoregressiveGaussian(_Linear):
    """Normal distributions about a linear function of the last `order` observations (Hamilton, Econometrica 57, 1989).

    Parameters
    ----------
    order : how many earlier observations count
    min_covar : as in `Gaussian`
    fixed : {"coefs": ..., "covars": ...}; any coefficients (0 where one feature does not act on another), and covariances of
        whole labels

    A step is marginalised where NaN is in it or among the `order` before it, and so are the first `order` of a sequence.
    Attributes: coefs_ (n_labels, n_features, 1 + order * n_features), constants first, then the last observation,
    then the one before it; covars_ (n_labels, n_features, n_features) of the residuals.
    """

    def __init__(self, order: int = 1, *, min_covar: float = 1e-6, fixed: dict | None = None) -> None:
        self.order = order
        self.min_covar = min_covar
        self.fixed = fixed

    @property
    def lookback(self) -> int:  # type: ignore[override]
        return self.order

    def observe(self, X: Sequences) -> Sequences:
        self._check_arguments("order", self.order)
        n_features = self.coefs_.shape[1] if hasattr(self, "coefs_") else None
        values = numbers(X, "AutoregressiveGaussian", REAL, n_features).values
        place = np.arange(len(values)) - np.repeat(X.offsets[:-1], X.lengths)  # in its sequence
        lags = [values]
        for back in range(1, self.order + 1):
            earlier = np.full_like(values, np.nan)
            earlier[back:] = values[: len(values) - back]
            earlier[place < back] = np.nan
            lags.append(earlier)
        return Sequences(np.column_stack(lags), X.offsets)

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        self._start(X, X.values.shape[1] // (self.order + 1), n_labels, rng)

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Drawn one after the other, from the mean of the data on."""
        n_features, factors = self.coefs_.shape[1], np.linalg.cholesky(self.covars_)
        out = np.vstack([np.tile(self.origin_, (self.order, 1)), np.empty((len(labels), n_features))])
        for t, label in enumerate(labels):
            lags = out[t : t + self.order][::-1].reshape(-1)
            mean = self.coefs_[label] @ np.concatenate([[1.0], lags])
            out[t + self.order] = mean + factors[label] @ rng.normal(size=n_features)
        return out[self.order :]
