"""Metrics on cases that can be checked by hand: inside, outside, helix, B for strand, ? for unknown."""

import numpy as np
import pytest

from hmmseq.metrics import residue_accuracy, segment_scores, topology_accuracy


def path(text):
    return np.array([{"i": 0, "o": 1, "H": 2, "B": 3, "?": -1}[letter] for letter in text])


def topology(true, found):
    return topology_accuracy([path(true)], [path(found)], (2, 3), (0, 1))


def test_unknown_residues_do_not_count():
    assert residue_accuracy([path("ii??"), path("HH")], [path("ioHH"), path("HH")]) == 3 / 4


@pytest.mark.parametrize(
    ("true", "found", "recall", "precision"),
    [
        ("iiHHHHHHHHoo", "iiHHHHHHHHoo", 1, 1),
        ("iiHHHHHHHHooooo", "iiiiiHHHHHHHHoo", 1, 1),  # 5 residues in common
        ("iiHHHHHHHHooooo", "iiiiiiHHHHHHHHo", 0, 0),  # 4
        ("iiHHHHHHHHoo", "iiBBBBBBBBoo", 0, 0),
        ("iiHHHHHHHHHHHHHHoo", "iiHHHHHHiHHHHHHHoo", 1, 1 / 2),  # two halves: one counts
        ("iHHHHHHoHHHHHHi", "iHHHHHHHHHHHHHi", 1 / 2, 1),  # two in one
        ("iiHHHooo", "iiHHHooo", 1, 1),  # a short one, all of it
        ("iiHHHHHHoo??????????oo", "iiHHHHHHooHHHHHHHHHHoo", 1, 1),  # nobody knows about the second
        ("iiHHHHHH??", "iiHHHHHHHH", 1, 1),
    ],
)
def test_segments(true, found, recall, precision):
    scores = segment_scores([path(true)], [path(found)], (2, 3))
    assert scores[:2] == (recall, precision)
    assert scores.f1 == (2 * recall * precision / (recall + precision) if recall else 0)


@pytest.mark.parametrize(
    ("true", "found", "correct"),
    [
        ("iiHHHHHHooHHHHHHii", "iiHHHHHHooHHHHHHii", True),
        ("iiHHHHHHooHHHHHHii", "iHHHHHHoooHHHHHHHi", True),
        ("iiHHHHHHooHHHHHHii", "ooHHHHHHiiHHHHHHoo", False),  # upside down
        ("iiHHHHHHooHHHHHHii", "iiHHHHHHoooooooooo", False),  # one is missing
        ("iiHHHHHHoooooooooo", "iiHHHHHHooHHHHHHii", False),  # one too many
        ("iiHHHHHHoo????????", "iiHHHHHHooHHHHHHii", True),
        ("??HHHHHHoo", "ooHHHHHHoo", True),  # the first side that both name
    ],
)
def test_topology(true, found, correct):
    assert topology(true, found) == correct


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="sequence 0"):
        residue_accuracy([path("ii")], [path("i")])
    with pytest.raises(ValueError, match="2 true sequences but 1"):
        residue_accuracy([path("ii"), path("i")], [path("ii")])
