"""What is known about a path before it is asked for; `hmmseq.decoding` has it too.

A constraint is a score of minus infinity for every label it rules out, so all questions of `hmmseq.lattice` answer
under it: the best path that passes there, the probability that a path does, samples of those that do.
"""

from collections.abc import Iterable
from operator import index
from typing import Any

import numpy as np

from hmmseq.scores import Packed, Scores, allow, pack, restrict

FREE = -1  # a label that is not known


def constrain(
    scores: Scores, *, labels: Any = None, allowed: Any = None, segments: Any = None, exact: bool = False
) -> Packed:
    """Scores under which only paths that keep to all constraints are possible. Every question takes them.

    labels : (n_steps,) the label of each step, -1 where it is not known
    allowed : (n_steps, n_labels) boolean array, or for each step a set of labels (None: any)
    segments : list of (first, last, label): steps first ... last - 1 have that label; they must not overlap
    exact : the steps just before and after a segment have another label, so that it is exactly that long

    For one sequence; for a list of sequences, a list with one such thing each. Constraints that contradict each other
    leave a sequence that no path explains. `Indexed` scores stay indexed: their table gets a row for each symbol under
    each set of labels that it meets.

    Raises ValueError where a constraint does not fit the scores, with its place.

    >>> from hmmseq import topologies
    >>> from hmmseq.lattice import best_path
    >>> scores = np.log([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    >>> best_path(topologies.ergodic(2), constrain(scores, segments=[(0, 2, 1)])).states
    array([1, 1, 0], dtype=int32)
    """
    packed = pack(scores)
    if labels is not None:
        packed, _ = restrict(packed, _joined(_known, labels, packed, "labels"))
    if allowed is not None:
        packed, _ = allow(packed, *_sets(allowed, packed))
    if segments is not None:
        spans = _joined(_spans, segments, packed, "segments")  # the label inside, before and after
        packed, _ = restrict(packed, spans[:, 0])
        if exact:
            n_labels = packed.table.shape[1]
            others = np.vstack([np.ones((1, n_labels), dtype=bool), ~np.eye(n_labels, dtype=bool)])
            for beside in spans[:, 1:].T:
                packed, _ = allow(packed, others, beside + 1)
    return packed


def _each(values: Any, packed: Packed, name: str) -> list[Any]:
    values = [values] if packed.single else list(values)
    if len(values) != len(packed):
        raise ValueError(f"{name} has {len(values)} entries; expected one for each of {len(packed)} sequences")
    return values


def _joined(read: Any, values: Any, packed: Packed, name: str) -> np.ndarray:
    """What `read` makes of the constraints of each sequence, one row per step of all of them."""
    n_labels = packed.table.shape[1]
    each = zip(_each(values, packed, name), packed.steps.lengths.tolist(), strict=True)
    return np.concatenate([read(value, n_steps, n_labels, f"{name}[{s}]") for s, (value, n_steps) in enumerate(each)])


def _known(labels: Any, n_steps: int, n_labels: int, name: str) -> np.ndarray:
    """(n_steps,) labels, checked."""
    array = np.asarray(labels)
    if array.shape != (n_steps,) or (n_steps and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} has shape {array.shape} and type {array.dtype}; expected one label for each of {n_steps} steps, "
            "-1 where it is not known"
        )
    wrong = np.flatnonzero((array < FREE) | (array >= n_labels))
    if wrong.size:
        raise ValueError(f"{name} has label {array[wrong[0]]} at step {wrong[0]}; labels are 0 ... {n_labels - 1}")
    return array.astype(np.int64)


def _spans(segments: Iterable[Any], n_steps: int, n_labels: int, name: str) -> np.ndarray:
    """(n_steps, 3) the label of each step; of the segment that starts after it; of the one that stopped before it."""
    spans = np.full((n_steps, 3), FREE)
    for first, last, label in (map(index, segment) for segment in segments):
        if not 0 <= first < last <= n_steps or not 0 <= label < n_labels:
            raise ValueError(
                f"{name} has ({first}, {last}, {label}); expected 0 <= first < last <= {n_steps} (the steps first ... "
                f"last - 1) and a label 0 ... {n_labels - 1}"
            )
        if np.any(spans[first:last, 0] != FREE):
            raise ValueError(f"{name} has ({first}, {last}, {label}), which overlaps another segment")
        spans[first:last, 0] = label
        spans[first - 1 : first, 1] = label  # nothing where first is 0
        spans[last : last + 1, 2] = label
    return spans


def _sets(allowed: Any, packed: Packed) -> tuple[np.ndarray, np.ndarray]:
    """(n_sets, n_labels) the sets of labels that are allowed somewhere, and the number of each step's set."""
    masks: dict[bytes, int] = {}
    n_labels = packed.table.shape[1]
    which = [np.empty(0, dtype=np.int64)]
    for s, (sets, n_steps) in enumerate(zip(_each(allowed, packed, "allowed"), packed.steps.lengths, strict=True)):
        if len(sets) != n_steps:
            raise ValueError(f"allowed[{s}] has {len(sets)} entries; expected one for each of {n_steps} steps")
        rows = sets if isinstance(sets, np.ndarray) else [_mask(one, n_labels, f"allowed[{s}]") for one in sets]
        which.append(_numbered(np.asarray(rows), n_labels, f"allowed[{s}]", masks))
    bits = np.frombuffer(b"".join(masks), dtype=bool)
    return bits.reshape(len(masks), n_labels), np.concatenate(which)


def _numbered(rows: np.ndarray, n_labels: int, name: str, masks: dict[bytes, int]) -> np.ndarray:
    """The number of each row among all different ones so far."""
    if not len(rows):
        return np.empty(0, dtype=np.int64)
    if rows.dtype != bool or rows.shape != (len(rows), n_labels):
        raise ValueError(
            f"{name} has shape {rows.shape} and type {rows.dtype}; expected booleans (n_steps, {n_labels})"
        )
    different, number = np.unique(rows, axis=0, return_inverse=True)
    return np.array([masks.setdefault(row.tobytes(), len(masks)) for row in different])[number.reshape(-1)]


def _mask(labels: Any, n_labels: int, name: str) -> np.ndarray:
    mask = np.full(n_labels, labels is None)
    for label in () if labels is None else labels:
        if isinstance(label, (bool, np.bool_)) or not 0 <= label < n_labels:
            raise ValueError(
                f"{name} has {label!r} in a set; labels are 0 ... {n_labels - 1} (a table of True and False must be an array)"
            )
        mask[label] = True
    return mask
