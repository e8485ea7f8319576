"""Observations whose columns come from different families."""

from typing import Any

import numpy as np

from hmmseq.emissions.base import Statistics
from hmmseq.emissions.composite import Composite, as_list
from hmmseq.emissions.observed import guessed_labels
from hmmseq.kernels.logmath import LARGEST, NEVER
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences


class Product(Composite):
    """Independent emissions side by side: each reads its own columns of an observation.

    emissions : list of emissions
    columns : for each, the list of its columns; default: one column each, in order

    A column of symbols for `Categorical` may stand among columns of numbers: whole numbers, NaN or -1 where missing.
    Attribute: parts_, the fitted emissions.

    >>> from hmmseq import HMM
    >>> from hmmseq.emissions import Categorical, Gaussian, Product
    >>> X = [[0.1, 0], [-0.2, 0], [0.0, 1], [9.9, 2], [10.2, 2]]
    >>> HMM(Product([Gaussian(), Categorical(3)]), 2, random_state=0).fit(np.array(X)).predict(np.array(X))
    array([0, 0, 0, 1, 1], dtype=int32)
    """

    def __init__(self, emissions: Any, columns: Any = None) -> None:
        self.emissions = emissions
        self.columns = columns

    def _emissions(self, n_features: int) -> list:
        parts = as_list(self.emissions)
        columns = [[i] for i in range(len(parts))] if self.columns is None else [list(own) for own in self.columns]
        wanted = {column for own in columns for column in own}
        if len(columns) != len(parts) or not all(columns) or (n_features and wanted != set(range(n_features))):
            raise ValueError(
                f"columns are {columns} for {len(parts)} emissions and X has {n_features} features; "
                "name every column of X, in one list for each emission"
            )
        return list(zip(parts, columns, strict=True))

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        """All parts from the same guess of the labels: guesses of their own would contradict each other."""
        self.start_parts(X, [guessed_labels(X.values, n_labels, rng)] * len(self.parts_), rng)

    def log_scores(self, X: Sequences) -> Packed:
        code, rows = self.joined(X)
        table = sum(self.tables(X, rows))
        return Packed(np.where(table > NEVER, np.clip(table, -LARGEST, LARGEST), NEVER), code, X, False)

    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        return self.part_statistics(X, self.joined(X)[1], [rows] * len(self.parts_))

    def update(self, statistics: Statistics) -> None:
        self.update_parts(statistics)

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        columns = [own for _, own in self._emissions(0)]
        out = np.empty((len(labels), 1 + max(column for own in columns for column in own)))
        for part, own in zip(self.parts_, columns, strict=True):
            out[:, own] = part.sample(labels, rng).reshape(len(labels), -1)
        return out

    def cumulative(self, X: Sequences) -> np.ndarray:
        """Features part by part, in the order of the parts."""
        parts = zip(self.parts_, self.views(X), strict=True)
        return np.concatenate([part.cumulative(view) for part, view in parts], axis=-1)

    def redraw(self, values: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        out = np.array(values, dtype=np.float64)
        for part, (_, own) in zip(self.parts_, self._emissions(0), strict=True):
            given = np.nan_to_num(values[:, own], nan=-1) if part.symbols else values[:, own]
            out[:, own] = part.redraw(given, labels, rng)
        return out

    def check(self, n_labels: int) -> None:
        for part in self.parts_:
            part.check(n_labels)
