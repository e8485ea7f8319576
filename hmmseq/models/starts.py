"""Where EM starts: the states there are, a first guess of what they emit, or the end of another fit."""

from numbers import Integral
from typing import Any

import numpy as np

from hmmseq.emissions import Emission
from hmmseq.emissions.observed import by_row, guessed_labels, standardised
from hmmseq.emissions.variational import Posterior
from hmmseq.graph import StateGraph
from hmmseq.models import inputs
from hmmseq.models.chain import Chain
from hmmseq.sequences import Sequences

SURE = 0.8  # of each step belongs to its guessed label, the rest to all at random


def check_init(init: Any) -> None:
    """ValueError for what is no start."""
    if hasattr(init, "fit"):
        inputs.check_emits(init, "a start from another model (init)")
    elif init not in (None, "kmeans", "quantile"):
        raise ValueError(f"init is {init!r}; expected None, 'kmeans', 'quantile' or a fitted model")


def structure(model: Any, states: np.ndarray | None) -> StateGraph:
    """The graph that a model asks for by `topology` and `n_components`, with room for the known states."""
    if isinstance(model.topology, StateGraph):
        inputs.check_states(states, model.topology, "y")
        return model.topology
    if not isinstance(model.n_components, Integral) or model.n_components < 1:
        raise ValueError(f"n_components is {model.n_components!r}; expected a whole number, 1 or more")
    labelled = 0 if states is None else int(states.max(initial=-1)) + 1
    make = model._default_topology if model.topology is None else model.topology
    graph = make(max(int(model.n_components), labelled)) if callable(make) else None
    if not isinstance(graph, StateGraph):
        raise ValueError(
            f"topology is {model.topology!r}; expected None, a StateGraph, or a function that makes one from the "
            "number of states, such as topologies.left_right"
        )
    return graph


def first_guess(init: Any, emission: Emission, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
    """Start the emission: by its own guess, from k-means, from quantiles, or where another fit ended."""
    if hasattr(init, "fit"):
        _take(emission, init, X, n_labels, rng)
        return
    emission.initialise(X, n_labels, rng)
    if init is None:
        return
    if emission.symbols:
        raise ValueError(f"init is {init!r}, but symbols have neither order nor distance; leave init out")
    weights = guessed_labels(X.values, n_labels, rng) if init == "kmeans" else quantile_labels(X.values, n_labels, rng)
    emission.update(emission.statistics(X, by_row(weights, *emission.grouping(X))))


def first_graph(init: Any, graph: StateGraph, chain: Chain) -> StateGraph:
    """The graph that EM starts from."""
    if not hasattr(init, "fit"):
        return graph
    other = init.graph_
    alike = all(np.array_equal(getattr(graph, name), getattr(other, name)) for name in ("source", "target", "label"))
    if not alike:
        raise ValueError("init is a model of another topology; its states and edges must be those of this one")
    return chain.go_on(graph, init)


def _take(emission: Emission, init: Any, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
    other = init.emission_
    if isinstance(emission, Posterior) and hasattr(init, "posterior_"):
        emission.initialise(X, n_labels, rng)  # the prior is about these data
        emission.believe(init.posterior_)
        return
    if type(emission) is not type(other):
        raise ValueError(f"init emits {type(other).__name__}, but this model {type(emission).__name__}")
    emission.restore(other.state())
    emission.hold_fixed()
    emission.check(n_labels)


def quantile_labels(values: np.ndarray, n_labels: int, rng: np.random.Generator) -> np.ndarray:
    """(n_steps, n_labels) weights to begin with: steps in the order of their first principal component, cut evenly.

    Label 0 has the smallest values of the feature that says most about that order. What is missing counts as average.
    """
    weights = rng.gamma(1.0, size=(len(values), n_labels))
    weights *= (1 - SURE) / weights.sum(1, keepdims=True)
    away = standardised(values)
    axis = np.linalg.eigh(away.T @ away)[1][:, -1]
    along = away @ (axis * np.sign(axis[np.abs(axis).argmax()]))
    cuts = np.quantile(along, np.arange(1, n_labels) / n_labels) if len(along) else np.zeros(n_labels - 1)
    weights[np.arange(len(values)), np.searchsorted(cuts, along, side="right")] += SURE
    return weights
