"""Encoders: a padded batch in, a vector of features for each step out.

A new encoder is a subclass of `Encoder` with one method and a registered name. It says how far it looks
ahead, and its output at a real step does not depend on padding (`tests/hybrid/test_encoders.py` checks
every one in `ENCODERS`).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .batches import Batch

__all__ = ["ENCODERS", "BiLSTM", "Encoder", "Inputs"]


class Encoder(nn.Module, ABC):
    """Features of each step from the vectors of all steps.

    lookahead : how many later steps the output at a step may read; infinity for the whole sequence
    n_outputs : number of features
    """

    lookahead: float
    n_outputs: int

    @property
    def causal(self) -> bool:
        """Whether the output at a step depends on that step and earlier ones only, as a stream needs."""
        return self.lookahead == 0

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """(n, longest, n_inputs) in `batch.values` to (n, longest, n_outputs)."""


class BiLSTM(Encoder):
    """One LSTM from the left and one from the right (Graves and Schmidhuber, Neural Networks 18, 602, 2005).

    n_inputs : features of each step
    hidden_size : features of each direction; together twice as many
    n_layers : pairs of LSTMs on top of each other
    dropout : share of features hidden at random behind each layer, in training
    """

    lookahead = math.inf

    def __init__(self, n_inputs: int, hidden_size: int, *, n_layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.n_outputs = 2 * hidden_size
        widths = [n_inputs] + [self.n_outputs] * (n_layers - 1)
        self.from_left, self.from_right = (
            nn.ModuleList(nn.LSTM(width, hidden_size, batch_first=True) for width in widths) for _ in range(2)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Tensor:
        # Not a packed sequence: where lengths differ, torch's gradient for one takes time that grows with the
        # square of the length (torch 2.13 on a CPU, proteins of 300 residues: 12,000 steps a second, not
        # 100,000). Here padding stands behind every sequence in both directions, so neither LSTM has read
        # it before the end.
        values = batch.values
        for from_left, from_right in zip(self.from_left, self.from_right):
            left, right = from_left(values)[0], from_right(batch.reverse(values))[0]
            values = self.dropout(torch.cat([left, batch.reverse(right)], 2))
        return values


class Inputs(nn.Module):
    """What the user gives at each step, as a vector of `size`: a learned one per symbol, or a linear map of
    features.

    n_symbols : symbols are 0 ... n_symbols - 1, or -1 where missing (the zero vector); None for features
    n_features : features of each step; None for symbols
    """

    def __init__(self, size: int, *, n_symbols: int | None = None, n_features: int | None = None) -> None:
        super().__init__()
        if n_symbols is not None:
            self.vectors: nn.Module = nn.Embedding(n_symbols + 1, size, padding_idx=0)
        else:
            assert n_features is not None
            self.vectors = nn.Linear(n_features, size)
        self.shift = 1 if n_symbols is not None else 0  # -1, missing, becomes the row that stays zero

    def forward(self, batch: Batch) -> Batch:
        return batch._replace(values=self.vectors(batch.values + self.shift))


ENCODERS: dict[str, Callable[[int, int], Encoder]] = {"bilstm": BiLSTM}  # made with (n_inputs, hidden_size)
