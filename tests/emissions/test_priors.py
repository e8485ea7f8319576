"""Priors of emissions, against the densities of scipy, and states that they bring back."""

import numpy as np
import pytest
from scipy import stats
from sklearn.exceptions import ConvergenceWarning

from hmmseq import HMM, GaussianHMM, Sequences
from hmmseq.emissions import Exponential, Gaussian, Geometric, Poisson
from hmmseq.models import match_states

MEAN, COVAR = np.array([1.0, -2.0]), np.array([[2.0, 0.3], [0.3, 1.0]])
PRIOR = {"prior_mean": MEAN, "prior_mean_steps": 3.0, "prior_covar": COVAR, "prior_covar_steps": 9.0}


def gaussian(kind, rng):
    emission = Gaussian(kind, **PRIOR)
    emission.initialise(Sequences.pack([rng.normal(size=(30, 2))]), 2, rng)
    emission.means_ = rng.normal(size=(2, 2))
    matrices = stats.wishart(5, np.eye(2)).rvs(2, random_state=rng)
    diagonal = np.einsum("kdd->kd", matrices)
    emission.covars_ = {"full": matrices, "tied": matrices[0], "diag": diagonal, "spherical": diagonal[:, 0]}[kind]
    return emission


def log_density(emission, kind):
    """Of a normal-inverse-Wishart prior, or of normal-inverse-gamma priors of each feature; up to a constant."""
    total, n = 0.0, PRIOR["prior_covar_steps"]
    if kind in ("full", "tied"):
        matrices = np.broadcast_to(emission.covars_, (2, 2, 2))
        inverse = stats.invwishart(n - 2 - 2, n * COVAR)
        total += sum(inverse.logpdf(one) for one in (matrices if kind == "full" else matrices[:1]))
        for mean, covariance in zip(emission.means_, matrices):
            normal = stats.multivariate_normal(MEAN, covariance / 3.0).logpdf(mean)
            # One matrix for two means has the determinant of one of them in its prior.
            total += normal + (0.5 * np.linalg.slogdet(covariance)[1] if kind == "tied" else 0.0)
        return total - (0.5 * np.linalg.slogdet(matrices[0])[1] if kind == "tied" else 0.0)
    variances = emission.covars_ if kind == "diag" else np.repeat(emission.covars_[:, None], 2, 1)
    for mean, variance in zip(emission.means_, variances):
        for d in range(2):
            total += stats.invgamma((n - 3) / 2, scale=n * COVAR[d, d] / 2).logpdf(variance[d])
            total += stats.norm(MEAN[d], np.sqrt(variance[d] / 3.0)).logpdf(mean[d])
    return total


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_the_prior_is_normal_inverse_wishart(kind):
    rng = np.random.default_rng(0)
    one, other = gaussian(kind, rng), gaussian(kind, rng)
    expected = log_density(one, kind) - log_density(other, kind)
    assert one.log_prior() - other.log_prior() == pytest.approx(expected, rel=1e-9)


def test_other_priors_have_the_densities_of_scipy():
    def difference(emission, name, density, values):
        found = []
        for value in values:
            setattr(emission, name, np.array([[value]]))
            found.append(emission.log_prior() - density(value))
        return np.ptp(found)

    values = [0.2, 0.5, 0.7]
    geometric, exponential = (
        Geometric(prior_successes=2.0, prior_trials=7.0),
        Exponential(prior_sum=4.0, prior_steps=3.0),
    )
    assert difference(geometric, "probs_", stats.beta(3, 6).logpdf, values) < 1e-9
    assert difference(exponential, "means_", stats.invgamma(2, scale=4.0).logpdf, values) < 1e-9
    poisson = Poisson(prior_count=2.0, prior_steps=3.0)
    assert difference(poisson, "lambdas_", stats.gamma(3, scale=1 / 3).logpdf, values) < 1e-9


def test_one_state_has_the_mode_of_the_textbook():
    X = np.random.default_rng(1).normal(size=(20, 2)) + np.array([4.0, 0.0])
    model = HMM(Gaussian("full", **PRIOR), 1).fit(X)
    mean = (3.0 * MEAN + X.sum(0)) / 23.0
    away, apart = X - X.mean(0), X.mean(0) - MEAN
    expected = (9.0 * COVAR + away.T @ away + 3.0 * 20 / 23 * np.outer(apart, apart)) / 29.0
    np.testing.assert_allclose(model.means_[0], mean, rtol=1e-9)
    np.testing.assert_allclose(model.covars_[0], expected, rtol=1e-9)


def test_a_state_without_visits_comes_back_from_the_priors_and_is_named():
    rng = np.random.default_rng(2)
    X = np.concatenate([rng.normal(0, 1, (60, 1)), rng.normal(6, 1, (60, 1))] * 2)
    lost = GaussianHMM(2, random_state=0).fit(X)
    lost.means_[1], lost.covars_[1] = 1e6, 1.0
    prior = Gaussian(prior_mean=[5.0], prior_mean_steps=1.0, prior_covar_steps=2.0)
    model = HMM(prior, 2, init=lost, transmat_pseudocount=1.0, startprob_pseudocount=1.0)
    with pytest.warns(
        ConvergenceWarning, match=r"no expected visits were left to state 1 \(iteration 1\); it was revived"
    ):
        model.fit(X)
    assert np.all(np.diff(model.history_) >= -1e-8 * np.abs(model.history_[:-1]))
    found = GaussianHMM(2, random_state=0).fit(X)
    np.testing.assert_allclose(model.means_, found.means_[match_states(model, found, X)], atol=0.2)


@pytest.mark.parametrize(
    ("emission", "message"),
    [
        (Gaussian(prior_mean_steps=1.0), "there is no prior_mean"),
        (Gaussian(prior_mean=[1.0], prior_mean_steps=1.0), r"prior_mean has shape \(1,\); expected \(2,\)"),
        (Gaussian(prior_covar=-1.0, prior_covar_steps=1.0), "prior_covar is no covariance"),
        (Gaussian(prior_covar=np.ones(3), prior_covar_steps=1.0), r"prior_covar has shape \(3,\)"),
        (Gaussian(prior_covar_steps=-1.0), "prior_covar_steps is -1.0"),
        (Geometric(prior_successes=2.0, prior_trials=1.0), "no fewer trials than successes"),
        (Exponential(prior_steps=1.0), "expected both above 0, or both 0"),
    ],
)
def test_priors_that_cannot_be_are_refused(emission, message):
    with pytest.raises(ValueError, match=message):
        HMM(emission, 2).fit(np.arange(1.0, 21.0).reshape(10, 2))
