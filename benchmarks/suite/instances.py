"""Models and data to measure on, as plain arrays that any library can be given.

Everything is drawn from a fixed seed. Where a symbol table is flat or states hardly change, that is the point of the row.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

SYMBOLS = 8


@dataclass(frozen=True)
class Symbols:
    """Categorical emissions."""

    probabilities: np.ndarray  # (n_states, n_symbols)

    @property
    def n_features(self) -> int:
        return 0

    def log_densities(self, values: np.ndarray) -> np.ndarray:
        return np.log(self.probabilities).T[values]


@dataclass(frozen=True)
class Normals:
    """Normal emissions with independent features."""

    means: np.ndarray  # (n_states, n_features)
    variances: np.ndarray  # (n_states, n_features)

    @property
    def n_features(self) -> int:
        return self.means.shape[1]

    def log_densities(self, values: np.ndarray) -> np.ndarray:
        squares = (values[:, None] - self.means) ** 2 / self.variances
        return -0.5 * (squares + np.log(2 * np.pi * self.variances)).sum(2)


@dataclass(frozen=True)
class Chain:
    """A hidden Markov model and data for it."""

    start: np.ndarray  # (n_states,)
    transition: np.ndarray  # (n_states, n_states)
    emission: Symbols | Normals
    values: np.ndarray  # (n_steps,) or (n_steps, n_features)
    lengths: np.ndarray  # (n_sequences,)
    iterations: int = 1  # of Baum-Welch, in one call of fit

    @property
    def n_states(self) -> int:
        return len(self.start)

    @property
    def n_steps(self) -> int:
        return len(self.values)

    @cached_property
    def n_edges(self) -> int:
        return int(np.count_nonzero(self.transition))

    def shortened(self, n_steps: int) -> "Chain":
        """The first so many steps: of the one sequence, or whole sequences."""
        if len(self.lengths) == 1:
            return replace(self, values=self.values[:n_steps], lengths=np.array([n_steps]))
        n = max(1, int(np.searchsorted(np.cumsum(self.lengths), n_steps, side="right")))
        return replace(self, values=self.values[: self.lengths[:n].sum()], lengths=self.lengths[:n])

    def path_score(self, states: np.ndarray) -> float:
        """Log probability of states and data, so that paths that differ in ties compare equal."""
        first = np.cumsum(self.lengths) - self.lengths
        onward = np.setdiff1d(np.arange(self.n_steps), first)
        with np.errstate(divide="ignore"):
            moves = np.log(self.transition)[states[onward - 1], states[onward]]
            starts = np.log(self.start)[states[first]]
        blocks = range(0, self.n_steps, 10_000)  # densities of all states at all steps would not fit
        seen = sum(
            self.emission.log_densities(self.values[a : a + 10_000])[
                np.arange(len(states[a : a + 10_000])), states[a : a + 10_000]
            ].sum()
            for a in blocks
        )
        return float(moves.sum() + starts.sum() + seen)

    def multiply_adds(self, work: str) -> float:
        """That one step needs: along the edges, and for densities (squares) and their moments (sums)."""
        passes = {"score": 1, "decode": 1, "posteriors": 2, "iterate": 3}[work]
        density = 2 * self.n_states * self.emission.n_features
        moments = density if work == "iterate" else 0
        return self.iterations * (passes * self.n_edges + density + moments)

    def bytes(self, work: str) -> float:
        """That one step must read from and write to memory: the data once, and what was asked for."""
        out = {"score": 0, "decode": 4, "posteriors": 8 * self.n_states, "iterate": 0}[work]
        return self.iterations * (8 * max(self.emission.n_features, 1) + out)


def random_symbols(n_states: int, n_steps: int, n_sequences: int = 1) -> Chain:
    """Probabilities from a flat Dirichlet; such a model forgets its past within 32 steps or so."""
    rng = np.random.default_rng(n_states)
    emission = Symbols(rng.dirichlet(np.ones(SYMBOLS), n_states))
    values, lengths = rng.integers(0, SYMBOLS, n_steps), np.full(n_sequences, n_steps // n_sequences)
    return Chain(*_random_moves(rng, n_states), emission, values, lengths)


def sticky_symbols(n_states: int, n_steps: int) -> Chain:
    """States that last 1,000 steps and symbols that tell little: thousands of steps until the past is forgotten."""
    rng = np.random.default_rng(n_states)
    transition = np.full((n_states, n_states), 0.001 / (n_states - 1))
    np.fill_diagonal(transition, 0.999)
    probabilities = np.ones((n_states, SYMBOLS)) + rng.uniform(0, 0.3, (n_states, SYMBOLS))
    probabilities /= probabilities.sum(1, keepdims=True)
    jumps = (rng.random(n_steps) < 0.001) * rng.integers(1, n_states, n_steps)
    states = np.cumsum(jumps) % n_states
    values = (rng.random(n_steps)[:, None] > np.cumsum(probabilities, 1)[states]).sum(1).clip(max=SYMBOLS - 1)
    return Chain(np.full(n_states, 1 / n_states), transition, Symbols(probabilities), values, np.array([n_steps]))


def normals(n_states: int, n_steps: int, n_features: int = 10) -> Chain:
    rng = np.random.default_rng(n_states)
    emission = Normals(rng.normal(size=(n_states, n_features)), rng.uniform(0.5, 1.5, (n_states, n_features)))
    states = rng.integers(0, n_states, n_steps)
    noise = rng.normal(size=(n_steps, n_features)) * np.sqrt(emission.variances[states])
    return Chain(*_random_moves(rng, n_states), emission, emission.means[states] + noise, np.array([n_steps]))


def paper(n_states: int = 10) -> Chain:
    """50 sequences of 100 univariate steps: the instance of the HiddenMarkovModels.jl paper (JOSS 9(96), 6436)."""
    rng = np.random.default_rng(n_states)
    emission = Normals(np.arange(n_states)[:, None] - (n_states - 1) / 2, np.ones((n_states, 1)))
    values = emission.means[rng.integers(0, n_states, 5000)] + rng.normal(size=(5000, 1))
    return Chain(*_random_moves(rng, n_states), emission, values, np.full(50, 100), iterations=5)


def left_right(n_states: int, n_steps: int, n_sequences: int = 1) -> Chain:
    """Stay, go on, or jump over one state. Paths may start anywhere, so that short data visit every state too."""
    rng = np.random.default_rng(n_states)
    transition = sum(np.diag(rng.uniform(0.2, 1, n_states - k), k) for k in range(3))
    transition /= transition.sum(1, keepdims=True)
    emission = Symbols(rng.dirichlet(np.ones(SYMBOLS), n_states))
    start = np.full(n_states, 1 / n_states)
    lengths = np.full(n_sequences, n_steps // n_sequences)
    return Chain(start, transition, emission, rng.integers(0, SYMBOLS, n_steps), lengths)


def _random_moves(rng: np.random.Generator, n_states: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.dirichlet(np.ones(n_states)), rng.dirichlet(np.ones(n_states), n_states)
