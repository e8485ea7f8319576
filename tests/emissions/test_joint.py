"""Emissions of several columns, or made of others, or of other libraries, each against an independent answer."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from hmmseq import GMMHMM, HMM, PoissonHMM, Sequences, emissions
from hmmseq.emissions import (
    AutoregressiveGaussian,
    Gaussian,
    LinearRegression,
    LowRankGaussian,
    Mixture,
    Product,
    SciPy,
)
from hmmseq.emissions.observed import by_row

RNG = np.random.default_rng(0)
COVARIATES = RNG.normal(size=(200, 2))


def one_label(emission, X, n_updates=50, weights=None):
    """The emission fitted to one label, and its scores of each step."""
    packed = emission.observe(Sequences.pack(X if isinstance(X, list) else [X]))
    emission.initialise(packed, 1, np.random.default_rng(0))
    weights = np.ones(len(packed.values)) if weights is None else weights
    for _ in range(n_updates):
        emission.update(emission.statistics(packed, by_row(weights[:, None], *emission.grouping(packed))))
    found = emission.log_scores(packed)
    return emission, found.table[found.code][:, 0]


def test_multinomial_density_is_that_of_scipy():
    X = RNG.multinomial(7, [0.5, 0.3, 0.2], 30).astype(float)
    emission, scores = one_label(emissions.Multinomial(), X, 1)
    np.testing.assert_allclose(emission.emissionprob_[0], X.sum(0) / X.sum(), rtol=1e-12)
    np.testing.assert_allclose(scores, stats.multinomial.logpmf(X, 7, emission.emissionprob_[0]), rtol=1e-9)


def test_low_rank_covariance_is_found_and_makes_the_density():
    loadings = np.array([[2.0], [1.0], [-1.5], [0.5]])
    X = RNG.normal(size=(4000, 1)) @ loadings.T + 0.5 * RNG.normal(size=(4000, 4))
    emission, scores = one_label(LowRankGaussian(1), X, 60)
    np.testing.assert_allclose(emission.covars_[0], loadings @ loadings.T + 0.25 * np.eye(4), atol=0.25)
    expected = stats.multivariate_normal(emission.means_[0], emission.covars_[0]).logpdf(X)
    np.testing.assert_allclose(scores, expected, rtol=1e-9)
    assert scores.sum() > one_label(Gaussian(), X, 1)[1].sum()


def test_linear_regression_is_weighted_least_squares():
    weights, design = RNG.gamma(1.0, size=200), np.column_stack([np.ones(200), COVARIATES])
    y = design @ np.array([[1.0, 0.0], [2.0, -1.0], [0.5, 3.0]]) + RNG.normal(size=(200, 2))
    emission, scores = one_label(LinearRegression(2), np.column_stack([y, COVARIATES]), 2, weights)
    root = np.sqrt(weights)[:, None]
    coefs = np.linalg.lstsq(root * design, root * y)[0]
    residuals = y - design @ coefs
    np.testing.assert_allclose(emission.coefs_[0], coefs.T, rtol=1e-9)
    covariance = (residuals.T * weights) @ residuals / weights.sum()
    np.testing.assert_allclose(emission.covars_[0], covariance, rtol=1e-9)
    np.testing.assert_allclose(scores, stats.multivariate_normal(cov=covariance).logpdf(residuals), rtol=1e-9)


def test_fixed_coefficients_stay_and_the_others_are_the_best_beside_them():
    """Targets with correlated noise: a fixed coefficient of one moves the best ones of the other."""
    noise = RNG.normal(size=(200, 2)) @ np.array([[1.0, 0.9], [0.0, 0.3]])
    X = np.column_stack([COVARIATES @ [[1.0, 2.0], [0.0, 1.0]] + noise, COVARIATES])
    emission, scores = one_label(LinearRegression(2, fixed={"coefs": [[[None, 0.0, None], [None] * 3]]}), X)
    assert emission.coefs_[0, 0, 1] == 0.0
    packed, best, found = Sequences.pack([X]), scores.sum(), emission.coefs_
    for place in [(0, 0, 0), (0, 0, 2), (0, 1, 0), (0, 1, 1), (0, 1, 2)]:
        for change in (1e-3, -1e-3):
            emission.coefs_ = found.copy()
            emission.coefs_[place] += change
            assert emission.log_scores(packed).table.sum() < best


def test_autoregression_scores_each_step_given_those_before():
    X = [RNG.normal(size=(n, 2)).cumsum(0) for n in (6, 0, 2, 9)]
    X[3][4, 0] = np.nan
    emission, scores = one_label(AutoregressiveGaussian(2), X, 3)
    expected = []
    for x in X:
        for t in range(len(x)):
            lags = np.concatenate([[1.0], *x[max(t - 2, 0) : t][::-1]])
            known = t >= 2 and not np.isnan(x[t - 2 : t + 1]).any()
            normal = stats.multivariate_normal(cov=emission.covars_[0])
            expected.append(normal.logpdf(x[t] - emission.coefs_[0] @ lags) if known else 0.0)
    np.testing.assert_allclose(scores, expected, rtol=1e-8)


def test_a_fit_of_an_autoregression_finds_what_drew_it():
    truth = AutoregressiveGaussian(1)
    truth.coefs_ = np.array([[[0.5, 0.9, 0.0], [0.0, 0.3, 0.5]], [[0.0, -0.5, 0.0], [1.0, 0.0, 0.2]]])
    truth.covars_, truth.origin_ = np.array([np.eye(2), 0.1 * np.eye(2)]), np.zeros(2)
    labels = np.repeat(np.tile([0, 1], 40), 50)
    X = truth.sample(labels, np.random.default_rng(1))
    model = HMM(AutoregressiveGaussian(1), 2, random_state=0).fit([X], [labels])
    np.testing.assert_allclose(model.coefs_, truth.coefs_, atol=0.15)
    np.testing.assert_allclose(model.covars_, truth.covars_, atol=0.15)


def test_logistic_and_poisson_regression_are_those_of_scikit_learn():
    predictor = COVARIATES @ [1.0, -0.5] + 0.3
    y = (RNG.random(200) < 1 / (1 + np.exp(-predictor))).astype(float)
    weights = RNG.gamma(1.0, size=200)
    emission, _ = one_label(emissions.LogisticRegression(penalty=0.5), np.column_stack([y, COVARIATES]), 50, weights)
    oracle = LogisticRegression(C=2.0, tol=1e-10, max_iter=1000).fit(COVARIATES, y, weights)
    np.testing.assert_allclose(emission.coefs_[0], [*oracle.intercept_, *oracle.coef_[0]], rtol=1e-5)
    y = RNG.poisson(np.exp(predictor)).astype(float)
    emission, scores = one_label(
        emissions.PoissonRegression(penalty=0.5), np.column_stack([y, COVARIATES]), 50, weights
    )
    oracle = PoissonRegressor(alpha=0.5 / weights.sum(), tol=1e-10, max_iter=1000).fit(COVARIATES, y, weights)
    np.testing.assert_allclose(emission.coefs_[0], [oracle.intercept_, *oracle.coef_], rtol=1e-5)
    np.testing.assert_allclose(scores, stats.poisson.logpmf(y, oracle.predict(COVARIATES)), rtol=1e-4, atol=1e-4)


def test_a_regression_draws_targets_only_for_given_covariates():
    model = HMM(LinearRegression(), 2, random_state=0).fit([COVARIATES])
    with pytest.raises(ValueError, match="draws targets for given covariates"):
        model.sample(3)
    drawn = model.emission_.sample(np.zeros(3, dtype=int), np.random.default_rng(0), COVARIATES[:3, 1:])
    np.testing.assert_array_equal(drawn[:, 1:], COVARIATES[:3, 1:])


def test_a_mixture_is_the_logarithm_of_a_weighted_sum_of_densities():
    X = RNG.normal(size=(50, 2))
    X[3, 1] = np.nan
    model = HMM(Mixture(Gaussian(), 3), 2, random_state=0, n_iter=3).fit([X])
    found = model.emission_.log_scores(model.emission_.observe(Sequences.pack([X]))).table
    assert model.means_.shape == (2, 3, 2) and model.weights_.shape == (2, 3)
    for label in range(2):
        each = stats.norm.logpdf(X[:, None], model.means_[label], np.sqrt(model.covars_[label]))
        parts = np.log(model.weights_[label]) + np.nansum(each, axis=2)
        np.testing.assert_allclose(found[:, label], logsumexp(parts, axis=1), rtol=1e-9)


def test_a_product_is_the_sum_of_the_scores_of_its_parts():
    counts, symbols, numbers = RNG.poisson(3.0, 60), RNG.integers(-1, 3, 60), RNG.normal(size=(60, 2))
    X = np.column_stack([symbols, numbers[:, 0], counts, numbers[:, 1]]).astype(float)
    parts = [Gaussian("full"), emissions.Categorical(3, order=1), emissions.Poisson()]
    model = HMM(Product(parts, [[1, 3], [0], [2]]), 2, random_state=0, n_iter=3).fit([X])
    found = model.emission_.log_scores(model.emission_.observe(Sequences.pack([X])))
    expected = 0.0
    for part, own in zip(model.emission_.parts_, (numbers, symbols, counts)):
        scores = part.log_scores(part.observe(Sequences.pack([own])))
        expected = expected + scores.table[scores.code]
    np.testing.assert_allclose(found.table[found.code], expected, rtol=1e-9)
    drawn, states = model.sample(20, random_state=0)
    assert drawn.shape == (20, 4) and set(drawn[:, 0]) <= {0.0, 1.0, 2.0} and len(states) == 20


def test_products_of_tables_are_tables():
    emission = Product([emissions.Bernoulli(), emissions.Categorical(3)])
    X = emission.observe(Sequences.pack([np.column_stack([RNG.integers(0, 2, 500), RNG.integers(0, 3, 500)])]))
    emission.initialise(X, 2, np.random.default_rng(0))
    assert len(emission.log_scores(X).table) == 12  # 0, 1, missing; 0, 1, 2, missing


@pytest.mark.parametrize(
    "emission, message",
    [
        (Product([Gaussian()], [[0]]), "name every column of X"),
        (Product([Gaussian(), Gaussian()], [[0, 1]]), "name every column of X"),
        (Product([]), "expected a list of emissions"),
        (Product([Gaussian(), 3]), "expected a list of emissions"),
        (Product([Gaussian(), emissions.Categorical(3)]), r"columns \[1\] of X, for Categorical.*symbols are whole"),
        (Product([Gaussian(), emissions.Gamma()]), r"columns \[1\] of X, for Gamma.*Gamma takes numbers above 0"),
        (Mixture(Gaussian(), 0), "n_components is 0"),
        (Mixture(Gaussian(), fixed={"weights": [[0.5, 0.2], [0.5, 0.5]]}), "no probabilities"),
        (LowRankGaussian(0), "n_factors is 0"),
        (AutoregressiveGaussian(0), "order is 0"),
        (LinearRegression(3), "n_targets is 3"),
        (Gaussian("full", fixed={"means": [[0.0, None], [None, None]]}), "fix all of them or none"),
        (SciPy("sqrt"), "expected a univariate family"),
        (emissions.Pomegranate(3), "expected one of pomegranate.distributions"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_are_refused(emission, message):
    with pytest.raises(ValueError, match=message):
        HMM(emission, 2).fit([RNG.normal(size=(20, 2)) - 0.1])


def test_a_discrete_family_of_scipy_needs_a_start():
    with pytest.raises(ValueError, match=r"discrete, and scipy cannot guess its \['mu'\]; pass start="):
        HMM(SciPy("poisson"), 2).fit([RNG.poisson(3.0, (20, 1))])


def test_a_family_of_scipy_is_fitted_as_scipy_does():
    x = stats.gumbel_r(2.0, 3.0).rvs((300, 1), random_state=0)
    emission, scores = one_label(SciPy("gumbel_r"), x, 3)
    assert scores.sum() >= stats.gumbel_r(*stats.gumbel_r.fit(x)).logpdf(x).sum() - 1e-3
    np.testing.assert_allclose(scores, stats.gumbel_r(emission.loc_[0], emission.scale_[0]).logpdf(x)[:, 0], rtol=1e-9)


def test_pomegranate_exponentials_are_ours():
    distributions = pytest.importorskip("pomegranate.distributions")
    X = [RNG.gamma(1.0, 2.0, (80, 1))]
    ours, theirs = emissions.Exponential(), emissions.Pomegranate(distributions.Exponential())
    scores = [HMM(emission, 2, random_state=0, n_iter=4, tol=-np.inf).fit(X).score(X) for emission in (ours, theirs)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)


def test_poisson_models_score_as_in_hmmlearn():
    hmmlearn = pytest.importorskip("hmmlearn.hmm")
    X = [RNG.poisson(rate, (n, 2)) for rate, n in ((2.0, 40), (6.0, 30))]
    ours = PoissonHMM(2, random_state=0, n_iter=5).fit(X)
    theirs = hmmlearn.PoissonHMM(2)
    theirs.startprob_, theirs.transmat_, theirs.lambdas_ = ours.startprob_, ours.transmat_, ours.lambdas_
    assert ours.score(X) * 70 == pytest.approx(theirs.score(np.concatenate(X), [40, 30]), rel=1e-9)


@pytest.mark.parametrize("kind", ["spherical", "diag", "full"])
def test_mixture_models_score_as_in_hmmlearn(kind):
    hmmlearn = pytest.importorskip("hmmlearn.hmm")
    X = [RNG.normal(size=(n, 2)) for n in (40, 30)]
    ours = GMMHMM(2, 3, kind, random_state=0, n_iter=5).fit(X)
    theirs = hmmlearn.GMMHMM(2, 3, covariance_type=kind)
    theirs.n_features = 2
    for name in ("startprob_", "transmat_", "weights_", "means_", "covars_"):
        setattr(theirs, name, getattr(ours, name))
    assert ours.score(X) * 70 == pytest.approx(theirs.score(np.concatenate(X), [40, 30]), rel=1e-9)
