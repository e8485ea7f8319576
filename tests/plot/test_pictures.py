"""Pictures: the right data in the artists, words where they belong, ink on the page, and the same picture twice."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.colors import to_hex
from scipy import stats

from hmmseq import HMM, GaussianHMM, PoissonHMM, durations, plot
from hmmseq.emissions import (
    AutoregressiveGaussian,
    Categorical,
    Gamma,
    Gaussian,
    LinearRegression,
    Poisson,
    Product,
    StudentT,
    VonMises,
)

PATH = np.array([0, 0, 0, 1, 1, -1, 0, 0, 2, 2, 2, 2])
SERIES = np.arange(12.0)
MATRIX = np.array([[0.9, 0.1, 0.0], [0.0, 0.75, 0.25], [0.5, 0.004, 0.496]])


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    X = [rng.poisson(np.repeat([2.0, 12.0, 2.0, 12.0], 30))[:, None] for _ in range(3)]
    return X, PoissonHMM(2, n_init=3, random_state=0).fit(X)


def pixels(ax):
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba()).copy()


def words(ax):
    """Everything written on axes."""
    legend = ax.get_legend()
    written = [text.get_text() for text in ax.texts] + [ax.get_xlabel(), ax.get_ylabel(), ax.get_title("left")]
    return written + ([text.get_text() for text in legend.get_texts()] if legend else [])


PICTURES = {
    "states": lambda ax: plot.states(SERIES, PATH, levels=[1, 4, 10], ax=ax),
    "posteriors": lambda ax: plot.posteriors([[0.2, 0.8], [0.5, 0.5], [1, 0]], ax=ax),
    "transitions": lambda ax: plot.transitions(MATRIX, ax=ax),
    "transitions of many": lambda ax: plot.transitions(np.full((40, 40), 1 / 40), ax=ax),
    "diagram": lambda ax: plot.diagram(MATRIX, ax=ax),
    "diagram in a row": lambda ax: plot.diagram(np.triu(np.full((4, 4), 0.25)), ax=ax),
    "convergence": lambda ax: plot.convergence([[-9, -5, -4.5], [-8, -4, -3.9, -3.9]], ax=ax),
    "durations": lambda ax: plot.durations(PATH, MATRIX, ax=ax),
    "quantiles": lambda ax: plot.quantiles(np.random.default_rng(0).normal(size=50), ax=ax),
    "autocorrelation": lambda ax: plot.autocorrelation(np.random.default_rng(0).normal(size=50), ax=ax),
    "reliability": lambda ax: plot.reliability([0.1, 0.5, 0.9], [0.2, 0.5, 0.8], [10, 100, 1000], ax=ax),
}


@pytest.mark.parametrize("what", PICTURES)
def test_every_picture_draws_on_the_axes_given_and_twice_the_same(what):
    images = []
    for _ in range(2):
        given = pyplot.figure(figsize=(4, 3)).add_subplot()
        assert PICTURES[what](given) is given
        images.append(pixels(given))
    assert np.array_equal(*images)
    ink = (images[0][..., :3] < 250).any(axis=-1)
    assert 0.005 < ink.mean() < 0.9
    columns, rows = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
    assert np.ptp(columns) > 0.4 * ink.shape[1] and np.ptp(rows) > 0.25 * ink.shape[0]  # not in a corner


@pytest.mark.parametrize("what", PICTURES)
def test_without_axes_there_is_a_new_figure(what):
    before = pyplot.get_fignums()
    ax = PICTURES[what](None)
    assert len(pyplot.get_fignums()) == len(before) + 1 and pixels(ax).size


def test_states_are_fields_below_the_series_and_the_unknown_stays_white():
    ax = plot.states(SERIES, PATH, x=SERIES * 2 + 1900, names=["calm", "busy", "storm"])
    assert np.array_equal(ax.lines[0].get_xydata(), np.column_stack([SERIES * 2 + 1900, SERIES]))
    fields = {
        to_hex(field.get_facecolor()[0]): [path.get_extents().intervalx.tolist() for path in field.get_paths()]
        for field in ax.collections
    }
    assert fields == {
        plot.PALETTE[0].lower(): [[1899, 1905], [1911, 1915]],
        plot.PALETTE[1].lower(): [[1905, 1909]],
        plot.PALETTE[2].lower(): [[1915, 1923]],
    }
    assert words(ax)[-3:] == ["calm", "busy", "storm"]


def test_levels_are_drawn_where_their_states_are():
    ax = plot.states(SERIES, PATH, levels=[1.5, 4, 10])
    steps = [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in ax.lines[1:]]
    assert steps[0] == ([-0.5, 2.5], [1.5, 1.5]) and steps[-1] == ([7.5, 11.5], [10, 10]) and len(steps) == 4


def test_posterior_bands_fill_the_height():
    given = np.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]])
    ax = plot.posteriors(given)
    image = pixels(ax)
    to_pixels = ax.transData.transform
    for step, p in enumerate(given[:, 0]):
        for height in (0.05, 0.35, 0.7, 0.95):
            x, y = to_pixels((step, height)).astype(int)
            r, _, b, _ = image[image.shape[0] - 1 - y, x]
            assert (b > r) == (height < p)  # state 0 is blue, state 1 orange


def test_posteriors_refuse_one_number_a_step():
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(n_steps, n_states\)"):
        plot.posteriors([0.1, 0.2, 0.7])


def test_the_matrix_is_what_the_image_holds_and_never_is_empty():
    ax = plot.transitions(MATRIX, names=["a", "b", "c"])
    shown = np.ma.filled(ax.images[0].get_array(), 0.0)
    assert np.array_equal(shown, MATRIX)
    assert [text.get_text() for text in ax.texts] == ["0.9", "0.1", "0.75", "0.25", "0.5", "0.004", "0.5"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]


def test_many_states_have_a_scale_instead_of_numbers():
    ax = plot.transitions(np.full((40, 40), 1 / 40))
    assert not ax.texts and len(ax.figure.axes) == 2 and len(ax.get_xticklabels()) <= 15


def test_the_diagram_has_an_arrow_for_each_probable_transition():
    from matplotlib.patches import Circle, FancyArrowPatch

    ax = plot.diagram(MATRIX)
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    circles = [patch for patch in ax.patches if isinstance(patch, Circle)]
    assert len(arrows) == 6 and len(circles) == 3  # 0.004 is left out
    widths = dict(zip([text.get_text() for text in ax.texts], [arrow.get_linewidth() for arrow in arrows]))
    assert widths["0.9"] > widths["0.75"] > widths["0.25"] > widths["0.1"]
    centres = np.array([circle.center for circle in circles])
    gaps = np.linalg.norm(centres[:, None] - centres, axis=-1)[np.triu_indices(3, 1)]
    assert np.allclose(gaps, 2)
    assert len([p for p in plot.diagram(MATRIX, least=0).patches if isinstance(p, FancyArrowPatch)]) == 7


def test_states_that_lead_onward_stand_in_a_row():
    from matplotlib.patches import Circle

    ax = plot.diagram(np.triu(np.full((4, 4), 0.25)), names=["begin", "rise", "hold", "end"])
    centres = np.array([patch.center for patch in ax.patches if isinstance(patch, Circle)])
    assert np.all(centres[:, 1] == 0) and np.all(np.diff(centres[:, 0]) > 0)
    assert {"begin", "rise", "hold", "end"} <= set(words(ax))


@pytest.mark.parametrize(("p", "text"), [(0.5, "0.5"), (1, "1"), (0.0, "<0.001"), (0.004, "0.004"), (0.9999, ">0.999")])
def test_probabilities_are_written_short(p, text):
    assert plot.matrices.probability(p) == text


@pytest.mark.parametrize("wrong", [np.ones((2, 3)), [0.5, 0.5], [[2.0]], [[np.nan]], np.zeros((0, 0))])
def test_what_is_no_matrix_is_refused(wrong):
    with pytest.raises(ValueError, match="a transition matrix"):
        plot.transitions(wrong)
    with pytest.raises(ValueError, match="has no transition matrix; expected a fitted model"):
        plot.diagram(GaussianHMM(2))


def test_convergence_shows_all_restarts_of_a_model_and_marks_the_best(counts):
    model = counts[1]
    ax = plot.convergence(model)
    curves = [line for line in ax.lines if len(line.get_xdata()) > 1]
    assert len(curves) == len(model.histories_) == 3
    best = [line for line in curves if line.get_color() == plot.PALETTE[0]]
    assert len(best) == 1 and np.array_equal(best[0].get_ydata(), model.history_)
    low, high = ax.get_ylim()
    assert all(low < history[-1] < high for history in model.histories_)
    assert "of 3 restarts" in ax.get_title("left")


def test_a_stray_restart_stays_in_the_picture():
    low, high = plot.convergence([[-9e9, -100, -99], [-1e9, -200, -180]]).get_ylim()
    assert low < -180 and high > -99


@pytest.mark.parametrize("wrong", [[], [[]], [[-1.0, np.nan]], GaussianHMM()])
def test_convergence_refuses_what_has_no_history(wrong):
    with pytest.raises((ValueError, AttributeError), match=r"history|fit"):
        plot.convergence(wrong)


def test_durations_are_counted_in_runs_beside_what_is_expected():
    paths = [[0, 0, 1, 0, 0, 0], [1, 1, 0, 0], [-1, 1]]
    family = durations.Poisson(mean=[2.0, 3.0])
    ax = plot.durations(paths, family, longest=3)
    own = [stairs.get_data().values for stairs in ax.patches if hasattr(stairs, "get_data") and stairs.get_fill()]
    assert np.allclose(own, [[0, 2 / 3, 1 / 3], [2 / 3, 1 / 3, 0]])
    expected = [line.get_ydata() for line in ax.lines]
    assert np.allclose(expected, [stats.poisson.pmf([0, 1, 2], mean - 1) for mean in (2, 3)])
    assert words(ax)[-2:] == ["state 0: 3 runs", "state 1: 3 runs"]


def test_a_matrix_expects_geometric_durations():
    ax = plot.durations([0, 0, 1, 1, 1], [[0.8, 0.2], [0.5, 0.5]], longest=4)
    assert np.allclose(ax.lines[0].get_ydata(), 0.2 * 0.8 ** np.arange(4))


def test_long_runs_share_bars():
    ax = plot.durations(np.repeat([0, 1, 0], [1000, 600, 350]), longest=1000)
    values, edges, _ = ax.patches[0].get_data()
    assert len(values) <= 40 and edges[-1] >= 1000 and np.isclose(values @ np.diff(edges), 1)


def test_densities_add_up_to_the_shares_of_states(counts):
    X, model = counts
    ax = plot.emissions(model, X, names=["few", "many"])
    *own, total = [line.get_ydata() for line in ax.lines]
    grid, weights = ax.lines[0].get_xdata(), np.concatenate(model.predict_proba(X)).mean(axis=0)
    for density, rate, weight in zip(own, model.lambdas_[:, 0], weights):
        assert np.allclose(density, weight * stats.poisson.pmf(grid, rate))
    assert np.allclose(total, sum(own))
    values = np.concatenate(X)[:, 0]
    assert np.allclose([bar.get_height() for bar in ax.patches], [np.mean(values == k) for k in grid])
    assert ax.get_ylabel() == "probability" and words(ax)[-2:] == ["few", "many"]


@pytest.mark.parametrize(
    "emission", [Gaussian("full"), StudentT(), Gamma(), VonMises()], ids=lambda e: type(e).__name__
)
def test_continuous_families_integrate_to_their_share(emission):
    rng = np.random.default_rng(1)
    X = np.column_stack([np.clip(rng.gamma(9, np.repeat([0.05, 0.25], 150)), 0.01, 3.1), rng.gamma(4, size=300)])
    model = HMM(emission, 2, random_state=0).fit(X)
    ax = plot.emissions(model, X, feature=0)
    total = ax.lines[-1]
    assert 0.9 < np.trapezoid(total.get_ydata(), total.get_xdata()) < 1.01  # what lies beyond the data is not drawn
    assert ax.get_ylabel() == "density" and ax.get_xlabel() == "feature 0"


def test_symbols_and_columns_of_a_product():
    symbols = [np.array([0, 1, 2, 2, -1, 0]), np.array([2, 2, 2, 0])]
    ax = plot.emissions(HMM(Categorical(3), 2, random_state=0).fit(symbols), symbols)
    assert ax.lines[0].get_xdata().tolist() == [0, 1, 2] and np.isclose(ax.lines[-1].get_ydata().sum(), 1)
    X = np.array([[0.1, 3], [0.2, 4], [np.nan, 3], [5.0, 9], [5.2, np.nan], [4.9, 8]])
    model = HMM(Product([Gaussian(), Poisson()]), 2, random_state=0).fit(X)
    assert plot.emissions(model, X, feature=0).get_ylabel() == "density"
    assert plot.emissions(model, X, feature=-1).get_ylabel() == "probability"


def test_contours_hold_the_points_of_their_states():
    from matplotlib.contour import ContourSet
    from matplotlib.path import Path

    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal([0, 0], 1, (400, 2)), rng.normal([12, 5], [1, 2], (400, 2))])
    model = HMM(Gaussian("full"), 2, random_state=0).fit(X)
    ax = plot.emissions(model, X, feature=(0, 1))
    drawn = [c for c in ax.collections if isinstance(c, ContourSet)]
    assert len(drawn) == 2 and len(ax.lines) == 2
    for k, contours in enumerate(drawn):
        own = X[model.predict(X) == k]
        inside = [Path(path.vertices).contains_points(own).mean() for path in contours.get_paths()]
        assert np.allclose(inside, [0.95, 0.5], atol=0.06)


def test_emissions_without_a_density_of_one_observation_are_refused():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    with pytest.raises(ValueError, match="AutoregressiveGaussian depends on earlier observations"):
        plot.emissions(HMM(AutoregressiveGaussian(), 1, random_state=0).fit(X), X)
    X = rng.normal(size=(60, 2))
    with pytest.raises(ValueError, match="LinearRegression"):
        plot.emissions(HMM(LinearRegression(), 1, random_state=0).fit(X), X, feature=1)
    with pytest.raises(ValueError, match="feature is 2, and X has 2"):
        plot.emissions(HMM(Gaussian(), 1, random_state=0).fit(X), X, feature=2)


def test_quantiles_agree_with_scipy():
    sample = np.random.default_rng(3).normal(size=40)
    points = plot.quantiles([sample[:15], np.append(sample[15:], np.nan)]).lines[-1]
    assert np.allclose(points.get_ydata(), np.sort(sample))
    assert np.allclose(points.get_xdata(), stats.norm.ppf((np.arange(1, 41) - 0.5) / 40))


def test_the_range_of_quantiles_holds_95_of_100():
    rng = np.random.default_rng(4)
    ax = plot.quantiles(rng.normal(size=25))
    low, high = ax.dataLim.y0, ax.dataLim.y1
    extremes = np.sort(rng.normal(size=(4000, 25)), axis=1)
    assert abs(np.mean(extremes[:, 0] > low) - 0.975) < 0.01 and abs(np.mean(extremes[:, -1] < high) - 0.975) < 0.01


def test_autocorrelation_by_pairs_within_sequences():
    a, b = np.array([1.0, -2.0, 0.5, np.nan, 3.0]), np.array([2.0, 1.0, -1.0])
    ax = plot.autocorrelation([a, b], n_lags=2)
    mean = np.nanmean(np.concatenate([a, b]))
    pairs = {1: [(0, 1), (1, 2)], 2: [(0, 2), (2, 4)]}
    other = {1: [(0, 1), (1, 2)], 2: [(0, 2)]}
    square = np.nansum((np.concatenate([a, b]) - mean) ** 2)
    expected = [
        (
            sum((a[i] - mean) * (a[j] - mean) for i, j in pairs[k])
            + sum((b[i] - mean) * (b[j] - mean) for i, j in other[k])
        )
        / square
        for k in (1, 2)
    ]
    points = next(c for c in ax.collections if len(c.get_offsets()) == 2)
    assert np.allclose(points.get_offsets(), np.column_stack([[1, 2], expected]))


@pytest.mark.parametrize("wrong", [[np.nan], [], [np.inf, 1.0], np.zeros((3, 2))])
def test_residuals_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match="residuals"):
        plot.quantiles(wrong)
    with pytest.raises(ValueError, match="residual"):
        plot.autocorrelation(wrong)


def test_reliability_shows_points_and_wilson_intervals():
    ax = plot.reliability([0.1, 0.9], [0.0, 0.85], n=[20, 2000])
    points, lines = ax.collections[-1], ax.collections[0]
    assert np.array_equal(points.get_offsets(), [[0.1, 0.0], [0.9, 0.85]]) and np.all(np.diff(points.get_sizes()) > 0)
    expected = [stats.binomtest(k, n).proportion_ci(0.95, method="wilson") for k, n in ((0, 20), (1700, 2000))]
    found = [segment[:, 1] for segment in lines.get_segments()]
    assert np.allclose(found, [[ci.low, ci.high] for ci in expected], atol=1e-3)
    with pytest.raises(ValueError, match="n_bins"):
        plot.reliability([0.5], [0.5, 0.6])


@pytest.mark.parametrize("wrong", [([0, 0], "shape"), ([0.0, 1.0, 2.0], "dtype")])
def test_a_path_that_does_not_fit_is_refused(wrong):
    with pytest.raises(ValueError, match=wrong[1]):
        plot.states([1.0, 2.0, 3.0], wrong[0])


def test_the_first_colours_are_far_apart_for_the_colour_blind():
    """Machado, Oliveira and Fernandes (2009): what people without red (protan) or green (deutan) cones see."""
    protan = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    deutan = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    colours = np.array([matplotlib.colors.to_rgb(colour) for colour in plot.PALETTE[:4]])
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    for vision in (np.eye(3), np.array(protan), np.array(deutan)):
        seen = linear @ vision.T
        gaps = np.linalg.norm(seen[:, None] - seen, axis=-1)[np.triu_indices(4, 1)]
        assert gaps.min() > 0.15


def test_importing_plot_does_not_import_matplotlib():
    code = "import sys, hmmseq.plot; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_without_matplotlib_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'hmmseq\[plot\]'"):
        plot.posteriors([[0.5, 0.5]])
