"""Small networks that score candidates: rows of numbers in, a score out. What is a good score, the lattice says.

A candidate, a span of a `SpanGraph` say, uses one row of each of some kinds: what lies around its begin and around its
end. Candidates share rows. The gradient of any objective with respect to the scores of candidates, such as posteriors
give it, trains the networks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Example", "Plan", "Scorers", "Uses", "train_scorers"]

FARTHEST = 4.0  # standard deviations from the mean; what lies further out counts as that
LEAST_SCALE = 1e-3  # of numbers that are the same in all rows
LARGEST_GRADIENT = 1.0  # norm


class Uses(NamedTuple):
    """Rows of one kind, and which candidates use them: candidate[i] uses row[i]."""

    rows: Any  # (n_rows, n_features)
    candidate: Any  # (n_uses,)
    row: Any  # (n_uses,)


class Example(NamedTuple):
    """Candidates that compete with one another."""

    n_candidates: int
    uses: Mapping[str, Uses]


class Plan(NamedTuple):
    """How to train: hidden units, share of numbers that are hidden at random, passes over the examples in batches."""

    hidden_size: int = 16
    dropout: float = 0.4
    epochs: int = 36
    n_batches: int = 4
    learning_rate: float = 3e-3
    weight_decay: float = 0.1


class RowScorer(nn.Module):
    """A line, and a hidden layer beside it; both score 0 before they have learned anything.

    mean, scale : (n_features,) of rows, which are standardised and kept within `FARTHEST`
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor, plan: Plan) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.dropout = nn.Dropout(plan.dropout)
        self.hidden = nn.Linear(len(mean), plan.hidden_size)
        self.output, self.line = nn.Linear(plan.hidden_size, 1), nn.Linear(len(mean), 1)
        for layer in (self.output, self.line):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, rows: Tensor) -> Tensor:
        """(n_rows, n_features) to (n_rows,)"""
        rows = self.dropout(((rows - self.mean) / self.scale).clamp(-FARTHEST, FARTHEST))
        return (self.output(self.dropout(self.hidden(rows).relu())) + self.line(rows))[:, 0]


class Scorers(nn.Module):
    """A network for each kind of rows; the score of a candidate is the sum over the rows that it uses."""

    def __init__(self, examples: Sequence[Example], plan: Plan) -> None:
        super().__init__()
        self.kinds = nn.ModuleDict()
        for kind in examples[0].uses:
            rows = torch.cat([_tensor(example.uses[kind].rows) for example in examples])
            rows = rows if len(rows) else rows.new_zeros(1, rows.shape[1])
            scale = rows.std(0, correction=0).clamp(min=LEAST_SCALE)
            self.kinds[kind] = RowScorer(rows.mean(0), scale, plan)

    def forward(self, examples: Sequence[Example]) -> list[Tensor]:
        """(n_candidates,) of each example."""
        sizes = [example.n_candidates for example in examples]
        total = torch.zeros(sum(sizes))
        for kind, network in self.kinds.items():
            rows, candidate, row = _joined([example.uses[kind] for example in examples], sizes)
            total = total.index_add(0, candidate, network(rows)[row])
        return list(total.split(sizes))


def _joined(uses: Sequence[Uses], sizes: Sequence[int]) -> Uses:
    """Uses by several examples as those of one, in tensors."""
    first = np.cumsum([0, *sizes[:-1]])
    first_row = np.cumsum([0, *(len(own.rows) for own in uses[:-1])])
    return Uses(
        torch.cat([_tensor(own.rows) for own in uses]),
        torch.cat([torch.as_tensor(own.candidate + low) for own, low in zip(uses, first)]),
        torch.cat([torch.as_tensor(own.row + low) for own, low in zip(uses, first_row)]),
    )


Gradient = Callable[
    [np.ndarray, list[np.ndarray]], list[np.ndarray]
]  # numbers of examples, scores to what to climb along


def train_scorers(
    examples: Sequence[Example], gradient: Gradient, plan: Plan, random_state: int = 0
) -> Iterator[Scorers]:
    """Networks after each epoch, the same ones each time.

    gradient : of the objective, to be made large, with respect to the scores that candidates of some examples have
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        networks = Scorers(examples, plan)
    optimizer = torch.optim.AdamW(networks.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
    rng = np.random.default_rng(random_state)
    for epoch in range(plan.epochs):
        networks.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state + epoch)
            for batch in np.array_split(rng.permutation(len(examples)), min(plan.n_batches, len(examples))):
                _step(networks, optimizer, examples, batch, gradient)
        yield networks.eval()


def _step(
    networks: Scorers,
    optimizer: torch.optim.Optimizer,
    examples: Sequence[Example],
    batch: np.ndarray,
    gradient: Gradient,
) -> None:
    scores = networks([examples[number] for number in batch])
    along = gradient(batch, [own.detach().double().numpy() for own in scores])
    optimizer.zero_grad()
    torch.autograd.backward(scores, [_tensor(-own) for own in along])
    nn.utils.clip_grad_norm_(networks.parameters(), LARGEST_GRADIENT)
    optimizer.step()


def _tensor(values: np.ndarray) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32)
