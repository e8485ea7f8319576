"""What is asked of the starts and transitions of a model: prior counts, fixed values, ties."""

from typing import Any, NamedTuple, Self

import numpy as np

from hmmseq.emissions import Emission
from hmmseq.graph import StateGraph
from hmmseq.models import em
from hmmseq.models.em import Graph
from hmmseq.models.rows import FREE, Rows
from hmmseq.storage import Arrays


class Chain(NamedTuple):
    """The rows of a graph: the edges that leave each state, and the starts."""

    edges: Rows
    start: Rows

    @classmethod
    def of(cls, options: Any, graph: StateGraph) -> Self:
        """As the parameters of an `HMM` ask for.

        Raises ValueError for an array of another shape, an entry that is no edge, a count or a value out of range.
        """
        one = np.zeros(graph.n_states, dtype=np.int64)
        edges = _Reader(graph, "transmat")
        starts = _Reader(graph, "startprob")
        sticky = edges.counts("sticky", options.sticky) * (graph.source == graph.target)
        rows = [
            Rows(
                row,
                reader.counts(f"{reader.name}_pseudocount", getattr(options, f"{reader.name}_pseudocount")) + extra,
                reader.values(f"fixed_{reader.name}", getattr(options, f"fixed_{reader.name}")),
                reader.ties(f"tied_{reader.name}", getattr(options, f"tied_{reader.name}")),
            )
            for reader, row, extra in ((edges, graph.source, sticky), (starts, one, 0.0))
        ]
        for name, asked in zip(("transmat", "startprob"), rows, strict=True):
            if np.any(~np.isnan(asked.fixed) & (asked.tied != FREE)):
                raise ValueError(f"fixed_{name} and tied_{name} name the same entry; fix all entries of a tie, or none")
        return cls(*rows)

    def begin(self, graph: Graph) -> Graph:
        """The graph EM starts from: its weights made probabilities that keep to what is asked."""
        graph = em.normalise(graph)
        return graph.weigh(edge=self.edges.begin(graph.edge), start=self.start.begin(graph.start))

    def go_on(self, graph: Graph, model: Any) -> Graph:
        """The graph EM starts from where another fitted model of the same states ended."""
        return self.begin(graph.weigh(edge=model.graph_.edge, start=model.graph_.start))

    def kept(self, graph: Graph) -> Arrays:
        """What a checkpoint keeps of the chain and its graph; `placed` takes it back."""
        return {"edge": graph.edge, "start": graph.start}

    def placed(self, graph: Graph, kept: Arrays) -> Graph:
        """The graph as it was when `kept` was asked."""
        return graph.weigh(edge=kept["edge"], start=kept["start"])

    def expect(self, graph: Graph, emission: Emission, task: em.Task) -> em.Expected:
        """The E-step."""
        return em.expect(graph, emission, task)

    def maximise(self, graph: Graph, counts: em.Expected) -> Graph:
        """The M-step: the probabilities of largest posterior density for these expected counts."""
        return graph.weigh(
            edge=self.edges.maximise(counts.edges, graph.edge), start=self.start.maximise(counts.start, graph.start)
        )

    def log_prior(self, graph: Graph) -> float:
        """Log density of the priors of all rows, up to a constant."""
        return self.edges.log_prior(graph.edge) + self.start.log_prior(graph.start)

    def n_free(self, graph: Graph) -> int:
        """Degrees of freedom of starts and transitions."""
        return self.edges.n_free(graph.edge) + self.start.n_free(graph.start)


class _Reader(NamedTuple):
    """Arrays that users give, as one number per entry."""

    graph: StateGraph
    name: str  # "transmat" or "startprob"

    def counts(self, option: str, given: Any) -> np.ndarray:
        found = self._entries(option, given, 0.0, anywhere=True)
        wrong = ~((found >= 0) & (found < np.inf))
        if wrong.any():
            raise ValueError(f"{option} has {found[wrong][0]}; expected finite counts, 0 or more")
        return found

    def values(self, option: str, given: Any) -> np.ndarray:
        found = self._entries(option, np.nan if given is None else given, 0.0)
        wrong = (found < 0) | (found > 1)
        if wrong.any():
            raise ValueError(f"{option} has {found[wrong][0]}; expected a probability, or NaN for what is learned")
        return found

    def ties(self, option: str, given: Any) -> np.ndarray:
        found = self._entries(option, FREE if given is None else given, FREE)
        if not np.all((found >= FREE) & (found == np.round(found)) & (found < 2**53)):
            raise ValueError(
                f"{option} must be whole numbers: one number for each tie, -1 for entries that are not tied"
            )
        return np.searchsorted(np.unique(found[found != FREE]), found) - (found == FREE)

    def _entries(self, option: str, given: Any, nowhere: float, anywhere: bool = False) -> np.ndarray:
        """One number for each edge, or start. nowhere: what may stand, beside NaN, where there is no edge."""
        graph, edges = self.graph, self.name == "transmat"
        shape = (graph.n_states, graph.n_states) if edges else (graph.n_states,)
        try:
            array = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{option} is {given!r}; expected numbers of shape {shape}") from None
        if array.ndim == 0:
            return np.full(graph.n_edges if edges else graph.n_states, float(array))
        if array.shape != shape:
            raise ValueError(f"{option} has shape {array.shape}; expected {shape}")
        if not edges:
            return array.copy()
        elsewhere = np.isfinite(array) & (array != nowhere) & (graph.matrix(np.ones(graph.n_edges)) == 0)
        if elsewhere.any() and not anywhere:
            i, j = np.argwhere(elsewhere)[0]
            raise ValueError(f"{option}[{i}, {j}] is {array[i, j]}, but the topology has no edge {i} -> {j}")
        return array[graph.source, graph.target]
