"""Normal densities against scipy, with any features missing; updates that are maxima; samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from hmmseq import HMM, Sequences
from hmmseq.emissions import Gaussian
from hmmseq.emissions.base import add
from strategies import seeds

KINDS = ["spherical", "diag", "full", "tied"]
kinds = st.sampled_from(KINDS)


def random_case(rng, kind, n_labels=2, n_features=3, missing=0.2):
    """An emission with random parameters and data that it has observed, in part missing."""
    emission = Gaussian(kind)
    mixing = rng.normal(size=(n_labels, n_features, n_features))
    matrices = mixing @ mixing.transpose(0, 2, 1) + 0.5 * np.eye(n_features)
    emission.means_ = 2 * rng.normal(size=(n_labels, n_features))
    emission.scale_ = np.ones(n_features)
    emission._set_covariances(matrices)
    values = rng.normal(size=(15, n_features)) * 2
    values[rng.random(values.shape) < missing] = np.nan
    return emission, emission.observe(Sequences.pack([values[:6], values[6:]]))


def matrix_of(emission, label):
    c, n_features = emission.covars_, emission.means_.shape[1]
    kinds = {"spherical": lambda: c[label] * np.eye(n_features), "diag": lambda: np.diag(c[label])}
    return kinds.get(emission.covariance, lambda: c[label] if emission.covariance == "full" else c)()


def scores_of(emission, packed):
    found = emission.log_scores(packed)
    return found.table[found.code]


@given(seeds, kinds, st.sampled_from([0.0, 0.3, 0.8]))
def test_densities_are_those_of_the_seen_features(seed, kind, missing):
    emission, packed = random_case(np.random.default_rng(seed), kind, missing=missing)
    for x, row in zip(packed.values, scores_of(emission, packed)):
        seen = ~np.isnan(x)
        for label in range(2):
            expected = 0.0
            if seen.any():
                part = matrix_of(emission, label)[np.ix_(seen, seen)]
                expected = multivariate_normal(emission.means_[label][seen], part).logpdf(x[seen])
            assert row[label] == pytest.approx(expected, rel=1e-10, abs=1e-10)


@given(seeds, kinds)
def test_statistics_of_two_parts_add_up_to_those_of_the_whole(seed, kind):
    rng = np.random.default_rng(seed)
    emission, packed = random_case(rng, kind)
    rows = rng.random((15, 2))
    parts = [emission.statistics(Sequences.pack(x), r) for x, r in zip(packed, packed.unpack(rows))]
    together, whole = add(*parts), emission.statistics(packed, rows)
    for name in whole:
        np.testing.assert_allclose(together[name], whole[name], rtol=1e-9, atol=1e-12)


def small_steps(rng, emission):
    """Parameters near those of `emission`: other means, or covariances scaled along random directions."""
    means, covars, n_features = emission.means_, emission.covars_, emission.means_.shape[1]
    for _ in range(4):
        yield means + 0.05 * rng.normal(size=means.shape), covars
        if emission.covariance in ("spherical", "diag"):
            yield means, covars * np.exp(0.1 * rng.normal(size=covars.shape))
        else:
            tilt = np.eye(n_features) + 0.05 * rng.normal(size=(n_features, n_features))
            yield means, tilt @ covars @ tilt.T


@given(seeds, kinds)
def test_an_update_is_a_maximum(seed, kind):
    rng = np.random.default_rng(seed)
    emission, packed = random_case(rng, kind, missing=0.0)
    rows = rng.gamma(1.0, size=(15, 2))
    emission.update(emission.statistics(packed, rows))
    best = np.sum(rows * scores_of(emission, packed))
    for means, covars in list(small_steps(rng, emission)):
        emission.means_, emission.covars_ = means, covars
        assert np.sum(rows * scores_of(emission, packed)) < best


@given(seeds, kinds)
def test_em_over_missing_features_never_falls(seed, kind):
    """One label, so EM is only the filling in of what is missing."""
    rng = np.random.default_rng(seed)
    emission, packed = random_case(rng, kind, n_labels=1, missing=0.5)
    rows, history = np.ones((15, 1)), []
    for _ in range(6):
        history.append(scores_of(emission, packed).sum())
        emission.update(emission.statistics(packed, rows))
    assert np.all(np.diff(history) >= -1e-9 * np.abs(history[:-1])), history


def test_a_label_without_weight_stays_as_it_is():
    for kind in ("spherical", "diag", "full"):
        emission, packed = random_case(np.random.default_rng(0), kind)
        means, covars = emission.means_.copy(), emission.covars_.copy()
        emission.update(emission.statistics(packed, np.outer(np.ones(15), [1.0, 0.0])))
        np.testing.assert_array_equal(emission.means_[1], means[1])
        np.testing.assert_array_equal(emission.covars_[1], covars[1])
        assert not np.allclose(emission.means_[0], means[0])


@pytest.mark.parametrize("kind", KINDS)
def test_samples_have_the_moments_of_their_label(kind):
    rng = np.random.default_rng(1)
    emission, _ = random_case(rng, kind)
    labels = rng.integers(0, 2, 40_000)
    drawn = emission.sample(labels, rng)
    for label in range(2):
        own, matrix = drawn[labels == label], matrix_of(emission, label)
        np.testing.assert_allclose(own.mean(0), emission.means_[label], atol=0.1)
        np.testing.assert_allclose(np.cov(own.T), matrix, atol=0.06 * np.trace(matrix))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
def test_a_constant_feature_is_fitted_at_the_floor_with_a_warning(kind, value):
    """The mean of a hundred times 0.1 is not 0.1: the variance was 1e-34 and the likelihood 4411."""
    X = np.column_stack([np.full(100, value), np.random.default_rng(0).normal(size=100)])
    with pytest.warns(UserWarning, match=r"features \[0\] of X are constant"):
        model = HMM(Gaussian(kind), 2, random_state=0).fit(X)
    np.testing.assert_allclose(model.means_[:, 0], value, rtol=1e-6, atol=1e-6)
    if kind != "spherical":
        floor = [matrix_of(model.emission_, label)[0, 0] for label in range(2)]
        np.testing.assert_allclose(floor, 1e-6, rtol=1e-3)
    assert np.isfinite(model.score(X)) and np.all(np.isfinite(model.predict_proba(X)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-98, 1e-6, 1.0, 1e98])
def test_units_do_not_matter(kind, scale):
    """The same data in other units: the same states, and means and covariances in those units."""
    X = np.random.default_rng(2).normal(size=(60, 2)) + np.repeat([[0], [6], [0]], 20, axis=0)
    one, other = (HMM(Gaussian(kind), 2, random_state=0).fit(X * unit) for unit in (1.0, scale))
    np.testing.assert_array_equal(one.predict(X), other.predict(X * scale))
    np.testing.assert_allclose(other.means_ / scale, one.means_, rtol=1e-6)
    np.testing.assert_allclose(other.covars_ / scale / scale, one.covars_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_data_far_from_zero_keep_their_variance(kind):
    """sum(x**2) - mean**2 would be nothing but rounding error here."""
    X = 1e9 + np.random.default_rng(3).normal(size=(500, 2))
    model = HMM(Gaussian(kind), 1).fit(X)
    expected = np.cov(X.T - 1e9, bias=True)
    found = matrix_of(model.emission_, 0)
    np.testing.assert_allclose(np.diag(found).mean(), np.diag(expected).mean(), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_that_is_never_seen_changes_nothing(kind):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(40, 1))
    with_gap = np.column_stack([X, np.full(40, np.nan)])
    one, two = HMM(Gaussian(kind), 1).fit(X), HMM(Gaussian(kind), 1).fit(with_gap)
    assert two.score(with_gap) == pytest.approx(one.score(X), rel=1e-6)
    assert HMM(Gaussian(kind), 2, random_state=0).fit(np.full((5, 2), np.nan)).score(with_gap[:, [1, 1]]) == 0.0
