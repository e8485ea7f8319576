"""The segments that are under way in each state, by age, and what it takes to end one.

A segment that began d steps ago has age d. Segments of one age are one number: the score of all ways to be there. Each
step adds the same score to all of them, and what ends after a step is

    leaving[j] = log sum_d exp(run[j, d] + duration[j, d])

`run` keeps logarithms and is exact, whatever the scores. Beside it `mass` keeps exp(run - scale) with one `scale` a state:
a step adds to the scale alone, so `leaving` is one product of two vectors and no exponential. Where that product lost
digits (an outlier, a forced path), it is done again from the logarithms, and `mass` is made anew.

Backward the same windows hold what comes after a segment that begins here and ends d steps on.
"""

import math
from typing import NamedTuple

import numpy as np

from hmmseq._jit import SUMS, jit
from hmmseq.kernels.logmath import NEVER, exp_row, largest, log_add
from hmmseq.kernels.paths import Lattice

# A new segment may exceed the scale by so many nats (1e50) before `mass` is made anew. What underflows, in `mass` or in
# the table, is then below 1e-257; products above FEWEST do not miss it.
HEADROOM = 115.0
FEWEST = 1e-230


class Timed(NamedTuple):
    """A weighted graph whose states last for more than a step. Tables are log weights of age d in column d - 1."""

    lattice: Lattice
    longest: np.ndarray  # (n_states,) columns in use, 0 for silent states
    inner: np.ndarray  # (n_states, width) segments that begin and end within the sequence
    first: np.ndarray  # those that begin with it
    last: np.ndarray  # those that end with it
    whole: np.ndarray  # those that do both
    weight: np.ndarray  # exp(inner - peak)
    peak: np.ndarray  # (n_states,)
    tail: np.ndarray  # (n_states,) log weight of each step beyond `longest`; minus infinity: there are none


class Window(NamedTuple):
    """Age d of state j is in column p + d - 1; p moves down one a step, and back when it reaches 0."""

    run: np.ndarray  # (n_states, 2 * width + 2) log scores
    mass: np.ndarray  # the same, exp(run - scale)
    scale: np.ndarray  # (n_states,)
    alive: np.ndarray  # (n_states,) steps until the last segment under way is older than `longest`; 0: none is


def empty_window(timed):
    """Room for the segments under way."""
    n_states, width = timed.inner.shape
    size = 2 * width + 2
    run, mass = np.full((n_states, size), NEVER), np.zeros((n_states, size))
    return Window(run, mass, np.zeros(n_states), np.zeros(n_states, np.int64))


@jit(inner=True)
def slide(rows, longest, p):
    """The column of age 1 at the next step. What is still young moves to the upper half when the lower is used up."""
    if p > 0:
        return p - 1
    half = rows.shape[1] // 2
    for j in range(rows.shape[0]):
        for k in range(longest[j]):
            rows[j, k + half] = rows[j, k]
    return half - 1


@jit(inner=True)
def slide_window(window, longest, p):
    slide(window.mass, longest, p)
    return slide(window.run, longest, p)


@jit(inner=True)
def plus(a, b, maximise):
    """Of two log scores: the larger, or their sum."""
    return max(a, b) if maximise else log_add(a, b)


@jit(inner=True)
def joined(run, table, maximise):
    """log sum_d exp(run[d] + table[d]), or the largest term: exact."""
    top = NEVER
    for k in range(run.size):
        top = max(top, run[k] + table[k])
    if maximise or top == NEVER:
        return top
    total = 0.0
    for k in range(run.size):
        total += math.exp(run[k] + table[k] - top)
    return top + math.log(total)


@jit(fastmath=SUMS, inner=True)
def product(a, b):
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@jit(inner=True)
def renew(window, p, n, j):
    """Make `mass` from `run`, its largest entry 1."""
    run, mass = window.run[j, p : p + n], window.mass[j, p : p + n]
    window.scale[j] = largest(run)
    for k in range(n):
        mass[k] = run[k] - window.scale[j]
    exp_row(mass, mass)


@jit(inner=True)
def _age(window, p, n, j, added):
    """Segments under way take in a step that scores `added`; minus infinity ends all of them."""
    run, mass = window.run[j, p + 1 : p + n + 1], window.mass[j, p + 1 : p + n + 1]
    if added > NEVER:
        window.scale[j] += added
        for k in range(n):
            run[k] += added
    else:
        window.alive[j] = 0
        for k in range(n):
            run[k] = NEVER
            mass[k] = 0.0


@jit(inner=True)
def grow(timed, window, p, j, added, value, maximise):
    """One step in state j: segments under way take in `added`; one that begins with this step scores `value` after it."""
    n, endless = timed.longest[j], timed.tail[j] > NEVER
    run, mass = window.run[j], window.mass[j]
    run[p], mass[p] = value, 0.0
    if window.alive[j] > 0:
        _age(window, p, n, j, added)
        if not endless:
            window.alive[j] = max(window.alive[j] - 1, 0)
    under_way = window.alive[j] > 0
    if under_way and endless:
        run[p + n - 1] = plus(run[p + n - 1], run[p + n] + timed.tail[j], maximise)
    if value > NEVER:
        window.alive[j] = n
    if maximise or window.alive[j] == 0:
        return
    if not under_way or value - window.scale[j] > HEADROOM:
        renew(window, p, n, j)
        return
    mass[p] = math.exp(value - window.scale[j])
    if endless:
        mass[p + n - 1] += math.exp(timed.tail[j]) * mass[p + n]


@jit(inner=True)
def absorb(timed, window, p, j, value, maximise):
    """Add a segment of the greatest age that the table knows."""
    n = timed.longest[j]
    window.run[j, p + n - 1] = plus(window.run[j, p + n - 1], value, maximise)
    if value > NEVER:
        window.alive[j] = n
        if not maximise:
            renew(window, p, n, j)


@jit(inner=True)
def leaving(timed, window, p, j, maximise):
    """log sum_d exp(run[j, d] + inner[j, d]), and the product it came from: 0 where it was summed in logarithms."""
    n = timed.longest[j]
    if window.alive[j] == 0:
        return NEVER, 0.0
    if not maximise:
        total = product(window.mass[j, p : p + n], timed.weight[j, :n])
        if total > FEWEST:
            return math.log(total) + window.scale[j] + timed.peak[j], total
    score = joined(window.run[j, p : p + n], timed.inner[j, :n], maximise)
    if score > NEVER and not maximise:
        renew(window, p, n, j)
    return score, 0.0


@jit(inner=True)
def clear(window):
    """Nothing is under way any more."""
    window.run[:] = NEVER
    window.mass[:] = 0.0
    window.alive[:] = 0
