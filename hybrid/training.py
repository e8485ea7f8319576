"""One plain training loop: Adam, clipped gradients, early stopping on sequences held back."""

import copy
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .batches import buckets

__all__ = ["Data", "Plan", "train"]

LARGEST_GRADIENT = 5.0  # norm; recurrent networks now and then meet one that would undo an epoch


class Plan(NamedTuple):
    """How long, how fast, and when to stop."""

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int  # epochs without a better validation loss
    verbose: bool


class Data(NamedTuple):
    """What the loop has to know about sequences; the network looks up the rest by their numbers."""

    numbers: np.ndarray
    lengths: np.ndarray
    weight: np.ndarray  # of each sequence
    known: np.ndarray  # steps with a label, in each

    def take(self, chosen: np.ndarray) -> "Data":
        """Some of the sequences."""
        return Data(*(column[chosen] for column in self))


Losses = Callable[[np.ndarray], Tensor]  # numbers of sequences to their losses, (n,)


def train(
    network: nn.Module,
    losses: Losses,
    data: Data,
    held_back: Data,
    plan: Plan,
    rng: np.random.Generator,
    report: Callable[[], bool] = lambda: False,
) -> list[dict[str, float]]:
    """Fit the network in place and return a record per epoch; the best epoch's parameters stay.

    report : called after each epoch; where it is true, training stops

    The best epoch has the least validation loss; without sequences held back it is the last.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate)
    history: list[dict[str, float]] = []
    best, kept, best_epoch, began = np.inf, None, 0, time.perf_counter()
    _report(plan, "epoch", "loss", "validation", "seconds")
    for epoch in range(plan.epochs):
        record = {"loss": _learn(network, optimizer, losses, data, plan.batch_size, rng)}
        if len(held_back.numbers):
            record["validation_loss"] = evaluate(network, losses, held_back, plan.batch_size)
            if record["validation_loss"] < best:
                best, best_epoch = record["validation_loss"], epoch
                kept = copy.deepcopy(network.state_dict())
        history.append(record)
        _report(plan, epoch + 1, record["loss"], record.get("validation_loss", "-"), time.perf_counter() - began)
        if report() or (kept is not None and epoch - best_epoch >= plan.patience):
            break
    if kept is not None:
        network.load_state_dict(kept)
    network.eval()
    return history


def _learn(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    losses: Losses,
    data: Data,
    batch_size: int,
    rng: np.random.Generator,
) -> float:
    """One pass over the data, a step for each batch; the mean loss per known label on the way."""
    network.train()
    total = known = 0.0
    for batch in _batches(data, batch_size, rng):
        loss, size = _batch_loss(losses, batch)
        optimizer.zero_grad()
        (loss / size).backward()
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        total, known = total + loss.item(), known + size
    return total / known


@torch.no_grad()
def evaluate(network: nn.Module, losses: Losses, data: Data, batch_size: int) -> float:
    """Mean loss per known label."""
    network.eval()
    parts = [_batch_loss(losses, batch) for batch in _batches(data, batch_size, None)]
    return sum(loss.item() for loss, _ in parts) / sum(size for _, size in parts)


def _batches(data: Data, batch_size: int, rng: np.random.Generator | None) -> list[Data]:
    return [data.take(chosen) for chosen in buckets(data.lengths, batch_size, rng)]


def _batch_loss(losses: Losses, batch: Data) -> tuple[Tensor, float]:
    """Weighted loss of a batch, and the weighted number of labels that it is about."""
    values = losses(batch.numbers)
    loss = (values * torch.as_tensor(batch.weight).to(values)).sum()
    return loss, float(batch.weight @ batch.known)


def _report(plan: Plan, *columns: object) -> None:
    if plan.verbose:
        cells = (f"{c:.4f}" if isinstance(c, float) else str(c) for c in columns)
        print("".join(f"{cell:>12}" for cell in cells), file=sys.stderr, flush=True)
