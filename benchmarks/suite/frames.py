"""Scores of every state at every step, as a neural network or a pitch tracker makes them."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Frames:
    """Dense scores over a chain of states."""

    start: np.ndarray  # (n_states,)
    transition: np.ndarray  # (n_states, n_states)
    probabilities: np.ndarray  # (n_steps, n_states)

    @property
    def n_steps(self) -> int:
        return len(self.probabilities)

    def shortened(self, n_steps: int) -> "Frames":
        return replace(self, probabilities=self.probabilities[:n_steps])

    def path_score(self, states: np.ndarray) -> float:
        seen = np.log(self.probabilities[np.arange(self.n_steps), states]).sum()
        return float(np.log(self.start[states[0]]) + np.log(self.transition[states[:-1], states[1:]]).sum() + seen)

    def multiply_adds(self, work: str) -> float:
        return self.transition.size

    def bytes(self, work: str) -> float:
        return 8 * len(self.start) + 4


def frames(n_states: int, n_steps: int) -> Frames:
    rng = np.random.default_rng(n_states)
    matrix, start = rng.dirichlet(np.ones(n_states), n_states), rng.dirichlet(np.ones(n_states))
    return Frames(start, matrix, rng.dirichlet(np.ones(n_states), n_steps))
