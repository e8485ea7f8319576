"""Which state of one model is which state of another: states come in no order, and restarts shuffle them."""

from copy import deepcopy
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from hmmseq.graph import StateGraph
from hmmseq.models import inputs
from hmmseq.models.hmm import HMM


def match_states(a: HMM, b: HMM, X: Any, *, lengths: Any = None) -> np.ndarray:
    """(n_states of a,) the state of `b` that is in use where each state of `a` is; -1 for what is left over.

    The one-to-one match with the most steps expected in matched states, when both read X (Kuhn, Naval Res. Logist. Q. 2,
    1955). Emissions of different kinds, and different numbers of states, can be compared. Silent states have no steps.

    >>> from hmmseq import CategoricalHMM
    >>> X = [[0, 0, 0, 1, 1, 1, 0, 0, 1, 1]]
    >>> a, b = (CategoricalHMM(2, random_state=seed).fit(X) for seed in (0, 1))
    >>> np.round(abs(a.emissionprob_ - b.emissionprob_[match_states(a, b, X)])).max()
    np.float64(0.0)
    """
    shared = joint_occupancy(a, b, X, lengths=lengths)
    rows, columns = linear_sum_assignment(shared, maximize=True)
    match = np.full(len(shared), -1)
    match[rows] = columns
    silent = [model.graph_.label < 0 for model in (a, b)]
    match[silent[0] | silent[1][match]] = -1
    return match


def joint_occupancy(a: HMM, b: HMM, X: Any, *, lengths: Any = None) -> np.ndarray:
    """(n_states of a, n_states of b) how many steps are expected in a state of `a` and a state of `b`."""
    for model in (a, b):
        inputs.check_emits(model, "matching of states")
    found = [model.predict_proba(X, lengths=lengths) for model in (a, b)]
    ours, theirs = (np.concatenate(one) if isinstance(one, list) else one for one in found)
    return ours.T @ theirs


def reordered(model: HMM, order: Any) -> HMM:
    """A copy of a fitted model in which state i is state `order[i]` of `model`: the same distribution, other numbers.

    Labels of emissions keep their numbers if states share them or are silent; otherwise label i is state i.
    Raises ValueError unless `order` has each state once.
    """
    inputs.check_emits(model, "reordered")
    order, graph = np.asarray(order), model.graph_
    if not np.array_equal(np.sort(order), np.arange(graph.n_states)):
        raise ValueError(f"order is {order.tolist()}; expected each of the {graph.n_states} states once")
    other, place = deepcopy(model), np.argsort(order)
    label = graph.label[order]
    if graph.is_untied:
        other.emission_.reorder(order)
        label = np.arange(graph.n_states)
    other._reorder(StateGraph(
        graph.n_states, place[graph.source], place[graph.target],
        label=label, edge=graph.edge, start=graph.start[order], end=graph.end[order],
    ), order)  # fmt: skip
    return other


def canonical(model: HMM, X: Any, *, lengths: Any = None) -> HMM:
    """The copy in which states come by the share of X that is expected in them, the largest first; silent ones last."""
    used = joint_occupancy(model, model, X, lengths=lengths).sum(1)  # rows of posteriors add up to 1
    return reordered(model, np.lexsort((-used, model.graph_.label < 0)))
