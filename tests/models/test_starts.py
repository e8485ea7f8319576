"""Where EM starts."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from families import FAMILIES
from hmmseq import (
    HMM,
    CategoricalHMM,
    FactorialHMM,
    GaussianHMM,
    InputHMM,
    PoissonHMM,
    SemiMarkovHMM,
    VariationalHMM,
    topologies,
)
from hmmseq.emissions import Categorical, Gaussian, Poisson
from hmmseq.models.starts import quantile_labels


def levels(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(np.repeat([0.0, 4.0, 8.0], 30), 1.0)[:, None] for _ in range(3)]


@pytest.mark.parametrize("number", range(len(FAMILIES)), ids=lambda number: str(FAMILIES[number])[:40])
def test_every_family_starts_from_guessed_labels(number):
    family, init = FAMILIES[number], ["kmeans", "quantile"][number % 2]
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


def test_a_fit_with_durations_goes_on_where_another_ended():
    X, options = levels(), {"longest": 60, "tol": -np.inf, "random_state": 0}
    first = SemiMarkovHMM(Gaussian(), 3, n_iter=4, **options).fit(X)
    second = SemiMarkovHMM(Gaussian(), 3, n_iter=4, init=first, **options).fit(X)
    straight = SemiMarkovHMM(Gaussian(), 3, n_iter=8, **options).fit(X)
    np.testing.assert_allclose(first.history_ + second.history_, straight.history_, rtol=1e-12)
    with pytest.raises(ValueError, match="init has durations of the kind NegativeBinomial, but this model Poisson"):
        SemiMarkovHMM(Gaussian(), 3, durations="poisson", init=first, **options).fit(X)
    assert SemiMarkovHMM(Gaussian(), 3, init="quantile", **options).fit(X).means_.argmax() == 2


def test_a_fit_with_inputs_goes_on_where_another_ended():
    X = [np.column_stack([x, np.arange(len(x)) % 3]) for x in levels()]
    options = {"inputs": [1], "tol": -np.inf, "random_state": 0}
    first = InputHMM(Gaussian(), 3, n_iter=4, **options).fit(X)
    second = InputHMM(Gaussian(), 3, n_iter=4, init=first, **options).fit(X)
    straight = InputHMM(Gaussian(), 3, n_iter=8, **options).fit(X)
    np.testing.assert_allclose(first.history_ + second.history_, straight.history_, rtol=1e-10)
    plain = GaussianHMM(3, n_iter=4, random_state=0).fit([x[:, :1] for x in X])
    begun = InputHMM(Gaussian(), 3, n_iter=1, init=plain, **options).fit(X)
    assert begun.history_[0] == pytest.approx(plain.score([x[:, :1] for x in X]) * 270)
    more = [np.column_stack([x, x[:, 1]]) for x in X]
    with pytest.raises(ValueError, match="init has 1 inputs, but this model 2"):
        InputHMM(Gaussian(), 3, inputs=[1, 2], init=first).fit(more)


@pytest.mark.parametrize("emission", [Gaussian("full"), Gaussian("diag"), Categorical(3)], ids=str)
def test_variational_fits_go_on_where_another_ended(emission):
    X, options = levels(), {"tol": -np.inf, "random_state": 0}
    X = [(x[:, 0] > 2).astype(int) + (x[:, 0] > 6) for x in X] if emission.symbols else X
    first = VariationalHMM(emission, 3, n_iter=4, **options).fit(X)
    second = VariationalHMM(emission, 3, n_iter=4, init=first, **options).fit(X)
    straight = VariationalHMM(emission, 3, n_iter=8, **options).fit(X)
    np.testing.assert_allclose(first.history_ + second.history_, straight.history_, rtol=1e-10)
    with pytest.raises(ValueError, match=r"init has distributions of shapes|init is a model of another topology"):
        VariationalHMM(emission, 2, init=first).fit(X)


def test_known_states_do_not_move_where_a_fitted_model_starts():
    X = levels()
    first = GaussianHMM(3, n_iter=4, tol=-np.inf, random_state=0).fit(X)
    y = [np.where(np.arange(len(x)) == 5, 0, -1) for x in X]
    np.testing.assert_array_equal(GaussianHMM(3, n_iter=0, init=first).fit(X, y).means_, first.means_)
    known = [np.repeat([2, 1, 0], 30)] * 3  # all known: they alone count
    counted = GaussianHMM(3, init=first).fit(X, known)
    np.testing.assert_allclose(counted.means_[2], np.concatenate([x[:30] for x in X]).mean(0))


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
    with pytest.raises(ValueError, match="a FactorialHMM has no states that each emit"):
        GaussianHMM(2, init=FactorialHMM(2, n_iter=1, random_state=0).fit(X)).fit(X)
    with pytest.raises(NotFittedError):
        GaussianHMM(2, init=GaussianHMM(2)).fit(X)
    with pytest.raises(ValueError, match="symbols have neither order nor distance"):
        CategoricalHMM(2, init="quantile").fit([[0, 1, 1]])
    fitted = GaussianHMM(3, random_state=0, n_iter=1).fit(X)
    with pytest.raises(ValueError, match="init emits Gaussian, but this model Poisson"):
        PoissonHMM(3, init=fitted).fit(np.abs(X[0]).round())
    with pytest.raises(ValueError, match="init is a model of another topology"):
        GaussianHMM(3, init=fitted, topology=topologies.left_right).fit(X)
