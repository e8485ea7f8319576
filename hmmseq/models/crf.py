"""The linear-chain conditional random field."""

import sys
import time
from copy import copy
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import ClassifierTags, check_random_state
from sklearn.utils.validation import check_is_fitted

from hmmseq import callbacks, lattice
from hmmseq.graph import StateGraph
from hmmseq.models import sgd, tags
from hmmseq.models.conditional import Likelihood, Weights, chain, scores
from hmmseq.models.features import Features, Vocabulary, is_matrices, stack
from hmmseq.models.lbfgs import minimise
from hmmseq.paths import Path
from hmmseq.scores import Packed, restrict
from hmmseq.storage import Stored
from hmmseq.validation import sample_weights

FITTED = ("n_features_in_", "history_", "seconds_", "n_iter_", "converged_")


class CRF(callbacks.CallbackSupportMixin, Stored, BaseEstimator):
    """Linear-chain conditional random field over sparse features (Lafferty, McCallum and Pereira, ICML 2001).

    Parameters
    ----------
    c1, c2 : penalties: training minimises -log-likelihood + c1 * sum |w| + c2 * sum w², as CRFsuite does
    min_frequency : features in fewer steps are left out (not of matrices)
    unseen_pairs : weights, too, for a feature and a label that no step of the training data has together
    ends : weights of the first and of the last label; features such as "BOS" do the same
    solver : "lbfgs" (with c1: OWL-QN), or "sgd": averaged stochastic gradient descent, which is near the optimum after a few
        passes over the data and slow to get closer; it takes no c1
    n_iter, tol : L-BFGS stops after `n_iter` iterations, or when ten of them bring less than `tol` of the objective; SGD
        after `n_iter` passes over the data, or when five of them do
    batch_size, learning_rate : of SGD: sequences a step, and the rate of the first step; None: found on some of the data
    random_state : seed of the order in which SGD takes sequences
    n_jobs : threads over sequences
    verbose : one line an iteration on standard error

    Attributes
    ----------
    classes_ (n_labels,) : the labels in order
    graph_ : StateGraph over them with the weights of transitions, start and end
    feature_weights_ (n_features, n_labels), feature_names_ (None for matrices), n_features_in_
    history_ : the objective before the first and after each iteration
    seconds_ : time of training at each entry of `history_`
    n_iter_, converged_

    X is a list of sequences. A sequence is a list of steps, each a dict of features or a list of names (as in CRFsuite,
    see `Vocabulary`), or a matrix (n_steps, n_features), scipy sparse or an array. y is a list of lists of labels,
    text or numbers from 0; None (or -1) is an unknown label, and training sums over all it may be. One sequence is treated
    as one and gives one result.

    >>> X = [[["w:the"], ["w:dog"], ["w:barks"]], [["w:a"], ["w:cat"]]]
    >>> model = CRF(c2=0.01).fit(X, [["DET", "NOUN", "VERB"], ["DET", "NOUN"]])
    >>> model.predict([["w:the"], ["w:cat"]])
    array(['DET', 'NOUN'], dtype='<U4')
    """

    def __init__(
        self,
        *,
        c1: float = 0.0,
        c2: float = 1.0,
        min_frequency: int = 1,
        unseen_pairs: bool = False,
        ends: bool = True,
        solver: str = "lbfgs",
        n_iter: int = 100,
        tol: float = 1e-5,
        batch_size: int = 8,
        learning_rate: float | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.c1 = c1
        self.c2 = c2
        self.min_frequency = min_frequency
        self.unseen_pairs = unseen_pairs
        self.ends = ends
        self.solver = solver
        self.n_iter = n_iter
        self.tol = tol
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @callbacks.with_callbacks
    def fit(self, X: Any, y: Any, *, sample_weight: Any = None) -> Self:
        """Learn the weights. y: a label per step, None or -1 where unknown; sample_weight: (n_sequences,).

        Ctrl-C raises KeyboardInterrupt as ever, but the model then has the weights after the last finished iteration.
        """
        self._check_parameters()
        if is_matrices(X):
            self._vocabulary, features = None, stack(self, X, True)
        else:
            self._vocabulary, features = Vocabulary.learn_and_read(X, self.min_frequency)
        self.n_features_in_ = features.matrix.shape[1]
        weights = sample_weights(sample_weight, len(features.offsets) - 1)
        likelihood = self._likelihood(X, features, y, weights)
        watched = callbacks.watch(self, X, y, self.n_iter)
        self._minimise(likelihood, watched)
        watched.end(dict)
        return self

    def _likelihood(self, X: Any, features: Features, y: Any, weights: np.ndarray) -> Likelihood:
        """What training minimises; learns `classes_`."""
        labels = tags.flatten(y, features.offsets, features.single)
        self.classes_ = tags.learn(labels)
        return Likelihood(
            features.matrix, features.offsets, tags.encode(labels, self.classes_), weights, len(self.classes_),
            c2=self.c2, unseen=self.unseen_pairs, ends=self.ends, n_jobs=self.n_jobs,
        )  # fmt: skip

    def _minimise(self, likelihood: Likelihood, watched: callbacks.Watched) -> None:
        self.history_: list[float] = []
        self.seconds_: list[float] = []
        begun, self.converged_ = time.perf_counter(), False
        last = np.zeros(likelihood.n_weights)

        def report(value: float, x: np.ndarray) -> bool:
            nonlocal last
            last = x
            self.history_.append(value)
            self.seconds_.append(time.perf_counter() - begun)
            if self.verbose:
                print(f"{len(self.history_) - 1:9d}  {value:16.6f}  {self.seconds_[-1]:7.2f}", file=sys.stderr)
            if len(self.history_) > 1:
                watched.iteration(lambda: None, lambda: self._as_of(likelihood.split(x)))
            return watched.stopped

        if self.verbose:
            print(f"iteration         objective  seconds   ({likelihood.n_weights:,} weights)", file=sys.stderr)
        try:
            last, self.converged_ = self._solve(likelihood, report)
        except KeyboardInterrupt:
            self._conclude(likelihood, last)
            raise
        self._conclude(likelihood, last)

    def _conclude(self, likelihood: Likelihood, x: np.ndarray) -> None:
        """Take over what training has come to so far."""
        self.n_iter_ = max(len(self.history_) - 1, 0)
        self._take(likelihood.split(x))

    def _solve(self, likelihood: Likelihood, report: Any) -> tuple[np.ndarray, bool]:
        options = {"n_iter": self.n_iter, "tol": self.tol, "report": report}
        if self.solver == "lbfgs":
            return minimise(likelihood, np.zeros(likelihood.n_weights), l1=self.c1, **options)
        seed = check_random_state(self.random_state).randint(2**31)
        return sgd.minimise(
            likelihood, batch_size=self.batch_size, learning_rate=self.learning_rate,
            rng=np.random.default_rng(seed), **options,
        )  # fmt: skip

    def _take(self, weights: Weights) -> None:
        self.graph_: StateGraph = chain(weights)
        self.feature_weights_ = weights.features

    def _as_of(self, weights: Weights) -> dict[str, Any]:
        """What a model with these weights has."""
        model = copy(self)
        model._take(weights)
        return dict(vars(model))

    def _check_parameters(self) -> None:
        for name in ("c1", "c2", "tol"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
                raise ValueError(f"{name} is {value!r}; expected a finite number, 0 or more")
        if self.solver not in ("lbfgs", "sgd"):
            raise ValueError(f"solver is {self.solver!r}; expected 'lbfgs' or 'sgd'")
        if self.solver == "sgd" and self.c1:
            raise ValueError(f"c1 is {self.c1!r}, which solver='sgd' does not know; use 'lbfgs', or c2 alone")
        rate = self.learning_rate
        if rate is not None and not (isinstance(rate, Real) and 0 < float(rate) < np.inf):
            raise ValueError(f"learning_rate is {rate!r}; expected a positive number, or None")
        for name, least in (("min_frequency", 1), ("n_iter", 0), ("batch_size", 1)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name} is {value!r}; expected a whole number, {least} or more")

    @property
    def feature_names_(self) -> list[str] | None:
        """Names of the columns of `feature_weights_`' rows, None where X was matrices."""
        return None if self._vocabulary is None else list(self._vocabulary.columns)

    def _read(self, X: Any) -> Features:
        check_is_fitted(self, "feature_weights_")
        if is_matrices(X) != (self._vocabulary is None):
            raise ValueError("X and the data of fit are of two kinds: one is matrices, the other features by name")
        features = stack(self, X, False) if self._vocabulary is None else self._vocabulary.read(X)
        if features.matrix.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {features.matrix.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        return features

    def _scores(self, X: Any) -> Packed:
        features = self._read(X)
        return scores(features.matrix, features.offsets, self.feature_weights_, features.single)

    def predict(self, X: Any) -> Any:
        """The labels of the best path of each sequence (Viterbi)."""
        packed = self._scores(X)
        paths = lattice.best_path(self.graph_, packed, n_jobs=self.n_jobs)
        return self._answer(paths) if packed.single else [self._answer(path) for path in paths]

    def _answer(self, path: Path) -> Any:
        """What users get of a path: its labels."""
        return self.classes_[path.states]

    def predict_proba(self, X: Any) -> Any:
        """(n_steps, n_labels) marginal probability of each label at each step, given the whole sequence."""
        packed = self._scores(X)
        return lattice.label_posteriors(self.graph_, packed, n_jobs=self.n_jobs)

    def decode(self, X: Any) -> Any:
        """The best path, `Path(labels, score)`; the score is the log probability of the labels given the features."""
        packed = self._scores(X)
        paths, totals = self._ask(lattice.best_path, packed)
        out = [self._labelled(path, total) for path, total in zip(paths, totals, strict=True)]
        return out[0] if packed.single else out

    def best_paths(self, X: Any, n_paths: int) -> Any:
        """The `n_paths` most probable labellings, best first, as in `decode`; fewer where there are fewer."""
        packed = self._scores(X)
        found, totals = self._ask(partial(lattice.best_paths, n_paths=n_paths), packed)
        out = [[self._labelled(path, total) for path in paths] for paths, total in zip(found, totals, strict=True)]
        return out[0] if packed.single else out

    def _ask(self, question: Any, packed: Packed) -> tuple[list[Any], np.ndarray]:
        """The answers and log partitions of each sequence."""
        answers = question(self.graph_, packed, n_jobs=self.n_jobs)
        totals = np.atleast_1d(lattice.log_partition(self.graph_, packed, n_jobs=self.n_jobs))
        return [answers] if packed.single else answers, totals

    def _labelled(self, path: Path, total: float) -> Path:
        return Path(self._answer(path), path.score - total)

    def score(self, X: Any, y: Any) -> float:
        """Share of steps of known label whose label is predicted: token accuracy."""
        packed = self._scores(X)
        labels = tags.flatten(y, packed.offsets, packed.single)
        paths = lattice.best_path(self.graph_, replace(packed, single=False), n_jobs=self.n_jobs)
        return tags.accuracy(labels, [label for path in paths for label in self.classes_[path.states].tolist()])

    def log_likelihood(self, X: Any, y: Any) -> np.ndarray:
        """(n_sequences,) log probability of the labels given the features; unknown labels are summed over."""
        packed = self._scores(X)
        packed, known = replace(packed, single=False), self._agreeing(packed, y)
        agree = lattice.log_partition(self.graph_, known, n_jobs=self.n_jobs)
        return agree - lattice.log_partition(self.graph_, packed, n_jobs=self.n_jobs)

    def _agreeing(self, packed: Packed, y: Any) -> Packed:
        """Scores of the paths that keep to the known labels, of many sequences."""
        labels = tags.encode(tags.flatten(y, packed.offsets, packed.single), self.classes_)
        return replace(restrict(packed, labels)[0], single=False)

    def __sklearn_tags__(self) -> Any:
        sklearn_tags = super().__sklearn_tags__()
        sklearn_tags.input_tags.sparse = True
        sklearn_tags.input_tags.dict = True
        sklearn_tags.classifier_tags = (
            ClassifierTags()
        )  # no classifier: folds are not to be stratified by lists of labels
        sklearn_tags.target_tags.required = True
        return sklearn_tags

    def _parts(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and plain values that make the fitted model again: weights as a sparse matrix, most of them being zero."""
        weights, linear = sparse.csr_array(self.feature_weights_), self._linear_weights()
        arrays = {
            "classes": tags.to_bytes(self.classes_.tolist()), "names": tags.to_bytes(self.feature_names_),
            "weights.data": weights.data, "weights.indices": weights.indices, "weights.indptr": weights.indptr,
            "edge": linear.edges, "start": linear.start, "end": linear.end,
        }  # fmt: skip
        return arrays, {name: getattr(self, name) for name in FITTED}

    def _linear_weights(self) -> Weights:
        """What `_take` was given."""
        return Weights(self.feature_weights_, self.graph_.edge, self.graph_.start, self.graph_.end)

    def _restore_more(self, arrays: dict[str, np.ndarray]) -> int:
        """Take what a file keeps beside what every CRF has; how many rows of weights are not of features of steps."""
        return 0

    def _restore(self, arrays: dict[str, np.ndarray], fitted: dict[str, Any]) -> None:
        self.classes_, names = np.array(tags.from_bytes(arrays["classes"])), tags.from_bytes(arrays["names"])
        n_features = fitted["n_features_in_"]
        shape = (n_features + self._restore_more(arrays), len(self.classes_))
        parts = tuple(arrays[f"weights.{part}"] for part in ("data", "indices", "indptr"))
        matrix = sparse.csr_array(parts, shape=shape)
        matrix.check_format()
        if not np.all(np.isfinite(matrix.data)):
            raise ValueError("weights have NaN or infinity")
        if names is not None and len(set(names)) != n_features:
            raise ValueError(f"{len(set(names))} names for {n_features} features")
        self._vocabulary = None if names is None else Vocabulary(names)
        self._take(Weights(matrix.toarray(), arrays["edge"], arrays["start"], arrays["end"]))
        for name in FITTED:
            setattr(self, name, fitted[name])
