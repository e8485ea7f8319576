"""Questions to the lattice that torch can differentiate.

The gradient of the total score is the posterior, so one forward-backward pass of the kernels gives both, and
backpropagation looks it up. The kernels compute in float64 on the CPU whatever the tensors are; tensors on
another device are copied there and back.

Scores are packed: (n_steps in all, n_labels), with the length of each sequence.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from hmmseq import lattice
from hmmseq.errors import ImpossibleSequenceError
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.traces import first_dead_step
from hmmseq.sequences import Sequences

__all__ = ["LogPartition", "log_partition", "path_score"]

Weights = tuple[Tensor, Tensor, Tensor]  # edge (n_edges,), start (n_states,), end (n_states,): log weights


def log_partition(
    graph: StateGraph,
    scores: Tensor,
    lengths: Any = None,
    *,
    edge: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> Tensor:
    """Total log score of all paths, differentiable in scores and weights.

    scores : (n_steps in all, n_labels), sequences one after another
    lengths : (n_sequences,) steps of each; default: one sequence
    edge, start, end : log weights, (n_edges,) and twice (n_states,); default: those of the graph. Where a
        weight is minus infinity its gradient is 0, so that gradient descent never opens what is closed.

    Returns (n_sequences,), or a scalar without `lengths`. An impossible sequence is an
    ImpossibleSequenceError.
    """
    sizes = [len(scores)] if lengths is None else [int(n) for n in lengths]
    _check(scores, sizes)
    total = LogPartition.apply(scores, *weights_for(graph, scores, edge, start, end), graph, sizes)
    return total[0] if lengths is None else total


def path_score(
    graph: StateGraph,
    scores: Tensor,
    states: Tensor,
    lengths: Any = None,
    *,
    edge: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> Tensor:
    """Log score of one path per sequence, differentiable; minus infinity for a path that cannot be taken.

    states : (n_steps in all,) the state at each step. The graph has no silent states here.
    """
    if np.any(graph.label < 0):
        raise ValueError("the graph has silent states; hybrid.path_score takes paths of one state per step")
    sizes = [len(scores)] if lengths is None else [int(n) for n in lengths]
    _check(scores, sizes)
    edge, start, end = weights_for(graph, scores, edge, start, end)
    path, owner = states.detach().cpu().numpy(), np.repeat(np.arange(len(sizes)), sizes)
    first, last = (np.diff(owner, **{side: -1}).nonzero()[0] for side in ("prepend", "append"))
    onward = np.setdiff1d(np.arange(len(path)), first)
    gains = (
        (owner, scores[np.arange(len(path)), graph.label[path]]),
        (owner[onward], _moves(graph, edge, path[onward - 1], path[onward])),
        (owner[first], start[path[first]]),
        (owner[last], end[path[last]]),
    )
    total = scores.new_zeros(len(sizes))
    for sequence, gain in gains:
        total = total.index_add(0, torch.as_tensor(sequence, device=total.device), gain.to(total))
    return total[0] if lengths is None else total


class LogPartition(torch.autograd.Function):
    """Forward: the kernels, which find posteriors too if a gradient is wanted. Backward: look them up."""

    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        edge: Tensor,
        start: Tensor,
        end: Tensor,
        graph: StateGraph,
        sizes: list[int],
    ) -> Tensor:
        weighted = graph.weigh(edge=_array(edge), start=_array(start), end=_array(end))
        packed = Sequences(_array(scores), np.concatenate([[0], np.cumsum(sizes)]))
        ctx.sizes = sizes
        if any(ctx.needs_input_grad):
            found = lattice.posteriors(weighted, packed)
            totals = np.array([one.log_partition for one in found])
            by_step = np.concatenate([one.labels for one in found])
            by_sequence = (np.stack([getattr(one, part) for one in found]) for part in ("edges", "start", "end"))
            arrays = (by_step, *by_sequence)
            ctx.save_for_backward(*(_like(a, x) for a, x in zip(arrays, (scores, edge, start, end))))
        else:
            totals = lattice.log_partition(weighted, packed)
        _refuse_impossible(weighted, packed, totals)
        return _like(totals, scores)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        if torch.is_grad_enabled():
            # torch's once_differentiable notices this only where the incoming gradient has a gradient itself.
            raise RuntimeError("log_partition can be differentiated once only; leave create_graph=True out")
        labels, edges, start, end = ctx.saved_tensors
        by_step = gradient.repeat_interleave(torch.as_tensor(ctx.sizes, device=gradient.device))
        sums = (gradient.to(counts.dtype) @ counts for counts in (edges, start, end))
        return by_step[:, None] * labels, *sums, None, None


def weights_for(
    graph: StateGraph, scores: Tensor, edge: Tensor | None, start: Tensor | None, end: Tensor | None
) -> Weights:
    """The given weights, and the graph's own in place of those left out."""
    given = ((edge, graph.edge), (start, graph.start), (end, graph.end))
    edge, start, end = (scores.new_tensor(own) if w is None else w for w, own in given)
    return edge, start, end


def _moves(graph: StateGraph, edge: Tensor, source: np.ndarray, target: np.ndarray) -> Tensor:
    """Weight of the edge from each source to its target, minus infinity where there is none."""
    if not graph.n_edges:
        return edge.new_full((len(source),), NEVER)
    order = np.lexsort((graph.target, graph.source))
    keys = (graph.source * graph.n_states + graph.target)[order]
    wanted = source * graph.n_states + target
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    known = torch.as_tensor(keys[place] == wanted, device=edge.device)
    return torch.where(known, edge[torch.as_tensor(order[place], device=edge.device)], NEVER)


def _check(scores: Tensor, sizes: list[int]) -> None:
    if scores.ndim != 2 or not scores.is_floating_point():
        raise ValueError(
            f"scores are {scores.dtype} of shape {tuple(scores.shape)}; expected floats (n_steps, n_labels)"
        )
    if sum(sizes) != len(scores) or min(sizes, default=0) < 0:
        raise ValueError(f"lengths {sizes} do not add up to the {len(scores)} rows of scores")


def _array(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.detach().cpu().double().numpy())


def _like(values: np.ndarray, x: Tensor) -> Tensor:
    return torch.as_tensor(values).to(dtype=x.dtype, device=x.device)


def _refuse_impossible(graph: StateGraph, scores: Sequences, totals: np.ndarray) -> None:
    for s in np.flatnonzero(totals == NEVER).tolist():
        steps = np.arange(scores.lengths[s], dtype=np.int32)
        raise ImpossibleSequenceError(s, int(first_dead_step(graph.lattice, scores[s], steps)))
