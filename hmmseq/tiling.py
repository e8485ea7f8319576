"""Long sequences cut into chunks, short ones side by side: how the tiles of `kernels.tiles` are planned and certified.

Used where every state leads to every state and no weight is extreme; what cannot be certified here is left to the exact
logarithmic recursion of `kernels.paths`, and nobody has to choose. When it pays is measured in docs/kernels.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.kernel_models import (
    FEWEST_STEPS,
    WIDEST,
    WIDEST_BEST,
    edge_range,
    is_full,
    spread,
    taken_out,
    tile_model,
    whole_model,
)  # fmt: skip
from hmmseq.kernels.best_tiles import BestModel, BestSeams, best_tiles
from hmmseq.kernels.lanes import WIDTH
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.tiled import tile_counts, tile_totals
from hmmseq.kernels.tiles import Model, Room, Seams, make_room
from hmmseq.plans import Layout, Plan, certify, groups
from hmmseq.scores import Packed
from hmmseq.shares import SLOTS, Share, Tally, in_shares, one_row_a_step, run, slots_for

LOWEST = 1e-140  # the first and the last row of a sequence may lose so much: then digits are gone
SEAM = 1e-12  # largest relative difference of two rows that should be equal


def suits(graph: StateGraph, packed: Packed) -> bool:
    """Whether linear numbers are safe for this graph, and there is enough to do."""
    return _suits(graph, packed) and edge_range(graph) <= WIDEST * np.log(10)


def totals(graph: StateGraph, packed: Packed, n_jobs: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(n_sequences,) total log scores, and the numbers of the sequences that are left to the exact recursion."""
    (model, shift), out = tile_model(graph, packed), np.zeros(len(packed))

    def attempt(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        logs, seams = _totals(model, packed, plan, n_jobs)
        out[plan.sequence] = 0.0
        np.add.at(out, plan.sequence, logs)
        return out, _uncertain(plan, seams, logs, backward=False)

    layout, ones, forgets = _layout(graph.n_states), np.ones(len(packed)), partial(_forgets, model, packed)
    left = [certify(layout, packed, ones, group, forgets, attempt)[1] for group in groups(packed)]
    return out + taken_out(graph, packed, shift), np.sort(np.concatenate(left))


def _totals(model: Model, packed: Packed, plan: Plan, n_jobs: int | None) -> tuple[np.ndarray, Seams]:
    """(n_pieces,) log totals, and rows at the seams."""
    logs, seams = np.empty(len(plan.sequence)), _seams(plan, len(model.start))
    rooms = _Rooms(plan, model.every, 2 * len(model.start))

    def work(share: Share) -> None:
        with rooms.one() as room:
            tile_totals(
                model, packed.code, plan.pieces, plan.tiles, share.first, share.last, plan.warmup, room, seams, logs
            )

    run(work, _tile_shares(plan, SLOTS), n_jobs)
    return logs, seams


def _forgets(model: Model, packed: Packed, plan: Plan) -> bool:
    """Whether forward rows with two beginnings agree before the pieces of the plan, which come in pairs."""
    _, seams = _totals(model, packed, plan, 1)
    return not np.any(_differ(seams.alpha_before[::2], seams.alpha_before[1::2]))


def counts(
    graph: StateGraph, packed: Packed, slot: np.ndarray, n_rows: int, weights: np.ndarray, n_jobs: int | None
) -> tuple[np.ndarray, Tally, np.ndarray]:
    """Totals, expected counts (each sequence times its weight), and the sequences left out of them.

    The posterior of step t is added to row slot[t] of `rows`.
    """
    (model, shift), out, n_states = tile_model(graph, packed), np.zeros(len(packed)), graph.n_states
    n = len(model.start)
    own_rows = one_row_a_step(slot, n_rows)  # then all shares can write to the same array

    def attempt(plan: Plan) -> tuple[Tally, np.ndarray]:
        logs, seams = np.empty(len(plan.sequence)), _seams(plan, n)
        shares = _tile_shares(plan, SLOTS if own_rows else slots_for(n_rows * n))
        rows = np.zeros((1 if own_rows else len(shares), n_rows, n))
        pairs, start, end = (np.zeros((len(shares), *shape)) for shape in ((n * n, WIDTH), (n,), (n,)))
        rooms = _Rooms(plan, model.every, (int(plan.pieces.length.max()) + 1) * n)

        def work(share: Share) -> None:
            k = share.number
            with rooms.one() as room:
                tile_counts(
                    model, packed.code, slot, plan.pieces, plan.tiles, share.first, share.last, plan.warmup, room, seams,
                    logs, rows[0 if own_rows else k], pairs[k], start[k], end[k],
                )  # fmt: skip

        run(work, shares, n_jobs)
        out[plan.sequence] = 0.0
        np.add.at(out, plan.sequence, logs)
        edges = (pairs.sum((0, 2)).reshape(n, n) * model.matrix)[graph.source, graph.target]
        tally = Tally(rows.sum(0), edges, start.sum(0), end.sum(0)).of_states(n_states)
        return tally, _uncertain(plan, seams, logs, backward=True)

    layout, forgets = _layout(graph.n_states), partial(_forgets, model, packed)
    found = [certify(layout, packed, weights, group, forgets, attempt) for group in groups(packed)]
    parts = [tally for tally, _ in found if tally is not None]
    shapes = ((n_rows, n_states), (graph.n_edges,), (n_states,), (n_states,))
    tally = parts[0] if parts else Tally(*(np.zeros(shape) for shape in shapes))
    for part in parts[1:]:
        tally = Tally(*(np.add(a, b) for a, b in zip(tally, part, strict=True)))
    return out + taken_out(graph, packed, shift), tally, np.sort(np.concatenate([left for _, left in found]))


def best(graph: StateGraph, packed: Packed, n_jobs: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States of the best paths, (n_steps in all,), their log scores, and the sequences left to the exact recursion."""
    (model, shift), out = whole_model(graph, packed), np.zeros(len(packed))
    states = np.zeros(len(packed.code), dtype=np.int32)

    def attempt(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        logs, seams = _best(model, packed, plan, states, n_jobs)
        out[plan.sequence] = 0.0
        np.add.at(out, plan.sequence, logs)
        left, right = plan.neighbours()
        bad = ~np.isfinite(logs)
        bad[left] |= np.any(seams.row_last[left] != seams.row_before[right], axis=1)
        bad[left] |= seams.state_last[left] != seams.state_before[right]
        return states, np.unique(plan.sequence[bad])

    def forgets(plan: Plan) -> bool:
        rows = _best(model, packed, plan, np.empty_like(states), 1)[1].row_before
        return np.array_equal(rows[::2], rows[1::2])

    layout, ones = _layout(graph.n_states), np.ones(len(packed))
    left = [certify(layout, packed, ones, group, forgets, attempt)[1] for group in groups(packed)]
    return states, out + taken_out(graph, packed, shift), np.sort(np.concatenate(left))


def _best(
    model: BestModel, packed: Packed, plan: Plan, states: np.ndarray, n_jobs: int | None
) -> tuple[np.ndarray, BestSeams]:
    """(n_pieces,) log scores of the best path in each piece, and what the seams say; its states into `states`."""
    n_pieces, n = len(plan.sequence), len(model.start)
    rows, ends = np.zeros((2, n_pieces, n), np.int64), np.zeros((2, n_pieces), np.int64)
    logs, seams, rooms = np.empty(n_pieces), BestSeams(*rows, *ends), _Rooms(plan, model.every, 1)

    def work(share: Share) -> None:
        with rooms.one() as room:
            best_tiles(
                model, packed.code, plan.pieces, plan.tiles, share.first, share.last, plan.warmup, room, seams, logs,
                states,
            )  # fmt: skip

    run(work, _tile_shares(plan, SLOTS), n_jobs)
    return logs, seams


def suits_best(graph: StateGraph, packed: Packed) -> bool:
    """Whether the choice of a source fits into a byte, scores into whole numbers, and there is enough to do."""
    return _suits(graph, packed) and graph.n_states <= 256 and spread(graph, packed) <= WIDEST_BEST


def _suits(graph: StateGraph, packed: Packed) -> bool:
    """Whether every state leads to every state, paths exist, and there is enough to do."""
    possible = graph.start.max() > NEVER and graph.end.max() > NEVER
    return is_full(graph) and possible and packed.edges is None and len(packed.code) >= FEWEST_STEPS


def _layout(n_states: int) -> Layout:
    """A tile of WIDTH pieces should stay in cache, and warming up should be a small part of it."""
    return Layout(WIDTH, max(512, min(1024, 16384 // n_states)))


class _Rooms:
    """Memory for tiles, as much as threads work at a time: fresh memory costs up to a tenth of the time."""

    def __init__(self, plan: Plan, every: int, n_rows: int) -> None:
        self.free: list[Room] = []
        self.make = partial(make_room, n_rows, int(plan.pieces.length.max()), every, plan.warmup)

    @contextmanager
    def one(self) -> Iterator[Room]:
        try:
            room = self.free.pop()
        except IndexError:
            room = self.make()
        yield room
        self.free.append(room)


def _tile_shares(plan: Plan, most: int) -> list[Share]:
    cost = np.concatenate([[0], np.cumsum(plan.pieces.length)])[plan.tiles]
    return in_shares(cost, most)


def _seams(plan: Plan, n: int) -> Seams:
    n_pieces = len(plan.sequence)
    a, b, c, d = np.zeros((4, n_pieces, n))
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
