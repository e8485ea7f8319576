"""What people pass to fit and predict, checked once and packed."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from hmmseq.graph import StateGraph
from hmmseq.sequences import Sequences, is_one
from hmmseq.validation import UNKNOWN, check_masks, one_array
from hmmseq.validation import labels as states

__all__ = ["UNKNOWN", "check_emits", "check_states", "sequences", "states"]


def sequences(estimator: Any, X: Any, lengths: Any, reset: bool) -> Sequences:
    """Pack X. Sets `n_features_in_` if `reset`, else checks against it."""
    check_masks(X)
    if is_one(X) or lengths is not None or hasattr(X, "__dataframe__") or hasattr(X, "tocsr"):
        X = one_array(estimator, X, reset)
    packed = Sequences.pack(X, lengths)
    n_features = packed.values.shape[1] if packed.values.ndim == 2 else 1
    if len(packed.values) and not n_features:
        raise ValueError(f"X has 0 feature(s) (shape={packed.values.shape}) while a minimum of 1 is required")
    if reset:
        estimator.n_features_in_ = n_features
    elif len(packed.values) and n_features != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_features} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )
    return packed


def mirror(rows: np.ndarray, X: Sequences, single: bool, lengths: Any) -> Any:
    """Rows, one a step, as the data came: end to end where they were one array, else a list of an array a sequence."""
    return rows if single or lengths is not None else X.unpack(rows)


def check_emits(model: Any, asked: str) -> None:
    """ValueError unless `model` is a fitted HMM of some kind, whose states emit: what `asked` is about."""
    check_is_fitted(model)
    if not hasattr(model, "emission_"):
        raise ValueError(
            f"{asked} is for HMM, SemiMarkovHMM, InputHMM and VariationalHMM; a {type(model).__name__} has no states that "
            "each emit on their own"
        )


def check_states(states: np.ndarray | None, graph: StateGraph, name: str) -> None:
    """Known states are emitting states of the graph."""
    if states is None:
        return
    if states.max(initial=UNKNOWN) >= graph.n_states:
        raise ValueError(f"{name} has state {states.max()} but the topology has {graph.n_states} states")
    if np.any(graph.label[states[states >= 0]] < 0):
        raise ValueError(f"{name} names a silent state; a step is always spent in an emitting one")
