"""What all pictures share: colours, quiet axes, names of states."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# Okabe and Ito's palette (Color Universal Design, 2008), the best told apart first; its yellow is too pale for lines.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31")
INK, QUIET, FAINT = "0.15", "0.45", "0.85"  # text and data; axes; grids


def new_axes(ax: Any, width: float, height: float) -> Any:
    """The axes given, or those of a new figure of so many inches."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("pictures need matplotlib: pip install 'hmmseq[plot]'") from None
    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def quieten(ax: Any, *, keep: Sequence[str] = ("left", "bottom")) -> None:
    """Leave only the spines in `keep`, in grey, so that the data are the darkest thing on the page."""
    for side, spine in ax.spines.items():
        spine.set_visible(side in keep)
        spine.set_color(QUIET)
    ax.tick_params(colors=QUIET, labelcolor=INK, length=3)


def legend_above(ax: Any, handles: Sequence[Any], names: Sequence[str]) -> None:
    """One line above the axes, where it hides no data."""
    ax.legend(
        handles,
        names,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=max(1, min(len(names), 6)),
        frameon=False,
        borderaxespad=0.3,
        handlelength=1.2,
        columnspacing=1.4,
    )


def state_colours(n_states: int) -> list[Any]:
    """A colour for each state: those of PALETTE, or as many steps from dark to light where they do not suffice."""
    if n_states <= len(PALETTE):
        return list(PALETTE[:n_states])
    from matplotlib import colormaps

    return [tuple(colour) for colour in colormaps["viridis"](np.linspace(0.0, 0.95, n_states))]


def state_names(names: Sequence[str] | None, n_states: int) -> list[str]:
    """The names given, one a state, or "state 0", "state 1", ..."""
    if names is None:
        return [f"state {k}" for k in range(n_states)]
    if len(names) < n_states:
        raise ValueError(f"names has {len(names)} entries for {n_states} states; give one a state")
    return [str(name) for name in names]


def patches(colours: Sequence[Any], **style: Any) -> list[Any]:
    """Small coloured fields for a legend."""
    from matplotlib.patches import Patch

    return [Patch(facecolor=colour, **style) for colour in colours]
