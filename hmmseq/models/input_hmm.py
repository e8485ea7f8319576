"""Hidden Markov models whose transitions depend on inputs."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from hmmseq import lattice
from hmmseq.emissions import Emission
from hmmseq.emissions.observed import by_row, refuse_huge
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.models import em, restarts
from hmmseq.models.hmm import HMM
from hmmseq.models.regression import Regression
from hmmseq.scores import Densities, Indexed, Packed, TimeVarying, pack
from hmmseq.sequences import Sequences
from hmmseq.storage import Arrays
from hmmseq.validation import check_not_negative


class InputHMM(HMM):
    """Hidden Markov model with covariates on transitions (Bengio and Frasconi, NIPS 1995): an input-driven HMM.

    From each state, the probability of the next one is a multinomial logistic regression on the inputs u of the step that
    is entered: P(j | i, u) is proportional to exp(coefs[i, j] @ [1, u]).

    Parameters
    ----------
    emission : what states emit. It reads the columns of X that are not inputs
    n_components, topology, n_iter, tol, n_init, init, random_state, n_jobs, verbose : as in `HMM`; no silent states. EM can
        go on from an `HMM`, too: inputs do not matter yet
    inputs : the columns of X that drive transitions
    observed : the columns that the emission reads; default: all others. Covariates can stand in both, for an emission such
        as `LinearRegression`
    start_inputs : the inputs of the first step decide where a sequence starts, too; then each state has its own emission
    penalty : of half the sum of squares of all slopes (a normal prior of this precision): keeps them finite where an input
        separates the data. Inputs of similar scale are penalised alike

    Attributes
    ----------
    transition_coefs_ (n_states, n_states, 1 + n_inputs) : constants first, NaN where there is no edge. The constants are
        the logarithms of the probabilities at inputs of 0, and the slopes of a row add up to 0
    start_coefs_ (n_states, 1 + n_inputs) : the same of starts, with slopes of 0 unless `start_inputs`
    transmat_, startprob_, graph_ : at inputs of 0
    others : as in `HMM`

    Inputs must be known at all steps; what is observed can be missing.

    >>> from hmmseq import InputHMM
    >>> from hmmseq.emissions import Categorical
    >>> rng = np.random.default_rng(0)
    >>> u = rng.integers(0, 2, 400)  # 1: whatever the state is, it changes
    >>> symbol = np.cumsum(u) % 2
    >>> model = InputHMM(Categorical(2), 2, inputs=[1], random_state=0).fit(np.column_stack([symbol, u]))
    >>> model.transmat_at([[0.0], [1.0]]).round(1)[:, 0]
    array([[1., 0.],
           [0., 1.]])
    """

    accelerate = False
    sticky = 0.0
    training = "em"
    regressions_: "tuple[Regression, Regression]"

    def __init__(
        self,
        emission: Emission | None = None,
        n_components: int = 1,
        *,
        inputs: Any = (-1,),
        observed: Any = None,
        start_inputs: bool = False,
        penalty: float = 1e-3,
        topology: Any = None,
        n_iter: int = 100,
        tol: float = 1e-2,
        n_init: int = 1,
        init: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.emission = emission
        self.n_components = n_components
        self.inputs = inputs
        self.observed = observed
        self.start_inputs = start_inputs
        self.penalty = penalty
        self.topology = topology
        self.n_iter = n_iter
        self.tol = tol
        self.n_init = n_init
        self.init = init
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Columns of inputs and of what is observed."""
        every = np.arange(self.n_features_in_)
        inputs = _columns("inputs", self.inputs, every)
        rest = np.setdiff1d(every, inputs)
        if self.observed is None and not len(rest):
            raise ValueError(f"X has {len(every)} feature(s), all of them inputs; nothing is left to observe")
        return inputs, _columns("observed", rest if self.observed is None else self.observed, every)

    def _part(self, sequences: Sequences, columns: np.ndarray) -> np.ndarray:
        values = sequences.values
        return values.reshape(len(values), -1)[:, columns] if len(values) else np.zeros((0, len(columns)))

    def _observed(self, sequences: Sequences) -> Sequences:
        observed = self._part(sequences, self._places()[1])
        if self.emission is not None and self.emission.symbols and observed.dtype.kind == "f":
            whole = np.where(
                np.isnan(observed), -1, observed
            )  # beside numbers, symbols are numbers, and NaN is missing
            observed = whole.astype(np.int64) if np.all(whole == np.round(whole)) else observed
        return Sequences(observed, sequences.offsets)

    def _inputs(self, sequences: Sequences) -> np.ndarray:
        """(n_steps in all, n_inputs), checked."""
        found = np.asarray(self._part(sequences, self._places()[0]), dtype=np.float64)
        wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
        if wrong.size:
            s, t = sequences.where(int(wrong[0]))
            raise ValueError(
                f"X[{s}] has the inputs {found[wrong[0]]} at step {t}; inputs must be finite, not NaN, at every step"
            )
        if found.size:
            refuse_huge(Sequences(found, sequences.offsets))
        return found

    def _chain(self, graph: StateGraph, sequences: Sequences) -> "InputChain":  # type: ignore[override]
        check_not_negative("penalty", self.penalty)
        if np.any(graph.label < 0):
            raise ValueError("the topology has silent states; inputs act on edges between states that emit")
        if self.start_inputs and not graph.is_untied:
            raise ValueError("the topology shares labels, but start_inputs needs states with an emission of their own")
        if np.any(graph.edge == NEVER) or (self.start_inputs and np.any(graph.start == NEVER)):
            raise ValueError(
                "the topology has an edge or a start of weight -inf, which no inputs can change; leave it out"
            )
        inputs, kind = np.unique(self._inputs(sequences), axis=0, return_inverse=True)
        return InputChain(inputs, kind.reshape(-1), self.penalty, bool(self.start_inputs))

    def _learned(self, climb: restarts.Climb) -> dict[str, Any]:
        assert isinstance(climb.chain, InputChain)
        return super()._learned(climb) | {"regressions_": (climb.chain.edges, climb.chain.start)}

    def _chain_parameters(self) -> Arrays:
        edges, start = self.regressions_
        return {"edge_coefs": edges.coefs, **({"start_coefs": start.coefs} if self.start_inputs else {})}

    def _is_counting(self, task: em.Task) -> bool:
        return False  # regressions climb

    def _driven(self, scores: Packed | Densities, sequences: Sequences) -> Packed:
        inputs, by_start = self._inputs(sequences), bool(self.start_inputs)
        return driven(pack(scores), self.graph_, *self.regressions_, inputs, np.arange(len(inputs)), by_start)

    def _stream(self, make: Any, columns: Any, read: Any) -> Any:
        raise NotImplementedError("an InputHMM has no streams: decode whole sequences")

    def sample(self, inputs: Any, *, random_state: Any = None) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[override]
        """Draw one sequence for these inputs (n_steps, n_inputs): (X, states), X with the inputs in their columns."""
        check_is_fitted(self)
        columns, observed = self._places()
        given = np.asarray(inputs, dtype=np.float64)
        if given.ndim != 2 or given.shape[1] != len(columns) or not np.all(np.isfinite(given)):
            raise ValueError(f"inputs have shape {given.shape}; expected (n_steps, {len(columns)}) finite numbers")
        seed = self.random_state if random_state is None else random_state
        rng = np.random.default_rng(check_random_state(seed).randint(2**31))
        free = pack(np.zeros((len(given), self.graph_.n_labels)))
        kind = np.arange(len(given))
        scores = driven(free, self.graph_, *self.regressions_, given, kind, bool(self.start_inputs))
        states = lattice.sample_paths(self.graph_, scores, random_state=rng)[0].states
        X = np.empty((len(given), self.n_features_in_))
        X[:, columns] = given
        X[:, observed] = self.emission_.sample(self.graph_.label[states], rng).reshape(len(given), -1)
        return X, states

    def _beside_inputs(self, values: np.ndarray, observed: np.ndarray) -> np.ndarray:
        """A copy of a sequence in which something else is observed."""
        out = np.array(values, dtype=np.float64)
        out[:, self._places()[1]] = observed.reshape(len(out), -1)
        return out

    def transmat_at(self, inputs: Any) -> np.ndarray:
        """(n, n_states, n_states) probabilities of transitions for inputs (n, n_inputs)."""
        check_is_fitted(self)
        found = np.exp(self.regressions_[0].log_probability(np.asarray(inputs, dtype=np.float64)))
        out = np.zeros((len(found), self.graph_.n_states, self.graph_.n_states))
        out[:, self.graph_.source, self.graph_.target] = found
        return out

    @property
    def transition_coefs_(self) -> np.ndarray:
        """(n_states, n_states, 1 + n_inputs) coefficients, NaN where there is no edge."""
        graph, coefs = self.graph_, self.regressions_[0].coefs
        out = np.full((graph.n_states, graph.n_states, coefs.shape[1]), np.nan)
        out[graph.source, graph.target] = coefs
        return out

    @property
    def start_coefs_(self) -> np.ndarray:
        """(n_states, 1 + n_inputs) coefficients of starts."""
        return self.regressions_[1].coefs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False  # of inputs
        return tags

    def _parts(self) -> tuple[Arrays, dict[str, Any]]:
        arrays, fitted = super()._parts()
        edges, start = self.regressions_
        return arrays | {"coefs.edges": edges.coefs, "coefs.start": start.coefs}, fitted

    def _restore_graph(self, graph: StateGraph, arrays: Arrays) -> None:
        self.graph_ = graph
        edges, start = arrays["coefs.edges"], arrays["coefs.start"]
        n = 1 + len(np.atleast_1d(self.inputs))
        if edges.shape != (graph.n_edges, n) or start.shape != (graph.n_states, n):
            raise ValueError(
                f"coefficients have shapes {edges.shape} and {start.shape}; expected {n} columns for each edge"
            )
        if not np.all(np.isfinite(edges)) or np.any(np.isnan(start)):
            raise ValueError("coefficients must be finite")
        self.regressions_ = tuple(
            Regression(row, coefs, self.penalty)
            for row, coefs in ((graph.source, edges), (np.zeros(graph.n_states, dtype=np.int64), start))
        )  # type: ignore[assignment]

    def _reorder(self, graph: StateGraph, order: np.ndarray) -> None:
        edges, start = self.regressions_  # edges keep their order, and come from other states
        self.regressions_ = replace(edges, row=graph.source), replace(start, coefs=start.coefs[order])
        self.graph_ = graph


@dataclass
class InputChain:
    """Starts and transitions that depend on inputs: the `Chain` of such a model."""

    inputs: np.ndarray  # (n_kinds, n_inputs) the different ones there are
    kind: np.ndarray  # (n_steps in all,) which of them each step has
    penalty: float
    start_inputs: bool

    def begin(self, graph: StateGraph) -> StateGraph:
        """Inputs do not matter yet."""
        graph = em.normalise(graph)
        n = self.inputs.shape[1]
        self.edges = Regression.constant(graph.source, graph.edge, n, self.penalty)
        self.start = Regression.constant(np.zeros(graph.n_states, dtype=np.int64), graph.start, n, self.penalty)
        return graph

    def go_on(self, graph: StateGraph, model: Any) -> StateGraph:
        """As `Chain.go_on`."""
        graph = self.begin(graph.weigh(edge=model.graph_.edge, start=model.graph_.start))
        if not hasattr(model, "regressions_"):
            return graph
        edges, start = model.regressions_
        if edges.coefs.shape != self.edges.coefs.shape:
            raise ValueError(f"init has {edges.coefs.shape[1] - 1} inputs, but this model {self.inputs.shape[1]}")
        return self.placed(graph, {"edges": edges.coefs, "starts": start.coefs})

    def kept(self, graph: StateGraph) -> Arrays:
        """As `Chain.kept`."""
        return {"edges": self.edges.coefs, "starts": self.start.coefs}

    def placed(self, graph: StateGraph, kept: Arrays) -> StateGraph:
        """As `Chain.placed`."""
        self.edges, self.start = replace(self.edges, coefs=kept["edges"]), replace(self.start, coefs=kept["starts"])
        return self._at_zero(graph)

    def _at_zero(self, graph: StateGraph) -> StateGraph:
        return graph.weigh(edge=self.edges.coefs[:, 0], start=self.start.coefs[:, 0])

    def expect(self, graph: StateGraph, emission: Emission, task: em.Task) -> em.Expected:
        """The E-step, which counts edges and starts by the inputs they were taken at."""
        return em.expect(graph, emission, task, self._expect_group)

    def _expect_group(self, graph: StateGraph, emission: Emission, task: em.Task, steps: Any) -> em.Expected:
        scores, kind = emission.log_scores(task.X), self.kind[steps]
        states = np.full(len(kind), -1) if task.states is None else task.states
        known, row, column = em.known_states(graph, scores, states)
        asked = driven(known, graph, self.edges, self.start, self.inputs, kind, self.start_inputs)
        counts = lattice.expected_counts(graph.untied(), asked, task.weights, n_jobs=task.n_jobs)
        n, begins = len(known.table), _begins(task.X)
        weight, rows = np.repeat(task.weights, task.X.lengths), np.zeros_like(scores.table)
        np.add.at(rows, (row[:, None], column), counts.rows[:n])
        more = {"edges": self._by_kind(_edges(graph, asked, weight, task.n_jobs), kind)}
        if self.start_inputs:
            np.add.at(rows, (row[known.code[begins]][:, None], column), counts.rows[n:])
            more["start"] = self._by_kind(counts.rows[n:], kind[begins])
        log_likelihood = float(task.weights @ counts.log_partition)
        return em.Expected(log_likelihood, emission.statistics(task.X, rows), counts.edges, counts.start, more)

    def _by_kind(self, counts: np.ndarray, kind: np.ndarray) -> np.ndarray:
        return by_row(counts, kind, len(self.inputs))

    def maximise(self, graph: StateGraph, counts: em.Expected) -> StateGraph:
        """The M-step: regressions climb, and no row falls."""
        self.edges = self.edges.maximise(self.inputs, counts.more["edges"])
        if self.start_inputs:
            self.start = self.start.maximise(self.inputs, counts.more["start"])
        elif counts.start.sum() > 0:
            with np.errstate(divide="ignore"):
                start = np.log(counts.start / counts.start.sum())
            self.start = Regression.constant(self.start.row, start, self.inputs.shape[1], self.penalty)
        return self._at_zero(graph)

    def log_prior(self, graph: StateGraph) -> float:
        """Log density of the prior of all slopes."""
        return self.edges.log_prior() + self.start.log_prior()

    def n_free(self, graph: StateGraph) -> int:
        """Degrees of freedom."""
        starts = self.start.n_free if self.start_inputs else int(np.sum(graph.start > NEVER)) - 1
        return self.edges.n_free + starts


def driven(
    scores: Packed, graph: StateGraph, edges: Regression, start: Regression, inputs: np.ndarray, kind: np.ndarray,
    start_inputs: bool,
) -> Packed:  # fmt: skip
    """Scores together with what the inputs of each step add to the weights of edges; those of starts are first steps' own.

    inputs : (n_kinds, n_inputs), and the kind of each step
    """
    if start_inputs:
        begins = _begins(scores.steps)
        added = start.log_probability(inputs[kind[begins]]) - graph.start
        code = scores.code.astype(np.int32)
        code[begins] = len(scores.table) + np.arange(len(begins))
        table = np.vstack([scores.table, scores.table[scores.code[begins]] + added])
        scores = replace(scores, table=table, code=code, steps=Sequences(code, scores.offsets))
    added = edges.log_probability(inputs) - graph.edge
    kinds = Sequences(kind, scores.offsets)
    return replace(pack(TimeVarying(scores, Indexed(added, kinds))), single=scores.single)


def _begins(steps: Sequences) -> np.ndarray:
    """The first step of each sequence that has one."""
    return steps.offsets[:-1][steps.lengths > 0]


def _edges(graph: StateGraph, scores: Packed, weight: np.ndarray, n_jobs: int | None) -> np.ndarray:
    """(n_steps, n_edges) expected uses of edges, weighted."""
    found = lattice.edge_posteriors(graph.untied(), replace(scores, single=False), n_jobs=n_jobs)
    return np.concatenate(found) * weight[:, None]


def _columns(name: str, given: Any, every: np.ndarray) -> np.ndarray:
    try:
        found = every[np.atleast_1d(np.asarray(given, dtype=np.int64))]
    except (IndexError, OverflowError, TypeError, ValueError):
        found = every[:0]
    if not len(found) or len(np.unique(found)) < len(found) or np.asarray(given).dtype.kind not in "iu":
        raise ValueError(f"{name} is {given!r}; expected different columns of X, which has {len(every)} of them")
    return found
