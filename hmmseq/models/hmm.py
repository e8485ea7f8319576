"""The hidden Markov model: a state graph whose edges and emissions are learned."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from hmmseq import callbacks, lattice, topologies
from hmmseq.decoding import mea_path
from hmmseq.emissions import Emission
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.models import criteria, em, fitting, inputs, parts, restarts, starts, stepwise
from hmmseq.models.acceleration import Leaps
from hmmseq.models.chain import Chain
from hmmseq.models.streams import ModelStream
from hmmseq.paths import best_states
from hmmseq.scores import Densities, Packed, pack
from hmmseq.sequences import Sequences, is_one
from hmmseq.shares import threads
from hmmseq.storage import Arrays, Stored
from hmmseq.streaming import PathStream, PosteriorStream, Stream
from hmmseq.validation import check_whole, sample_weights


class HMM(callbacks.CallbackSupportMixin, DensityMixin, Stored, BaseEstimator):
    """Hidden Markov model with any emission and any topology (Rabiner, Proc. IEEE 77, 1989).

    Parameters
    ----------
    emission : what states emit, e.g. `Gaussian()` or `Categorical()`; default `Gaussian()`
    n_components : number of states; with a `topology` graph the graph decides, and labels in `fit` can raise it
    topology : None (every state leads to every state), a function of the number of states such as
        `topologies.left_right`, or a `StateGraph`. Edges that are not there never appear, its weights are where EM starts
    n_iter, tol : EM stops after `n_iter` iterations, or when the log-likelihood (of all data) gains less than `tol`
    n_init : EM starts from so many first guesses of the emission, and the best end is kept
    init : where EM starts. None: the emission's own guess; "kmeans" or "quantile": what is most likely for labels guessed
        by k-means, or by cutting the steps evenly in the order of their first principal component; or a fitted model of the
        same states, from whose end EM goes on (what clones models, such as a grid search, needs it in a `FrozenEstimator`)
    training : "em" (all paths, by their posteriors), or "viterbi" (the best path alone: faster, and biased; `history_`
        then holds the log probability of data and best paths)
    accelerate : leap ahead of EM where its steps go on in one direction (SQUAREM); what is raised still never falls
    startprob_pseudocount, transmat_pseudocount : added to the count of each start and transition: a Dirichlet prior of
        concentration 1 + pseudocount, of which the mode is found (MAP). A number, (n_states,) or (n_states, n_states)
    sticky : a pseudocount for staying in a state, in addition
    fixed_startprob, fixed_transmat : probabilities that are known, NaN for those to learn; shapes as above
    tied_startprob, tied_transmat : whole numbers; entries of one number share one probability, -1: tied to none
    n_jobs : threads over sequences, or over first guesses if there are several; results have the same bits for any number
    random_state : seed of the first guess and of `sample`
    verbose : one line an iteration on standard error

    Attributes
    ----------
    startprob_ (n_states,), transmat_ (n_states, n_states), emission_ : what was learned
    graph_ : the learned StateGraph (log weights)
    history_ : log-likelihood plus log prior (if any) before each iteration's update
    histories_ : the history from each of the `n_init` first guesses; history_ is one of them
    n_parameters_ : degrees of freedom: of starts and transitions, without impossible and fixed ones and with one for each
        tie, and of the emission
    converged_ : whether EM stopped because of `tol`
    n_iter_, n_expectations_ : iterations, and passes over the data (more only if leaps of `accelerate` were taken back)
    n_features_in_

    X is a list of sequences, (n_steps, n_features) or (n_steps,) each; one array is one sequence; rows of many with
    `lengths=`. What comes back mirrors X.

    >>> from hmmseq import HMM
    >>> from hmmseq.emissions import Categorical
    >>> X = [[0, 0, 0, 1, 0, 0, 2, 2, 2, 1, 2], [2, 2, 1, 2, 2, 0, 0, 0]]
    >>> model = HMM(Categorical(), n_components=2, random_state=0).fit(X)
    >>> model.predict(X)
    [array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], dtype=int32), array([0, 0, 0, 0, 0, 1, 1, 1], dtype=int32)]
    """

    graph_: Any  # StateGraph, or SegmentGraph where states last

    def __init__(
        self,
        emission: Emission | None = None,
        n_components: int = 1,
        *,
        topology: Any = None,
        n_iter: int = 100,
        tol: float = 1e-2,
        n_init: int = 1,
        init: Any = None,
        training: str = "em",
        accelerate: bool = False,
        startprob_pseudocount: Any = 0.0,
        transmat_pseudocount: Any = 0.0,
        sticky: float = 0.0,
        fixed_startprob: Any = None,
        fixed_transmat: Any = None,
        tied_startprob: Any = None,
        tied_transmat: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.emission = emission
        self.n_components = n_components
        self.topology = topology
        self.n_iter = n_iter
        self.tol = tol
        self.n_init = n_init
        self.init = init
        self.training = training
        self.accelerate = accelerate
        self.startprob_pseudocount = startprob_pseudocount
        self.transmat_pseudocount = transmat_pseudocount
        self.sticky = sticky
        self.fixed_startprob = fixed_startprob
        self.fixed_transmat = fixed_transmat
        self.tied_startprob = tied_startprob
        self.tied_transmat = tied_transmat
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @callbacks.with_callbacks
    def fit(
        self, X: Any, y: Any = None, *, lengths: Any = None, sample_weight: Any = None, checkpoint: Any = None
    ) -> Self:
        """Learn from sequences, by EM; from sequences with known states, by counting; or from both.

        y : states, one per step, -1 where unknown. All known: one pass of counting. None: all unknown.
        lengths : (n_sequences,) if X (and y) are many sequences end to end
        sample_weight : (n_sequences,) each sequence counts so many times
        checkpoint : a file that says where the fit stands, written about every second. If it is there already, the fit goes
            on from it, to the same bits as if nothing had come between, also with a larger `n_iter`; DataError if it is of
            other data or another model. Remove it to begin anew

        Ctrl-C raises KeyboardInterrupt as ever, but the model is then fitted as far as the last finished iteration.

        Raises ImpossibleSequenceError if the topology (or a zero probability) forbids a sequence.
        """
        sequences = inputs.sequences(self, X, lengths, reset=True)
        states = None if y is None else inputs.states(y, sequences, lengths)
        weights = sample_weights(sample_weight, len(sequences))
        starts.check_init(self.init)
        emission, graph = self._learner(), starts.structure(self, states)
        chain = self._chain(graph, sequences)
        with threads(self.n_jobs):
            observed = emission.observe(self._observed(sequences))
        task = em.Task(observed, states, weights, self.n_jobs, self._is_hard())
        if not len(task.X.values):
            raise ValueError("X holds 0 sample(s): all its sequences are empty; a fit needs at least one step")
        leaps = Leaps(chain) if self.accelerate else None
        fitting.climb(self, restarts.Climb(chain.begin(graph), emission, chain, leaps), task, (X, y), checkpoint)
        return self

    @available_if(lambda self: type(self)._chain is HMM._chain)  # stepwise EM knows rows of probabilities alone
    def partial_fit(
        self, X: Any, y: Any = None, *, lengths: Any = None, sample_weight: Any = None, decay: float = 0.7
    ) -> Self:
        """Learn from one more part of the data, by stepwise EM (Cappé and Moulines, J. R. Stat. Soc. B 71, 2009).

        For data that do not fit into memory, or that keep coming; parts are whole sequences. Passing over the same parts
        again is minibatch EM. The first part also makes the first guess, so it should show all that there is (or pass
        `init`). After `fit` it goes on from its parameters; what `fit` has seen does not count.

        decay : part k counts (k + 1) ** -decay in the running average that parameters are the maximum of: 1, all parts alike;
            towards 0.5, early ones are forgotten sooner; 0, only the last counts
        others : as in `fit`

        `history_` has the log-likelihood of each part before it was learned; it can fall. Raises ValueError for emissions
        whose statistics do not add up over parts (StudentT, NegativeBinomial, SciPy, Pomegranate, generalised regressions).

        >>> rng = np.random.default_rng(0)
        >>> model = HMM(n_components=2, random_state=0)
        >>> for _ in range(20):
        ...     model = model.partial_fit([rng.normal(np.repeat([0.0, 6.0], 25))[:, None] for _ in range(4)])
        >>> np.sort(model.means_.ravel()).round().astype(int).tolist()
        [0, 6]
        """
        stepwise.learn(self, X, y, lengths, sample_weight, decay)
        return self

    def _learner(self) -> Emission:
        """What states emit while EM runs."""
        return starts.learner(self.emission)

    def _chain(self, graph: StateGraph, sequences: Sequences) -> Chain:
        """What learns starts and transitions."""
        return Chain.of(self, graph)

    def _observed(self, sequences: Sequences) -> Sequences:
        """What the emission reads of the data."""
        return sequences

    def _is_hard(self) -> bool:
        if self.training not in ("em", "viterbi"):
            raise ValueError(f"training is {self.training!r}; expected 'em' or 'viterbi'")
        return self.training == "viterbi"

    def _is_counting(self, task: em.Task) -> bool:
        """Whether one pass says all: every state is known."""
        return task.states is not None and task.states.min(initial=0) > inputs.UNKNOWN

    def _keep(self, best: restarts.Climb) -> None:
        """Take the parameters that were learned."""
        for name, value in self._learned(best).items():
            setattr(self, name, value)

    def _learned(self, climb: restarts.Climb) -> dict[str, Any]:
        """The parameters of a climb, finished or not."""
        return {"graph_": climb.graph, "emission_": climb.emission}

    _warn_of_idle_states = staticmethod(restarts.warn_of_idle_states)

    def _first_guess(self, climb: restarts.Climb, task: em.Task, seeds: Any) -> restarts.Climb:
        rng = np.random.default_rng(seeds.randint(2**31))
        starts.first_guess(self.init, climb.emission, task.X, climb.graph.n_labels, rng)
        climb.graph = starts.first_graph(self.init, climb.graph, climb.chain)
        going_on = hasattr(self.init, "fit") and not self._is_counting(task)
        if task.states is not None and not going_on:
            em.first_guess(climb.graph, climb.emission, task)
        return climb

    _default_topology = staticmethod(topologies.ergodic)

    def _scores(self, X: Any, lengths: Any) -> Packed | Densities:
        if "graph_" not in self.__dict__:  # the question to scikit-learn takes as long as a hundred steps
            check_is_fitted(self)
        sequences = inputs.sequences(self, X, lengths, reset=False)
        scores, single = self._read(sequences), lengths is None and is_one(X)
        return scores if scores.single == single else replace(scores, single=single)

    def _read(self, sequences: Sequences) -> Packed | Densities:
        """Scores of data."""
        with threads(self.n_jobs):
            scores = self.emission_.scores(self.emission_.observe(self._observed(sequences)))
        return self._driven(scores, sequences)

    def _driven(self, scores: Packed | Densities, sequences: Sequences) -> Packed | Densities:
        return scores  # data that also act on transitions are for subclasses

    def predict(self, X: Any, *, lengths: Any = None, known: Any = None) -> Any:
        """The states of the best path (Viterbi), one per step; -1 throughout a sequence that no path explains.

        lengths : (n_sequences,) if X is many sequences end to end; then the answer, one array, is so too
        known : the states of some steps, -1 where unknown, as y in `fit`: the path passes through them
        """
        if known is not None or not self._is_plain:
            states = _mirror(self.decode(X, lengths=lengths, known=known), lambda path: path.states)
            return states if lengths is None else np.concatenate([np.empty(0, dtype=np.int32), *states])
        scores = self._scores(X, lengths)
        states, _ = best_states(self.graph_, scores, self.n_jobs)
        return inputs.mirror(states, scores.steps, scores.single, lengths)

    def decode(self, X: Any, *, lengths: Any = None, method: str = "viterbi", known: Any = None) -> Any:
        """Best states with their score: `Path(states, score)`, silent states left out.

        method : "viterbi", the most probable path (score: its log probability with the data); or "mea", the path of the
            graph with the most steps expected to be right (score: that number)
        known : as in `predict`
        """
        if method not in ("viterbi", "mea"):
            raise ValueError(f"method is {method!r}; expected 'viterbi' or 'mea'")
        scores, graph = self._scores(X, lengths), self.graph_
        if method == "mea" or known is not None:
            graph, scores = self._untied(scores, known, lengths)
        if method == "viterbi":
            paths = lattice.best_path(graph, scores, n_jobs=self.n_jobs)
        else:
            paths = mea_path(graph, lattice.label_posteriors(graph, scores, n_jobs=self.n_jobs), n_jobs=self.n_jobs)
        return paths if self.graph_.label.min() >= 0 else _mirror(paths, self._without_silent)

    @property
    def _is_plain(self) -> bool:
        """Whether it is fitted, and a path has a state for each step."""
        graph = self.__dict__.get("graph_")
        return isinstance(graph, StateGraph) and bool(graph.label.min() >= 0)

    def _without_silent(self, path: lattice.Path) -> lattice.Path:
        if path.score == NEVER:
            return path
        return path._replace(states=path.states[self.graph_.label[path.states] >= 0])

    def _untied(self, scores: Packed | Densities, known: Any, lengths: Any) -> tuple[StateGraph, Packed | Densities]:
        """Graph and scores with a column for each emitting state, all but the known states forbidden."""
        graph = self.graph_.untied()
        if known is None:
            return graph, self._by_state(scores)
        states = inputs.states(known, scores.steps, lengths, "known")
        inputs.check_states(states, self.graph_, "known")
        return graph, em.known_states(self.graph_, pack(scores), states)[0]

    def _by_state(self, scores: Packed | Densities) -> Packed | Densities:
        return scores if self.graph_.is_untied else em.untied(self.graph_, pack(scores))

    def predict_proba(self, X: Any, *, lengths: Any = None, known: Any = None) -> Any:
        """(n_steps, n_states) posterior of each state at each step; zero for silent states, and where nothing is possible.

        lengths, known : as in `predict`
        """
        graph, scores = self._untied(self._scores(X, lengths), known, lengths)
        rows = self._spread(lattice.joined_posteriors(graph, scores, n_jobs=self.n_jobs))
        return inputs.mirror(rows, scores.steps, scores.single, lengths)

    def _spread(self, emitting: np.ndarray) -> np.ndarray:
        """Columns of the emitting states among those of all states."""
        emits = self.graph_.label >= 0
        if emits.all():
            return emitting
        out = np.zeros((len(emitting), self.graph_.n_states))
        out[:, emits] = emitting
        return out

    def stream_predict(self, *, longest: int | None = None) -> ModelStream:
        """`predict` while the observations arrive: each state as soon as nothing that may follow can change it.

        longest : at most so many steps wait for their state; beyond, the best path so far decides (see `PathStream`)

        >>> from hmmseq import GaussianHMM
        >>> model = GaussianHMM(2, random_state=0).fit(np.array([[0.1], [0.0], [5.0], [5.1], [0.2], [0.1]]))
        >>> stream = model.stream_predict()
        >>> np.concatenate([stream.push(x) for x in (0.1, 0.0, 5.0, 5.1)] + [stream.close()])
        array([0, 0, 1, 1], dtype=int32)
        """
        frozen = copy(self)  # another fit replaces the parts of this model, and leaves them as they are

        def read(states: np.ndarray) -> np.ndarray:
            return states[(states < 0) | (frozen.graph_.label[states] >= 0)]

        return frozen._stream(lambda graph: PathStream(graph, longest), lambda scores: scores, read)

    def stream_predict_proba(self, *, lag: int = 0) -> ModelStream:
        """`predict_proba` while the observations arrive: (n_new, n_states), `lag` steps late, given all seen by then."""
        frozen = copy(self)
        return frozen._stream(lambda graph: PosteriorStream(graph.untied(), lag), frozen._by_state, frozen._spread)

    def _stream(self, make: Callable[[StateGraph], Stream], columns: Any, read: Any) -> ModelStream:
        check_is_fitted(self)
        return ModelStream(self.emission_, self.n_features_in_, make(self.graph_), columns, read)

    def score(self, X: Any, y: Any = None, *, lengths: Any = None) -> float:
        """Log-likelihood per step, so that sets of different size can be compared; y is not used."""
        scores = self._scores(X, lengths)
        return self._log_likelihood(scores) / max(len(scores.steps.values), 1)

    def _log_likelihood(self, scores: Packed | Densities) -> float:
        return float(np.sum(lattice.log_partition(self.graph_, scores, n_jobs=self.n_jobs)))

    def aic(self, X: Any, *, lengths: Any = None) -> float:
        """Akaike's information criterion: -2 log-likelihood + 2 `n_parameters_`; lower is better."""
        return criteria.aic(self._log_likelihood(self._scores(X, lengths)), self.n_parameters_)

    def bic(self, X: Any, *, lengths: Any = None) -> float:
        """Schwarz's criterion: -2 log-likelihood + log(number of steps) `n_parameters_`; lower is better."""
        scores = self._scores(X, lengths)
        return criteria.bic(self._log_likelihood(scores), self.n_parameters_, len(scores.steps.values))

    def sample(self, n_samples: int = 1, *, random_state: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Draw one sequence of `n_samples` steps: (observations, states)."""
        check_is_fitted(self)
        check_whole("n_samples", n_samples, 0)
        seed = self.random_state if random_state is None else random_state
        rng = np.random.default_rng(check_random_state(seed).randint(2**31))
        free = np.zeros((n_samples, self.graph_.n_labels))
        path = lattice.sample_paths(self.graph_, free, random_state=rng)[0]
        if path.score == NEVER:
            raise ValueError(f"no path through the model has {n_samples} steps; ask for another number of samples")
        states = self._without_silent(path).states
        return self.emission_.sample(self.graph_.label[states], rng), states

    @property
    def startprob_(self) -> np.ndarray:
        """(n_states,) probability of starting in each state."""
        return np.exp(self.graph_.start)

    @property
    def transmat_(self) -> np.ndarray:
        """(n_states, n_states) probability of going from one state to another."""
        return self.graph_.matrix(np.exp(self.graph_.edge))

    def _kept_params(self) -> dict[str, Any]:
        return super()._kept_params() | {"emission": None, "topology": None}  # both are among the parts

    def _parts(self) -> tuple[Arrays, dict[str, Any]]:
        return parts.parts(self)

    def _restore(self, arrays: Arrays, fitted: dict[str, Any]) -> None:
        parts.restore(self, arrays, fitted)

    def _restore_graph(self, graph: StateGraph, arrays: Arrays) -> None:
        """Take the graph, and what else a file keeps of the chain."""
        self.graph_ = graph

    def _reorder(self, graph: StateGraph, order: np.ndarray) -> None:
        """Take the graph in which state i is what was state order[i]; the emission has its order already."""
        self.graph_ = graph

    def __getattr__(self, name: str) -> Any:
        """Fitted parameters of the emission, `means_` say, are there on the model too."""
        if name.endswith("_") and not name.startswith("_") and "emission_" in self.__dict__:
            return getattr(self.emission_, name)
        advice = "; it appears in fit" if name.endswith("_") else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{advice}")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _mirror(results: Any, change: Callable[[Any], Any]) -> Any:
    """Change one result, or each in a list of them."""
    return [change(one) for one in results] if isinstance(results, list) else change(results)
