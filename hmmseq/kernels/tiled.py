"""Tile after tile: total log scores and expected counts of all pieces of a share; rows carried over their seams."""

import math

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.tile_counts import count_tile
from hmmseq.kernels.tiles import forward_tile


@jit
def tile_totals(model, code, pieces, tiles, a, b, warmup, room, seams, out):
    """Log total of each piece of tiles a ... b - 1 into `out`. Tile k holds pieces tiles[k] ... tiles[k + 1] - 1."""
    for k in range(a, b):
        low, high = tiles[k], tiles[k + 1]
        forward_tile(model, code, pieces, low, high, warmup, room, out[low:high], seams)


@jit
def tile_counts(model, code, slot, pieces, tiles, a, b, warmup, room, seams, out, uses, pairs, starts, ends):
    """The same, and the expected uses of labels, pairs of states (n * n, WIDTH), starts and ends (n, WIDTH)."""
    n, work = model.start.size, room.work
    beta, posterior, factor, ahead = work[:n], work[n : 2 * n], work[2 * n : 2 * n + 1], work[2 * n + 1 :]
    for k in range(a, b):
        low, high = tiles[k], tiles[k + 1]
        forward_tile(model, code, pieces, low, high, warmup, room, out[low:high], seams)
        count_tile(
            model, code, slot, pieces, low, high, room, seams, uses, pairs, starts, ends, beta, ahead, posterior, factor
        )  # fmt: skip


@jit
def carry(order, opens, first, rows, logs, end, before, last):
    """Exact rows at the seams of pieces that were run from each state alone; their sums are one.

    order: pieces in the order of their sequences.   rows[first[k] + i], logs[first[k] + i]: the last row of piece k and its
    log total, begun in state i; of a piece that opens a sequence one row, begun as it begins.
    before: (n_pieces, n) alpha before the core.   last: beta at the last step.
    """
    row, out, weight = np.zeros(end.size), np.zeros(end.size), np.zeros(end.size)
    for piece in order:
        if not opens[piece]:
            for j in range(end.size):
                before[piece, j] = row[j]
            _weights(logs, first[piece], first[piece + 1], weight)
            for j in range(end.size):
                out[j] = 0.0
                for i in range(first[piece + 1] - first[piece]):
                    out[j] += row[i] * weight[i] * rows[first[piece] + i, j]
        else:
            for j in range(end.size):
                out[j] = rows[first[piece], j]
        _divide(out, row)
    for q in range(order.size - 1, -1, -1):
        piece = order[q]
        if q == order.size - 1 or opens[order[q + 1]]:
            for j in range(end.size):
                out[j] = end[j]
        for j in range(end.size):
            last[piece, j] = out[j]
        if opens[piece]:
            continue
        _divide(out, row)
        _weights(logs, first[piece], first[piece + 1], weight)
        for i in range(first[piece + 1] - first[piece]):
            out[i] = 0.0
            for j in range(end.size):
                out[i] += weight[i] * rows[first[piece] + i, j] * row[j]


@jit(inner=True)
def _weights(logs, low, high, out):
    """Exponentials of logs[low:high], the largest being one."""
    top = NEVER
    for k in range(low, high):
        top = max(top, logs[k])
    for k in range(low, high):
        out[k - low] = math.exp(logs[k] - top) if top > NEVER else 0.0


@jit(inner=True)
def _divide(row, out):
    """A row divided by its sum."""
    total = 0.0
    for j in range(row.size):
        total += row[j]
    for j in range(row.size):
        out[j] = row[j] / total if total > 0.0 else 0.0
