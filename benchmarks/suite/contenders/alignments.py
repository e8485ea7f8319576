"""The CTC loss with its gradient: a state graph over the lattice, and torch's own kernel."""

from typing import Any

import numpy as np
import torch

from benchmarks.suite.contenders.base import Contender
from benchmarks.suite.labels import Transcribed
from hmmseq import StateGraph
from hmmseq.hybrid import log_partition


def alignment_graph(target: np.ndarray) -> StateGraph:
    """All alignments of a transcript (Graves et al., ICML 2006): a blank may stand between any two symbols, and must
    between equal ones."""
    label = np.zeros(2 * len(target) + 1, dtype=int)
    label[1::2] = target
    state, never = np.arange(len(label)), -np.inf
    over = state[2:][(label[2:] > 0) & (label[2:] != label[:-2])]
    source, target = np.concatenate([state, state[:-1], over - 2]), np.concatenate([state, state[1:], over])
    start, end = np.where(state < 2, 0.0, never), np.where(state > len(state) - 3, 0.0, never)
    return StateGraph(len(label), source, target, label=label, start=start, end=end)


class Ours(Contender):
    """A graph for each transcript, made beforehand as a training loop would keep it."""

    tolerance = 1e-3  # single precision

    def __init__(self, data: Transcribed) -> None:
        torch.set_num_threads(1)
        self.graphs = [alignment_graph(target) for target in data.targets]
        self.logs = torch.tensor(data.log_probabilities, requires_grad=True)

    def gradient(self) -> torch.Tensor:
        self.logs.grad = None
        loss = -sum(log_partition(graph, scores) for graph, scores in zip(self.graphs, self.logs))
        loss.backward()
        return loss

    def plain(self, work: str, answer: Any) -> Any:
        return {"loss": float(answer), "scores": self.logs.grad.numpy()}


class TorchCTC(Contender):
    """Its gradient is that of the log probabilities before they were normalised, so that is what is compared."""

    tolerance = 1e-3

    def __init__(self, data: Transcribed) -> None:
        torch.set_num_threads(1)
        self.logs = torch.tensor(data.log_probabilities, requires_grad=True)
        self.targets = torch.tensor(data.targets)
        n, frames, _ = self.logs.shape
        self.sizes = torch.full((n,), frames), torch.full((n,), data.targets.shape[1])

    def gradient(self) -> torch.Tensor:
        self.logs.grad = None
        loss = torch.nn.functional.ctc_loss(self.logs.transpose(0, 1), self.targets, *self.sizes, reduction="sum")
        loss.backward()
        return loss

    def plain(self, work: str, answer: Any) -> Any:
        # It returns exp(log_probabilities) more than the derivative of the loss.
        return {"loss": float(answer), "scores": (self.logs.grad - self.logs.detach().exp()).numpy()}
