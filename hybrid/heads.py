"""Heads: features of each step in, a score for each label out, with a graph that turns scores into paths.

Scores of both heads go to the same decoder, `hmmseq.lattice`, as the scores of an HMM do. What differs is
the training: a softmax head learns every step by itself, a CRF head whole paths, with the weights of the
graph.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.lattice import Counts

from .lattice import log_partition, path_score

__all__ = ["HEADS", "CRFHead", "Head", "SoftmaxHead"]

UNKNOWN = -1  # a label that is not known: it costs nothing, and the path is free there


class Head(nn.Module, ABC):
    """Scores and loss over a graph whose columns are the labels; sequences are packed one after another."""

    def __init__(self, n_inputs: int, graph: StateGraph) -> None:
        super().__init__()
        self.graph = graph
        self.project = nn.Linear(n_inputs, graph.n_labels)

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """(n_steps in all, n_inputs) to log scores (n_steps in all, n_labels)."""

    @abstractmethod
    def loss(self, scores: Tensor, gold: Tensor, lengths: Any) -> Tensor:
        """(n_sequences,) minus log probability of the labels `gold` (n_steps in all,), -1 where unknown."""

    @abstractmethod
    def initialise(self, counts: Counts) -> None:
        """A first guess from the uses of edges, starts and ends by the labels to learn from."""

    @abstractmethod
    def weighted(self) -> StateGraph:
        """The graph with the weights to decode with."""


class SoftmaxHead(Head):
    """Each step by itself: the probability of its label. Decoding follows the graph, with its own weights."""

    def forward(self, features: Tensor) -> Tensor:
        return self.project(features).log_softmax(1)

    def loss(self, scores: Tensor, gold: Tensor, lengths: Any) -> Tensor:
        by_step = nn.functional.nll_loss(scores, gold, ignore_index=UNKNOWN, reduction="none")
        return torch.stack([part.sum() for part in by_step.split([int(n) for n in lengths])])

    def initialise(self, counts: Counts) -> None:
        """Nothing to guess: the graph's weights are not learned."""

    def weighted(self) -> StateGraph:
        return self.graph


class CRFHead(Head):
    """A linear-chain conditional random field (Lafferty, McCallum and Pereira 2001) over any graph.

    Edge, start and end weights are learned; they start as those of the graph, or, with `initialise`, as
    frequencies. A weight of minus infinity stays: its gradient is 0. With unknown labels, or several
    states per label, the loss sums over all paths that fit.
    """

    def __init__(self, n_inputs: int, graph: StateGraph) -> None:
        super().__init__(n_inputs, graph)
        self.edge, self.start, self.end = (
            nn.Parameter(torch.tensor(w, dtype=torch.get_default_dtype())) for w in (graph.edge, graph.start, graph.end)
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.project(features)

    def loss(self, scores: Tensor, gold: Tensor, lengths: Any) -> Tensor:
        weights = {"edge": self.edge, "start": self.start, "end": self.end}
        if self._one_path(gold):
            states = torch.as_tensor(np.argsort(self.graph.label), device=gold.device)[gold]
            right = path_score(self.graph, scores, states, lengths, **weights)
        else:
            wrong = (gold >= 0)[:, None] & (gold[:, None] != torch.arange(self.graph.n_labels, device=gold.device))
            right = log_partition(self.graph, scores.masked_fill(wrong, NEVER), lengths, **weights)
        return log_partition(self.graph, scores, lengths, **weights) - right

    def _one_path(self, gold: Tensor) -> bool:
        """Whether the labels leave a single path: all known, and one state for each."""
        return self.graph.n_states == self.graph.n_labels and bool((gold >= 0).all())

    @torch.no_grad()
    def initialise(self, counts: Counts) -> None:
        # Log relative frequencies, as in a Markov chain, each use counted once more than seen. From 0 it
        # takes hundreds of epochs until a rare edge costs what it should (5 nats in membrane proteins).
        g = self.graph
        uses = ((g.edge, counts.edges), (g.start, counts.start), (g.end, counts.end))
        edge, start, end = (np.where(weight > NEVER, count + 1, 0) for weight, count in uses)
        leaving = np.maximum(np.bincount(g.source, edge, g.n_states) + end, 1.0)
        shares = (edge / leaving[g.source], start / start.sum(), end / leaving)
        for weight, share in zip((self.edge, self.start, self.end), shares):
            weight.copy_(torch.as_tensor(share).log())

    def weighted(self) -> StateGraph:
        edge, start, end = (w.detach().cpu().double().numpy() for w in (self.edge, self.start, self.end))
        return self.graph.weigh(edge=edge, start=start, end=end)


HEADS: dict[str, type[Head]] = {"softmax": SoftmaxHead, "crf": CRFHead}
