"""The hidden semi-Markov model: states last for explicit durations, which are learned."""

import warnings
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from hmmseq import topologies
from hmmseq.durations import FAMILIES, Durations, Geometric, Histogram, NegativeBinomial, Poisson
from hmmseq.emissions import Emission
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.models import em, restarts
from hmmseq.models.chain import Chain
from hmmseq.models.hmm import HMM
from hmmseq.segment_graph import SegmentGraph
from hmmseq.sequences import Sequences
from hmmseq.storage import Arrays, named

LARGEST_TABLE = 1 << 20  # a file may ask for any
CUT = 0.01  # share of the durations of a state that may lie beyond the table without a warning


class SemiMarkovHMM(HMM):
    """Hidden Markov model whose states last for explicit, learned durations (Rabiner 1989, IV.D; Guédon, JCGS 12, 2003).

    A path is a row of segments. A transition joins two segments, a duration is drawn for each, and each step of a segment
    is emitted by its state. `HMM` is the case of geometric durations.

    Parameters
    ----------
    emission, n_components : as in `HMM`
    durations : family of the durations, one distribution per state: "negative_binomial" (default; it has the geometric and
        nearly the Poisson as cases), "poisson", "geometric", "histogram" (any distribution, and a geometric tail beyond
        `longest`); or a `hmmseq.durations.Durations` to begin with, one row per state
    longest : the longest duration in steps that Poisson and negative binomial durations can have; what a fit costs grows
        with it. Geometric durations and histograms have no limit
    shortest : the shortest duration: a whole number, or one for each state
    topology : as in `HMM`, of the transitions between segments; default: every state leads to every other. A state that
        leads to itself follows itself as a new segment
    left_censored, right_censored : the first segment of a sequence may have begun before it, the last may go on after it;
        then only part of their durations is seen, and counted as such
    n_iter, tol, n_init, init, random_state, n_jobs, verbose : as in `HMM`; a model to go on from lends its durations, too
    startprob_pseudocount, transmat_pseudocount, fixed_startprob, fixed_transmat, tied_startprob, tied_transmat : as in
        `HMM`, of segments

    Attributes
    ----------
    durations_ : the learned `Durations`
    startprob_, transmat_ : of segments
    graph_ : the learned SegmentGraph (log weights)
    others : as in `HMM`

    `decode` gives the segments, too: `SegmentPath(states, score, segments)`. Sequences whose segments would have to be
    longer than `longest` are impossible, and `fit` says so. Known states (`y`, `known`) are those of steps: where they stay
    the same, segments may still end if the topology lets a state follow itself. Of what `HMM` has there are no streams,
    `accelerate`, `training` and `sticky` here (how long a state lasts is what `durations` say).

    >>> from hmmseq import SemiMarkovHMM
    >>> from hmmseq.emissions import Categorical
    >>> X = [[0] * 5 + [1] * 3 + [0] * 6 + [1] * 3, [1] * 3 + [0] * 4 + [1] * 3]
    >>> model = SemiMarkovHMM(Categorical(), 2, durations="poisson", longest=10, right_censored=False,
    ...                       random_state=0).fit(X)
    >>> model.durations_
    Poisson(mean=[5.0, 3.0], shortest=[1, 1])
    >>> model.decode(X[1]).segments  # state, start, stop
    array([[ 1,  0,  3],
           [ 0,  3,  7],
           [ 1,  7, 10]])
    """

    accelerate = False
    sticky = 0.0
    training = "em"
    durations_: Durations

    def __init__(
        self,
        emission: Emission | None = None,
        n_components: int = 1,
        *,
        durations: Any = "negative_binomial",
        longest: int = 100,
        shortest: Any = 1,
        topology: Any = None,
        left_censored: bool = False,
        right_censored: bool = True,
        n_iter: int = 100,
        tol: float = 1e-2,
        n_init: int = 1,
        init: Any = None,
        startprob_pseudocount: Any = 0.0,
        transmat_pseudocount: Any = 0.0,
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
        self.durations = durations
        self.longest = longest
        self.shortest = shortest
        self.topology = topology
        self.left_censored = left_censored
        self.right_censored = right_censored
        self.n_iter = n_iter
        self.tol = tol
        self.n_init = n_init
        self.init = init
        self.startprob_pseudocount = startprob_pseudocount
        self.transmat_pseudocount = transmat_pseudocount
        self.fixed_startprob = fixed_startprob
        self.fixed_transmat = fixed_transmat
        self.tied_startprob = tied_startprob
        self.tied_transmat = tied_transmat
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @staticmethod
    def _default_topology(n_states: int) -> StateGraph:  # type: ignore[override]
        return topologies.ergodic(n_states, stay=n_states == 1)

    def _chain(self, graph: StateGraph, sequences: Sequences) -> "LastingChain":  # type: ignore[override]
        options = {"left_censored": self.left_censored, "right_censored": self.right_censored}
        return LastingChain(super()._chain(graph, sequences), self._family(graph.n_states), self._longest(), options)

    def _longest(self) -> int:
        if not isinstance(self.longest, Integral) or not 1 <= self.longest <= LARGEST_TABLE:
            raise ValueError(f"longest is {self.longest!r}; expected a whole number of steps from 1 to {LARGEST_TABLE}")
        return int(self.longest)

    def _family(self, n_states: int) -> Durations:
        """The durations to begin with; of a family given by name, any: `_first_guess` does not look at them."""
        if isinstance(self.durations, Durations):
            if len(self.durations.shortest) != n_states:
                raise ValueError(
                    f"durations have {len(self.durations.shortest)} rows but there are {n_states} states; one row each"
                )
            return self.durations
        if not isinstance(self.durations, str) or self.durations not in FAMILIES:
            raise ValueError(f"durations is {self.durations!r}; expected one of {sorted(FAMILIES)}, or Durations")
        return typical(self.durations, self.shortest, self._longest(), n_states)

    def _is_counting(self, task: em.Task) -> bool:
        return False  # also of known states segments are cut off, or may end where the state stays the same

    def _first_guess(self, climb: restarts.Climb, task: em.Task, seeds: Any) -> restarts.Climb:
        climb = super()._first_guess(climb, task, seeds)
        if not isinstance(self.durations, Durations) and not hasattr(self.init, "fit"):
            assert isinstance(climb.chain, LastingChain)
            climb.graph = climb.chain.guess(climb.graph, climb.emission, task)
        return climb

    def _keep(self, best: restarts.Climb) -> None:
        super()._keep(best)
        assert isinstance(best.chain, LastingChain)
        best.chain.warn_of_cut_durations()

    def _learned(self, climb: restarts.Climb) -> dict[str, Any]:
        assert isinstance(climb.chain, LastingChain)
        return super()._learned(climb) | {"durations_": climb.chain.durations}

    def _chain_parameters(self) -> Arrays:
        learned = {name: array for name, array in self.durations_.state().items() if name != "shortest"}
        return {f"durations.{name}": array for name, array in learned.items()}

    def decode(self, X: Any, *, lengths: Any = None, method: str = "viterbi", known: Any = None) -> Any:
        """The best segmentation: `SegmentPath(states, score, segments)`, rows of `segments` being state, start, stop.

        method, known : as in `HMM.decode`; by "mea", segments have durations that are possible, and likely ones count no more
        """
        return super().decode(X, lengths=lengths, method=method, known=known)

    def _stream(self, make: Any, columns: Any, read: Any) -> Any:
        raise NotImplementedError(
            "states that last have no streams: decode whole sequences, or stream an HMM, whose durations are geometric"
        )

    def _parts(self) -> tuple[Arrays, dict[str, Any]]:
        arrays, fitted = super()._parts()
        arrays |= _named("durations", self.durations_)
        first = _named("first_durations", self.durations) if isinstance(self.durations, Durations) else {}
        return arrays | first, fitted

    def _restore_graph(self, graph: StateGraph, arrays: Arrays) -> None:
        self.durations_ = _restored("durations", arrays)
        if named("first_durations", arrays):
            self.durations = _restored("first_durations", arrays)
        self._set_graph(graph)

    def _reorder(self, graph: StateGraph, order: np.ndarray) -> None:
        self.durations_ = self.durations_.take(order)
        self._set_graph(graph)

    def _set_graph(self, graph: StateGraph) -> None:
        censored = {"left_censored": self.left_censored, "right_censored": self.right_censored}
        self.graph_ = lasting(graph, self.durations_, self._longest(), censored)


@dataclass
class LastingChain:
    """Starts, transitions and durations: the `Chain` of a semi-Markov model."""

    chain: Chain
    durations: Durations
    longest: int
    censored: dict[str, bool]

    def begin(self, graph: StateGraph) -> SegmentGraph:
        """The graph EM starts from."""
        return self._lasting(self.chain.begin(graph), self.durations)

    def _lasting(self, graph: StateGraph, durations: Durations) -> SegmentGraph:
        return lasting(graph, durations, self.longest, self.censored)

    def go_on(self, graph: SegmentGraph, model: Any) -> SegmentGraph:
        """As `Chain.go_on`."""
        other = getattr(model, "durations_", None)
        if type(other) is not type(self.durations):
            theirs, ours = (type(one).__name__ for one in (other, self.durations))
            raise ValueError(f"init has durations of the kind {theirs}, but this model {ours}")
        self.durations = other
        return self._lasting(self.chain.go_on(graph.graph, model), other)

    def kept(self, graph: SegmentGraph) -> Arrays:
        """As `Chain.kept`."""
        return self.chain.kept(graph.graph) | {f"durations.{name}": a for name, a in self.durations.state().items()}

    def placed(self, graph: SegmentGraph, kept: Arrays) -> SegmentGraph:
        """As `Chain.placed`."""
        self.durations = type(self.durations)(**named("durations", kept))
        return self._lasting(self.chain.placed(graph.graph, kept), self.durations)

    def guess(self, graph: SegmentGraph, emission: Emission, task: em.Task) -> SegmentGraph:
        """Learn the durations where any duration is as good as another: emissions alone decide."""
        any_length = flat(self.durations, self.longest)
        counts = em.expect(self._lasting(graph.graph, any_length), emission, task)
        return self._relearn(graph, counts)

    def expect(self, graph: SegmentGraph, emission: Emission, task: em.Task) -> em.Expected:
        """As `Chain.expect`."""
        return self.chain.expect(graph, emission, task)

    def maximise(self, graph: SegmentGraph, counts: em.Expected) -> SegmentGraph:
        """The M-step. Durations have their maximum of likelihood, in a family without a prior."""
        return self._relearn(self.chain.maximise(graph, counts), counts)

    def _relearn(self, graph: SegmentGraph, counts: em.Expected) -> SegmentGraph:
        self.durations = self.durations.update(counts.more["durations"], counts.more["tail"])
        return self._lasting(graph.graph, self.durations)

    def log_prior(self, graph: SegmentGraph) -> float:
        """As `Chain.log_prior`."""
        return self.chain.log_prior(graph)

    def n_free(self, graph: SegmentGraph) -> int:
        """Degrees of freedom of starts, transitions and durations."""
        return self.chain.n_free(graph) + int(self.durations.n_parameters[graph.label >= 0].sum())

    def warn_of_cut_durations(self) -> None:
        """Families without a tail have no weight beyond the table; say so where that matters."""
        with np.errstate(over="ignore"):
            inside = np.exp(np.logaddexp.reduce(self.durations.log_weights(self.longest), axis=1))
        for state in np.flatnonzero((self.durations.log_tail == NEVER) & (inside < 1 - CUT)):
            warnings.warn(
                f"{1 - inside[state]:.1%} of the learned durations of state {state} lie beyond longest={self.longest}, "
                "where they have no weight; give a larger `longest`",
                ConvergenceWarning,
                stacklevel=5,
            )


def lasting(graph: StateGraph, durations: Durations, longest: int, censored: dict[str, bool]) -> SegmentGraph:
    """The graph whose states last as these durations say."""
    return SegmentGraph(graph, durations.log_weights(longest), tail=durations.log_tail, **censored)


def typical(family: str, shortest: Any, longest: int, n_states: int) -> Durations:
    """A member of the family with durations in the middle of the table: what states without segments keep."""
    least = np.broadcast_to(np.asarray(shortest), (n_states,)) if np.ndim(shortest) == 0 else np.asarray(shortest)
    if least.dtype.kind not in "iu" or least.shape != (n_states,) or np.any(least < 1) or np.any(least > longest):
        raise ValueError(
            f"shortest is {shortest!r}; expected a whole number from 1 to longest={longest}, or one for each of "
            f"{n_states} states"
        )
    beyond = (longest - least) / 2
    if family == "poisson":
        return Poisson(least + beyond, least)
    if family == "negative_binomial":
        return NegativeBinomial(1.0, beyond / (1 + beyond), least)
    if family == "geometric":
        return Geometric(beyond / (1 + beyond), least)
    return Histogram(_uniform(least, longest), least, tail=0.5)


def flat(durations: Durations, longest: int) -> Histogram:
    """All durations alike, with a tail if the family has one."""
    longest = durations.log_weights(longest).shape[1]
    return Histogram(
        _uniform(durations.shortest, longest), durations.shortest, np.where(durations.log_tail > NEVER, 0.5, 0.0)
    )


def _uniform(shortest: np.ndarray, longest: int) -> np.ndarray:
    possible = np.arange(1, longest + 1) >= shortest[:, None]
    return possible / possible.sum(axis=1, keepdims=True)


def _named(role: str, durations: Durations) -> Arrays:
    """Durations as arrays whose names say their family."""
    family = next(name for name, kind in FAMILIES.items() if type(durations) is kind)
    return {f"{role}.{family}.{name}": array for name, array in durations.state().items()}


def _restored(role: str, arrays: Arrays) -> Durations:
    parts = named(role, arrays)
    families = {name.partition(".")[0] for name in parts}
    if len(families) != 1 or not families <= set(FAMILIES):
        raise ValueError(f"{role} are of family {sorted(families)}; expected one of {sorted(FAMILIES)}")
    (family,) = families
    return FAMILIES[family](**{name.partition(".")[2]: array for name, array in parts.items()})
