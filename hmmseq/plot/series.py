"""A series and what a model says of each of its steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hmmseq.decoding import segments
from hmmseq.plot.style import FAINT, INK, legend_above, new_axes, patches, quieten, state_colours, state_names


def states(
    series: Any,
    path: Any,
    *,
    x: Any = None,
    levels: Any = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """A series as a line over fields in the colours of its states.

    series : (n_steps,) or (n_steps, n_features), a line for each feature; NaN leaves a gap
    path : (n_steps,) states, as `HMM.predict` gives them; -1, unknown, stays white
    x : (n_steps,) rising positions of the steps, times say; default: 0, 1, 2, ...
    levels : (n_states,) a number for each state, its mean say, drawn as steps in the state's colour
    names : of the states
    """
    series, path = np.asarray(series, dtype=np.float64), _path(path, len(np.asarray(series)))
    x = _positions(x, len(path))
    n_states = int(path.max(initial=-1)) + 1 if levels is None else len(levels)
    colours, names = state_colours(n_states), state_names(names, n_states)
    ax = new_axes(ax, 9, 3)
    edges = _edges(x)
    _fields(ax, path, edges, colours)
    for k, column in enumerate(series.reshape(len(series), -1).T):
        ax.plot(x, column, color=INK, linewidth=1.0 if k == 0 else 0.8, alpha=0.9 if k == 0 else 0.5)
    if levels is not None:
        for segment in segments(path):
            if segment.label >= 0:
                height = np.asarray(levels, dtype=np.float64)[segment.label]
                ends = edges[[segment.start, segment.stop]]
                ax.plot(ends, [height, height], color=colours[segment.label], linewidth=2.4, solid_capstyle="butt")
    seen = np.unique(path[path >= 0]).tolist()
    legend_above(ax, patches([colours[k] for k in seen], alpha=0.45), [names[k] for k in seen])
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xlabel("step")
    quieten(ax)
    return ax


def posteriors(
    probabilities: Any,
    *,
    x: Any = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """The posterior probability of each state at each step, as bands that fill the height between 0 and 1.

    probabilities : (n_steps, n_states), as `HMM.predict_proba` gives them
    x, names : as in `states`
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2 or not probabilities.size:
        raise ValueError(f"probabilities have shape {probabilities.shape}; expected (n_steps, n_states)")
    n_steps, n_states = probabilities.shape
    edges = _edges(_positions(x, n_steps))
    colours, names = state_colours(n_states), state_names(names, n_states)
    ax = new_axes(ax, 9, 2)
    heights = np.concatenate([np.zeros((n_steps, 1)), probabilities.cumsum(axis=1)], axis=1)
    for k, colour in enumerate(colours):
        low, high = (np.append(column, column[-1]) for column in heights[:, k : k + 2].T)
        ax.fill_between(edges, low, high, step="post", color=colour, alpha=0.85, linewidth=0, label=names[k])
    legend_above(ax, patches(colours, alpha=0.85), names)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 0.5, 1])
    ax.set_xlabel("step")
    ax.set_ylabel("posterior probability")
    quieten(ax)
    return ax


def _path(path: Any, n_steps: int) -> np.ndarray:
    path = np.asarray(path)
    if path.shape != (n_steps,) or path.dtype.kind not in "iu" or not n_steps:
        raise ValueError(
            f"path has shape {path.shape} and dtype {path.dtype} for {n_steps} steps; "
            "expected a whole number a step, at least one: one sequence at a time"
        )
    return path


def _positions(x: Any, n_steps: int) -> np.ndarray:
    if x is None:
        return np.arange(n_steps, dtype=np.float64)
    x = np.asarray(x)
    if x.shape != (n_steps,) or np.any(x[1:] <= x[:-1]):
        raise ValueError(f"x has shape {x.shape} for {n_steps} steps; expected one position a step, rising")
    return x


def _edges(x: np.ndarray) -> np.ndarray:
    """(n_steps + 1,) where the field of each step begins and the last one ends: halfway to its neighbours."""
    if len(x) == 1:
        return np.array([x[0] - 0.5, x[0] + 0.5])
    gaps = np.diff(x)
    middles = x[:-1] + gaps / 2
    return np.concatenate([x[:1] - gaps[:1] / 2, middles, x[-1:] + gaps[-1:] / 2])


def _fields(ax: Any, path: np.ndarray, edges: np.ndarray, colours: list[Any]) -> None:
    """One collection a state: a path of many segments is drawn as fast as one of few."""
    runs = segments(path)
    for k, colour in enumerate(colours):
        spans = [(edges[run.start], edges[run.stop] - edges[run.start]) for run in runs if run.label == k]
        if spans:
            ax.broken_barh(spans, (0, 1), transform=ax.get_xaxis_transform(), color=colour, alpha=0.25, linewidth=0)
    if np.any(path < 0):
        ax.set_facecolor("white")
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)
