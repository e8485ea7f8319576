"""What a fitted model says of its data, beside the data: how long states last, what they emit."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hmmseq.decoding import segments
from hmmseq.durations import Durations, Geometric
from hmmseq.plot.style import FAINT, INK, legend_above, new_axes, patches, quieten, state_colours, state_names
from hmmseq.sequences import Sequences, is_one

_POINTS = 400  # of a curve
_BARS = 40  # of a histogram of durations, at most
_SIDE = 80  # points along each side of a map


def durations(
    paths: Any,
    expected: Any = None,
    *,
    longest: int | None = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """How long states last: a histogram of the runs in paths, by state, beside what a model expects, as lines.

    paths : (n_steps,) states, or a list of such arrays, as `HMM.predict` gives them; -1 is left out
    expected : a fitted model or its transition matrix (durations are geometric), or a family of `hmmseq.durations`
    longest : longer runs are not shown; default: 98 of 100 are
    names : of the states
    """
    runs = [run for path in ([paths] if is_one(paths) else paths) for run in segments(path) if run.label >= 0]
    if not runs:
        raise ValueError("paths hold no known state; expected states such as `predict` gives, 0 or more")
    family = None if expected is None else _family(expected)
    n_states = max(max(run.label for run in runs) + 1, 0 if family is None else len(family.shortest))
    lengths = np.array([run.stop - run.start for run in runs])
    longest = max(2, int(np.quantile(lengths, 0.98))) if longest is None else int(longest)
    ax = new_axes(ax, 6.5, 3.2)
    colours, names = state_colours(n_states), state_names(names, n_states)
    own = [lengths[[run.label == k for run in runs]] for k in range(n_states)]
    width = -(-longest // _BARS)
    bins = np.arange(0, longest + width, width) + 0.5
    for k, colour in enumerate(colours):
        shares = np.histogram(own[k], bins)[0] / (width * max(len(own[k]), 1))
        ax.stairs(shares, bins, fill=True, facecolor=colour, alpha=0.25)
        ax.stairs(shares, bins, color=colour, linewidth=0.8)
    if family is not None:
        steps = np.arange(1, longest + 1)
        for colour, weights in zip(colours, family.log_probability(steps)):
            ax.plot(steps, np.exp(weights), color=colour, linewidth=1.8)
    legend_above(ax, patches(colours, alpha=0.6), [f"{name}: {len(o)} runs" for name, o in zip(names, own)])
    ax.set_xlim(0.5, bins[-1])
    ax.set_ylim(bottom=0)
    ax.set_xlabel("duration (steps)")
    ax.set_ylabel("share of runs")
    quieten(ax)
    return ax


def emissions(
    model: Any,
    X: Any,
    *,
    feature: int | tuple[int, int] = 0,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """What states emit, over the data: for one feature densities over a histogram, for two contours over points.

    model : a fitted HMM of any emission that gives the density of one observation
    X : its data, as in `fit`
    feature : the column to draw, or two of them; other columns are left open (marginalised)
    names : of the states

    Each density is scaled by the share of steps in its state, so that they add up to the black line, that of all data.
    ValueError for emissions that depend on earlier observations or on covariates: they have no one density.
    """
    if model.emission_.lookback:
        raise ValueError(f"{type(model.emission_).__name__} depends on earlier observations; it has no one density")
    values = np.asarray(Sequences.pack(X).values)
    values = values[:, None] if values.ndim == 1 else values
    posterior = model.predict_proba(X)
    weights = posterior if isinstance(posterior, np.ndarray) else np.concatenate(posterior)
    names = state_names(names, weights.shape[1])
    if isinstance(feature, tuple):
        return _contours(model, values, weights, feature, names, new_axes(ax, 5.5, 5))
    return _densities(model, values, weights, feature, names, new_axes(ax, 6.5, 3.5))


def _family(expected: Any) -> Durations:
    if isinstance(expected, Durations):
        return expected
    matrix = np.asarray(getattr(expected, "transmat_", expected), dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"expected has shape {matrix.shape}; give a fitted model, (n_states, n_states), or Durations")
    return Geometric(np.minimum(np.diag(matrix), 1 - 1e-12))


def _density(model: Any, rows: np.ndarray) -> np.ndarray:
    """(n_rows, n_states) density of each row of observations under each state; rows are taken one by one."""
    observed = model.emission_.observe(Sequences(rows, np.arange(len(rows) + 1)))
    packed = model.emission_.log_scores(observed)
    if not packed.table.any():
        raise ValueError(
            f"{type(model.emission_).__name__} says nothing of this column alone; it has no density to draw"
        )
    label = model.graph_.label
    with np.errstate(over="ignore"):
        return np.where(label >= 0, np.exp(packed.table)[packed.code][:, label], 0.0)


def _grid_rows(model: Any, values: np.ndarray, columns: dict[int, np.ndarray]) -> np.ndarray:
    """Observations with these columns, all others missing."""
    n = len(next(iter(columns.values())))
    if model.emission_.symbols:
        return np.asarray(columns[0], dtype=np.int64)
    rows = np.full((n, values.shape[1]), np.nan)
    for column, numbers in columns.items():
        rows[:, column] = numbers
    return rows


def _is_whole(model: Any, values: np.ndarray, feature: int, column: np.ndarray) -> bool:
    """Whether a column takes whole numbers only: its emission refuses what lies between."""
    if model.emission_.symbols:
        return True
    if np.any(column != np.round(column)):
        return False
    try:
        _density(model, _grid_rows(model, values, {feature: column[:1] + 0.5}))
    except ValueError:
        return True
    return False


def _column(values: np.ndarray, feature: int) -> np.ndarray:
    if not -values.shape[1] <= feature < values.shape[1]:
        raise ValueError(f"feature is {feature}, and X has {values.shape[1]} features")
    column = values[:, feature]
    column = column[column >= 0] if values.dtype.kind in "iu" else column[np.isfinite(column)]
    if not len(column):
        raise ValueError(f"feature {feature} of X holds no number; all are missing")
    return column


def _densities(model: Any, values: np.ndarray, weights: np.ndarray, feature: int, names: list[str], ax: Any) -> Any:
    column = _column(values, feature)
    whole = _is_whole(model, values, feature, column)
    if whole:
        grid = np.arange(column.min(), column.max() + 1)
        ax.bar(grid, np.bincount((column - grid[0]).astype(np.int64)) / len(column), width=0.9, color=FAINT)
    else:
        ax.hist(column, bins=int(np.clip(2 * np.sqrt(len(column)), 10, 60)), density=True, color=FAINT)
        grid = np.linspace(column.min(), column.max(), _POINTS)
    density = _density(model, _grid_rows(model, values, {feature % values.shape[1]: grid})) * weights.mean(axis=0)
    points: dict[str, Any] = {"marker": "o", "markersize": 3.5} if whole and len(grid) <= 60 else {}
    colours = state_colours(density.shape[1])
    for own, colour in zip(density.T, colours):
        ax.plot(grid, own, color=colour, linewidth=1.8, **points)
        if not whole:
            ax.fill_between(grid, own, color=colour, alpha=0.15, linewidth=0)
    ax.plot(grid, density.sum(axis=1), color=INK, linewidth=1.0, linestyle="--")
    legend_above(ax, patches(colours), names)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("observation" if values.shape[1] == 1 else f"feature {feature}")
    ax.set_ylabel("probability" if whole else "density")
    quieten(ax)
    return ax


def _contours(
    model: Any, values: np.ndarray, weights: np.ndarray, features: tuple[int, int], names: list[str], ax: Any
) -> Any:
    """Each state's contours hold 50 % and 95 % of what it emits (where the picture shows it)."""
    from matplotlib.lines import Line2D

    axes = [np.linspace(c.min(), c.max(), _SIDE) for c in (_padded(_column(values, f)) for f in features)]
    x, y = np.meshgrid(*axes)
    columns = {features[0] % values.shape[1]: x.ravel(), features[1] % values.shape[1]: y.ravel()}
    density = _density(model, _grid_rows(model, values, columns))
    colours = state_colours(density.shape[1])
    likely = weights.argmax(axis=1)
    for k, colour in enumerate(colours):
        own = values[likely == k]
        ax.plot(
            own[:, features[0]], own[:, features[1]], "o", color=colour, markersize=3, alpha=0.35, markeredgewidth=0
        )
        levels = _levels(density[:, k])
        if len(levels):
            ax.contour(x, y, density[:, k].reshape(x.shape), levels, colors=[colour], linewidths=1.6)
    legend_above(ax, [Line2D([], [], color=colour, marker="o", markersize=4) for colour in colours], names)
    ax.set_xlabel(f"feature {features[0]}")
    ax.set_ylabel(f"feature {features[1]}")
    quieten(ax)
    return ax


def _padded(column: np.ndarray) -> np.ndarray:
    low, high = column.min(), column.max()
    room = 0.08 * (high - low) or 0.5
    return np.array([low - room, high + room])


def _levels(density: np.ndarray) -> np.ndarray:
    """Heights above which 95 % and 50 % of the density on a grid lie, the lower first."""
    falling = np.sort(density)[::-1]
    mass = falling.cumsum()
    if not mass[-1] > 0:
        return np.zeros(0)
    return np.unique([falling[np.searchsorted(mass, share * mass[-1])] for share in (0.95, 0.5)])
