"""States that last: a table of durations for each."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Spells:
    """An explicit-duration model with dense log scores; the last segment ends where the data end."""

    start: np.ndarray  # (n_states,) log
    transition: np.ndarray  # (n_states, n_states) log, no state follows itself
    durations: np.ndarray  # (n_states, longest) log
    scores: np.ndarray  # (n_steps, n_states)

    @property
    def n_steps(self) -> int:
        return len(self.scores)

    def shortened(self, n_steps: int) -> "Spells":
        return replace(self, scores=self.scores[:n_steps])

    def multiply_adds(self, work: str) -> float:
        passes = {"score": 1, "decode": 1, "posteriors": 3}[work]
        return passes * (self.transition.size + self.durations.size)

    def bytes(self, work: str) -> float:
        return 8 * len(self.start) * (2 if work == "posteriors" else 1)


def spells(n_states: int, longest: int, n_steps: int) -> Spells:
    rng = np.random.default_rng(n_states)
    matrix = rng.dirichlet(np.ones(n_states), n_states)
    np.fill_diagonal(matrix, 0.0)
    with np.errstate(divide="ignore"):
        transition = np.log(matrix / matrix.sum(1, keepdims=True))
    durations = np.log(rng.dirichlet(np.ones(longest), n_states))
    return Spells(np.full(n_states, -np.log(n_states)), transition, durations, rng.normal(size=(n_steps, n_states)))
