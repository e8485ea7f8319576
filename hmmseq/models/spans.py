"""Segments with labels as people write them, and as numbers."""

from itertools import pairwise
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from hmmseq.models import tags
from hmmseq.models.segment_features import Columns

Span = tuple[int, int, Any]  # start, stop, label


class Given(NamedTuple):
    """Known segments of all sequences, in order."""

    start: np.ndarray  # (n_segments,) among the steps of all sequences
    stop: np.ndarray
    label: np.ndarray
    column: np.ndarray  # of the table of scores
    sequence: np.ndarray
    whole: np.ndarray  # (n_sequences,) whether they cover all its steps


def read(y: Any, offsets: np.ndarray, single: bool, name: str = "y") -> list[list[Span]]:
    """Known segments of each sequence, checked against the steps of X; labels of steps are joined where they are equal."""
    tags.check_given(y)
    sequences = [y] if single else tags.listed(y)
    n_steps = np.diff(offsets).tolist()
    if not isinstance(sequences, list) or len(sequences) != len(n_steps):
        found = f"{len(sequences)} sequences" if isinstance(sequences, list) else repr(sequences)
        raise ValueError(f"{name} has {found} but X has {len(n_steps)} sequences; one list of segments per sequence")
    return [_spans(tags.listed(own), n, s, name) for s, (own, n) in enumerate(zip(sequences, n_steps, strict=True))]


def _spans(own: Any, n_steps: int, s: int, name: str) -> list[Span]:
    if isinstance(own, list) and own and all(isinstance(part, (tuple, list)) for part in own):
        return [_span(part, before, n_steps, s, name) for part, before in zip(own, [None, *own], strict=False)]
    if own == []:
        return []
    labels = tags.flatten([own], np.array([0, n_steps]), False, name)
    cuts = [t for t in range(n_steps + 1) if t in (0, n_steps) or labels[t - 1] != labels[t]]
    return [(a, b, labels[a]) for a, b in pairwise(cuts) if labels[a] is not None]


def _span(part: Any, before: Any, n_steps: int, s: int, name: str) -> Span:
    least = 0 if before is None else before[1]
    whole = len(part) == 3 and all(isinstance(t, Integral) for t in part[:2])
    if not whole or not least <= part[0] < part[1] <= n_steps:
        raise ValueError(
            f"{name}[{s}] has the segment {part!r}{'' if before is None else f' after {before!r}'}; expected (start, stop, "
            f"label) in order, without overlap, of steps 0 ... {n_steps - 1}"
        )
    label = tags.known(part[2], s, name)
    if label is None:
        raise ValueError(f"{name}[{s}] has a segment without a label, {part!r}; leave out what is unknown")
    return int(part[0]), int(part[1]), label


def encode(
    spans: list[list[Span]], offsets: np.ndarray, classes: np.ndarray, columns: Columns, name: str = "y"
) -> Given:
    """Known segments as numbers; ValueError for labels that are new and segments that are too long."""
    flat = [(s, *span) for s, own in enumerate(spans) for span in own]
    sequence, start, stop = (np.array([part[k] for part in flat], dtype=np.int64) for k in range(3))
    label = tags.encode([part[3] for part in flat], classes, name)
    duration = stop - start
    wrong = np.flatnonzero(duration > columns.longest[label])
    if wrong.size:
        s, *span = flat[wrong[0]]
        raise ValueError(
            f"{name}[{s}] has the segment {tuple(span)}, of {duration[wrong[0]]} steps, but the longest of its label is "
            f"{columns.longest[label[wrong[0]]]}; give a larger `longest`, or segments instead of labels of steps"
        )
    covered = np.bincount(sequence, duration, minlength=len(spans))
    column = columns.number[label, duration - 1]
    begin = offsets[sequence]
    return Given(start + begin, stop + begin, label, column, sequence, covered == np.diff(offsets))


def check_repeats(given: Given, classes: np.ndarray) -> None:
    """ValueError if a segment follows one of its own label."""
    touching = (given.stop[:-1] == given.start[1:]) & (given.sequence[:-1] == given.sequence[1:])
    wrong = np.flatnonzero(touching & (given.label[:-1] == given.label[1:]))
    if wrong.size:
        raise ValueError(
            f"y[{given.sequence[wrong[0]]}] has two segments of label {classes[given.label[wrong[0]]].item()!r} side by "
            "side, but repeats is False"
        )
