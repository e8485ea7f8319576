"""Scores, in the two forms that kernels read, packed for many sequences."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from hmmseq.kernels import codes
from hmmseq.kernels.logmath import LARGEST, NEVER
from hmmseq.sequences import Sequences, is_one

MISSING = -1  # a symbol that was not observed: every label scores 0, so it is marginalised


class Indexed(NamedTuple):
    """Log scores looked up by symbol, so that no (n_steps, n_labels) array is ever made.

    table : (n_symbols, n_labels) log score of each symbol under each label
    symbols : (n_steps,) row of `table` for each step, -1 where missing; or a list of such arrays
    """

    table: np.ndarray
    symbols: Any


@dataclass(frozen=True)
class Packed:
    """What the kernels read: step t of sequence s scores table[code[offsets[s] + t]]."""

    table: np.ndarray  # (n_rows, n_labels)
    code: np.ndarray  # (n_steps in all,)
    steps: Sequences  # the codes as sequences
    single: bool  # results are for one sequence: no list around them

    @property
    def offsets(self) -> np.ndarray:
        return self.steps.offsets

    def __len__(self) -> int:
        return len(self.steps)

    def subset(self, chosen: np.ndarray) -> "Packed":
        """Some of the sequences, over the same table."""
        if len(chosen) == len(self):
            return self
        codes = [self.code[self.offsets[s] : self.offsets[s + 1]] for s in chosen]
        code = np.concatenate([self.code[:0], *codes])
        offsets = np.concatenate([[0], np.cumsum([len(c) for c in codes], dtype=np.int64)])
        return replace(self, code=code, steps=Sequences(code, offsets))


Scores = np.ndarray | Sequence[np.ndarray] | Sequences | Indexed | Packed


def pack(scores: Scores, n_labels: int | None = None) -> Packed:
    """Check scores, once, and pack them: dense (n_steps, n_labels), a list of those, or `Indexed`.

    n_labels : what the graph reads; None takes any number
    """
    if isinstance(scores, Packed):
        _check_columns(scores.table, n_labels)
        return scores
    packed = _pack_indexed(scores) if isinstance(scores, Indexed) else _pack_dense(scores)
    _check_columns(packed.table, n_labels)
    # A sum is not finite if an entry is not; looking at each entry only then halves the cost of the check.
    with np.errstate(over="ignore", invalid="ignore"):
        total = packed.table.sum()
    if not abs(total) < LARGEST:
        _refuse(packed.table, "row" if isinstance(scores, Indexed) else "step")
    return packed


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
    """Symbols as small codes, missing ones as `n_symbols`; an unknown symbol is an error that says where."""
    symbols = steps.values
    if symbols.size and symbols.dtype.kind not in "iu":
        raise ValueError(f"symbols have dtype {symbols.dtype}; expected whole numbers from 0, -1 if missing")
    if symbols.ndim == 2 and symbols.shape[1] == 1:
        symbols = symbols[:, 0]
    if symbols.ndim != 1:
        raise ValueError(f"symbols have shape {symbols.shape}; expected one whole number per step")
    if not symbols.size:
        return np.empty(0, dtype=np.int32)
    if symbols.dtype.kind == "u":  # as large numbers, a -1 would be one of them
        symbols = np.minimum(symbols, n_symbols).astype(np.int64)
    code = np.empty(len(symbols), dtype=np.int32)
    wrong = codes.encode(np.ascontiguousarray(symbols), n_symbols, code)
    if wrong >= 0:
        sequence, step = steps.where(wrong)
        raise ValueError(
            f"X[{sequence}] has symbol {steps.values.reshape(-1)[wrong]} at position {step}; n_symbols is {n_symbols} "
            f"(0 ... {n_symbols - 1}), and -1 means missing"
        )
    return code


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
    return replace(packed, table=table, code=code.astype(np.int32).reshape(-1)), row
