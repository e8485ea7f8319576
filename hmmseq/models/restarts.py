"""EM from several first guesses: each climbs on its own, and the best end is kept."""

import warnings
from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from hmmseq import shares
from hmmseq.emissions import Emission
from hmmseq.errors import ImpossibleSequenceError
from hmmseq.models import em
from hmmseq.models.acceleration import Leaps, Place
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
    revived: dict[int, int] = field(default_factory=dict)  # states that were so, and had visits in the next iteration

    def copy(self) -> Self:
        """Another one that begins in the same place. Graphs never change; the chains of some models do."""
        other = replace(self, emission=deepcopy(self.emission), chain=copy(self.chain), leaps=deepcopy(self.leaps))
        return replace(other, history=[], idle={}, revived={})

    @property
    def height(self) -> float:
        """What EM has reached; NaN is below everything."""
        return self.history[-1] if self.history and not np.isnan(self.history[-1]) else -np.inf

    def step(self, task: em.Task) -> float:
        """One iteration of EM; the log-likelihood plus log prior before it."""
        height, counts = self._expect_or_go_back(task)
        graph, emission = self._maximum(counts)
        self._look_for_idle_states(counts)
        self.graph, self.emission = graph, emission  # at once: whoever interrupts finds the one or the other
        self.history.append(height)
        return height

    def land(self) -> None:
        """EM ends: nothing will show whether the last leap was too long, so it is taken back."""
        self._take_back()

    def _expect_or_go_back(self, task: em.Task) -> tuple[float, em.Expected]:
        """The E-step; after a leap that lowered what EM has raised, or made data impossible, from where it started."""
        try:
            found = self._expect(task)
        except ImpossibleSequenceError:
            if not self._take_back():
                raise
            return self._expect(task)
        fell = bool(self.history) and found[0] < self.history[-1]
        return self._expect(task) if fell and self._take_back() else found

    def _take_back(self) -> bool:
        place = None if self.leaps is None else self.leaps.back()
        if place is not None:
            self.graph, self.emission = place
        return place is not None

    def _expect(self, task: em.Task) -> tuple[float, em.Expected]:
        self.n_expectations += 1
        counts = self.chain.expect(self.graph, self.emission, task)
        return counts.log_likelihood + self.emission.log_prior() + self.chain.log_prior(self.graph), counts

    def _maximum(self, counts: em.Expected) -> Place:
        emission = copy(self.emission)
        emission.update(counts.statistics)
        graph = self.chain.maximise(self.graph, counts)
        return (graph, emission) if self.leaps is None else self.leaps.onward(graph, emission)

    def _look_for_idle_states(self, counts: em.Expected) -> None:
        visits = counts.start + np.bincount(self.graph.target, counts.edges, minlength=self.graph.n_states)
        lost = np.flatnonzero(visits <= IDLE * visits.sum()).tolist()
        self.revived |= {state: i for state, i in self.idle.items() if state not in lost}
        self.idle = {state: self.idle.get(state, len(self.history) + 1) for state in lost}


class Climber(Protocol):
    """Something that gets higher."""

    @property
    def height(self) -> float: ...


AnyClimb = TypeVar("AnyClimb", bound=Climber)


def climb_all(
    climbs: list[AnyClimb],
    run: Callable[[int, AnyClimb], None],
    n_jobs: int | None,
    stop: Callable[[], None] = lambda: None,
) -> None:
    """Run each, with its number, in threads. Which thread runs which has no part in the result.

    stop : asks all of them to stop after their iteration, when one fails or somebody presses Ctrl-C
    """

    def work(share: shares.Share) -> None:
        run(share.first, climbs[share.first])

    shares.run(work, [shares.Share(k, k, k + 1) for k in range(len(climbs))], n_jobs, stop)


def highest(climbs: list[AnyClimb]) -> AnyClimb:
    """The first of equals."""
    return max(climbs, key=lambda climb: climb.height)


def check_n_init(n_init: Any) -> int:
    """A number of restarts."""
    if not isinstance(n_init, Integral) or n_init < 1:
        raise ValueError(f"n_init is {n_init!r}; expected a whole number of restarts, 1 or more")
    return int(n_init)


def warn_of_idle_states(climb: Climb) -> None:
    """States that EM has lost go where their priors are, or keep what they had: any other place could be a step down."""
    if climb.revived:
        back = ", ".join(f"{state} (iteration {i})" for state, i in climb.revived.items())
        warnings.warn(
            f"no expected visits were left to state {back}; it was revived from the priors, and may say more about them "
            "than about the data",
            ConvergenceWarning,
            stacklevel=4,
        )
    if climb.idle:
        lost = ", ".join(f"{state} (iteration {i})" for state, i in climb.idle.items())
        warnings.warn(
            f"no expected visits are left to state {lost}; what such states emit and where they lead stays as it was "
            "then, or is what priors say: ask for fewer states, more restarts (n_init) or pseudocounts and priors",
            ConvergenceWarning,
            stacklevel=4,
        )
