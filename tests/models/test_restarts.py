"""EM from several first guesses, and states that it loses on the way."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from hmmseq import HMM, CategoricalHMM, GaussianHMM, StateGraph, load, topologies
from hmmseq.emissions import Categorical


def sequences(seed=0):
    rng = np.random.default_rng(seed)
    return [np.cumsum(rng.normal(size=(n, 2)), axis=0) for n in (60, 1, 0, 40)]


@pytest.mark.parametrize("make", [GaussianHMM, CategoricalHMM])
def test_the_best_of_all_histories_is_kept(make, tmp_path):
    X = sequences() if make is GaussianHMM else [np.random.default_rng(1).integers(0, 4, n) for n in (60, 30)]
    model = make(4, n_init=5, n_iter=20, random_state=3).fit(X)
    ends = [history[-1] for history in model.histories_]
    assert len(ends) == 5 and len(set(ends)) > 1
    assert model.history_ == model.histories_[int(np.argmax(ends))] and model.n_iter_ == len(model.history_)
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").histories_ == model.histories_
    assert model.score(X) * sum(map(len, X)) >= max(ends) - 1e-8 * abs(max(ends))


def test_the_first_of_several_restarts_is_the_only_one_of_one():
    one, many = (CategoricalHMM(3, n_init=n, n_iter=9, random_state=0).fit([[0, 1, 2, 1, 1, 0, 2, 0]]) for n in (1, 4))
    assert many.histories_[0] == one.history_


@pytest.mark.parametrize("n_jobs", [2, 3, 8])
def test_restarts_have_the_same_bits_in_any_number_of_threads(n_jobs):
    one, other = (GaussianHMM(3, n_init=4, n_iter=10, random_state=5, n_jobs=n).fit(sequences()) for n in (1, n_jobs))
    assert one.histories_ == other.histories_
    np.testing.assert_array_equal(one.means_, other.means_)
    np.testing.assert_array_equal(one.transmat_, other.transmat_)


def test_of_many_states_without_visits_the_first_are_named():
    n = 40
    graph = StateGraph(n, range(n), range(n), start=[0, *[-np.inf] * (n - 1)])
    with pytest.warns(ConvergenceWarning, match=r"left to state 1 \(iteration 1\), .*8 \(iteration 1\) and 31 more;"):
        HMM(Categorical(2), topology=graph, n_iter=2, tol=-np.inf, random_state=0).fit([[0, 1, 1, 0]])


def test_a_state_without_visits_is_named_with_its_iteration_and_stays_as_it_was():
    unreachable = StateGraph(3, [0, 0, 1, 1, 2], [0, 1, 0, 1, 0], start=[0, 0, -np.inf])
    model = HMM(Categorical(2), topology=unreachable, n_iter=4, tol=-np.inf, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"no expected visits are left to state 2 \(iteration 1\)"):
        model.fit([[0, 1, 1, 0]])
    first = HMM(Categorical(2), topology=unreachable, n_iter=0, random_state=0).fit([[0, 1, 1, 0]])
    np.testing.assert_array_equal(model.emissionprob_[2], first.emissionprob_[2])
    np.testing.assert_array_equal(model.transmat_[2], [1, 0, 0])


def test_a_state_that_dies_during_em_leaves_no_nan():
    """The second state of a chain is further than the sequences are long."""
    model = GaussianHMM(4, topology=topologies.left_right, n_iter=5, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"state 2 \(iteration 1\), 3 \(iteration 1\)"):
        model.fit([np.array([[0.0], [1.0]]), np.array([[0.5], [2.0]])])
    assert np.all(np.isfinite(model.means_)) and np.all(np.isfinite(model.transmat_))


@pytest.mark.parametrize("n_init", [0, -1, 1.5, None, "3"])
def test_a_number_of_restarts_that_is_none_is_refused(n_init):
    with pytest.raises(ValueError, match="n_init is"):
        GaussianHMM(2, n_init=n_init).fit(sequences())
