"""The HMM estimator: laws over random fits, oracles, and scikit-learn on ragged lists."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from conftest import UNCOMPILED
from hmmseq import HMM, CategoricalHMM, GaussianHMM, ImpossibleSequenceError, Sequences, StateGraph, topologies
from hmmseq.emissions import Categorical, Gaussian
from oracle import enumerate_posteriors
from strategies import seeds

EMISSIONS = [
    Categorical(4), Categorical(3, order=2), Categorical(4, pseudocount=0.5),
    *[Gaussian(kind) for kind in ("spherical", "diag", "full", "tied")],
]  # fmt: skip


def data(emission, rng, n_sequences=4, missing=False):
    lengths = rng.integers(0, 25, n_sequences)
    lengths[0] = 30
    if isinstance(emission, Categorical):
        X = [rng.integers(0, emission.n_symbols, n) for n in lengths]
        return [np.where(rng.random(len(x)) < 0.1, -1, x) for x in X] if missing else X
    X = [rng.normal(size=(n, 3)) @ rng.normal(size=(3, 3)) for n in lengths]
    return [np.where(rng.random(x.shape) < 0.1, np.nan, x) for x in X] if missing else X


def tied_graph():
    """Silent state between two pairs of states that share labels."""
    return StateGraph(
        5, [0, 0, 1, 1, 4, 4, 2, 2, 3, 3], [0, 1, 1, 4, 2, 3, 2, 3, 3, 0], label=[0, 1, 1, 0, -1], end=np.zeros(5)
    )


@st.composite
def fits(draw):
    """A random fit: emission x topology x missing x weights x partial labels x priors x ties x training."""
    rng = np.random.default_rng(draw(seeds))
    emission = draw(st.sampled_from(EMISSIONS))
    topology = draw(st.sampled_from([None, topologies.left_right, topologies.cycle, tied_graph()]))
    X = data(emission, rng, missing=draw(st.booleans()))
    options = {"training": draw(st.sampled_from(["em", "viterbi"])), "n_init": draw(st.integers(1, 2))}
    options["accelerate"] = draw(st.booleans())
    if draw(st.booleans()):
        options |= {"sticky": 2.0, "transmat_pseudocount": 0.3, "startprob_pseudocount": 0.7}
    if topology is None and draw(st.booleans()):
        options |= {"tied_transmat": np.where(np.eye(3) > 0, 0, -1), "fixed_startprob": [0.2, np.nan, np.nan]}
    model = HMM(emission, 3, topology=topology, n_iter=8, tol=-np.inf, random_state=int(rng.integers(99)), **options)
    weights = rng.gamma(1.0, size=len(X)) if draw(st.booleans()) else None
    y = [np.where(rng.random(len(x)) < 0.1, 0, -1) for x in X] if draw(st.booleans()) and topology is None else None
    return model, X, y, weights


@pytest.mark.filterwarnings("ignore:no expected visits")
@given(fits())
def test_em_never_falls_and_nothing_is_nan(case):
    model, X, y, weights = case
    model.fit(X, y, sample_weight=weights)
    for history in map(np.array, model.histories_):
        assert np.all(np.diff(history) >= -1e-8 * np.abs(history[:-1]) - 1e-9), history
    for values in [model.startprob_, model.transmat_, *(getattr(model, p) for p in model.emission_.parameters_)]:
        assert np.all(np.isfinite(values))
    allowed = model.graph_.matrix(np.ones(model.graph_.n_edges)) > 0
    assert not np.any(model.transmat_[~allowed])  # structural zeros stay zero
    for proba in model.predict_proba(X):
        np.testing.assert_allclose(proba.sum(1), 1.0, rtol=1e-9)


@given(seeds)
def test_one_em_iteration_is_the_textbook_one(seed):
    rng = np.random.default_rng(seed)
    X = [rng.integers(0, 3, n) for n in (4, 5)]
    before = HMM(Categorical(3), 2, n_iter=0, random_state=0).fit(X)
    after = HMM(Categorical(3), 2, n_iter=1, random_state=0).fit(X)
    starts, edges, symbols = np.zeros(2), np.zeros(4), np.zeros((2, 3))
    for x in X:
        _, labels, e, s, _ = enumerate_posteriors(before.graph_, np.log(before.emissionprob_.T[x]))
        starts, edges = starts + s, edges + e
        np.add.at(symbols.T, x, labels)
    np.testing.assert_allclose(after.startprob_, starts / 2, rtol=1e-10)
    np.testing.assert_allclose(after.transmat_, edges.reshape(2, 2) / edges.reshape(2, 2).sum(1)[:, None], rtol=1e-10)
    np.testing.assert_allclose(after.emissionprob_, symbols / symbols.sum(1)[:, None], rtol=1e-10)


def test_full_labels_are_counted():
    X, y = [[0, 1, 1, 2, 0], [2, 2, 0]], [[0, 0, 1, 1, 0], [1, 1, 0]]
    model = HMM(Categorical(3), 2).fit(X, y)
    np.testing.assert_allclose(model.startprob_, [0.5, 0.5])
    np.testing.assert_allclose(model.transmat_, [[1 / 2, 1 / 2], [2 / 4, 2 / 4]])
    np.testing.assert_allclose(model.emissionprob_, [[3 / 4, 1 / 4, 0], [0, 1 / 4, 3 / 4]])
    assert model.n_iter_ == 1 and model.converged_


def test_labels_of_a_gaussian_give_its_sample_moments():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)) * [1, 5], rng.integers(0, 3, 200)
    model = HMM(Gaussian("full")).fit([X], [y])
    for k in range(3):
        np.testing.assert_allclose(model.means_[k], X[y == k].mean(0), rtol=1e-9)
        np.testing.assert_allclose(model.covars_[k], np.cov(X[y == k].T, bias=True), rtol=1e-9)


def test_known_states_are_kept_and_help_the_others():
    X = [np.array([0, 0, 0, 1, 1, 1, 0, 0])] * 3
    y = [[-1, 1, -1, -1, 0, -1, -1, -1]] * 3
    model = HMM(Categorical(2), 2, random_state=0).fit(X, y)
    assert model.predict(X[0]).tolist() == [1, 1, 1, 0, 0, 0, 1, 1]


def test_weight_two_is_the_sequence_twice():
    rng = np.random.default_rng(1)
    X = [rng.normal(size=(n, 2)) for n in (20, 30, 10)]
    y = [rng.integers(-1, 2, len(x)) for x in X]
    known = [np.maximum(labels, 0) for labels in y]  # all known: the first guess does not matter
    weighted = GaussianHMM(2).fit(X, known, sample_weight=[2, 1, 0])
    listed = GaussianHMM(2).fit([X[0], X[1], X[0]], [known[0], known[1], known[0]])
    np.testing.assert_allclose(weighted.means_, listed.means_, rtol=1e-12)
    np.testing.assert_allclose(weighted.transmat_, listed.transmat_, rtol=1e-12)
    with pytest.raises(ValueError, match="sample_weight has shape"):
        GaussianHMM(2).fit(X, sample_weight=[1, 1])


def test_threads_give_the_same_bits():
    rng = np.random.default_rng(2)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(1, 60, 40)]
    one, two, eight = (GaussianHMM(3, random_state=0, n_iter=5, n_jobs=n).fit(X) for n in (1, 2, 8))
    for other in (two, eight):
        np.testing.assert_array_equal(one.means_, other.means_)
        np.testing.assert_array_equal(one.transmat_, other.transmat_)
        assert one.history_ == other.history_


def test_output_mirrors_input():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(12, 2))
    model = GaussianHMM(2, random_state=0).fit(X)
    assert model.predict(X).shape == (12,)
    assert [p.shape for p in model.predict([X, X[:5]])] == [(12,), (5,)]
    for answer in (model.predict, model.predict_proba):
        np.testing.assert_array_equal(answer(X, lengths=[8, 4]), np.concatenate(answer([X[:8], X[8:]])))
    assert [p.shape for p in model.predict(X.reshape(3, 4, 2))] == [(4,)] * 3
    assert [p.shape for p in model.predict(Sequences.pack([X, X[:0]]))] == [(12,), (0,)]
    np.testing.assert_allclose(model.score(X, lengths=[8, 4]), model.score([X[:8], X[8:]]))


def test_decode_methods():
    model = CategoricalHMM(2, random_state=0).fit([[0, 0, 0, 1, 1, 1, 0, 1, 0, 0]])
    best, mea = (model.decode([0, 1, 1, 0], method=m) for m in ("viterbi", "mea"))
    assert best.states.shape == mea.states.shape == (4,)
    assert 0 < mea.score <= 4 and best.score < 0
    with pytest.raises(ValueError, match="'viterbi' or 'mea'"):
        model.decode([0], method="map")


def test_silent_states_are_left_out_of_predictions():
    X = [np.array([0, 0, 1, 1, 0])]
    model = HMM(Categorical(2), topology=tied_graph(), random_state=0, n_iter=3).fit(X)
    assert model.predict(X)[0].shape == (5,) and 4 not in model.predict(X)[0]
    assert model.predict_proba(X)[0].shape == (5, 5)


def test_sampling_has_the_probabilities_of_the_model():
    rng = np.random.default_rng(4)
    model = GaussianHMM(2, random_state=0).fit(
        [rng.normal(np.repeat([[0], [6], [0]], 4, axis=0), 1) for _ in range(30)]
    )
    X, states = model.sample(20_000, random_state=1)
    pairs = np.zeros((2, 2))
    np.add.at(pairs, (states[:-1], states[1:]), 1)
    np.testing.assert_allclose(pairs / pairs.sum(1)[:, None], model.transmat_, atol=0.02)
    for k in np.unique(states):
        assert abs(X[states == k].mean() - model.means_[k, 0]) < 0.1


def test_grid_search_and_pipeline_on_ragged_lists():
    rng = np.random.default_rng(5)
    X = [np.concatenate([rng.normal(0, 1, (n, 1)), rng.normal(5, 1, (n, 1))]) for n in rng.integers(5, 20, 8)]
    search = GridSearchCV(GaussianHMM(random_state=0, n_iter=10), {"n_components": [1, 2]}, cv=2, n_jobs=2)
    assert search.fit(X).best_params_ == {"n_components": 2}
    nested = GridSearchCV(HMM(Gaussian(), 2, random_state=0), {"emission__covariance": ["diag", "full"]}, cv=2)
    assert np.isfinite(nested.fit(X).best_score_)
    halves = FunctionTransformer(lambda sequences: [x / 2 for x in sequences])
    pipeline = make_pipeline(halves, GaussianHMM(2, random_state=0))
    assert len(pipeline.fit(X).predict(X)) == 8
    assert np.all(np.isfinite(cross_val_score(pipeline, X, cv=4)))


def test_impossible_sequence_names_sequence_and_step():
    graph = topologies.left_right(2)
    X, y = [[0, 0, 1], [1, 1, 0, 1]], [[0, 0, 1], [0, 1, 0, -1]]
    with pytest.raises(ImpossibleSequenceError, match=r"sequence 1 .* step 2") as caught:
        HMM(Categorical(2), topology=graph).fit(X, y)
    assert (caught.value.sequence, caught.value.step) == (1, 2)
    model = HMM(Categorical(3), 2).fit([[0, 1, 0]], [[0, 1, 0]])  # symbol 2 has probability 0
    assert model.score([0, 2]) == -np.inf
    assert model.predict([0, 2]).tolist() == [-1, -1]
    assert model.predict_proba([0, 2]).tolist() == [[0, 0], [0, 0]]


def test_verbose_and_history(capsys):
    model = CategoricalHMM(2, random_state=0, verbose=True).fit([[0, 1, 1, 0, 0, 1]])
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("hmmseq:")]
    assert len(lines) == model.n_iter_ + 1 == len(model.history_) + 1


@pytest.mark.parametrize("emission", EMISSIONS, ids=str)
def test_save_and_load(tmp_path, emission):
    import hmmseq

    X = data(emission, np.random.default_rng(6))
    model = HMM(emission, 2, random_state=0, n_iter=3).fit(X)
    model.save(tmp_path / "model.safetensors")
    loaded = hmmseq.load(tmp_path / "model.safetensors")
    assert repr(loaded) == repr(model)
    assert loaded.score(X) == model.score(X) and loaded.history_ == model.history_
    for ours, theirs in zip(loaded.predict(X), model.predict(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.isfinite(clone(loaded).fit(X).score(X))


@pytest.mark.parametrize("method", ["viterbi", "mea"])
def test_paths_and_posteriors_pass_through_known_states(method):
    rng = np.random.default_rng(4)
    X = [rng.integers(0, 2, n) for n in (20, 0, 7)]
    model = HMM(Categorical(2), topology=tied_graph(), random_state=0, n_iter=3).fit(X)
    free = model.decode(X, method=method)
    known = [np.full(len(x), -1) for x in X]
    for ours, theirs in zip(model.decode(X, method=method, known=known), free, strict=True):
        np.testing.assert_array_equal(ours.states, theirs.states)
    proba = model.predict_proba(X)
    known[2][2] = proba[2][2].argmax()
    known[0][3:6] = proba[0][3:6, 1:4].argmax(1) + 1
    asked = [path.states for path in model.decode(X, method=method, known=known)]
    for states, labels, shares in zip(asked, known, model.predict_proba(X, known=known), strict=True):
        forced = np.flatnonzero(labels >= 0)
        np.testing.assert_array_equal(states[forced], labels[forced])
        np.testing.assert_allclose(shares[forced, labels[forced]], 1.0, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X[0], known=known[0]), model.predict(X, known=known)[0])


@pytest.mark.parametrize(
    "known, message",
    [([0, 1], r"known\[0\] has 2 labels"), ([5, 0, 0], "known has state 5"), ([4, 0, 0], "known names a silent state")],
)
def test_known_states_that_do_not_fit_are_refused(known, message):
    model = HMM(Categorical(2), topology=tied_graph(), random_state=0, n_iter=1).fit([[0, 1, 1, 0]])
    with pytest.raises(ValueError, match=message):
        model.predict([0, 1, 0], known=known)


@pytest.mark.parametrize("question", ["predict", "predict_proba", "score"])
def test_a_long_sequence_of_bytes_takes_little_more_memory_than_the_answer(question):
    X = np.random.default_rng(0).integers(0, 5, 20_000 if UNCOMPILED else 2_000_000, dtype=np.uint8)
    ask = getattr(CategoricalHMM(3, random_state=0, n_iter=1).fit(X[:5000]), question)
    ask(X[:5000])  # compiled
    tracemalloc.start()
    answer = ask(X)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < (answer.nbytes if isinstance(answer, np.ndarray) else 0) + 4e6
