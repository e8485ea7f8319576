"""The tagger as its users meet it."""

import functools

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

torch = pytest.importorskip("torch")

from hmmseq import DataError, ImpossibleSequenceError, topologies  # noqa: E402
from hmmseq.hybrid import BiLSTM, SequenceTagger  # noqa: E402

PATIENT = {"hidden_size": 12, "epochs": 30, "patience": 30, "batch_size": 5, "learning_rate": 0.03, "random_state": 0}
SMALL = {"hidden_size": 8, "epochs": 4, "learning_rate": 0.02, "random_state": 0}


def memory_task(n=60, seed=0):
    """The label is the first symbol of the sequence, 10 or 20: only memory can know it."""
    rng = np.random.default_rng(seed)
    X = [rng.integers(0, 3, rng.integers(4, 12)) for _ in range(n)]
    for x in X:
        x[0] = rng.integers(0, 2)
    return X, [np.full(len(x), 10 + 10 * x[0]) for x in X]


X, Y = memory_task()
FEATURES = [np.eye(3)[x] for x in X]


@pytest.fixture(scope="module")
def fitted():
    return SequenceTagger(**SMALL).fit(X, Y)


@pytest.mark.parametrize("head", ["crf", "softmax"])
@pytest.mark.parametrize("inputs", [X, FEATURES], ids=["symbols", "features"])
def test_learns_to_remember(head, inputs):
    tagger = SequenceTagger(head=head, **PATIENT)
    tagger.fit(inputs[:40], Y[:40])
    assert tagger.score(inputs[40:], Y[40:]) > 0.98
    assert tagger.history_[-1]["loss"] < tagger.history_[0]["loss"]


def test_unknown_labels_do_not_mislead():
    half = [np.where(np.arange(len(y)) % 2, -1, y) for y in Y]
    tagger = SequenceTagger(**PATIENT).fit(X[:40], half[:40])
    assert tagger.classes_.tolist() == [10, 20]
    assert tagger.score(X[40:], Y[40:]) > 0.98
    assert tagger.score(X, half) == pytest.approx(np.mean(
        np.concatenate([(p == y)[::2] for p, y in zip(tagger.predict(X), Y, strict=True)])))  # fmt: skip


def test_output_mirrors_input(fitted):
    single, many = fitted.predict(X[0]), fitted.predict(X[:2])
    np.testing.assert_array_equal(single, many[0])
    assert isinstance(many, list) and len(many) == 2 and many[1].shape == X[1].shape
    joined = fitted.predict(np.concatenate(X[:2]), lengths=[len(X[0]), len(X[1])])
    np.testing.assert_array_equal(joined, np.concatenate(many))
    proba = fitted.predict_proba(X[0])
    assert proba.shape == (len(X[0]), 2)
    np.testing.assert_allclose(proba.sum(1), 1.0)


def test_lengths_and_lists_fit_the_same():
    lengths = [len(x) for x in X]
    one = SequenceTagger(**SMALL).fit(np.concatenate(X), np.concatenate(Y), lengths=lengths)
    two = SequenceTagger(**SMALL).fit(X, Y)
    assert one.history_ == two.history_


def test_empty_sequences_are_allowed(fitted):
    empty = np.zeros(0, dtype=int)
    assert [len(p) for p in fitted.predict([empty, X[0], empty])] == [0, len(X[0]), 0]
    assert fitted.predict([empty])[0].shape == (0,)
    assert fitted.predict_proba([empty])[0].shape == (0, 2)


def test_batch_mates_change_nothing(fitted):
    together = fitted.log_scores(X)
    for x, scores in zip(X, together, strict=True):
        np.testing.assert_allclose(fitted.log_scores(x), scores, rtol=1e-4, atol=1e-5)


def test_same_seed_same_tagger():
    torch.manual_seed(5)
    one = SequenceTagger(**SMALL).fit(X, Y)
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.rand(1) == after  # the caller's random numbers are as they were
    two = SequenceTagger(**SMALL).fit(X, Y)
    assert one.history_ == two.history_
    for a, b in zip(one.predict_proba(X), two.predict_proba(X), strict=True):
        np.testing.assert_array_equal(a, b)
    other = SequenceTagger(**{**SMALL, "random_state": 1}).fit(X, Y)
    assert other.history_ != one.history_


def test_clone_and_grid_search_on_ragged_lists():
    encoder = functools.partial(BiLSTM, n_layers=2, dropout=0.1)
    tagger = SequenceTagger(**{**SMALL, "epochs": 2}, encoder=encoder)
    assert clone(tagger).get_params()["hidden_size"] == 8
    search = GridSearchCV(tagger, {"head": ["crf", "softmax"]}, cv=2, error_score="raise").fit(X, Y)
    assert search.best_params_["head"] in ("crf", "softmax")
    assert 0 <= search.best_score_ <= 1


def test_an_encoder_that_is_a_function_is_not_saved_and_says_why(tmp_path):
    encoder = functools.partial(BiLSTM, n_layers=1)
    tagger = SequenceTagger(**{**SMALL, "epochs": 1}, encoder=encoder).fit(X, Y)
    with pytest.raises(ValueError, match="a function, which a file cannot hold; use one by name"):
        tagger.save(tmp_path / "tagger")
    assert not list(tmp_path.iterdir())


def test_topology_is_kept():
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 2, 9) for _ in range(10)]
    y = [np.sort(rng.integers(0, 3, 9)) for _ in range(10)]
    y = [a - a[0] for a in y]
    for head in ("crf", "softmax"):
        tagger = SequenceTagger(**SMALL, head=head, topology=topologies.left_right(3, skip=1)).fit(x, y)
        for path in tagger.predict(x):
            assert path[0] == 0 and np.all(np.diff(path) >= 0)


def test_early_stopping_keeps_the_best_epoch():
    noise = [np.random.default_rng(s).choice([10, 20], len(x)) for s, x in enumerate(X)]
    tagger = SequenceTagger(hidden_size=16, epochs=60, learning_rate=0.05, patience=2, random_state=0).fit(X, noise)
    losses = [record["validation_loss"] for record in tagger.history_]
    assert len(losses) < 60 and np.argmin(losses) == len(losses) - 3


def test_weights_choose_what_is_learned():
    opposite = [30 - y for y in Y]
    weight = np.repeat([1.0, 0.0], len(X))
    tagger = SequenceTagger(**{**PATIENT, "batch_size": 10})
    assert tagger.fit(X + X, Y + opposite, sample_weight=weight).score(X, Y) > 0.98


def test_progress_goes_to_standard_error(capsys):
    SequenceTagger(**{**SMALL, "epochs": 2}, verbose=True).fit(X, Y)
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines()[0].split() == ["epoch", "loss", "validation", "seconds"]
    assert len(err.splitlines()) == 3


def test_one_sequence_is_enough():
    tagger = SequenceTagger(**SMALL).fit(X[0], Y[0])
    assert "validation_loss" not in tagger.history_[0]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([[0, 1], [0, 5, -2]], [[1, 1], [1, 1, 1]], r"X\[1\] has symbol -2 at position 2"),
        ([[0, 1], [0]], [[1, 1]], "y has 1 sequences but X has 2"),
        ([[0, 1], [0]], [[1, 1], [1, 0]], r"y\[1\] has 2 labels but X\[1\] has 1 steps"),
        ([[0, 1]], None, "y is missing"),
        ([[0, 1]], [[-1, -1]], "no known label"),
        ([[0, 1]], [[0.5, 1]], "whole numbers"),
        ([[0, 1]], [["a", "b"]], "whole numbers"),
        ([[0.5, 1.5]], [[0, 1]], r"\(n_steps, n_features\)"),
        ([[[0.5], [np.nan]]], [[0, 1]], r"X\[0\] has NaN.* at position 1"),
        ([[[0.5], [np.inf]]], [[0, 1]], r"X\[0\] has NaN.* at position 1"),
        ([[[0.5], [1e200]]], [[0, 1]], r"X\[0\] has NaN.* at position 1"),
        ([[[0.5]], [[1.0, 2.0]]], [[0], [1]], "same features"),
        ([], [], "no sequence"),
    ],
)
def test_bad_data(x, y, message):
    with pytest.raises(ValueError, match=message):
        SequenceTagger(**SMALL).fit(x, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"head": "hmm"}, "head is 'hmm'"),
        ({"encoder": "rnn"}, "encoder is 'rnn'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"validation_fraction": 1.0}, "validation_fraction is 1.0"),
        ({"n_symbols": 2}, "n_symbols is 2"),
        ({"topology": topologies.ergodic(2)}, "y has label 10"),
        ({"learning_rate": 3e37, "epochs": 9}, "lower learning_rate"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        SequenceTagger(**{**SMALL, **parameters}).fit(X, Y)


def test_bad_input_to_predict(fitted):
    with pytest.raises(ValueError, match=r"X\[1\] has symbol 7 at position 2; n_symbols is 3"):
        fitted.predict([[0, 1], [1, 1, 7]])
    with pytest.raises(ValueError, match="fitted to symbols"):
        fitted.predict([np.zeros((3, 2))])
    by_features = SequenceTagger(**SMALL).fit(FEATURES, Y)
    with pytest.raises(ValueError, match="X has 2 features, but SequenceTagger is expecting 3"):
        by_features.predict([np.zeros((3, 2))])
    with pytest.raises(NotFittedError):
        SequenceTagger().predict(X)


def test_labels_against_the_topology_are_named():
    with pytest.raises(DataError, match=r"y\[1\] follows no path of the topology from position 2"):
        SequenceTagger(**SMALL, topology=topologies.left_right(2)).fit([[0, 0], [0, 0, 0]], [[0, 1], [0, 1, 0]])


def test_a_sequence_too_short_for_the_topology_is_named():
    tagger = SequenceTagger(**SMALL, topology=topologies.left_right(3, pinned=True))
    tagger.fit([[0, 1, 2, 2]] * 3, [[0, 1, 2, 2]] * 3)
    with pytest.raises(ImpossibleSequenceError, match="sequence 1"):
        tagger.predict([[0, 1, 2], [0, 1]])
