"""Tile after tile: total log scores and expected counts of all pieces of a share."""

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.lanes import WIDTH
from hmmseq.kernels.tile_counts import BACKLOG, count_tile
from hmmseq.kernels.tiles import forward_tile


@jit
def tile_totals(model, code, pieces, tiles, a, b, warmup, room, seams, out):
    """Log total of each piece of tiles a ... b - 1 into `out`. Tile k holds pieces tiles[k] ... tiles[k + 1] - 1."""
    for k in range(a, b):
        low, high = tiles[k], tiles[k + 1]
        forward_tile(model, code, pieces, low, high, warmup, room, out[low:high], seams)


@jit
def tile_counts(model, code, slot, pieces, tiles, a, b, warmup, room, seams, out, labels, pairs, starts, ends):
    """The same, and the expected uses of labels, pairs of states (n * n, WIDTH), starts and ends."""
    n = model.start.size
    beta, ahead = np.empty((n, WIDTH)), np.zeros((BACKLOG * n, WIDTH))
    for k in range(a, b):
        low, high = tiles[k], tiles[k + 1]
        forward_tile(model, code, pieces, low, high, warmup, room, out[low:high], seams)
        count_tile(
            model, code, slot, pieces, low, high, room, seams, labels, pairs, starts, ends, beta, ahead
        )  # fmt: skip
