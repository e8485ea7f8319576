"""Sums over steps, features and states for Gaussians with independent features.

Steps run in lanes, WIDTH at a time. Blocks with a missing feature or an outlier, and the last steps, take a loop over
states.
"""

import numpy as np

from hmmseq._jit import SUMS, jit
from hmmseq.kernels.lanes import BLOCK, WIDTH, columns, load, put_columns, store
from hmmseq.kernels.logmath import LARGEST

# Distances are cut here, so that the square of an outlier of 1e200, times a precision, still is a finite score.
FARTHEST = 1e100
ORDINARY = 1e100  # with squares that add up to no more, a step needs no cutting
GROUP = 4  # rows of lanes that are added up in registers


@jit
def diagonal_scores(values, means, precisions, constant, roots, out):
    """out[t, j] = constant[j] - 1/2 sum_d (values[t, d] - means[d, j])**2 precisions[d, j]; NaN features count nothing.

    means: (n_features, n), n_labels rounded up to a BLOCK.   roots: the same, square roots of half the precisions.
    precisions: (n_features, n_labels).   constant: (n_features + 1, n_labels), the normalisers of the single features and,
    in the last row, their sum.
    """
    n_steps, n_features = values.shape
    features, rows = np.empty((n_features + BLOCK, WIDTH)), np.arange(WIDTH)
    n_blocks = max(n_steps - BLOCK, 0) // WIDTH  # the last rows are left out: columns run on into the next
    for b in range(n_blocks):
        if _gather(values, rows, features, 0):
            _block_scores(features, means, roots, constant, rows, out)
        else:
            _single_scores(values, means, precisions, constant, b * WIDTH, b * WIDTH + WIDTH, out)
        for p in range(WIDTH):
            rows[p] += WIDTH
    _single_scores(values, means, precisions, constant, n_blocks * WIDTH, n_steps, out)


@jit(inner=True)
def _gather(values, rows, features, first):
    """features[first + d] = feature d of the steps in `rows`. Returns whether all are there and ordinary."""
    n_features = values.shape[1]
    for d in range(0, n_features, BLOCK):
        block = columns(values, rows, d)
        for k in range(BLOCK):
            store(features, first + d + k, block[k])
    total = load(features, first) * load(features, first)
    for d in range(first + 1, first + n_features):
        total = total + load(features, d) * load(features, d)
    at = first + n_features  # of what columns ran on into, nothing is needed
    store(features, at, total)
    ordinary = True
    for p in range(WIDTH):
        ordinary = ordinary and features[at, p] < ORDINARY  # a NaN is not
    return ordinary


@jit(inner=True)
def _block_scores(features, means, roots, constant, rows, out):
    """The last columns first: what runs on into the next row is overwritten."""
    n_features, n = roots.shape
    last = constant.shape[0] - 1
    for j in range(n - BLOCK, -1, -BLOCK):
        a = b = c = d = load(features, 0) * 0.0
        for f in range(n_features):
            x = load(features, f)
            p, q = (x - means[f, j]) * roots[f, j], (x - means[f, j + 1]) * roots[f, j + 1]
            r, s = (x - means[f, j + 2]) * roots[f, j + 2], (x - means[f, j + 3]) * roots[f, j + 3]
            a, b, c, d = a + p * p, b + q * q, c + r * r, d + s * s
        put_columns(out, rows, j, (a, b, c, d))
    for p in range(WIDTH):
        for j in range(out.shape[1]):
            out[rows[p], j] = constant[last, j] - out[rows[p], j]


@jit(fastmath=SUMS)
def _single_scores(values, means, precisions, constant, low, high, out):
    n_features = values.shape[1]
    for t in range(low, high):
        missing = 0
        for j in range(out.shape[1]):
            out[t, j] = 0.0
        for d in range(n_features):
            x = values[t, d]
            if np.isnan(x):
                missing += 1
                continue
            for j in range(out.shape[1]):
                distance = min(abs(x - means[d, j]), FARTHEST)
                out[t, j] += distance * distance * precisions[d, j]
        for j in range(out.shape[1]):
            out[t, j] = max(constant[n_features, j] - 0.5 * out[t, j], -LARGEST)
        if missing:
            for d in range(n_features):
                if np.isnan(values[t, d]):
                    for j in range(out.shape[1]):  # `out[t] -= constant[d]` takes two seconds more to compile
                        out[t, j] -= constant[d, j]


@jit
def diagonal_sums(values, posterior, means, mass, first, second):
    """Add weight, weighted deviation from `means`, and its square: (n_features, n_labels) each.

    Deviations from the present means, not raw moments: sum(x**2) - mean**2 cancels where the data lie far from zero.
    """
    n_steps, n_features = values.shape
    n_labels = posterior.shape[1]
    room, rows = n_features + BLOCK, np.arange(WIDTH)
    features, shares = np.empty((GROUP * room, WIDTH)), np.empty((GROUP * (n_labels + BLOCK), WIDTH))
    sums = np.zeros(((2 * n_features + 1) * n_labels, WIDTH))
    size = GROUP * WIDTH
    n_blocks = max(n_steps - BLOCK, 0) // size
    for b in range(n_blocks):
        ordinary = True
        for g in range(GROUP):
            for p in range(WIDTH):
                rows[p] = b * size + g * WIDTH + p
            ordinary = _gather(values, rows, features, g * room) and ordinary
            for j in range(0, n_labels, BLOCK):
                block = columns(posterior, rows, j)
                for k in range(BLOCK):
                    store(shares, g * (n_labels + BLOCK) + j + k, block[k])
        if ordinary:
            _block_sums(features, room, shares, n_labels, means, sums)
        else:
            _single_sums(values, posterior, means, b * size, b * size + size, mass, first, second)
    _single_sums(values, posterior, means, n_blocks * size, n_steps, mass, first, second)
    _add_lanes(sums, mass, first, second)


@jit(inner=True)
def _block_sums(features, room, shares, n_labels, means, sums):
    """Row (2 d + 1) n + j of `sums`: deviations; the next n rows: their squares; the first n rows: weights."""
    n_features, wide = means.shape[0], n_labels + BLOCK
    for j in range(n_labels):
        total = load(sums, j)
        for g in range(GROUP):
            total = total + load(shares, g * wide + j)
        store(sums, j, total)
    for d in range(n_features):
        for j in range(n_labels):
            at, mean = (2 * d + 1) * n_labels + j, means[d, j]
            one, two = load(sums, at), load(sums, at + n_labels)
            for g in range(GROUP):
                away = load(features, g * room + d) - mean
                weighted = away * load(shares, g * wide + j)
                one, two = one + weighted, two + weighted * away
            store(sums, at, one)
            store(sums, at + n_labels, two)


@jit(inner=True)
def _add_lanes(sums, mass, first, second):
    n_features, n_labels = mass.shape
    for d in range(n_features):
        for j in range(n_labels):
            at = (2 * d + 1) * n_labels + j
            for p in range(WIDTH):
                mass[d, j] += sums[j, p]
                first[d, j] += sums[at, p]
                second[d, j] += sums[at + n_labels, p]


@jit(fastmath=SUMS)
def _single_sums(values, posterior, means, low, high, mass, first, second):
    for t in range(low, high):
        for d in range(values.shape[1]):
            x = values[t, d]
            if np.isnan(x):
                continue
            for j in range(posterior.shape[1]):
                distance = x - means[d, j]
                weighted = posterior[t, j] * distance
                mass[d, j] += posterior[t, j]
                first[d, j] += weighted
                second[d, j] += weighted * distance
