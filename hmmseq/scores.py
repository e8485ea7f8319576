"""Scores, in the forms that kernels read, packed for many sequences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from hmmseq.graph import StateGraph, own_weights
from hmmseq.kernels import codes
from hmmseq.kernels.gaussian import Normals, diagonal_scores, in_blocks
from hmmseq.kernels.logmath import LARGEST, NEVER
from hmmseq.kernels.paths import Lattice
from hmmseq.sequences import Sequences, is_one, read_only
from hmmseq.shares import run_together
from hmmseq.span_graph import Spans

ENCODED, ALONE = 1 << 16, 1 << 20  # symbols in a share; below so many one thread ends before another has begun
MISSING = -1  # a symbol that was not observed: every label scores 0, so it is marginalised


class Indexed(NamedTuple):
    """Log scores looked up by symbol, so that no (n_steps, n_labels) array is ever made.

    table : (n_symbols, n_labels) log score of each symbol under each label
    symbols : (n_steps,) row of `table` for each step, -1 where missing; or a list of such arrays
    """

    table: np.ndarray
    symbols: Any


class TimeVarying(NamedTuple):
    """Scores together with log weights of edges that differ from step to step, as in a Markov chain with inputs.

    scores : in any form, for one or many sequences
    edges : log weights, added to those of the graph: (n_steps, n_edges), a list of such arrays, or
        `Indexed(table (n_kinds, n_edges), kinds)` with the kind of each step (-1: nothing is added)

    Row t belongs to the way into step t: the edge from step t - 1, and any edges through silent states between the two;
    row 0 to edges of silent states before the first step (the start itself is no edge). Edges into silent states after
    the last step have the weights of the graph alone.

    >>> from hmmseq import topologies
    >>> from hmmseq.lattice import best_path
    >>> stay, leave = [0.0, -9.0, -9.0, 0.0], [-9.0, 0.0, 0.0, -9.0]  # edges 0 -> 0, 0 -> 1, 1 -> 0, 1 -> 1
    >>> scores = np.log([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    >>> best_path(topologies.ergodic(2), TimeVarying(scores, Indexed([stay, leave], [0, 0, 1, 0]))).states
    array([0, 0, 1, 1], dtype=int32)
    """

    scores: Any
    edges: Any


@dataclass(frozen=True)
class StepEdges:
    """Log weights of edges for each row of a table of scores, and how statistics by row are gathered beside them."""

    table: np.ndarray  # (n_kinds, n_edges)
    kind: np.ndarray  # (n_rows,) the row of `table` that goes with each row of the scores
    slot: np.ndarray  # (n_steps in all,) for each step, the row of the scores as they were given
    n_rows: int  # of those


@dataclass(frozen=True)
class Packed:
    """What the kernels read, and cannot write to: step t of sequence s scores table[code[offsets[s] + t]]."""

    table: np.ndarray  # (n_rows, n_labels)
    code: np.ndarray  # (n_steps in all,)
    steps: Sequences  # the codes as sequences
    single: bool  # results are for one sequence: no list around them
    edges: StepEdges | None = None  # weights of edges that differ from step to step

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", read_only(self.table))
        object.__setattr__(self, "code", read_only(self.code))

    @property
    def offsets(self) -> np.ndarray:
        return self.steps.offsets

    def __len__(self) -> int:
        return len(self.steps)

    def subset(self, chosen: np.ndarray) -> "Packed":
        """Some of the sequences, over the same table."""
        if len(chosen) == len(self):
            return self
        code, offsets = self.cut(self.code, chosen), np.concatenate([[0], np.cumsum(self.steps.lengths[chosen])])
        edges = None if self.edges is None else replace(self.edges, slot=self.cut(self.edges.slot, chosen))
        return replace(self, code=code, steps=Sequences(code, offsets), edges=edges)

    def cut(self, rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """What belongs to some of the sequences, of something with a row for each step."""
        part = np.concatenate([rows[:0], *[rows[self.offsets[s] : self.offsets[s + 1]] for s in chosen]])
        return part if rows.flags.writeable else read_only(part)  # the same type to kernels


@dataclass(frozen=True)
class Densities:
    """Scores that are densities of observations: tiles make them where they need them, and `pack` makes a table of them."""

    normals: Normals  # a column for each label
    steps: Sequences  # the observations as sequences
    single: bool

    edges: ClassVar[None] = None
    code: ClassVar[np.ndarray] = read_only(np.empty(0, dtype=np.int32))  # there is nothing to look up

    @property
    def offsets(self) -> np.ndarray:
        return self.steps.offsets

    def __len__(self) -> int:
        return len(self.steps)

    def subset(self, chosen: np.ndarray) -> "Densities":
        """Some of the sequences."""
        if len(chosen) == len(self):
            return self
        steps = self.steps.subset(chosen)
        return replace(self, normals=self.normals._replace(values=read_only(steps.values)), steps=steps)

    def packed(self) -> Packed:
        """The table."""
        table = np.empty((len(self.normals.values), self.normals.means.shape[1]))
        diagonal_scores(in_blocks(self.normals), table)
        return Packed(table, np.arange(len(table), dtype=np.int32), self.steps, self.single)


Scores = (
    np.ndarray | Sequence[np.ndarray] | Sequences | Indexed | TimeVarying | Packed | Densities | Spans | Sequence[Spans]
)


def pack(scores: Scores, n_labels: int | None = None) -> Packed:
    """Check scores, once, and pack them: dense (n_steps, n_labels), a list of those, `Indexed` or `TimeVarying`.

    n_labels : what the graph reads; None takes any number
    """
    if isinstance(scores, Densities):
        scores = scores.packed()
    if isinstance(scores, Packed):
        _check_columns(scores.table, n_labels)
        return scores
    if isinstance(scores, TimeVarying):
        return _join(pack(scores.scores, n_labels), _pack_edges(scores.edges))
    packed = _pack_indexed(scores) if isinstance(scores, Indexed) else _pack_dense(scores)
    _check_columns(packed.table, n_labels)
    # A sum is not finite if an entry is not; looking at each entry only then halves the cost of the check.
    with np.errstate(over="ignore", invalid="ignore"):
        total = packed.table.sum()
    if not abs(total) < LARGEST:
        _refuse(packed.table, "row" if isinstance(scores, Indexed) else "step")
    return packed


def _pack_edges(edges: Any) -> Packed:
    try:
        return pack(edges)
    except ValueError as error:
        raise ValueError(f"log weights of edges, read as scores with a column for each edge: {error}") from None


def _join(packed: Packed, edges: Packed) -> Packed:
    """Scores and weights of edges under one code: a row of scores for every pair of rows that go together."""
    if packed.edges is not None or edges.edges is not None:
        raise ValueError("scores or edges are TimeVarying already; add the weights of edges up and give them once")
    if not np.array_equal(packed.offsets, edges.offsets):
        raise ValueError(
            f"edges are for sequences of {edges.steps.lengths.tolist()[:9]} steps but scores for "
            f"{packed.steps.lengths.tolist()[:9]}; give a row of weights, or a kind, for each step"
        )
    pairs, inverse = np.unique(packed.code.astype(np.int64) * len(edges.table) + edges.code, return_inverse=True)
    row, kind = np.divmod(pairs, max(len(edges.table), 1))
    code = inverse.astype(np.int32).reshape(-1)
    added = StepEdges(edges.table, kind, packed.code, len(packed.table))
    return replace(
        packed, table=packed.table[row], code=code, steps=Sequences(code, packed.offsets), edges=added
    )  # fmt: skip


def lattices(graph: StateGraph, packed: Packed) -> Callable[[], Lattice]:
    """What gives each thread a lattice: the same to all, or where weights of edges change one of its own."""
    if packed.edges is None:
        return lambda: graph.lattice
    if packed.edges.table.shape[1] != graph.n_edges:
        raise ValueError(
            f"log weights of edges have {packed.edges.table.shape[1]} columns but the graph has {graph.n_edges} edges; "
            "one column for each, in the order of graph.source and graph.target"
        )
    lattice = graph.changing_lattice(packed.edges.table, packed.edges.kind)
    return lambda: own_weights(lattice)


def _check_columns(table: np.ndarray, n_labels: int | None) -> None:
    if table.ndim != 2 or n_labels not in (None, table.shape[1]):
        reads = "a graph reads one column" if n_labels is None else f"the graph reads {n_labels} columns, one"
        raise ValueError(f"scores have shape {table.shape}; {reads} per label")


def _refuse(table: np.ndarray, place: str) -> None:
    wrong = ~(table < LARGEST) | ((table < -LARGEST) & (table > NEVER))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"scores have {table[row, column]} at {place} {row}, label {column}; log scores are finite, below "
            f"{LARGEST:.0e} in size so that sums of them are finite too, or -inf for what cannot happen"
        )


def _pack_dense(scores: Any) -> Packed:
    steps = Sequences.pack(scores)
    table = np.ascontiguousarray(steps.values, dtype=np.float64)
    return Packed(table, np.arange(len(table), dtype=np.int32), steps, is_one(scores))


def _pack_indexed(scores: Indexed) -> Packed:
    steps = Sequences.pack(scores.symbols)
    table = np.asarray(scores.table, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"the score table has shape {table.shape}; expected (n_symbols, n_labels)")
    return Packed(with_missing(table), encode(steps, len(table)), steps, is_one(scores.symbols))


def with_missing(table: np.ndarray) -> np.ndarray:
    """The table with a last row of zeros for missing symbols."""
    return np.ascontiguousarray(np.vstack([table, np.zeros((1, table.shape[1]))]), dtype=np.float64)


def encode(steps: Sequences, n_symbols: int) -> np.ndarray:
    """Symbols as small codes, missing ones as `n_symbols`; an unknown symbol is an error that says where.

    Codes are bytes if there are fewer than 256 symbols. Bytes (uint8) are not copied: a genome is long.
    """
    symbols = steps.values
    if symbols.size and symbols.dtype.kind not in "iu":
        raise ValueError(f"symbols have dtype {symbols.dtype}; expected whole numbers from 0, -1 if missing")
    if symbols.ndim == 2 and symbols.shape[1] == 1:
        symbols = symbols[:, 0]
    if symbols.ndim != 1:
        raise ValueError(f"symbols have shape {symbols.shape}; expected one whole number per step")
    if not symbols.size:
        return np.empty(0, dtype=np.int32)
    symbols = read_only(np.ascontiguousarray(symbols))
    if symbols.dtype == np.uint8:
        code = symbols
        wrong = int(np.argmax(code >= n_symbols)) if code.max() >= n_symbols else -1
    else:
        code = np.empty(len(symbols), dtype=np.uint8 if n_symbols < 256 else np.int32)
        wrong = _encode(symbols, n_symbols, code)
    if wrong >= 0:
        sequence, step = steps.where(wrong)
        raise ValueError(
            f"X[{sequence}] has symbol {steps.values.reshape(-1)[wrong]} at position {step}; n_symbols is {n_symbols} "
            f"(0 ... {n_symbols - 1}), and -1 means missing"
        )
    return read_only(code)


def _encode(symbols: np.ndarray, n_symbols: int, code: np.ndarray) -> int:
    """Codes of symbols; returns the first step with another symbol, or -1."""
    n_shares = len(symbols) // ENCODED if len(symbols) > ALONE else 1
    found = np.empty(n_shares, dtype=np.int64)

    def work(first: int, last: int) -> None:
        for k in range(first, last):
            low, high = (len(symbols) * end // n_shares for end in (k, k + 1))
            wrong = codes.encode(symbols[low:high], n_symbols, code[low:high])
            found[k] = low + wrong if wrong >= 0 else -1

    run_together(work, n_shares, None)
    return next((int(wrong) for wrong in found if wrong >= 0), -1)


def restrict(packed: Packed, labels: np.ndarray) -> tuple[Packed, np.ndarray]:
    """Forbid, at each step, all labels but the given one; -1 leaves the step free. Returns the same as `allow`.

    labels : (n_steps in all,)
    """
    n_labels = packed.table.shape[1]
    sets = np.vstack([np.ones((1, n_labels), dtype=bool), np.eye(n_labels, dtype=bool)])
    return allow(packed, sets, labels + 1)


def allow(packed: Packed, sets: np.ndarray, which: np.ndarray) -> tuple[Packed, np.ndarray]:
    """Forbid, at each step, all labels outside one of several sets.

    sets : (n_sets, n_labels) boolean
    which : (n_steps in all,) the set of each step

    Returns the restricted scores and, for each of their rows, the row of `packed.table` that it came from, so that
    statistics by row can be added back.
    """
    pairs, code = np.unique(packed.code.astype(np.int64) * len(sets) + which, return_inverse=True)
    row, allowed = np.divmod(pairs, max(len(sets), 1))
    table = np.where(sets[allowed], packed.table[row], NEVER)
    edges = None if packed.edges is None else replace(packed.edges, kind=packed.edges.kind[row])
    return replace(packed, table=table, code=code.astype(np.int32).reshape(-1), edges=edges), row
