"""Priors, fixed and tied probabilities of starts and transitions, and Viterbi training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from hmmseq import HMM, GaussianHMM, load, topologies
from hmmseq.emissions import Categorical
from hmmseq.models.rows import FREE, Rows
from oracle import all_paths, enumerate_posteriors
from strategies import seeds

X = [[0, 1, 1, 2, 0, 0, 2], [2, 2, 0, 1], [1]]
NAN = np.nan


def categorical(n=2, data=X, **options):
    return HMM(Categorical(3), n, **{"n_iter": 6, "tol": -np.inf, "random_state": 0, **options}).fit(data)


def counted(model):
    starts, edges = np.zeros(2), np.zeros(4)
    for x in X:
        _, _, e, s, _ = enumerate_posteriors(model.graph_, np.log(model.emissionprob_.T[x]))
        starts, edges = starts + s, edges + e
    return starts, edges.reshape(2, 2)


@pytest.mark.parametrize("prior", [0.5, [[1.0, 2.0], [3.0, 4.0]]])
@pytest.mark.parametrize("sticky", [0.0, 7.0])
def test_pseudocounts_are_added_to_counts(prior, sticky):
    options = {"transmat_pseudocount": prior, "startprob_pseudocount": [0.0, 2.0], "sticky": sticky}
    before, after = (categorical(n_iter=n, **options) for n in (0, 1))
    starts, edges = counted(before)
    starts, edges = starts + np.array([0.0, 2.0]), edges + np.broadcast_to(prior, (2, 2)) + sticky * np.eye(2)
    np.testing.assert_allclose(after.startprob_, starts / starts.sum(), rtol=1e-10)
    np.testing.assert_allclose(after.transmat_, edges / edges.sum(1)[:, None], rtol=1e-10)
    log_prior = np.sum((np.broadcast_to(prior, (2, 2)) + sticky * np.eye(2)) * np.log(before.transmat_))
    log_prior += 2.0 * np.log(before.startprob_[1])
    assert after.history_[0] == pytest.approx(before.score(X) * 12 + log_prior, rel=1e-12)


def test_a_state_without_visits_has_the_mode_of_its_prior():
    model = HMM(Categorical(2), 3, transmat_pseudocount=[[0, 0, 0], [1, 2, 1], [0, 0, 5]]).fit([[0, 1]], [[0, 0]])
    np.testing.assert_allclose(model.transmat_, [[1, 0, 0], [0.25, 0.5, 0.25], [0, 0, 1]])


def test_priors_give_nothing_to_edges_that_are_not_there():
    model = HMM(Categorical(3), 3, topology=topologies.left_right, transmat_pseudocount=1.0, random_state=0).fit(X)
    assert not np.any(model.transmat_[[0, 1, 1, 2, 2], [2, 0, 0, 0, 1]]) and model.startprob_[0] == 1


def test_fixed_probabilities_stay_and_the_rest_shares_what_is_left():
    fixed = [[0.7, NAN, NAN], [NAN, NAN, 0.0], [0.25, 0.5, 0.25]]
    model = categorical(3, fixed_transmat=fixed, fixed_startprob=[NAN, 0.5, NAN])
    known = ~np.isnan(fixed)
    np.testing.assert_allclose(model.transmat_[known], np.array(fixed)[known], rtol=1e-15)
    np.testing.assert_allclose(model.transmat_.sum(1), 1.0, rtol=1e-12)
    assert model.startprob_[1] == 0.5 and model.startprob_.sum() == pytest.approx(1.0)
    free = categorical(3, n_iter=0, fixed_transmat=fixed)
    np.testing.assert_allclose(free.transmat_[0], [0.7, 0.15, 0.15])


def test_ties_share_one_value():
    within = categorical(3, tied_transmat=[[-1, 4, 4], [-1, -1, -1], [9, 9, 9]], tied_startprob=[0, -1, 0])
    assert within.transmat_[0, 1] == within.transmat_[0, 2] and np.ptp(within.transmat_[2]) == 0
    assert within.startprob_[0] == within.startprob_[2] != within.startprob_[1]
    across = categorical(3, tied_transmat=np.where(np.eye(3) > 0, 1, -1))
    np.testing.assert_allclose(np.diag(across.transmat_), across.transmat_[0, 0], rtol=1e-9)
    np.testing.assert_allclose(across.transmat_.sum(1), 1.0, rtol=1e-9)


@st.composite
def row_problems(draw):
    """Two or three rows of three entries, some fixed, some tied, that have a solution."""
    rng = np.random.default_rng(draw(seeds))
    n_rows = draw(st.integers(1, 3))
    row = np.repeat(np.arange(n_rows), 3)
    tied = np.where(rng.random(len(row)) < 0.6, rng.integers(0, 3, len(row)), FREE)
    tied[::3] = FREE  # the first entry of each row takes up what the others leave
    fixed = np.where((tied == FREE) & (rng.random(len(row)) < 0.3), 0.2, NAN)
    fixed[::3] = NAN
    pseudocount = rng.gamma(1.0, size=len(row)) if draw(st.booleans()) else np.zeros(len(row))
    counts = rng.gamma(1.0, size=len(row)) * 10 + 0.1
    return Rows(row, pseudocount, fixed, tied), counts


@given(row_problems())
def test_the_maximum_is_the_one_of_a_general_optimiser(case):
    rows, counts = case
    begin = rows.begin(np.full(len(counts), -np.log(3.0)))
    found = np.exp(rows.maximise(counts, begin))
    free = np.isnan(rows.fixed)
    total = counts + rows.pseudocount
    value = np.unique(rows.group[free])
    number = np.searchsorted(value, rows.group)

    def all_of(x):
        return np.where(free, x[np.minimum(number, len(x) - 1)], rows.fixed)

    result = minimize(
        lambda x: -total[free] @ np.log(all_of(x)[free]),
        np.array([found[free & (rows.group == g)][0] for g in value]) * 0.5 + 0.1,
        constraints={"type": "eq", "fun": lambda x: np.bincount(rows.row, all_of(x)) - 1.0},
        bounds=[(1e-6, 1)] * len(value),
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 500},
    )
    np.testing.assert_allclose(np.bincount(rows.row, found), 1.0, atol=1e-8)
    for g in value:
        assert np.ptp(found[rows.group == g]) < 1e-12
    height = total[free] @ np.log(found[free])
    if result.success:
        assert height >= -result.fun - 1e-6
    assert height >= total[free] @ begin[free] - 1e-9


def test_degrees_of_freedom():
    def n_free(n=3, **options):
        model = categorical(n, n_iter=1, **options)
        return model.n_parameters_ - 6

    assert n_free() == 6 + 2
    assert n_free(topology=topologies.left_right) == 2
    assert n_free(fixed_transmat=[[0.7, NAN, NAN], [NAN, NAN, 0.0], [0.25, 0.5, 0.25]]) == 2 + 2
    assert n_free(tied_transmat=[[-1, 4, 4], [-1, -1, -1], [9, 9, 9]]) == 3 + 2
    assert n_free(tied_transmat=np.where(np.eye(3) > 0, 1, -1)) == 1 + 3 + 2
    assert n_free(tied_transmat=np.where(np.eye(3) > 0, 1, 2), tied_startprob=[0, 0, 0]) == 1


def test_viterbi_training_counts_the_best_path():
    rng = np.random.default_rng(0)
    data = [rng.integers(0, 3, n) for n in (5, 4)]
    for seed in range(5):
        before, after = (categorical(data=data, training="viterbi", n_iter=n, random_state=seed) for n in (0, 1))
        edges, symbols, total = np.zeros((2, 2)), np.zeros((2, 3)), 0.0
        for x in data:
            with np.errstate(divide="ignore"):
                paths = all_paths(before.graph_, np.log(before.emissionprob_.T[x]))
            path, score = max(paths, key=lambda found: found[1])
            np.add.at(edges, (path[:-1], path[1:]), 1)
            np.add.at(symbols, (list(path), x), 1)
            total += score
        assert after.history_[0] == pytest.approx(total, rel=1e-12)
        seen = edges.sum(1) > 0
        np.testing.assert_allclose(after.transmat_[seen], (edges / edges.sum(1).clip(1)[:, None])[seen], rtol=1e-12)
        np.testing.assert_allclose(after.emissionprob_[symbols.sum(1) > 0].sum(1), 1.0)


def test_new_options_are_saved(tmp_path):
    options = {"transmat_pseudocount": np.ones((2, 2)), "fixed_startprob": [0.25, NAN], "sticky": 2.0}
    model = categorical(training="viterbi", n_init=2, tied_transmat=[[0, -1], [-1, 0]], **options)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.n_parameters_ == model.n_parameters_ and loaded.training == "viterbi"
    np.testing.assert_array_equal(loaded.fit(X).transmat_, model.transmat_)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"transmat_pseudocount": -1.0}, "transmat_pseudocount has -1.0; expected finite counts, 0 or more"),
        ({"transmat_pseudocount": np.ones(3)}, r"shape \(3,\); expected \(2, 2\)"),
        ({"startprob_pseudocount": "many"}, "startprob_pseudocount is 'many'"),
        ({"startprob_pseudocount": None}, "startprob_pseudocount"),
        ({"sticky": np.inf}, "sticky has inf"),
        ({"fixed_transmat": [[0.5, 0.5], [1.5, NAN]]}, "fixed_transmat has 1.5; expected a probability"),
        ({"fixed_transmat": [[0.5, 0.6], [NAN, NAN]]}, "row 0 of probabilities adds up to 1.1"),
        ({"fixed_startprob": [0.5, 0.4]}, "row 0 of probabilities adds up to 0.9"),
        ({"fixed_transmat": [[NAN, NAN], [0.1, NAN]], "topology": topologies.left_right}, "no edge 1 -> 0"),
        ({"tied_transmat": [[0.5, 1], [1, 1]]}, "tied_transmat must be whole numbers"),
        (
            {"tied_transmat": [[0, 0], [0, -1]], "fixed_transmat": [[NAN, NAN], [NAN, 0.9]]},
            "row 1 of probabilities adds up to 1.4",
        ),
        ({"tied_startprob": [3, 3], "fixed_startprob": [0.5, NAN]}, "name the same entry"),
        ({"tied_startprob": [3, 3], "topology": topologies.left_right}, "tied entry 1 has probability zero"),
        ({"training": "hard"}, "training is 'hard'; expected 'em' or 'viterbi'"),
    ],
)
def test_what_cannot_be_asked_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        categorical(**options)


def test_a_gaussian_with_everything_at_once_climbs():
    rng = np.random.default_rng(2)
    data = [rng.normal(size=(n, 2)).cumsum(0) for n in (40, 30)]
    model = GaussianHMM(
        3, n_init=2, n_iter=15, tol=-np.inf, sticky=3.0, transmat_pseudocount=0.5, random_state=0,
        tied_transmat=np.where(np.eye(3) > 0, 0, -1), fixed_startprob=[0.5, NAN, NAN],
    ).fit(data)  # fmt: skip
    for history in map(np.array, model.histories_):
        assert np.all(np.diff(history) >= -1e-8 * np.abs(history[:-1]))
