"""hmmlearn.hmm: Gaussian, Gaussian mixture, categorical, multinomial and Poisson models, with its priors.

Attributes of each: startprob_ (n_components,), transmat_ (n_components, n_components), monitor_, n_features, and those
named in its docstring. Letters of `params` (what EM changes) and `init_params` (what it begins anew): s startprob,
t transmat, m means, c covars, w weights, e emissionprob, l lambdas.
"""

from typing import Any

import numpy as np
from scipy.stats import multinomial
from sklearn.utils import check_random_state

from hmmseq.compat.hmmlearn.base import BaseHMM, normalised
from hmmseq.compat.hmmlearn.gaussian import GMMHMM, GaussianHMM
from hmmseq.emissions import Categorical, Multinomial, Poisson
from hmmseq.sequences import Sequences

__all__ = ["GMMHMM", "CategoricalHMM", "GaussianHMM", "MultinomialHMM", "PoissonHMM"]


class BaseCategoricalHMM(BaseHMM):
    """Symbols 0 ... n_features - 1, one a step, with probabilities emissionprob_."""

    emissionprob_: np.ndarray
    n_features: Any

    def _check_rows(self, X: np.ndarray) -> np.ndarray:
        if X.shape[1] != 1 or not np.issubdtype(X.dtype, np.integer):
            raise ValueError(f"X has shape {X.shape} and dtype {X.dtype}; Symbols should be integers, one a row")
        if X.min() < 0:
            raise ValueError(f"X has the symbol {X.min()}; Symbols should be nonnegative")
        if self.n_features is None:
            self.n_features = int(X.max()) + 1
        elif X.max() >= self.n_features:
            raise ValueError(
                f"Largest symbol is {X.max()} but the model only emits symbols up to {self.n_features - 1}"
            )
        return X

    def _log_densities(self, X: Sequences) -> np.ndarray:
        emission = Categorical(self.n_features)
        emission.n_symbols_, emission.emissionprob_ = self.n_features, self.emissionprob_
        return _dense(emission, Sequences(X.values[:, 0], X.offsets))

    def _draw(self, state: int, random_state: Any) -> list[int]:
        return [int((np.cumsum(self.emissionprob_[state]) > random_state.rand()).argmax())]

    def _n_parameters(self) -> int:
        return self.n_components * (self.n_features - 1)


class CategoricalHMM(BaseCategoricalHMM):
    """Symbols 0 ... n_features - 1, one a step: X is (n_samples, 1).

    emissionprob_prior : concentration of a Dirichlet prior. Attribute: emissionprob_ (n_components, n_features).
    """

    _codes = BaseHMM._codes | {"emissionprob_": "e"}

    def __init__(
        self, n_components: int = 1, startprob_prior: Any = 1.0, transmat_prior: Any = 1.0, *,
        emissionprob_prior: Any = 1.0, n_features: int | None = None, algorithm: str = "viterbi",
        random_state: Any = None, n_iter: int = 10, tol: float = 1e-2, verbose: bool = False, params: str = "ste",
        init_params: str = "ste", implementation: str = "log",
    ) -> None:  # fmt: skip
        self._set(locals())

    def _check(self) -> None:
        super()._check()
        self.emissionprob_ = np.atleast_2d(self.emissionprob_)
        if self.n_features is None:
            self.n_features = self.emissionprob_.shape[1]
        self._check_probabilities("emissionprob_", (self.n_components, self.n_features))

    def _start(self, X: np.ndarray) -> None:
        if self._is_to_start("emissionprob_"):
            rng = check_random_state(self.random_state)
            self.emissionprob_ = normalised(rng.rand(self.n_components, self.n_features))

    def _update(self, X: np.ndarray, posterior: np.ndarray) -> None:
        if self._is_learned("emissionprob_"):
            counts = np.zeros((self.n_features, self.n_components))
            np.add.at(counts, X[:, 0], posterior)
            self.emissionprob_ = normalised(np.maximum(np.asarray(self.emissionprob_prior) - 1 + counts.T, 0.0))


class MultinomialHMM(BaseHMM):
    """Counts of n_features categories in n_trials trials a step. Attribute: emissionprob_ (n_components, n_features)."""

    _codes = BaseHMM._codes | {"emissionprob_": "e"}
    emissionprob_: np.ndarray
    n_trials: Any

    def __init__(
        self, n_components: int = 1, n_trials: Any = None, startprob_prior: Any = 1.0, transmat_prior: Any = 1.0,
        algorithm: str = "viterbi", random_state: Any = None, n_iter: int = 10, tol: float = 1e-2, verbose: bool = False,
        params: str = "ste", init_params: str = "ste", implementation: str = "log",
    ) -> None:  # fmt: skip
        self._set(locals())

    def _check_rows(self, X: np.ndarray) -> np.ndarray:
        super()._check_rows(X)
        if not np.issubdtype(X.dtype, np.integer) or X.min() < 0:
            raise ValueError("Symbol counts should be nonnegative integers")
        if self.n_trials is None:
            self.n_trials = X.sum(1)
        elif not np.all(X.sum(1) == self.n_trials):
            raise ValueError("Total count for each sample should add up to the number of trials")
        return X

    def _check(self) -> None:
        super()._check()
        self.emissionprob_ = np.atleast_2d(self.emissionprob_)
        if not hasattr(self, "n_features"):
            self.n_features = self.emissionprob_.shape[1]
        self._check_probabilities("emissionprob_", (self.n_components, self.n_features))
        if self.n_trials is None:
            raise ValueError("n_trials must be set")

    def _start(self, X: np.ndarray) -> None:
        if self._is_to_start("emissionprob_"):
            rng = check_random_state(self.random_state)
            self.emissionprob_ = normalised(rng.rand(self.n_components, self.n_features))

    def _log_densities(self, X: Sequences) -> np.ndarray:
        emission = Multinomial()
        emission.emissionprob_ = self.emissionprob_
        return _dense(emission, X)

    def _update(self, X: np.ndarray, posterior: np.ndarray) -> None:
        if self._is_learned("emissionprob_"):
            self.emissionprob_ = normalised(posterior.T @ X)

    def _draw(self, state: int, random_state: Any) -> np.ndarray:
        n_trials = np.unique(self.n_trials)
        if len(n_trials) != 1:
            raise ValueError("For sampling, a single n_trials must be given")
        return multinomial.rvs(n=n_trials[0], p=self.emissionprob_[state], random_state=random_state)

    def _n_parameters(self) -> int:
        return self.n_components * (self.n_features - 1)


class PoissonHMM(BaseHMM):
    """Counts of events.

    lambdas_prior, lambdas_weight : as hmmlearn uses them, (prior + n mean) / (weight + n) with n the steps of all states.
    Attribute: lambdas_ (n_components, n_features), the mean counts.
    """

    _codes = BaseHMM._codes | {"lambdas_": "l"}
    lambdas_: np.ndarray

    def __init__(
        self, n_components: int = 1, startprob_prior: Any = 1.0, transmat_prior: Any = 1.0, lambdas_prior: Any = 0.0,
        lambdas_weight: Any = 0.0, algorithm: str = "viterbi", random_state: Any = None, n_iter: int = 10,
        tol: float = 1e-2, verbose: bool = False, params: str = "stl", init_params: str = "stl",
        implementation: str = "log",
    ) -> None:  # fmt: skip
        self._set(locals())

    def _check(self) -> None:
        super()._check()
        self.lambdas_ = np.atleast_2d(self.lambdas_)
        shape = self.n_components, getattr(self, "n_features", self.lambdas_.shape[1])
        if self.lambdas_.shape != shape or not np.all(self.lambdas_ >= 0):
            raise ValueError(f"lambdas_ must be 0 or more and have shape (n_components, n_features), {shape}")
        self.n_features = shape[1]

    def _start(self, X: np.ndarray) -> None:
        if self._is_to_start("lambdas_"):
            mean, variance, rng = X.mean(), X.var(), check_random_state(self.random_state)
            size = self.n_components, self.n_features
            self.lambdas_ = rng.gamma(shape=mean**2 / variance, scale=variance / mean, size=size)

    def _log_densities(self, X: Sequences) -> np.ndarray:
        emission = Poisson()
        emission.lambdas_ = self.lambdas_
        return _dense(emission, X)

    def _update(self, X: np.ndarray, posterior: np.ndarray) -> None:
        if self._is_learned("lambdas_"):
            steps = posterior.sum(0)[:, None]
            mean = np.divide(posterior.T @ X, steps, out=self.lambdas_.copy(), where=steps > 0)
            self.lambdas_ = (self.lambdas_prior + steps.sum() * mean) / (self.lambdas_weight + steps.sum())

    def _draw(self, state: int, random_state: Any) -> np.ndarray:
        return random_state.poisson(self.lambdas_[state])

    def _n_parameters(self) -> int:
        return self.n_components * self.n_features


def _dense(emission: Any, X: Sequences) -> np.ndarray:
    """(n_steps, n_labels) log densities."""
    scores = emission.log_scores(emission.observe(X))
    return scores.table[scores.code]
