"""Membrane proteins as labels and as a state graph: loops on two sides, segments that cross, signal peptides.

The graph is a small relative of TMHMM (Krogh, Larsson, von Heijne and Sonnhammer, J. Mol. Biol. 305, 567,
2001): every crossing changes the side, segments have a least length and learned lengths up to a most, and
their ends, like the loops near the membrane, have residues of their own.
"""

from __future__ import annotations

import numpy as np

from hmmseq import decoding, lattice
from hmmseq.errors import DataError
from hmmseq.graph import StateGraph
from hmmseq.lattice import Indexed

# Labels of residues. They are the score columns of `topology_graph()`.
INSIDE, OUTSIDE, HELIX, STRAND, SIGNAL = range(5)
UNKNOWN = -1
NAMES = ("inside", "outside", "helix", "strand", "signal peptide")
SIDES, SEGMENTS = (INSIDE, OUTSIDE), (HELIX, STRAND)

# Columns of `topology_graph(fine=True)`: what a residue looks like depends on more than its label.
FINE = (
    "inside, far", "outside, far", "inside, near", "outside, near", "helix, inner end", "helix, outer end",
    "helix", "strand", "strand, other face", "signal peptide",
)  # fmt: skip
COARSE = np.array([INSIDE, OUTSIDE, INSIDE, OUTSIDE, HELIX, HELIX, HELIX, STRAND, STRAND, SIGNAL])

NEAR = 15  # residues of a loop next to the membrane; the positive-inside rule (von Heijne 1986) holds there
_LETTERS = {"1": INSIDE, "2": OUTSIDE, "H": HELIX, "B": STRAND, "S": SIGNAL, "U": UNKNOWN}


def labels_of(letters: str, name: str = "labels") -> np.ndarray:
    """(length,) labels for TMbed's letters: 1 inside, 2 outside, H h helix, B b strand, S signal, U unknown.

    Upper and lower case of H and B are the same here: which way a segment crosses, the sides next to it say.
    """
    unknown = sorted(set(letters.upper()) - set(_LETTERS))
    if unknown:
        raise DataError(f"{name}: label {unknown[0]!r} is none of {' '.join(_LETTERS)}")
    return np.array([_LETTERS[letter] for letter in letters.upper()], dtype=np.int64)


def topology_graph(*, fine: bool = False) -> StateGraph:
    """All topologies, with weights 0. Score columns are the five labels.

    fine : columns are the ten of `FINE`, and a loop has two states. Without it, labels leave only one path,
        so that the best path through the states is the best labelling too.
    """
    parts = _Parts()
    loops = [[parts.state(column) for column in ((2 + side, side) if fine else (side,))] for side in SIDES]
    signal = parts.state(9)
    parts.edge(signal, signal)
    for loop in loops:
        for state in loop:
            parts.edge(signal, state)
            for other in loop:
                parts.edge(state, other)
    for here, there in ((0, 1), (1, 0)):
        columns = [4 + here] * 3 + [6] * 24 + [4 + there] * 3
        parts.crossing(loops[here][0], columns, loops[there][0], first_exit=3, last_exit=26, after=27)
        parts.crossing(loops[here][0], [7, 8] * 8, loops[there][0], first_exit=4, last_exit=15, after=None)
    loop_states = [state for pair in loops for state in pair]
    column = np.array(parts.column)
    return StateGraph(
        len(column),
        *np.array(parts.edges).T,
        label=column if fine else COARSE[column],
        start=_only([*loop_states, signal], len(column)),
        end=_only(loop_states, len(column)),
    )


def states_of(labels: np.ndarray) -> np.ndarray | None:
    """(length,) state of the fine graph at each residue, -1 if unknown; None if no path has the labels."""
    near = _near_membrane(labels) & np.isin(labels, SIDES)
    seen = np.where(near, labels + 5, labels)  # 5, 6: a side, near the membrane
    allowed = np.full((7, len(FINE)), -np.inf)
    for row in range(5):
        allowed[row, np.flatnonzero(row == COARSE)] = 0.0
    allowed[[5, 6], [2, 3]] = 0.0
    allowed[list(SIDES), [2, 3]] = -np.inf
    path = lattice.best_path(topology_graph(fine=True), Indexed(allowed, seen))
    return None if path.score == -np.inf else np.where(labels == UNKNOWN, UNKNOWN, path.states)


def _near_membrane(labels: np.ndarray) -> np.ndarray:
    near = np.zeros(len(labels), dtype=bool)
    for segment in decoding.segments(labels):
        if segment.label in SEGMENTS:
            near[max(0, segment.start - NEAR) : segment.stop + NEAR] = True
    return near


class _Parts:
    """States, by their column, and edges, as they are added."""

    def __init__(self) -> None:
        self.column: list[int] = []
        self.edges: list[tuple[int, int]] = []

    def state(self, column: int) -> int:
        self.column.append(column)
        return len(self.column) - 1

    def edge(self, source: int, target: int) -> None:
        self.edges.append((source, target))

    def crossing(
        self, before: int, columns: list[int], behind: int, first_exit: int, last_exit: int, after: int | None
    ) -> None:
        """A chain of states from one loop to another.

        From states first_exit ... last_exit of it a path may skip to state `after` (None: leave), and it may
        stay in state last_exit, so that there is no greatest length.
        """
        chain = [self.state(column) for column in columns]
        for source, target in zip([before, *chain], [*chain, behind]):
            self.edge(source, target)
        goal = behind if after is None else chain[after]
        for source in chain[first_exit:last_exit]:
            self.edge(source, goal)
        self.edge(chain[last_exit], chain[last_exit])


def _only(states: list[int], n_states: int) -> np.ndarray:
    weights = np.full(n_states, -np.inf)
    weights[states] = 0.0
    return weights
