"""How sequences become the rows of tiles: whole if they are short, cut into chunks if they are long."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from hmmseq.kernels.lanes import WIDTH
from hmmseq.kernels.tiles import Pieces
from hmmseq.scores import Densities, Packed

WHOLE = 1024  # sequences up to this length are never cut
WARMUPS = (32, 64, 128, 512, 2048)  # tried in turn: a model that forgets slowly needs a long one

Result = TypeVar("Result")


class Layout(NamedTuple):
    """Shape of a tile."""

    rows: int  # enough that a step of all rows is worth its call, few enough that a tile stays in cache
    steps: int  # about so many of a chunk


class Plan(NamedTuple):
    """Pieces in tiles, and which sequence each belongs to."""

    pieces: Pieces
    tiles: np.ndarray  # (n_tiles + 1,) tile k holds pieces tiles[k] ... tiles[k + 1] - 1
    sequence: np.ndarray  # (n_pieces,)
    place: np.ndarray  # (n_pieces,) number of the piece in its sequence
    warmup: int
    is_cut: bool  # whether some sequence is in more than one piece

    @property
    def is_whole(self) -> bool:
        """Whether every piece is a sequence."""
        return self.warmup == 0 and not self.is_cut

    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """Pieces, and the pieces that follow them in their sequences."""
        order = np.lexsort((self.place, self.sequence))
        follows = self.sequence[order[1:]] == self.sequence[order[:-1]]
        follows &= self.place[order[1:]] == self.place[order[:-1]] + 1
        return order[:-1][follows], order[1:][follows]


def groups(packed: Packed | Densities) -> list[np.ndarray]:
    """Sequences that stay whole, and sequences to cut."""
    lengths, shortest = packed.steps.lengths, packed.steps.shortest
    if shortest > 0 and (packed.steps.longest <= WHOLE or shortest > WHOLE):
        return [np.arange(len(lengths))]
    found = [np.flatnonzero((lengths > 0) & (lengths <= WHOLE)), np.flatnonzero(lengths > WHOLE)]
    return [group for group in found if len(group)]


def certify(
    layout: Layout,
    packed: Packed | Densities,
    weights: np.ndarray,
    group: np.ndarray,
    forgets: Callable[[Plan], bool],
    attempt: Callable[[Plan], tuple[Result, np.ndarray]],
    carries: bool = False,
) -> tuple[Result | None, np.ndarray]:
    """Try warm-ups from which on rows forget where they began; what then is still uncertain is left out and returned.

    forgets : whether the two rows before each pair of pieces agree
    attempt : does the work of a plan; returns its result and the sequences that are uncertain
    carries : whether it can also do chunks without a warm-up
    """
    result, bad, warmup, warmups = None, group, 0, _warmups(packed, group)
    for warmup in [*warmups, 0] if carries and warmups[0] else warmups:
        # What agrees after half the warm-up at some places agrees to twice as many digits after all of it: so everywhere.
        tried = warmup // 2 if warmup != warmups[-1] else warmup
        if warmup and not forgets(_pairs(packed, group, tried)):
            continue
        result, bad = attempt(make_plan(layout, packed, weights, group, warmup))
        if not len(bad):
            return result, bad
    good = np.setdiff1d(group, bad)
    if not len(good):
        return None, bad
    result, more = attempt(make_plan(layout, packed, weights, good, warmup))
    assert not len(more)  # a row depends on its own sequence only
    return result, bad


def chosen(array: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Entries of some sequences, whose numbers rise; not copied if it is all of them."""
    return array if len(group) == len(array) else array[group]


def _pairs(packed: Packed | Densities, group: np.ndarray, warmup: int) -> Plan:
    """Pieces of one step, two at each of some places: the first after `warmup` steps, the second after twice as many."""
    places = np.linspace(0, 1, WIDTH // 2)
    which = group[np.round(places * (len(group) - 1)).astype(np.int64)]
    spare = packed.steps.lengths[which] - 2 * warmup - 1
    at = packed.offsets[which] + 2 * warmup + (places * spare).astype(np.int64)
    ones, no = np.ones(WIDTH, dtype=np.int64), np.zeros(WIDTH, dtype=bool)
    before = np.tile([warmup, 2 * warmup], WIDTH // 2)
    pieces = Pieces(np.repeat(at, 2), ones, before, 0 * ones, opens=no, closes=no, weight=1.0 * ones)
    return Plan(pieces, np.array([0, WIDTH]), np.repeat(which, 2), 0 * ones, 2 * warmup, False)


def make_plan(layout: Layout, packed: Packed | Densities, weights: np.ndarray, group: np.ndarray, warmup: int) -> Plan:
    """Pieces of the sequences in `group`, the longest first; the pieces of a sequence stay in order."""
    lengths, starts, weights = chosen(packed.steps.lengths, group), chosen(packed.offsets[:-1], group), weights[group]
    if packed.steps.longest <= WHOLE or lengths.max() <= WHOLE:
        return _whole(layout, group, lengths, starts, weights)
    chunk = _chunk_length(layout, int(lengths.sum()), warmup)
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
        weight=weights[which],
    )
    return Plan(pieces, _tiles(layout, len(which)), group[which], place, warmup, bool(place.any()))


def _whole(layout: Layout, group: np.ndarray, lengths: np.ndarray, starts: np.ndarray, weights: np.ndarray) -> Plan:
    """Each sequence a piece."""
    if (lengths[1:] > lengths[:-1]).any():
        order = np.argsort(-lengths, kind="stable")
        group, lengths, starts, weights = group[order], lengths[order], starts[order], weights[order]
    none = np.zeros(len(group), dtype=np.int64)
    all_ = none == 0
    pieces = Pieces(starts, lengths, none, none, opens=all_, closes=all_, weight=weights)
    return Plan(pieces, _tiles(layout, len(group)), group, none, 0, False)


def _tiles(layout: Layout, n_pieces: int) -> np.ndarray:
    """Where tiles begin, and where the last one ends."""
    tiles = np.arange(0, n_pieces + layout.rows, layout.rows)
    tiles[-1] = n_pieces
    return tiles


def _warmups(packed: Packed | Densities, group: np.ndarray) -> list[int]:
    """0 for sequences that stay whole; else those that leave most lanes something else to do than to warm up."""
    lengths = chosen(packed.steps.lengths, group)
    if packed.steps.longest <= WHOLE or lengths.max() <= WHOLE:
        return [0]
    return [w for w in WARMUPS if 8 * w <= lengths.min() and WIDTH * 4 * w <= 3 * lengths.sum()]


def _chunk_length(layout: Layout, n_steps: int, warmup: int) -> int:
    """About the wanted length, a few times the warm-up, and such that the last tile is full."""
    wanted = max(layout.steps, 4 * warmup)
    tiles = max(1, round(n_steps / (layout.rows * wanted)))
    return max(2 * warmup, 16 * -(-n_steps // (16 * tiles * layout.rows)))
