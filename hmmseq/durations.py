"""Families of durations: log weights for a `SegmentGraph`, and their re-estimation from expected counts.

A family holds one distribution per state. `log_weights(longest)` is the table of a SegmentGraph, `log_tail` what goes on
beyond it, and `update(counts, tail_steps)` the maximum-likelihood member of the family for expected numbers of segments
by duration, as in `SegmentCounts.durations` and `SegmentCounts.tail`. All parameters have shape (n_states,).

>>> family = Poisson(mean=[3.0, 10.0], shortest=2)
>>> np.exp(family.log_weights(4)).round(3)
array([[0.   , 0.368, 0.368, 0.184],
       [0.   , 0.   , 0.003, 0.011]])
>>> family.update(np.array([[0, 1, 2, 1], [0, 0, 0, 1]])).mean
array([3., 4.])

Rabiner, Proc. IEEE 77, IV.D (1989); Guédon, J. Comput. Graph. Stat. 12 (2003); Johnson and Willsky, JMLR 14 (2013).
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, gammaln, xlog1py, xlogy

from hmmseq.kernels.logmath import NEVER
from hmmseq.segment_graph import last_possible, log_survival

__all__ = ["FAMILIES", "Durations", "Geometric", "Histogram", "NegativeBinomial", "Poisson", "log_survival"]

TINY = 1e-300  # instead of dividing by zero


class Durations(ABC):
    """How long segments last: one distribution per state over shortest, shortest + 1, ..."""

    parameters_: tuple[str, ...]  # names of all that describes it, as the constructor takes them
    shortest: np.ndarray

    @abstractmethod
    def log_probability(self, duration: np.ndarray) -> np.ndarray:
        """(n_states, n) log probability of durations (n,), minus infinity below `shortest`."""

    @abstractmethod
    def update(self, counts: Any, tail_steps: Any = 0.0) -> "Durations":
        """The maximum-likelihood member of the family; a state without segments keeps what it has.

        counts : (n_states, longest) expected number of segments of each duration
        tail_steps : (n_states,) expected number of steps beyond the table, for families that have a tail
        """

    def log_weights(self, longest: int) -> np.ndarray:
        """(n_states, longest) log probability of 1 ... longest; what is longer has no weight, nothing is scaled up."""
        return self.log_probability(np.arange(1, longest + 1))

    @property
    def log_tail(self) -> np.ndarray:
        """(n_states,) log weight of each step beyond the table; minus infinity: there is none."""
        return np.full(len(self.shortest), NEVER)

    @property
    def n_parameters(self) -> np.ndarray:
        """(n_states,) degrees of freedom of what `update` learns."""
        return np.full(len(self.shortest), len(self.parameters_) - 1)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that describes it, by name: what the constructor takes."""
        return {name: getattr(self, name) for name in self.parameters_}

    def take(self, states: Any) -> "Durations":
        """The durations of some states, in this order."""
        return type(self)(**{name: array[states] for name, array in self.state().items()})

    def __repr__(self) -> str:
        given = (f"{name}={np.round(array, 3).tolist()}" for name, array in self.state().items())
        return f"{type(self).__name__}({', '.join(given)})"


class Geometric(Durations):
    """P(d) = (1 - stay) * stay**(d - shortest): the only family that needs no table beyond `shortest`, and has no limit.

    With shortest = 1 it is what a self-edge of weight `stay` gives an ordinary state.
    """

    parameters_ = ("stay", "shortest")

    def __init__(self, stay: Any, shortest: Any = 1) -> None:
        self.stay = _parameter("stay", stay, 0.0, 1.0)
        self.shortest = _shortest(shortest, len(self.stay))

    def log_probability(self, duration: np.ndarray) -> np.ndarray:
        beyond = duration - self.shortest[:, None]
        stay = self.stay[:, None]
        return np.where(beyond >= 0, np.log1p(-stay) + xlogy(np.maximum(beyond, 0), stay), NEVER)

    def log_weights(self, longest: int = 0) -> np.ndarray:
        """(n_states, longest) as far as each state's `shortest`; `log_tail` is the rest, however long."""
        longest = max(longest, int(self.shortest.max()))
        duration = np.arange(1, longest + 1)
        return np.where(duration == self.shortest[:, None], self.log_probability(duration), NEVER)

    @property
    def log_tail(self) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(self.stay)

    def update(self, counts: Any, tail_steps: Any = 0.0) -> "Geometric":
        counts, total, beyond = _moments(counts, self.shortest)
        steps = beyond + tail_steps
        stay = np.where(total > 0, _share(steps, total), self.stay)
        return Geometric(stay, self.shortest)


class Poisson(Durations):
    """d - shortest has a Poisson distribution; `mean` is that of d itself."""

    parameters_ = ("mean", "shortest")

    def __init__(self, mean: Any, shortest: Any = 1) -> None:
        self.mean = np.atleast_1d(np.asarray(mean, dtype=np.float64))
        self.shortest = _shortest(shortest, len(self.mean))
        _parameter("mean - shortest", self.mean - self.shortest, 0.0, np.inf)

    def log_probability(self, duration: np.ndarray) -> np.ndarray:
        beyond, rate = duration - self.shortest[:, None], (self.mean - self.shortest)[:, None]
        k = np.maximum(beyond, 0)
        return np.where(beyond >= 0, xlogy(k, rate) - rate - gammaln(k + 1.0), NEVER)

    def update(self, counts: Any, tail_steps: Any = 0.0) -> "Poisson":
        counts, total, beyond = _moments(counts, self.shortest)
        mean = np.where(total > 0, self.shortest + beyond / np.maximum(total, TINY), self.mean)
        return Poisson(mean, self.shortest)


class NegativeBinomial(Durations):
    """P(shortest + k) = Gamma(k + size) / (k! Gamma(size)) * (1 - stay)**size * stay**k: wider than a Poisson.

    For a whole `size` it is the sum of so many geometric durations. Its `update` is exact: `size` is the root of the
    derivative of the profile likelihood, which has one where counts spread more than a Poisson's; where they do not, the
    likelihood rises for ever with `size`, and it stops at `LARGEST_SIZE`, next to a Poisson.
    """

    parameters_ = ("size", "stay", "shortest")
    LARGEST_SIZE = 1e6

    def __init__(self, size: Any, stay: Any, shortest: Any = 1) -> None:
        self.size, self.stay = np.broadcast_arrays(
            _parameter("size", size, 0.0, np.inf, open_low=True), _parameter("stay", stay, 0.0, 1.0)
        )
        self.shortest = _shortest(shortest, len(self.size))

    def log_probability(self, duration: np.ndarray) -> np.ndarray:
        beyond, size, stay = duration - self.shortest[:, None], self.size[:, None], self.stay[:, None]
        k = np.maximum(beyond, 0)
        log = gammaln(k + size) - gammaln(k + 1.0) - gammaln(size) + xlog1py(size, -stay) + xlogy(k, stay)
        return np.where(beyond >= 0, log, NEVER)

    def update(self, counts: Any, tail_steps: Any = 0.0) -> "NegativeBinomial":
        counts, total, beyond = _moments(counts, self.shortest)
        size, stay = self.size.copy(), self.stay.copy()
        for j in np.flatnonzero(total > 0):
            mean = beyond[j] / total[j]
            if mean == 0.0:
                stay[j] = 0.0
                continue
            size[j] = self._best_size(counts[j], np.arange(1, counts.shape[1] + 1) - self.shortest[j], mean)
            stay[j] = mean / (mean + size[j])
        return NegativeBinomial(size, stay, self.shortest)

    def _best_size(self, counts: np.ndarray, beyond: np.ndarray, mean: float) -> float:
        used = counts > 0
        share, beyond = counts[used] / counts.sum(), beyond[used]

        def slope(log_size: float) -> float:
            size = np.exp(log_size)
            return float(share @ (digamma(beyond + size) - digamma(size)) - np.log1p(mean / size))

        low, high = np.log(1e-8), np.log(self.LARGEST_SIZE)
        spread = share @ (beyond - mean) ** 2
        if spread <= mean or slope(high) >= 0.0:
            return self.LARGEST_SIZE
        return float(np.exp(brentq(slope, low, high, xtol=1e-12))) if slope(low) > 0 else 1e-8


class Histogram(Durations):
    """Any distribution: one probability per duration (Rabiner 1989, equation 74).

    probability : (n_states, longest), 0 or more; a row of a proper distribution sums to one
    tail : (n_states,) or one number: probability of each further step. The last possible duration m of a state then means
        "m or more": P(m + k) = probability[m] * (1 - tail) * tail**k.
    """

    parameters_ = ("probability", "shortest", "tail")

    def __init__(self, probability: Any, shortest: Any = 1, tail: Any = 0.0) -> None:
        table = np.array(probability, dtype=np.float64)
        if table.ndim != 2 or not np.all((table >= 0) & (table < np.inf)):
            raise ValueError(
                f"probability has shape {table.shape}; expected (n_states, longest) finite numbers, 0 or more"
            )
        self.shortest = _shortest(shortest, len(table))
        self.probability = np.where(np.arange(1, table.shape[1] + 1) >= self.shortest[:, None], table, 0.0)
        self.tail = np.broadcast_to(_parameter("tail", tail, 0.0, 1.0), self.shortest.shape)

    def log_probability(self, duration: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            table = np.log(self.probability)
        last = np.maximum(last_possible(table), 1)[:, None]
        inside = np.take_along_axis(table, np.minimum(duration, last) - 1, axis=1)
        going_on = np.log1p(-self.tail[:, None]) + xlogy(np.maximum(duration - last, 0), self.tail[:, None])
        return inside + np.where(duration >= last, going_on, 0.0)

    def log_weights(self, longest: int = 0) -> np.ndarray:
        """(n_states, longest) and no less than the table; `log_tail` is the rest, however long."""
        longest = max(longest, self.probability.shape[1])
        duration, last = np.arange(1, longest + 1), last_possible(np.where(self.probability > 0, 0.0, NEVER))
        return np.where(duration <= last[:, None], self.log_probability(duration), NEVER)

    @property
    def log_tail(self) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(self.tail)

    @property
    def n_parameters(self) -> np.ndarray:
        return np.maximum((self.probability > 0).sum(axis=1) - 1, 0) + (self.tail > 0)

    def update(self, counts: Any, tail_steps: Any = 0.0) -> "Histogram":
        counts, total, _ = _moments(counts, self.shortest)
        before = np.zeros((len(counts), max(counts.shape[1], self.probability.shape[1])))
        before[:, : self.probability.shape[1]] = self.probability
        counts = np.pad(counts, ((0, 0), (0, before.shape[1] - counts.shape[1])))
        last = np.maximum(last_possible(np.where(before > 0, 0.0, NEVER)), 1)[:, None] - 1
        ends, endless = np.take_along_axis(counts, last, axis=1)[:, 0], self.tail > 0
        tail = np.where((ends > 0) & endless, _share(np.asarray(tail_steps), ends), self.tail)
        probability = np.where(total[:, None] > 0, counts / np.maximum(total, TINY)[:, None], before)
        at_last = np.take_along_axis(probability, last, axis=1)
        floor = np.where(endless, TINY, 0.0)[:, None]  # a tail stays where it is, even if no segment came so far
        np.put_along_axis(probability, last, np.maximum(at_last, floor), axis=1)
        return Histogram(probability, self.shortest, tail)


FAMILIES: dict[str, type[Durations]] = {
    "geometric": Geometric, "histogram": Histogram, "negative_binomial": NegativeBinomial, "poisson": Poisson,
}  # fmt: skip


def _share(going_on: np.ndarray, ending: np.ndarray) -> np.ndarray:
    """Probability of going on, below 1."""
    return np.minimum(going_on / np.maximum(going_on + ending, TINY), 1.0 - 1e-12)


def _moments(counts: Any, shortest: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts, their number, and how many steps they last beyond the shortest, by state."""
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim != 2 or len(counts) != len(shortest) or not np.all((counts >= 0) & (counts < np.inf)):
        raise ValueError(
            f"counts have shape {counts.shape}; expected ({len(shortest)}, longest) finite numbers, 0 or more"
        )
    beyond = np.maximum(np.arange(1, counts.shape[1] + 1) - shortest[:, None], 0)
    return counts, counts.sum(axis=1), (counts * beyond).sum(axis=1)


def _parameter(name: str, values: Any, low: float, high: float, open_low: bool = False) -> np.ndarray:
    """One finite number per state, in low <= x < high."""
    array = np.atleast_1d(np.array(values, dtype=np.float64))
    wrong = ~((array > low) if open_low else (array >= low)) | ~(array < high)
    if array.ndim != 1 or wrong.any():
        found = array[wrong][0] if wrong.any() else f"an array of shape {array.shape}"
        raise ValueError(f"{name} is {found}; expected one number per state, from {low} to below {high}")
    return array


def _shortest(values: Any, n_states: int) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" or array.shape not in ((), (n_states,)) or np.any(array < 1):
        raise ValueError(
            f"shortest is {values!r}; expected a whole number from 1, or one for each of {n_states} states"
        )
    return np.array(np.broadcast_to(array, (n_states,)), dtype=np.int64)
