"""What people pass to any estimator, checked once: a single array, labels of steps, weights of sequences."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from hmmseq.sequences import Sequences

UNKNOWN = -1  # a label that is not known


def is_array(X: Any) -> bool:
    """Whether X is for scikit-learn's own checks: an array, a data frame or a sparse matrix, not a list of sequences."""
    return hasattr(X, "__array__") or hasattr(X, "__dataframe__") or hasattr(X, "tocsr")


def one_array(estimator: Any, X: Any, reset: bool, **options: Any) -> Any:
    """One array, through scikit-learn's own checks; whole numbers may come as one symbol per step."""
    array = X if hasattr(X, "tocsr") else np.asarray(X)
    if array.ndim == 1 and array.dtype.kind in "iu":
        return array
    if array.ndim == 1 and array.dtype.kind == "f":
        raise ValueError(
            f"X is one array of shape {array.shape}. Reshape your data: X.reshape(-1, 1) is one sequence with one "
            "feature; [X] is a list with one sequence; symbols are whole numbers"
        )
    if (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.size
        and X.dtype.kind in "fiu"
        and not options
        and not _has_names(estimator)
    ):
        return X  # nothing for scikit-learn to find, and looking takes it longer than a small problem
    least = 1 if reset else 0  # an empty sequence has an empty answer
    options = {"dtype": "numeric", "ensure_all_finite": False, "ensure_min_samples": least} | options
    return validate_data(estimator, X, reset=reset, **options)


def _has_names(estimator: Any) -> bool:
    """Whether it was fitted with named features: then scikit-learn compares, or forgets, them."""
    return hasattr(estimator, "feature_names_in_")


def check_masks(X: Any) -> None:
    """ValueError for masks, which numpy forgets when arrays are joined: what is under them would count."""
    for x in X if isinstance(X, (list, tuple)) else [X]:
        if isinstance(x, np.ma.MaskedArray) and np.any(x.mask):
            raise ValueError(
                "X is, or has, an array with masked entries; give what is missing as NaN, x.astype(float).filled(np.nan), "
                "or as -1 among symbols"
            )


def check_whole(name: str, value: Any, least: int) -> None:
    """ValueError unless an argument is a whole number, `least` or more."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number, {least} or more")


def check_positive(name: str, value: Any, what: str = "number") -> None:
    """ValueError unless an argument is a finite number above 0."""
    if not (isinstance(value, Real) and 0 < float(value) < np.inf):
        raise ValueError(f"{name} is {value!r}; expected a positive {what}")


def check_not_negative(name: str, value: Any) -> None:
    """ValueError unless an argument is a finite number, 0 or more."""
    if not (isinstance(value, Real) and 0 <= float(value) < np.inf):
        raise ValueError(f"{name} is {value!r}; expected a finite number, 0 or more")


def check_flag(name: str, value: Any) -> None:
    """ValueError unless an argument is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {value!r}; expected True or False")


def sample_weights(weights: Any, n_sequences: int) -> np.ndarray:
    """(n_sequences,) weights, 1 by default."""
    if weights is None:
        return np.ones(n_sequences)
    try:
        array = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):  # complex numbers, dicts, lists of lists of different lengths
        raise ValueError(
            f"sample_weight is {weights!r}; expected a number for each of {n_sequences} sequences"
        ) from None
    if array.shape != (n_sequences,) or not np.all(np.isfinite(array)) or np.any(array < 0) or not array.any():
        raise ValueError(
            f"sample_weight has shape {array.shape}; expected one finite weight, 0 or more and not all 0, "
            f"for each of {n_sequences} sequences"
        )
    return array


def labels(y: Any, X: Sequences, lengths: Any, name: str = "y") -> np.ndarray:
    """(n_steps in all,) known labels, whole numbers and -1 where unknown, checked against X."""
    try:
        packed = Sequences.pack(y, lengths)
    except TypeError as error:  # of kinds that numpy does not join
        raise ValueError(f"{name} does not hold labels of one kind: {error}") from None
    both = min(len(packed), len(X))
    wrong = np.flatnonzero(packed.lengths[:both] != X.lengths[:both])
    if wrong.size:
        s = int(wrong[0])
        raise ValueError(
            f"{name}[{s}] has {packed.lengths[s]} labels but X[{s}] has {X.lengths[s]} steps; one label per step, -1 if "
            "unknown"
        )
    if len(packed) != len(X):
        raise ValueError(f"{name} has {len(packed)} sequences but X has {len(X)}; one list of labels per sequence")
    values = packed.values
    if values.dtype.kind not in "iufb":
        raise ValueError(
            f"Unknown label type: {name} has dtype {values.dtype}; expected whole numbers, or -1 for unknown"
        )
    if values.ndim != 1 or np.any(values != np.round(values)) or not np.all((values >= UNKNOWN) & (values < 2**31)):
        raise ValueError(f"{name} must be whole numbers 0, 1, ... or -1 (unknown), one per step; got {values[:5]}...")
    return values.astype(np.int64)
