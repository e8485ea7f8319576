"""What people pass to fit and predict, checked once and packed."""

from typing import Any

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.sequences import Sequences, is_one
from hmmseq.validation import one_array

UNKNOWN = -1  # a state that is not known


def sequences(estimator: Any, X: Any, lengths: Any, reset: bool) -> Sequences:
    """Pack X. Sets `n_features_in_` if `reset`, else checks against it."""
    if is_one(X) or lengths is not None or hasattr(X, "__dataframe__") or hasattr(X, "tocsr"):
        X = one_array(estimator, X, reset)
    packed = Sequences.pack(X, lengths)
    n_features = packed.values.shape[1] if packed.values.ndim == 2 else 1
    if reset:
        estimator.n_features_in_ = n_features
    elif len(packed.values) and n_features != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_features} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )
    return packed


def check_states(states: np.ndarray | None, graph: StateGraph, name: str) -> None:
    """Known states are emitting states of the graph."""
    if states is None:
        return
    if states.max(initial=UNKNOWN) >= graph.n_states:
        raise ValueError(f"{name} has state {states.max()} but the topology has {graph.n_states} states")
    if np.any(graph.label[states[states >= 0]] < 0):
        raise ValueError(f"{name} names a silent state; a step is always spent in an emitting one")


def states(y: Any, X: Sequences, lengths: Any, name: str = "y") -> np.ndarray:
    """(n_steps in all,) known states, -1 where unknown, checked against X."""
    packed = Sequences.pack(y, lengths)
    for s, (ours, theirs) in enumerate(zip(X.lengths, packed.lengths, strict=False)):
        if ours != theirs:
            raise ValueError(
                f"{name}[{s}] has {theirs} labels but X[{s}] has {ours} steps; one label per step, -1 if unknown"
            )
    if len(packed) != len(X):
        raise ValueError(f"{name} has {len(packed)} sequences but X has {len(X)}; one list of labels per sequence")
    values = packed.values
    if values.dtype.kind not in "iufb":
        raise ValueError(
            f"Unknown label type: {name} has dtype {values.dtype}; expected whole numbers, or -1 for unknown"
        )
    if values.ndim != 1 or np.any(values != np.round(values)) or not np.all((values >= UNKNOWN) & (values < 2**31)):
        raise ValueError(f"{name} must be whole numbers 0, 1, ... or -1 (unknown), one per step; got {values[:5]}...")
    return values.astype(np.int64)
