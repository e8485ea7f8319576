"""Explicit durations: hmmseq's segment graph, and the ordinary chain that counts down what is left of a duration."""

from typing import Any

import numpy as np

from benchmarks.suite.contenders.base import Contender
from benchmarks.suite.spells import Spells
from hmmseq import StateGraph, lattice


class Asked(Contender):
    """Either graph over the same scores."""

    graph: Any

    def __init__(self, spells: Spells) -> None:
        self.scores = spells.scores

    def score(self) -> float:
        return lattice.log_partition(self.graph, self.scores, n_jobs=1)

    def decode(self) -> Any:
        return lattice.best_path(self.graph, self.scores, n_jobs=1)

    def posteriors(self) -> Any:
        return lattice.posteriors(self.graph, self.scores, n_jobs=1)

    def plain(self, work: str, answer: Any) -> Any:
        return {"score": answer.score} if work == "decode" else answer.labels if work == "posteriors" else answer


class Segments(Asked):
    def __init__(self, spells: Spells) -> None:
        super().__init__(spells)
        try:
            from hmmseq import SegmentGraph
        except ImportError:
            raise ModuleNotFoundError("no explicit durations", name="hmmseq.SegmentGraph") from None
        source, target = np.nonzero(spells.transition > -np.inf)
        moves = spells.transition[source, target]
        self.graph = SegmentGraph(
            StateGraph(len(spells.start), source, target, edge=moves, start=spells.start), spells.durations
        )


class Expanded(Asked):
    """State (j, r) has r steps of j to go, this one included."""

    def __init__(self, spells: Spells) -> None:
        super().__init__(spells)
        n, longest = spells.durations.shape
        number = np.arange(n * longest).reshape(n, longest)  # (j, r) is number[j, r - 1]
        left, right = np.nonzero(spells.transition > -np.inf)
        source = np.concatenate([number[:, 1:].ravel(), np.repeat(number[left, 0], longest)])
        target = np.concatenate([number[:, :-1].ravel(), number[right].ravel()])
        moves = spells.transition[left, right][:, None] + spells.durations[right]
        self.graph = StateGraph(
            n * longest,
            source,
            target,
            label=np.repeat(np.arange(n), longest),
            edge=np.concatenate([np.zeros(n * (longest - 1)), moves.ravel()]),
            start=(spells.start[:, None] + spells.durations).ravel(),
            end=np.where(number == number[:, :1], 0.0, -np.inf).ravel(),
        )
