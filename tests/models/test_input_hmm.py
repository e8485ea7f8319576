"""InputHMM: all paths listed, laws over random fits, a general optimiser, and HMM where inputs say nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from hmmseq import HMM, DataError, InputHMM, StateGraph, load, topologies
from hmmseq.emissions import Categorical, Gaussian, LinearRegression
from hmmseq.models import reordered
from hmmseq.models.regression import Regression
from oracle import all_paths, log_sum
from strategies import seeds

TIED = StateGraph(3, [0, 0, 1, 2, 2], [0, 1, 2, 2, 0], label=[0, 1, 0])


def data(rng, n_inputs=2, symbols=False, missing=False):
    lengths = [25, *rng.integers(0, 15, 3)]
    out = []
    for n in lengths:
        seen = rng.integers(0, 3, (n, 1)).astype(float) if symbols else rng.normal(size=(n, 2)).cumsum(0)
        if missing:
            seen[rng.random(seen.shape) < 0.1] = np.nan
        out.append(np.column_stack([seen, rng.normal(size=(n, n_inputs))]))
    return out


@st.composite
def fits(draw):
    """A random fit: emission x topology x start inputs x penalty x missing x weights x partial labels."""
    rng = np.random.default_rng(draw(seeds))
    emission = draw(st.sampled_from([Categorical(3), Gaussian("diag")]))
    topology = draw(st.sampled_from([None, topologies.left_right, topologies.cycle, TIED]))
    own = topology is None or topology is topologies.cycle
    X = data(rng, symbols=emission.symbols, missing=draw(st.booleans()))
    model = InputHMM(
        emission, 3, inputs=[-2, -1], topology=topology, start_inputs=own and draw(st.booleans()), n_iter=6, tol=-np.inf,
        penalty=draw(st.sampled_from([1e-3, 1.0])), n_init=draw(st.integers(1, 2)), random_state=0,
    )  # fmt: skip
    weights = rng.gamma(1.0, size=len(X)) if draw(st.booleans()) else None
    y = [np.where(rng.random(len(x)) < 0.1, 0, -1) for x in X] if draw(st.booleans()) and own else None
    return model, X, y, weights


@pytest.mark.filterwarnings("ignore:no expected visits")
@settings(max_examples=25)
@given(fits())
def test_em_never_falls_and_nothing_is_nan(case):
    model, X, y, weights = case
    model.fit(X, y, sample_weight=weights)
    for history in map(np.array, model.histories_):
        assert np.all(np.diff(history) >= -1e-8 * np.abs(history[:-1]) - 1e-9), history
    matrices = model.transmat_at(np.concatenate(X)[:, -2:])
    np.testing.assert_allclose(matrices.sum(2), 1.0, rtol=1e-9)
    allowed = model.graph_.matrix(np.ones(model.graph_.n_edges)) > 0
    assert not np.any(matrices[:, ~allowed]) and np.all(np.isnan(model.transition_coefs_[~allowed]))
    for proba in model.predict_proba(X):
        np.testing.assert_allclose(proba.sum(1), 1.0, rtol=1e-9)


def fitted(start_inputs, n_iter=4):
    X = [x[:6] for x in data(np.random.default_rng(0), symbols=True)]
    options = {"inputs": [1, 2], "start_inputs": start_inputs, "tol": -np.inf, "random_state": 0, "penalty": 0.5}
    return InputHMM(Categorical(3), 3, n_iter=n_iter, **options).fit(X), X


@pytest.mark.parametrize("start_inputs", [False, True])
def test_scores_and_paths_are_those_of_all_paths(start_inputs):
    model, X = fitted(start_inputs)
    total = 0.0
    for x, best in zip(X, model.decode(X)):
        if not len(x):
            continue
        graph, u = model.graph_, x[:, 1:]
        edges = model.regressions_[0].log_probability(u) - graph.edge
        np.testing.assert_allclose(np.exp(edges + graph.edge), model.transmat_at(u)[:, graph.source, graph.target])
        coefs = model.start_coefs_ @ np.concatenate([[1.0], u[0]])
        start = coefs - log_sum(coefs)
        scores = np.log(model.emissionprob_.T[x[:, 0].astype(int)])
        scores[0] += start - graph.start
        paths = list(all_paths(graph, scores, edges))
        total += log_sum(score for _, score in paths)
        path, score = max(paths, key=lambda found: found[1])
        assert best.states.tolist() == list(path) and best.score == pytest.approx(score)
    assert model.score(X) * sum(map(len, X)) == pytest.approx(total, rel=1e-10)


@pytest.mark.parametrize("start_inputs", [False, True])
def test_em_ends_where_the_posterior_density_is_flat(start_inputs):
    X = data(np.random.default_rng(1), symbols=True)
    model = InputHMM(
        Categorical(3, pseudocount=0.5), 2, inputs=[1, 2], start_inputs=start_inputs, penalty=0.5, n_iter=1500, tol=1e-9,
        random_state=0,
    ).fit(X)  # fmt: skip
    n = sum(map(len, X))

    def height(edges, start):
        model.regressions_ = edges, start
        return model.score(X) * n + edges.log_prior() + start.log_prior()

    edges, start = model.regressions_
    h, slopes = 1e-4, []
    for regression, make in ((edges, lambda r: (r, start)), (start, lambda r: (edges, r))):
        if regression is start and not start_inputs:
            continue
        for place in np.ndindex(regression.coefs.shape):
            moved = []
            for sign in (1, -1):
                coefs = regression.coefs.copy()
                coefs[place] += sign * h
                moved.append(height(*make(Regression(regression.row, coefs, regression.penalty))))
            slopes.append((moved[0] - moved[1]) / (2 * h))
    np.testing.assert_allclose(slopes, 0.0, atol=0.02)


@settings(max_examples=10)
@given(seeds)
def test_a_regression_finds_what_a_general_optimiser_finds(seed):
    rng = np.random.default_rng(seed)
    row, inputs = np.array([0, 0, 0, 1, 1]), rng.normal(size=(40, 2))
    counts = rng.gamma(0.3, size=(40, 5)) * 5
    before = Regression(row, rng.normal(size=(5, 3)), 0.1)
    after = before.maximise(inputs, counts)

    def height(coefs):
        regression = Regression(row, coefs.reshape(5, 3), 0.1)
        return float(np.sum(counts * regression.log_probability(inputs))) + regression.log_prior()

    best = optimize.minimize(lambda x: -height(x), np.zeros(15), method="BFGS", options={"gtol": 1e-8})
    assert height(after.coefs) >= -best.fun - 1e-6
    assert height(after.coefs) >= height(before.coefs)
    np.testing.assert_allclose(after.coefs[:3, 1:].sum(0), 0.0, atol=1e-9)
    np.testing.assert_allclose(np.exp(after.coefs[3:, 0]).sum(), 1.0)


def test_inputs_that_separate_and_inputs_that_are_huge_stay_finite():
    inputs = np.array([[-1e6], [-1.0], [1.0], [1e6]])
    counts = np.array([[5.0, 0.0], [5.0, 0.0], [0.0, 5.0], [0.0, 5.0]])
    for penalty in (0.0, 1e-3):
        learned = Regression(np.zeros(2, dtype=int), np.zeros((2, 2)), penalty).maximise(inputs, counts)
        assert np.all(np.isfinite(learned.coefs)) and np.all(np.isfinite(learned.log_probability(inputs)))
        assert np.sum(counts * learned.log_probability(inputs)) > 20 * np.log(0.5)


def test_inputs_that_say_nothing_leave_a_hidden_markov_model():
    rng = np.random.default_rng(2)
    X = [np.repeat([0.0, 4.0, 0.0, 4.0], 8)[:, None] + rng.normal(size=(32, 1)) for _ in range(4)]
    constant = [np.column_stack([x, np.zeros(len(x))]) for x in X]
    options = {"n_iter": 300, "tol": 1e-9, "random_state": 0}
    plain, driven = HMM(Gaussian(), 2, **options).fit(X), InputHMM(Gaussian(), 2, **options).fit(constant)
    assert driven.score(constant) == pytest.approx(plain.score(X), rel=1e-8)
    np.testing.assert_allclose(driven.transmat_, plain.transmat_, atol=1e-5)
    assert driven.n_parameters_ == plain.n_parameters_ + 2  # a slope for each row


def test_parameters_are_recovered_from_samples_of_the_model():
    rng = np.random.default_rng(3)
    coefs = np.array([[[2.0, -2.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 2.0]]])  # before centring
    X = []
    for _ in range(30):
        u, state, rows = rng.normal(size=100), 0, []
        for t in range(100):
            p = np.exp(coefs[state, :, 0] + coefs[state, :, 1] * u[t])
            state = rng.choice(2, p=p / p.sum()) if t else rng.integers(2)
            rows.append([rng.normal(3.0 * state), u[t]])
        X.append(np.array(rows))
    model = reordered_by_mean(InputHMM(Gaussian(), 2, random_state=0).fit(X))
    differ = model.transition_coefs_[:, 0] - model.transition_coefs_[:, 1]
    np.testing.assert_allclose(differ, coefs[:, 0] - coefs[:, 1], atol=0.45)
    twin = InputHMM(Gaussian(), 2, random_state=1).fit(
        [model.sample(x[:, 1:], random_state=k)[0] for k, x in enumerate(X)]
    )
    twin = reordered_by_mean(twin)
    np.testing.assert_allclose(twin.transition_coefs_, model.transition_coefs_, atol=0.45)


def reordered_by_mean(model):
    return reordered(model, np.argsort(model.means_[:, 0]))


def test_reordered_states_are_the_same_distribution():
    model, X = fitted(True)
    other = reordered(model, [2, 0, 1])
    assert other.score(X) == pytest.approx(model.score(X), rel=1e-12)
    np.testing.assert_array_equal(other.transition_coefs_[0, 2], model.transition_coefs_[2, 1])


def test_covariates_can_act_on_emissions_and_transitions():
    rng = np.random.default_rng(4)
    X = [np.column_stack([u + rng.normal(size=40), u]) for u in rng.normal(size=(3, 40))]
    model = InputHMM(LinearRegression(), 2, inputs=[1], observed=[0, 1], n_iter=5, random_state=0).fit(X)
    assert model.coefs_.shape == (2, 1, 2) and model.transition_coefs_.shape == (2, 2, 2)


@pytest.mark.parametrize("start_inputs", [False, True])
def test_saved_and_loaded(start_inputs, tmp_path):
    model, X = fitted(start_inputs)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert repr(again) == repr(model) and again.score(X) == model.score(X)
    assert clone(again).fit(X).history_ == model.history_
    np.testing.assert_array_equal(again.transition_coefs_, model.transition_coefs_)


def test_a_file_with_other_coefficients_is_refused(tmp_path):
    import safetensors.numpy

    from hmmseq.archive import digest

    fitted(False)[0].save(tmp_path / "model")
    with safetensors.safe_open(tmp_path / "model", framework="numpy") as file:
        metadata, arrays = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for spoiled in (np.zeros((9, 2)), np.full((9, 3), np.nan), np.zeros((3, 3))):
        changed = arrays | {"coefs.edges": spoiled}
        (tmp_path / "model").write_bytes(
            safetensors.numpy.save(changed, metadata | {"sha256": digest(metadata["model"], changed)})
        )
        with pytest.raises(DataError, match="does not describe a model"):
            load(tmp_path / "model")


def test_grid_search_threads_and_empty_sequences():
    X = data(np.random.default_rng(5))
    search = GridSearchCV(
        InputHMM(inputs=[2, 3], n_components=2, n_iter=3, random_state=0), {"penalty": [0.1, 10.0]}, cv=2, n_jobs=2
    )
    assert np.isfinite(search.fit(X).best_score_)
    one, two = (InputHMM(inputs=[2, 3], n_components=2, n_iter=4, random_state=0, n_jobs=n).fit(X) for n in (1, 2))
    assert one.history_ == two.history_
    assert [len(path) for path in one.predict([X[0], X[0][:0]])] == [25, 0]
    assert one.predict_proba(X[0]).shape == (25, 2)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"inputs": [7]}, "inputs is .7.; expected different columns of X"),
        ({"inputs": []}, "inputs is"),
        ({"inputs": [1, -2]}, "inputs is"),
        ({"inputs": 0.5}, "inputs is 0.5"),
        ({"inputs": [0, 1, 2]}, "nothing is left to observe"),
        ({"observed": "x"}, "observed is 'x'"),
        ({"penalty": -1.0}, "penalty is -1.0"),
        ({"topology": StateGraph(3, [0, 1, 2, 2], [1, 2, 0, 1], label=[0, 1, -1])}, "silent states"),
        ({"topology": TIED, "start_inputs": True}, "shares labels"),
        ({"topology": topologies.left_right, "start_inputs": True}, "of weight -inf"),
    ],
)
def test_what_cannot_be_asked_is_refused(options, message):
    X = np.random.default_rng(0).normal(size=(10, 3))
    with pytest.raises(ValueError, match=message):
        InputHMM(n_components=2, **options).fit([X])


def test_inputs_that_are_missing_are_named():
    X = np.random.default_rng(0).normal(size=(2, 10, 2))
    X[1, 3, 1] = np.nan
    with pytest.raises(ValueError, match=r"X\[1\] has the inputs \[nan\] at step 3"):
        InputHMM(n_components=2).fit(list(X))
    model = InputHMM(n_components=2, n_iter=2, random_state=0).fit(X[0])
    with pytest.raises(ValueError, match="inputs have shape"):
        model.sample(5)
    with pytest.raises(NotImplementedError, match="no streams"):
        model.stream_predict()
