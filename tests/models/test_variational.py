"""Variational Bayes: a bound that never falls, and the same posteriors as hmmlearn and scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats
from sklearn.mixture import BayesianGaussianMixture

from hmmseq import HMM, Categorical, load, topologies
from hmmseq.emissions import Gaussian, Poisson, VariationalCategorical, VariationalGaussian
from hmmseq.models import VariationalHMM
from random_fits import SHARED, SILENT, largest_fall
from strategies import seeds

KINDS = [
    VariationalGaussian("diag"), VariationalGaussian("full"), VariationalCategorical(3),
    VariationalCategorical(3, order=1), Poisson(),
]  # fmt: skip


def data(emission, rng, missing):
    lengths = [30, *rng.integers(0, 20, 3)]
    if isinstance(emission, Categorical):
        return [np.where(rng.random(n) < 0.1 * missing, -1, rng.integers(0, 3, n)) for n in lengths]
    X = [rng.poisson(3.0, (n, 2)).astype(float) for n in lengths]
    return [np.where(rng.random(x.shape) < 0.2 * missing, np.nan, x) for x in X]


@pytest.mark.parametrize("emission", KINDS, ids=str)
@given(seeds)
@settings(max_examples=8)
def test_the_bound_never_falls(emission, seed):
    rng = np.random.default_rng(seed)
    X = data(emission, rng, rng.integers(2))
    topology = [None, topologies.left_right, SILENT, SHARED][rng.integers(4)]
    y = [np.where(rng.random(len(x)) < 0.1, 0, -1) for x in X] if topology is None and rng.random() < 0.5 else None
    model = VariationalHMM(emission, 3, topology=topology, n_iter=10, tol=-np.inf, n_init=2, random_state=0, sticky=1.0)
    model.fit(X, y, sample_weight=rng.gamma(1.0, size=len(X)))
    assert max(map(largest_fall, model.histories_)) <= 1e-8
    assert all(np.all(np.isfinite(value)) for value in model.posterior_.values())
    np.testing.assert_allclose(model.transmat_.sum(1), 1.0)
    for proba in model.predict_proba(X):
        np.testing.assert_allclose(proba.sum(1), 1.0, rtol=1e-9)


def test_one_state_and_one_symbol_sequence_have_the_exact_evidence():
    """Nothing is hidden: the bound is the log probability of the data, a Dirichlet-multinomial."""
    x = np.array([0, 2, 1, 0, 0, 2])
    model = VariationalHMM(VariationalCategorical(3, concentration=0.7), 1, tol=1e-12).fit(x)
    counts = np.bincount(x)
    arrangements = stats.multinomial(6, [1 / 3] * 3).logpmf(counts) + 6 * np.log(3)
    assert model.history_[-1] == pytest.approx(stats.dirichlet_multinomial([0.7] * 3, 6).logpmf(counts) - arrangements)


@pytest.mark.parametrize("kind", ["diag", "full"])
def test_one_state_has_the_exact_evidence_of_a_normal_distribution(kind):
    """By the chain rule: each observation given those before it has a t distribution."""
    X = np.random.default_rng(0).normal([1.0, 3.0], [1.0, 2.0], (12, 2))
    prior = {"mean": [0.0, 1.0], "mean_steps": 2.0, "covar": [1.5, 0.5], "covar_steps": 4.0}
    model = VariationalHMM(VariationalGaussian(kind, **prior), 1, tol=1e-12).fit(X)
    expected, steps, dof = 0.0, 2.0, 4.0
    mean, inverse = np.array([0.0, 1.0]), 4.0 * np.diag([1.5, 0.5])
    for x in X:
        if kind == "full":
            free = dof - 1
            expected += stats.multivariate_t(mean, inverse * (steps + 1) / (steps * free), free).logpdf(x)
        else:
            scale = np.sqrt(np.diag(inverse) * (steps + 1) / (steps * dof))
            expected += stats.t(dof, mean, scale).logpdf(x).sum()
        inverse = inverse + steps / (steps + 1) * np.outer(x - mean, x - mean)
        mean, steps, dof = (steps * mean + x) / (steps + 1), steps + 1, dof + 1
    assert model.history_[-1] == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(model.means_[0], mean, rtol=1e-9)


@pytest.mark.parametrize("kind", ["diag", "full"])
def test_sequences_of_one_step_are_a_bayesian_mixture(kind):
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.normal([0.0, 0.0], 1.0, (60, 2)), rng.normal([5.0, 2.0], [1.0, 2.0], (40, 2))])
    other = BayesianGaussianMixture(
        n_components=2, covariance_type=kind, weight_concentration_prior_type="dirichlet_distribution",
        weight_concentration_prior=0.5,
        mean_precision_prior=1.0, degrees_of_freedom_prior=2.0, covariance_prior=2 * X.var(0) if kind == "diag" else
        2 * np.diag(X.var(0)), reg_covar=0.0, tol=1e-10, max_iter=2000, random_state=0,
    ).fit(X)  # fmt: skip
    emission = VariationalGaussian(kind, covar_steps=2.0)
    model = VariationalHMM(emission, 2, startprob_concentration=0.5, tol=1e-10, n_iter=2000, random_state=0).fit(
        [x[None] for x in X]
    )
    order, same = np.argsort(model.means_[:, 0]), np.argsort(other.means_[:, 0])
    np.testing.assert_allclose(model.posterior_["startprob"][order], other.weight_concentration_[same], rtol=1e-4)
    np.testing.assert_allclose(model.posterior_["mean"][order], other.means_[same], rtol=1e-4, atol=1e-4)
    if (
        kind == "full"
    ):  # scikit-learn's "diag" shares the degrees of freedom of a Wishart distribution over the features
        np.testing.assert_allclose(model.posterior_["covar"][order], other.covariances_[same], rtol=1e-4, atol=1e-4)


def test_categorical_posteriors_are_those_of_hmmlearn():
    vhmm = pytest.importorskip("hmmlearn.vhmm")
    rng = np.random.default_rng(2)
    X = [np.where(rng.random(80) < 0.1, 1 - s, s) for s in (np.repeat(rng.integers(0, 2, 8), 10) for _ in range(4))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = vhmm.VariationalCategoricalHMM(2, n_iter=500, tol=1e-9, random_state=0, startprob_prior=0.5,
                                               transmat_prior=0.5, emissionprob_prior=0.5)  # fmt: skip
        other.fit(np.concatenate(X)[:, None], lengths=[80] * 4)
    model = VariationalHMM(VariationalCategorical(2), 2, tol=1e-9, n_iter=500, random_state=0).fit(X)
    order, same = np.argsort(model.emissionprob_[:, 0]), np.argsort(other.emissionprob_[:, 0])
    assert model.history_[-1] == pytest.approx(other.monitor_.history[-1], abs=1e-4)
    np.testing.assert_allclose(model.posterior_["transmat"][np.ix_(order, order)],
                               other.transmat_posterior_[np.ix_(same, same)], rtol=1e-3)  # fmt: skip
    np.testing.assert_allclose(model.posterior_["emissionprob"][order], other.emissionprob_posterior_[same], rtol=1e-3)


def test_gaussian_posteriors_are_those_of_hmmlearn():
    vhmm = pytest.importorskip("hmmlearn.vhmm")
    rng = np.random.default_rng(3)
    X = rng.normal(np.repeat([[0.0, 0.0], [4.0, 2.0], [0.0, 0.0]], 50, axis=0), 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = vhmm.VariationalGaussianHMM(
            2, covariance_type="full", n_iter=500, tol=1e-9, random_state=0, startprob_prior=0.5, transmat_prior=0.5,
            means_prior=[[0.0, 0.0]] * 2, beta_prior=[1.0, 1.0], dof_prior=[3.0, 3.0], scale_prior=[3.0 * np.eye(2)] * 2,
        )  # fmt: skip
        other.fit(X)
    emission = VariationalGaussian("full", mean=[0.0, 0.0], covar=1.0, covar_steps=3.0)
    model = VariationalHMM(emission, 2, tol=1e-9, n_iter=500, random_state=0).fit(X)
    order, same = np.argsort(model.means_[:, 0]), np.argsort(other.means_posterior_[:, 0])
    np.testing.assert_allclose(model.posterior_["mean"][order], other.means_posterior_[same], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(model.posterior_["covar_steps"][order, 0], other.dof_posterior_[same], rtol=1e-3)
    np.testing.assert_allclose(model.posterior_["transmat"][np.ix_(order, order)],
                               other.transmat_posterior_[np.ix_(same, same)], rtol=1e-3)  # fmt: skip


def test_the_bound_chooses_the_number_of_states():
    rng = np.random.default_rng(4)
    X = [rng.normal(np.repeat([0.0, 5.0, 10.0], 40), 1.0)[:, None] for _ in range(3)]
    models = [VariationalHMM(Gaussian(), n, n_init=3, random_state=0).fit(X) for n in (1, 2, 3, 4)]
    assert np.argmax([model.history_[-1] for model in models]) == 2
    assert all(model.n_iter_ == len(model.history_) and model.converged_ for model in models)


def test_a_fit_is_saved_with_its_posterior(tmp_path):
    model = VariationalHMM(Categorical(2), 2, random_state=0).fit([0, 0, 1, 1, 1, 0])
    model.save(tmp_path / "model")
    other = load(tmp_path / "model")
    assert type(other) is VariationalHMM and other.score([0, 1]) == model.score([0, 1])
    for name, value in model.posterior_.items():
        np.testing.assert_array_equal(other.posterior_[name], value)
    assert other.fit([0, 0, 1, 1, 1, 0]).history_ == model.history_


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (VariationalHMM(Gaussian("tied")), "variational Gaussians are 'diag' or 'full'"),
        (VariationalHMM(transmat_concentration=0.0), "transmat_concentration is 0.0; expected a positive number"),
        (VariationalHMM(VariationalGaussian(mean_steps=0.0)), "mean_steps and covar_steps are 0.0 and None"),
        (VariationalHMM(VariationalGaussian("full", covar_steps=1.0)), "more than 1"),
        (VariationalHMM(VariationalGaussian(covar=-1.0)), "expected positive variances or a covariance of 2 features"),
    ],
)
def test_priors_that_cannot_be_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(np.arange(8.0).reshape(4, 2))


def test_expectation_maximisation_is_what_strong_data_approach():
    """With many data the expected parameters are the most likely ones."""
    rng = np.random.default_rng(5)
    X = rng.normal(np.tile(np.repeat([0.0, 8.0], 10), 100), 1.0)[:, None]
    one, other = HMM(Gaussian(), 2, random_state=0).fit(X), VariationalHMM(Gaussian(), 2, random_state=0).fit(X)
    np.testing.assert_allclose(np.sort(one.means_.ravel()), np.sort(other.means_.ravel()), atol=0.02)
