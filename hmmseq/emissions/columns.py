"""Families with independent features: a density, sums that describe the data, and their maximum, one feature at a time."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.cumulative import tails
from hmmseq.emissions.observed import REAL, Sample, Support, distinct, guessed_labels, numbers
from hmmseq.emissions.scales import Scale, between
from hmmseq.kernels.logmath import LARGEST, NEVER
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences

FARTHEST = 1e150  # scores of what is farther are those of this: its square is no double any more


class Columns(Emission):
    """A family of distributions of one number, for each label and feature. NaN is missing, feature by feature.

    Implement five methods on plain arrays. Parameters are (n_labels, n_features) arrays, handed to `log_density`,
    `sufficient` and `draw` in the order of `parameters_`, for one feature at a time: x is (n, 1) and each parameter
    (n_labels,), so that formulas broadcast to (n, n_labels).

    parameters_ and bounds : their names, and the least and largest value of each
    support : what an observation can be
    keeps_sample : whether `maximise` needs the observations themselves, as a `Sample` (see there), beside the averages
    """

    bounds: tuple[tuple[float, float], ...] = ()
    support: Support = REAL
    keeps_sample = False

    def __init__(self, *, fixed: dict | None = None) -> None:
        self.fixed = fixed

    # `**none` lets type checkers accept parameters with names of their own.
    @abstractmethod
    def log_density(self, x: np.ndarray, *parameters: Any, **none: Any) -> np.ndarray:
        """(n, n_labels) log density of each observation under each label."""

    @abstractmethod
    def sufficient(self, x: np.ndarray, *parameters: Any, **none: Any) -> dict[str, np.ndarray]:
        """Terms (n, 1) or (n, n_labels) whose weighted averages decide the maximum; at the present parameters, in an EM."""

    @abstractmethod
    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        """`settle` each parameter, given weight and averages, (n_labels, n_features) each, and no likelihood may fall.

        One parameter after the other, each the maximum given those before: then any of them can be fixed.
        """

    @abstractmethod
    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        """Parameters for all data x (n,) of a feature: where labels without data stay."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, *parameters: Any, **none: Any) -> np.ndarray:
        """An observation for each entry of the parameters."""

    def arguments(self) -> None:
        """ValueError for constructor arguments that cannot be."""

    def observe(self, X: Sequences) -> Sequences:
        self.arguments()
        n_features = getattr(self, self.parameters_[0]).shape[1] if hasattr(self, self.parameters_[0]) else None
        return numbers(X, type(self).__name__, self.support, n_features)

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        """Maximum likelihood for labels guessed by k-means."""
        seen = [column[~np.isnan(column)] for column in X.values.T]
        typical = [self.typical(column if len(column) else np.array([self.support.example])) for column in seen]
        for name, features in zip(self.parameters_, zip(*typical, strict=True), strict=True):
            self.settle(name, np.tile(np.array(features, dtype=np.float64), (n_labels, 1)))
        self.check(n_labels)  # fixed values can be anything
        self._update(X.values, guessed_labels(X.values, n_labels, rng))

    def _update(self, values: np.ndarray, weights: np.ndarray) -> None:
        self.update(self._sums(values, weights))

    def feature(self, d: int) -> list[np.ndarray]:
        """The parameters of one feature, (n_labels,) each."""
        return [getattr(self, name)[:, d] for name in self.parameters_]

    def log_scores(self, X: Sequences) -> Packed:
        values, code = distinct(X.values, self.support.whole)
        table = np.zeros((len(values), len(getattr(self, self.parameters_[0]))))
        for d, column in enumerate(values.T):
            seen, column = ~np.isnan(column), np.clip(column, -FARTHEST, FARTHEST)
            with np.errstate(divide="ignore", over="ignore"):
                score = self.log_density(np.where(seen, column, self.support.example)[:, None], *self.feature(d))
            table += np.where(seen[:, None], score, 0.0)
        # Outliers of 1e300 have scores, too; only what cannot be has minus infinity.
        return Packed(np.where(table > NEVER, np.clip(table, -LARGEST, LARGEST), NEVER), code, X, False)

    def grouping(self, X: Sequences) -> tuple[np.ndarray, int]:
        values, code = distinct(X.values, self.support.whole)
        return code, len(values)

    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        return self._sums(distinct(X.values, self.support.whole)[0], rows)

    def _sums(self, values: np.ndarray, weights: np.ndarray) -> Statistics:
        features = [dict(self._terms(column, weights, d)) for d, column in enumerate(values.T)]
        sums: Statistics = {name: np.stack([terms[name] for terms in features], axis=1) for name in features[0]}
        if self.keeps_sample:
            sums["sample"] = Sample(values, weights, self.support.whole)
        return sums

    def _terms(self, column: np.ndarray, weights: np.ndarray, d: int) -> Iterator[tuple[str, np.ndarray]]:
        seen = ~np.isnan(column)
        x, weights = (column[:, None], weights) if seen.all() else (column[seen, None], weights[seen])
        yield "mass", weights.sum(0)
        for name, term in self.sufficient(x, *self.feature(d)).items():
            yield name, (term.T @ weights)[0] if term.shape[1] == 1 else np.einsum("nl,nl->l", term, weights)

    def rebased(self, statistics: Statistics, before: Emission) -> Statistics:
        return super().rebased(statistics, before) if self.keeps_sample else statistics

    def update(self, statistics: Statistics) -> None:
        mass = statistics["mass"]
        safe = np.where(mass > 0, mass, 1.0)
        average = {name: sums / safe for name, sums in statistics.items() if name not in ("mass", "sample")}
        self.maximise(mass, average, statistics.get("sample"))

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(self.draw(rng, *(getattr(self, name)[labels] for name in self.parameters_)), dtype=np.float64)

    def distribution(self, *parameters: Any, **none: Any) -> Any:
        """A frozen distribution of scipy, or what has its `logcdf` and `logsf`: only residuals need it."""
        raise ValueError(f"{type(self).__name__} emissions have no cumulative distribution, which residuals need")

    def cumulative(self, X: Sequences) -> np.ndarray:
        columns = [np.where(np.isnan(column), self.support.example, column)[:, None] for column in X.values.T]
        found = [
            tails(self.distribution(*self.feature(d)), column, self.support.whole) for d, column in enumerate(columns)
        ]
        return np.stack(found, axis=-1)

    def units(self, name: str) -> Any:
        """What one is, of a parameter that can have any value."""
        return 1.0

    def scales(self) -> dict[str, Scale]:
        pairs = zip(self.parameters_, self.bounds, strict=True)
        return {name: between(*ends, self.units(name)) for name, ends in pairs if name not in self.of_data}

    def check(self, n_labels: int) -> None:
        shape = (n_labels, getattr(self, self.parameters_[0]).shape[-1])
        for name, (least, largest) in zip(self.parameters_, self.bounds, strict=True):
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float64:
                raise ValueError(
                    f"{name} has shape {array.shape} and dtype {array.dtype}; expected {shape} and float64"
                )
            if not np.all((array >= least) & (array <= largest) & np.isfinite(array)):
                raise ValueError(f"{name} has values outside {least:g} ... {largest:g}")
