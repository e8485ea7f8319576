"""Ragged sequences, packed end to end without padding."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np


class Sequences:
    """Many sequences in one contiguous array.

    values : (n_steps_in_all,) or (n_steps_in_all, n_features)
    offsets : (n_sequences + 1,) sequence s is values[offsets[s]:offsets[s + 1]]

    Behaves like a list of arrays, each a view into `values`.

    >>> packed = Sequences.pack([[1.0, 2.0], [3.0]])
    >>> len(packed), packed[1], packed.lengths
    (2, array([3.]), array([2, 1]))
    """

    def __init__(self, values: np.ndarray, offsets: np.ndarray) -> None:
        self.values = values
        offsets = np.asarray(offsets, dtype=np.int64)
        self.offsets = offsets if offsets.flags.writeable else offsets.copy()  # one type to kernels
        ends = [int(self.offsets[0]), int(self.offsets[-1])] if self.offsets.size else None
        # Compared, not subtracted: differences of hostile offsets wrap around to small numbers.
        if ends != [0, len(values)] or (self.offsets[1:] < self.offsets[:-1]).any():
            raise ValueError(f"offsets must rise from 0 to the number of rows, {len(values)}; their ends are {ends}")

    @classmethod
    def pack(cls, X: Any, lengths: Any = None) -> "Sequences":
        """Pack a list of arrays, one array (one sequence), a 3-D array (equal lengths), or rows with `lengths`."""
        if isinstance(X, Sequences):
            if lengths is not None:
                raise ValueError("lengths given with Sequences, which know their lengths; leave lengths out")
            return X
        if lengths is not None:
            return cls._split(np.asarray(X), lengths)
        if _is_single(X):
            values = np.asarray(X)
            if values.ndim == 0:
                raise ValueError(f"X is a single {type(X).__name__}; expected a list of arrays, one per sequence")
            if values.ndim == 3:
                n, steps, features = values.shape
                return cls(values.reshape(n * steps, features), np.arange(n + 1) * steps)
            return cls(values, np.array([0, len(values)]))
        if not isinstance(X, Iterable):
            raise ValueError(f"X is a {type(X).__name__}; expected a list of arrays, one per sequence")
        return cls._join([np.asarray(x) for x in X])

    @classmethod
    def _split(cls, values: np.ndarray, lengths: Any) -> "Sequences":
        lengths = np.asarray(lengths)
        shortest = longest = 0
        if lengths.ndim == 1 and lengths.dtype.kind in "iu" and len(lengths):
            shortest, longest = int(lengths.min()), int(lengths.max())
        if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or shortest < 0:
            raise ValueError(f"lengths must be a list of whole numbers, 0 or more, one per sequence; got {lengths!r}")
        offsets = _offsets(lengths)
        if offsets[-1] != len(values) or longest > len(values):  # sums of hostile lengths wrap around
            raise ValueError(
                f"lengths sum to {sum(lengths.tolist())} but X has {len(values)} rows; "
                "pass one length per sequence, in the order they appear in X"
            )
        made = cls._made(values, offsets)
        made.shortest, made.longest, made.lengths = shortest, longest, lengths.astype(np.int64)
        return made

    @classmethod
    def _made(cls, values: np.ndarray, offsets: np.ndarray) -> "Sequences":
        """Of offsets that are known to be right."""
        made = object.__new__(cls)
        made.values, made.offsets = values, offsets
        return made

    @classmethod
    def _join(cls, arrays: list[np.ndarray]) -> "Sequences":
        if not arrays:
            raise ValueError("X holds no sequence; expected a list with at least one array")
        if len({(array.ndim, array.shape[1:]) for array in arrays}) > 1 or arrays[0].ndim not in (1, 2):
            _check_shapes(arrays)
        lengths = [len(array) for array in arrays]
        filled = [array for array in arrays if len(array)] if 0 in lengths else arrays
        values = np.concatenate(filled) if len(filled) > 1 else (filled or arrays)[0]
        return cls._made(values, _offsets(lengths))

    def over(self, values: np.ndarray) -> "Sequences":
        """The same sequences with other rows, one for each of theirs: nothing is checked again."""
        others = object.__new__(Sequences)
        others.__dict__ = self.__dict__ | {"values": values}
        return others

    @cached_property
    def longest(self) -> int:
        """Steps of the longest sequence."""
        return int(self.lengths.max(initial=0))

    @cached_property
    def shortest(self) -> int:
        """Steps of the shortest sequence."""
        return int(self.lengths.min()) if len(self) else 0

    @cached_property
    def lengths(self) -> np.ndarray:
        """(n_sequences,) number of steps in each."""
        return self.offsets[1:] - self.offsets[:-1]

    def unpack(self, rows: np.ndarray) -> list[np.ndarray]:
        """Cut `rows`, one per step of these sequences, into one view per sequence."""
        length = len(rows) // max(len(self), 1)
        if length and np.all(self.lengths == length):
            return list(rows.reshape(len(self), length, *rows.shape[1:]))  # no slicing: a third of the time
        return [rows[a:b] for a, b in pairwise(self.offsets.tolist())]  # plain integers index faster

    def part(self, first: int, last: int) -> "Sequences":
        """Sequences first ... last - 1."""
        if (first, last) == (0, len(self)):
            return self
        low, high = self.offsets[first], self.offsets[last]
        return self._made(self.values[low:high], self.offsets[first : last + 1] - low)

    def subset(self, chosen: np.ndarray) -> "Sequences":
        """Some of the sequences."""
        rows = [self.values[:0], *[self.values[self.offsets[s] : self.offsets[s + 1]] for s in chosen]]
        return self._made(np.concatenate(rows), _offsets(self.lengths[chosen]))

    def where(self, row: int) -> tuple[int, int]:
        """Sequence and step of a row of `values`, for messages."""
        sequence = int(np.searchsorted(self.offsets, row, side="right")) - 1
        return sequence, int(row - self.offsets[sequence])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, s: int) -> np.ndarray:
        if not -len(self) <= s < len(self):
            raise IndexError(f"sequence {s} of {len(self)}")
        s = s % len(self)
        return self.values[self.offsets[s] : self.offsets[s + 1]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.unpack(self.values))

    def __repr__(self) -> str:
        return f"<Sequences: {len(self)} of {len(self.values)} steps in all>"


def read_only(array: np.ndarray) -> np.ndarray:
    """A view that nobody can write to. What users give reaches kernels as such, whatever it was.

    Numba compiles every kernel anew for arrays that may be written to, and memory maps, or what joblib hands to its workers,
    may not; besides, a kernel that wrote to them would not compile.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def _offsets(lengths: Any) -> np.ndarray:
    """Where sequences of these lengths begin, and where the last one ends."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, dtype=np.int64, out=offsets[1:])
    return offsets


def _check_shapes(arrays: list[np.ndarray]) -> None:
    """All have the features of the first one that is not empty."""
    for i, array in enumerate(arrays):
        if array.ndim not in (1, 2):
            raise ValueError(f"X[{i}] has {array.ndim} dimensions; a sequence has 1 (symbols) or 2 (steps, features)")
    filled = [(i, array) for i, array in enumerate(arrays) if len(array)] or [(0, arrays[0])]
    first, model = filled[0]
    for i, array in filled:
        if array.shape[1:] != model.shape[1:]:
            raise ValueError(
                f"X[{i}] has shape {array.shape} but X[{first}] has shape {model.shape}; "
                "all sequences need the same features"
            )


def _is_single(X: Any) -> bool:
    """One array, or nested lists that are one: a list of numbers."""
    if hasattr(X, "__array__"):
        array = np.asarray(X)
        listed = array.dtype == object and array.ndim == 1 and len(array) > 0 and np.ndim(array[0]) > 0
        return not listed
    return isinstance(X, (list, tuple)) and len(X) > 0 and np.ndim(X[0]) == 0


def is_one(X: Any) -> bool:
    """Whether X is a single sequence, so that results come back as one array instead of a list."""
    return not isinstance(X, Sequences) and _is_single(X) and np.asarray(X).ndim < 3
