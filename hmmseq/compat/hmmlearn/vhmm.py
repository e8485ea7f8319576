"""hmmlearn.vhmm: variational Bayes for Gaussian and categorical models, with its first guesses, priors and bounds.

Attributes beside those in `hmmseq.compat.hmmlearn.hmm`: parameters of the priors (names that end in `_prior_`) and of the
posteriors (`_posterior_`) of starts, transitions and emissions. startprob_, transmat_ and those of the emissions are
expected values, by which questions are answered; `monitor_.history` has the lower bounds. As in hmmlearn, those of Gaussians
leave out the constant n_samples * n_features * log(2 pi) / 2, and covariances of every type have a Wishart prior of matrices.

Beal, Variational Algorithms for Approximate Bayesian Inference, PhD thesis, London 2003, chapter 3; Gruhl and Sick, arXiv
1605.08618.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state

from hmmseq.compat.hmmlearn.base import BaseHMM, normalised, scores_of, weighted
from hmmseq.compat.hmmlearn.gaussian import BaseGaussianHMM, as_matrices, log_densities, outer, scatter
from hmmseq.compat.hmmlearn.hmm import BaseCategoricalHMM
from hmmseq.emissions.variational import NormalWisharts, dirichlet_divergence, expected_logs
from hmmseq.graph import StateGraph
from hmmseq.lattice import Counts
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences

__all__ = ["VariationalCategoricalHMM", "VariationalGaussianHMM"]

FIRST_SPREAD = 1e-3  # added to the first guess of variances, and the default scale of their prior
LEAST = 1e-300  # Dirichlet draws reach 0, where concentrations end


class VariationalBaseHMM(BaseHMM):
    """Dirichlet distributions of starts and transitions, and EM that raises the bound."""

    startprob_prior_: np.ndarray
    startprob_posterior_: np.ndarray
    transmat_prior_: np.ndarray
    transmat_posterior_: np.ndarray

    @abstractmethod
    def _expected_log_densities(self, X: Sequences) -> np.ndarray:
        """(n_steps, n_components) log density of each row of X in each state, as expected."""

    @abstractmethod
    def _divergence(self) -> float:
        """Of the distributions of emissions from their priors."""

    def _begin(self, X: Sequences) -> None:
        rng, n = check_random_state(self.random_state), self.n_components
        share, steps = 1 / n, len(X.values)
        for name, letter, shape, seen in (("startprob", "s", (n,), len(X)), ("transmat", "t", (n, n), steps / n)):
            if self._is_to_believe(letter, name):
                prior = getattr(self, f"{name}_prior")
                setattr(self, f"{name}_prior_", np.full(shape, share if prior is None else prior))
                drawn = rng.dirichlet(np.full(n, share), size=None if shape == (n,) else n)
                setattr(self, f"{name}_posterior_", np.maximum(drawn * seen, LEAST))
        self._start(X.values)
        self._take_chain()

    def _is_to_believe(self, letter: str, *names: str) -> bool:
        """Whether the distributions of these parameters begin anew."""
        known = [hasattr(self, f"{name}_{kind}_") for name in names for kind in ("prior", "posterior")]
        return letter in self.init_params or not all(known)

    def _take_chain(self) -> None:
        self.startprob_, self.transmat_ = normalised(self.startprob_posterior_), normalised(self.transmat_posterior_)

    def _check(self) -> None:
        n = self.n_components
        self._check_beliefs("startprob", (n,))
        self._check_beliefs("transmat", (n, n))
        super()._check()

    def _check_beliefs(self, name: str, shape: tuple[int, ...], least: float = 0.0) -> None:
        """ValueError unless prior and posterior of a parameter have this shape, and are above `least`."""
        for kind in (f"{name}_prior_", f"{name}_posterior_"):
            array = np.array(getattr(self, kind), dtype=np.float64)
            if array.shape != shape:
                raise ValueError(f"{kind} has shape {array.shape}; it must have shape {shape}")
            if not np.all((least < array) & (array < np.inf)):
                raise ValueError(f"{kind} has the value {array.min()}; expected finite ones above {least:g}")
            setattr(self, kind, array)

    def _expectation(self, X: Sequences) -> tuple[StateGraph, Packed]:
        start, rows = (np.exp(expected_logs(own)) for own in (self.startprob_posterior_, self.transmat_posterior_))
        return weighted(start, rows), scores_of(X, self._expected_log_densities(X))

    def _height(self, log_prob: float) -> float:
        """The lower bound."""
        chain = dirichlet_divergence(self.startprob_posterior_, self.startprob_prior_)
        rows = dirichlet_divergence(self.transmat_posterior_, self.transmat_prior_)
        return log_prob - float(chain) - float(rows.sum()) - self._divergence()

    def _update_chain(self, counts: Counts) -> None:
        if "s" in self.params:
            self.startprob_posterior_ = self.startprob_prior_ + counts.start
        if "t" in self.params:
            self.transmat_posterior_ = self.transmat_prior_ + counts.edges.reshape(self.transmat_prior_.shape)
        self._take_chain()


class VariationalCategoricalHMM(VariationalBaseHMM, BaseCategoricalHMM):
    """Symbols 0 ... n_features - 1, one a step: X is (n_samples, 1).

    startprob_prior, transmat_prior, emissionprob_prior : concentrations of Dirichlet priors, by default 1 / n_components and
        1 / n_features. Attributes: emissionprob_prior_, emissionprob_posterior_, emissionprob_ (n_components, n_features).
    """

    emissionprob_prior_: np.ndarray
    emissionprob_posterior_: np.ndarray

    def __init__(
        self, n_components: int = 1, startprob_prior: Any = None, transmat_prior: Any = None,
        emissionprob_prior: Any = None, n_features: int | None = None, algorithm: str = "viterbi",
        random_state: Any = None, n_iter: int = 100, tol: float = 1e-6, verbose: bool = False, params: str = "ste",
        init_params: str = "ste", implementation: str = "log",
    ) -> None:  # fmt: skip
        self._set(locals())

    def _start(self, X: np.ndarray) -> None:
        n, d = self.n_components, self.n_features
        if self._is_to_believe("e", "emissionprob"):
            prior = 1 / d if self.emissionprob_prior is None else self.emissionprob_prior
            drawn = check_random_state(self.random_state).dirichlet(np.full(d, prior), size=n)
            self.emissionprob_prior_ = np.full((n, d), prior)
            self.emissionprob_posterior_ = np.maximum(drawn * len(X) / n, LEAST)
        self.emissionprob_ = normalised(self.emissionprob_posterior_)

    def _check(self) -> None:
        super()._check()
        if self.n_features is None:
            self.n_features = np.shape(self.emissionprob_posterior_)[-1]
        self._check_beliefs("emissionprob", (self.n_components, self.n_features))

    def _expected_log_densities(self, X: Sequences) -> np.ndarray:
        return expected_logs(self.emissionprob_posterior_).T[X.values[:, 0]]

    def _divergence(self) -> float:
        return float(dirichlet_divergence(self.emissionprob_posterior_, self.emissionprob_prior_).sum())

    def _update(self, X: np.ndarray, posterior: np.ndarray) -> None:
        if "e" in self.params:
            counts = np.zeros((self.n_features, self.n_components))
            np.add.at(counts, X[:, 0], posterior)
            self.emissionprob_posterior_ = self.emissionprob_prior_ + counts.T
            self.emissionprob_ = normalised(self.emissionprob_posterior_)


class VariationalGaussianHMM(VariationalBaseHMM, BaseGaussianHMM):
    """Vectors of numbers, with a normal-Wishart distribution of the mean and the precision of each state.

    covariance_type : "spherical", "diag", "full" or "tied" (one matrix for all states)
    startprob_prior, transmat_prior : concentrations of Dirichlet priors, by default 1 / n_components
    means_prior, beta_prior : (n_components, n_features), by default the mean of all rows, and (n_components,), by default 1
    dof_prior, scale_prior : degrees of freedom of precisions, (n_components,), for "tied" a number, by default n_features;
        and their inverse scale in the shape of the type, by default 0.001 times the identity

    Attributes: means_, means_prior_, means_posterior_, beta_prior_, ..., dof_posterior_, scale_posterior_; covars_, always as
    matrices.
    """

    means_prior_: np.ndarray
    means_posterior_: np.ndarray
    beta_prior_: np.ndarray
    beta_posterior_: np.ndarray
    dof_prior_: Any
    dof_posterior_: Any
    scale_prior_: np.ndarray
    scale_posterior_: np.ndarray

    def __init__(
        self, n_components: int = 1, covariance_type: str = "full", startprob_prior: Any = None, transmat_prior: Any = None,
        means_prior: Any = None, beta_prior: Any = None, dof_prior: Any = None, scale_prior: Any = None,
        algorithm: str = "viterbi", random_state: Any = None, n_iter: int = 100, tol: float = 1e-6, verbose: bool = False,
        params: str = "stmc", init_params: str = "stmc", implementation: str = "log",
    ) -> None:  # fmt: skip
        self._set(locals())

    @property
    def means_(self) -> np.ndarray:  # type: ignore[override]
        """(n_components, n_features) expected means."""
        return self.means_posterior_

    def _tied(self) -> bool:
        return self.covariance_type == "tied"

    def _start(self, X: np.ndarray) -> None:
        clusters = KMeans(n_clusters=self.n_components, random_state=self.random_state, n_init=10).fit(X)
        sizes = np.bincount(clusters.labels_, minlength=self.n_components)
        if self._is_to_believe("m", "means", "beta"):
            self.means_prior_ = self._prior("means", np.tile(X.mean(0), (self.n_components, 1)))
            self.beta_prior_ = self._prior("beta", np.ones(self.n_components))
            self.means_posterior_, self.beta_posterior_ = clusters.cluster_centers_, sizes
        if self._is_to_believe("c", "dof", "scale"):
            self._start_covariances(X, sizes)

    def _prior(self, name: str, default: Any) -> Any:
        given = getattr(self, f"{name}_prior")
        return default if given is None else given

    def _start_covariances(self, X: np.ndarray, sizes: np.ndarray) -> None:
        n, d, tied = self.n_components, X.shape[1], self._tied()
        self._covars_ = self._first_covariances(X, FIRST_SPREAD)
        if self.covariance_type == "spherical":
            self._covars_ = self._covars_.mean(1)
        self.dof_prior_ = self._prior("dof", d if tied else np.full(n, d))
        self.dof_posterior_ = sizes.sum() if tied else sizes
        shapes = {"spherical": np.ones(n), "diag": np.ones((n, d)), "full": np.tile(np.eye(d), (n, 1, 1))}
        self.scale_prior_ = self._prior("scale", FIRST_SPREAD * shapes.get(self.covariance_type, np.eye(d)))
        self.scale_posterior_ = self._covars_ * self._spread_over(self.dof_posterior_)

    def _spread_over(self, dof: Any) -> np.ndarray:
        """Degrees of freedom beside covariances in the shape of the type."""
        ndim = {"spherical": 1, "diag": 2, "full": 3, "tied": 0}[self.covariance_type]
        return np.reshape(dof, np.shape(dof) + (1,) * (ndim - np.ndim(dof)))

    def _check(self) -> None:
        n, d = np.shape(self.means_posterior_)
        super()._check()
        for name in ("means", "scale"):
            shapes = {"spherical": (n,), "diag": (n, d), "full": (n, d, d), "tied": (d, d)}
            shape = (self.n_components, d) if name == "means" else shapes[self.covariance_type]
            self._check_beliefs(name, shape, -np.inf)
        self._check_beliefs("beta", (n,))
        self._check_beliefs("dof", () if self._tied() else (n,), d - 1.0)
        self.n_features = d

    def _beliefs(self, kind: str) -> NormalWisharts:
        """The distributions of all states, "prior" or "posterior", over full matrices."""
        means, beta, dof, scale = (getattr(self, f"{name}_{kind}_") for name in ("means", "beta", "dof", "scale"))
        n, d = means.shape
        matrices = as_matrices(scale, self.covariance_type, n, d)
        return NormalWisharts(means, beta[:, None], np.broadcast_to(dof, (n,))[:, None], matrices)

    def _expected_log_densities(self, X: Sequences) -> np.ndarray:
        own = self._beliefs("posterior")
        constant = self.n_features * np.log(2 * np.pi) / 2  # which hmmlearn leaves out
        kind = "diag" if self.covariance_type in ("spherical", "diag") else "full"
        return log_densities(X, own.mean, own.covariances(), kind) + own.loss()[:, 0] + constant

    def _divergence(self) -> float:
        own, prior = self._beliefs("posterior"), self._beliefs("prior")
        total = float(own.divergence(prior).sum())
        if self._tied():  # the matrix that all states share counts once
            matrices = own._replace(mean=prior.mean, steps=prior.steps).divergence(prior)
            total -= float(matrices[1:].sum())
        return total

    def _update(self, X: np.ndarray, posterior: np.ndarray) -> None:
        steps, beta = posterior.sum(0), self.beta_prior_[:, None]
        if "m" in self.params:
            self.beta_posterior_ = self.beta_prior_ + steps
            self.means_posterior_ = (beta * self.means_prior_ + posterior.T @ X) / self.beta_posterior_[:, None]
        if "c" in self.params:
            away, square = self.means_posterior_ - self.means_prior_, self.covariance_type in ("full", "tied")
            around = scatter(X, self.means_posterior_, posterior, full=square)
            around = around + (beta[..., None] * outer(away) if square else beta * away**2)
            self._update_covariances(around, steps)

    def _update_covariances(self, around: np.ndarray, steps: Any) -> None:
        """Sums of squares about the means, and those of the means about their prior."""
        if self._tied():
            around, steps = around.sum(0), steps.sum()
        elif self.covariance_type == "spherical":
            around = around.mean(1)
        self.dof_posterior_, self.scale_posterior_ = self.dof_prior_ + steps, self.scale_prior_ + around
        self._covars_ = self.scale_posterior_ / self._spread_over(self.dof_posterior_)

    def _n_parameters(self) -> int:
        """As hmmlearn counts: those of the posteriors."""
        n, d = self.n_components, self.n_features
        pairs = d * (d + 1) // 2
        covars = {"spherical": 2 * n, "diag": n + n * d, "full": n + n * pairs, "tied": 1 + pairs}
        return n * d + n + covars[self.covariance_type]
