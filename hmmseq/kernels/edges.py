"""Moving along the edges of a graph: the arithmetic every question is made of.

A row holds one log score per state. Edges are grouped by target: those into `j` are `first[j]:first[j + 1]`.
Backward is forward along reversed edges, so nothing here knows a direction.

Where most edges exist, or where they lie on few diagonals (stay, go on, jump over one), their weights are kept as a
matrix too and the inner loops become vectors: at 4 states neither is faster, at 16 the plain list takes 2.5 times as
long, at 256 ten times, and for the largest of three diagonals five times (`python -m benchmarks.primitives`). An empty
matrix means "follow the list"; asking for it at run time costs a branch a call, and one compiled kernel serves every
graph.
"""

import math
from typing import NamedTuple

import numpy as np

from hmmseq._jit import SUMS, jit
from hmmseq.kernels.logmath import NEVER, exp_row, largest, log_row

# Sums below this have lost digits: they are redone exactly, edge by edge. Forced paths (start and end pinned) cross
# gaps of thousands of nats and need this.
TINY = 1e-280
# Products of exponentials are used up to this many nats; above, exp() could overflow: count edge by edge instead.
LARGE = 600.0


class Edges(NamedTuple):
    """Weighted edges, grouped by target."""

    first: np.ndarray  # (n_states + 1,) edges into j are first[j]:first[j + 1]
    source: np.ndarray  # (n_edges,)
    log_weight: np.ndarray  # (n_edges,)
    weight: np.ndarray  # (n_edges,) exp(log_weight - peak[target])
    peak: np.ndarray  # (n_states,) largest log weight into each state, 0 where there is none
    matrix: np.ndarray  # (n_rows, n_states) weight of the edge into j in row k, 0 where there is none; or (0, 0)
    log_matrix: np.ndarray  # the same in logs
    row: np.ndarray  # (n_edges,) row of the matrix that each edge is in: its source, or its diagonal
    shift: np.ndarray  # (n_rows,) target - source on each diagonal; empty where row k holds the edges from state k


@jit(inner=True, inline=False)
def weigh(edges, column, log_weights):
    """Give the edges other weights: edge e has log_weights[column[e]]."""
    for j in range(edges.peak.size):
        top = NEVER
        for e in range(edges.first[j], edges.first[j + 1]):
            edges.log_weight[e] = log_weights[column[e]]
            top = max(top, edges.log_weight[e])
        edges.peak[j] = top if top > NEVER else 0.0
        for e in range(edges.first[j], edges.first[j + 1]):
            edges.weight[e] = edges.log_weight[e] - edges.peak[j]
    exp_row(edges.weight, edges.weight)
    if edges.matrix.size:
        for j in range(edges.peak.size):
            for e in range(edges.first[j], edges.first[j + 1]):
                edges.matrix[edges.row[e], j] = edges.weight[e]
                edges.log_matrix[edges.row[e], j] = edges.log_weight[e]


@jit(inner=True)
def gather_best(edges, row, j):
    """max_i row[i] + w[i, j]."""
    top = NEVER
    for e in range(edges.first[j], edges.first[j + 1]):
        top = max(top, row[edges.source[e]] + edges.log_weight[e])
    return top


@jit(inner=True)
def gather(edges, row, j):
    """Exact log sum_i exp(row[i] + w[i, j])."""
    top = gather_best(edges, row, j)
    if top == NEVER:
        return top
    total = 0.0
    for e in range(edges.first[j], edges.first[j + 1]):
        total += math.exp(row[edges.source[e]] + edges.log_weight[e] - top)
    return top + math.log(total)


@jit(inner=True)
def propagate(edges, row, out, work):
    """out[j] = log sum_i exp(row[i] + w[i, j]): shift by the largest, multiply and add, one log per state."""
    top = largest(row)
    if top == NEVER:
        out[:] = NEVER
        return
    for i in range(row.size):
        out[i] = row[i] - top
    exp_row(out, work)  # in place it would not run in vector registers
    _weighted_sums(edges, work, out)
    log_row(out, work)
    for j in range(out.size):
        if out[j] > TINY:
            out[j] = work[j] + top + edges.peak[j]
        else:
            out[j] = gather(edges, row, j)


@jit(inner=True)
def _diagonal(edges, k):
    """The targets low ... high - 1 that diagonal k has sources for, and how far away these are."""
    shift = edges.shift[k]
    return max(shift, 0), min(edges.peak.size, edges.peak.size + shift), shift


@jit(fastmath=SUMS, inner=True, inline=False)
def _add_product(a, b, out):
    """Of slices, whose positions start at zero: an index j - shift might be negative, and Numba would ask each time."""
    for j in range(out.size):
        out[j] += a[j] * b[j]


@jit(inner=True, inline=False)
def _raise_to_sum(a, b, out):
    for j in range(out.size):
        out[j] = max(out[j], a[j] + b[j])


@jit(fastmath=SUMS, inner=True)
def _weighted_sums(edges, work, out):
    if edges.shift.size:
        out[:] = 0.0
        for k in range(edges.shift.size):
            low, high, shift = _diagonal(edges, k)
            _add_product(work[low - shift : high - shift], edges.matrix[k, low:high], out[low:high])
    elif edges.matrix.size:
        out[:] = 0.0
        for i in range(work.size):
            for j in range(out.size):
                out[j] += work[i] * edges.matrix[i, j]
    else:
        for j in range(out.size):
            total = 0.0
            for e in range(edges.first[j], edges.first[j + 1]):
                total += edges.weight[e] * work[edges.source[e]]
            out[j] = total


@jit(inner=True)
def propagate_best(edges, row, out):
    """out[j] = max_i row[i] + w[i, j]. Only the maximum: `decode` finds its source again for the states on the path."""
    if edges.shift.size:
        out[:] = NEVER
        for k in range(edges.shift.size):
            low, high, shift = _diagonal(edges, k)
            _raise_to_sum(row[low - shift : high - shift], edges.log_matrix[k, low:high], out[low:high])
    elif edges.matrix.size:
        out[:] = NEVER
        for i in range(row.size):
            for j in range(out.size):
                out[j] = max(out[j], row[i] + edges.log_matrix[i, j])
    else:
        for j in range(out.size):
            out[j] = gather_best(edges, row, j)


@jit(inner=True)
def count(edges, row, ahead, log_total, weight, work, counts):
    """Add the expected use of every edge: weight * exp(row[i] + w[i, j] + ahead[j] - log_total).

    row: all ways into i.   ahead: all ways on from j, its own score included.   counts: as the matrix, else
    (1, n_edges).   work: (2, n_states).
    """
    top = largest(row)
    if top == NEVER or largest(ahead) == NEVER:
        return
    if top + largest(ahead) + largest(edges.peak) - log_total > LARGE:
        _add_exponentials(edges, row, ahead, log_total, weight, counts)
        return
    for j in range(row.size):
        work[0, j] = row[j] - top
        work[1, j] = ahead[j] + edges.peak[j] + top - log_total
    exp_row(work[0], work[0])
    exp_row(work[1], work[1])
    _add_products(edges, work[0], work[1], weight, counts)


@jit(fastmath=SUMS, inner=True)
def _add_products(edges, left, right, weight, counts):
    if edges.shift.size:
        for k in range(edges.shift.size):
            low, high, shift = _diagonal(edges, k)
            for j in range(low, high):
                counts[k, j] += weight * right[j] * (edges.matrix[k, j] * left[j - shift])
    elif edges.matrix.size:
        for i in range(left.size):
            scaled = weight * left[i]
            for j in range(right.size):
                counts[i, j] += scaled * (edges.matrix[i, j] * right[j])
    else:
        for j in range(right.size):
            scaled = weight * right[j]
            for e in range(edges.first[j], edges.first[j + 1]):
                counts[0, e] += scaled * (edges.weight[e] * left[edges.source[e]])


@jit(inner=True)
def _add_exponentials(edges, row, ahead, log_total, weight, counts):
    for j in range(ahead.size):
        for e in range(edges.first[j], edges.first[j + 1]):
            i = edges.source[e]
            score = row[i] + edges.log_weight[e] + ahead[j]
            if score > NEVER:
                added = weight * math.exp(score - log_total)
                if edges.matrix.size:
                    counts[edges.row[e], j] += added
                else:
                    counts[0, e] += added
