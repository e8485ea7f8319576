"""What people pass to a tagger, checked once and packed."""

from typing import Any, NamedTuple

import numpy as np

from hmmseq import lattice, validation
from hmmseq.errors import DataError, ImpossibleSequenceError
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.sequences import Sequences, is_one
from hmmseq.validation import UNKNOWN, is_array, one_array


class Shape(NamedTuple):
    """What stands at each step: symbols 0 ... n_symbols - 1, or rows of features."""

    n_symbols: int | None
    n_features: int | None

    @classmethod
    def of(cls, X: Sequences, n_symbols: int | None = None) -> "Shape":
        """The shape of these data; `n_symbols` where the alphabet is known to be larger than what is seen."""
        if X.values.ndim == 2:
            return cls(None, X.values.shape[1])
        return cls(int(X.values.max(initial=0)) + 1 if n_symbols is None else n_symbols, None)

    def check(self, X: Sequences, name: str) -> None:
        """Refuse sequences of another shape; -1 is a missing symbol."""
        if not len(X.values):
            return
        if (X.values.ndim == 1) != (self.n_features is None):
            kinds = ("symbols", "features")
            got, expected = kinds[X.values.ndim - 1], kinds[self.n_features is not None]
            raise ValueError(f"X holds {got}, but this {name} was fitted to {expected}")
        if self.n_features is not None and X.values.shape[1] != self.n_features:
            raise ValueError(
                f"X has {X.values.shape[1]} features, but {name} is expecting {self.n_features} features as input"
            )
        if self.n_symbols is not None:
            wrong = (X.values >= self.n_symbols) | (X.values < UNKNOWN)
            what = f"symbol {X.values[wrong.argmax()]}"
            _refuse(
                X,
                wrong,
                what,
                f"n_symbols is {self.n_symbols} (0 ... {self.n_symbols - 1}), and -1 means missing",
            )


def sequences(estimator: Any, X: Any, lengths: Any = None, *, reset: bool = False) -> Sequences:
    """Pack X: whole numbers are symbols, one per step; rows of numbers are features, and finite."""
    validation.check_masks(X)
    if is_array(X) and (is_one(X) or lengths is not None or hasattr(X, "tocsr")):
        X = one_array(estimator, X, reset)
    packed = Sequences.pack(X, lengths)
    values = packed.values
    if values.dtype.kind in "iu" and (values.ndim == 1 or values.shape[1] == 1):
        return Sequences(values.reshape(-1).astype(np.int64), packed.offsets)
    if not values.size:
        return Sequences(np.zeros(0, dtype=np.int64), packed.offsets)
    if values.dtype.kind not in "iuf" or values.ndim != 2:
        raise ValueError(
            f"X holds {values.dtype} of shape {values.shape}; a sequence is whole numbers (n_steps,), "
            "or numbers (n_steps, n_features)"
        )
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    wrong = ~np.isfinite(values).all(1)
    _refuse(packed, wrong, "NaN, infinity or a number beyond 3e38", "expected finite features")
    return Sequences(values, packed.offsets)


def labels(y: Any, X: Sequences, single: bool, lengths: Any = None) -> np.ndarray:
    """(n_steps in all,) labels, one per step of X, -1 where unknown."""
    if y is None:
        raise ValueError(
            "y is missing: a tagger requires y to be passed, but the target y is None; pass a label for each step, "
            "-1 where it is not known"
        )
    values = validation.labels([y] if single and lengths is None else y, X, lengths)
    if np.all(values == UNKNOWN):
        raise ValueError("y has no known label: all are -1")
    return values


def classes(gold: np.ndarray, topology: StateGraph | None) -> np.ndarray:
    """Labels in the order of score columns: those found, or all of a topology."""
    found = np.unique(gold[gold != UNKNOWN])
    if topology is None:
        return found
    wrong = found[(found < 0) | (found >= topology.n_labels)]
    if wrong.size:
        raise ValueError(f"y has label {wrong[0]}, but the topology has labels 0 ... {topology.n_labels - 1}")
    return np.arange(topology.n_labels)


def count_paths(graph: StateGraph, codes: Sequences) -> lattice.Counts:
    """Expected uses of edges by paths with these labels; labels that no path takes are an error."""
    only = np.where(np.eye(graph.n_labels, dtype=bool), 0.0, NEVER)
    try:
        return lattice.expected_counts(graph, lattice.Indexed(only, codes))
    except ImpossibleSequenceError as error:
        raise DataError(
            f"y[{error.sequence}] follows no path of the topology from position {error.step} on; "
            "allow that transition, or set the labels there to -1"
        ) from None


def mirror(results: list[Any], X: Any, lengths: Any) -> Any:
    """A list for a list; for one array one result, also if it is many sequences end to end."""
    if lengths is not None:
        return np.concatenate(results) if results else np.zeros(0)
    return results[0] if is_one(X) else results


def _refuse(X: Sequences, wrong: np.ndarray, what: str, hint: str) -> None:
    if wrong.any():
        sequence, step = X.where(int(wrong.argmax()))
        raise ValueError(f"X[{sequence}] has {what} at position {step}; {hint}")
