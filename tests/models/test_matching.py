"""States of two fits that are the same, under other numbers."""

import numpy as np
import pytest
from hypothesis import given

from hmmseq import HMM, GaussianHMM, StateGraph
from hmmseq.emissions import Categorical, Gaussian
from hmmseq.models import canonical, match_states, reordered
from strategies import seeds

X = [np.random.default_rng(0).normal(np.repeat([[0.0], [4.0], [0.0], [8.0]], 10, axis=0)[:, [0, 0]], 1.0)] * 2
TIED = StateGraph(4, [0, 0, 1, 2, 2, 3], [0, 1, 2, 2, 3, 0], label=[0, -1, 1, 0])


@pytest.mark.parametrize("kind", ["spherical", "diag", "full", "tied"])
def test_a_model_in_another_order_is_the_same_and_is_matched(kind):
    model = HMM(Gaussian(kind), 3, random_state=0, n_iter=10).fit(X)
    other = reordered(model, [2, 0, 1])
    assert other.score(X) == pytest.approx(model.score(X), rel=1e-12)
    np.testing.assert_array_equal(other.means_, model.means_[[2, 0, 1]])
    np.testing.assert_allclose(other.transmat_, model.transmat_[np.ix_([2, 0, 1], [2, 0, 1])], rtol=1e-15)
    np.testing.assert_array_equal(np.array([2, 0, 1])[other.predict(X[0])], model.predict(X[0]))
    assert match_states(other, model, X).tolist() == [2, 0, 1]
    assert match_states(model, other, np.concatenate(X), lengths=[40, 40]).tolist() == [1, 2, 0]


@given(seeds)
def test_tied_and_silent_states_keep_their_labels(seed):
    rng = np.random.default_rng(seed)
    data = [rng.integers(0, 3, 12)]
    model = HMM(Categorical(3), topology=TIED, random_state=int(rng.integers(99)), n_iter=3).fit(data)
    order = rng.permutation(4)
    other = reordered(model, order)
    assert other.score(data) == pytest.approx(model.score(data), rel=1e-12)
    np.testing.assert_allclose(other.predict_proba(data)[0], model.predict_proba(data)[0][:, order], atol=1e-12)
    ordered = canonical(model, data)
    shares = ordered.predict_proba(data)[0].sum(0)
    assert np.all(np.diff(shares) <= 1e-9) and ordered.graph_.label[3] == -1


def test_the_canonical_order_does_not_depend_on_the_first_guess():
    fits = [canonical(GaussianHMM(3, n_init=5, random_state=seed, tol=1e-9).fit(X), X) for seed in (0, 1)]
    np.testing.assert_allclose(fits[0].means_, fits[1].means_, rtol=1e-3)
    np.testing.assert_array_equal(canonical(fits[0], X).means_, fits[0].means_)


def test_what_is_left_over_has_no_match():
    two, three = (GaussianHMM(n, random_state=0).fit(X) for n in (2, 3))
    assert sorted(match_states(three, two, X).tolist()) == [-1, 0, 1]
    assert -1 not in match_states(two, three, X)
    silent = HMM(Categorical(3), topology=TIED, random_state=0, n_iter=1).fit([[0, 1, 2, 0]])
    assert match_states(silent, silent, [[0, 1, 2, 0]])[1] == -1


@pytest.mark.parametrize("order", [[0, 1], [0, 0, 1], [1, 2, 3]])
def test_an_order_that_is_none_is_refused(order):
    with pytest.raises(ValueError, match="each of the 3 states once"):
        reordered(GaussianHMM(3, random_state=0, n_iter=1).fit(X), order)
