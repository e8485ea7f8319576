"""How well predicted labels agree with true ones: by step, by segment, by span of text, by whole topology.

All take lists of label arrays, true ones first. A true label of -1 is unknown: whatever is predicted there
does not count.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from hmmseq.decoding import Segment, segments

__all__ = ["SegmentScore", "residue_accuracy", "segment_scores", "span_scores", "spans", "topology_accuracy"]

UNKNOWN = -1
OVERLAP = 5  # residues that two segments must share to be the same one


class SegmentScore(NamedTuple):
    """Share of true segments that were found, share of found ones that are true, and their harmonic mean."""

    recall: float
    precision: float
    f1: float


def residue_accuracy(true: Sequence[Any], predicted: Sequence[Any]) -> float:
    """Share of known steps with the right label, over all sequences together (Q2, Q3)."""
    pairs = _pairs(true, predicted)
    known = sum(int(np.sum(t != UNKNOWN)) for t, _ in pairs)
    right = sum(int(np.sum((t == p) & (t != UNKNOWN))) for t, p in pairs)
    return _share(right, known)


def segment_scores(
    true: Sequence[Any], predicted: Sequence[Any], labels: Collection[int], *, overlap: int = OVERLAP
) -> SegmentScore:
    """Recall, precision and F1 of segments with one of `labels`, over all sequences together.

    A predicted segment is right if it shares at least `overlap` steps (all, if the true one is shorter)
    with a true segment of the same label, each counted once, as in Krogh et al.,
    J. Mol. Biol. 305, 567, 2001.
    """
    n_true = n_predicted = right = 0
    for t, p in _pairs(true, predicted):
        expected, found = _chosen(t, labels), _judged(t, p, labels, overlap)
        n_true, n_predicted = n_true + len(expected), n_predicted + len(found)
        right += _matches(expected, found, overlap)
    f1 = _share(2 * right, n_true + n_predicted)
    return SegmentScore(_share(right, n_true), _share(right, n_predicted), f1)


def spans(labels: Any) -> list[tuple[int, int, str]]:
    """(first, last + 1, kind) of each span of labels such as B-PER, I-PER, O (IOB1, IOB2), or with E- and S- (IOBES).

    As conlleval reads them (Tjong Kim Sang and Buchholz, CoNLL-2000): an I- or E- of another kind opens a span.

    >>> spans(["B-NP", "I-NP", "O", "I-VP", "B-VP"])
    [(0, 2, 'NP'), (3, 4, 'VP'), (4, 5, 'VP')]
    """
    found: list[tuple[int, int, str]] = []
    first, kind = 0, None
    for t, label in enumerate([*labels, "O"]):
        mark, _, new = str(label).partition("-")
        if kind is not None and (mark not in ("I", "E") or new != kind):
            found.append((first, t, kind))
            kind = None
        if kind is None and mark in ("B", "I", "E", "S"):
            first, kind = t, new
        if kind is not None and mark in ("E", "S"):
            found.append((first, t + 1, kind))
            kind = None
    return found


def span_scores(true: Sequence[Any], predicted: Sequence[Any]) -> SegmentScore:
    """Recall, precision and F1 of whole spans, right if both ends and the kind are, over all sequences together.

    Labels are text, see `spans`. A span with a step of unknown true label (None or -1) does not count.
    """
    pairs = _pairs(true, predicted)
    unknown = [np.array([label is None or str(label) == str(UNKNOWN) for label in t.tolist()], bool) for t, _ in pairs]
    expected, found = (
        {
            (s, *span)
            for s, pair in enumerate(pairs)
            for span in spans(pair[side])
            if not unknown[s][span[0] : span[1]].any()
        }
        for side in (0, 1)
    )
    right = len(expected & found)
    f1 = _share(2 * right, len(expected) + len(found))
    return SegmentScore(_share(right, len(expected)), _share(right, len(found)), f1)


def topology_accuracy(
    true: Sequence[Any],
    predicted: Sequence[Any],
    membrane: Collection[int],
    sides: Collection[int],
    *,
    overlap: int = OVERLAP,
) -> float:
    """Share of sequences whose topology is right as a whole (Krogh et al., J. Mol. Biol. 305, 567, 2001).

    That is: as many `membrane` segments as in truth, each sharing `overlap` steps with its counterpart in
    order, and the N-terminus on the right side: truth and prediction agree at the first step where both
    name one of `sides`.
    """
    pairs = _pairs(true, predicted)
    return _share(sum(_same_topology(t, p, membrane, sides, overlap) for t, p in pairs), len(pairs))


def _same_topology(
    true: np.ndarray, predicted: np.ndarray, membrane: Collection[int], sides: Collection[int], overlap: int
) -> bool:
    expected, found = _chosen(true, membrane), _judged(true, predicted, membrane, overlap)
    if len(expected) != len(found) or not all(_same(a, b, overlap) for a, b in zip(expected, found)):
        return False
    named = np.flatnonzero(np.isin(true, list(sides)) & np.isin(predicted, list(sides)))
    return not named.size or bool(true[named[0]] == predicted[named[0]])


def _matches(expected: list[Segment], found: list[Segment], overlap: int) -> int:
    """One-to-one matches. Lists are in order: of two that differ, the one that ends first matches none."""
    right = i = j = 0
    while i < len(expected) and j < len(found):
        if _same(expected[i], found[j], overlap):
            right, i, j = right + 1, i + 1, j + 1
        elif expected[i].stop < found[j].stop:
            i += 1
        else:
            j += 1
    return right


def _same(true: Segment, found: Segment, overlap: int) -> bool:
    shared = min(true.stop, found.stop) - max(true.start, found.start)
    return true.label == found.label and shared >= min(overlap, true.stop - true.start)


def _chosen(path: np.ndarray, labels: Collection[int]) -> list[Segment]:
    return [segment for segment in segments(path) if segment.label in labels]


def _judged(true: np.ndarray, predicted: np.ndarray, labels: Collection[int], overlap: int) -> list[Segment]:
    """Predicted segments that reach into known steps; of the others nobody can say whether they are right."""
    known = np.concatenate([[0], np.cumsum(true != UNKNOWN)])
    return [s for s in _chosen(predicted, labels) if known[s.stop] - known[s.start] >= min(overlap, s.stop - s.start)]


def _pairs(true: Sequence[Any], predicted: Sequence[Any]) -> list[tuple[np.ndarray, np.ndarray]]:
    if len(true) != len(predicted):
        raise ValueError(f"{len(true)} true sequences but {len(predicted)} predicted ones; expected a list of each")
    pairs = [(np.asarray(t), np.asarray(p)) for t, p in zip(true, predicted)]
    for s, (t, p) in enumerate(pairs):
        if t.shape != p.shape or t.ndim != 1:
            raise ValueError(
                f"sequence {s}: true labels have shape {t.shape}, predicted {p.shape}; expected one per step"
            )
    return pairs


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
