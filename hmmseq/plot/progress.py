"""How a fit went."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hmmseq.plot.style import FAINT, INK, PALETTE, QUIET, new_axes, quieten


def convergence(fit: Any, *, ax: Any = None) -> Any:
    """What EM raised, before each iteration, for all restarts: the best one in colour, a dot where each ended.

    fit : a fitted model with `histories_` or `history_`, a list of histories, or one history

    Early iterations that lie far below are cut off, so that the ends can be told apart.
    """
    histories = _histories(fit)
    best = int(np.argmax([history[-1] for history in histories]))
    ax = new_axes(ax, 6, 3.5)
    for k in sorted(range(len(histories)), key=lambda k: k == best):
        colour = PALETTE[0] if k == best else "0.65"
        history = histories[k]
        steps = np.arange(1, len(history) + 1)
        ax.plot(steps, history, color=colour, linewidth=2 if k == best else 1)
        ax.plot(steps[-1:], history[-1:], "o", color=colour, markersize=5 if k == best else 3.5)
    _annotate(ax, histories, best)
    ax.set_ylim(*_heights(histories))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.ticklabel_format(axis="y", useOffset=False)
    ax.set_xlabel("iteration")
    ax.set_ylabel("log-likelihood + log prior")
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
    quieten(ax)
    return ax


def _histories(fit: Any) -> list[np.ndarray]:
    given = getattr(fit, "histories_", None) or getattr(fit, "history_", fit)
    if not isinstance(given, Sequence | np.ndarray) or not len(given):
        raise ValueError(f"{type(fit).__name__} has no history; expected a fitted model, or its history")
    histories = [np.asarray(history, dtype=np.float64) for history in (given if np.ndim(given[0]) else [given])]
    if not all(len(history) and np.isfinite(history[-1]) for history in histories):
        raise ValueError("a history is empty or does not end in a finite number")
    return histories


def _heights(histories: list[np.ndarray]) -> tuple[float, float]:
    """From the lowest place that a run has reached in a fifth of its iterations to the top."""
    low, high = (
        min(float(h[min(len(h) // 5 + 1, len(h) - 1)]) for h in histories),
        max(float(h.max()) for h in histories),
    )
    room = 0.08 * (high - low) or max(1.0, abs(high)) * 1e-3
    return low - room, high + room


def _annotate(ax: Any, histories: list[np.ndarray], best: int) -> None:
    end = histories[best][-1]
    ax.annotate(
        f"{end:,.2f}",
        (len(histories[best]), end),
        xytext=(-2, 7),
        textcoords="offset points",
        ha="right",
        color=PALETTE[0],
        annotation_clip=False,
    )
    if len(histories) > 1:
        near = sum(bool(end - history[-1] <= 1) for history in histories)
        text = f"{near} of {len(histories)} restarts end within 1 nat of the best"
        ax.set_title(text, loc="left", fontsize="medium", color=INK if near > 1 else QUIET)
