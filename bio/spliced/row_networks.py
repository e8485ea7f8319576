"""Small networks that score rows of numbers; without torch once they are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..words import Floats

FARTHEST = 4.0  # standard deviations, as in `hmmseq.hybrid.scorers`


class RowNetworks(NamedTuple):
    """Networks for one kind of rows, whose scores are averaged: a line and a hidden layer each.

    mean, scale  (n_networks, n_features)
    hidden, hidden_bias  (n_networks, n_hidden, n_features), (n_networks, n_hidden)
    output, line, bias   (n_networks, n_hidden), (n_networks, n_features), (n_networks,)
    """

    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    line: Floats
    bias: Floats

    def scores(self, rows: Floats) -> Floats:
        """(n_rows,) from (n_rows, n_features)."""
        total = np.zeros(len(rows))
        for mean, scale, hidden, hidden_bias, output, line, bias in zip(*self):
            standard = np.clip((rows - mean) / scale, -FARTHEST, FARTHEST)
            total += np.maximum(standard @ hidden.T + hidden_bias, 0) @ output + standard @ line + bias
        return total / len(self.bias)


Networks = Mapping[str, RowNetworks]  # by `networks.KINDS`
