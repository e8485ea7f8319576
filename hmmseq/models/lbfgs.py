"""Minimising a smooth function plus an L1 penalty, from values and gradients alone.

L-BFGS: Liu and Nocedal, Mathematical Programming 45 (1989). With an L1 penalty, OWL-QN: Andrew and Gao, ICML 2007.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

MEMORY = 10  # pairs of steps and gradient changes; with 6, chunking takes 67 iterations to a loss that takes 58 with 10
PERIOD = 10  # iterations over which progress is measured
ENOUGH = 1e-4  # share of the promised decrease that a step must bring (Armijo)
FLATTER = 0.9  # and the share to which the slope must fall (weak Wolfe)
TRIALS = 30

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Point(NamedTuple):
    """Where the search is."""

    x: np.ndarray
    value: float  # penalty included
    gradient: np.ndarray  # of the smooth part


def minimise(
    function: Function,
    x: np.ndarray,
    *,
    l1: float,
    n_iter: int,
    tol: float,
    report: Callable[[float, np.ndarray], bool],
) -> tuple[np.ndarray, bool]:
    """The minimum of function(x) + l1 * |x|_1, and whether progress over PERIOD iterations fell below `tol` of the value.

    report : called with the value and the point before the first and after each iteration; where it is true, this stops
    """
    point, memory, history = _at(function, x, l1), _Memory(), deque[float](maxlen=PERIOD + 1)
    report(point.value, point.x)
    for _ in range(n_iter):
        history.append(point.value)
        slope = steepest(point, l1)
        if (len(history) > PERIOD and history[0] - point.value <= tol * abs(point.value)) or not np.any(slope):
            return point.x, True
        found = _search(function, point, slope, memory, l1)
        if found is None and memory.pairs:  # the curvature misled: once more along the gradient
            memory.pairs.clear()
            found = _search(function, point, slope, memory, l1)
        if found is None:
            return point.x, True  # no step lowers the value: numbers have no more digits
        memory.add(found.x - point.x, found.gradient - point.gradient)
        point = found
        if report(point.value, point.x):
            break
    return point.x, False


def steepest(point: Point, l1: float) -> np.ndarray:
    """The derivative of the whole; at a kink the one of least size (Andrew and Gao, equation 4)."""
    if not l1:
        return point.gradient
    at_zero = np.sign(point.gradient) * np.maximum(np.abs(point.gradient) - l1, 0.0)
    return np.where(point.x == 0, at_zero, point.gradient + l1 * np.sign(point.x))


def _at(function: Function, x: np.ndarray, l1: float) -> Point:
    value, gradient = function(x)
    return Point(x, value + (l1 * float(np.abs(x).sum()) if l1 else 0.0), gradient)


def _search(function: Function, point: Point, slope: np.ndarray, memory: "_Memory", l1: float) -> Point | None:
    """A point that is enough better, in the direction that the memory proposes; None if there is none.

    With a penalty the step stays in one orthant, where all is smooth, and is only ever shortened.
    """
    direction = -memory.times_inverse(slope)
    orthant = np.where(point.x == 0, -np.sign(slope), np.sign(point.x)) if l1 else None
    if orthant is not None:
        direction[direction * slope >= 0] = 0.0
    promised = float(slope @ direction)
    if not promised < 0:
        return None
    step, low, high = 1.0 if memory.pairs else 1.0 / float(np.linalg.norm(direction)), 0.0, np.inf
    for _ in range(TRIALS):
        x = point.x + step * direction
        if orthant is not None:
            x[x * orthant < 0] = 0.0
        trial = _at(function, x, l1)
        moved = step * promised if orthant is None else float(slope @ (x - point.x))
        if not trial.value <= point.value + ENOUGH * moved:
            high = step
        elif orthant is None and trial.gradient @ direction < FLATTER * promised:
            low = step
        else:
            return trial
        step = 2 * step if high == np.inf else (low + high) / 2
    return None


class _Memory:
    """Steps and changes of the gradient: an inverse Hessian that is never written down."""

    def __init__(self) -> None:
        self.pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=MEMORY)

    def add(self, step: np.ndarray, change: np.ndarray) -> None:
        curvature = float(step @ change)
        if curvature > 1e-10 * float(change @ change):  # else the Hessian would not stay positive
            self.pairs.append((step, change, curvature))

    def times_inverse(self, gradient: np.ndarray) -> np.ndarray:
        """The two loops of Nocedal (Mathematics of Computation 35, 1980)."""
        out, used = gradient.copy(), []
        for step, change, curvature in reversed(self.pairs):
            used.append((step @ out) / curvature)
            out -= used[-1] * change
        if self.pairs:
            _, change, curvature = self.pairs[-1]
            out *= curvature / (change @ change)
        for (step, change, curvature), share in zip(self.pairs, reversed(used), strict=True):
            out += (share - (change @ out) / curvature) * step
        return out
