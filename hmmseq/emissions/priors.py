"""Priors of normal distributions, as data that were seen before."""

from typing import Any, NamedTuple, Self

import numpy as np

from hmmseq.validation import check_not_negative


class NormalWishart(NamedTuple):
    """A normal-inverse-Wishart prior: normal-inverse-gamma, feature by feature, for variances.

    Its mode given the data is what the data give together with `mean_steps` steps at `mean`, which count for the mean only,
    and `covar_steps` steps of covariance `covar`. (In the usual symbols: kappa = mean_steps, Psi = covar_steps * covar and
    nu + d + 2 = covar_steps.)
    """

    mean: np.ndarray  # (n_features,)
    mean_steps: float
    covar: np.ndarray  # (n_features,) variances, or a matrix
    covar_steps: float

    @classmethod
    def of(cls, mean: Any, mean_steps: Any, covar: Any, covar_steps: Any, scale: np.ndarray, diagonal: bool) -> Self:
        """As users give it. scale : variances of all data. ValueError says what cannot be."""
        for name, steps in (("prior_mean_steps", mean_steps), ("prior_covar_steps", covar_steps)):
            check_not_negative(name, steps)
        if mean_steps > 0 and mean is None:
            raise ValueError(
                f"prior_mean_steps is {mean_steps!r} but there is no prior_mean; pass (n_features,) numbers"
            )
        centre = np.asarray(0.0 if mean is None else mean, dtype=np.float64)
        spread = np.asarray(scale if covar is None else covar, dtype=np.float64)
        n = len(scale)
        if centre.ndim > 1 or centre.shape not in ((), (n,)) or not np.all(np.isfinite(centre)):
            raise ValueError(f"prior_mean has shape {centre.shape}; expected {(n,)} finite numbers")
        if spread.shape not in ((), (n,), (n, n)) or not np.all(np.isfinite(spread)):
            raise ValueError(f"prior_covar has shape {spread.shape}; expected a number, {(n,)} variances or {(n, n)}")
        if spread.ndim < 2:
            spread = np.diag(np.broadcast_to(spread, n))
        if not np.allclose(spread, spread.T) or not np.linalg.eigvalsh(spread).min() > 0:
            raise ValueError("prior_covar is no covariance: it must be symmetric and positive definite")
        return cls(np.broadcast_to(centre, n), mean_steps, np.diag(spread) if diagonal else spread, covar_steps)

    def log_density_of_variances(self, means: np.ndarray, variances: np.ndarray) -> float:
        """Up to a constant, for (n_labels, n_features) means and variances."""
        if not self.mean_steps + self.covar_steps > 0:
            return 0.0
        away = self.mean_steps * (means - self.mean) ** 2
        seen = self.covar_steps * (np.log(variances) + self.covar / variances)
        return float(-0.5 * np.sum(away / variances + seen))

    def log_density_of_matrices(self, means: np.ndarray, covars: np.ndarray) -> float:
        """Up to a constant, for covariances (n_labels, n_features, n_features), or one for all labels."""
        if not self.mean_steps + self.covar_steps > 0:
            return 0.0
        away, precision = means - self.mean, np.linalg.inv(covars)
        distance = np.einsum("jd,...de,je->j" if covars.ndim == 2 else "jd,jde,je->j", away, precision, away).sum()
        traces = np.einsum("...de,ed->...", precision, self.covar)
        seen = np.sum(np.linalg.slogdet(covars)[1] + traces)
        return float(-0.5 * (self.mean_steps * distance + self.covar_steps * seen))


NO_PRIOR = NormalWishart(np.zeros(1), 0.0, np.zeros(1), 0.0)
