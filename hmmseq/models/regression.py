"""Multinomial logistic regression of probabilities that stand side by side in rows, as those of a Markov chain do."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

NEWTON = 20  # steps, at most
ENOUGH = 1e-10  # gain, as a share of the height, below which a climb ends


@dataclass(frozen=True)
class Regression:
    """P(entry | its row, u) is proportional to exp(coefs[entry] @ [1, u]).

    Adding one vector to all of a row changes nothing: constants are the logarithms of the probabilities at u = 0, and the
    penalty makes slopes add up to zero.
    """

    row: np.ndarray  # (n_entries,)
    coefs: np.ndarray  # (n_entries, 1 + n_inputs), constants first
    penalty: float  # of half the sum of squares of the slopes: a normal prior of this precision

    @classmethod
    def constant(cls, row: np.ndarray, log_probability: np.ndarray, n_inputs: int, penalty: float) -> "Regression":
        """Inputs that do not matter. Entries of probability zero are none."""
        coefs = np.zeros((len(row), 1 + n_inputs))
        coefs[:, 0] = log_probability
        return cls(row, coefs, penalty)

    def log_probability(self, inputs: np.ndarray) -> np.ndarray:
        """(n, n_entries) for inputs (n, n_inputs)."""
        out = _design(inputs) @ self.coefs.T
        for entries in self._rows():
            out[:, entries] -= logsumexp(out[:, entries], axis=1, keepdims=True)
        return out

    def maximise(self, inputs: np.ndarray, counts: np.ndarray) -> "Regression":
        """More likely, less its penalty, for these counts (n, n_entries); no row is ever less likely than before."""
        design, coefs = _design(inputs), self.coefs.copy()
        for entries in self._rows():
            if counts[:, entries].sum() > 0:
                coefs[entries] = _climb(coefs[entries], design, counts[:, entries], self.penalty)
        return replace(self, coefs=coefs)

    def log_prior(self) -> float:
        """Log density of the prior of the slopes, up to a constant."""
        return -0.5 * self.penalty * float(np.sum(self.coefs[:, 1:] ** 2))

    @property
    def n_free(self) -> int:
        """Degrees of freedom: one entry of each row follows from the others."""
        return (len(self.row) - len(self._rows())) * self.coefs.shape[1]

    def _rows(self) -> list[np.ndarray]:
        return [np.flatnonzero(self.row == i) for i in np.unique(self.row)]


def _design(inputs: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(inputs)), inputs])


def _climb(coefs: np.ndarray, design: np.ndarray, counts: np.ndarray, penalty: float) -> np.ndarray:
    """Newton's method on a concave function, with steps that are halved until they go up (Boyd and Vandenberghe, ch. 9)."""
    slopes = np.ones_like(coefs)
    slopes[:, 0] = 0.0
    total = counts.sum(1)

    def height(coefs: np.ndarray) -> float:
        return float(np.sum(counts * _log_share(design, coefs)) - 0.5 * penalty * np.sum(slopes * coefs**2))

    here = height(coefs)
    for _ in range(NEWTON):
        share = np.exp(_log_share(design, coefs))
        rise = (counts - total[:, None] * share).T @ design - penalty * slopes * coefs
        bend = _curvature(design, share, total) + np.diag(penalty * slopes.reshape(-1))
        step = np.linalg.lstsq(bend, rise.reshape(-1))[0].reshape(coefs.shape)
        size, found = 1.0, height(coefs + step)
        while not found >= here and size > 1e-6:
            size /= 2
            found = height(coefs + size * step)
        if not found >= here:
            break
        gain, coefs, here = found - here, coefs + size * step, found
        if gain <= ENOUGH * abs(here):
            break
    coefs = coefs.copy()
    coefs[:, 0] -= logsumexp(coefs[:, 0])
    coefs[:, 1:] -= coefs[:, 1:].mean(axis=0)
    return coefs


def _log_share(design: np.ndarray, coefs: np.ndarray) -> np.ndarray:
    predictor = design @ coefs.T
    return predictor - logsumexp(predictor, axis=1, keepdims=True)


def _curvature(design: np.ndarray, share: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Minus the second derivatives, (n_entries * n_coefs) squared."""
    n, q = share.shape[1], design.shape[1]
    out = np.zeros((n, q, n, q))
    for j in range(n):
        for k in range(n):
            weight = total * share[:, j] * ((j == k) - share[:, k])
            out[j, :, k] = (design.T * weight) @ design
    return out.reshape(n * q, n * q)
