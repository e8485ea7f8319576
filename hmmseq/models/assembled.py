"""Models from parameters that are known already."""

import numpy as np
from sklearn.base import clone

from hmmseq import topologies
from hmmseq.emissions import Emission
from hmmseq.graph import StateGraph
from hmmseq.models.chain import Chain
from hmmseq.models.hmm import HMM


def assembled(emission: Emission, graph: StateGraph, n_features: int) -> HMM:
    """A fitted `HMM` that was never fitted: an emission that has its parameters, a graph that has its log weights.

    Raises ValueError where the parameters of the emission do not fit together, or the graph.

    >>> from hmmseq.emissions import Poisson
    >>> emission = Poisson()
    >>> emission.lambdas_ = np.array([[1.0], [9.0]])
    >>> model = assembled(emission, markov_graph([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]), 1)
    >>> model.predict([[[0], [1], [8], [11]]])
    [array([0, 0, 1, 1], dtype=int32)]
    """
    emission.check(graph.n_labels)
    dense = len(graph.source) == graph.n_states**2 and graph.is_untied
    model = HMM(clone(emission), graph.n_states, topology=None if dense else graph)
    model.emission_, model.graph_, model.n_features_in_ = emission, graph, n_features
    model.n_parameters_ = Chain.of(model, graph).n_free(graph) + emission.n_parameters()
    model.history_, model.histories_, model.n_iter_, model.n_expectations_ = [], [], 0, 0
    model.converged_ = True
    return model


def markov_graph(start: np.ndarray, transmat: np.ndarray) -> StateGraph:
    """Every state leads to every state, with these probabilities."""
    with np.errstate(divide="ignore"):
        return topologies.ergodic(len(start)).weigh(edge=np.log(transmat).ravel(), start=np.log(start))
