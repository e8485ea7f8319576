"""FactorialHMM: all combinations of paths listed, laws of both E-steps, and HMM for one chain."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from hmmseq import HMM, DataError, FactorialHMM, GaussianHMM, ImpossibleSequenceError, load
from hmmseq.emissions import Gaussian
from hmmseq.models.factorial import Data, Parameters, exact, maximise, mean_field, uniform
from hmmseq.sequences import Sequences
from oracle import log_sum
from strategies import seeds


@st.composite
def cases(draw, n_steps=4):
    """Random parameters of two or three chains, and data with steps that are missing and states that are known."""
    rng = np.random.default_rng(draw(seeds))
    sizes = draw(st.sampled_from([(2, 2), (3, 2), (2, 2, 2), (1, 3)]))
    d = draw(st.integers(1, 2))
    root = rng.normal(size=(d, d))
    parameters = Parameters(
        [rng.dirichlet(np.ones(k)) for k in sizes], [rng.dirichlet(np.ones(k), k) for k in sizes],
        rng.normal(size=(sum(sizes), d)) * 2, root @ root.T + 0.3 * np.eye(d), rng.normal(size=d), np.ones(d),
    )  # fmt: skip
    values = rng.normal(size=(n_steps + 2, d)) * 2
    if draw(st.booleans()):
        values[1, 0] = np.nan
    forbidden = None
    if draw(st.booleans()):
        forbidden = np.zeros((n_steps + 2, sum(sizes)), dtype=bool)
        forbidden[2, 1 : sizes[0]] = True
    X = Sequences(values, np.array([0, n_steps - 1, n_steps - 1, n_steps + 2]))
    return parameters, Data(X, np.array([1.0, 0.7, 2.0]), forbidden, 1)


def listed(parameters, data, s):
    """Every combination of paths of one sequence, as indicators (n_steps, n_all), with its log probability."""
    steps = range(*data.X.offsets[s : s + 2])
    first = np.cumsum([0, *parameters.sizes[:-1]])
    for paths in product(*[product(range(k), repeat=len(steps)) for k in parameters.sizes]):
        score, indicators = 0.0, np.zeros((len(steps), sum(parameters.sizes)))
        for m, path in enumerate(paths):
            if len(path):
                score += np.log(parameters.start[m][path[0]])
            score += sum(np.log(parameters.transmat[m][i, j]) for i, j in pairwise(path))
            indicators[np.arange(len(steps)), first[m] + np.array(path, dtype=int)] = 1.0
        for row, t in zip(indicators, steps):
            if data.forbidden is not None and np.any(data.forbidden[t] & (row > 0)):
                score = -np.inf
            elif not np.isnan(data.X.values[t]).any():
                mean = parameters.origin + row @ parameters.means
                score += stats.multivariate_normal.logpdf(data.X.values[t], mean, parameters.covariance)
        if score > -np.inf:
            yield indicators, score


@settings(max_examples=8)
@given(cases(n_steps=3))
def test_exact_statistics_are_those_of_all_paths(case):
    parameters, data = case
    found = exact(parameters, data)
    total, second, crossed = 0.0, np.zeros_like(found.second), np.zeros_like(found.crossed)
    for s in range(3):
        paths = list(listed(parameters, data, s))
        log_total = log_sum(score for _, score in paths)
        total += data.weights[s] * log_total
        expected = sum(np.exp(score - log_total) * indicators for indicators, score in paths)
        steps = slice(*data.X.offsets[s : s + 2])
        np.testing.assert_allclose(found.states[steps], expected, atol=1e-9)
        seen = data.seen[steps]
        for indicators, score in paths:
            share = data.weights[s] * np.exp(score - log_total)
            second += share * indicators[seen].T @ indicators[seen]
            crossed += share * indicators[seen].T @ (data.X.values[steps] - parameters.origin)[seen]
    assert found.height == pytest.approx(total, rel=1e-9)
    np.testing.assert_allclose(found.second, second, atol=1e-9)
    np.testing.assert_allclose(found.crossed, crossed, atol=1e-8)


@settings(max_examples=8)
@given(cases())
def test_the_bound_is_one_and_is_that_of_its_posterior(case):
    """Below the log-likelihood, by the divergence of the independent chains; and more sweeps raise it."""
    parameters, data = case
    height = exact(parameters, data).height
    begun = uniform(len(data.X.values), parameters.sizes)
    bounds = [mean_field(parameters, data, begun, n).height for n in (1, 2, 3, 50)]
    assert np.all(np.diff(bounds) >= -1e-9 * np.abs(bounds[1:])) and bounds[-1] <= height + 1e-9 * abs(height)
    found = mean_field(parameters, data, begun)
    for block in parameters.blocks:
        np.testing.assert_allclose(found.states[:, block].sum(1), 1.0, rtol=1e-9)
        shared = found.second[block, block]
        np.testing.assert_allclose(shared, np.diag(np.diag(shared)))


def test_the_bound_is_tight_where_chains_do_not_meet():
    """Each chain moves a feature of its own: given the data the chains are independent."""
    rng = np.random.default_rng(0)
    means = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    parameters = Parameters(
        [np.full(2, 0.5)] * 2, [np.array([[0.9, 0.1], [0.3, 0.7]])] * 2, means, np.eye(2), np.zeros(2), np.ones(2)
    )
    data = Data(Sequences.pack([rng.normal(size=(30, 2)) * 2]), np.ones(1), None, 1)
    both = exact(parameters, data), mean_field(parameters, data, None)
    assert both[1].height == pytest.approx(both[0].height, rel=1e-9)
    np.testing.assert_allclose(both[1].states, both[0].states, atol=1e-8)


@settings(max_examples=8)
@given(cases(), st.sampled_from(["exact", "mean_field"]), st.booleans())
def test_em_never_falls(case, inference, diagonal):
    parameters, data = case
    states, history = uniform(len(data.X.values), parameters.sizes), []
    for _ in range(6):
        moments = exact(parameters, data) if inference == "exact" else mean_field(parameters, data, states)
        history.append(moments.height)
        parameters, states = maximise(parameters, data, moments, diagonal, 1e-3), moments.states
        for rows in (*parameters.start, *parameters.transmat):
            np.testing.assert_allclose(rows.sum(-1), 1.0)
    # The first step brings the covariance to the floor and the diagonal, which the drawn one need not keep to.
    history = np.array(history[1:])
    assert np.all(np.diff(history) >= -1e-8 * np.abs(history[:-1]) - 1e-8), history


def simulated(n=6, steps=100, seed=0):
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(n):
        states = np.zeros((steps, 2), dtype=int)
        for t in range(steps):
            for m, k in enumerate((2, 3)):
                stay = rng.random() < (0.95 if m else 0.8)
                states[t, m] = states[t - 1, m] if t and stay else rng.integers(k)
        means = np.array([[0.0, 0.0], [4.0, 1.0]])[states[:, 0]] + np.array([[0, 0], [0, 5], [-7, 3]])[states[:, 1]]
        X.append(means + rng.normal(size=(steps, 2)) * 0.5)
        y.append(states)
    return X, y


@pytest.mark.parametrize("inference", ["exact", "mean_field"])
def test_states_are_found(inference):
    X, y = simulated()
    model = FactorialHMM((2, 3), inference=inference, n_init=4, random_state=1).fit(X)
    assert np.all(np.diff(model.history_) >= -1e-8 * np.abs(model.history_[:-1]))
    found, truth = np.concatenate(model.predict(X)), np.concatenate(y)
    for m in range(2):
        table = np.zeros((len(model.means_[m]), 3))
        np.add.at(table, (found[:, m], truth[:, m]), 1)
        assert table.max(axis=1).sum() > (0.98 if inference == "exact" else 0.96) * len(truth)
    np.testing.assert_allclose(model.covariance_, 0.25 * np.eye(2), atol=0.05)
    stay = np.sort(np.diag(model.transmats_[0]))
    np.testing.assert_allclose(stay, 0.8 + 0.2 / 2, atol=0.06)


def test_one_chain_is_a_hidden_markov_model_of_one_covariance():
    X, _ = simulated(2, 40)
    plain = HMM(Gaussian("tied"), 3, n_iter=5, random_state=0).fit(X)
    parameters = Parameters(
        [plain.startprob_], [plain.transmat_], plain.means_, plain.covars_.reshape(-1, 2, 2)[0], np.zeros(2), np.ones(2)
    )
    model = FactorialHMM((3,), n_iter=1, random_state=0).fit(X)
    model._take(parameters)
    assert model.score(X) == pytest.approx(plain.score(X), rel=1e-10)
    for ours, theirs in zip(model.predict_proba(X), plain.predict_proba(X)):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    for ours, theirs in zip(model.decode(X), plain.decode(X)):
        np.testing.assert_array_equal(ours.states[:, 0], theirs.states)
        assert ours.score == pytest.approx(theirs.score)
    tied = GaussianHMM(3, "tied", random_state=0).fit(X)
    assert FactorialHMM((3,), random_state=0).fit(X).n_parameters_ == tied.n_parameters_


def test_a_path_by_mean_field_has_the_score_of_that_path():
    X, _ = simulated(2, 30)
    model = FactorialHMM((2, 3), n_init=3, random_state=1).fit(X)
    best = model.decode(X)
    model.inference_ = "mean_field"
    for ours, theirs in zip(model.decode(X), best):
        assert ours.score <= theirs.score + 1e-9
        if np.array_equal(ours.states, theirs.states):
            assert ours.score == pytest.approx(theirs.score)
    whole = model.predict_proba(X)
    np.testing.assert_array_equal(whole[1], model.predict_proba(X[1]))  # whatever stands beside it
    assert model.bic(X) > model.aic(X) > -2 * model.score(X) * 60


@pytest.mark.parametrize("inference", ["exact", "mean_field"])
def test_known_states_missing_steps_and_weights(inference):
    X, y = simulated(4, 60)
    X[0][5:9] = np.nan
    options = {"inference": inference, "n_iter": 30, "random_state": 0}
    model = FactorialHMM((2, 3), **options).fit(X, y)
    assert (
        np.mean(np.concatenate(model.predict(X)) == np.concatenate(y)) > 0.97
    )  # states have the names they were given
    weighted = FactorialHMM((2, 3), **options).fit(X, y, sample_weight=[2.0, 1.0, 0.0, 1.0])
    copies = FactorialHMM((2, 3), **options).fit([X[0], X[0], X[1], X[3]], [y[0], y[0], y[1], y[3]])
    np.testing.assert_allclose(weighted.covariance_, copies.covariance_, rtol=0.2)
    np.testing.assert_allclose(weighted.transmats_[1], copies.transmats_[1], atol=1e-6)
    assert [p.shape for p in model.predict_proba([X[0], X[0][:0]])] == [(60, 5), (0, 5)]
    with pytest.raises(ImpossibleSequenceError):
        never = FactorialHMM((2, 3), **options)
        never._choose_inference(never._check_parameters())
        parameters = model.parameters_
        forbidden = np.zeros((60, 5), dtype=bool)
        forbidden[3, :2] = True
        never._expectation()(parameters, Data(Sequences.pack([X[1]]), np.ones(1), forbidden, 1), np.full((60, 5), 0.3))


def test_samples_have_the_moments_of_the_model():
    X, _ = simulated(3, 60)
    model = FactorialHMM((2, 3), n_init=3, random_state=1).fit(X)
    drawn, states = model.sample(20_000, random_state=0)
    left = drawn - model.origin_ - sum(means[states[:, m]] for m, means in enumerate(model.means_))
    np.testing.assert_allclose(np.cov(left.T), model.covariance_, atol=0.02)
    for m, rows in enumerate(model.transmats_):
        pairs = np.zeros(rows.shape)
        np.add.at(pairs, (states[:-1, m], states[1:, m]), 1)
        seen = pairs.sum(1) > 500
        np.testing.assert_allclose((pairs / pairs.sum(1, keepdims=True).clip(1))[seen], rows[seen], atol=0.05)


@pytest.mark.parametrize("inference", ["exact", "mean_field"])
def test_saved_and_loaded(inference, tmp_path):
    X, _ = simulated(2, 30)
    model = FactorialHMM((2, 3), inference=inference, covariance="diag", n_iter=4, random_state=0).fit(X)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.score(X) == model.score(X) and again.history_ == model.history_ and again.inference_ == inference
    assert clone(again).fit(X).history_ == model.history_
    import safetensors.numpy

    from hmmseq.archive import digest

    with safetensors.safe_open(tmp_path / "model", framework="numpy") as file:
        metadata, arrays = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for name, value in (("means", np.ones((4, 2))), ("covariance", -np.eye(2)), ("start.0", np.array([2.0, -1.0]))):
        spoiled = arrays | {name: value}
        changed = metadata | {"sha256": digest(metadata["model"], spoiled)}
        (tmp_path / "model").write_bytes(safetensors.numpy.save(spoiled, changed))
        with pytest.raises(DataError, match="does not describe a model"):
            load(tmp_path / "model")


def test_states_that_are_known_are_states_there_are(tmp_path):
    X, y = simulated(2, 30)
    model = FactorialHMM((2, 2), n_iter=2, random_state=0).fit(X, y)  # the second chain has three
    assert [len(start) for start in model.startprobs_] == [2, 3]
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").score(X) == model.score(X)
    one = FactorialHMM(2, n_iter=2, random_state=0).fit(X, [own[:, 1] for own in y])
    assert len(one.startprobs_[0]) == 3


def test_grid_search_and_threads():
    X, _ = simulated(4, 30)
    search = GridSearchCV(FactorialHMM(n_iter=3, random_state=0), {"n_components": [(2,), (2, 2)]}, cv=2).fit(X)
    assert np.isfinite(search.best_score_)
    one, two = (FactorialHMM((2, 2), n_iter=3, n_init=2, random_state=0, n_jobs=n).fit(X) for n in (1, 2))
    assert one.histories_ == two.histories_


@pytest.mark.parametrize(
    "options, y, message",
    [
        ({"n_components": ()}, None, r"n_components is \(\)"),
        ({"n_components": (2, 0)}, None, "n_components is"),
        ({"n_components": (2, 1.5)}, None, "n_components is"),
        ({"covariance": "tied"}, None, "covariance is 'tied'"),
        ({"inference": "gibbs"}, None, "inference is 'gibbs'"),
        ({"min_covar": 0.0}, None, "min_covar is 0.0"),
        ({"n_init": 0}, None, "n_init is 0"),
        ({}, [np.zeros((4, 2), dtype=int)], r"y\[0\] has 4 labels but X\[0\] has 5 steps"),
        ({}, [np.zeros((5, 3), dtype=int)], r"y has 3 column\(s\)"),
        ({}, [np.zeros(5, dtype=int)], r"y has 1 column\(s\); expected one for each of 2 chains"),
        ({}, [np.full((5, 2), -2)], "y must be whole numbers"),
        ({}, [np.full((5, 2), 0.5)], "y must be whole numbers"),
    ],
)
def test_what_cannot_be_asked_is_refused(options, y, message):
    with pytest.raises(ValueError, match=message):
        FactorialHMM(**options).fit([np.zeros((5, 1))], y)


def test_one_array_in_one_array_out():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = FactorialHMM([2, 2], n_iter=2, random_state=0).fit(X)
    for answer, columns in ((model.predict, 2), (model.predict_proba, 4)):
        joined = answer(X, lengths=[20, 10])
        np.testing.assert_array_equal(joined, np.concatenate(answer([X[:20], X[20:]])))
        assert answer(X[:0], lengths=np.array([], dtype=int)).shape == (0, columns)
