"""Labels as people write them, text or numbers, and their codes."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

UNKNOWN = -1


def flatten(y: Any, offsets: np.ndarray, single: bool, name: str = "y") -> list[Any]:
    """Labels of all sequences end to end, None where unknown (None or -1), checked against the steps of X."""
    check_given(y)
    sequences = [listed(labels) for labels in ([y] if single else listed(y))]
    lengths = np.diff(offsets).tolist()
    if len(sequences) != len(lengths):
        raise ValueError(
            f"{name} has {len(sequences)} sequences but X has {len(lengths)}; one list of labels per sequence"
        )
    for s, (labels, n_steps) in enumerate(zip(sequences, lengths, strict=True)):
        if not isinstance(labels, list) or len(labels) != n_steps:
            found = f"{len(labels)} labels" if isinstance(labels, list) else repr(labels)
            raise ValueError(
                f"{name}[{s}] has {found} but X[{s}] has {n_steps} steps; one label per step, None or -1 if unknown"
            )
    return [known(label, s, name) for s, labels in enumerate(sequences) for label in labels]


def check_given(y: Any) -> None:
    """ValueError for labels that were forgotten."""
    if y is None:
        raise ValueError("the estimator requires y to be passed, but the target y is None: pass one label per step")
    if not isinstance(y, Iterable):
        raise ValueError(f"y is {y!r}; expected a list of labels for each sequence, one label per step")


def learn(labels: list[Any]) -> np.ndarray:
    """The different labels in order, at least one."""
    known = {label for label in labels if label is not None}
    if not known:
        raise ValueError("y has no known label; a fit needs at least one")
    if len({isinstance(label, str) for label in known}) > 1:
        raise ValueError("y mixes text and numbers; give all labels as text, or all as numbers")
    return np.array(sorted(known))


def encode(labels: list[Any], classes: np.ndarray, name: str = "y") -> np.ndarray:
    """(n_steps in all,) number of each label, -1 where unknown."""
    number = {label: k for k, label in enumerate(classes.tolist())} | {None: UNKNOWN}
    for label in labels:
        if label not in number:
            raise ValueError(f"{name} has the label {label!r}, which fit did not see; it saw {classes.tolist()[:9]}")
    return np.array([number[label] for label in labels], dtype=np.int64)


def listed(values: Any) -> Any:
    """Arrays and tuples as lists, anything else as it is."""
    if isinstance(values, np.ndarray):
        return values.tolist()
    return list(values) if isinstance(values, (list, tuple)) else values


def known(label: Any, s: int, name: str) -> Any:
    """One label, None where it is unknown; ValueError for what is no label."""
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    if label is None or isinstance(label, str):
        return label
    if isinstance(label, int) and label >= UNKNOWN:
        return None if label == UNKNOWN else label
    raise ValueError(f"{name}[{s}] has the label {label!r}; expected text, a number from 0, or None (-1) if unknown")


def accuracy(labels: list[Any], predicted: list[Any]) -> float:
    """Share of the known labels that are predicted."""
    right = [ours == theirs for theirs, ours in zip(labels, predicted, strict=True) if theirs is not None]
    if not right:
        raise ValueError("y has no known label; an accuracy needs at least one")
    return sum(right) / len(right)


def to_bytes(values: Any) -> np.ndarray:
    """Text, or a list of texts or numbers, as an array of bytes for a model file."""
    return np.frombuffer(json.dumps(values).encode(), dtype=np.uint8)


def from_bytes(array: np.ndarray) -> Any:
    """What `to_bytes` wrote."""
    return json.loads(array.tobytes())
