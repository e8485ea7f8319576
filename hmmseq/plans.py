"""How sequences become the rows of tiles: whole if they are short, cut into chunks if they are long."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from hmmseq.kernels.lanes import WIDTH
from hmmseq.kernels.tiles import Pieces
from hmmseq.scores import Densities, Packed

WHOLE = 1024  # sequences up to this length are never cut
WARMUPS = (32, 64, 128, 512, 2048)  # tried in turn: a model that forgets slowly needs a long one

PLACES = np.linspace(0, 1, WIDTH // 2)
ONE, ONE_TWO, ONE_TILE = np.ones(WIDTH, dtype=np.int64), np.tile([1, 2], WIDTH // 2), np.array([0, WIDTH])
NO_WEIGHTS = np.empty(0)

Result = TypeVar("Result")


class Layout(NamedTuple):
    """Shape of a tile."""

    rows: int  # enough that a step of all rows is worth its call, few enough that a tile stays in cache
    steps: int  # about so many of a chunk


class Plan(NamedTuple):
    """Pieces in tiles, and which sequence each belongs to."""

    pieces: Pieces
    tiles: np.ndarray  # (n_tiles + 1,) tile k holds pieces tiles[k] ... tiles[k + 1] - 1
    sequence: Any  # (n_pieces,); None: piece k is sequence k
    place: np.ndarray  # (n_pieces,) number of the piece in its sequence; none where each is whole
    warmup: int
    is_cut: bool  # whether some sequence is in more than one piece
    in_order: bool = True  # whether the pieces of a sequence follow each other

    @property
    def n_pieces(self) -> int:
        return len(self.pieces.length)

    @property
    def is_whole(self) -> bool:
        """Whether every piece is a sequence."""
        return self.warmup == 0 and not self.is_cut

    def sequences(self, pieces: np.ndarray) -> np.ndarray:
        """Those of some pieces, given as a mask, in order."""
        return np.flatnonzero(pieces) if self.sequence is None else np.unique(self.sequence[pieces])

    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """Pieces, and the pieces that follow them in their sequences."""
        order = self.order()
        follow = np.flatnonzero(self.place[order])  # what is not the first of its sequence
        return order[follow - 1], order[follow]

    def order(self) -> np.ndarray:
        """Pieces, one sequence after the other."""
        return np.arange(self.n_pieces) if self.in_order else np.lexsort((self.place, self.sequence))


def groups(packed: Packed | Densities) -> list[np.ndarray | None]:
    """Sequences that stay whole, and sequences to cut; None: all are of one kind."""
    lengths, shortest = packed.steps.lengths, packed.steps.shortest
    if shortest > 0 and (packed.steps.longest <= WHOLE or shortest > WHOLE):
        return [None]
    found = [np.flatnonzero((lengths > 0) & (lengths <= WHOLE)), np.flatnonzero(lengths > WHOLE)]
    return [group for group in found if len(group)]


def certify(
    layout: Layout,
    packed: Packed | Densities,
    weights: np.ndarray,
    group: np.ndarray | None,
    forgets: Callable[[Plan], bool],
    attempt: Callable[[Plan], tuple[Result, np.ndarray]],
    carries: bool = False,
) -> tuple[Result | None, np.ndarray]:
    """Try warm-ups from which on rows forget where they began; what then is still uncertain is left out and returned.

    forgets : whether the two rows before each pair of pieces agree
    attempt : does the work of a plan; returns its result and the sequences that are uncertain
    carries : whether it can also do chunks without a warm-up
    """
    result, bad, warmup, warmups = None, None, 0, _warmups(packed, group)
    for warmup in [*warmups, 0] if carries and warmups[0] else warmups:
        # What agrees after half the warm-up at some places agrees to twice as many digits after all of it: so everywhere.
        tried = warmup // 2 if warmup != warmups[-1] else warmup
        if warmup and not forgets(_pairs(packed, group, tried)):
            continue
        result, bad = attempt(make_plan(layout, packed, weights, group, warmup))
        if not len(bad):
            return result, bad
    members = np.arange(len(packed)) if group is None else group
    bad = members if bad is None else bad
    while len(good := np.setdiff1d(members, bad)):
        result, more = attempt(make_plan(layout, packed, weights, good, warmup))
        if not len(more):
            return result, bad
        bad = np.union1d(bad, more)  # fewer sequences are cut at other places, where others may fail
    return None, bad


def _chosen(array: np.ndarray, group: np.ndarray | None) -> np.ndarray:
    """Entries of some sequences; not copied if it is all of them."""
    return array if group is None else array[group]


def _pairs(packed: Packed | Densities, group: np.ndarray | None, warmup: int) -> Plan:
    """Pieces of one step, two at each of some places: the first after `warmup` steps, the second after twice as many."""
    n = len(packed) if group is None else len(group)
    which = (PLACES * (n - 1) + 0.5).astype(np.int64)
    which = which if group is None else group[which]
    spare = packed.steps.lengths[which] - 2 * warmup - 1
    at = packed.offsets[which] + 2 * warmup + (PLACES * spare).astype(np.int64)
    no = np.zeros(WIDTH, dtype=bool)
    pieces = Pieces(np.repeat(at, 2), ONE, NO_WEIGHTS, warmup * ONE_TWO, 0 * ONE, opens=no, closes=no)
    return Plan(pieces, ONE_TILE, None, ONE[:0], 2 * warmup, False)


def make_plan(
    layout: Layout, packed: Packed | Densities, weights: np.ndarray, group: np.ndarray | None, warmup: int
) -> Plan:
    """Pieces of the sequences in `group`, the longest first; the pieces of a sequence stay in order."""
    lengths, starts = _chosen(packed.steps.lengths, group), _chosen(packed.offsets[:-1], group)
    weights = _chosen(weights, group) if len(weights) else weights
    if packed.steps.longest <= WHOLE or lengths.max() <= WHOLE:
        even = group is None and packed.steps.shortest == packed.steps.longest
        return _whole(layout, group, lengths, starts, weights, even)
    chunk = _chunk_length(layout, int(lengths.sum()), warmup)
    n_pieces = -(-lengths // chunk)
    which = np.repeat(np.arange(len(lengths)), n_pieces)
    place = np.arange(len(which)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    length = np.minimum(lengths[which] - place * chunk, chunk)
    in_order = len(lengths) == 1
    if not in_order:
        order = np.argsort(-length, kind="stable")
        which, place, length = which[order], place[order], length[order]
    begin = place * chunk
    rest = lengths[which] - begin - length
    pieces = Pieces(
        first=starts[which] + begin,
        length=length,
        before=np.minimum(begin, warmup),
        after=np.minimum(rest, warmup),
        opens=begin == 0,
        closes=rest <= warmup,
        weight=weights[which] if len(weights) else weights,
    )
    sequence = which if group is None else group[which]
    return Plan(pieces, _tiles(layout, len(which)), sequence, place, warmup, bool(place.any()), in_order)


def _whole(
    layout: Layout, group: np.ndarray | None, lengths: np.ndarray, starts: np.ndarray, weights: np.ndarray, even: bool
) -> Plan:
    """Each sequence a piece. even : whether all have the same length"""
    if not even and (lengths[1:] > lengths[:-1]).any():
        order = np.argsort(-lengths, kind="stable")
        group = order if group is None else group[order]
        lengths, starts = lengths[order], starts[order]
        weights = weights[order] if len(weights) else weights
    none, no = np.empty(0, dtype=np.int64), np.empty(0, dtype=bool)
    pieces = Pieces(starts, lengths, weights, none, none, opens=no, closes=no)
    return Plan(pieces, _tiles(layout, len(lengths)), group, none, 0, False)


def _tiles(layout: Layout, n_pieces: int) -> np.ndarray:
    """Where tiles begin, and where the last one ends."""
    tiles = np.arange(0, n_pieces + layout.rows, layout.rows)
    tiles[-1] = n_pieces
    return tiles


def _warmups(packed: Packed | Densities, group: np.ndarray | None) -> list[int]:
    """0 for sequences that stay whole; else those that leave most lanes something else to do than to warm up."""
    steps, lengths = packed.steps, packed.steps.lengths
    shortest, longest, total = steps.shortest, steps.longest, int(packed.offsets[-1])
    if group is not None:
        lengths = lengths[group]
        shortest, longest, total = int(lengths.min()), int(lengths.max()), int(lengths.sum())
    if longest <= WHOLE:
        return [0]
    return [w for w in WARMUPS if 8 * w <= shortest and WIDTH * 4 * w <= 3 * total]


def _chunk_length(layout: Layout, n_steps: int, warmup: int) -> int:
    """About the wanted length, a few times the warm-up, and such that the last tile is full."""
    wanted = max(layout.steps, 4 * warmup)
    tiles = max(1, round(n_steps / (layout.rows * wanted)))
    return max(2 * warmup, 16 * -(-n_steps // (16 * tiles * layout.rows)))
