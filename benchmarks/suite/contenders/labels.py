"""Training and decoding of a conditional random field: hmmseq.hybrid and pytorch-crf."""

from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torchcrf import CRF

from benchmarks.suite.contenders.base import Contender, joined
from benchmarks.suite.labels import Labelled
from hmmseq import Sequences, topologies
from hmmseq.hybrid import CRFHead
from hmmseq.lattice import best_path


class Ours(Contender):
    """The head of a network, without the layer before it."""

    tolerance = 1e-3  # single precision

    def __init__(self, data: Labelled) -> None:
        torch.set_num_threads(1)
        n = len(data.start)
        graph = topologies.ergodic(n).weigh(edge=data.transition.ravel(), start=data.start, end=data.end)
        self.head, self.data = CRFHead(1, graph), data
        self.scores, self.gold = torch.tensor(data.scores, requires_grad=True), torch.tensor(data.gold)

    def gradient(self) -> torch.Tensor:
        self.scores.grad = self.head.edge.grad = None
        loss = self.head.loss(self.scores, self.gold, self.data.lengths).sum()
        loss.backward()
        return loss

    def decode(self) -> Any:
        offsets = np.concatenate([[0], np.cumsum(self.data.lengths)])
        return best_path(self.head.weighted(), Sequences(self.scores.detach().numpy(), offsets), n_jobs=1)

    def plain(self, work: str, answer: Any) -> Any:
        if work == "decode":
            return joined([path.states for path in answer])
        moves = self.head.edge.grad.numpy().reshape(self.data.transition.shape)
        return {"loss": float(answer), "scores": self.scores.grad.numpy(), "transitions": moves}


class TorchCRF(Contender):
    tolerance = 1e-3

    def __init__(self, data: Labelled) -> None:
        torch.set_num_threads(1)
        self.crf, sizes = CRF(len(data.start), batch_first=True), data.lengths.tolist()
        with torch.no_grad():
            self.crf.start_transitions.copy_(torch.tensor(data.start))
            self.crf.end_transitions.copy_(torch.tensor(data.end))
            self.crf.transitions.copy_(torch.tensor(data.transition))
        self.scores = pad_sequence(torch.tensor(data.scores).split(sizes), True).requires_grad_()
        self.gold = pad_sequence(torch.tensor(data.gold).split(sizes), True)
        self.mask = torch.arange(max(sizes)) < torch.tensor(sizes)[:, None]

    def gradient(self) -> torch.Tensor:
        self.scores.grad = self.crf.transitions.grad = None
        loss = -self.crf(self.scores, self.gold, self.mask)
        loss.backward()
        return loss

    def decode(self) -> list[list[int]]:
        with torch.no_grad():
            return self.crf.decode(self.scores, self.mask)

    def plain(self, work: str, answer: Any) -> Any:
        if work == "decode":
            return np.concatenate(answer)
        moves = self.crf.transitions.grad.numpy()
        return {"loss": float(answer), "scores": self.scores.grad[self.mask].numpy(), "transitions": moves}
