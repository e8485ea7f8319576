"""CRF: against all labellings, finite differences, and python-crfsuite."""

from itertools import pairwise, product

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import hmmseq
from hmmseq import CRF
from hmmseq.models.conditional import Likelihood, Weights
from hmmseq.models.lbfgs import minimise
from hmmseq.models.sgd import SMALLEST_SCALE, Descent, batches

RAGGED = np.array([0, 3, 3, 7, 8])  # the second sequence is empty
N_LABELS, N_FEATURES = 3, 4


def random_case(seed, partial):
    rng = np.random.default_rng(seed)
    matrix = sparse.csr_array(rng.normal(size=(RAGGED[-1], N_FEATURES)) * (rng.random((RAGGED[-1], N_FEATURES)) < 0.7))
    labels = rng.integers(0, N_LABELS, RAGGED[-1])
    if partial:
        labels[[1, 4, 5]] = -1
    likelihood = Likelihood(
        matrix,
        RAGGED,
        labels,
        np.array([1.0, 2.0, 0.5, 3.0]),
        N_LABELS,
        c2=0.3,
        unseen=seed % 2 == 0,
        ends=True,
        n_jobs=1,
    )
    return likelihood, labels, rng.normal(size=likelihood.n_weights)


def enumerated(likelihood, labels, x):
    """The objective by listing every labelling."""
    weights, total = likelihood.split(x), 0.3 * x @ x
    table = likelihood.matrix @ weights.features
    edges = weights.edges.reshape(N_LABELS, N_LABELS)

    def score(path, rows):
        inner = sum(edges[i, j] for i, j in pairwise(path))
        return weights.start[path[0]] + inner + weights.end[path[-1]] + sum(row[j] for row, j in zip(rows, path))

    for s, weight in enumerate(likelihood.weights):
        known, rows = labels[RAGGED[s] : RAGGED[s + 1]], table[RAGGED[s] : RAGGED[s + 1]]
        if not len(known):
            continue
        paths = list(product(range(N_LABELS), repeat=len(known)))
        agree = [p for p in paths if all(k < 0 or k == j for k, j in zip(known, p))]
        both = [np.logaddexp.reduce([score(p, rows) for p in some]) for some in (paths, agree)]
        total += weight * (both[0] - both[1])
    return total


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_objective_sums_all_labellings_and_its_gradient_is_its_slope(seed, partial):
    likelihood, labels, x = random_case(seed, partial)
    value, gradient = likelihood(x)
    np.testing.assert_allclose(value, enumerated(likelihood, labels, x), rtol=1e-10)
    h = 1e-5
    slopes = [(likelihood(x + h * e)[0] - likelihood(x - h * e)[0]) / (2 * h) for e in np.eye(len(x))]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-7)


def corpus(n=40, seed=0):
    """Labels that depend on the label before and on a word."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for length in rng.integers(1, 12, n):
        labels = ["A"]
        for _ in range(length - 1):
            labels.append(str(rng.choice(["A", "B", "C"], p=[0.2, 0.5, 0.3] if labels[-1] == "A" else [0.6, 0.3, 0.1])))
        X.append([["bias", f"w{label if rng.random() < 0.7 else 'x'}{rng.integers(3)}"] for label in labels])
        y.append(labels)
    return X, y


@pytest.mark.parametrize("c1", [0.0, 0.5])
def test_crfsuite_finds_the_same_optimum(c1, tmp_path):
    pycrfsuite = pytest.importorskip("pycrfsuite")
    X, y = corpus()
    trainer = pycrfsuite.Trainer(verbose=False)
    for features, labels in zip(X, y):
        trainer.append(features, labels)
    options = {"c1": c1, "c2": 0.1, "feature.possible_transitions": True, "max_iterations": 2000}
    trainer.set_params(options | {"epsilon": 1e-9, "delta": 1e-12})
    trainer.train(str(tmp_path / "model"))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(tmp_path / "model"))
    model = CRF(c1=c1, c2=0.1, ends=False, n_iter=2000, tol=1e-12).fit(X, y)
    weights = tagger.info().state_features
    for (name, label), theirs in weights.items():
        ours = model.feature_weights_[model.feature_names_.index(name), model.classes_.tolist().index(label)]
        assert ours == pytest.approx(theirs, abs=2e-3)
    for features, labels, log_likelihood, proba in zip(X, y, model.log_likelihood(X, y), model.predict_proba(X)):
        tagger.set(features)
        assert log_likelihood == pytest.approx(np.log(tagger.probability(labels)), abs=5e-3)
        theirs = [[tagger.marginal(label, t) for label in model.classes_] for t in range(len(features))]
        np.testing.assert_allclose(proba, theirs, atol=2e-3)


def test_a_known_minimum_under_an_l1_penalty():
    target = np.array([3.0, -0.5, -2.0, 0.0])

    def square(x):
        return 0.5 * float((x - target) @ (x - target)), x - target

    x, converged = minimise(square, np.zeros(4), l1=1.0, n_iter=100, tol=1e-12, report=lambda value, x: False)
    np.testing.assert_allclose(x, [2.0, 0.0, -1.0, 0.0], atol=1e-8)  # soft thresholds
    assert converged


@pytest.mark.parametrize("c2", [0.05, 1.0])
def test_averaged_sgd_comes_near_the_optimum(c2):
    X, y = corpus(300)
    best = CRF(c2=c2, n_iter=500, tol=1e-9).fit(X, y)
    near = CRF(c2=c2, solver="sgd", n_iter=40, tol=0.0, random_state=0).fit(X, y)
    assert best.history_[-1] <= near.history_[-1] < best.history_[-1] + 5e-3 * best.history_[0]
    early = best.history_[0] - near.history_[3]
    assert early > 0.97 * (best.history_[0] - best.history_[-1])  # after three passes
    held, truth = corpus(100, seed=1)
    assert near.score(held, truth) == pytest.approx(best.score(held, truth), abs=0.02)
    likelihood = best._likelihood(X, best._read(X), y, np.ones(len(X)))
    weights = likelihood.join(Weights(near.feature_weights_, *near._linear_weights()[1:]))
    assert likelihood(weights)[0] == pytest.approx(near.history_[-1], rel=1e-9)


def test_sgd_depends_on_the_seed_alone_and_reads_partial_labels():
    X, y = corpus(30)
    y = [[label if t % 3 else None for t, label in enumerate(labels)] for labels in y]
    weights = np.linspace(0.0, 2.0, 30)
    options = {"solver": "sgd", "n_iter": 4, "tol": 0.0, "batch_size": 4}
    one, two, other = (
        CRF(**options, random_state=seed, n_jobs=n).fit(X, y, sample_weight=weights)
        for seed, n in ((1, 1), (1, 2), (2, 1))
    )
    np.testing.assert_array_equal(one.feature_weights_, two.feature_weights_)
    assert one.history_ == two.history_ != other.history_
    assert len(one.history_) == 5 and one.history_[-1] < one.history_[0]


def test_sums_of_where_sgd_has_been():
    """The lazy average is the plain one, also where the scale has to start again."""
    X, y = corpus(12)
    model = CRF()
    model.fit(X, y)
    likelihood = model._likelihood(X, model._read(X), y, np.ones(12))
    likelihood.c2 = 60.0  # shrinks the weights fast
    parts, seen = batches(likelihood, 2, np.random.default_rng(0)), []
    descent = Descent(likelihood, 0.05)
    for k in range(60):
        descent.step(parts[k % len(parts)], averaged=k >= 6)
        seen.append(descent.scale * descent.vector)
    np.testing.assert_allclose(descent.average(), np.mean(seen[6:], axis=0), rtol=1e-8, atol=1e-12)
    assert descent.scale > SMALLEST_SCALE > (1 - 0.05 * 2 * 60 / 12) ** 60


def test_l1_makes_weights_zero():
    X, y = corpus()
    n = [np.count_nonzero(CRF(c1=c1, c2=0.0, n_iter=50).fit(X, y).feature_weights_) for c1 in (0.1, 5.0)]
    assert n[1] < n[0]


def test_sparse_matrices_and_names_give_the_same_model():
    X, y = corpus()
    named = CRF(c2=0.1).fit(X, y)
    column = {name: k for k, name in enumerate(named.feature_names_)}
    Z = [sparse.csr_matrix([[float(name in step) for name in column] for step in x]) for x in X]
    model = CRF(c2=0.1).fit(Z, y)
    for ours, theirs in zip(model.predict_proba(Z), named.predict_proba(X)):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    np.testing.assert_array_equal(model.predict(Z[0]), named.predict(X[0]))


def test_best_paths_and_their_probabilities():
    X, y = corpus()
    model = CRF(c2=0.1).fit(X, y)
    short = next(x for x in X if len(x) == 3)
    paths = model.best_paths(short, 100)
    assert len(paths) == 27 and sum(np.exp(path.score) for path in paths) == pytest.approx(1.0)
    best = model.decode(short)
    np.testing.assert_array_equal(best.states, paths[0].states)
    assert best.score == pytest.approx(paths[0].score) == pytest.approx(model.log_likelihood([short], [best.states])[0])
    np.testing.assert_array_equal(best.states, model.predict(short))


def test_partial_labels_are_better_than_none():
    X, y = corpus(80)
    held, truth = corpus(40, seed=1)
    gaps = [[label if t % 2 else None for t, label in enumerate(labels)] for labels in y]
    model = CRF(c2=0.1).fit(X, gaps)
    assert model.score(held, truth) > 0.6
    numbers = [["ABC".index(label) if label else -1 for label in labels] for labels in gaps]
    twin = CRF(c2=0.1).fit(X, numbers)
    assert twin.history_ == model.history_
    assert twin.predict(X[0]).tolist() == ["ABC".index(label) for label in model.predict(X[0])]


def test_weights_of_sequences_count_like_copies():
    X, y = corpus(10)
    twice = CRF(c2=0.1).fit(X + X[:3], y + y[:3])
    weighted = CRF(c2=0.1).fit(X, y, sample_weight=[2.0] * 3 + [1.0] * 7)
    assert weighted.history_[-1] == pytest.approx(twice.history_[-1], rel=1e-6)


def test_scikit_learn_manners_and_one_sequence():
    X, y = corpus(30)
    search = GridSearchCV(CRF(n_iter=5), {"c2": [0.1, 10.0]}, cv=3).fit(X, y)
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()
    model = CRF(c2=0.1).fit(X, y)
    assert model.predict([X[0], []])[1].shape == (0,)
    assert model.predict_proba(X[0]).shape == (len(X[0]), 3)


def test_any_number_of_threads_gives_the_same_bits(capsys):
    X, y = corpus(30)
    models = [CRF(n_iter=5, n_jobs=n, verbose=n == 2).fit(X, y) for n in (1, 2)]
    np.testing.assert_array_equal(*(model.feature_weights_ for model in models))
    seen = capsys.readouterr()
    assert seen.out == "" and len(seen.err.splitlines()) >= 6


def test_dicts_read_as_crfsuite_reads_them():
    X = [[{"w": "a", "cap": True, "n": 2.0}, {"w": "b", "cap": False}]]
    model = CRF(n_iter=1).fit(X, [["x", "y"]])
    assert set(model.feature_names_) == {"w:a", "w:b", "cap", "n"}
    assert CRF(n_iter=1, min_frequency=2).fit(X, [["x", "y"]]).feature_names_ == ["cap"]


@pytest.mark.parametrize("kind", ["names", "matrices"])
def test_saved_and_loaded(kind, tmp_path):
    X, y = corpus(10)
    if kind == "matrices":
        X = [sparse.csr_array(np.arange(2.0 * len(x)).reshape(-1, 2)) for x in X]
    model = CRF(c2=0.1, n_iter=5).fit(X, y)
    model.save(tmp_path / "m")
    again = hmmseq.load(tmp_path / "m")
    assert again.get_params() == model.get_params() and again.history_ == model.history_
    for ours, theirs in zip(again.predict_proba(X), model.predict_proba(X)):
        np.testing.assert_array_equal(ours, theirs)


ONE = [[["a"], ["b"]]]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([], [], "without sequences"),
        ("text", ["x"], "X is a str"),
        ([3], [["x"]], "X holds a int"),
        ([["a", "b"]], [["x", "y"]], None),  # one sequence: y is one, too, and has one entry
        ([[["a"], 3]], [["x", "y"]], "a int at step 1"),
        ([[["a"], [3]]], [["x", "y"]], "the feature name 3"),
        ([[{"a": None}]], [["x"]], "feature 'a' has the value None"),
        ([[{"a": 1.0}, {"b": float("nan")}]], [["x", "y"]], "value nan at step 1"),
        (ONE, [["x"]], r"y\[0\] has 1 labels but X\[0\] has 2 steps"),
        (ONE, [["x", "y"], ["x"]], "y has 2 sequences but X has 1"),
        (ONE, ["xy"], r"y\[0\] has 'xy'"),
        (ONE, [["x", 2]], "mixes text and numbers"),
        (ONE, [["x", 2.5]], "the label 2.5"),
        (ONE, [[None, -1]], "no known label"),
        ([sparse.eye_array(2), np.ones(2)], [["x", "y"]] * 2, r"X\[1\] is of shape"),
        ([sparse.eye_array(2), sparse.eye_array(3)], [["x", "y"]] * 2, r"X\[1\] is of shape \(3, 3\)"),
        ([sparse.csr_array([[np.nan]])], [["x"]], "NaN or infinite"),
    ],
)
def test_bad_data(X, y, message):
    with pytest.raises(ValueError, match=message):
        CRF().fit(X, y)


@pytest.mark.parametrize(
    "options",
    [
        {"c1": -1.0},
        {"c2": np.inf},
        {"tol": "no"},
        {"min_frequency": 0},
        {"n_iter": 1.5},
        {"solver": "adam"},
        {"learning_rate": 0.0},
        {"batch_size": 0},
        {"c1": 1.0, "solver": "sgd"},
    ],
)
def test_bad_parameters(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} is"):
        CRF(**options).fit(ONE, [["x", "y"]])


def test_predicting_from_another_kind_of_features():
    model = CRF(n_iter=1).fit(ONE, [["x", "y"]])
    with pytest.raises(ValueError, match="of two kinds"):
        model.predict([sparse.eye_array(2)])
    with pytest.raises(ValueError, match="which fit did not see"):
        model.log_likelihood(ONE, [["x", "z"]])
    matrices = CRF(n_iter=1).fit([sparse.eye_array(2)], [["x", "y"]])
    with pytest.raises(ValueError, match="3 features"):
        matrices.predict([sparse.eye_array(3)])


def test_matrices_may_be_sparse_or_not():
    rng = np.random.default_rng(0)
    X, y = [rng.normal(size=(n, 3)) for n in (4, 2, 5)], [rng.integers(0, 2, n) for n in (4, 2, 5)]
    dense = CRF(n_iter=5).fit(X, y)
    thin = CRF(n_iter=5).fit([sparse.csr_array(x) for x in X], y)
    np.testing.assert_array_equal(dense.feature_weights_, thin.feature_weights_)
    for ours, theirs in zip(dense.predict_proba(X), thin.predict_proba(X), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    np.testing.assert_array_equal(dense.predict(X[0]), dense.predict(X)[0])
