"""Densities and moments of Gaussians with independent features.

Steps run in lanes, WIDTH at a time. Steps beside one with a missing feature or an outlier are taken one by one.
"""

import math
from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.lanes import BLOCK, WIDTH, all_below, larger, load, store
from hmmseq.kernels.logmath import LARGEST
from hmmseq.kernels.score_rows import gather, scatter

# Distances are cut here, so that the square of an outlier of 1e200, times a precision, still is a finite score.
FARTHEST = 1e100
ORDINARY = 1e50  # with features whose sizes add up to no more, a step needs no cutting
GROUP = 16  # rows of lanes that are added up in registers


class Normals(NamedTuple):
    """Observations, and a Gaussian for each column; columns that only fill a BLOCK may score anything."""

    values: np.ndarray  # (n_steps, n_features), NaN where missing; read-only
    means: np.ndarray  # (n_features, n)
    roots: np.ndarray  # (n_features, n) square roots of half the precisions
    constant: np.ndarray  # (n_features + 1, n) normalisers of the single features and, in the last row, their sum


class Moments(NamedTuple):
    """Weights, weighted deviations from the means, and their squares.

    Deviations from the present means, not raw moments: sum(x**2) - mean**2 cancels where the data lie far from zero.
    """

    lanes: np.ndarray  # ((2 n_features + 1) n, WIDTH) n weights; then for each feature n deviations and n squares
    single: np.ndarray  # (3, n_features, n) of steps that were taken one by one


def in_blocks(normals: Normals, column: np.ndarray | None = None) -> Normals:
    """Columns column[0], column[1], ... (default: all), rounded up to a BLOCK by copies of the first one."""
    column = np.arange(normals.means.shape[1]) if column is None else column
    columns = np.zeros(-(-len(column) // BLOCK) * BLOCK, dtype=np.int64)
    columns[: len(column)] = column
    return Normals(normals.values, *(rows.take(columns, axis=1) for rows in normals[1:]))


def no_moments(n_features: int, n: int, *places: int) -> Moments:
    """Of none. places: shapes in front, for several of them."""
    lanes, single = ((2 * n_features + 1) * n, WIDTH), (3, n_features, n)
    return Moments(np.zeros((*places, *lanes)), np.zeros((*places, *single)))


def all_moments(moments: Moments) -> np.ndarray:
    """(3 n_features, n) weights, deviations and squares of each feature, added over places."""
    *_, n_features, n = moments.single.shape
    single = moments.single.reshape(-1, 3, n_features, n).sum(0)
    lanes = moments.lanes.reshape(-1, (2 * n_features + 1) * n, WIDTH).sum((0, 2))
    first, second = lanes[n:].reshape(n_features, 2, n).transpose(1, 0, 2)
    return np.concatenate([single[0] + lanes[:n], single[1] + first, single[2] + second])


@jit
def diagonal_scores(normals, out):
    """out[t, j] = log density of step t under column j; NaN features count nothing."""
    n_steps, (n_features, n) = out.shape[0], normals.means.shape
    rows, features, lanes = np.empty(WIDTH, np.int64), np.empty((n_features + 1, WIDTH)), np.empty((n, WIDTH))
    for low in range(0, n_steps, WIDTH):
        for p in range(WIDTH):
            rows[p] = min(low + p, n_steps - 1)
        normal_scores(normals, rows, features, lanes, 0)
        scatter(lanes, rows, out)


@jit
def widest_scores(normals):
    """An upper limit of the difference of two scores of one step, from the range of each feature."""
    n_features, n = normals.means.shape
    flat, size = normals.values.reshape(-1), WIDTH * n_features  # so many side by side
    least, most = np.full(size, np.inf), np.full(size, np.inf)  # `most`: of the negative values
    for begin in range(0, flat.size, size):
        _widen(flat[begin : min(begin + size, flat.size)], least, most)
    total = 0.0
    for d in range(n_features):
        low = high = np.inf
        for k in range(d, size, n_features):
            low, high = min(low, least[k]), min(high, most[k])
        if low > -high:  # never seen
            low = high = 0.0
        top = bottom = normals.constant[d, 0]
        for j in range(n):
            mean, constant = normals.means[d, j], normals.constant[d, j]
            distance = min(max(abs(low - mean), abs(high + mean)), FARTHEST) * normals.roots[d, j]
            top, bottom = max(top, constant), min(bottom, constant - distance * distance)
        total += top - bottom
    return total


@jit(inner=True)
def _widen(block, least, most):
    for k in range(block.size):
        x = block[k]
        least[k] = x if x < least[k] else least[k]
        most[k] = -x if -x < most[k] else most[k]


@jit(inner=True)
def normal_scores(normals, rows, features, out, first):
    """out[first + j] = log density of the steps in `rows` under column j.   features: room for n_features + 1 rows."""
    n_features, n = normals.means.shape
    if not _features(normals.values, rows, features, 0):
        for p in range(WIDTH):
            _single_scores(normals, rows[p], out, first, p)
        return
    means, roots, constant = normals.means, normals.roots, normals.constant
    for j in range(0, n, BLOCK):
        a = b = c = d = load(features, 0) * 0.0
        for f in range(n_features):
            x = load(features, f)
            p, q = (x - means[f, j]) * roots[f, j], (x - means[f, j + 1]) * roots[f, j + 1]
            r, s = (x - means[f, j + 2]) * roots[f, j + 2], (x - means[f, j + 3]) * roots[f, j + 3]
            a, b, c, d = a + p * p, b + q * q, c + r * r, d + s * s
        store(out, first + j, larger(a * -1.0 + constant[n_features, j], -LARGEST))
        store(out, first + j + 1, larger(b * -1.0 + constant[n_features, j + 1], -LARGEST))
        store(out, first + j + 2, larger(c * -1.0 + constant[n_features, j + 2], -LARGEST))
        store(out, first + j + 3, larger(d * -1.0 + constant[n_features, j + 3], -LARGEST))


@jit(inner=True)
def _features(values, rows, out, first):
    """out[first + d] = feature d of the steps in `rows`. Returns whether all are there and ordinary."""
    gather(values, rows, out, first)
    total = larger(load(out, first), load(out, first) * -1.0)
    for d in range(first + 1, first + values.shape[1]):
        total = total + larger(load(out, d), load(out, d) * -1.0)
    return all_below(total, ORDINARY)


@jit(inner=True)  # inlined: a call in the loop over steps, though never made, costs much (docs/kernels.md)
def _single_scores(normals, t, out, first, p):
    n_features, n = normals.means.shape
    for j in range(n):
        total, constant = 0.0, normals.constant[n_features, j]
        for d in range(n_features):
            x = normals.values[t, d]
            if math.isnan(x):
                constant -= normals.constant[d, j]
            else:
                distance = min(abs(x - normals.means[d, j]), FARTHEST) * normals.roots[d, j]
                total += distance * distance
        out[first + j, p] = max(constant - total, -LARGEST)


@jit
def diagonal_sums(normals, posterior, moments):
    """Add the moments of all steps, step t with the weights posterior[t]."""
    n_steps, (n_features, n) = posterior.shape[0], normals.means.shape
    rows, features = np.empty(WIDTH, np.int64), np.empty((GROUP * n_features + 1, WIDTH))
    shares = np.zeros((GROUP * n, WIDTH))
    for low in range(0, n_steps, GROUP * WIDTH):
        groups = min(GROUP, (n_steps - low + WIDTH - 1) // WIDTH)
        for g in range(groups):
            begin = low + g * WIDTH
            for p in range(WIDTH):
                rows[p] = min(begin + p, n_steps - 1)
            gather(posterior, rows, shares, g * n)
            for p in range(n_steps - begin, WIDTH):
                for j in range(n):
                    shares[g * n + j, p] = 0.0
            enter_step(normals, rows, features, g, shares, g * n, moments)
        add_moments(normals, features, shares, 0, groups, moments)


@jit(inner=True)
def enter_step(normals, rows, features, g, shares, first, moments):
    """Features of the steps in `rows` into place g. Where one is missing or an outlier, nothing is left to add later."""
    n_features, n = normals.means.shape
    if not _features(normals.values, rows, features, g * n_features):
        for p in range(WIDTH):
            _single_moments(normals, rows[p], shares, first, p, moments)
        for k in range(n_features):
            for p in range(WIDTH):
                features[g * n_features + k, p] = 0.0
        for j in range(n):
            for p in range(WIDTH):
                shares[first + j, p] = 0.0


@jit(inner=True)
def _single_moments(normals, t, shares, first, p, moments):
    n_features, n = normals.means.shape
    for d in range(n_features):
        x = normals.values[t, d]
        if math.isnan(x):
            continue
        for j in range(n):
            distance, weight = x - normals.means[d, j], shares[first + j, p]
            moments.single[0, d, j] += weight
            moments.single[1, d, j] += weight * distance
            moments.single[2, d, j] += weight * distance * distance


@jit(inner=True)
def add_moments(normals, features, shares, first, groups, moments):
    """Of `groups` rows of lanes: features from row 0 on, weights from row `first` on."""
    n_features, n = normals.means.shape
    means, sums = normals.means, moments.lanes
    for j in range(0, n, BLOCK):
        for k in range(j, j + BLOCK):
            total = load(sums, k)
            for g in range(groups):
                total = total + load(shares, first + g * n + k)
            store(sums, k, total)
        for d in range(n_features):
            at = (2 * d + 1) * n + j
            a, b, c, e = load(sums, at), load(sums, at + 1), load(sums, at + 2), load(sums, at + 3)
            at += n
            p, q, r, s = load(sums, at), load(sums, at + 1), load(sums, at + 2), load(sums, at + 3)
            row = first + j
            for g in range(groups):
                x = load(features, g * n_features + d)
                away = x - means[d, j]
                weighted = away * load(shares, row)
                a, p = a + weighted, p + weighted * away
                away = x - means[d, j + 1]
                weighted = away * load(shares, row + 1)
                b, q = b + weighted, q + weighted * away
                away = x - means[d, j + 2]
                weighted = away * load(shares, row + 2)
                c, r = c + weighted, r + weighted * away
                away = x - means[d, j + 3]
                weighted = away * load(shares, row + 3)
                e, s = e + weighted, s + weighted * away
                row += n
            store(sums, at, p)
            store(sums, at + 1, q)
            store(sums, at + 2, r)
            store(sums, at + 3, s)
            at -= n
            store(sums, at, a)
            store(sums, at + 1, b)
            store(sums, at + 2, c)
            store(sums, at + 3, e)
