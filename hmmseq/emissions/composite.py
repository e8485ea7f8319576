"""Emissions made of other emissions."""

from collections.abc import Mapping
from copy import copy
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.observed import SMALL_TABLE, by_row
from hmmseq.emissions.scales import Matrices, Scale
from hmmseq.scores import MISSING
from hmmseq.sequences import Sequences


class Composite(Emission):
    """Several emissions, `parts_`, that read the same steps, each some columns of them.

    Observed data hold what the parts have observed, side by side. Where all parts read tables, and few combinations are
    possible, so does the composite.
    """

    def _emissions(self, n_features: int) -> list[tuple[Emission, list[int]]]:
        """The parts as given, with their columns. ValueError if they cannot be."""
        raise NotImplementedError

    @property
    def lookback(self) -> int:  # type: ignore[override]
        return max(part.lookback for part, _ in self._emissions(0))

    def observe(self, X: Sequences) -> Sequences:
        values = X.values if X.values.ndim == 2 else X.values[:, None]
        if values.dtype.kind not in "fiub":
            raise ValueError(f"X has dtype {values.dtype}; {type(self).__name__} emissions need numbers")
        given = self._emissions(values.shape[1] if len(values) else 0)
        if not hasattr(self, "parts_"):
            self.parts_ = [clone(part) for part, _ in given]
        observed = [
            _observe(part, values[:, columns] if len(values) else np.empty((0, len(columns))), X, columns)
            for part, (_, columns) in zip(self.parts_, given, strict=True)
        ]
        # The layout is the same for all data, so it is no state: parts decide it.
        self._layout = [(part.reshape(len(part), -1).shape[1], part.dtype, part.ndim) for part in observed]
        flat = [part.reshape(len(part), -1).astype(np.float64) for part in observed]
        return Sequences(np.concatenate(flat, axis=1), X.offsets)

    def views(self, X: Sequences) -> list[Sequences]:
        """The data of each part as it has observed them."""
        out, first = [], 0
        for width, dtype, ndim in self._layout:
            values = np.ascontiguousarray(X.values[:, first : first + width], dtype=dtype)
            out.append(Sequences(values if ndim == 2 else values[:, 0], X.offsets))
            first += width
        return out

    def grouping(self, X: Sequences) -> tuple[np.ndarray, int]:
        code, rows = self.joined(X)
        return code, len(rows[0])

    def joined(self, X: Sequences) -> tuple[np.ndarray, list[np.ndarray]]:
        """The row of each step and, for each part, the row of its own table that belongs to each row."""
        codes, sizes = zip(*(part.grouping(view) for part, view in zip(self.parts_, self.views(X), strict=True)))
        n_rows = int(np.prod([float(size) for size in sizes]))
        if n_rows > max(SMALL_TABLE, len(X.values) // 4) or not n_rows:
            return np.arange(len(X.values), dtype=np.int32), list(codes)
        code = np.ravel_multi_index(codes, sizes).astype(np.int32)
        return code, list(np.unravel_index(np.arange(n_rows), sizes))

    def tables(self, X: Sequences, rows: list[np.ndarray]) -> list[np.ndarray]:
        """Scores of each part, (n_rows, labels of the part)."""
        parts = zip(self.parts_, self.views(X), rows, strict=True)
        return [part.log_scores(view).table[row] for part, view, row in parts]

    def start_parts(self, X: Sequences, weights: list[np.ndarray], rng: np.random.Generator) -> None:
        """First guesses from (n_steps, labels of the part) weights."""
        for part, view, own in zip(self.parts_, self.views(X), weights, strict=True):
            part.initialise(view, own.shape[1], rng)
            part.update(part.statistics(view, by_row(own, *part.grouping(view))))

    def part_statistics(self, X: Sequences, rows: list[np.ndarray], weights: list[np.ndarray]) -> Statistics:
        """Statistics of all parts, given for each the weights of the rows under its labels."""
        out: Statistics = {}
        for i, (part, view) in enumerate(zip(self.parts_, self.views(X), strict=True)):
            own = by_row(weights[i], rows[i], part.grouping(view)[1])
            out |= {f"{i}.{name}": value for name, value in part.statistics(view, own).items()}
        return out

    def rebased(self, statistics: Statistics, before: Emission) -> Statistics:
        assert isinstance(before, Composite)
        out = dict(statistics)
        for i, (part, other) in enumerate(zip(self.parts_, before.parts_, strict=True)):
            own = {name[len(f"{i}.") :]: value for name, value in statistics.items() if name.startswith(f"{i}.")}
            out |= {f"{i}.{name}": value for name, value in part.rebased(own, other).items()}
        return out

    def update_parts(self, statistics: Statistics) -> None:
        """Each part takes its own statistics, whose names begin with its number."""
        for i, part in enumerate(self.parts_):
            part.update({name[len(f"{i}.") :]: v for name, v in statistics.items() if name.startswith(f"{i}.")})

    @property
    def _sizes(self) -> list[int]:
        """Labels of each part for one label of the whole."""
        return [1] * len(self.parts_)

    def reorder(self, order: np.ndarray) -> None:
        super().reorder(order)
        for part, size in zip(self.parts_, self._sizes, strict=True):
            part.reorder((np.asarray(order)[:, None] * size + np.arange(size)).ravel())

    def __copy__(self) -> Self:
        """The parameters of a copy can be set without changing these."""
        twin = object.__new__(type(self))
        twin.__dict__ |= self.__dict__
        if hasattr(self, "parts_"):
            twin.parts_ = [copy(part) for part in self.parts_]
        return twin

    def hold_fixed(self) -> None:
        super().hold_fixed()
        for part in self.parts_:
            part.hold_fixed()

    def scales(self) -> Mapping[str, Scale | Matrices]:
        return {}

    def unconstrained(self) -> np.ndarray:
        return np.concatenate([super().unconstrained(), *(part.unconstrained() for part in self.parts_)])

    def constrain(self, vector: np.ndarray) -> None:
        own, *rest = np.split(vector, np.cumsum([len(super().unconstrained()), *map(_size, self.parts_)])[:-1])
        super().constrain(own)
        for part, numbers in zip(self.parts_, rest, strict=True):
            part.constrain(numbers)

    def owners(self) -> np.ndarray:
        pairs = zip(self.parts_, self._sizes, strict=True)
        found = [(part.owners(), size) for part, size in pairs]
        return np.concatenate([super().owners(), *(np.where(o >= 0, o // size, -1) for o, size in found)])

    def learned(self) -> dict[str, np.ndarray]:
        parts = enumerate(self.parts_)
        return super().learned() | {f"{i}.{name}": a for i, part in parts for name, a in part.learned().items()}

    def limits(self) -> dict[str, tuple[Any, Any]]:
        return dict(zip(self.learned(), [end for part in [super(), *self.parts_] for end in part.limits().values()]))

    def known(self) -> np.ndarray:
        own = [~np.isnan(self.given(f"{name}_", array.shape)).ravel() for name, array in super().learned().items()]
        return np.concatenate([*own, *(part.known() for part in self.parts_)])

    def n_parameters(self) -> int:
        return super().n_parameters() + sum(part.n_parameters() for part in self.parts_)

    def log_prior(self) -> float:
        return sum(part.log_prior() for part in self.parts_)

    def state(self) -> dict[str, np.ndarray]:
        inner = {f"{i}.{name}": array for i, part in enumerate(self.parts_) for name, array in part.state().items()}
        return super().state() | inner

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        if "parts_" not in self.__dict__:
            self.parts_ = [clone(part) for part, _ in self._emissions(0)]
        for i, part in enumerate(self.parts_):
            part.restore({name[len(f"{i}.") :]: a for name, a in state.items() if name.startswith(f"{i}.")})


def _size(part: Emission) -> int:
    return len(part.unconstrained())


def _observe(part: Emission, values: np.ndarray, X: Sequences, columns: list[int]) -> np.ndarray:
    """What a part makes of its columns; its errors speak of them."""
    try:
        if part.symbols:
            values = _symbols(values)
        return part.observe(Sequences(values, X.offsets)).values
    except ValueError as error:
        raise ValueError(f"columns {columns} of X, for {part}: {error}") from None


def _symbols(values: np.ndarray) -> np.ndarray:
    """Whole numbers that came as floating-point ones, beside numbers that are none; NaN is missing."""
    if values.dtype.kind == "f":
        known = np.where(np.isnan(values), MISSING, values)
        if np.any(known != np.round(known)) or np.any(np.abs(known) > 2**31):
            raise ValueError("symbols are whole numbers, 0 or more; NaN or -1 is missing")
        return known.astype(np.int64)
    return values


def as_list(emissions: Any) -> list[Emission]:
    """A list of one emission or more, checked."""
    found = list(emissions) if isinstance(emissions, (list, tuple)) else [emissions]
    if not found or not all(isinstance(part, Emission) for part in found):
        raise ValueError(f"emissions are {emissions!r}; expected a list of emissions, such as [Gaussian(), Poisson()]")
    return found
