"""Mixtures within a label, of any family or of several."""

from typing import Any

import numpy as np

from hmmseq.emissions.base import Statistics
from hmmseq.emissions.composite import Composite, as_list
from hmmseq.emissions.cumulative import mixed
from hmmseq.emissions.observed import guessed_labels
from hmmseq.emissions.scales import Scale, rows
from hmmseq.kernels.logmath import LARGEST, NEVER
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences
from hmmseq.validation import check_whole


class Mixture(Composite):
    """Each label has several components, each with a weight.

    emission : one family for all components; or a list of emissions, one component each (`[Gaussian(), StudentT()]`)
    n_components : of each label, where there is one family
    fixed : {"weights": ...}, for all components of a label or for none; parameters of components are fixed in theirs

    Attributes: weights_ (n_labels, n_components); parts_, the fitted emissions. Of one family, the parameters are here too,
    with axes (n_labels, n_components, ...); the part itself has n_labels * n_components labels, those of a label in a row.
    """

    parameters_ = ("weights_",)
    sum_to_one = ("weights_",)

    def __init__(self, emission: Any, n_components: int = 2, *, fixed: dict | None = None) -> None:
        self.emission = emission
        self.n_components = n_components
        self.fixed = fixed

    def _emissions(self, n_features: int) -> list:
        check_whole("n_components", self.n_components, 1)
        return [(part, list(range(n_features))) for part in as_list(self.emission)]

    @property
    def _sizes(self) -> list[int]:
        """Components of each part."""
        several = isinstance(self.emission, (list, tuple))
        return [1] * len(self.emission) if several else [int(self.n_components)]

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        """Labels by k-means, and within each label components by k-means."""
        n_components = sum(self._sizes)
        self.settle("weights_", np.full((n_labels, n_components), 1 / n_components))
        values = X.values[:, : self._layout[0][0]]
        weights = guessed_labels(values, n_labels, rng)[:, :, None] * rng.dirichlet(
            np.ones(n_components), (len(values), n_labels)
        )
        found = weights.sum(2).argmax(1)
        for label in range(n_labels):
            own = found == label
            share = guessed_labels(values[own], n_components, rng)
            weights[own, label] = weights[own, label].sum(1, keepdims=True) * share
        self.start_parts(X, self._cut(weights), rng)
        if self.fixed:
            self.check(n_labels)

    def _cut(self, components: np.ndarray) -> list[np.ndarray]:
        """(n, n_labels, n_components) as the parts read them: (n, n_labels * size) each."""
        ends = np.cumsum(self._sizes)
        pieces = [components[:, :, end - size : end] for size, end in zip(self._sizes, ends, strict=True)]
        return [np.ascontiguousarray(piece.reshape(len(piece), -1)) for piece in pieces]

    def _components(self, X: Sequences, rows: list[np.ndarray]) -> np.ndarray:
        """(n_rows, n_labels, n_components) log weight plus log density."""
        tables = [table.reshape(len(table), len(self.weights_), -1) for table in self.tables(X, rows)]
        with np.errstate(divide="ignore"):
            return np.concatenate(tables, axis=2) + np.log(self.weights_)

    def log_scores(self, X: Sequences) -> Packed:
        code, rows = self.joined(X)
        table = _log_sum(self._components(X, rows))
        return Packed(np.where(table > NEVER, np.clip(table, -LARGEST, LARGEST), NEVER), code, X, False)

    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        own = self.joined(X)[1]
        scores = self._components(X, own)
        total = _log_sum(scores)[:, :, None]
        weights = rows[:, :, None] * np.exp(scores - np.where(total > NEVER, total, 0.0))
        return self.part_statistics(X, own, self._cut(weights)) | {"weights": weights.sum(0)}

    def update(self, statistics: Statistics) -> None:
        total = statistics["weights"].sum(1, keepdims=True)
        self.settle("weights_", statistics["weights"] / np.where(total > 0, total, 1.0), total > 0)
        self.update_parts(statistics)

    def scales(self) -> dict[str, Scale]:
        return {"weights_": rows()}

    def learned(self) -> dict[str, np.ndarray]:
        """Of components of one family by the name they have here, (n_labels, n_components, ...)."""
        names = [f"{name}_" for name in self.parts_[0].learned()]
        if len(self.parts_) > 1 or not set(names) <= set(self.parts_[0].parameters_):
            return super().learned()
        return {"weights": self.weights_} | {name.rstrip("_"): getattr(self, name) for name in names}

    def cumulative(self, X: Sequences) -> np.ndarray:
        n_labels = len(self.weights_)
        parts = [part.cumulative(view) for part, view in zip(self.parts_, self.views(X), strict=True)]
        several = [part.reshape(4, part.shape[1], n_labels, -1, part.shape[-1]) for part in parts]
        with np.errstate(divide="ignore"):
            return mixed(np.concatenate(several, axis=3), np.log(self.weights_))

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        upper = self.weights_.cumsum(1)[labels]
        component = np.minimum((rng.random((len(labels), 1)) > upper).sum(1), self.weights_.shape[1] - 1)
        out, ends = None, np.cumsum(self._sizes)
        for part, size, end in zip(self.parts_, self._sizes, ends, strict=True):
            own = (component >= end - size) & (component < end)
            drawn = part.sample(labels[own] * size + component[own] - (end - size), rng)
            out = np.empty((len(labels), *drawn.shape[1:]), dtype=drawn.dtype) if out is None else out
            out[own] = drawn
        assert out is not None
        return out

    def check(self, n_labels: int) -> None:
        expected = n_labels, sum(self._sizes)
        if self.weights_.shape != expected:
            raise ValueError(f"weights_ has shape {self.weights_.shape}; expected {expected}")
        if not (np.all(self.weights_ >= 0) and np.allclose(self.weights_.sum(1), 1.0)):
            raise ValueError("weights_ are no probabilities that sum to 1 for each label; fix all of a label or none")
        for part, size in zip(self.parts_, self._sizes, strict=True):
            part.check(n_labels * size)

    def __getattr__(self, name: str) -> Any:
        """Parameters of the components of one family, with an axis for the components."""
        parts = self.__dict__.get("parts_", [])
        if len(parts) == 1 and name in parts[0].parameters_:
            array = np.asarray(getattr(parts[0], name))
            n_labels, n_components = self.weights_.shape
            several = array.ndim > 0 and len(array) == n_labels * n_components
            return array.reshape(n_labels, n_components, *array.shape[1:]) if several else array
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


def _log_sum(scores: np.ndarray) -> np.ndarray:
    """log sum exp over the last axis; minus infinity where all are."""
    top = scores.max(axis=-1, keepdims=True)
    top = np.where(top > NEVER, top, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(scores - top).sum(-1)) + top[..., 0]
