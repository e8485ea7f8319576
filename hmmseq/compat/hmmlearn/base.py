"""What hmmlearn's models have in common: EM with a monitor, questions about concatenated sequences, samples."""

import sys
import warnings
from abc import abstractmethod
from collections import deque
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from hmmseq import lattice, topologies
from hmmseq.graph import StateGraph
from hmmseq.models import criteria
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences
from hmmseq.validation import check_masks

__all__ = ["DECODER_ALGORITHMS", "BaseHMM", "ConvergenceMonitor"]

DECODER_ALGORITHMS = frozenset(("viterbi", "map"))
IMPLEMENTATIONS = ("log", "scaling")
FALL = np.finfo(float).eps ** 0.5  # a log-likelihood may fall by so much by rounding


class ConvergenceMonitor:
    """Says when EM has converged. Subclasses may say it otherwise; set one as `model.monitor_` before `fit`.

    tol, n_iter : converged after n_iter iterations, or when one gains less than tol
    verbose : iteration, log-likelihood and its change, a line each, on standard error
    """

    _template = "{iter:>10d} {log_prob:>16.8f} {delta:>+16.8f}"

    def __init__(self, tol: float, n_iter: int, verbose: bool) -> None:
        self.tol = tol
        self.n_iter = n_iter
        self.verbose = verbose
        self.history: deque[float] = deque()
        self.iter = 0

    def __repr__(self) -> str:
        options = {**vars(self), "history": list(self.history)}
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in sorted(options.items()))})"

    def _reset(self) -> None:
        self.iter = 0
        self.history.clear()

    def report(self, log_prob: float) -> None:
        """Take the log-likelihood of an iteration."""
        delta = log_prob - self.history[-1] if self.history else np.nan
        if self.verbose:
            print(self._template.format(iter=self.iter + 1, log_prob=log_prob, delta=delta), file=sys.stderr)
        if delta < -FALL:
            warnings.warn(
                f"log-likelihood fell by {-delta:.3g} in iteration {self.iter + 1}: hmmlearn's updates with priors or of "
                "mixtures may do that",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.history.append(log_prob)
        self.iter += 1

    @property
    def converged(self) -> bool:
        """Whether there is nothing more to gain, or no iteration left."""
        gained = len(self.history) < 2 or self.history[-1] - self.history[-2] >= self.tol
        return self.iter == self.n_iter or not gained


class BaseHMM(BaseEstimator):
    """hmmlearn's model: X are rows of all sequences, end to end, and `lengths` says where each ends.

    Subclasses say how likely observations are (`_log_densities`), where EM begins (`_start`), and how the parameters of
    emissions follow from posteriors (`_update`).
    """

    _codes = {"startprob_": "s", "transmat_": "t"}  # parameters by their letters in params and init_params

    def _set(self, options: dict[str, Any]) -> None:
        """Constructor arguments, and the monitor that hmmlearn makes of them."""
        for name, value in options.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)
        self.monitor_ = ConvergenceMonitor(options["tol"], options["n_iter"], options["verbose"])

    # What a family of emissions adds

    @abstractmethod
    def _log_densities(self, X: Sequences) -> np.ndarray:
        """(n_steps, n_components) log density of each row of X in each state."""

    @abstractmethod
    def _start(self, X: np.ndarray) -> None:
        """First guesses of the parameters of emissions that `_is_to_start`."""

    @abstractmethod
    def _update(self, X: np.ndarray, posterior: np.ndarray) -> None:
        """New parameters of emissions from (n_steps, n_components) posteriors."""

    @abstractmethod
    def _draw(self, state: int, random_state: Any) -> Any:
        """An observation."""

    @abstractmethod
    def _n_parameters(self) -> int:
        """Degrees of freedom of the emissions."""

    def _check_rows(self, X: np.ndarray) -> np.ndarray:
        """Rows of the right kind; `n_features` is set, or checked."""
        known = getattr(self, "n_features", None)
        if known is None:
            self.n_features = X.shape[1]
        elif known != X.shape[1]:
            raise ValueError(f"Unexpected number of dimensions, got {X.shape[1]} but expected {known}")
        return X

    def _check(self) -> None:
        """Parameters that users may have set."""
        n = self.n_components
        for name, shape in (("startprob_", (n,)), ("transmat_", (n, n))):
            self._check_probabilities(name, shape)

    def _check_probabilities(self, name: str, shape: tuple[int, ...]) -> None:
        array = np.array(getattr(self, name), dtype=np.float64)
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}; it must have shape {shape}")
        if not (np.all(array >= 0) and np.allclose(array.sum(-1), 1)):
            raise ValueError(f"{name} rows must sum to 1 and be 0 or more (got row sums of {array.sum(-1)})")
        setattr(self, name, array)

    # Learning

    def fit(self, X: Any, lengths: Any = None) -> Self:
        """Learn by EM, beginning with what `init_params` names anew and with the rest as it is.

        X : (n_samples, n_features) rows of all sequences; lengths : (n_sequences,) of each, None: X is one sequence
        """
        packed = self._packed(X, lengths)
        self._begin(packed)
        self._check()
        self.monitor_._reset()
        for _ in range(self.n_iter):
            counts = lattice.expected_counts(*self._expectation(packed))
            height = self._height(float(counts.log_partition.sum()))
            self._update_chain(counts)
            self._update(packed.values, counts.rows)
            self.monitor_.report(height)
            if self.monitor_.converged:
                break
        return self

    def _expectation(self, X: Sequences) -> tuple[StateGraph, Packed]:
        """Graph and scores with which EM counts."""
        return self._graph(), self._scores(X)

    def _height(self, log_prob: float) -> float:
        """What the monitor is told of an iteration that found this log-likelihood."""
        return log_prob

    def _begin(self, X: Sequences) -> None:
        rng, n = check_random_state(self.random_state), self.n_components
        if self._is_to_start("startprob_"):
            self.startprob_ = rng.dirichlet(np.full(n, 1 / n))
        if self._is_to_start("transmat_"):
            self.transmat_ = rng.dirichlet(np.full(n, 1 / n), size=n)
        self._start(X.values)

    def _is_to_start(self, name: str) -> bool:
        return self._codes[name] in self.init_params or not hasattr(self, name)

    def _is_learned(self, name: str) -> bool:
        return self._codes[name] in self.params

    def _update_chain(self, counts: lattice.Counts) -> None:
        """The mode of the posterior of starts and transitions; zeros stay zero, rows of no count become zero."""
        n = self.n_components
        for name, prior, found in (
            ("startprob_", self.startprob_prior, counts.start),
            ("transmat_", self.transmat_prior, counts.edges.reshape(n, n)),
        ):
            if self._is_learned(name):
                raised = np.where(getattr(self, name) == 0, 0.0, np.maximum(np.asarray(prior) - 1 + found, 0.0))
                setattr(self, name, normalised(raised))

    # Questions

    def score(self, X: Any, lengths: Any = None) -> float:
        """Log-likelihood of all rows."""
        graph, scores = self._ask(X, lengths)
        return float(np.sum(lattice.log_partition(graph, scores)))

    def score_samples(self, X: Any, lengths: Any = None) -> tuple[float, np.ndarray]:
        """Log-likelihood, and (n_samples, n_components) posteriors of states."""
        graph, scores = self._ask(X, lengths)
        posteriors = lattice.joined_posteriors(graph, scores)
        return float(np.sum(lattice.log_partition(graph, scores))), posteriors

    def predict_proba(self, X: Any, lengths: Any = None) -> np.ndarray:
        """(n_samples, n_components) posteriors of states."""
        return self.score_samples(X, lengths)[1]

    def decode(self, X: Any, lengths: Any = None, algorithm: str | None = None) -> tuple[float, np.ndarray]:
        """(log probability, states): of the best path ("viterbi"), or of the best state at each step ("map")."""
        algorithm = algorithm or self.algorithm
        if algorithm not in DECODER_ALGORITHMS:
            raise ValueError(f"Unknown decoder {algorithm!r}; expected one of {sorted(DECODER_ALGORITHMS)}")
        graph, scores = self._ask(X, lengths)
        if algorithm == "map":
            posteriors = lattice.joined_posteriors(graph, scores)
            return float(posteriors.max(1).sum()), posteriors.argmax(1)
        paths = lattice.best_path(graph, scores)
        return float(sum(path.score for path in paths)), np.concatenate([path.states for path in paths]).astype(int)

    def predict(self, X: Any, lengths: Any = None) -> np.ndarray:
        """(n_samples,) states of `decode`."""
        return self.decode(X, lengths)[1]

    def sample(
        self, n_samples: int = 1, random_state: Any = None, currstate: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw (X, states); currstate : the state to begin in."""
        check_is_fitted(self, "startprob_")
        self._check()
        rng = check_random_state(self.random_state if random_state is None else random_state)
        if currstate is None:
            currstate = _choice(self.startprob_, rng)
        states, rows = [currstate], [self._draw(currstate, rng)]
        for _ in range(n_samples - 1):
            states.append(_choice(self.transmat_[states[-1]], rng))
            rows.append(self._draw(states[-1], rng))
        return np.atleast_2d(rows), np.array(states, dtype=int)

    def aic(self, X: Any, lengths: Any = None) -> float:
        """Akaike's information criterion; lower is better."""
        return criteria.aic(self.score(X, lengths), self._n_free())

    def bic(self, X: Any, lengths: Any = None) -> float:
        """Schwarz's information criterion; lower is better."""
        return criteria.bic(self.score(X, lengths), self._n_free(), len(X))

    def _n_free(self) -> int:
        n = self.n_components
        return n - 1 + n * (n - 1) + self._n_parameters()

    def get_stationary_distribution(self) -> np.ndarray:
        """(n_components,) shares of time that the chain spends in each state in the long run."""
        check_is_fitted(self, "transmat_")
        balance = np.vstack([np.transpose(self.transmat_) - np.eye(self.n_components), np.ones(self.n_components)])
        return np.linalg.lstsq(balance, np.eye(self.n_components + 1)[-1], rcond=None)[0]

    # The lattice

    def _ask(self, X: Any, lengths: Any) -> tuple[StateGraph, Packed]:
        check_is_fitted(self, "startprob_")
        self._check()
        return self._graph(), self._scores(self._packed(X, lengths))

    def _packed(self, X: Any, lengths: Any) -> Sequences:
        if self.implementation not in IMPLEMENTATIONS:
            raise ValueError(f"implementation is {self.implementation!r}; expected one of {IMPLEMENTATIONS}")
        check_masks(X)
        if isinstance(X, (list, tuple)) and len(X) and np.ndim(X[0]) > 1:
            raise ValueError(
                "X is a list of sequences; hmmlearn's classes take them end to end: "
                "fit(np.concatenate(X), lengths=[len(x) for x in X])"
            )
        rows = self._check_rows(check_array(X))
        return Sequences.pack(rows, [len(rows)] if lengths is None else lengths)

    def _scores(self, X: Sequences) -> Packed:
        return scores_of(X, self._log_densities(X))

    def _graph(self) -> StateGraph:
        return weighted(self.startprob_, self.transmat_)


def scores_of(X: Sequences, table: np.ndarray) -> Packed:
    """Scores with a row for each step."""
    return Packed(np.ascontiguousarray(table), np.arange(len(X.values), dtype=np.int32), X, False)


def weighted(start: np.ndarray, transmat: np.ndarray) -> StateGraph:
    """The graph in which every state may follow every other, with these weights."""
    with np.errstate(divide="ignore"):
        return topologies.ergodic(len(start)).weigh(edge=np.log(transmat).ravel(), start=np.log(start))


def normalised(counts: np.ndarray) -> np.ndarray:
    """Rows that add up to one; rows of nothing stay nothing."""
    total = counts.sum(-1, keepdims=True)
    return counts / np.where(total == 0, 1.0, total)


def _choice(probabilities: np.ndarray, rng: Any) -> int:
    """The numbers that hmmlearn draws, in its order."""
    return int((np.cumsum(probabilities) > rng.rand()).argmax())
