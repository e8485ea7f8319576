"""Long sequences cut into chunks, short ones side by side: how the tiles of `kernels.tiles` are planned and certified.

Used where every state leads to every state and no weight is extreme; what cannot be certified here is left to the exact
logarithmic recursion of `kernels.paths`, and nobody has to choose. When it pays is measured in docs/kernels.md.
"""

from typing import NamedTuple

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.kernels.best_tiles import BestSeams, best_tiles
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.tiled import tile_counts, tile_totals
from hmmseq.kernels.tiles import Model, Seams
from hmmseq.plans import Layout, Plan, certify, groups
from hmmseq.scores import Packed
from hmmseq.shares import Share, in_shares, one_row_a_step, run, slots_for

# In linear numbers the smallest of all weights between two states may be so many powers of ten below the largest: a row
# that has lost an entry to underflow is then rebuilt to full precision in the next step.
WIDEST = 60
LOWEST = 1e-140  # the same for the first and the last row of a sequence
SEAM = 1e-12  # largest relative difference of two rows that should be equal
BEST_SEAM = 1e-10  # the same for rows of log scores: nats
FEWEST_STEPS = 256  # below, in all, planning costs more than it saves
BEST_LAYOUT = Layout(rows=64, steps=512)


class Tally(NamedTuple):
    """Counts, added over all sequences that could be certified."""

    rows: np.ndarray  # (n_rows, n_states)
    pairs: np.ndarray  # (n_states, n_states) expected uses of edges
    start: np.ndarray
    end: np.ndarray


def suits(graph: StateGraph, packed: Packed) -> bool:
    """Whether linear numbers are safe for this graph, and there is enough to do."""
    full = graph.n_edges == graph.n_states**2 and graph.label.min() >= 0
    possible = graph.start.max() > NEVER and graph.end.max() > NEVER
    return full and possible and len(packed.code) >= FEWEST_STEPS and np.ptp(graph.edge) <= WIDEST * np.log(10)


def totals(graph: StateGraph, packed: Packed, n_jobs: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(n_sequences,) total log scores, and the numbers of the sequences that are left to the exact recursion."""
    model, out = _linear(graph, packed), np.zeros(len(packed))

    def attempt(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        logs, seams = np.empty(len(plan.sequence)), _seams(plan, graph.n_states)
        run(
            lambda share: tile_totals(
                model, packed.code, plan.pieces, plan.tiles, share.first, share.last, plan.warmup, seams, logs
            ),
            _tile_shares(plan, model, 16),
            n_jobs,
        )
        out[np.unique(plan.sequence)] = 0.0
        np.add.at(out, plan.sequence, logs)
        return out, _uncertain(plan, seams, logs, backward=False)

    left = [
        certify(_layout(graph.n_states), packed, np.ones(len(packed)), group, attempt)[1] for group in groups(packed)
    ]
    return out + _taken_out(graph, packed), np.sort(np.concatenate(left))


def counts(
    graph: StateGraph, packed: Packed, slot: np.ndarray, n_rows: int, weights: np.ndarray, n_jobs: int | None
) -> tuple[np.ndarray, Tally, np.ndarray]:
    """Totals, expected counts (each sequence times its weight), and the sequences left out of them.

    The posterior of step t is added to row slot[t] of `rows`.
    """
    model, out, n = _linear(graph, packed), np.zeros(len(packed)), graph.n_states
    own_rows = one_row_a_step(slot, n_rows)  # then all shares can write to the same array

    def attempt(plan: Plan) -> tuple[Tally, np.ndarray]:
        logs, seams = np.empty(len(plan.sequence)), _seams(plan, n)
        shares = _tile_shares(plan, model, 16 if own_rows else slots_for(n_rows * n))
        rows = np.zeros((1 if own_rows else len(shares), n_rows, n))
        pairs, start, end = (np.zeros((len(shares), *shape)) for shape in ((n, n), (n,), (n,)))

        def work(share: Share) -> None:
            k = share.number
            tile_counts(
                model, packed.code, slot, plan.pieces, plan.tiles, share.first, share.last, plan.warmup, seams, logs,
                rows[0 if own_rows else k], pairs[k], start[k], end[k],
            )  # fmt: skip

        run(work, shares, n_jobs)
        out[np.unique(plan.sequence)] = 0.0
        np.add.at(out, plan.sequence, logs)
        tally = Tally(rows.sum(0), pairs.sum(0) * model.matrix, start.sum(0), end.sum(0))
        return tally, _uncertain(plan, seams, logs, backward=True)

    found = [certify(_layout(graph.n_states), packed, weights, group, attempt) for group in groups(packed)]
    parts = [tally for tally, _ in found if tally is not None]
    tally = parts[0] if parts else Tally(np.zeros((n_rows, n)), np.zeros((n, n)), np.zeros(n), np.zeros(n))
    for part in parts[1:]:
        tally = Tally(*(np.add(a, b) for a, b in zip(tally, part, strict=True)))
    return out + _taken_out(graph, packed), tally, np.sort(np.concatenate([left for _, left in found]))


def best(graph: StateGraph, packed: Packed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States of the best paths, (n_steps in all,), their log scores, and the sequences left to the exact recursion.

    Scores stay logarithms, so nothing can underflow; only seams have to fit.
    """
    table, shift = _lowered(graph, packed)
    out, states = np.zeros(len(packed)), np.zeros(len(packed.code), dtype=np.int32)

    def attempt(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        n_pieces = len(plan.sequence)
        logs, seams = np.empty(n_pieces), BestSeams(*np.zeros((2, n_pieces, graph.n_states)))
        best_tiles(
            graph.lattice, table, shift, packed.code, plan.pieces, plan.tiles, plan.followers(), 0, len(plan.tiles) - 1,
            plan.warmup, seams, logs, states,
        )  # fmt: skip
        out[np.unique(plan.sequence)] = 0.0
        np.add.at(out, plan.sequence, logs)
        left, right = plan.neighbours()
        bad = ~np.isfinite(logs)
        bad[left] |= np.any(np.abs(seams.last[left] - seams.before[right]) > BEST_SEAM, axis=1)
        return states, np.unique(plan.sequence[bad])

    left = [certify(BEST_LAYOUT, packed, np.ones(len(packed)), group, attempt)[1] for group in groups(packed)]
    return states, out, np.sort(np.concatenate(left))


def suits_best(graph: StateGraph, packed: Packed) -> bool:
    """Whether tiles find best paths faster: up to 32 states (beyond, the plain recursion is)."""
    full = graph.n_edges == graph.n_states**2 and graph.label.min() >= 0 and graph.edge.min() > NEVER
    return full and graph.n_states <= 32 and len(packed.code) >= FEWEST_STEPS


def _linear(graph: StateGraph, packed: Packed) -> Model:
    """The graph and the scores in linear numbers, the largest edge and the largest score of each step being 1."""
    matrix = graph.matrix(np.exp(graph.edge - graph.edge.max()))
    table, shift = _lowered(graph, packed)
    np.exp(table, out=table)
    # Within `every` steps a row loses at most WIDEST powers of ten; powers of two divide every warm-up.
    powers = max(np.ptp(graph.edge) / np.log(10), 1.0)
    every = 1 << (int(min(16.0, max(1.0, WIDEST / powers))).bit_length() - 1)
    start, end = (np.exp(weights - weights.max()) for weights in (graph.start, graph.end))
    return Model(start, matrix, np.ascontiguousarray(matrix.T), end, table, shift, every)


def _lowered(graph: StateGraph, packed: Packed) -> tuple[np.ndarray, np.ndarray]:
    """Scores by state, the largest of each row being 0, and what was taken out of the rows."""
    table = packed.table if graph.is_untied else packed.table[:, graph.label]
    shift = table.max(axis=1)
    shift[shift == NEVER] = 0.0
    return np.ascontiguousarray(table - shift[:, None]), shift


def _taken_out(graph: StateGraph, packed: Packed) -> np.ndarray:
    """(n_sequences,) what `_linear` took out of the start, the edges and the end of each path."""
    lengths = packed.steps.lengths
    ends = np.where(lengths > 0, graph.start.max() + graph.end.max(), 0.0)
    return ends + graph.edge.max() * np.maximum(lengths - 1, 0)


def _layout(n_states: int) -> Layout:
    """For products of rows with a matrix."""
    return Layout(64 if n_states <= 4 else 32 if n_states <= 16 else 16, 512 if n_states < 128 else 256)


def _tile_shares(plan: Plan, model: Model, most: int) -> list[Share]:
    cost = np.concatenate([[0], np.cumsum(plan.pieces.length)])[plan.tiles]
    return in_shares(cost, most)


def _seams(plan: Plan, n_states: int) -> Seams:
    n_pieces = len(plan.sequence)
    a, b, c, d = np.zeros((4, n_pieces, n_states))
    return Seams(a, b, c, d, lowest=np.ones(n_pieces))


def _uncertain(plan: Plan, seams: Seams, logs: np.ndarray, backward: bool) -> np.ndarray:
    """Sequences with a seam that does not fit, a start or an end that lost digits, or no path at all."""
    bad = ~(seams.lowest >= LOWEST) | ~np.isfinite(logs)
    left, right = plan.neighbours()
    bad[left] |= _differ(seams.alpha_last[left], seams.alpha_before[right])
    if backward:
        bad[left] |= _differ(seams.beta_last[left], seams.beta_before[right])
    return np.unique(plan.sequence[bad])


def _differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n_pairs,) whether two rows differ anywhere; a NaN does."""
    return ~np.all(np.abs(a - b) <= SEAM * np.maximum(a, b) + 1e-300, axis=1)
