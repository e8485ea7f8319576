"""Whether a model's words hold: residuals that are normal and independent of one another, probabilities that come true.

Residuals are normal pseudo-residuals (Zucchini, MacDonald and Langrock, Hidden Markov Models for Time Series, 2nd ed. 2016,
chapter 6), or any others that should be standard normal and independent.
"""

from typing import Any

import numpy as np
from scipy.special import betaincinv, ndtri

from hmmseq.plot.style import FAINT, PALETTE, QUIET, new_axes, quieten
from hmmseq.sequences import Sequences


def quantiles(residuals: Any, *, ax: Any = None) -> Any:
    """Quantiles of residuals beside those of a standard normal distribution, with the range that holds 95 % of each.

    residuals : (n_steps,), or a list of such arrays; NaN is left out. The k-th of n ordered uniform numbers has a Beta(k,
    n + 1 - k) distribution, whose quantiles the range shows: point by point, so that one in twenty may lie outside.
    """
    sample = np.sort(_pooled(residuals).values)
    sample = sample[~np.isnan(sample)]
    if not len(sample):
        raise ValueError("residuals hold no number; all are NaN, or there are none")
    n, rank = len(sample), np.arange(1, len(sample) + 1)
    expected = ndtri((rank - 0.5) / n)
    low, high = (ndtri(betaincinv(rank, n + 1 - rank, share)) for share in (0.025, 0.975))
    ax = new_axes(ax, 4.2, 4)
    ax.fill_between(expected, low, high, color=FAINT, linewidth=0, label="95 % range")
    ax.plot(expected[[0, -1]], expected[[0, -1]], color=QUIET, linewidth=1)
    ax.plot(expected, sample, "o", color=PALETTE[0], markersize=3.5, markeredgewidth=0, alpha=0.7)
    ax.set_xlabel("standard normal quantile")
    ax.set_ylabel("residual")
    quieten(ax)
    return ax


def autocorrelation(residuals: Any, *, n_lags: int = 20, ax: Any = None) -> Any:
    """Autocorrelation of residuals by lag, and the range that holds 95 % of each where they are independent.

    residuals : (n_steps,), or a list of such arrays, within which pairs are counted; NaN is left out
    """
    correlations, n_steps = _autocorrelations(_pooled(residuals), n_lags)
    lags = np.arange(1, len(correlations) + 1)
    limit = 1.96 / np.sqrt(n_steps)
    ax = new_axes(ax, 5.5, 3)
    ax.axhspan(-limit, limit, color=FAINT, linewidth=0)
    ax.axhline(0, color=QUIET, linewidth=0.8)
    colours = [PALETTE[1] if abs(r) > limit else PALETTE[0] for r in correlations]
    ax.vlines(lags, 0, correlations, colors=colours, linewidth=2)
    ax.scatter(lags, correlations, c=colours, s=22, zorder=3)
    ax.set_xlim(0, lags[-1] + 0.7)
    highest = max(1.4 * limit, 1.15 * float(np.abs(correlations).max()))
    ax.set_ylim(-highest, highest)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("lag (steps)")
    ax.set_ylabel("autocorrelation")
    quieten(ax)
    return ax


def reliability(stated: Any, observed: Any, n: Any = None, *, ax: Any = None) -> Any:
    """How often stated probabilities came true, beside the diagonal, where they come true as often as they say.

    stated, observed : (n_bins,) mean probability stated, and share that came true, 0 to 1
    n : (n_bins,) how many there are in each bin; with it, lines hold 95 % of what such a share can be by chance (Wilson, J.
        Am. Stat. Assoc. 22, 1927), and points are drawn by size
    """
    stated, observed = np.asarray(stated, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    if stated.shape != observed.shape or stated.ndim != 1 or not len(stated):
        raise ValueError(f"stated {stated.shape} and observed {observed.shape}; expected (n_bins,) each, at least one")
    ax = new_axes(ax, 4.2, 4.2)
    ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
    sizes = np.full(len(stated), 28.0)
    if n is not None:
        n = np.asarray(n, dtype=np.float64)
        sizes = 16 + 64 * np.sqrt(n / n.max())
        middle = (observed + 1.92 / n) / (1 + 3.84 / n)
        reach = 1.96 * np.sqrt(observed * (1 - observed) / n + 0.96 / n**2) / (1 + 3.84 / n)
        ax.vlines(stated, middle - reach, middle + reach, color=PALETTE[0], linewidth=1.2, alpha=0.6)
    ax.plot(stated, observed, color=PALETTE[0], linewidth=0.8, alpha=0.5)
    ax.scatter(stated, observed, s=sizes, color=PALETTE[0], zorder=3)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_aspect("equal")
    ax.set_xlabel("stated probability")
    ax.set_ylabel("share that came true")
    ax.grid(color=FAINT, linewidth=0.6)
    quieten(ax)
    return ax


def _autocorrelations(residuals: Sequences, n_lags: int) -> tuple[np.ndarray, int]:
    """(n_lags,) sums over pairs of steps of one sequence, over the sum of squares; and the number of residuals."""
    n_lags = min(int(n_lags), int(residuals.lengths.max(initial=0)) - 1)
    seen = ~np.isnan(residuals.values)
    if n_lags < 1 or seen.sum() < 2:
        raise ValueError("an autocorrelation needs n_lags of at least 1 and a sequence of at least 2 residuals")
    centred = np.where(seen, residuals.values - np.nanmean(residuals.values), 0.0)
    square = float(centred @ centred)
    if not square:
        raise ValueError("all residuals are equal; they have no autocorrelation")
    pieces = residuals.unpack(centred)
    sums = [sum(float(piece[lag:] @ piece[:-lag]) for piece in pieces) for lag in range(1, n_lags + 1)]
    return np.array(sums) / square, int(seen.sum())


def _pooled(residuals: Any) -> Sequences:
    if not len(residuals):
        raise ValueError("residuals are empty; expected (n_steps,), or a list of such arrays")
    packed = Sequences.pack(residuals)
    values = np.asarray(packed.values, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or np.isinf(values).any():
        raise ValueError(
            f"residuals have shape {values.shape}; expected (n_steps,) finite numbers, one column at a time"
        )
    return Sequences(values, packed.offsets)
