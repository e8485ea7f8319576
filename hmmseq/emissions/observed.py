"""Observed numbers: checked once, grouped by value where values repeat, kept with weights where sums do not suffice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hmmseq.sequences import Sequences

if TYPE_CHECKING:
    from sklearn.cluster import KMeans

SMALL_TABLE = 4096  # so many rows of scores are always worth a table; more only if there are more steps than rows
INITIAL_ROWS = 20_000  # k-means looks at this many steps


@dataclass(frozen=True)
class Support:
    """Which numbers a distribution can produce."""

    words: str  # for messages
    holds: Callable[[np.ndarray], np.ndarray]
    example: float  # one of them, in the place of a missing value until its score is thrown away
    whole: bool = False  # few of them: scores by value instead of by step


REAL = Support("finite numbers", lambda x: np.full(x.shape, True), 0.0)
POSITIVE = Support("numbers above 0", lambda x: x > 0, 1.0)
FRACTIONS = Support("numbers between 0 and 1, both excluded", lambda x: (x > 0) & (x < 1), 0.5)
COUNTS = Support("whole numbers, 0 or more", lambda x: (x >= 0) & (x == np.round(x)), 1.0, whole=True)
TRIALS = Support("whole numbers, 1 or more", lambda x: (x >= 1) & (x == np.round(x)), 1.0, whole=True)
BINARY = Support("0 or 1", lambda x: (x == 0) | (x == 1), 0.0, whole=True)


def numbers(X: Sequences, name: str, support: Support, n_features: int | None) -> Sequences:
    """(n_steps, n_features) of float64 in which NaN is missing; an error says where a value is that cannot be.

    n_features : what the emission was fitted with, if it was
    """
    if X.values.dtype.kind not in "fiub":
        raise ValueError(f"X has dtype {X.values.dtype}; {name} emissions need numbers")
    values = np.ascontiguousarray(X.values, dtype=np.float64)
    if values.ndim == 1:
        values = values[:, None]
    expected = values.shape[1] if n_features is None else n_features
    if not len(values):
        values = values.reshape(0, expected)  # an empty list has no features to be wrong
    if values.shape[1] != expected:
        raise ValueError(f"X has {values.shape[1]} features, but this model was fitted with {expected} features")
    with np.errstate(over="ignore", invalid="ignore"):
        ordinary = support is REAL and np.isfinite(values.sum())  # a sum is not finite if an entry is not
    if ordinary:
        return X.over(values)
    refuse(X, np.isinf(values), values, "scores need finite numbers")
    refuse(X, ~(support.holds(values) | np.isnan(values)), values, f"{name} takes {support.words}; NaN is missing")
    return X.over(values)


def refuse(X: Sequences, wrong: np.ndarray, values: np.ndarray, advice: str) -> None:
    """ValueError with the place of the first wrong value, if there is one."""
    if wrong.any():
        row, feature = np.argwhere(wrong)[0]
        sequence, step = X.where(row)
        value = values[row, feature]
        # The words "NaN" and "infinity" are what people search for.
        what = "NaN" if np.isnan(value) else "infinity" if np.isinf(value) else f"{value:g}"
        raise ValueError(f"X[{sequence}] contains {what} at step {step}, feature {feature}; {advice}")


def distinct(values: np.ndarray, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """(n_rows, n_features) rows and (n_steps,) the row of each step. Whole numbers of small range share their rows.

    Counting codes instead of sorting rows: a sort of a million steps costs as much as an iteration of EM.
    """
    each = np.arange(len(values), dtype=np.int32)
    if not whole or not len(values):
        return values, each
    with np.errstate(invalid="ignore"):
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    low, high = np.where(np.isnan(low), 0.0, low), np.where(np.isnan(high), 0.0, high)
    sizes = high - low + 2  # one more for what is missing
    if np.prod(sizes) > max(SMALL_TABLE, len(values) // 4):
        return values, each
    sizes = sizes.astype(np.int64)
    code = np.zeros(len(values), dtype=np.int32)
    for column, first, size in zip(values.T, low, sizes, strict=True):
        code = code * np.int32(size) + np.where(np.isnan(column), size - 1, column - first).astype(np.int32)
    rows = np.stack(np.unravel_index(np.arange(np.prod(sizes)), tuple(sizes)), axis=1)
    return np.where(rows == sizes - 1, np.nan, rows + low), code


def by_row(weights: np.ndarray, code: np.ndarray, n_rows: int) -> np.ndarray:
    """(n_rows, n_labels) sums of (n_steps, n_labels) weights over the steps of each row."""
    return np.stack([np.bincount(code, column, minlength=n_rows) for column in weights.T], axis=1)


@dataclass(frozen=True)
class Sample:
    """Observations with their weight under each label: the statistic of families that no fixed number of sums describes.

    Adding two joins them; rows that are alike (counts, mostly) are kept once.
    """

    values: np.ndarray  # (n_rows, n_features), NaN where missing
    weights: np.ndarray  # (n_rows, n_labels)
    whole: bool  # whether rows repeat

    def __add__(self, other: "Sample") -> "Sample":
        values = np.concatenate([self.values, other.values])
        weights = np.concatenate([self.weights, other.weights])
        if self.whole:
            values, code = np.unique(values, axis=0, return_inverse=True)
            weights = by_row(weights, code.reshape(-1), len(values))
        return Sample(values, weights, self.whole)

    def columns(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each feature (n_seen, 1) values and (n_seen, n_labels) weights."""
        for column in self.values.T:
            seen = ~np.isnan(column) & self.weights.any(axis=1)
            yield column[seen, None], self.weights[seen]


@dataclass(frozen=True)
class Largest:
    """A statistic of which the larger counts, not the sum."""

    value: np.ndarray

    def __add__(self, other: "Largest") -> "Largest":
        return Largest(np.maximum(self.value, other.value))


def k_means(rows: np.ndarray, n_clusters: int, rng: np.random.Generator) -> "KMeans":
    """Clusters of some rows."""
    from sklearn.cluster import KMeans  # takes longer to import than most fits; symbols and loaded models need none

    return KMeans(n_clusters, n_init=1, random_state=int(rng.integers(2**31))).fit(rows)


def guessed_labels(values: np.ndarray, n_labels: int, rng: np.random.Generator) -> np.ndarray:
    """(n_steps, n_labels) weights to begin with: k-means on standardised features, every step a bit of each label."""
    weights = rng.gamma(1.0, size=(len(values), n_labels))
    weights *= 0.2 / weights.sum(1, keepdims=True)
    if not len(values):
        return weights
    away = standardised(values)
    rows = away[np.sort(rng.permutation(len(away))[:INITIAL_ROWS])]
    n_clusters = min(n_labels, len(np.unique(rows, axis=0)))
    found = k_means(rows, n_clusters, rng).predict(away)
    weights[np.arange(len(values)), found] += 0.8
    return weights


def standardised(values: np.ndarray) -> np.ndarray:
    """(n_steps, n_features) of mean 0 and deviation 1; 0 where missing and where nothing varies."""
    seen = ~np.isnan(values)
    number = np.maximum(seen.sum(0), 1)
    mean = np.where(seen, values, 0.0).sum(0) / number
    away = np.where(seen, values - mean, 0.0)
    scale = np.abs(away).max(axis=0, initial=0.0)  # before squares, which overflow beyond 1e154
    away /= np.where(scale > 0, scale, 1.0)
    deviation = np.sqrt((away**2).sum(0) / number)
    return away / np.where(deviation > 0, deviation, 1.0)
