"""Pseudo-residuals, against scores of a step left out one by one, and as what they are said to be."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from families import FAMILIES
from hmmseq import HMM, Categorical, FactorialHMM, GaussianHMM, InputHMM, SemiMarkovHMM, Sequences, StateGraph
from hmmseq.emissions import Gaussian, Poisson
from hmmseq.emissions.cumulative import AT_LEAST, AT_MOST, LESS, MORE
from hmmseq.lattice import label_posteriors
from hmmseq.models import pseudo_residuals
from recovery import TRUTHS, drawn
from strategies import seeds

ORDERED = [truth for truth in TRUTHS if not str(truth).startswith(("Categorical", "Multinomial"))]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
@given(seeds)
@settings(max_examples=3)
def test_cumulative_distributions_belong_to_the_densities(family, seed):
    rng = np.random.default_rng(seed)
    emission, x = family.random(rng, 2, 1), family.data(rng, (30, 1))
    X = Sequences.pack([np.log(x) if "LogNormal" in str(family) else x])
    less, at_most, at_least, more = np.exp(emission.cumulative(X))[..., 0]
    density = np.exp(emission.log_scores(X).table)
    density = density[emission.log_scores(X).code]
    np.testing.assert_allclose(at_most + more, 1.0, rtol=1e-7)
    np.testing.assert_allclose(less + at_least, 1.0, rtol=1e-7)
    if not np.array_equal(less, at_most):
        np.testing.assert_allclose(at_most - less, density, atol=1e-9)
        return
    h = 1e-6
    shifted = [np.exp(emission.cumulative(Sequences.pack([X.values + d])))[AT_MOST, ..., 0] for d in (h, -h)]
    logs = np.exp(-X.values) if "LogNormal" in str(family) else 1.0
    slope = (shifted[0] - shifted[1]) / (2 * h) * logs
    inside = (
        (x > 1e-3) & (x < 1 - 1e-3) if "Beta" in str(family) else np.abs(x) < 3 if "VonMises" in str(family) else x == x
    )
    np.testing.assert_allclose(np.where(inside, slope, density), density, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["ordinary", "forecast"])
@pytest.mark.parametrize("silent", [False, True])
def test_residuals_are_those_of_each_step_left_out(kind, silent):
    rng = np.random.default_rng(0)
    X = [rng.poisson(np.repeat([2.0, 9.0, 2.0], 4))[:, None].astype(float), rng.poisson(4.0, (5, 1)).astype(float)]
    X[0][3] = np.nan
    graph = StateGraph(3, [0, 0, 1, 1, 2], [0, 2, 1, 0, 1], label=[0, 1, -1]) if silent else None
    model = HMM(Poisson(), 2, topology=graph, n_iter=20, random_state=0).fit(X)
    for x, found in zip(X, pseudo_residuals(model, X, kind=kind)):
        scores = model.emission_.log_scores(Sequences.pack([x]))
        table = scores.table[scores.code]
        for t, value in enumerate(x[:, 0]):
            if np.isnan(value):
                assert np.isnan(found.middle[t, 0])
                continue
            left_out = table.copy()
            left_out[t] = 0.0
            left_out = left_out if kind == "ordinary" else left_out[: t + 1]
            weights = label_posteriors(model.graph_, left_out)[t]
            below, upto = (weights @ stats.poisson.cdf(v, model.lambdas_[:, 0]) for v in (value - 1, value))
            expected = stats.norm.ppf([(below + upto) / 2, below, upto])
            np.testing.assert_allclose([part[t, 0] for part in found], expected, rtol=1e-6, atol=1e-6)


def lasting_and_driven():
    """Models whose chains are more than a matrix, and data with a step that is missing."""
    rng = np.random.default_rng(3)
    X = [np.column_stack([rng.normal(np.repeat([0.0, 3.0], n)), rng.normal(size=2 * n)]) for n in (5, 7)]
    X[0][2, 0] = np.nan
    driven = InputHMM(Gaussian(), 2, inputs=[1], start_inputs=True, n_iter=5, random_state=0).fit(X)
    plain = [x[:, :1] for x in X]
    return [
        (SemiMarkovHMM(Gaussian(), 2, durations="geometric", n_iter=5, random_state=0).fit(plain), plain),
        (driven, X),
    ]


@pytest.mark.parametrize("k", [0, 1], ids=["SemiMarkovHMM", "InputHMM"])
def test_residuals_of_other_chains_are_those_of_each_step_left_out(k):
    model, X = lasting_and_driven()[k]
    for x, found in zip(X, pseudo_residuals(model, X)):
        for t, value in enumerate(x[:, 0]):
            without = x.copy()
            without[t, 0] = np.nan
            weights, deviation = model.predict_proba(without)[t], np.sqrt(model.covars_[:, 0])
            expected = stats.norm.ppf(weights @ stats.norm.cdf(value, model.means_[:, 0], deviation))
            np.testing.assert_allclose(found.middle[t, 0], expected, rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match=f"reads a sequence as a stream, and a {type(model).__name__} has none"):
        pseudo_residuals(model, X, kind="forecast")


def test_residuals_of_hundreds_of_features_look_at_the_neighbours():
    """Scores below -300 used to be taken for impossible steps, and then said nothing about the steps beside them."""
    rng = np.random.default_rng(4)
    X = rng.normal(np.repeat([0.0, 1.0], 10)[:, None], 1.0, (20, 400))
    model = GaussianHMM(2, random_state=0).fit(X)
    model.graph_ = model.graph_.weigh(edge=np.log([0.999, 0.001, 0.001, 0.999]))
    without = X.copy()
    without[3] = np.nan
    weights, deviation = model.predict_proba(without)[3], np.sqrt(model.covars_)
    expected = stats.norm.ppf(weights @ stats.norm.cdf(X[3], model.means_, deviation))
    np.testing.assert_allclose(pseudo_residuals(model, X).middle[3], expected, rtol=1e-6)


@pytest.mark.parametrize("truth", ORDERED, ids=str)
def test_residuals_of_the_true_model_are_standard_normal(truth):
    """Forecast ones are independent, too, so that the test of Kolmogorov and Smirnov is exact; discrete ones are drawn
    from their segments."""
    rng = np.random.default_rng(1)
    X, model = drawn(truth, rng, 4, 100), truth.model()
    model.n_features_in_ = X[0].shape[1]
    model.emission_.observe(Sequences.pack(X))
    low, high = (np.concatenate(parts) for parts in list(zip(*pseudo_residuals(model, X, kind="forecast")))[1:])
    for below, upto in zip(low.T, high.T):
        seen = ~np.isnan(below)
        uniform = rng.uniform(stats.norm.cdf(below[seen]), np.nextafter(stats.norm.cdf(upto[seen]), 2.0))
        assert stats.kstest(uniform, "uniform").pvalue > 1e-3


def test_outliers_have_residuals_that_are_numbers():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(100, 1)) + np.repeat([0.0, 5.0], 50)[:, None]
    model = GaussianHMM(2, random_state=0).fit(X)
    X[[10, 60], 0] = 1e3, -1e3
    for kind in ("ordinary", "forecast"):
        found = pseudo_residuals(model, X, kind=kind).middle[:, 0]
        assert np.all(np.isfinite(found)) and found[10] > 500 and found[60] < -500
        assert np.abs(np.delete(found, [10, 60])).max() < 5


def test_tails_are_named_in_order():
    assert (LESS, AT_MOST, AT_LEAST, MORE) == (0, 1, 2, 3)


def test_what_has_no_residuals_is_refused():
    model = HMM(Categorical(2), 1).fit([[0, 1, 1]])
    with pytest.raises(ValueError, match="Categorical emissions have no cumulative distribution"):
        pseudo_residuals(model, [[0, 1]])
    several = FactorialHMM((2, 2), n_iter=1, random_state=0).fit(np.arange(6.0)[:, None])
    with pytest.raises(ValueError, match=r"pseudo_residuals is for HMM.*; a FactorialHMM has no states that each emit"):
        pseudo_residuals(several, np.zeros((2, 1)))
    other = HMM(Gaussian(), 1).fit(np.arange(6.0)[:, None])
    with pytest.raises(ValueError, match="kind is 'late'; expected 'ordinary' or 'forecast'"):
        pseudo_residuals(other, np.zeros((2, 1)), kind="late")
