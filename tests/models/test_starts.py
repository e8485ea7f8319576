"""Where EM starts."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from families import FAMILIES
from hmmseq import HMM, CategoricalHMM, GaussianHMM, PoissonHMM, topologies
from hmmseq.emissions import Poisson
from hmmseq.models.starts import quantile_labels


def levels(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(np.repeat([0.0, 4.0, 8.0], 30), 1.0)[:, None] for _ in range(3)]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
@pytest.mark.parametrize("init", ["kmeans", "quantile"])
def test_every_family_starts_from_guessed_labels(family, init):
    rng = np.random.default_rng(0)
    X = [np.array(family.data(rng, (n, 2))) for n in (40, 10)]
    X[0][5] = np.nan
    model = HMM(family.emission, 2, init=init, n_init=2, n_iter=3, tol=-np.inf, random_state=0).fit(X)
    for history in model.histories_:
        assert np.all(np.diff(history) >= -1e-8 * np.abs(history[:-1]) - 1e-9)


def test_quantiles_put_the_states_in_order():
    model = GaussianHMM(3, init="quantile", random_state=3).fit(levels())
    np.testing.assert_allclose(model.means_.ravel(), [0.0, 4.0, 8.0], atol=0.3)
    labels = quantile_labels(np.arange(12.0)[:, None], 3, np.random.default_rng(0)).argmax(1)
    assert labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert quantile_labels(np.zeros((0, 2)), 3, np.random.default_rng(0)).shape == (0, 3)


def test_a_fit_goes_on_where_another_ended():
    X = levels()
    first = GaussianHMM(3, n_iter=4, tol=-np.inf, random_state=0).fit(X)
    second = GaussianHMM(3, n_iter=4, tol=-np.inf, init=first).fit(X)
    straight = GaussianHMM(3, n_iter=8, tol=-np.inf, random_state=0).fit(X)
    np.testing.assert_allclose(first.history_ + second.history_, straight.history_, rtol=1e-12)
    held = HMM(
        Poisson(fixed={"lambdas": [[3.0], [None]]}), 2, init=PoissonHMM(2, random_state=0).fit(np.abs(X[0]).round())
    )
    assert held.set_params(n_iter=0).fit(np.abs(X[0]).round()).lambdas_[0, 0] == 3.0


def test_a_grid_search_starts_from_a_frozen_fit():
    X = levels()
    search = GridSearchCV(
        GaussianHMM(3, init=FrozenEstimator(GaussianHMM(3, random_state=0).fit(X))), {"n_iter": [1, 3]}, cv=3
    )
    assert search.fit(X).best_params_["n_iter"] in (1, 3)


def test_starts_that_cannot_be_are_refused():
    X = levels()
    with pytest.raises(ValueError, match="init is 'best'; expected None, 'kmeans', 'quantile' or a fitted model"):
        GaussianHMM(2, init="best").fit(X)
    with pytest.raises(NotFittedError):
        GaussianHMM(2, init=GaussianHMM(2)).fit(X)
    with pytest.raises(ValueError, match="symbols have neither order nor distance"):
        CategoricalHMM(2, init="quantile").fit([[0, 1, 1]])
    fitted = GaussianHMM(3, random_state=0, n_iter=1).fit(X)
    with pytest.raises(ValueError, match="init emits Gaussian, but this model Poisson"):
        PoissonHMM(3, init=fitted).fit(np.abs(X[0]).round())
    with pytest.raises(ValueError, match="init is a model of another topology"):
        GaussianHMM(3, init=fitted, topology=topologies.left_right).fit(X)
