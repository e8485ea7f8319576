"""Faster EM: leaps along the direction in which its steps go and shrink.

Near its end EM walks down a long valley with steps of almost one direction. SQUAREM (Varadhan and Roland, Scand. J. Stat.
35, 2008, scheme S3) takes two steps from a point, r and r + v, and leaps to point - 2 a r + a**2 v, where a = -|r| / |v|:
a = -1 is where EM itself is, and the more alike the two steps, the further it goes. A leap that lands lower is taken back.
"""

from copy import copy
from dataclasses import dataclass, field

import numpy as np

from hmmseq.emissions import Emission
from hmmseq.graph import StateGraph
from hmmseq.models.chain import Chain

FIRST, GROWTH = 4.0, 4.0  # the farthest that a leap may go, at first; what that is multiplied by
Place = tuple[StateGraph, Emission]


@dataclass
class Leaps:
    """What is remembered between two leaps: where EM has been, and where it goes on if a leap fails.

    One more step of EM follows each leap before the next three points are taken. How far a leap may go grows as leaps
    succeed that were cut short, and shrinks as they fail.
    """

    chain: Chain
    points: list[np.ndarray] = field(default_factory=list)
    safe: Place | None = None
    farthest: float = FIRST

    def onward(self, graph: StateGraph, emission: Emission) -> Place:
        """Where EM goes on, that has just come to this graph and emission."""
        self.safe = None
        self.points.append(point(graph, emission))
        if len(self.points) < 3:
            return graph, emission
        start, first, second = self.points
        self.points = []
        target, far = leap(start, first, second, self.farthest)
        self.farthest *= GROWTH if far == self.farthest else 1.0
        landed = None if far <= 1.0 else self._at(target, graph, copy(emission))
        if landed is None:
            return graph, emission
        self.safe = graph, emission
        return landed

    def back(self) -> Place | None:
        """Where EM would be without its last leap; None if there was none."""
        place, self.safe = self.safe, None
        if place is not None:
            self.farthest, self.points = max(self.farthest / GROWTH**2, FIRST), []
        return place

    def _at(self, target: np.ndarray, graph: StateGraph, emission: Emission) -> Place | None:
        """The parameters of a point, made to keep to all constraints; None if there are no such parameters."""
        edge, start, rest = np.split(target, [graph.n_edges, graph.n_edges + graph.n_states])
        try:
            with np.errstate(divide="ignore"):
                graph = graph.weigh(edge=2.0 * np.log(np.abs(edge)), start=2.0 * np.log(np.abs(start)))
            graph = self.chain.begin(graph)
            emission.constrain(rest)
        except (ValueError, np.linalg.LinAlgError):
            return None
        return graph, emission


def point(graph: StateGraph, emission: Emission) -> np.ndarray:
    """All parameters as numbers of any value. Of probabilities the roots: those that vanish then stand still.

    (Their logarithms run away at constant speed for ever, which looks like a straight way and makes every leap too long.)
    """
    return np.concatenate([np.exp(graph.edge / 2), np.exp(graph.start / 2), emission.unconstrained()])


def leap(start: np.ndarray, first: np.ndarray, second: np.ndarray, farthest: float) -> tuple[np.ndarray, float]:
    """Where the steps start -> first -> second lead, and how many times as far as the first step that is.

    >>> leap(np.array([1.0]), np.array([0.5]), np.array([0.25]), 4.0)  # half of the way at each step: to the end at once
    (array([0.]), 2.0)
    """
    step = first - start
    bend = second - first - step
    size = np.linalg.norm(bend)
    far = float(np.clip(np.linalg.norm(step) / size, 1.0, farthest)) if size > 0 else 1.0
    return start + 2.0 * far * step + far**2 * bend, far
