"""Graphs and scores as kernels read them: in linear numbers for sums, in whole numbers for best paths."""

import math
from typing import Any, NamedTuple

import numpy as np

from hmmseq.graph import StateGraph
from hmmseq.kernels.best_tiles import FLOOR, BestModel
from hmmseq.kernels.codes import sum_rows
from hmmseq.kernels.gaussian import Normals, in_blocks, widest_scores
from hmmseq.kernels.lanes import BLOCK, WIDTH
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.score_rows import lower_rows, whole_rows, widest_row
from hmmseq.kernels.serial import SerialModel
from hmmseq.kernels.stripes import PAIR, Stripes
from hmmseq.kernels.tiles import Model
from hmmseq.scores import Densities, Packed

# In linear numbers the smallest of all weights between two states may be so many powers of ten below the largest: a row
# that has lost an entry to underflow is then rebuilt to full precision in the next step.
WIDEST = 60
FEWEST_STEPS = 256  # below, in all, making a model costs more than it saves
STRIPE_COST = 2.0  # a stripe is taken to cost as much as so many rows of a matrix; a guess, not tuned
EVERY = 16  # steps between two scalings, at most; powers of two divide every warm-up
COMMON = 5.0  # nats by which rows of scores may differ and still be lowered by one number: nothing to add up by step
NOTHING = np.zeros(1)  # taken out of rows
WIDEST_BEST = 5_000.0  # nats that one step may put between two states: then scores are as fine as 1e-12
COARSEST = 38  # binary digits of a nat, where whole sequences drift apart: 2e-12 a step


def tile_model(graph: StateGraph, packed: Packed | Densities) -> tuple[Model, np.ndarray]:
    """The largest edge being 1, the largest score of each row at most 1; the logarithm of what each row was divided by.

    The largest of scores that are made in the tile is taken out, and counted, there.
    """
    if isinstance(packed, Densities):
        return _tile_model(graph, in_blocks(packed.normals, graph.label)), NOTHING
    table, shift = _lowered(graph, packed, _rounded_up(graph.n_states, BLOCK), linear=True)
    return _tile_model(graph, table), shift


def _tile_model(graph: StateGraph, scores: np.ndarray | Normals) -> Model:
    if "tiles" not in graph.kept:
        start, matrix, back, end = _linear(graph, _rounded_up(graph.n_states, BLOCK))
        every = steps_between(graph.edge_range + COMMON, WIDEST)
        graph.kept["tiles"] = Model(start, matrix, back, end, np.empty((0, 0)), every)
    return graph.kept["tiles"]._replace(scores=scores)


def serial_model(graph: StateGraph, packed: Packed, every: int) -> tuple[SerialModel, np.ndarray]:
    """The same for `kernels.serial`."""
    n = _rounded_up(graph.n_states, WIDTH)
    weight, (start, end) = np.exp(graph.edge - graph.edge.max()), _linear_ends(graph, n)
    edges, back = (places.filled(weight) for places in serial_places(graph))
    table, shift = _lowered(graph, packed, n, linear=True)
    used = _rounded_up(graph.n_states, BLOCK)
    return SerialModel(start, end, edges, back, table.reshape(-1, WIDTH), used, every), shift


class Places(NamedTuple):
    """Where the weights of edges are kept: in stripes, or in a matrix (`first` is empty)."""

    first: np.ndarray
    begin: np.ndarray
    n_rows: int
    at: np.ndarray  # (n_edges,) flat position in (n_rows, WIDTH)

    def filled(self, weight: np.ndarray) -> Stripes:
        """The stripes with these weights of edges, (n_edges,), and 0 elsewhere."""
        rows = np.zeros((self.n_rows, WIDTH))
        rows.reshape(-1)[self.at] = weight
        return Stripes(self.first, self.begin, rows)


def serial_places(graph: StateGraph) -> tuple[Places, Places]:
    """Of the edges and of the reversed edges."""
    ways = ((graph.source, graph.target), (graph.target, graph.source))
    stripes, back = (_stripes(graph.n_states, *way) for way in ways)
    n, no = _rounded_up(graph.n_states, WIDTH), np.empty(0, dtype=np.int64)
    n_rows = _rounded_up(graph.n_states, BLOCK) * n // WIDTH
    if STRIPE_COST * (stripes.n_rows + back.n_rows) <= 2 * n_rows:
        return stripes, back
    matrix, matrix_back = (Places(no, no, n * n // WIDTH, i * n + j) for i, j in ways)
    return matrix, matrix_back


def _stripes(n_states: int, source: np.ndarray, target: np.ndarray) -> Places:
    """Edges by block of targets and by target less source; as many stripes for each block as are read together."""
    n, block, lane = _rounded_up(n_states, WIDTH), target // WIDTH, target % WIDTH
    begin = block * WIDTH - (target - source) + n
    kinds, kind = np.unique(block * 3 * n + begin, return_inverse=True)
    size = np.bincount(kinds // (3 * n), minlength=n // WIDTH)
    old = np.concatenate([[0], np.cumsum(size)])
    first = np.concatenate([[0], np.cumsum(np.maximum(_rounded_up(size, PAIR), PAIR))])
    stripe = kind + (first - old)[block]
    begins = np.full(first[-1], n)
    begins[stripe] = begin
    return Places(first, begins, int(first[-1]), stripe * WIDTH + lane)


def steps_between(nats: float, powers: float) -> int:
    """Steps, a power of two, in which an entry that loses so many nats a step loses at most so many powers of ten; or 0."""
    steps = int(min(EVERY, powers * math.log(10) / max(nats, 1.0)))
    return 1 << (steps.bit_length() - 1) if steps else 0


def whole_model(graph: StateGraph, packed: Packed | Densities) -> tuple[BestModel, np.ndarray] | None:
    """The largest edge being 0, the largest score of each row at most 0; and what was subtracted from each row.

    None where so much may come between two states that whole numbers would be too coarse.
    """
    unit = _unit(graph, packed)
    if unit is None:
        return None
    if isinstance(packed, Densities):
        return _best_model(graph, unit, in_blocks(packed.normals, graph.label)), NOTHING
    table, shift = _lowered(graph, packed, _rounded_up(graph.n_states, BLOCK), linear=False)
    return _best_model(graph, unit, _whole(table, table.shape, unit)), shift


class Unit(NamedTuple):
    """A nat is 2**fraction units, behind which are so many bits for a state."""

    fraction: int
    bits: int
    every: int


def _unit(graph: StateGraph, packed: Packed | Densities) -> Unit | None:
    """As small as can be without an overflow: about 1e-14 nats for ordinary models, 2e-12 at the most.

    Where every state leads to every state, a step brings all of them near to the best; else they drift apart to the end.
    """
    bits = (_rounded_up(graph.n_states, BLOCK) - 1).bit_length()
    if not graph.is_full:
        # The best score falls by COMMON more a step where rows are not lowered to zero, and what is impossible rises by that.
        nats = drift(graph, packed) + packed.steps.longest * COMMON
        if not nats <= 2.0 ** (58 - bits - COARSEST):
            return None
        return Unit(58 - bits - math.ceil(math.log2(nats)), bits, EVERY)
    widest = spread(graph) + _widest(graph, packed)
    if widest > WIDEST_BEST:
        return None
    every = EVERY if (EVERY + 1) * widest <= WIDEST_BEST else 1
    return Unit(58 - bits - math.ceil(math.log2((every + 1) * widest)), bits, every)


def spread(graph: StateGraph) -> float:
    """Nats, at most, by which a graph can tell two states apart: by an edge, a start and an end."""
    if "spread" not in graph.kept:
        ends = (float(np.ptp(w[w > NEVER])) for w in (graph.start, graph.end))
        graph.kept["spread"] = 1.0 + graph.edge_range + sum(ends) + COMMON
    return float(graph.kept["spread"])


def drift(graph: StateGraph, packed: Packed | Densities) -> float:
    """Nats, at most, that come between the states of two paths from the beginning of the longest sequence to its end."""
    return spread(graph) + packed.steps.longest * (graph.edge_range + _widest(graph, packed))


def _widest(graph: StateGraph, packed: Packed | Densities) -> float:
    """Nats by which two scores of a step can differ."""
    if isinstance(packed, Densities):
        return float(widest_scores(in_blocks(packed.normals, graph.label)))
    return float(widest_row(packed.table))


def _best_model(graph: StateGraph, unit: Unit, scores: np.ndarray | Normals) -> BestModel:
    if (known := graph.kept.get("whole")) is None or known[0] != unit:
        n, mask = _rounded_up(graph.n_states, BLOCK), (1 << unit.bits) - 1
        edges = _whole(graph.matrix(graph.edge - graph.edge.max(), NEVER), (graph.n_states, n), unit)
        start, end = (_whole(w - w.max(), (n,), unit) for w in (graph.start, graph.end))
        known = graph.kept["whole"] = unit, start, edges + (mask - np.arange(graph.n_states))[:, None], end
    _, start, matrix, end = known
    return BestModel(start, matrix, end, scores, (1 << unit.bits) - 1, 2.0 ** (unit.fraction + unit.bits), unit.every)


def taken_out(graph: StateGraph, packed: Packed | Densities, shift: np.ndarray) -> Any:
    """What these models take out of the start, the edges, the scores and the end of each path.

    (n_sequences,), or one number where it is the same for all.
    """
    if "largest" not in graph.kept:
        graph.kept["largest"] = [float(weights.max()) for weights in (graph.start, graph.edge, graph.end)]
    start, edge, end = graph.kept["largest"]
    steps, rest = packed.steps, start + end - edge
    if len(shift) > 1 and np.any(shift != shift[0]):
        out = np.empty(len(steps))
        sum_rows(shift, packed.code, packed.offsets, out)
        out += edge * steps.lengths + rest
    elif 0 < steps.shortest == steps.longest:
        return steps.longest * (shift[0] + edge) + rest
    else:
        out = steps.lengths * (shift[0] + edge) + rest
    if not steps.shortest:
        out[steps.lengths == 0] = 0.0
    return out


def _rounded_up(n: Any, size: int) -> Any:
    return -(-n // size) * size


def _linear(graph: StateGraph, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Starts, edges, reversed edges and ends: rows of states alone, columns in whole BLOCKs."""
    (matrix, back), (start, end) = np.zeros((2, graph.n_states, n)), _linear_ends(graph, n)
    matrix[graph.source, graph.target] = back[graph.target, graph.source] = np.exp(graph.edge - graph.edge.max())
    return start, matrix, back, end


def _linear_ends(graph: StateGraph, n: int) -> np.ndarray:
    """(2, n) weights of starts and ends."""
    both = np.zeros((2, n))
    for row, weights in zip(both, (graph.start, graph.end), strict=True):
        row[: graph.n_states] = np.exp(weights - weights.max())
    return both


def _lowered(graph: StateGraph, packed: Packed, n: int, linear: bool) -> tuple[np.ndarray, np.ndarray]:
    """Scores by state, the largest of each row being 0 or not far below, and what was taken out of the rows.

    linear : their exponentials
    """
    table, shift = np.empty((len(packed.table), n)), np.empty(len(packed.table))
    lower_rows(packed.table, graph.label, linear, table, shift)
    top = shift.max(initial=NEVER)
    if top - shift.min(initial=np.inf) <= COMMON:
        back = (shift - top)[:, None]
        table = table * np.exp(back) if linear else table + back
        shift[:] = top
    return table, shift


def _whole(weights: np.ndarray, shape: tuple[int, ...], unit: Unit) -> np.ndarray:
    """Weights in whole units; impossible are those of minus infinity and those outside."""
    out = np.full(shape, FLOOR)
    whole_rows(np.atleast_2d(weights), 2.0**unit.fraction, unit.bits, np.atleast_2d(out))
    return out
