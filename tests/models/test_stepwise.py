"""partial_fit: EM where it sees everything each time, and near it where it sees a part."""

import numpy as np
import pytest
from sklearn.base import clone

from families import FAMILIES, JOINT
from hmmseq import HMM, CategoricalHMM, GaussianHMM, PoissonHMM, Sequences, load
from hmmseq.emissions import Categorical, Gaussian, NegativeBinomial
from hmmseq.emissions.observed import by_row
from hmmseq.models import VariationalHMM

WHOLE = ("StudentT", "NegativeBinomial", "SciPy", "Regression", "Pomegranate")  # learn from all data at once
IN_PARTS = [f for f in FAMILIES + JOINT if not any(w in str(f) for w in WHOLE) or "LinearRegression" in str(f)]
EXACT = [
    f for f in IN_PARTS if not any(w in str(f) for w in ("Mixture", "ZeroInflated", "LowRank"))
]  # nothing else is hidden


@pytest.mark.parametrize("family", IN_PARTS, ids=str)
def test_all_data_at_each_step_without_memory_is_em(family):
    rng = np.random.default_rng(0)
    X, weights = [np.array(family.data(rng, (n, 2))) for n in (40, 25)], [1.0, 2.0]
    X[0][3, 0] = np.nan
    options = {"n_components": 2, "tol": -np.inf, "random_state": 0}
    expected = HMM(family.emission, n_iter=4, **options).fit(X, sample_weight=weights)
    model = HMM(clone(family.emission), **options)
    for _ in range(4):
        model.partial_fit(X, sample_weight=weights, decay=0.0)
    np.testing.assert_allclose(model.history_, expected.history_, rtol=1e-9)
    for name, value in model.emission_.state().items():
        np.testing.assert_allclose(value, expected.emission_.state()[name], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("family", EXACT, ids=str)
def test_statistics_of_other_parameters_are_those_of_these(family):
    rng = np.random.default_rng(1)
    emission, other = family.random(rng), family.random(rng)
    X = np.array(family.data(rng, (30, 2)))
    weights = rng.gamma(1.0, size=(30, 2))
    found = []
    for one in (emission, other):
        observed = one.observe(Sequences.pack([X]))
        found.append(one.statistics(observed, by_row(weights, *one.grouping(observed))))
    rebased = emission.rebased(found[1], other)
    for name, value in found[0].items():
        np.testing.assert_allclose(rebased[name], value, rtol=1e-7, atol=1e-7)


def walks(rng, n):
    states = [np.cumsum(rng.random(60) < 0.1) % 2 for _ in range(n)]
    return [rng.normal(3.0 * s, 1.0)[:, None] for s in states]


def test_parts_come_near_the_fit_to_all_of_them():
    rng = np.random.default_rng(2)
    X = walks(rng, 120)
    whole = GaussianHMM(2, random_state=0).fit(X)
    model = GaussianHMM(2, random_state=0)
    for first in range(0, 120, 6):
        model.partial_fit(X[first : first + 6])
    assert model.score(X) > whole.score(X) - 0.005
    assert model.n_iter_ == len(model.history_) == 20
    np.testing.assert_allclose(np.sort(model.means_.ravel()), np.sort(whole.means_.ravel()), atol=0.15)


def test_known_states_of_parts_are_counted():
    X = [[[0, 1, 1, 2], [2, 2, 0]], [[0, 1, 2, 2], [1, 0, 0]]]
    y = [[[0, 0, 1, 1], [1, 1, 0]], [[0, 0, 1, 1], [1, 0, 0]]]
    whole = CategoricalHMM(2, n_features=3).fit(X[0] + X[1], y[0] + y[1])
    model = CategoricalHMM(2, n_features=3)
    for part, known in zip(X, y):
        model.partial_fit(part, known, decay=1.0)
    np.testing.assert_allclose(model.emissionprob_, whole.emissionprob_)
    np.testing.assert_allclose(model.transmat_, whole.transmat_)
    np.testing.assert_allclose(model.startprob_, whole.startprob_)


def test_priors_count_once_not_in_each_part():
    X = np.random.default_rng(3).poisson(4.0, (50, 1))
    model = PoissonHMM(1, lambdas_prior=20.0, lambdas_weight=10.0)
    for part in np.split(X, 5):
        model.partial_fit(part, decay=1.0)
    assert model.lambdas_[0, 0] == pytest.approx((20.0 + X.sum()) / 60.0)


def test_it_goes_on_after_a_fit_and_a_fit_begins_anew(tmp_path):
    rng = np.random.default_rng(4)
    X = walks(rng, 10)
    model = GaussianHMM(2, random_state=0).fit(X)
    before = model.score(X)
    model.partial_fit(X, decay=0.0)
    assert model.n_iter_ == 1 and model.score(X) >= before - 1e-9
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").score(X) == model.score(X)
    again = model.fit(X)
    assert again.n_iter_ > 1 and again.score(X) == before


def test_only_an_hmm_learns_in_parts():
    assert hasattr(GaussianHMM(2), "partial_fit") and not hasattr(VariationalHMM(Categorical(2), 2), "partial_fit")


@pytest.mark.parametrize(
    ("model", "X", "options", "message"),
    [
        (HMM(NegativeBinomial(), 2), [[1.0], [4.0], [2.0]], {}, "NegativeBinomial emissions cannot learn in parts"),
        (HMM(Gaussian(), 2), [[1.0], [4.0], [2.0]], {"decay": 2.0}, "decay is 2.0; expected 0.5 to 1"),
        (HMM(Categorical(2), 2), [[], []], {}, "a part needs at least one step"),
    ],
)
def test_what_cannot_be_learned_in_parts_is_refused(model, X, options, message):
    with pytest.raises(ValueError, match=message):
        model.partial_fit(np.array(X) if len(X[0]) == 1 else [np.array(x, dtype=int) for x in X], **options)


def test_only_hmm_learns_in_parts():
    assert hasattr(HMM(), "partial_fit") and not hasattr(VariationalHMM(), "partial_fit")
