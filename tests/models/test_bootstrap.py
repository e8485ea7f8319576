"""Estimates from data drawn again, beside standard errors; held-out likelihood."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import LeaveOneOut

from hmmseq import (
    CRF,
    HMM,
    CategoricalHMM,
    FactorialHMM,
    InputHMM,
    PoissonHMM,
    SemiMarkovHMM,
    Sequences,
    VariationalHMM,
)
from hmmseq.emissions import Gaussian, LinearRegression, Multinomial, Product
from hmmseq.models import bootstrap, held_out_log_likelihood, standard_errors
from hmmseq.models.resampling import drawn_again
from recovery import TRUTHS, drawn

POISSON = next(truth for truth in TRUTHS if str(truth) == "Poisson()")


def fitted(n_sequences=10, n_steps=60):
    X = drawn(POISSON, np.random.default_rng(0), n_sequences, n_steps)
    return PoissonHMM(2, init=POISSON.model(), tol=1e-5).fit(X), X


@pytest.mark.parametrize("method", ["parametric", "sequences"])
def test_resampled_errors_are_near_those_of_the_information(method):
    model, X = fitted(20)
    found, expected = bootstrap(model, X, n_resamples=60, method=method, random_state=0), standard_errors(model, X)
    assert found.names == expected.names and found.draws.shape == (60, 8)
    # The deviation of 60 draws is within 30 % of the truth in all but a thousandth of cases; the errors are estimates, too.
    np.testing.assert_allclose(found.errors / expected.errors, 1.0, atol=0.45)
    low, high = found.interval(0.9).T
    assert np.all(low <= found.values) and np.all(found.values <= high)
    assert "lambdas[1, 0]" in str(found)


def test_any_number_of_jobs_gives_the_same_draws():
    model, X = fitted(4)
    one, two = (bootstrap(model, X, n_resamples=4, n_jobs=n, random_state=3).draws for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_states_that_are_exchanged_in_a_resample_are_matched():
    model, X = fitted(6)
    found = bootstrap(model, X, n_resamples=20, random_state=0)
    column = found.names.index("lambdas[0, 0]")
    assert np.ptp(found.draws[:, column]) < 3.0  # the rates are 2 and 9


def test_data_drawn_again_are_missing_where_the_data_are_and_have_their_covariates():
    rng = np.random.default_rng(1)
    X = [np.column_stack([rng.normal(size=30), rng.normal(size=30), rng.integers(0, 3, 30)]) for _ in range(2)]
    X[0][4, 2], X[1][7, 0] = np.nan, np.nan
    emission = Product([LinearRegression(), HMM_CATEGORICAL], [[0, 1], [2]])
    model = HMM(emission, 2, n_iter=3, random_state=0).fit(X)
    again = drawn_again(model, Sequences.pack(X), rng)
    assert [x.shape for x in again] == [x.shape for x in X] and again[0][4, 2] == -1 and np.isnan(again[1][7, 0])
    np.testing.assert_array_equal(again[0][:, 1], X[0][:, 1])
    assert not np.array_equal(again[0][:, 0], X[0][:, 0])
    model.fit(again)


HMM_CATEGORICAL = CategoricalHMM(1, n_features=3).emission


def test_totals_of_multinomial_counts_stay():
    X = np.random.default_rng(2).integers(0, 9, (40, 3)).astype(float)
    model = HMM(Multinomial(), 2, n_iter=3, random_state=0).fit(X)
    again = drawn_again(model, Sequences.pack(X), np.random.default_rng(0))[0]
    np.testing.assert_array_equal(again.sum(1), X.sum(1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "wild"}, "method is 'wild'; expected 'parametric' or 'sequences'"),
        ({"n_resamples": 1}, "n_resamples is 1; expected"),
        ({"y": [np.zeros(60, dtype=int)]}, "use method='sequences'"),
        ({"method": "sequences"}, "X holds one sequence; resampling needs many"),
    ],
)
def test_bad_bootstraps_are_refused(options, message):
    model, X = fitted(1)
    with pytest.raises(ValueError, match=message):
        bootstrap(model, X, **options)
    with pytest.raises(ValueError, match="level is 95"):
        standard_errors(model, X).interval(95)


@pytest.mark.parametrize("method", ["parametric", "sequences"])
def test_durations_vary_as_those_of_segments_that_are_seen(method):
    """States that are told apart at once: the mean of n durations, less the shortest, has the error of a Poisson mean."""
    rng, X = np.random.default_rng(3), []
    for _ in range(20):
        lengths = 1 + rng.poisson([4, 9] * 4)
        X.append(rng.normal(np.repeat([0.0, 9.0] * 4, lengths))[:, None])
    options = {"durations": "poisson", "longest": 40, "right_censored": False, "init": "quantile", "random_state": 0}
    model = SemiMarkovHMM(Gaussian(), 2, **options).fit(X)
    found = bootstrap(model, X, n_resamples=40, method=method, random_state=0)
    chosen = [found.names.index(f"durations.mean[{i}]") for i in range(2)]
    expected = np.sqrt((model.durations_.mean - 1) / 80)
    np.testing.assert_allclose(found.errors[chosen] / expected, 1.0, atol=0.4)


def test_slopes_of_covariates_have_intervals_that_hold_the_truth():
    """Means of the states are 0 and 5, so that what is drawn is nearly a logistic regression of changes."""
    rng, X = np.random.default_rng(4), []
    for _ in range(10):
        u, state = rng.normal(size=60), [0]
        for t in range(1, 60):
            state.append(state[-1] ^ int(rng.random() < 1 / (1 + np.exp(2 - 1.5 * u[t]))))
        X.append(np.column_stack([rng.normal(5.0 * np.array(state)), u]))
    model = InputHMM(Gaussian(), 2, inputs=[1], random_state=0).fit(X)
    found = bootstrap(model, X, n_resamples=30, random_state=0)
    low, high = found.interval(0.99)[[found.names.index(f"edge_coefs[{k}, 1]") for k in (1, 2)]].T  # of changes
    assert np.all(low < 0.75) and np.all(high > 0.75) and np.all(low > 0.2)  # half of 1.5: slopes of a row add up to 0
    again = drawn_again(model, Sequences.pack(X), rng)
    np.testing.assert_array_equal(again[3][:, 1], X[3][:, 1])
    assert not np.any(again[3][:, 0] == X[3][:, 0])


def test_models_that_have_no_such_errors_say_so():
    X = np.random.default_rng(5).normal(size=(30, 1))
    for model, message in (
        (VariationalHMM(Gaussian(), 2, n_iter=2), "posterior_"),
        (
            SemiMarkovHMM(Gaussian(), 2, durations="geometric", n_iter=2),
            "standard_errors is for HMM; .*models.bootstrap",
        ),
        (FactorialHMM((2, 2), n_iter=2), "standard_errors is for HMM, SemiMarkovHMM"),
    ):
        with pytest.raises(ValueError, match=message):
            standard_errors(model.fit(X), X)
    with pytest.raises(ValueError, match="bootstrap is for estimates"):
        bootstrap(VariationalHMM(Gaussian(), 2, n_iter=2).fit(X), X)
    with pytest.raises(ValueError, match="a CRF has no likelihood of sequences"):
        held_out_log_likelihood(CRF(), [X, X])


def test_several_chains_have_held_out_likelihoods():
    X = [np.random.default_rng(s).normal(size=(12 + s, 1)) for s in range(4)]
    model = FactorialHMM((2, 2), n_iter=5, random_state=0)
    found = held_out_log_likelihood(model, X, cv=2)
    np.testing.assert_allclose(found[0], clone(model).fit(X[2:]).score(X[0]) * 12)


def test_held_out_likelihoods_are_scores_of_models_that_have_not_seen_the_sequence():
    _, X = fitted(4, 30)
    found = held_out_log_likelihood(PoissonHMM(2, random_state=0), X, cv=LeaveOneOut(), n_jobs=2)
    for s in range(4):
        own = PoissonHMM(2, random_state=0).fit([x for t, x in enumerate(X) if t != s])
        assert found[s] == pytest.approx(own.score([X[s]]) * 30, rel=1e-9)
    packed = np.concatenate(X)
    np.testing.assert_array_equal(
        held_out_log_likelihood(PoissonHMM(2, random_state=0), packed, lengths=[30] * 4, cv=2),
        held_out_log_likelihood(PoissonHMM(2, random_state=0), X, cv=2),
    )


def test_held_out_likelihood_of_models_with_known_states():
    X, y = [[0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 0]], [[0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 0]]
    found = held_out_log_likelihood(CategoricalHMM(2, n_features=2, transmat_pseudocount=1.0), X, y, cv=2)
    assert found.shape == (4,) and not np.isnan(found).any()
