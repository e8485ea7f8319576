"""Tile after tile: total log scores and expected counts of all pieces of a share."""

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.tiles import count_tile, forward_tile


@jit
def tile_totals(model, code, pieces, tiles, a, b, warmup, seams, out):
    """Log total of each piece of tiles a ... b - 1 into `out`. Tile k holds pieces tiles[k] ... tiles[k + 1] - 1."""
    n_states = model.start.size
    for k in range(a, b):
        low, high = tiles[k], tiles[k + 1]
        alpha = np.zeros((2, high - low, n_states))
        factors = np.empty((pieces.length[low] // model.every + 1, high - low))
        logs = np.zeros(high - low)
        forward_tile(model, code, pieces, low, high, warmup, alpha, factors, logs, seams)
        out[low:high] = logs


@jit
def tile_counts(model, code, slot, pieces, tiles, a, b, warmup, seams, out, labels, pairs, starts, ends):
    """The same, and the expected uses of labels, pairs of states, starts and ends."""
    n_states, every = model.start.size, model.every
    for k in range(a, b):
        low, high = tiles[k], tiles[k + 1]
        n_blocks = (pieces.length[low] - 1) // every + 1
        # One row before the first step, and whole blocks: what lies past the last step is zero.
        alpha = np.zeros((n_blocks * every + 1, high - low, n_states))
        factors = np.empty((n_blocks + 1, high - low))
        logs = np.zeros(high - low)
        forward_tile(model, code, pieces, low, high, warmup, alpha, factors, logs, seams)
        out[low:high] = logs
        count_tile(
            model, code, slot, pieces, low, high, warmup, alpha, factors, seams, labels, pairs, starts, ends
        )  # fmt: skip
