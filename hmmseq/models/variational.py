"""Variational Bayes for hidden Markov models: distributions of the parameters in the place of estimates."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import digamma, gammaln
from sklearn.base import clone

from hmmseq.emissions import Categorical, Emission, Gaussian
from hmmseq.emissions.variational import Posterior, VariationalCategorical, VariationalGaussian, check_concentration
from hmmseq.graph import StateGraph
from hmmseq.models import em, restarts
from hmmseq.models.chain import Chain
from hmmseq.models.hmm import HMM
from hmmseq.sequences import Sequences
from hmmseq.storage import Arrays, named


class VariationalHMM(HMM):
    """Hidden Markov model by variational Bayes: states that the data do not need can stay empty (Beal, PhD thesis, 2003).

    Parameters
    ----------
    emission : `VariationalGaussian`, `VariationalCategorical`; `Gaussian` ("diag" or "full") and `Categorical` stand for
        these with their default priors. Of any other emission the maximum is found, or the mode if it has a prior
    n_components, topology, n_init, init, n_iter, tol, n_jobs, random_state, verbose : as in `HMM`
    startprob_concentration, transmat_concentration : of the Dirichlet prior of each start and transition, a number; default
        1 / n_states. Small ones ask for few states
    sticky : added to the concentration of staying in a state

    Attributes
    ----------
    startprob_, transmat_, emission_ and its parameters : expected values. Predictions and scores are by these
    posterior_ : arrays that describe the distributions: "startprob" and "transmat", concentrations (0 where there is no
        edge), and those of the emission, by the names of its prior
    history_ : the lower bound of the log probability of the data, before each iteration; it never falls. Compared between
        models it chooses the number of states
    n_iter_, converged_, n_parameters_, n_features_in_ : as in `HMM`

    >>> from hmmseq.models import VariationalHMM
    >>> X = np.random.default_rng(0).normal(np.repeat([0.0, 6.0, 0.0, 6.0], 50))[:, None]
    >>> bounds = [VariationalHMM(Gaussian(), n, random_state=0).fit(X).history_[-1] for n in (1, 2, 3)]
    >>> int(np.argmax(bounds)) + 1
    2
    """

    posterior_: dict[str, np.ndarray]
    training, accelerate = "em", False
    startprob_pseudocount = transmat_pseudocount = 0.0
    fixed_startprob = fixed_transmat = tied_startprob = tied_transmat = None

    def __init__(
        self,
        emission: Emission | None = None,
        n_components: int = 1,
        *,
        topology: Any = None,
        n_iter: int = 200,
        tol: float = 1e-3,
        n_init: int = 1,
        init: Any = None,
        startprob_concentration: float | None = None,
        transmat_concentration: float | None = None,
        sticky: float = 0.0,
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
        self.startprob_concentration = startprob_concentration
        self.transmat_concentration = transmat_concentration
        self.sticky = sticky
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _learner(self) -> Emission:
        emission = Gaussian() if self.emission is None else self.emission
        if type(emission) is Gaussian:
            return VariationalGaussian(emission.covariance, missing=emission.missing)
        if type(emission) is Categorical:
            return VariationalCategorical(emission.n_symbols, order=emission.order)
        return clone(emission)

    def _chain(self, graph: StateGraph, sequences: Sequences) -> Chain:
        for name in ("startprob_concentration", "transmat_concentration"):
            check_concentration(name, getattr(self, name))
        plain, share = Chain.of(self, graph), 1.0 / max(graph.n_states, 1)
        start, edges = (
            share if value is None else value for value in (self.startprob_concentration, self.transmat_concentration)
        )
        stay = plain.edges.pseudocount  # what `sticky` asks for
        return Dirichlets.of(graph, np.full(graph.n_states, start), edges + stay)  # type: ignore[return-value]

    @staticmethod
    def _warn_of_idle_states(best: restarts.Climb) -> None:
        """Empty states are what is asked for."""

    def _learned(self, climb: restarts.Climb) -> dict[str, Any]:
        graph, emission = climb.graph, climb.emission
        assert isinstance(graph, BelievedGraph)
        posterior = {
            "startprob": graph.start_concentration,
            "transmat": graph.matrix(graph.edge_concentration),
            **(emission.distribution() if isinstance(emission, Posterior) else {}),
        }
        expected = emission.expected() if isinstance(emission, Posterior) else emission
        return {"graph_": graph.expected(), "emission_": expected, "posterior_": posterior}

    def _parts(self) -> tuple[Arrays, dict[str, Any]]:
        arrays, fitted = super()._parts()
        return arrays | {f"posterior.{name}": array for name, array in self.posterior_.items()}, fitted

    def _restore_graph(self, graph: StateGraph, arrays: Arrays) -> None:
        self.graph_ = graph
        self.posterior_ = named("posterior", arrays)
        if not all(np.all(np.isfinite(array)) for array in self.posterior_.values()):
            raise ValueError("the posterior has NaN or infinity")


class BelievedGraph(StateGraph):
    """A graph whose weights are the expected log probabilities of Dirichlet distributions, and what these are."""

    start_concentration: np.ndarray  # (n_states,) 0 where a start is impossible
    edge_concentration: np.ndarray  # (n_edges,)

    @classmethod
    def of(cls, graph: StateGraph, start: np.ndarray, edge: np.ndarray) -> "BelievedGraph":
        """The same structure; starts are one row, the edges that leave a state another."""
        other = object.__new__(cls)
        weighed = graph.weigh(start=_expected_logs(start, one_row(start)), edge=_expected_logs(edge, graph.source))
        other.__dict__ |= weighed.__dict__ | {"start_concentration": start, "edge_concentration": edge}
        return other

    def expected(self) -> StateGraph:
        """The graph with the expected probabilities."""
        with np.errstate(divide="ignore"):
            return em.normalise(
                self.weigh(start=np.log(self.start_concentration), edge=np.log(self.edge_concentration))
            )


class Dirichlets(NamedTuple):
    """Priors of the starts and the transitions from each state; stands where EM has a `Chain`. 0 where there is no way."""

    start: np.ndarray  # (n_states,) concentrations
    edges: np.ndarray  # (n_edges,)

    @classmethod
    def of(cls, graph: StateGraph, start: np.ndarray, edges: np.ndarray) -> "Dirichlets":
        return cls(np.where(graph.start > -np.inf, start, 0.0), np.where(graph.edge > -np.inf, edges, 0.0))

    def begin(self, graph: StateGraph) -> BelievedGraph:
        """As if each row had been seen once, with the probabilities of the graph."""
        graph = em.normalise(graph)
        return BelievedGraph.of(graph, self.start + np.exp(graph.start), self.edges + np.exp(graph.edge))

    def go_on(self, graph: StateGraph, model: Any) -> BelievedGraph:
        """As `Chain.go_on`: the distributions of a `VariationalHMM`, or the probabilities of another model seen once."""
        if not hasattr(model, "posterior_"):
            return self.begin(graph.weigh(edge=model.graph_.edge, start=model.graph_.start))
        start, edges = model.posterior_["startprob"], model.posterior_["transmat"][graph.source, graph.target]
        return BelievedGraph.of(graph, start, edges)

    def kept(self, graph: BelievedGraph) -> Arrays:
        """As `Chain.kept`."""
        return {"edge": graph.edge_concentration, "start": graph.start_concentration}

    def placed(self, graph: StateGraph, kept: Arrays) -> BelievedGraph:
        """As `Chain.placed`."""
        return BelievedGraph.of(graph, kept["start"], kept["edge"])

    def expect(self, graph: StateGraph, emission: Emission, task: em.Task) -> em.Expected:
        """The E-step."""
        return em.expect(graph, emission, task)

    def maximise(self, graph: StateGraph, counts: em.Expected) -> BelievedGraph:
        """The distributions for these expected counts."""
        return BelievedGraph.of(
            graph, np.where(self.start > 0, self.start + counts.start, 0.0),
            np.where(self.edges > 0, self.edges + counts.edges, 0.0),
        )  # fmt: skip

    def log_prior(self, graph: BelievedGraph) -> float:
        """Minus the divergence of the distributions from the priors."""
        return -(
            _divergence(graph.start_concentration, self.start, one_row(self.start))
            + _divergence(graph.edge_concentration, self.edges, graph.source)
        )

    def n_free(self, graph: StateGraph) -> int:
        """Degrees of freedom of the probabilities that are expected."""
        possible = self.edges > 0
        return int(possible.sum() - len(np.unique(graph.source[possible])) + (self.start > 0).sum() - 1)


def one_row(values: np.ndarray) -> np.ndarray:
    """(n,) the row of each: the same."""
    return np.zeros(len(values), dtype=np.int64)


def _totals(values: np.ndarray, row: np.ndarray) -> np.ndarray:
    return np.bincount(row, values, minlength=int(row.max(initial=-1)) + 1)


def _expected_logs(concentrations: np.ndarray, row: np.ndarray) -> np.ndarray:
    total = _totals(concentrations, row)[row]
    return np.where(
        concentrations > 0, digamma(np.maximum(concentrations, 1e-300)) - digamma(np.maximum(total, 1e-300)), -np.inf
    )


def _divergence(own: np.ndarray, prior: np.ndarray, row: np.ndarray) -> float:
    """Kullback-Leibler divergence of Dirichlet distributions side by side, added up."""
    used = prior > 0
    own, prior, row = own[used], prior[used], row[used]
    ends = [gammaln(total[total > 0]).sum() for total in (_totals(own, row), _totals(prior, row))]
    each = gammaln(prior) - gammaln(own) + (own - prior) * _expected_logs(own, row)
    return float(ends[0] - ends[1] + each.sum())
