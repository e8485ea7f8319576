"""hmmlearn's Gaussian models: one normal distribution a state, or a mixture of them.

Updates with priors are those of Huang, Acero and Hon, Spoken Language Processing, 2001, p. 443 to 445, as hmmlearn has them.
"""

from typing import Any

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state

from hmmseq.compat.hmmlearn.base import BaseHMM
from hmmseq.emissions import Gaussian
from hmmseq.sequences import Sequences

COVARIANCE_TYPES = frozenset(("spherical", "diag", "full", "tied"))
LEAST = 1e-5  # a state has at least so much weight where a variance is divided by it


class BaseGaussianHMM(BaseHMM):
    """Normal distributions with means_ and _covars_, covariances in the shape of their covariance_type."""

    covariance_type: str
    means_: np.ndarray
    _covars_: np.ndarray

    @property
    def covars_(self) -> np.ndarray:
        """(n_components, n_features, n_features) covariances, whatever their type."""
        return as_matrices(self._covars_, self.covariance_type, self.n_components, self.means_.shape[1])

    @covars_.setter
    def covars_(self, covars: Any) -> None:
        covars = np.array(covars, dtype=np.float64)
        expected = {"spherical": (1, 2), "diag": (2,), "full": (3,), "tied": (2,)}[_checked(self.covariance_type)]
        square = self.covariance_type in ("full", "tied")
        if covars.ndim not in expected or (square and covars.shape[-1] != covars.shape[-2]):
            raise ValueError(f"{self.covariance_type!r} covars have shape {covars.shape}; see `GaussianHMM`")
        if self.covariance_type != "tied" and len(covars) != self.n_components:
            raise ValueError(f"{self.covariance_type!r} covars must have length n_components, {self.n_components}")
        check_positive(covars, square, repr(self.covariance_type))
        self._covars_ = covars

    def _log_densities(self, X: Sequences) -> np.ndarray:
        return log_densities(X, self.means_, self.covars_, self.covariance_type)

    def _first_covariances(self, X: np.ndarray, min_covar: float) -> np.ndarray:
        """Those of all rows, in the shape of the type."""
        spread, n = overall_covariance(X, min_covar), self.n_components
        return {
            "spherical": np.full((n, len(spread)), spread.mean()),
            "diag": np.tile(np.diag(spread), (n, 1)),
            "full": np.tile(spread, (n, 1, 1)),
            "tied": spread,
        }[_checked(self.covariance_type)]

    def _draw(self, state: int, random_state: Any) -> np.ndarray:
        return random_state.multivariate_normal(self.means_[state], self.covars_[state])


class GaussianHMM(BaseGaussianHMM):
    """Vectors of numbers.

    covariance_type : "spherical", "diag", "full" or "tied" (one matrix for all states)
    min_covar : added to the first guess of variances
    means_prior, means_weight : a normal prior; covars_prior, covars_weight : inverse gamma or inverse Wishart

    Attributes: means_ (n_components, n_features); covars_, always as matrices (n_components, n_features, n_features), set
    in the shape of the type.
    """

    _codes = BaseHMM._codes | {"means_": "m", "_covars_": "c"}

    def __init__(
        self, n_components: int = 1, covariance_type: str = "diag", min_covar: float = 1e-3, startprob_prior: Any = 1.0,
        transmat_prior: Any = 1.0, means_prior: Any = 0, means_weight: Any = 0, covars_prior: Any = 1e-2,
        covars_weight: Any = 1, algorithm: str = "viterbi", random_state: Any = None, n_iter: int = 10,
        tol: float = 1e-2, verbose: bool = False, params: str = "stmc", init_params: str = "stmc",
        implementation: str = "log",
    ) -> None:  # fmt: skip
        self._set(locals())

    def _check(self) -> None:
        super()._check()
        _checked(self.covariance_type)
        self.means_ = np.asarray(self.means_, dtype=np.float64)
        if self.means_.ndim != 2 or len(self.means_) != self.n_components:
            raise ValueError(
                f"means_ has shape {self.means_.shape}; it must have shape ({self.n_components}, n_features)"
            )
        self.n_features = self.means_.shape[1]

    def _start(self, X: np.ndarray) -> None:
        if self._is_to_start("means_"):
            clusters = KMeans(n_clusters=self.n_components, random_state=self.random_state, n_init=10)
            self.means_ = clusters.fit(X).cluster_centers_
        if self._is_to_start("_covars_"):
            self._covars_ = self._first_covariances(X, self.min_covar)

    def _update(self, X: np.ndarray, posterior: np.ndarray) -> None:
        steps = posterior.sum(0)
        prior, weight = np.asarray(self.means_prior), np.asarray(self.means_weight)
        if self._is_learned("means_"):
            self.means_ = (weight * prior + posterior.T @ X) / (weight + steps[:, None])
        if self._is_learned("_covars_"):
            away = np.broadcast_to(self.means_ - prior, self.means_.shape)
            if self.covariance_type in ("spherical", "diag"):
                self._update_variances(
                    weight * away**2 + scatter(X, self.means_, posterior, full=False), steps[:, None]
                )
            else:
                self._update_matrices(weight * outer(away) + scatter(X, self.means_, posterior, full=True), steps)

    def _update_variances(self, around: np.ndarray, steps: np.ndarray) -> None:
        variances = (self.covars_prior + around) / np.maximum(max(self.covars_weight - 1, 0) + steps, LEAST)
        if self.covariance_type == "spherical":
            variances = np.tile(variances.mean(1, keepdims=True), (1, variances.shape[1]))
        self._covars_ = variances

    def _update_matrices(self, around: np.ndarray, steps: np.ndarray) -> None:
        extra = max(self.covars_weight - self.n_features, 0)
        if self.covariance_type == "tied":
            self._covars_ = (self.covars_prior + around.sum(0)) / (extra + steps.sum())
        else:
            self._covars_ = (self.covars_prior + around) / (extra + steps[:, None, None])

    def _n_parameters(self) -> int:
        n, d = self.n_components, self.n_features
        pairs = d * (d + 1) // 2
        return n * d + {"spherical": n, "diag": n * d, "full": n * pairs, "tied": pairs}[self.covariance_type]


class GMMHMM(BaseHMM):
    """Vectors of numbers, from a mixture of n_mix normal distributions in each state.

    covariance_type : as in `GaussianHMM`, of each component; "tied" is one matrix for the components of a state
    weights_prior : a Dirichlet prior; other priors as in `GaussianHMM`, flat by default

    Attributes: weights_ (n_components, n_mix), means_ (n_components, n_mix, n_features), and covars_: (n_components, n_mix),
    (n_components, n_mix, n_features), (n_components, n_mix, n_features, n_features) or, tied, (n_components, n_features,
    n_features).
    """

    _codes = BaseHMM._codes | {"weights_": "w", "means_": "m", "covars_": "c"}
    weights_: np.ndarray
    means_: np.ndarray
    covars_: np.ndarray

    def __init__(
        self, n_components: int = 1, n_mix: int = 1, min_covar: float = 1e-3, startprob_prior: Any = 1.0,
        transmat_prior: Any = 1.0, weights_prior: Any = 1.0, means_prior: Any = 0.0, means_weight: Any = 0.0,
        covars_prior: Any = None, covars_weight: Any = None, algorithm: str = "viterbi", covariance_type: str = "diag",
        random_state: Any = None, n_iter: int = 10, tol: float = 1e-2, verbose: bool = False, params: str = "stmcw",
        init_params: str = "stmcw", implementation: str = "log",
    ) -> None:  # fmt: skip
        self._set(locals())

    def _covars_shape(self) -> tuple[int, ...]:
        n, m, d = self.n_components, self.n_mix, self.n_features
        kinds = {"spherical": (n, m), "diag": (n, m, d), "full": (n, m, d, d), "tied": (n, d, d)}
        return kinds[_checked(self.covariance_type)]

    def _check(self) -> None:
        super()._check()
        n, m = self.n_components, self.n_mix
        self._check_probabilities("weights_", (n, m))
        self.means_, self.covars_ = np.array(self.means_, dtype=np.float64), np.array(self.covars_, dtype=np.float64)
        if not hasattr(self, "n_features"):
            self.n_features = self.means_.shape[-1]
        for name, shape in (("means_", (n, m, self.n_features)), ("covars_", self._covars_shape())):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}; it must have shape {shape}")
        check_positive(self.covars_, self.covariance_type in ("full", "tied"), f"{self.covariance_type!r} mixture")

    def _start(self, X: np.ndarray) -> None:
        spread = overall_covariance(X, self.min_covar)
        means = self._clusters(X, spread)
        if self._is_to_start("weights_"):
            self.weights_ = np.full((self.n_components, self.n_mix), 1 / self.n_mix)
        if self._is_to_start("means_"):
            self.means_ = means
        if self._is_to_start("covars_"):
            kind = _checked(self.covariance_type)
            first = {"spherical": spread.mean(), "diag": np.diag(spread)}.get(kind, spread)
            self.covars_ = np.broadcast_to(first, self._covars_shape()).copy()

    def _clusters(self, X: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """(n_components, n_mix, n_features) centres of clusters within clusters."""
        outer_clusters = KMeans(n_clusters=self.n_components, random_state=self.random_state, n_init=10)
        label = outer_clusters.fit_predict(X)
        centre, rng, means = outer_clusters.cluster_centers_.mean(0), check_random_state(self.random_state), []
        for own in range(self.n_components):
            rows = X[label == own]
            if len(rows) < self.n_mix:
                means.append(rng.multivariate_normal(centre, spread, size=self.n_mix))
                continue
            inner = KMeans(n_clusters=self.n_mix, random_state=self.random_state, n_init=10)
            means.append(inner.fit(rows).cluster_centers_)
        return np.stack(means)

    def _matrices(self) -> np.ndarray:
        """(n_components * n_mix, n_features, n_features) covariances, or their diagonals."""
        n, m, d = self.n_components, self.n_mix, self.means_.shape[2]
        if self.covariance_type == "spherical":
            return np.repeat(self.covars_.reshape(-1, 1), d, axis=1)
        if self.covariance_type == "tied":
            return np.repeat(self.covars_, m, axis=0)
        return self.covars_.reshape(n * m, *self.covars_.shape[2:])

    def _weighted(self, X: Sequences) -> np.ndarray:
        """(n_steps, n_components, n_mix) log weight plus log density of each component."""
        kind = "diag" if self.covariance_type in ("spherical", "diag") else "full"
        means = self.means_.reshape(-1, self.means_.shape[2])
        densities = log_densities(X, means, self._matrices(), kind)
        with np.errstate(divide="ignore"):
            return densities.reshape(len(densities), self.n_components, self.n_mix) + np.log(self.weights_)

    def _log_densities(self, X: Sequences) -> np.ndarray:
        return logsumexp(self._weighted(X), axis=2)

    def _update(self, X: np.ndarray, posterior: np.ndarray) -> None:
        shares = softmax(self._weighted(Sequences(X, np.array([0, len(X)]))), axis=2)
        weights = posterior[:, :, None] * shares  # (n_steps, n_components, n_mix)
        before, steps = self.means_, weights.sum(0)
        if self._is_learned("weights_"):
            extra = np.broadcast_to(self.weights_prior, steps.shape) - 1
            self.weights_ = _share(steps + extra, (posterior.sum(0) + extra.sum(1))[:, None], self.weights_)
        if self._is_learned("means_"):
            prior, weight = np.broadcast_to(self.means_prior, before.shape), self._means_weight()[..., None]
            total = weight * prior + np.einsum("tkm,td->kmd", weights, X)
            unused = (self.weights_ == 0) & np.all(total == 0, axis=-1)  # whatever their means are
            self.means_ = _share(total, np.where(unused[..., None], 1.0, steps[..., None] + weight), before)
        if self._is_learned("covars_"):
            self._update_covariances(X, before, weights)

    def _means_weight(self) -> np.ndarray:
        return np.broadcast_to(self.means_weight, (self.n_components, self.n_mix))

    def _update_covariances(self, X: np.ndarray, before: np.ndarray, weights: np.ndarray) -> None:
        """Scatter about the means before this update, as hmmlearn takes it, with inverse gamma or Wishart priors."""
        kind, (n, m, d), steps = self.covariance_type, before.shape, weights.sum(0)
        full = kind in ("full", "tied")
        found = scatter(X, before.reshape(n * m, d), weights.reshape(len(X), n * m), full=full)
        found = found.reshape(n, m, *found.shape[1:])
        away, weight = self.means_ - np.broadcast_to(self.means_prior, before.shape), self._means_weight()
        prior, strength = self._covariance_priors()
        if full:
            found = found + weight[..., None, None] * outer(away)
            around = found.sum(1) if kind == "tied" else found
            total = (steps.sum(1) + m if kind == "tied" else steps + 1) + strength + d + 1
            self.covars_ = _share(np.swapaxes(prior, -1, -2) + around, total[..., None, None], self.covars_)
            return
        around = found + weight[..., None] * away**2
        if kind == "diag":
            self.covars_ = _share(around + 2 * strength, steps[..., None] + 1 + 2 * (prior + 1), self.covars_)
        else:
            self.covars_ = _share(around.sum(-1) + 2 * strength, d * (steps + 1) + 2 * (prior + 1), self.covars_)

    def _covariance_priors(self) -> tuple[np.ndarray, np.ndarray]:
        """covars_prior and covars_weight; by default those without an effect."""
        m, d, shape = self.n_mix, self.n_features, self._covars_shape()
        flat = {
            "full": (0.0, -(1.0 + d + 1.0)),
            "tied": (0.0, -(m + d + 1.0)),
            "diag": (-1.5, 0.0),
            "spherical": (-(m + 2.0) / 2.0, 0.0),
        }[self.covariance_type]
        prior = flat[0] if self.covars_prior is None else self.covars_prior
        strength = flat[1] if self.covars_weight is None else self.covars_weight
        weights_shape = {"full": shape[:2], "tied": shape[:1]}.get(self.covariance_type, shape)
        return np.broadcast_to(prior, shape), np.broadcast_to(strength, weights_shape)

    def _draw(self, state: int, random_state: Any) -> np.ndarray:
        component = random_state.choice(self.n_mix, p=self.weights_[state])
        own = self._matrices()[state * self.n_mix + component]
        return random_state.multivariate_normal(self.means_[state, component], own if own.ndim == 2 else np.diag(own))

    def _n_parameters(self) -> int:
        n, m, d = self.n_components, self.n_mix, self.n_features
        pairs = d * (d + 1) // 2
        covars = {"spherical": n * m, "diag": n * m * d, "full": n * m * pairs, "tied": n * pairs}
        return n * (m - 1) + n * m * d + covars[self.covariance_type]


def _share(total: np.ndarray, steps: np.ndarray, before: np.ndarray) -> np.ndarray:
    """total / steps; what has no steps stays as it was, where hmmlearn has NaN."""
    return np.divide(total, steps, out=np.array(before, dtype=np.float64), where=steps != 0)


def log_densities(X: Sequences, means: np.ndarray, covars: np.ndarray, kind: str) -> np.ndarray:
    """(n_steps, n_labels) of normal distributions; covars are matrices, or of kind "diag" their diagonals."""
    emission = Gaussian("diag" if kind in ("spherical", "diag") else "full")
    if emission.covariance == "diag" and covars.ndim == 3:
        covars = np.einsum("kdd->kd", covars)
    emission.means_, emission.covars_ = means, np.ascontiguousarray(covars)
    try:
        return emission.log_scores(emission.observe(X)).table
    except np.linalg.LinAlgError:
        raise ValueError(
            "a covariance matrix is not positive definite: a state has too few observations for it; ask for fewer "
            'states, covariance_type="diag" or a larger covars_prior'
        ) from None


def scatter(X: np.ndarray, means: np.ndarray, weights: np.ndarray, *, full: bool) -> np.ndarray:
    """Weighted squares of the distance from each mean: (n_labels, n_features), or with their products."""
    found = []
    for mean, own in zip(means, weights.T, strict=True):
        away = X - mean
        found.append((away.T * own) @ away if full else own @ away**2)
    return np.array(found)


def outer(vectors: np.ndarray) -> np.ndarray:
    """Products of the entries of each vector on the last axis."""
    return vectors[..., :, None] * vectors[..., None, :]


def overall_covariance(X: np.ndarray, min_covar: float) -> np.ndarray:
    """(n_features, n_features) of all rows, with something added to the diagonal."""
    return np.atleast_2d(np.cov(X.T)) + min_covar * np.eye(X.shape[1])


def as_matrices(covars: np.ndarray, kind: str, n_labels: int, n_features: int) -> np.ndarray:
    """(n_labels, n_features, n_features) of covariances of any kind."""
    if kind == "full":
        return covars
    if kind == "tied":
        return np.tile(covars, (n_labels, 1, 1))
    variances = np.broadcast_to(covars if covars.ndim == 2 else covars[:, None], (n_labels, n_features))
    return variances[:, :, None] * np.eye(n_features)


def check_positive(covars: np.ndarray, square: bool, name: str) -> None:
    """ValueError unless variances are positive and matrices symmetric and positive definite."""
    if not square and not np.all(covars > 0):
        raise ValueError(f"{name} covars must be positive")
    if square and not (np.allclose(covars, np.swapaxes(covars, -1, -2)) and np.all(np.linalg.eigvalsh(covars) > 0)):
        raise ValueError(f"{name} covars must be symmetric, positive-definite")


def _checked(kind: str) -> str:
    if kind not in COVARIANCE_TYPES:
        raise ValueError(f"covariance_type is {kind!r}; it must be one of {sorted(COVARIANCE_TYPES)}")
    return kind
