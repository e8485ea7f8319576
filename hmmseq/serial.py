"""Sequences one by one in linear numbers: what tiles cannot take, because it does not forget or because edges are missing.

Each kernel certifies that no digits were lost; what it cannot certify is left to the recursion of `kernels.paths`, which
takes four to eight times as long (`python -m benchmarks.kernels`, expected counts).
"""

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.kernel_models import (
    EVERY,
    FEWEST_STEPS,
    WIDEST,
    serial_model,
    serial_places,
    steps_between,
    taken_out,
)  # fmt: skip
from hmmseq.kernels.lanes import WIDTH
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.score_rows import widest_row
from hmmseq.kernels.serial import serial_counts, serial_totals
from hmmseq.scores import Packed
from hmmseq.shares import SLOTS, Share, Tally, in_shares, one_row_a_step, run, slots_for

CHART_STEPS = 1024  # rows held at once for totals
CHART_BYTES = 64 << 20  # and for counts; rows beyond that are made twice
MOST_ROWS = 1 << 17  # of weights: 16 MB, and as much for their counts
FALL = 100  # powers of ten that an entry may lose between two looks at it
SMALLEST = 1e-180  # and what it must be when looked at, so that it never vanishes


def suits(graph: StateGraph, packed: Packed) -> bool:
    """Whether linear weights can hold the graph, and there is enough to do."""
    possible = graph.start.max() > NEVER and graph.end.max() > NEVER and graph.edge.max(initial=NEVER) > NEVER
    fits = graph.label.min() >= 0 and packed.edges is None and len(packed.code) >= FEWEST_STEPS
    fits = fits and graph.edge_range <= WIDEST * np.log(10)
    return possible and fits and serial_places(graph)[0].n_rows <= MOST_ROWS


def totals(graph: StateGraph, packed: Packed, n_jobs: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(n_sequences,) total log scores, and the numbers of the sequences that are left to the exact recursion."""
    every, smallest = _looks(graph, packed)
    if not every:
        return np.zeros(len(packed)), np.arange(len(packed))
    model, shift = serial_model(graph, packed, every)
    out = np.empty(len(packed))

    def work(share: Share) -> None:
        chosen = np.arange(share.first, share.last)
        serial_totals(model, packed.code, packed.offsets, chosen, CHART_STEPS, smallest, out[share.first : share.last])

    run(work, in_shares(packed.offsets), n_jobs)
    out += taken_out(graph, packed, shift)
    return _certify_backward(graph, packed, out, n_jobs)


def _certify_backward(
    graph: StateGraph, packed: Packed, out: np.ndarray, n_jobs: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """What is uncertain looking forward may be certain looking back: in a chain, what is lost was left behind."""
    left = np.flatnonzero(np.isnan(out))
    if len(left):
        rest = packed.subset(left)
        out[left], _, more = counts(graph, rest, np.zeros_like(rest.code), 1, np.ones(len(left)), n_jobs)
        left = left[more]
    return out, left


def counts(
    graph: StateGraph, packed: Packed, slot: np.ndarray, n_rows: int, weights: np.ndarray, n_jobs: int | None
) -> tuple[np.ndarray, Tally, np.ndarray]:
    """Totals, expected counts (each sequence times its weight), and the sequences left out of them.

    The posterior of step t is added to row slot[t] of `rows`.
    """
    model, shift = serial_model(graph, packed, _looks(graph, packed)[0] or EVERY // 2)
    n, n_states, lengths = len(model.start), graph.n_states, packed.steps.lengths
    chart = EVERY * max(4, min(-(-int(lengths.max()) // EVERY), CHART_BYTES // (8 * n * EVERY)))
    own_rows = one_row_a_step(slot, n_rows)  # then all shares can write to the same array

    def attempt(chosen: np.ndarray) -> tuple[np.ndarray, Tally]:
        cost = np.concatenate([[0], np.cumsum(lengths[chosen])])
        shares = in_shares(cost, SLOTS if own_rows else slots_for(n_rows * n))
        out, rows = np.empty(len(chosen)), np.zeros((1 if own_rows else len(shares), n_rows * n // WIDTH, WIDTH))
        pairs, (starts, ends) = np.zeros((len(shares), *model.edges.weight.shape)), np.zeros((2, len(shares), n))

        def work(share: Share) -> None:
            k, part = share.number, slice(share.first, share.last)
            serial_counts(
                model, packed.code, slot, packed.offsets, chosen[part], weights[chosen[part]], chart, out[part],
                rows[0 if own_rows else k], pairs[k], starts[k], ends[k],
            )  # fmt: skip

        run(work, shares, n_jobs)
        edges = (pairs.sum(0) * model.edges.weight).reshape(-1)[serial_places(graph)[0].at]
        by_row = rows[0] if own_rows else rows.sum(0)
        tally = Tally(by_row.reshape(n_rows, n), edges, starts.sum(0), ends.sum(0))
        return out, tally.of_states(n_states)

    out, tally = attempt(np.arange(len(packed)))
    left = np.isnan(out)
    if left.any():  # what they added is wrong: once more without them
        tally = attempt(np.flatnonzero(~left))[1]
    return out + taken_out(graph, packed, shift), tally, np.flatnonzero(left)


def _looks(graph: StateGraph, packed: Packed) -> tuple[int, float]:
    """Steps between rescalings (0: entries could vanish in one step), and the least entry that totals may see.

    Where every state leads to every state, an entry that was lost comes back in the next step.
    """
    if graph.is_full:
        return steps_between(graph.edge_range, WIDEST), 0.0
    return steps_between(graph.edge_range + widest_row(packed.table), FALL), SMALLEST
