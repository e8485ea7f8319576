"""Inputs, encoder and head as one torch module."""

from collections.abc import Callable

from torch import Tensor, nn

from hmmseq.graph import StateGraph

from .batches import Batch
from .encoders import ENCODERS, Encoder, Inputs
from .heads import HEADS
from .inputs import Shape

__all__ = ["Network"]


class Network(nn.Module):
    """From a padded batch to packed log scores per label."""

    def __init__(
        self,
        shape: Shape,
        encoder: str | Callable[[int, int], Encoder],
        head: str,
        hidden_size: int,
        graph: StateGraph,
    ) -> None:
        super().__init__()
        make = ENCODERS[encoder] if isinstance(encoder, str) else encoder
        self.inputs = Inputs(hidden_size, n_symbols=shape.n_symbols, n_features=shape.n_features)
        self.encoder = make(hidden_size, hidden_size)
        self.head = HEADS[head](self.encoder.n_outputs, graph)

    def forward(self, batch: Batch) -> Tensor:
        """(n_steps in all, n_labels)"""
        return self.head(batch.unpad(self.encoder(self.inputs(batch))))
