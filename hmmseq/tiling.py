"""Long sequences cut into chunks, short ones side by side: how the tiles of `kernels.tiles` are planned and certified.

Used where every state leads to every state and no weight is extreme, or for short sequences of few states; what cannot be
certified here is left to the exact logarithmic recursion of `kernels.paths`, and nobody has to choose. When it pays is
measured in docs/kernels.md.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.kernel_models import (
    COMMON,
    FEWEST_STEPS,
    WIDEST,
    drift,
    taken_out,
    tile_model,
    whole_model,
)  # fmt: skip
from hmmseq.kernels.best_tiles import BestModel, BestSeams, best_tiles
from hmmseq.kernels.gaussian import Moments, Normals, all_moments, no_moments
from hmmseq.kernels.lanes import WIDTH
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.tile_counts import work_rows
from hmmseq.kernels.tiled import carry, tile_counts, tile_totals
from hmmseq.kernels.tiles import Model, Pieces, Room, Seams, make_room
from hmmseq.plans import NO_WEIGHTS, WHOLE, Layout, Plan, certify, groups
from hmmseq.scores import Densities, Packed
from hmmseq.shares import SLOTS, Share, Tally, cuts, one_row_a_step, run, run_together, slots_for

LOWEST = 1e-140  # the first and the last row of a sequence may lose so much: then digits are gone
SEAM = 1e-12  # largest relative difference of two rows that should be equal
LEAST_WORK = 1 << 19  # multiply-adds along edges in a share: some 50 microseconds, ten times its call
MOST = 4 * SLOTS  # shares that need no slot: smaller ones, so that threads end together
Scored = Packed | Densities
NONE = np.empty(0, dtype=np.int64)
SMALL_ROOM, MOST_SPARE = 1 << 20, 8  # bytes of a room that is kept for the next question; shapes of those
# Where edges are missing, a state may be behind until the others die. Nothing is lost if no state of a whole sequence can
# fall so many nats behind: then beta, where alpha is zero, is below twice as many, and doubles reach to 709. The zeros of
# few states cost less than going by edges.
FARTHEST, FEW, FEW_BEST = 300.0, 16, 32
CARRIED = 8  # up to so many states, running chunks from each state is faster than the serial way


def suits(graph: StateGraph, packed: Scored) -> bool:
    """Whether linear numbers are safe for this graph, and there is enough to do."""
    if not _suits(graph, packed) or graph.edge_range + COMMON > WIDEST * np.log(10):
        return False
    if graph.is_full:
        return True
    ways = packed.steps.longest * math.log(graph.n_states)  # of so many paths a state may have one
    return graph.n_states <= FEW and drift(graph, packed) + ways <= FARTHEST


def totals(graph: StateGraph, packed: Scored, n_jobs: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(n_sequences,) total log scores, and the numbers of the sequences that are left to the exact recursion."""
    (model, shift), out = tile_model(graph, packed), np.zeros(len(packed))

    def attempt(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        logs, seams = _totals(model, packed, plan, n_jobs)
        _set_sums(out, plan, logs)
        return out, _uncertain(plan, seams, logs, backward=False)

    layout, forgets = _layout(graph.n_states), partial(_forgets, model, packed)
    left = [certify(layout, packed, NO_WEIGHTS, group, forgets, attempt)[1] for group in groups(packed)]
    out += taken_out(graph, packed, shift)
    return out, _together(left)


def _totals(
    model: Model, packed: Scored, plan: Plan, n_jobs: int | None, seams: Seams | None = None
) -> tuple[np.ndarray, Seams]:
    """(n_pieces,) log totals, and rows at the seams."""
    logs, seams = np.empty(plan.n_pieces), _seams(plan, model) if seams is None else seams
    rooms = _Rooms(plan, model, keep=False)

    ends = _tile_ends(plan, len(model.start), MOST)

    def work(first: int, last: int) -> None:
        a, b = ends[first], ends[last]
        with rooms.one() as room:
            tile_totals(model, packed.code, plan.pieces, plan.tiles, a, b, plan.warmup, room, seams, logs)

    run_together(work, len(ends) - 1, n_jobs)
    return logs, seams


def _forgets(model: Model, packed: Scored, plan: Plan) -> bool:
    """Whether forward rows with two beginnings agree before the pieces of the plan, which come in pairs."""
    _, seams = _totals(model, packed, plan, 1)
    return bool(_agree(seams.alpha_before[::2], seams.alpha_before[1::2]).all())


def counts(
    graph: StateGraph, packed: Scored, slot: np.ndarray, n_rows: int, weights: np.ndarray, n_jobs: int | None
) -> tuple[np.ndarray, Tally, np.ndarray]:
    """Totals, expected counts (each sequence times its weight), and the sequences left out of them.

    The posterior of step t is added to row slot[t] of `rows`.
    """
    model, shift = tile_model(graph, packed)
    n, own_rows = len(model.start), one_row_a_step(slot, n_rows)  # then all shares can write to the same array
    uses = _Uses(
        SLOTS if own_rows else slots_for(n_rows * n),
        lambda n_shares: np.zeros((1 if own_rows else n_shares, n_rows, n)),
        lambda places: places[0] if own_rows else places.sum(0),
    )
    out, tally, left = _expected(graph, packed, model, slot, weights, uses, n_jobs)
    return out + taken_out(graph, packed, shift), tally, left


def moments(
    graph: StateGraph, densities: Densities, weights: np.ndarray, n_jobs: int | None
) -> tuple[np.ndarray, Tally, np.ndarray]:
    """The same for scores that tiles make from observations: `rows` are their moments, one kind after the other."""
    model, shift = tile_model(graph, densities)
    shape = densities.normals.means.shape[0], len(model.start)
    uses = _Uses(
        slots_for(WIDTH * 2 * math.prod(shape)),
        lambda n_shares: no_moments(*shape, n_shares),
        all_moments,
    )
    out, tally, left = _expected(graph, densities, model, densities.code, weights, uses, n_jobs)
    return out + taken_out(graph, densities, shift), tally, left


class _Uses(NamedTuple):
    """How statistics of labels are gathered."""

    most: int  # shares at most
    places: Callable[[int], Any]  # for so many shares
    total: Callable[[Any], np.ndarray]  # (n_rows, n) over all places


def _expected(
    graph: StateGraph, packed: Scored, model: Model, slot: np.ndarray, weights: np.ndarray, uses: _Uses,
    n_jobs: int | None,
) -> tuple[np.ndarray, Tally, np.ndarray]:  # fmt: skip
    out, n_states, n = np.zeros(len(packed)), graph.n_states, len(model.start)

    def attempt(plan: Plan) -> tuple[Tally, np.ndarray]:
        shares = _tile_shares(plan, n, uses.most)
        rows = uses.places(len(shares))
        pairs, start, end = (np.zeros((len(shares), *shape)) for shape in ((n * n, WIDTH), (n, WIDTH), (n, WIDTH)))
        logs, seams = _count(model, packed, slot, plan, shares, (rows, pairs, start, end), n_jobs)
        _set_sums(out, plan, logs)
        used = pairs.sum((0, 2)).reshape(n, n)[:n_states]
        edges = (used * model.matrix)[graph.source, graph.target]
        tally = Tally(uses.total(rows), edges, start.sum((0, 2)), end.sum((0, 2))).of_states(n_states)
        return tally, _uncertain(plan, seams, logs, backward=True)

    layout, forgets, carries = _layout(n_states), partial(_forgets, model, packed), n_states <= CARRIED
    found = [certify(layout, packed, weights, group, forgets, attempt, carries) for group in groups(packed)]
    parts = [tally for tally, _ in found if tally is not None]
    if not parts:
        parts = [Tally(uses.total(uses.places(1)), np.zeros(graph.n_edges), *np.zeros((2, n))).of_states(n_states)]
    tally = parts[0]
    for part in parts[1:]:
        tally = Tally(*(np.add(a, b) for a, b in zip(tally, part, strict=True)))
    return out, tally, _together([left for _, left in found])


def posteriors(graph: StateGraph, packed: Scored, n_jobs: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(n_steps in all, n_states) posterior of each state at each step; zero in sequences left out, which come second."""
    model, rows = tile_model(graph, packed)[0], np.empty((packed.offsets[-1], graph.n_states))
    n, each_its_own = len(model.start), packed.code[:0]

    def attempt(plan: Plan) -> tuple[None, np.ndarray]:
        shares = _tile_shares(plan, len(model.start))
        pairs, start, end = np.zeros((len(shares), 0, WIDTH)), *np.zeros((2, len(shares), n, WIDTH))
        logs, seams = _count(model, packed, each_its_own, plan, shares, (rows[None], pairs, start, end), n_jobs)
        return None, _uncertain(plan, seams, logs, backward=True)

    layout, ones, forgets = _layout(graph.n_states), np.ones(len(packed)), partial(_forgets, model, packed)
    carries = graph.n_states <= CARRIED
    uncertain = [certify(layout, packed, ones, group, forgets, attempt, carries)[1] for group in groups(packed)]
    left = _together(uncertain)
    for s in left:
        rows[packed.offsets[s] : packed.offsets[s + 1]] = 0.0
    return rows, left


def _count(
    model: Model,
    packed: Scored,
    slot: np.ndarray,
    plan: Plan,
    shares: list[Share],
    places: tuple[np.ndarray, ...],
    n_jobs: int | None,
) -> tuple[np.ndarray, Seams]:
    """(n_pieces,) log totals, and rows at the seams; each share counts in its own place, or all in the only one."""
    cut = plan.warmup == 0 and plan.is_cut
    logs, seams = np.empty(plan.n_pieces), _carried(model, packed, plan, n_jobs) if cut else _seams(plan, model)
    rooms = _Rooms(plan, model, keep=True)

    def work(share: Share) -> None:
        own = (_of_share(place, share.number) for place in places)
        with rooms.one() as room:
            tile_counts(
                model, packed.code, slot, plan.pieces, plan.tiles, share.first, share.last, plan.warmup, room, seams,
                logs, *own,
            )  # fmt: skip

    run(work, shares, n_jobs)
    return logs, seams


def _of_share(place: Any, number: int) -> Any:
    if isinstance(place, Moments):
        return Moments(*(array[number] for array in place))
    return place[min(number, len(place) - 1)]


def best(graph: StateGraph, packed: Scored, n_jobs: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States of the best paths, (n_steps in all,), their log scores, and the sequences left to the exact recursion."""
    states, out = np.empty(packed.offsets[-1], dtype=np.int32), np.zeros(len(packed))
    found = whole_model(graph, packed)
    if found is None:
        return states, out, np.arange(len(packed))
    model, shift = found

    def attempt(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        logs, seams = _best(model, packed, plan, states, n_jobs)
        _set_sums(out, plan, logs)
        if not plan.is_cut and _is_finite(logs):
            return states, NONE
        bad = ~np.isfinite(logs)
        if plan.is_cut:
            left, right = plan.neighbours()
            bad[left] |= np.any(seams.row_last[left] != seams.row_before[right], axis=1)
            bad[left] |= seams.state_last[left] != seams.state_before[right]
        return states, plan.sequences(bad)

    def forgets(plan: Plan) -> bool:
        rows = _best(model, packed, plan, states, 1)[1].row_before  # an attempt will write these states again
        return np.array_equal(rows[::2], rows[1::2])

    layout = _layout(graph.n_states)
    left = [certify(layout, packed, NO_WEIGHTS, group, forgets, attempt)[1] for group in groups(packed)]
    out += taken_out(graph, packed, shift)
    return states, out, _together(left)


def _best(
    model: BestModel, packed: Scored, plan: Plan, states: np.ndarray, n_jobs: int | None
) -> tuple[np.ndarray, BestSeams]:
    """(n_pieces,) log scores of the best path in each piece, and what the seams say; its states into `states`."""
    n_pieces, n = plan.n_pieces, len(model.start)
    n_seams = 0 if plan.is_whole else n_pieces
    rows, ends = np.zeros((2, n_seams, n), np.int64), np.zeros((2, n_seams), np.int64)
    logs, seams, rooms = np.empty(n_pieces), BestSeams(*rows, *ends), _Rooms(plan, model, keep=False)

    ends = _tile_ends(plan, n, MOST)

    def work(first: int, last: int) -> None:
        a, b = ends[first], ends[last]
        with rooms.one() as room:
            best_tiles(model, packed.code, plan.pieces, plan.tiles, a, b, plan.warmup, room, seams, logs, states)

    run_together(work, len(ends) - 1, n_jobs)
    return logs, seams


def suits_best(graph: StateGraph, packed: Scored) -> bool:
    """Whether the choice of a source fits into a byte, and there is enough to do."""
    return _suits(graph, packed) and graph.n_states <= (256 if graph.is_full else FEW_BEST)


def _suits(graph: StateGraph, packed: Scored) -> bool:
    """Whether every state leads to every state or no sequence is cut, paths exist, and there is enough to do."""
    if packed.edges is not None or packed.offsets[-1] < FEWEST_STEPS:
        return False
    if "possible" not in graph.kept:
        ways = (graph.start, graph.end, graph.edge)
        graph.kept["possible"] = all(bool(weights.max(initial=NEVER) > NEVER) for weights in ways)
        graph.kept["emits"] = bool(graph.label.min() >= 0)
    if not graph.is_full and not (graph.kept["emits"] and packed.steps.longest <= WHOLE):
        return False
    return bool(graph.kept["possible"])


def _layout(n_states: int) -> Layout:
    """A tile of WIDTH pieces should stay in cache, and warming up should be a small part of it."""
    return Layout(WIDTH, max(512, min(1024, 16384 // n_states)))


class _Rooms:
    """Memory for tiles, as much as threads work at a time: fresh memory costs up to a tenth of the time.

    Small rooms serve the next question of the same shape too: to make one took a tenth of the time in which
    50 sequences of 100 steps are scored (a profile, once, when it was done).
    """

    spare: ClassVar[dict[tuple, list[Room]]] = {}  # by shape

    def __init__(self, plan: Plan, model: Model | BestModel, keep: bool) -> None:
        n, longest = len(model.start), int(plan.pieces.length[0])
        best, made = isinstance(model, BestModel), isinstance(model.scores, Normals)
        alpha, work = ((longest + 1) * n, work_rows(n)) if keep else (2 * n, 0)
        rows = alpha, work, made * (alpha if keep else n), made * best * n
        n_features = model.scores.values.shape[1] if isinstance(model.scores, Normals) else 0
        shape = rows, n_features, longest, model.every, plan.warmup, best
        self.make = partial(make_room, *shape)
        self.free = self._kept(shape) if 8 * WIDTH * sum(rows) <= SMALL_ROOM else []

    @classmethod
    def _kept(cls, shape: tuple) -> list[Room]:
        if shape not in cls.spare and len(cls.spare) >= MOST_SPARE:
            cls.spare.clear()
        return cls.spare.setdefault(shape, [])

    @contextmanager
    def one(self) -> Iterator[Room]:
        try:
            room = self.free.pop()
        except IndexError:
            room = self.make()
        yield room
        self.free.append(room)


def _tile_shares(plan: Plan, n: int, most: int = MOST) -> list[Share]:
    ends = _tile_ends(plan, n, most).tolist()
    return [Share(k, a, b) for k, (a, b) in enumerate(pairwise(ends))]


def _tile_ends(plan: Plan, n: int, most: int) -> np.ndarray:
    """Tiles at which shares begin, and where the last one ends. A share takes long beside its call. n: number of states"""
    lengths = plan.pieces.length
    most = min(most, int(lengths[0]) * len(lengths) * n * n // LEAST_WORK)
    if most <= 1:
        return np.array([0, len(plan.tiles) - 1])
    cost = np.zeros(len(plan.tiles), dtype=np.int64)
    np.cumsum(lengths[plan.tiles[:-1]], out=cost[1:])  # a tile takes as long as its longest piece
    return cuts(cost, most)


def _seams(plan: Plan, model: Model) -> Seams:
    """Passes begin with uniform rows, and with the ending weights where the sequence ends."""
    n_pieces, n = plan.n_pieces, len(model.start)
    if plan.is_whole:
        none = np.empty((0, n))
        return Seams(none, none, none, none, lowest=np.empty(n_pieces))
    rows = np.zeros((4, n_pieces, n))
    rows[0], rows[3] = 1.0 / n, 1.0
    rows[3][plan.pieces.closes] = model.end
    return Seams(*rows, lowest=np.ones(n_pieces))  # type: ignore[misc]


def _carried(model: Model, packed: Scored, plan: Plan, n_jobs: int | None) -> Seams:
    """The exact rows to begin with, of pieces without a warm-up: each is run once from every state, then rows are carried.

    As an associative scan does it (Särkkä and García-Fernández, IEEE Trans. Signal Process. 69, 2021).
    """
    pieces, n_states = plan.pieces, len(model.matrix)
    times = np.where(pieces.opens, 1, n_states)
    first = np.concatenate([[0], np.cumsum(times)])
    which = np.repeat(np.arange(len(times)), times)
    part = Pieces(*(array[which] for array in pieces))
    zeros = np.zeros(len(which), dtype=np.int64)
    wide = Plan(
        part._replace(before=zeros, after=zeros, closes=zeros > 0),
        np.append(np.arange(0, len(which), WIDTH), len(which)),
        plan.sequence[which],
        plan.place[which],
        0,
        True,
    )
    begun = _seams(wide, model)
    begun.alpha_before[:] = np.eye(n_states, len(model.start))[np.arange(len(which)) - first[which]]
    logs, ran = _totals(model, packed, wide, n_jobs, begun)
    seams = _seams(plan, model)
    carry(plan.order(), pieces.opens, first, ran.alpha_last, logs, model.end, seams.alpha_before, seams.beta_last)
    return seams


def _set_sums(out: np.ndarray, plan: Plan, logs: np.ndarray) -> None:
    """out[s] = the sum over the pieces of sequence s, of those in the plan."""
    here: Any = slice(None) if plan.sequence is None else plan.sequence
    out[here] = 0.0 if plan.is_cut else logs
    if plan.is_cut:
        np.add.at(out, here, logs)


def _uncertain(plan: Plan, seams: Seams, logs: np.ndarray, backward: bool) -> np.ndarray:
    """Sequences with a seam that does not fit, a start or an end that lost digits, or no path at all."""
    if not plan.is_cut and _is_finite(logs) and seams.lowest.min() >= LOWEST:
        return NONE
    bad = ~(seams.lowest >= LOWEST) | ~np.isfinite(logs)
    if not plan.is_cut:
        return plan.sequences(bad)
    left, right = plan.neighbours()
    bad[left] |= ~_agree(seams.alpha_last[left], seams.alpha_before[right]).all(axis=1)
    if backward:
        bad[left] |= ~_agree(seams.beta_last[left], seams.beta_before[right]).all(axis=1)
    return plan.sequences(bad)


def _is_finite(logs: np.ndarray) -> bool:
    """Whether all are: their sum says it without an array of answers."""
    return math.isfinite(logs.sum())


def _together(groups: list[np.ndarray]) -> np.ndarray:
    """Sequences of all groups, in order, as they are in each of them."""
    return groups[0] if len(groups) == 1 else np.sort(np.concatenate(groups))


def _agree(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether entries of rows are equal but for rounding; NaN are not."""
    return np.abs(a - b) <= SEAM * np.maximum(a, b) + 1e-300
