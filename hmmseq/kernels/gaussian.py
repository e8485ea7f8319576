"""Sums over steps, features and states for Gaussians with independent features. The inner loop runs over states."""

import numpy as np

from hmmseq._jit import SUMS, jit
from hmmseq.kernels.logmath import LARGEST

# Distances are cut here, so that the square of an outlier of 1e200, times a precision, still is a finite score.
FARTHEST = 1e100


@jit(fastmath=SUMS)
def diagonal_scores(values, means, precisions, constant, out):
    """out[t, j] = constant[j] - 1/2 sum_d (values[t, d] - means[d, j])**2 precisions[d, j]; NaN features count nothing.

    means, precisions: (n_features, n_labels).   constant: (n_features + 1, n_labels), the normalisers of the single
    features and, in the last row, their sum.
    """
    n_steps, n_features = values.shape
    for t in range(n_steps):
        out[t] = 0.0
        missing = 0
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


@jit(fastmath=SUMS)
def diagonal_sums(values, posterior, means, mass, first, second):
    """Add weight, weighted deviation from `means`, and its square: (n_features, n_labels) each.

    Deviations from the present means, not raw moments: sum(x**2) - mean**2 cancels where the data lie far from zero.
    """
    n_steps, n_features = values.shape
    for t in range(n_steps):
        for d in range(n_features):
            x = values[t, d]
            if np.isnan(x):
                continue
            for j in range(posterior.shape[1]):
                distance = x - means[d, j]
                weighted = posterior[t, j] * distance
                mass[d, j] += posterior[t, j]
                first[d, j] += weighted
                second[d, j] += weighted * distance
