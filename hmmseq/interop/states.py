"""What both directions ask of a model of hmmseq: start, transitions and emissions of each state."""

from copy import copy
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from hmmseq.emissions import Emission
from hmmseq.models import HMM


class States(NamedTuple):
    """A model as other libraries see it, where every state has an emission of its own."""

    start: np.ndarray  # (n_states,) probabilities
    transmat: np.ndarray  # (n_states, n_states)
    emission: Emission  # whose label k is that of state k
    end: np.ndarray  # (n_states,) probabilities of ending, 1 where nothing is known of ends


def states_of(model: Any, library: str) -> States:
    """ValueError for a model with silent states, which neither library has."""
    if not isinstance(model, HMM):
        raise ValueError(f"model is a {type(model).__name__}; expected a fitted HMM of hmmseq")
    check_is_fitted(model)
    graph = model.graph_
    if graph.label.min() < 0:
        raise ValueError(f"the model has silent states, which {library} does not know; it has no equal there")
    emission = copy(model.emission_)
    if not graph.is_untied:
        emission.reorder(graph.label)
    return States(np.exp(graph.start), model.transmat_, emission, np.exp(graph.end))


def refused(what: str, library: str) -> ValueError:
    """No counterpart on the other side."""
    return ValueError(f"{what} has no counterpart in {library}")


def set_parameters(emission: Emission, **parameters: Any) -> Any:
    """The emission with these learned parameters."""
    for name, value in parameters.items():
        setattr(emission, name, value)
    return emission
