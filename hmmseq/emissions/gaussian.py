"""Normal distributions with spherical, diagonal, full or tied covariance."""

import warnings
from functools import partial
from typing import Any, Literal

import numpy as np
import scipy
from scipy.linalg import solve_triangular

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.cumulative import tails
from hmmseq.emissions.observed import INITIAL_ROWS, REAL, k_means, numbers, refuse, refuse_huge
from hmmseq.emissions.priors import NO_PRIOR, NormalWishart
from hmmseq.emissions.scales import Matrices, Scale, any_size, positive
from hmmseq.kernels.gaussian import (
    FARTHEST,
    Normals,
    all_moments,
    diagonal_sums,
    in_blocks,
    no_moments,
)  # fmt: skip
from hmmseq.scores import Densities, Packed
from hmmseq.sequences import Sequences, read_only
from hmmseq.validation import check_positive

Covariance = Literal["spherical", "diag", "full", "tied"]
SMALLEST = 1e-200  # variances below leave that range once they are divided by


class Gaussian(Emission):
    """A normal distribution for each label.

    Parameters
    ----------
    covariance : "spherical" (one variance per label), "diag", "full", or "tied" (one full matrix for all labels)
    min_covar : no variance falls below this share of the variance of all data, along any direction (in units in which
        every feature has variance 1); the constrained maximum is used, so EM stays monotone
    missing : "nan" marginalises NaN, feature by feature; "error" refuses it
    prior_mean, prior_mean_steps : as if the mean of each label had been seen at `prior_mean` (n_features,) in so many steps
    prior_covar, prior_covar_steps : as if each label had been seen in so many more steps with covariance `prior_covar`, a
        number, (n_features,) variances or a matrix; default: the variances of all data. With tied covariance, once for all
        labels. Together a normal-inverse-Wishart prior, of which the mode is found (MAP; Gauvain and Lee, IEEE Trans. Speech
        Audio Process. 2, 1994); 0 and 0 is maximum likelihood
    fixed : {"means": ..., "covars": ...}, values that stay as given; None or NaN marks what is learned. With full or tied
        covariance, all or none of the means of a label, and of the entries of a matrix

    Attributes: means_ (n_labels, n_features) and covars_: (n_labels,), (n_labels, n_features),
    (n_labels, n_features, n_features) or (n_features, n_features), in the order of the kinds above.

    Features that are missing in part of a step are handled exactly: left out (spherical, diag), or replaced by their
    conditional expectation with its covariance (full, tied; Dempster, Laird and Rubin 1977).
    """

    means_: np.ndarray
    covars_: np.ndarray
    parameters_: tuple[str, ...] = ("means_", "covars_", "scale_")
    of_data = ("scale_",)
    prior_mean: Any = None  # none in subclasses that do not take them
    prior_mean_steps = 0.0
    prior_covar: Any = None
    prior_covar_steps = 0.0
    _held_together: tuple[tuple[str, tuple[int, ...]], ...] = (("means_", (1,)), ("covars_", (-2, -1)))

    def __init__(
        self,
        covariance: Covariance = "diag",
        *,
        min_covar: float = 1e-6,
        missing: str = "nan",
        prior_mean: Any = None,
        prior_mean_steps: float = 0.0,
        prior_covar: Any = None,
        prior_covar_steps: float = 0.0,
        fixed: dict | None = None,
    ) -> None:
        self.covariance = covariance
        self.min_covar = min_covar
        self.missing = missing
        self.prior_mean = prior_mean
        self.prior_mean_steps = prior_mean_steps
        self.prior_covar = prior_covar
        self.prior_covar_steps = prior_covar_steps
        self.fixed = fixed

    def observe(self, X: Sequences) -> Sequences:
        if self.covariance not in ("spherical", "diag", "full", "tied"):
            raise ValueError(f"covariance is {self.covariance!r}; expected 'spherical', 'diag', 'full' or 'tied'")
        if self.missing not in ("nan", "error"):
            raise ValueError(f"missing is {self.missing!r}; expected 'nan' (marginalise it) or 'error'")
        check_positive("min_covar", self.min_covar, "share of the variance")
        observed = numbers(X, type(self).__name__, REAL, self._n_features())
        if (self.prior_mean_steps or self.prior_covar_steps) and len(observed.values):
            self._prior(np.ones(observed.values.shape[1]))  # checked before it is needed
        if self.missing == "error":
            refuse(X, np.isnan(observed.values), observed.values, "pass missing='nan' to marginalise it")
        return observed

    def _n_features(self) -> int | None:
        return self.means_.shape[1] if hasattr(self, "means_") else None

    def _prior(self, scale: np.ndarray) -> NormalWishart:
        if not (self.prior_mean_steps or self.prior_covar_steps):
            return NO_PRIOR
        return NormalWishart.of(
            self.prior_mean, self.prior_mean_steps, self.prior_covar, self.prior_covar_steps, scale, self._diagonal
        )

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        """Means by k-means on some of the data; every covariance that of all data."""
        refuse_huge(X)
        mean, self.scale_, constant = mean_and_variance(X.values)
        if constant.any():
            warnings.warn(
                f"features {np.flatnonzero(constant).tolist()} of X are constant; their variance will be the floor, "
                f"min_covar = {self.min_covar:g}: leave them out, or raise min_covar to suit their units",
                stacklevel=4,
            )
        rows = X.values[np.sort(rng.permutation(len(X.values))[:INITIAL_ROWS])]
        filled = np.where(np.isnan(rows), mean, rows)
        spread = np.sqrt(self.scale_)
        # Few distinct rows make fewer clusters; the rest start beside the mean of all.
        distinct = len(np.unique(filled, axis=0))
        clusters = k_means(filled / spread, min(n_labels, distinct), rng)
        means = mean + spread * rng.normal(0, 0.1, (n_labels, len(mean)))
        means[: len(clusters.cluster_centers_)] = clusters.cluster_centers_ * spread
        self.settle("means_", means)
        self._set_covariances(np.broadcast_to(np.diag(self.scale_), (n_labels, len(mean), len(mean))))
        if self.fixed:
            self._check_fixed(n_labels)

    def _check_fixed(self, n_labels: int) -> None:
        self.check(n_labels)
        for name, axes in self._held_together:
            held = ~np.isnan(self.given(name, getattr(self, name).shape))
            if not self._diagonal and np.any(held.any(axis=axes) != held.all(axis=axes)):
                raise ValueError(
                    f"fixed has some {name[:-1]} of a label and leaves others to be learned; "
                    f"with {self.covariance} covariance fix all of them or none"
                )

    def check(self, n_labels: int) -> None:
        shape = n_labels, n_features = n_labels, len(self.scale_)
        square = n_features, n_features
        kinds = {"spherical": (n_labels,), "diag": shape, "full": (n_labels, *square), "tied": square}
        if self.means_.shape != shape or self.covars_.shape != kinds[self.covariance] or self.scale_.ndim != 1:
            raise ValueError(
                f"means_, covars_ and scale_ have shapes {self.means_.shape}, {self.covars_.shape} and "
                f"{self.scale_.shape}; expected {shape}, {kinds[self.covariance]} and {(n_features,)}"
            )
        if not all(np.all(np.isfinite(getattr(self, name))) for name in self.parameters_):
            raise ValueError("means_, covars_ and scale_ must be finite")
        smallest = self._variances() if self._diagonal else np.linalg.eigvalsh(self.covars_)
        if not min(self.scale_.min(), smallest.min()) > 0:
            raise ValueError("scale_ and covars_ must be positive")

    def _set_covariances(self, full: np.ndarray) -> None:
        diagonal = np.einsum("kdd->kd", full)
        kinds = {"spherical": diagonal.mean(1), "diag": diagonal, "full": full, "tied": full[0]}
        self.settle("covars_", kinds[self.covariance])

    def log_scores(self, X: Sequences) -> Packed:
        if self._diagonal:
            return Densities(self._normals(X.values), X, False).packed()
        scores = self._full_scores(X.values)
        return Packed(scores, np.arange(len(scores), dtype=np.int32), X, False)

    @property
    def _diagonal(self) -> bool:
        return self.covariance in ("spherical", "diag")

    def _variances(self) -> np.ndarray:
        """(n_labels, n_features) of spherical or diagonal covariances."""
        if self.covariance == "diag":
            return self.covars_
        return np.broadcast_to(self.covars_[:, None], self.means_.shape)

    def _matrices(self) -> np.ndarray:
        """(n_labels, n_features, n_features) of full or tied covariances."""
        n_labels, n_features = self.means_.shape
        return np.broadcast_to(self.covars_, (n_labels, n_features, n_features))

    def normals(self, X: Sequences) -> Normals | None:
        scored_otherwise = type(self).log_scores is not Gaussian.log_scores  # by a subclass
        return self._normals(X.values) if self._diagonal and not scored_otherwise else None

    def _normals(self, values: np.ndarray) -> Normals:
        variances = self._variances().T
        constant = np.empty((len(variances) + 1, variances.shape[1]))
        constant[:-1] = -0.5 * np.log(2 * np.pi * variances)
        constant[-1] = constant[:-1].sum(0)
        return Normals(read_only(values), self.means_.T, np.sqrt(0.5 / variances), constant)

    def _full_scores(self, values: np.ndarray) -> np.ndarray:
        out = np.empty((len(values), len(self.means_)))
        for rows, seen in _patterns(values):
            for j, (mean, covariance) in enumerate(zip(self.means_, self._matrices(), strict=True)):
                factor = np.linalg.cholesky(covariance[np.ix_(seen, seen)])
                with np.errstate(over="ignore"):  # outliers: cut below
                    away = solve_triangular(factor, (values[rows][:, seen] - mean[seen]).T, lower=True)
                    distance = np.fmin((away**2).sum(0), FARTHEST**2)
                constant = seen.sum() * np.log(2 * np.pi) / 2 + np.log(np.diag(factor)).sum()
                out[rows, j] = -constant - distance / 2
        return out

    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        return self._diagonal_statistics(X.values, rows) if self._diagonal else self._full_statistics(X.values, rows)

    def _diagonal_statistics(self, values: np.ndarray, posterior: np.ndarray) -> Statistics:
        normals = in_blocks(self._normals(values))
        moments = no_moments(*normals.means.shape)
        diagonal_sums(normals, np.ascontiguousarray(posterior), moments)
        return self.statistics_of(all_moments(moments)[:, : len(self.means_)])

    def statistics_of(self, moments: np.ndarray) -> Statistics:
        return dict(
            zip(("mass", "first", "second"), moments.T.reshape(len(self.means_), 3, -1).swapaxes(0, 1), strict=True)
        )

    def _full_statistics(self, values: np.ndarray, posterior: np.ndarray) -> Statistics:
        """Moments about the present means, missing features replaced by their conditional expectations."""
        n_labels, n_features = self.means_.shape
        first, second = np.zeros((n_labels, n_features)), np.zeros((n_labels, n_features, n_features))
        for rows, seen in _patterns(values):
            for j, covariance in enumerate(self._matrices()):
                weight = posterior[rows, j]
                away, extra = _completed(values[rows] - self.means_[j], covariance, seen)
                first[j] += weight @ away
                second[j] += (away.T * weight) @ away + weight.sum() * extra
        return {"mass": posterior.sum(0), "first": first, "second": second}

    def rebased(self, statistics: Statistics, before: Emission) -> Statistics:
        """Sums about other means."""
        assert isinstance(before, Gaussian)
        mass, first, second = statistics["mass"], statistics["first"], statistics["second"]
        shift = self.means_ - before.means_
        if self._diagonal:
            return {"mass": mass, "first": first - mass * shift, "second": second - 2 * shift * first + mass * shift**2}
        crossed = shift[:, :, None] * first[:, None, :]
        square = mass[:, None, None] * shift[:, :, None] * shift[:, None, :]
        return {
            "mass": mass,
            "first": first - mass[:, None] * shift,
            "second": second - crossed - crossed.transpose(0, 2, 1) + square,
        }

    def update(self, statistics: Statistics) -> None:
        if self._diagonal:
            self._update_diagonal(statistics)
        else:
            self._update_full(statistics)

    def _update_diagonal(self, statistics: Statistics) -> None:
        prior = self._prior(self.scale_)
        mass, first, second = statistics["mass"], statistics["first"], statistics["second"]
        steps = mass + prior.mean_steps
        if prior.mean_steps:
            away = prior.mean - self.means_
            first, second = first + prior.mean_steps * away, second + prior.mean_steps * away**2
        shift = self._move_means(first, np.where(steps > 0, steps, 1.0))
        squares = second - 2 * shift * first + steps * shift**2  # (n_labels, n_features)
        squares, mass = squares + prior.covar_steps * prior.covar, mass + prior.covar_steps
        floor = self.min_covar * self.scale_
        if self.covariance == "spherical":
            squares, mass, floor = squares.sum(1), mass.sum(1), floor.max()
        self.settle("covars_", np.maximum(squares / np.where(mass > 0, mass, 1.0), floor), mass > 0)

    def _move_means(self, first: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """Means of the data, but those that are fixed; returns how far each moved."""
        before = self.means_
        self.settle("means_", before + first / mass)
        return np.where(self.means_ == before + first / mass, first / mass, self.means_ - before)

    def _update_full(self, statistics: Statistics) -> None:
        prior = self._prior(self.scale_)
        mass, first, second = statistics["mass"], statistics["first"], statistics["second"]
        steps = mass + prior.mean_steps
        if prior.mean_steps:
            away = prior.mean - self.means_
            first = first + prior.mean_steps * away
            second = second + prior.mean_steps * away[:, :, None] * away[:, None, :]
        shift = self._move_means(first, np.where(steps > 0, steps, 1.0)[:, None])
        crossed = shift[:, :, None] * first[:, None, :]
        squares = second - crossed - crossed.transpose(0, 2, 1)
        squares += steps[:, None, None] * shift[:, :, None] * shift[:, None, :]
        self._update_matrices(squares, mass)

    def _update_matrices(self, squares: np.ndarray, mass: np.ndarray) -> None:
        """Covariances for the sums of products of deviations from the means, (n_labels, n_features, n_features)."""
        prior = self._prior(self.scale_)
        if self.covariance == "tied":
            squares, mass = squares.sum(0) + prior.covar_steps * prior.covar, mass.sum() + prior.covar_steps
            self.settle("covars_", floored(squares / mass, self.scale_, self.min_covar))
        else:
            squares, mass = squares + prior.covar_steps * prior.covar, mass + prior.covar_steps
            safe = np.where(mass > 0, mass, 1.0)
            found = [floored(square / m, self.scale_, self.min_covar) for square, m in zip(squares, safe, strict=True)]
            self.settle("covars_", np.array(found), (mass > 0)[:, None, None])

    def log_prior(self) -> float:
        prior = self._prior(self.scale_)
        if self._diagonal:
            return prior.log_density_of_variances(self.means_, self._variances())
        return prior.log_density_of_matrices(self.means_, self.covars_)

    def scales(self) -> dict[str, Scale | Matrices]:
        spread, floor = np.sqrt(self.scale_), self.min_covar * self.scale_
        if self.covariance == "spherical":
            floor = floor.max()
        covars: Scale | Matrices = positive(floor)
        if not self._diagonal:
            covars = Matrices(
                spread, partial(floored, scale=self.scale_, share=self.min_covar), self.covariance == "tied"
            )
        return {"means_": any_size(spread), "covars_": covars}

    def reorder(self, order: np.ndarray) -> None:
        if self.covariance == "tied":
            self.means_ = self.means_[order]
        else:
            super().reorder(order)

    def n_parameters(self) -> int:
        n_features = self.means_.shape[1]
        n_symmetric = n_features * (n_features + 1) // 2
        twice = {"full": len(self.means_), "tied": 1}.get(self.covariance, 0) * (n_features**2 - n_symmetric)
        return super().n_parameters() - (0 if "covars" in (self.fixed or {}) else twice)

    def cumulative(self, X: Sequences) -> np.ndarray:
        variances = self._variances() if self._diagonal else np.diagonal(self._matrices(), axis1=-2, axis2=-1)
        return tails(scipy.stats.norm(self.means_, np.sqrt(variances)), np.nan_to_num(X.values)[:, None], False)

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        noise = rng.normal(size=(len(labels), self.means_.shape[1]))
        if self._diagonal:
            return self.means_[labels] + noise * np.sqrt(self._variances()[labels])
        factors = np.linalg.cholesky(self._matrices())
        return self.means_[labels] + np.einsum("tde,te->td", factors[labels], noise)


def floored(covariance: np.ndarray, scale: np.ndarray, share: float) -> np.ndarray:
    """The nearest covariance, in likelihood, with no direction below `share` of the variances `scale`."""
    spread = np.sqrt(scale)
    values, vectors = np.linalg.eigh(covariance / np.outer(spread, spread))
    raised = (vectors * np.maximum(values, share)) @ vectors.T
    raised = (raised + raised.T) / 2
    return raised * np.outer(spread, spread)


def mean_and_variance(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each feature, over what is not missing, and which are constant; those and unseen ones get variance 1."""
    seen = ~np.isnan(values)
    number = np.maximum(seen.sum(0), 1)
    mean = np.where(seen, values, 0.0).sum(0) / number
    variance = np.where(seen, (values - mean) ** 2, 0.0).sum(0) / number
    # A rounded mean leaves a constant feature a variance of 1e-34 of its square: ask for the values themselves.
    alike = np.where(seen, values, -np.inf).max(0) <= np.where(seen, values, np.inf).min(0)
    constant = alike | (variance < SMALLEST)
    return mean, np.where(constant, 1.0, variance), constant & seen.any(0)


def _patterns(values: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows grouped by which features are seen: (row numbers, (n_features,) seen)."""
    seen = ~np.isnan(values)
    if seen.all():
        return [(np.arange(len(values)), seen[0])] if len(values) else []
    kinds, which = np.unique(seen, axis=0, return_inverse=True)
    return [(np.flatnonzero(which.reshape(-1) == k), kind) for k, kind in enumerate(kinds)]


def _completed(away: np.ndarray, covariance: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Deviations with missing features replaced by their expectation given the seen ones, and what that leaves out."""
    extra = np.zeros_like(covariance)
    if seen.all():
        return away, extra
    gone = ~seen
    away = np.where(seen, away, 0.0)
    between = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[np.ix_(seen, gone)])
    away[:, gone] = away[:, seen] @ between
    extra[np.ix_(gone, gone)] = covariance[np.ix_(gone, gone)] - covariance[np.ix_(gone, seen)] @ between
    return away, extra
