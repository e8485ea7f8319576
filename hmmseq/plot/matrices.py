"""Transition probabilities: as a table in colours, and as circles and arrows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hmmseq.plot.style import INK, PALETTE, QUIET, new_axes, quieten, state_colours, state_names

_WRITTEN = 12  # states up to which each probability is written into its field
_RADIUS = 0.32  # of the circle of a state; neighbours are 2 or more apart


def transitions(model: Any, *, names: Sequence[str] | None = None, ax: Any = None) -> Any:
    """The transition matrix as a table in colours: rows are states left, columns states entered; never is an empty field.

    model : a fitted model with `transmat_`, or an (n_states, n_states) matrix
    names : of the states
    """
    from matplotlib.colors import LinearSegmentedColormap

    matrix = _matrix(model)
    n, side = len(matrix), min(1.6 + 0.62 * len(matrix), 8)
    names = state_names(names, n) if names is not None else [str(k) for k in range(n)]
    ax = new_axes(ax, side + 0.6, side)
    colours = LinearSegmentedColormap.from_list("blue", ["#FFFFFF", "#B9D7EA", PALETTE[0], "#00314D"])
    image = ax.imshow(np.where(matrix > 0, matrix, np.nan), cmap=colours, vmin=0, vmax=1)
    if n <= _WRITTEN:
        for i, j in zip(*np.nonzero(matrix)):
            colour = "white" if matrix[i, j] > 0.5 else INK
            ax.text(j, i, probability(matrix[i, j]), ha="center", va="center", color=colour)
    else:
        ax.figure.colorbar(image, ax=ax, shrink=0.8, label="probability").outline.set_visible(False)
    step = -(-n // 15)
    ax.set_xticks(range(0, n, step), names[:n:step], rotation=90 if max(map(len, names)) > 8 else 0)
    ax.set_yticks(range(0, n, step), names[:n:step])
    ax.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1.5 if n <= 30 else 0)
    ax.xaxis.set_label_position("top")
    ax.xaxis.tick_top()
    quieten(ax, keep=())
    ax.tick_params(which="both", length=0)
    ax.set_xlabel("to")
    ax.set_ylabel("from")
    return ax


def diagram(model: Any, *, names: Sequence[str] | None = None, least: float = 0.005, ax: Any = None) -> Any:
    """States as circles, transitions as arrows, the wider the more probable.

    States that only lead onward stand in a row, others in a ring, clockwise from the top.

    model, names : as in `transitions`
    least : arrows of less probability are left out
    """
    matrix = _matrix(model)
    n = len(matrix)
    names = state_names(names, n) if names is not None else [str(k) for k in range(n)]
    in_a_row = n > 2 and not np.tril(matrix, -1).any()
    places = _row(n) if in_a_row else _ring(n)
    ax = new_axes(ax, *((min(1.2 * n + 1, 14), 2.6) if in_a_row else (5, 5)))
    for i, j in zip(*np.nonzero(matrix >= max(least, 1e-300))):
        if i == j:
            _loop(ax, places[i], np.array([0.0, 1.0]) if in_a_row else _outward(places[i]), matrix[i, i])
        else:
            _arrow(ax, places[i], places[j], matrix[i, j], bend=_bend(int(j - i)) if in_a_row else 0.22)
    inside = max(map(len, names)) <= 4
    for place, name, colour in zip(places, names, state_colours(n)):
        _circle(ax, place, name, colour, inside)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.margins(0.03)
    ax.autoscale_view()
    return ax


def probability(p: float) -> str:
    """Two digits, or more where a probability is near 0 or 1: 0.5, 0.98, 0.997, 0.002, <0.001."""
    if p < 0.0005:
        return "<0.001"
    digits = 2 if 0.005 <= p <= 0.995 or p == 1 else 3
    text = f"{p:.{digits}f}"
    return ">0.999" if p < 1 and float(text) == 1 else text.rstrip("0").rstrip(".")


def _matrix(model: Any) -> np.ndarray:
    try:
        matrix = np.asarray(getattr(model, "transmat_", model), dtype=np.float64)
    except TypeError:
        raise ValueError(f"{model!r} has no transition matrix; expected a fitted model, or a matrix") from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ValueError(f"a transition matrix has shape {matrix.shape}; expected (n_states, n_states)")
    if not np.all((matrix >= 0) & (matrix <= 1 + 1e-6)):
        raise ValueError("a transition matrix holds probabilities, 0 to 1; some entries are not")
    return np.minimum(matrix, 1.0)


def _row(n: int) -> np.ndarray:
    return np.stack([2.0 * np.arange(n), np.zeros(n)], axis=1)


def _ring(n: int) -> np.ndarray:
    """(n, 2) places on a ring, at least 2 from each other."""
    radius = 0.0 if n == 1 else 1.0 / np.sin(np.pi / n)
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / n if n != 2 else np.array([np.pi, 0.0])
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _outward(place: np.ndarray) -> np.ndarray:
    length = float(np.hypot(*place))
    return place / length if length > 1e-9 else np.array([0.0, 1.0])


def _style(p: float) -> dict[str, Any]:
    return {"linewidth": 0.8 + 3.2 * p, "color": QUIET, "alpha": 0.45 + 0.55 * p}


def _text(ax: Any, place: np.ndarray, p: float) -> None:
    field = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    ax.text(*place, probability(p), ha="center", va="center", fontsize="small", color=INK, bbox=field, zorder=4)


def _bend(steps: int) -> float:
    """In a row: straight to the next state, below the names to those further on. Loops have the room above."""
    return 0.0 if steps == 1 else -0.45


def _arrow(ax: Any, start: np.ndarray, end: np.ndarray, p: float, bend: float) -> None:
    """An arrow bent by a share of its length, so that the one back has a way of its own; its text is in the middle."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    along = end - start
    control = (start + end) / 2 + bend * np.array([-along[1], along[0]])
    first, last = (place + (_RADIUS + 0.06) * _unit(control - place) for place in (start, end))
    curve = Path([tuple(first), tuple(control), tuple(last)], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
    ax.add_patch(FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=10 + 6 * p, zorder=2, **_style(p)))
    _text(ax, 0.25 * first + 0.5 * control + 0.25 * last, p)


def _loop(ax: Any, place: np.ndarray, outward: np.ndarray, p: float) -> None:
    """An arrow that leaves a circle, goes round outside and comes back."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    across = np.array([outward[1], -outward[0]])
    near = _RADIUS * 1.1
    first, last = place + near * _unit(outward - 0.65 * across), place + near * _unit(outward + 0.65 * across)
    far = place + 1.15 * outward
    turns = far - 0.62 * across, far + 0.62 * across
    curve = Path([tuple(first), *map(tuple, turns), tuple(last)], [Path.MOVETO] + 3 * [Path.CURVE4])
    ax.add_patch(FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=10 + 6 * p, zorder=2, **_style(p)))
    _text(ax, place + 0.96 * outward, p)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / float(np.hypot(*vector))


def _circle(ax: Any, place: np.ndarray, name: str, colour: Any, inside: bool) -> None:
    from matplotlib.patches import Circle

    ax.add_patch(Circle(tuple(place), _RADIUS, facecolor=colour, edgecolor="white", linewidth=1.5, zorder=3))
    if inside:
        ax.text(*place, name, ha="center", va="center", color="white", fontweight="bold", zorder=5)
    else:
        ax.text(place[0], place[1] - _RADIUS - 0.08, name, ha="center", va="top", color=INK, zorder=5)
