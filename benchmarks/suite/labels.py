"""Labelled sequences for conditional random fields, and transcribed ones for CTC."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Labelled:
    """Scores of labels, the right labels, and the weights of a linear chain between them; single precision."""

    start: np.ndarray  # (n_labels,)
    transition: np.ndarray  # (n_labels, n_labels)
    end: np.ndarray  # (n_labels,)
    scores: np.ndarray  # (n_steps, n_labels)
    gold: np.ndarray  # (n_steps,)
    lengths: np.ndarray  # (n_sequences,)

    @property
    def n_steps(self) -> int:
        return len(self.scores)

    def shortened(self, n_steps: int) -> "Labelled":
        n = max(1, int(np.searchsorted(np.cumsum(self.lengths), n_steps, side="right")))
        m = self.lengths[:n].sum()
        return replace(self, scores=self.scores[:m], gold=self.gold[:m], lengths=self.lengths[:n])

    def path_score(self, states: np.ndarray) -> float:
        last = np.cumsum(self.lengths) - 1
        first = last - self.lengths + 1
        onward = np.setdiff1d(np.arange(self.n_steps), first)
        ends = self.start[states[first]].sum() + self.end[states[last]].sum()
        moves = self.transition[states[onward - 1], states[onward]].sum()
        return float(ends + moves + self.scores[np.arange(self.n_steps), states].sum())

    def multiply_adds(self, work: str) -> float:
        return self.transition.size * (3 if work == "gradient" else 1)

    def bytes(self, work: str) -> float:
        return 4 * len(self.start) * (2 if work == "gradient" else 1)


@dataclass(frozen=True)
class Transcribed:
    """Log probabilities of symbols (0 is the blank) at each frame, and what was said; all of the same length."""

    log_probabilities: np.ndarray  # (n_sequences, n_frames, n_symbols), single precision
    targets: np.ndarray  # (n_sequences, n_targets)

    @property
    def n_steps(self) -> int:
        return self.log_probabilities.shape[0] * self.log_probabilities.shape[1]

    def shortened(self, n_steps: int) -> "Transcribed":
        n = max(1, n_steps // self.log_probabilities.shape[1])
        return Transcribed(self.log_probabilities[:n], self.targets[:n])

    def multiply_adds(self, work: str) -> float:
        return 3 * 3 * (2 * self.targets.shape[1] + 1)  # up to three edges into each state, three passes

    def bytes(self, work: str) -> float:
        return 2 * 4 * self.log_probabilities.shape[2]


def labelled(n_labels: int, n_sequences: int = 32, longest: int = 120) -> Labelled:
    rng = np.random.default_rng(n_labels)
    lengths = np.sort(rng.integers(longest // 2, longest + 1, n_sequences))[::-1].copy()
    n = int(lengths.sum())
    drawn = [rng.normal(size=size).astype(np.float32) for size in (n_labels, (n_labels, n_labels), n_labels)]
    return Labelled(*drawn, rng.normal(size=(n, n_labels)).astype(np.float32), rng.integers(0, n_labels, n), lengths)


def transcribed(n_sequences: int = 8, n_frames: int = 400, n_targets: int = 60, n_symbols: int = 30) -> Transcribed:
    rng = np.random.default_rng(n_symbols)
    logits = rng.normal(size=(n_sequences, n_frames, n_symbols))
    logs = logits - np.log(np.exp(logits).sum(2, keepdims=True))
    spoken = np.arange(n_targets) % (n_symbols - 1) + 1  # every symbol: a graph reads all columns of its scores
    targets = np.stack([rng.permutation(spoken) for _ in range(n_sequences)])
    return Transcribed(logs.astype(np.float32), targets)
