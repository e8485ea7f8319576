"""Equations of M-steps that have no closed form, for arrays of parameters at once."""

from collections.abc import Callable

import numpy as np

HALVINGS = 60  # of an interval between logarithms: more than the digits of a double


def crossing(
    falling: Callable[[np.ndarray], np.ndarray], low: float, high: float, shape: tuple[int, ...]
) -> np.ndarray:
    """The positive numbers at which `falling` goes from positive to negative, each between low and high.

    falling : of an array of that shape, elementwise; NaN counts as negative. The end that is nearer is the answer where the
        sign does not change: a derivative that stays positive has its maximum at `high`

    Bisection of the logarithm: no start to choose, nothing that can overshoot, a hundred microseconds for a few labels.

    >>> crossing(lambda x: 2.0 - x, 1e-3, 1e3, (1,)).round(9)
    array([2.])
    """
    left, right = np.full(shape, np.log(low)), np.full(shape, np.log(high))
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        rises = falling(np.exp(middle)) > 0
        left, right = np.where(rises, middle, left), np.where(rises, right, middle)
    return np.clip(np.exp((left + right) / 2), low, high)  # the exponential of a logarithm is rounded
