"""Long sequences cut into chunks, short ones side by side: how the tiles of `kernels.tiles` are planned and certified.

Used where every state leads to every state and no weight is extreme; what cannot be certified here is left to the exact
logarithmic recursion of `kernels.paths`, and nobody has to choose. When it pays is measured in docs/kernels.md.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.tiled import tile_counts, tile_totals
from hmmseq.kernels.tiles import Model, Pieces, Seams
from hmmseq.scores import Packed
from hmmseq.shares import Share, in_shares, one_row_a_step, run, slots_for

# In linear numbers the smallest of all weights between two states may be so many powers of ten below the largest: a row
# that has lost an entry to underflow is then rebuilt to full precision in the next step.
WIDEST = 60
LOWEST = 1e-140  # the same for the first and the last row of a sequence
SEAM = 1e-12  # largest relative difference of two rows that should be equal
WHOLE = 1024  # sequences up to this length are never cut
WARMUPS = (32, 128, 512, 2048)  # tried in turn: a model that forgets slowly needs a long one
FEWEST_STEPS = 256  # below, in all, planning costs more than it saves
PROBE_FROM = 4  # with so many tiles, the first one alone tells which warm-up will do

Result = TypeVar("Result")


class Tally(NamedTuple):
    """Counts, added over all sequences that could be certified."""

    rows: np.ndarray  # (n_rows, n_states)
    pairs: np.ndarray  # (n_states, n_states) expected uses of edges
    start: np.ndarray
    end: np.ndarray


class Plan(NamedTuple):
    """Pieces in tiles, and which sequence each belongs to."""

    pieces: Pieces
    tiles: np.ndarray  # (n_tiles + 1,) tile k holds pieces tiles[k] ... tiles[k + 1] - 1
    sequence: np.ndarray  # (n_pieces,)
    place: np.ndarray  # (n_pieces,) number of the piece in its sequence
    warmup: int


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

    left = [_certify(model, packed, np.ones(len(packed)), group, attempt)[1] for group in _groups(packed)]
    return out + _taken_out(graph, packed), np.sort(np.concatenate(left))


def counts(
    graph: StateGraph, packed: Packed, slot: np.ndarray, n_rows: int, weights: np.ndarray, n_jobs: int | None
) -> tuple[np.ndarray, Tally, np.ndarray]:
    """Totals, expected counts (each sequence times its weight), and the sequences left out of them.

    The posterior of step t is added to row slot[t] of `rows`.
    """
    model, out, n = _linear(graph, packed), np.zeros(len(packed)), graph.n_states
    own_rows = one_row_a_step(slot)  # then all shares can write to the same array

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

    found = [_certify(model, packed, weights, group, attempt) for group in _groups(packed)]
    parts = [tally for tally, _ in found if tally is not None]
    tally = parts[0] if parts else Tally(np.zeros((n_rows, n)), np.zeros((n, n)), np.zeros(n), np.zeros(n))
    for part in parts[1:]:
        tally = Tally(*(np.add(a, b) for a, b in zip(tally, part, strict=True)))
    return out + _taken_out(graph, packed), tally, np.sort(np.concatenate([left for _, left in found]))


def _linear(graph: StateGraph, packed: Packed) -> Model:
    """The graph and the scores in linear numbers, the largest edge and the largest score of each step being 1."""
    matrix = graph.matrix(np.exp(graph.edge - graph.edge.max()))
    table = packed.table if graph.is_untied else packed.table[:, graph.label]
    shift = table.max(axis=1)
    shift[shift == NEVER] = 0.0
    table = table - shift[:, None]
    np.exp(table, out=table)
    # Within `every` steps a row loses at most WIDEST powers of ten; powers of two divide every warm-up.
    powers = max(np.ptp(graph.edge) / np.log(10), 1.0)
    every = 1 << (int(min(16.0, max(1.0, WIDEST / powers))).bit_length() - 1)
    start, end = (np.exp(weights - weights.max()) for weights in (graph.start, graph.end))
    return Model(start, matrix, np.ascontiguousarray(matrix.T), end, table, shift, every)


def _taken_out(graph: StateGraph, packed: Packed) -> np.ndarray:
    """(n_sequences,) what `_linear` took out of the start, the edges and the end of each path."""
    lengths = packed.steps.lengths
    ends = np.where(lengths > 0, graph.start.max() + graph.end.max(), 0.0)
    return ends + graph.edge.max() * np.maximum(lengths - 1, 0)


def _groups(packed: Packed) -> list[np.ndarray]:
    """Sequences that stay whole, and sequences to cut."""
    lengths = packed.steps.lengths
    groups = [np.flatnonzero((lengths > 0) & (lengths <= WHOLE)), np.flatnonzero(lengths > WHOLE)]
    return [group for group in groups if len(group)]


def _certify(
    model: Model,
    packed: Packed,
    weights: np.ndarray,
    group: np.ndarray,
    attempt: Callable[[Plan], tuple[Result, np.ndarray]],
) -> tuple[Result | None, np.ndarray]:
    """Lengthen the warm-up until all seams agree; what then is still uncertain is left out and returned."""
    result, bad = None, group
    for warmup in _warmups(packed, group):
        plan = _plan(packed, weights, group, model.start.size, warmup)
        last = warmup == _warmups(packed, group)[-1]
        if not last and len(plan.tiles) > PROBE_FROM and len(attempt(_first_tile(plan))[1]):
            continue
        result, bad = attempt(plan)
        if not len(bad):
            return result, bad
    good = np.setdiff1d(group, bad)
    if not len(good):
        return None, bad
    result, more = attempt(_plan(packed, weights, good, model.start.size, warmup))
    assert not len(more)  # a row depends on its own sequence only
    return result, bad


def _warmups(packed: Packed, group: np.ndarray) -> list[int]:
    shortest = packed.steps.lengths[group].min()
    return [0] if shortest <= WHOLE else [w for w in WARMUPS if 8 * w <= shortest]


def _plan(packed: Packed, weights: np.ndarray, group: np.ndarray, n_states: int, warmup: int) -> Plan:
    """Pieces of the sequences in `group`, the longest first, in tiles of as many rows as pay off."""
    lengths, starts = packed.steps.lengths[group], packed.offsets[group]
    chunk = _chunk_length(int(lengths.sum()), n_states, warmup) if warmup else int(lengths.max())
    n_pieces = -(-lengths // chunk)
    which = np.repeat(np.arange(len(group)), n_pieces)
    place = np.arange(len(which)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    begin = place * chunk
    length = np.minimum(lengths[which] - begin, chunk)
    order = np.argsort(-length, kind="stable")
    which, place, begin, length = which[order], place[order], begin[order], length[order]
    rest = lengths[which] - begin - length
    pieces = Pieces(
        first=starts[which] + begin,
        length=length,
        before=np.minimum(begin, warmup),
        after=np.minimum(rest, warmup),
        opens=begin == 0,
        closes=rest <= warmup,
        weight=weights[group][which],
    )
    tiles = np.append(np.arange(0, len(which), _rows(n_states)), len(which))
    return Plan(pieces, tiles, group[which], place, warmup)


def _rows(n_states: int) -> int:
    """Rows of a tile: enough that a product is worth its call, few enough that a tile stays in cache."""
    return 64 if n_states <= 4 else 32 if n_states <= 16 else 16


def _chunk_length(n_steps: int, n_states: int, warmup: int) -> int:
    """About 512 steps, a few times the warm-up, and such that the last tile is full."""
    wanted = max(512 if n_states < 128 else 256, 4 * warmup)
    rows = _rows(n_states)
    tiles = max(1, round(n_steps / (rows * wanted)))
    return max(2 * warmup, 16 * -(-n_steps // (16 * tiles * rows)))


def _first_tile(plan: Plan) -> Plan:
    n = plan.tiles[1]
    return Plan(
        Pieces(*(part[:n] for part in plan.pieces)), plan.tiles[:2], plan.sequence[:n], plan.place[:n], plan.warmup
    )


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
    order = np.lexsort((plan.place, plan.sequence))
    follows = (plan.sequence[order[1:]] == plan.sequence[order[:-1]]) & (
        plan.place[order[1:]] == plan.place[order[:-1]] + 1
    )
    left, right = order[:-1][follows], order[1:][follows]
    bad[left] |= _differ(seams.alpha_last[left], seams.alpha_before[right])
    if backward:
        bad[left] |= _differ(seams.beta_last[left], seams.beta_before[right])
    return np.unique(plan.sequence[bad])


def _differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n_pairs,) whether two rows differ anywhere; a NaN does."""
    return ~np.all(np.abs(a - b) <= SEAM * np.maximum(a, b) + 1e-300, axis=1)
