"""Features of steps as one sparse matrix: names counted and numbered, what people pass checked once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count, repeat
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from hmmseq.validation import check_masks, is_array, one_array

LISTS = (list, tuple, set, frozenset)


class Features(NamedTuple):
    """Features of many sequences, end to end."""

    matrix: sparse.csr_array  # (n_steps in all, n_features)
    offsets: np.ndarray  # (n_sequences + 1,)
    single: bool  # given as one sequence: results have no list around them


class Vocabulary:
    """Feature names and their columns, the most frequent first, so that weights used together lie together.

    A step is a dict of features or a collection of names, as in CRFsuite: {"word": "the"} and ["word:the"] are the
    feature "word:the" with value 1, {"length": 3} is "length" with value 3, True is 1 and False 0. Nothing is hashed.

    >>> vocabulary = Vocabulary.learn([[["a", "b"], {"b": True, "length": 3}]])
    >>> list(vocabulary.columns)
    ['b', 'a', 'length']
    >>> vocabulary.read([[{"length": 2}, ["never seen"]]]).matrix.toarray()
    array([[0., 0., 2.],
           [0., 0., 0.]])
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.columns = {name: column for column, name in enumerate(names)}

    @classmethod
    def learn(cls, X: Any, min_frequency: int = 1) -> "Vocabulary":
        """The features that occur in at least `min_frequency` steps of X, a list of sequences or one."""
        return cls.learn_and_read(X, min_frequency)[0]

    @classmethod
    def learn_and_read(cls, X: Any, min_frequency: int = 1) -> tuple["Vocabulary", Features]:
        """The same, and the features of X, at the cost of learning alone: each name is looked up once."""
        steps = _Steps.of(X)
        ids: defaultdict[str, int] = defaultdict(count().__next__)
        numbers = np.fromiter(map(ids.__getitem__, steps.flat()), np.int64, count=steps.bounds[-1])
        _check_names(ids)
        times = np.bincount(numbers, minlength=len(ids))
        order = np.argsort(-times, kind="stable")
        order = order[times[order] >= min_frequency]
        names, column = list(ids), np.full(len(ids), -1, dtype=np.int32)
        column[order] = np.arange(len(order), dtype=np.int32)
        vocabulary = cls(names[i] for i in order)
        return vocabulary, steps.features(column[numbers], len(order))

    def read(self, X: Any) -> Features:
        """The features of X; names that were never learned are left out."""
        steps = _Steps.of(X)
        found = map(self.columns.get, steps.flat(), repeat(-1))
        return steps.features(np.fromiter(found, np.int32, count=steps.bounds[-1]), len(self.columns))


class _Steps(NamedTuple):
    """The steps of all sequences, and the names of their features."""

    sequences: list[Any]
    single: bool
    steps: list[Any]
    names: list[Any]
    bounds: np.ndarray  # (n_steps + 1,) names before each step
    valued: bool  # whether some features have values: a step is a dict

    @classmethod
    def of(cls, X: Any) -> "_Steps":
        sequences, single = as_sequences(X)
        steps = [step for sequence in sequences for step in sequence]
        valued = any(issubclass(kind, Mapping) for kind in kinds(steps))
        names = [_names(step) for step in steps] if valued else steps
        bounds = np.concatenate([[0], np.cumsum(list(map(len, names)), dtype=np.int64)])
        return cls(sequences, single, steps, names, bounds, valued)

    def flat(self) -> Iterator[str]:
        return chain.from_iterable(self.names)

    def features(self, column: np.ndarray, n_columns: int) -> Features:
        """As a matrix, given the column of each name, -1 where it has none."""
        known = column >= 0
        value = np.ones(np.count_nonzero(known))
        if self.valued:
            given = np.fromiter(chain.from_iterable(map(_values, self.steps)), np.float64, count=len(column))
            _check_values(given, self.bounds, self.sequences)
            value = given[known]
        first = np.concatenate([[0], np.cumsum(known)])[self.bounds]
        first = first.astype(np.int32) if first[-1] < 2**31 else first  # half the bytes to read in each product
        matrix = sparse.csr_array((value, column[known], first), shape=(len(self.steps), n_columns))
        return Features(matrix, offsets_of(self.sequences), self.single)


def stack(estimator: Any, X: Any, reset: bool) -> Features:
    """Matrices (n_steps, n_features), sparse or not, one per sequence, as one. `n_features_in_` is set, or checked."""
    check_masks(X)
    X = X if sparse.issparse(X) or isinstance(X, LISTS) else listed(np.asarray(X))
    single = _is_numbers(X) and X.ndim < 3
    if single:
        X = [one_array(estimator, X, reset, accept_sparse="csr", ensure_all_finite=True)]
    parts = list(X)
    width = next((part.shape[1] for part in parts if _is_numbers(part) and part.ndim == 2), 0)
    parts = [_matrix(part, s, width) for s, part in enumerate(parts)]
    matrix = sparse.csr_array(sparse.vstack(parts), dtype=np.float64)
    if not np.all(np.isfinite(matrix.data)):
        raise ValueError("X has a feature that is NaN or infinite; give finite values, leave out what is unknown")
    return Features(matrix, np.concatenate([[0], np.cumsum([part.shape[0] for part in parts])]), single)


def _matrix(part: Any, s: int, width: int) -> sparse.csr_array:
    """One sequence of numbers, checked."""
    if isinstance(part, LISTS) and not len(part):
        return sparse.csr_array((0, width))
    if not _is_numbers(part) or part.ndim != 2 or part.shape[1] != width or not width:
        found = f"of shape {part.shape}" if hasattr(part, "shape") else f"of type {type(part).__name__}"
        raise ValueError(
            f"X[{s}] is {found}; expected a matrix (n_steps, {width or 'n_features'}) for each sequence, all with the same "
            "features"
        )
    try:
        part = part if sparse.issparse(part) else np.asarray(part)
        if part.dtype.kind not in "fiubO":
            raise ValueError(f"dtype {part.dtype}")
        return sparse.csr_array(part if sparse.issparse(part) else part.astype(np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(f"X[{s}] does not hold numbers: {error}") from None


def listed(X: Any) -> Any:
    """An array of sequences as a list of them."""
    return X.tolist() if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind == "O" else X


def is_matrices(X: Any) -> bool:
    """Whether X is a matrix of features, sparse or not, or a list of them."""
    X = listed(X)
    return _is_numbers(X) or (isinstance(X, LISTS[:2]) and len(X) > 0 and _is_numbers(X[0]))


def _is_numbers(X: Any) -> bool:
    """A matrix, and not an array of sequences."""
    return is_array(X) and not (X.ndim == 1 and X.dtype.kind == "O")


def as_sequences(X: Any) -> tuple[list[Any], bool]:
    """X as a list of sequences of steps, and whether it was one sequence."""
    X = X.tolist() if isinstance(X, np.ndarray) else X
    if not isinstance(X, (list, tuple)) or not len(X):
        raise ValueError(
            f"X is a {type(X).__name__}{' without sequences' if isinstance(X, LISTS) else ''}; expected a list of "
            "sequences, each a list of steps with their features (a dict or names), or a matrix"
        )
    first: Any = next((x for x in X if len(_sized(x, X))), [])
    single = isinstance(first, (Mapping, set, frozenset)) or (len(first) > 0 and isinstance(first[0], str))
    sequences = [X] if single else list(X)
    for s, sequence in enumerate(sequences):
        if kinds(sequence) <= {
            list,
            dict,
            tuple,
        }:  # asking an abstract class of each step costs as much as finding a name
            continue
        for t, step in enumerate(sequence):
            if not isinstance(step, (Mapping, *LISTS)):
                raise ValueError(
                    f"X[{s}] has a {type(step).__name__} at step {t}; expected a dict of features or a list of names"
                )
    return sequences, single


def kinds(steps: Any) -> set[type]:
    """The types there are."""
    return set(map(type, steps))


def offsets_of(sequences: list[Any]) -> np.ndarray:
    """(n_sequences + 1,) where the steps of each sequence begin, and where the last one ends."""
    return np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64)])


def _sized(x: Any, X: Any) -> Any:
    if isinstance(x, (Mapping, *LISTS)):
        return x
    raise ValueError(f"X holds a {type(x).__name__}; expected sequences, each a list of steps with their features")


def _names(step: Any) -> Any:
    if not isinstance(step, Mapping):
        return step
    return [f"{name}:{value}" if isinstance(value, str) else name for name, value in step.items()]


def _values(step: Any) -> Iterator[float]:
    if not isinstance(step, Mapping):
        return repeat(1.0, len(step))
    return (_value(name, value) for name, value in step.items())


def _value(name: Any, value: Any) -> float:
    if isinstance(value, str):
        return 1.0
    if isinstance(value, (Real, np.bool_)):
        return float(value)
    raise ValueError(f"feature {name!r} has the value {value!r}; expected text, a number, True or False")


def _check_names(names: Iterable[Any]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"X has the feature name {name!r}, a {type(name).__name__}; names are text")


def _check_values(value: np.ndarray, bounds: np.ndarray, sequences: list[Any]) -> None:
    wrong = np.flatnonzero(~np.isfinite(value))
    if wrong.size:
        row = int(np.searchsorted(bounds, wrong[0], side="right")) - 1
        offsets = offsets_of(sequences)
        s = int(np.searchsorted(offsets, row, side="right")) - 1
        raise ValueError(
            f"X[{s}] has a feature of value {value[wrong[0]]} at step {row - offsets[s]}; give finite values"
        )
