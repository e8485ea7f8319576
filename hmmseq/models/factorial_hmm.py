"""The factorial hidden Markov model: several chains, and what they emit together."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from numbers import Integral
from threading import Event
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from hmmseq import callbacks, lattice
from hmmseq.emissions.gaussian import floored, mean_and_variance
from hmmseq.emissions.observed import REAL, guessed_labels, numbers
from hmmseq.models import criteria, em, inputs, restarts
from hmmseq.models.factorial import Data, Field, Moments, Parameters, exact, joint_scores, maximise, mean_field
from hmmseq.sequences import Sequences, is_one
from hmmseq.storage import Stored
from hmmseq.validation import check_positive, check_whole, sample_weights

EXACT_UP_TO = 64  # combinations of states: a pass takes time with their square
JITTER = 0.1  # of the means of a first guess, as a share of the spread of what is left
LEAST_NOISE = 1e-2  # of a first guess, as a share of the variances of the data
FITTED = ("n_features_in_", "history_", "histories_", "n_iter_", "converged_", "n_parameters_", "inference_")
PARTS = ("means", "covariance", "origin", "scale")


class FactorialPath(NamedTuple):
    """States of all chains, one row a step, with their score."""

    states: np.ndarray  # (n_steps, n_chains)
    score: float


class FactorialHMM(callbacks.CallbackSupportMixin, DensityMixin, Stored, BaseEstimator):
    """Factorial hidden Markov model: chains that move on their own and emit together (Ghahramani and Jordan, ML 29, 1997).

    What is emitted is normal about the sum of what the states of all chains add, with one covariance:
    x = origin + means[0][s0] + means[1][s1] + ... + noise.

    Parameters
    ----------
    n_components : number of states of each chain, such as (2, 3); known states in `fit` can raise it
    covariance : "full" or "diag"
    inference : "exact" goes over all combinations of states; "mean_field" treats chains as independent given the data
        (structured mean field), at a cost that grows with the sum of their states; "auto" is exact up to 64 combinations
    n_iter, tol : EM stops after `n_iter` iterations, or when the log-likelihood, or its bound, gains less than `tol`
    n_init : first guesses, of which the best end is kept; more chains have more local maxima
    min_covar : floor of the variances in any direction, as a share of those of the data
    n_jobs, random_state, verbose : as in `HMM`

    Attributes
    ----------
    startprobs_, transmats_ : lists of (n_states,) and (n_states, n_states) arrays, one a chain
    means_ : list of (n_states, n_features) arrays, what each state adds to `origin_`. Adding a vector to one chain and
        subtracting it from another changes nothing
    covariance_ (n_features, n_features), origin_ (n_features,)
    inference_ : "exact" or "mean_field"
    history_, histories_, n_iter_, converged_, n_parameters_, n_features_in_ : as in `HMM`; by mean field, the history is
        that of the bound

    X is as in `HMM`; steps with NaN in them are missing. States are (n_steps, n_chains).

    >>> from hmmseq import FactorialHMM
    >>> slow, fast = np.repeat([0, 1, 0], 20), np.tile([0, 0, 1, 1], 15)
    >>> X = (10.0 * slow + 3.0 * fast + np.random.default_rng(0).normal(0, 0.3, 60))[:, None]
    >>> model = FactorialHMM((2, 2), n_init=2, random_state=0).fit(X)
    >>> sorted(abs(means[1] - means[0]).round().item() for means in model.means_)
    [3.0, 10.0]
    """

    def __init__(
        self,
        n_components: Any = (2, 2),
        *,
        covariance: str = "full",
        inference: str = "auto",
        n_iter: int = 100,
        tol: float = 1e-2,
        n_init: int = 1,
        min_covar: float = 1e-6,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.n_components = n_components
        self.covariance = covariance
        self.inference = inference
        self.n_iter = n_iter
        self.tol = tol
        self.n_init = n_init
        self.min_covar = min_covar
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @callbacks.with_callbacks
    def fit(self, X: Any, y: Any = None, *, lengths: Any = None, sample_weight: Any = None) -> Self:
        """Learn by EM.

        y : known states, (n_steps, n_chains) for each sequence, or (n_steps,) of a single chain; -1 where unknown. A state
            that n_components does not have raises it, as in `HMM`

        Ctrl-C raises KeyboardInterrupt as ever, but the model is then fitted as far as the last finished iteration.

        Raises ImpossibleSequenceError if known states contradict each other.
        """
        sizes = self._check_parameters()
        packed = inputs.sequences(self, X, lengths, reset=True)
        states = None if y is None else known_states(y, packed, lengths, len(sizes))
        if states is not None:
            sizes = np.maximum(sizes, states.max(axis=0, initial=inputs.UNKNOWN) + 1).tolist()
        self._choose_inference(sizes)
        data = self._data(packed, states, sizes, sample_weights(sample_weight, len(packed)))
        if not len(data.X.values):
            raise ValueError("X holds 0 sample(s): all its sequences are empty; a fit needs at least one step")
        if not data.seen.any():
            raise ValueError("every step of X has NaN in it, and such steps are missing; nothing is left to learn from")
        several = restarts.check_n_init(self.n_init)
        seeds = check_random_state(self.random_state)
        rngs = [np.random.default_rng(seeds.randint(2**31)) for _ in range(several)]
        starts = [Ascent(first_guess(data, sizes, rng), self._expectation(), self._maximisation()) for rng in rngs]
        watched, steps = callbacks.watch(self, X, y, self.n_iter, several), len(data.X.values)

        stopped = Event()

        def run(number: int, ascent: Ascent) -> None:
            own = watched if several == 1 else watched.restart(number, self.n_iter)

            def asked() -> bool:
                return stopped.is_set() or own.stopped

            def step() -> float:
                return own.iteration(lambda: ascent.step(data), lambda: self._learned(ascent.parameters))

            ascent.converged = em.iterate(step, self.n_iter, self.tol, steps, self.verbose, asked)[1]
            if own is not watched:
                own.end(lambda: self._learned(ascent.parameters))

        try:
            restarts.climb_all(starts, run, self.n_jobs, stopped.set)
        except KeyboardInterrupt:
            self._conclude(starts, sizes)
            raise
        best = self._conclude(starts, sizes)
        watched.end(lambda: self._learned(best.parameters))
        return self

    def _conclude(self, starts: "list[Ascent]", sizes: list[int]) -> "Ascent":
        """Take over what the best of the restarts has learned so far."""
        best = restarts.highest(starts)
        self._take(best.parameters)
        self.history_, self.histories_ = best.history, [ascent.history for ascent in starts]
        self.converged_, self.n_iter_ = best.converged, len(best.history)
        self.n_parameters_ = self._n_parameters(sizes)
        return best

    def _check_parameters(self) -> list[int]:
        sizes = self.n_components if isinstance(self.n_components, (list, tuple)) else [self.n_components]
        if not len(sizes) or not all(isinstance(size, Integral) and int(size) >= 1 for size in sizes):
            raise ValueError(
                f"n_components is {self.n_components!r}; expected the number of states of each chain, such as (2, 3)"
            )
        for name, known in (("covariance", ("full", "diag")), ("inference", ("auto", "exact", "mean_field"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {known}")
        check_positive("min_covar", self.min_covar, "share of the variance")
        return [int(size) for size in sizes]

    def _choose_inference(self, sizes: list[int]) -> None:
        few = np.prod([float(size) for size in sizes]) <= EXACT_UP_TO
        self.inference_ = self.inference if self.inference != "auto" else "exact" if few else "mean_field"

    def _n_parameters(self, sizes: list[int]) -> int:
        chains = sum(size - 1 + size * (size - 1) for size in sizes)
        d = self.n_features_in_
        means = (sum(sizes) - len(sizes) + 1) * d  # one vector can move from chain to chain
        return chains + means + (d if self.covariance == "diag" else d * (d + 1) // 2)

    def _expectation(self) -> "Callable[[Parameters, Data, np.ndarray | None], Moments]":
        if self.inference_ == "exact":
            return lambda parameters, data, states: exact(parameters, data)
        return mean_field

    def _maximisation(self) -> "Callable[[Parameters, Data, Moments], Parameters]":
        diagonal, floor = self.covariance == "diag", self.min_covar
        return lambda parameters, data, moments: maximise(parameters, data, moments, diagonal, floor)

    def _data(self, packed: Sequences, states: Any, sizes: list[int], weights: Any = None) -> Data:
        observed = numbers(packed, "Gaussian", REAL, None if not len(packed.values) else self.n_features_in_)
        weights = np.ones(len(packed)) if weights is None else weights
        forbidden = None if states is None else ruled_out(states, sizes)
        if weights.all():
            return Data(observed, weights, forbidden, self.n_jobs)
        kept = np.repeat(weights > 0, observed.lengths)
        some = Sequences(observed.values[kept], np.concatenate([[0], np.cumsum(observed.lengths[weights > 0])]))
        return Data(some, weights[weights > 0], None if forbidden is None else forbidden[kept], self.n_jobs)

    def _asked(self, X: Any, lengths: Any) -> Data:
        check_is_fitted(self, "parameters_")
        return self._data(inputs.sequences(self, X, lengths, reset=False), None, self.parameters_.sizes)

    def _moments(self, data: Data) -> Moments:
        """Of new data: by mean field one sequence after the other, so that none decides how long another is swept."""
        expect = self._expectation()
        parts = [data] if self.inference_ == "exact" else [data.one(s) for s in range(len(data.X))]
        found = [expect(self.parameters_, part, None) for part in parts]
        states = np.concatenate([moments.states for moments in found])
        return replace(found[0], height=sum(moments.height for moments in found), states=states)

    def predict(self, X: Any, *, lengths: Any = None) -> Any:
        """(n_steps, n_chains) states of the best path, as in `decode`; one array end to end if `lengths` are given."""
        found = self.decode(X, lengths=lengths)
        if not isinstance(found, list):
            return found.states
        states = [path.states for path in found]
        return (
            states
            if lengths is None
            else np.concatenate([np.zeros((0, len(self.parameters_.start)), dtype=int), *states])
        )

    def decode(self, X: Any, *, lengths: Any = None) -> Any:
        """`FactorialPath(states, score)`: the best path of all chains together (Viterbi), its log probability with the data.

        By mean field, the best path of each chain given the means of the others, and its score is that of those paths.
        """
        data = self._asked(X, lengths)
        if self.inference_ == "exact":
            found = lattice.best_path(
                self.parameters_.joint_graph(), joint_scores(self.parameters_, data), n_jobs=self.n_jobs
            )
            combinations = self.parameters_.combinations()
            paths = [FactorialPath(combinations[path.states], path.score) for path in found]
        else:
            paths = self._best_of_each(data)
        return paths[0] if lengths is None and is_one(X) else paths

    def _best_of_each(self, data: Data) -> list[FactorialPath]:
        parameters = self.parameters_
        settled = Field(parameters, data, self._moments(data).states)
        graphs = [parameters.graph(m) for m in range(len(parameters.start))]
        chains = [lattice.best_path(graph, settled.packed(m), n_jobs=self.n_jobs) for m, graph in enumerate(graphs)]
        states = [np.column_stack([path.states for path in together]) for together in zip(*chains, strict=True)]
        return [FactorialPath(own, self._path_score(x, own)) for own, x in zip(states, data.X, strict=True)]

    def _path_score(self, x: np.ndarray, states: np.ndarray) -> float:
        parameters, n = self.parameters_, len(states)
        if not n:
            return 0.0
        total = sum(
            lattice.path_score(parameters.graph(m), np.zeros((n, size)), states[:, m])
            for m, size in enumerate(parameters.sizes)
        )
        means = sum(parameters.means[block][states[:, m]] for m, block in enumerate(parameters.blocks))
        one = Parameters([np.ones(1)], [np.ones((1, 1))], np.zeros((1, x.shape[1])), *_noise(parameters))
        return float(total + joint_scores(one, Data(Sequences.pack([x - means]), np.ones(1), None, None)).table.sum())

    def predict_proba(self, X: Any, *, lengths: Any = None) -> Any:
        """(n_steps, sum of n_components) posterior of the states of the first chain, then the second, and so on."""
        data = self._asked(X, lengths)
        states = self._moments(data).states
        return inputs.mirror(states, data.X, is_one(X), lengths)

    def score(self, X: Any, y: Any = None, *, lengths: Any = None) -> float:
        """Log-likelihood per step, or by mean field its lower bound; y is not used."""
        data = self._asked(X, lengths)
        return self._moments(data).height / max(len(data.X.values), 1)

    def aic(self, X: Any, *, lengths: Any = None) -> float:
        """Akaike's information criterion, as in `HMM`; by mean field at most too high."""
        return criteria.aic(self._moments(self._asked(X, lengths)).height, self.n_parameters_)

    def bic(self, X: Any, *, lengths: Any = None) -> float:
        """Schwarz's criterion, as in `HMM`; by mean field at most too high."""
        data = self._asked(X, lengths)
        return criteria.bic(self._moments(data).height, self.n_parameters_, len(data.X.values))

    def sample(self, n_samples: int = 1, *, random_state: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Draw one sequence of `n_samples` steps: (observations, (n_samples, n_chains) states)."""
        check_is_fitted(self, "parameters_")
        check_whole("n_samples", n_samples, 0)
        seed = self.random_state if random_state is None else random_state
        rng = np.random.default_rng(check_random_state(seed).randint(2**31))
        parameters, columns = self.parameters_, []
        for m, size in enumerate(parameters.sizes):
            free = np.zeros((n_samples, size))
            columns.append(lattice.sample_paths(parameters.graph(m), free, random_state=rng)[0].states)
        states = np.column_stack(columns)
        means = sum(parameters.means[block][states[:, m]] for m, block in enumerate(parameters.blocks))
        noise = rng.normal(size=(n_samples, self.n_features_in_)) @ np.linalg.cholesky(parameters.covariance).T
        return parameters.origin + means + noise, states

    def _take(self, parameters: Parameters) -> None:
        for name, value in self._learned(parameters).items():
            setattr(self, name, value)

    @staticmethod
    def _learned(parameters: Parameters) -> dict[str, Any]:
        """The attributes that say so."""
        return {
            "parameters_": parameters, "startprobs_": parameters.start, "transmats_": parameters.transmat,
            "means_": [parameters.means[block] for block in parameters.blocks],
            "covariance_": parameters.covariance, "origin_": parameters.origin,
        }  # fmt: skip

    def _parts(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays = {name: getattr(self.parameters_, name) for name in PARTS}
        for m, (start, rows) in enumerate(zip(self.startprobs_, self.transmats_, strict=True)):
            arrays |= {f"start.{m}": start, f"transmat.{m}": rows}
        return arrays, {name: getattr(self, name) for name in FITTED}

    def _restore(self, arrays: dict[str, np.ndarray], fitted: dict[str, Any]) -> None:
        rest = [arrays[name] for name in PARTS]
        n_chains = len(self._check_parameters())
        chains = [[arrays[f"{name}.{m}"] for m in range(n_chains)] for name in ("start", "transmat")]
        sizes = [len(start) for start in chains[0]]
        d = fitted["n_features_in_"]
        shapes = [(sum(sizes), d), (d, d), (d,), (d,), *((k,) for k in sizes), *((k, k) for k in sizes)]
        every = [*rest, *chains[0], *chains[1]]
        if [array.shape for array in every] != shapes or not all(np.all(np.isfinite(array)) for array in every):
            raise ValueError(
                f"parameters have shapes {[array.shape for array in every]}; expected finite ones of {shapes}"
            )
        if np.linalg.eigvalsh(rest[1]).min() <= 0 or min(array.min() for part in chains for array in part) < 0:
            raise ValueError("the covariance must be positive, and probabilities 0 or more")
        self._take(Parameters(chains[0], chains[1], *rest))
        for name in FITTED:
            setattr(self, name, fitted[name])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        several = isinstance(self.n_components, (list, tuple)) and len(self.n_components) > 1
        tags.target_tags.multi_output, tags.target_tags.single_output = (
            several,
            not several,
        )  # a column of y for each chain
        return tags


@dataclass
class Ascent:
    """One run of EM: where it stands, and how it came there."""

    parameters: Parameters
    expect: Callable[[Parameters, Data, np.ndarray | None], Moments]
    maximise: Callable[[Parameters, Data, Moments], Parameters]
    states: np.ndarray | None = None  # posteriors, from which the next ones begin
    history: list[float] = field(default_factory=list)
    converged: bool = False

    @property
    def height(self) -> float:
        """What EM has reached."""
        return self.history[-1] if self.history else -np.inf

    def step(self, data: Data) -> float:
        """One iteration; the log-likelihood, or its bound, before it."""
        moments = self.expect(self.parameters, data, self.states)
        self.parameters, self.states = self.maximise(self.parameters, data, moments), moments.states
        self.history.append(moments.height)
        return moments.height


def first_guess(data: Data, sizes: list[int], rng: np.random.Generator) -> Parameters:
    """Chains that like to stay; in any order, each has clusters of what those before it leave."""
    origin, scale, _ = mean_and_variance(data.X.values)
    last, left = np.cumsum(sizes), data.away(origin)[data.seen]
    means = np.zeros((sum(sizes), len(origin)))
    for m in rng.permutation(len(sizes)) if len(left) else ():
        labels = guessed_labels(left, sizes[m], rng)
        block = slice(last[m] - sizes[m], last[m])
        means[block] = labels.T @ left / labels.sum(0)[:, None] + JITTER * left.std(0) * rng.normal(size=(sizes[m], 1))
        left = left - means[block][labels.argmax(1)]
    covariance = np.diag((left**2).mean(0) if len(left) else scale)
    stay = [(np.ones((size, size)) + np.eye(size) * size) / (2 * size) for size in sizes]
    start = [np.full(size, 1.0 / size) for size in sizes]
    return Parameters(start, stay, means, floored(covariance, scale, LEAST_NOISE), origin, scale)


def known_states(y: Any, X: Sequences, lengths: Any, n_chains: int) -> np.ndarray:
    """(n_steps, n_chains) known states, checked."""
    packed = Sequences.pack(y, lengths)
    columns = packed.values.reshape(len(packed.values), -1).T
    if len(packed.values) and len(columns) != n_chains:
        raise ValueError(f"y has {len(columns)} column(s); expected one for each of {n_chains} chains")
    if not len(columns):
        return np.zeros((0, n_chains), dtype=np.int64)
    parts = [list(Sequences(np.ascontiguousarray(column), packed.offsets)) for column in columns]
    return np.column_stack([inputs.states(part, X, None) for part in parts])


def ruled_out(states: np.ndarray, sizes: list[int]) -> np.ndarray:
    """(n_steps, n_all) whether known states rule out each state of each chain."""
    columns = [(states[:, m, None] >= 0) & (states[:, m, None] != np.arange(size)) for m, size in enumerate(sizes)]
    return np.concatenate(columns, axis=1)


def _noise(parameters: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return parameters.covariance, parameters.origin, parameters.scale
