"""EM from several first guesses: each climbs on its own, and the best end is kept."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from hmmseq import shares
from hmmseq.emissions import Emission
from hmmseq.models import em
from hmmseq.models.acceleration import Leaps
from hmmseq.models.chain import Chain

IDLE = 1e-12  # a state with less than this share of all expected visits has none


@dataclass
class Climb:
    """One run of EM: where it stands, and how it came there."""

    graph: Any  # StateGraph, or SegmentGraph where states last
    emission: Emission
    chain: Chain  # what its starts and transitions keep to
    leaps: Leaps | None = None  # how it is accelerated
    n_expectations: int = 0  # E-steps, those of leaps taken back too
    history: list[float] = field(default_factory=list)
    converged: bool = False
    idle: dict[int, int] = field(default_factory=dict)  # states without visits -> the iteration they were lost in

    @property
    def height(self) -> float:
        """What EM has reached; NaN is below everything."""
        return self.history[-1] if self.history and not np.isnan(self.history[-1]) else -np.inf

    def step(self, task: em.Task) -> float:
        """One iteration of EM; the log-likelihood plus log prior before it."""
        height, counts = self._expect(task)
        if self.leaps is not None and self.history and height < self.history[-1]:
            back = self.leaps.back()
            if back is not None:
                self.graph, self.emission = back
                height, counts = self._expect(task)
        self._look_for_idle_states(counts)
        self._maximise(counts)
        self.history.append(height)
        return height

    def land(self) -> None:
        """EM ends: nothing will show whether the last leap was too long, so it is taken back."""
        place = None if self.leaps is None else self.leaps.back()
        if place is not None:
            self.graph, self.emission = place

    def _expect(self, task: em.Task) -> tuple[float, em.Expected]:
        self.n_expectations += 1
        counts = em.expect(self.graph, self.emission, task)
        return counts.log_likelihood + self.emission.log_prior() + self.chain.log_prior(self.graph), counts

    def _maximise(self, counts: em.Expected) -> None:
        self.graph = self.chain.maximise(self.graph, counts)
        self.emission.update(counts.statistics)
        if self.leaps is not None:
            self.graph, self.emission = self.leaps.onward(self.graph, self.emission)

    def _look_for_idle_states(self, counts: em.Expected) -> None:
        visits = counts.start + np.bincount(self.graph.target, counts.edges, minlength=self.graph.n_states)
        lost = np.flatnonzero(visits <= IDLE * visits.sum()).tolist()
        self.idle = {state: self.idle.get(state, len(self.history) + 1) for state in lost}


def climb_all(climbs: list[Climb], run: Callable[[int, Climb], None], n_jobs: int | None) -> Climb:
    """Run each, with its number, in threads; the highest (the first of equals), whichever thread ran which."""

    def work(share: shares.Share) -> None:
        run(share.first, climbs[share.first])

    shares.run(work, [shares.Share(k, k, k + 1) for k in range(len(climbs))], n_jobs)
    return max(climbs, key=lambda climb: climb.height)


def check_n_init(n_init: Any) -> int:
    """A number of restarts."""
    if not isinstance(n_init, Integral) or n_init < 1:
        raise ValueError(f"n_init is {n_init!r}; expected a whole number of restarts, 1 or more")
    return int(n_init)


def warn_of_idle_states(climb: Climb) -> None:
    """States that EM has lost keep what they had: moving them elsewhere could lower the likelihood."""
    if climb.idle:
        lost = ", ".join(f"{state} (iteration {i})" for state, i in climb.idle.items())
        warnings.warn(
            f"no expected visits are left to state {lost}; what such states emit and where they lead stays as it was "
            "then: ask for fewer states, more restarts (n_init) or pseudocounts",
            ConvergenceWarning,
            stacklevel=4,
        )
