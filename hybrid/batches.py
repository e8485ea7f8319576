"""Sequences of different lengths as one tensor: the only place that pads.

What an encoder computes for a sequence must not depend on the padding behind it, on its batch mates, or on
how far the longest one reaches; `Batch.mask` and `Batch.lengths` are there for that, and the tests hold
every encoder to it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Batch(NamedTuple):
    """Padded sequences. What stands behind the end of a sequence means nothing."""

    values: Tensor  # (n, longest) symbols or (n, longest, n_features)
    lengths: Tensor  # (n,), on the CPU, all above 0

    @property
    def mask(self) -> Tensor:
        """(n, longest) true at the steps of each sequence, false behind its end."""
        steps = torch.arange(self.values.shape[1])
        return (steps < self.lengths[:, None]).to(self.values.device)

    def reverse(self, padded: Tensor) -> Tensor:
        """(n, longest, width) each sequence from its end to its start, padding still behind it."""
        steps = torch.arange(self.values.shape[1])
        turned = torch.where(steps < self.lengths[:, None], self.lengths[:, None] - 1 - steps, steps)
        return padded.take_along_dim(turned.to(padded.device)[:, :, None], 1)

    def unpad(self, padded: Tensor) -> Tensor:
        """(n_steps in all, ...) the real rows of a padded tensor, sequence after sequence."""
        return padded[self.mask]


def pad(sequences: Sequence[np.ndarray], device: str | torch.device = "cpu") -> Batch:
    """A batch of sequences, each with at least one step, padded with zeros."""
    tensors = [torch.as_tensor(np.ascontiguousarray(x)) for x in sequences]
    values = torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)
    return Batch(values.to(device), torch.tensor([len(x) for x in tensors]))


def buckets(lengths: np.ndarray, batch_size: int, rng: np.random.Generator | None = None) -> list[np.ndarray]:
    """Numbers of the sequences in each batch: all but the empty ones, those of similar length together.

    rng : draws the order of the batches, and nudges lengths by up to a tenth so that batches differ between
        epochs
    """
    filled = np.flatnonzero(lengths)
    sizes = lengths[filled].astype(np.float64)
    if rng is not None:
        sizes *= rng.uniform(0.9, 1.1, len(sizes))
    filled = filled[np.argsort(sizes, kind="stable")]
    batches = [filled[i : i + batch_size] for i in range(0, len(filled), batch_size)]
    if rng is not None:
        batches = [batches[k] for k in rng.permutation(len(batches))]
    return batches
