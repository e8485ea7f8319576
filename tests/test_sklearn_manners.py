"""Ragged lists in scikit-learn's own machinery, for every estimator of sequences."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.metrics import f1_score, get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, TimeSeriesSplit, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from hmmseq import CRF, HMM, EachSequence, FactorialHMM, GaussianHMM, HMMTagger, make_sequence_scorer
from hmmseq.metrics import segment_scores, span_scores, spans
from hmmseq.model_selection import BlockedKFold, cross_val_predict, pieces

RNG = np.random.default_rng(0)
LENGTHS = (5, 9, 6, 8, 7, 4, 10, 3)
Y = [(RNG.integers(0, 2) + np.cumsum(RNG.random(n) < 0.3)) % 2 for n in LENGTHS]
X = [RNG.normal(3.0 * y[:, None], 1.0, (len(y), 2)) for y in Y]
WORDS = [[f"{'ab'[k]}{k}{len(y)}" for k in y] for y in Y]
TAGS = [[("B-X", "O")[k] for k in y] for y in Y]
NAMES = [[[word, word[0]] for word in words] for words in WORDS]

CASES = [
    (GaussianHMM(2, n_iter=5, random_state=0), X, None, {"n_iter": [1, 3]}),
    (HMM(n_components=2, n_iter=5, random_state=0), X, Y, {"sticky": [0.0, 1.0]}),
    (FactorialHMM((2, 2), n_iter=5, random_state=0), X, None, {"covariance": ["full", "diag"]}),
    (CRF(n_iter=5), NAMES, TAGS, {"c2": [0.1, 1.0]}),
    (CRF(n_iter=5), X, Y, {"c2": [0.1, 1.0]}),
    (HMMTagger(), WORDS, TAGS, {"order": [1, 2]}),
]
IDS = [f"{type(model).__name__}{k}" for k, (model, *_) in enumerate(CASES)]


def neural():
    pytest.importorskip("torch")
    from hmmseq.hybrid import SequenceTagger

    return SequenceTagger(hidden_size=4, epochs=1, random_state=0)


def case(k):
    return CASES[k] if k < len(CASES) else (neural(), X, Y, {"head": ["crf", "softmax"]})


@pytest.mark.parametrize("k", range(len(CASES) + 1), ids=[*IDS, "SequenceTagger"])
def test_ragged_lists_are_split_between_sequences_only(k):
    model, data, labels, grid = case(k)
    scoring = make_sequence_scorer("accuracy") if labels is not None else make_sequence_scorer("log_likelihood")
    found = cross_val_score(model, data, labels, cv=4, scoring=scoring, error_score="raise")
    for (train, test), value in zip(KFold(4).split(data), found, strict=True):
        alone = clone(model).fit([data[s] for s in train], labels and [labels[s] for s in train])
        held = [data[s] for s in test]
        expected = alone.score(held) if labels is None else _share_right(alone.predict(held), [labels[s] for s in test])
        assert value == pytest.approx(expected)
    pipeline = make_pipeline(FunctionTransformer(), model)
    name = type(model).__name__.lower()
    search = GridSearchCV(pipeline, {f"{name}__{key}": v for key, v in grid.items()}, cv=2, error_score="raise")
    assert np.all(np.isfinite(search.fit(data, labels).cv_results_["mean_test_score"]))
    assert len(search.predict(data)) == len(data)


def _share_right(found, labels):
    right = [a == b for ours, theirs in zip(found, labels, strict=True) for a, b in zip(ours, theirs, strict=True)]
    return np.mean(right)


def test_processes_give_the_same_search():
    for model, data, labels, grid in CASES[:3]:
        searches = [
            GridSearchCV(model, grid, cv=2, n_jobs=jobs, error_score="raise").fit(data, labels) for jobs in (1, 2)
        ]
        one, two = (search.cv_results_["mean_test_score"] for search in searches)
        np.testing.assert_array_equal(one, two)


# Scorers


@pytest.mark.parametrize("labels", [Y, [y.tolist() for y in Y]], ids=["arrays", "lists"])
def test_scikit_learn_names_of_scores_are_refused_aloud(labels):
    model = HMM(n_components=2, n_iter=2, random_state=0)
    with pytest.raises(ValueError, match=r"unknown is not supported|Sequence of sequences"):
        cross_val_score(model, X, labels, cv=2, scoring="accuracy", error_score="raise")
    with pytest.warns(UserWarning, match="Scoring failed"):
        found = cross_val_score(model, X, labels, cv=2, scoring="f1_macro")
    assert np.all(np.isnan(found))


def test_a_scikit_learn_name_on_sequences_of_one_length_is_a_score_of_whole_sequences():
    """What docs/moving_in.md warns of: two of the three sequences have an error, one in four of their steps."""
    y, found = [[0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 0, 1]], [[0, 1, 0, 1]] * 3

    class Fixed(CRF):
        def predict(self, X):
            return found

    model = Fixed(n_iter=1).fit([[["a"]] * 4] * 3, y)
    assert get_scorer("accuracy")(model, y, y) == pytest.approx(1 / 3)
    assert make_sequence_scorer("accuracy")(model, y, y) == pytest.approx(10 / 12)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_a_score_of_steps_is_that_of_all_steps_end_to_end(average):
    model = CRF(n_iter=3).fit(X[:4], Y[:4])
    expected = f1_score(np.concatenate(Y), np.concatenate(model.predict(X)), average=average)
    assert make_sequence_scorer(f"f1_{average}")(model, X, Y) == pytest.approx(expected)
    own = make_sequence_scorer(f1_score, average=average)
    assert own(model, X, Y) == pytest.approx(expected)


def test_steps_of_unknown_label_are_not_scored():
    model = CRF(n_iter=3).fit(X, Y)
    hidden = [np.where(np.arange(len(y)) == 1, -1, y) for y in Y]
    kept = np.concatenate(hidden) >= 0
    right = np.concatenate(model.predict(X))[kept] == np.concatenate(Y)[kept]
    assert make_sequence_scorer("accuracy")(model, X, hidden) == pytest.approx(right.mean())
    with pytest.raises(ValueError, match="no known label"):
        make_sequence_scorer("accuracy")(model, X, [np.full(len(y), -1) for y in Y])
    with pytest.raises(ValueError, match="one label a step"):
        make_sequence_scorer("accuracy")(model, X, [y[1:] for y in Y])


def test_log_likelihoods_are_per_step():
    hmm, crf = HMM(n_components=2, random_state=0).fit(X), CRF(n_iter=5).fit(X, Y)
    scorer = make_sequence_scorer("log_likelihood")
    assert scorer(hmm, X) == hmm.score(X)
    assert scorer(crf, X, Y) == pytest.approx(crf.log_likelihood(X, Y).sum() / sum(LENGTHS))


def test_scores_of_segments_and_of_spans():
    model = CRF(n_iter=20).fit(X, Y)
    found = model.predict(X)
    assert (
        make_sequence_scorer("segment_f1", labels=[1], overlap=2)(model, X, Y)
        == segment_scores(Y, found, [1], overlap=2).f1
    )
    tagger = HMMTagger().fit(WORDS, TAGS)
    assert make_sequence_scorer("span_recall")(tagger, WORDS, TAGS) == span_scores(TAGS, tagger.predict(WORDS)).recall
    lists = make_sequence_scorer(lambda y, p: len(y), flat=False)
    assert lists(model, X, Y) == len(X)


def test_a_metric_of_no_name_is_refused():
    with pytest.raises(ValueError, match=r"metric is 'accurracy'; expected a function or one of \['accuracy'"):
        make_sequence_scorer("accurracy")
    with pytest.raises(ValueError, match="expected a function"):
        make_sequence_scorer(3)


@pytest.mark.parametrize(
    "labels, expected",
    [
        (["B-A", "I-A", "O", "B-A"], [(0, 2, "A"), (3, 4, "A")]),
        (["I-A", "I-A", "B-A", "I-B"], [(0, 2, "A"), (2, 3, "A"), (3, 4, "B")]),  # IOB1
        (["S-A", "B-A", "I-A", "E-A", "E-A"], [(0, 1, "A"), (1, 4, "A"), (4, 5, "A")]),  # IOBES
        (["O", "O"], []),
        ([], []),
        (["B-A-1", "I-A-1", "I-A"], [(0, 2, "A-1"), (2, 3, "A")]),
    ],
)
def test_spans_as_conlleval_reads_them(labels, expected):
    assert spans(labels) == expected


def test_span_scores_agree_with_seqeval():
    theirs = pytest.importorskip("seqeval.metrics")
    marks = np.array(["B-A", "I-A", "B-B", "I-B", "O"])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        true, found = ([marks[rng.integers(0, 5, n)].tolist() for n in LENGTHS] for _ in range(2))
        ours = span_scores(true, found)
        assert ours.f1 == pytest.approx(theirs.f1_score(true, found))
        assert ours.recall == pytest.approx(theirs.recall_score(true, found))
        assert ours.precision == pytest.approx(theirs.precision_score(true, found))


def test_span_scores_by_hand():
    true = [["B-A", "I-A", "O", "B-B"], ["O", "B-A", None, "O"]]
    found = [["B-A", "I-A", "O", "B-A"], ["B-B", "B-A", "I-A", "O"]]
    # True: A, B, A; found: A, A, B and one that reaches into an unknown step and does not count. Right: the first.
    assert span_scores(true, found) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


# Metadata


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_weights_of_sequences_are_routed_and_cut_with_the_folds(routing):
    weights = np.array([1.0, 3.0, 0.0, 1.0, 2.0, 1.0, 0.5, 1.0])
    model = GaussianHMM(2, n_iter=3, random_state=0)
    with pytest.raises(UnsetMetadataPassedError):
        GridSearchCV(model, {"n_iter": [2]}, cv=2).fit(X, sample_weight=weights)
    routed = clone(model).set_fit_request(sample_weight=True)
    search = GridSearchCV(routed, {"n_iter": [2]}, cv=2, error_score="raise").fit(X, sample_weight=weights)
    expected = clone(model).set_params(n_iter=2).fit(X, sample_weight=weights)
    np.testing.assert_array_equal(search.best_estimator_.means_, expected.means_)
    for (train, test), value in zip(KFold(2).split(X), _split_scores(search), strict=True):
        alone = clone(model).set_params(n_iter=2).fit([X[s] for s in train], sample_weight=weights[train])
        assert value == alone.score([X[s] for s in test])


def _split_scores(search):
    return [search.cv_results_[f"split{k}_test_score"][0] for k in range(2)]


def test_a_scorer_takes_routed_weights(routing):
    weights = np.arange(1.0, 9.0)
    scorer = make_sequence_scorer("accuracy").set_score_request(sample_weight=True)
    model = CRF(n_iter=3).set_fit_request(sample_weight=False)
    found = cross_validate(model, X, Y, cv=2, scoring=scorer, params={"sample_weight": weights}, error_score="raise")
    for (train, test), value in zip(KFold(2).split(X), found["test_score"], strict=True):
        alone = clone(model).fit([X[s] for s in train], [Y[s] for s in train])
        right = [alone.predict(X[s]) == Y[s] for s in test]
        steps = np.repeat(weights[test], [len(Y[s]) for s in test])
        assert value == pytest.approx(np.average(np.concatenate(right), weights=steps))


def test_lengths_reach_a_model_in_a_pipeline(routing):
    rows, lengths = np.concatenate(X), list(LENGTHS)
    model = GaussianHMM(2, n_iter=3, random_state=0).set_fit_request(lengths=True)
    scaler = EachSequence(StandardScaler()).set_fit_request(lengths=True).set_transform_request(lengths=True)
    pipeline = make_pipeline(scaler, model).fit(rows, lengths=lengths)
    expected = make_pipeline(EachSequence(StandardScaler()), clone(model)).fit(X)
    np.testing.assert_allclose(pipeline[-1].means_, expected[-1].means_, rtol=1e-12)


# EachSequence


def test_each_sequence_is_scaled_by_all_steps():
    scaler, rows = EachSequence(StandardScaler()).fit(X), np.concatenate(X)
    expected = (rows - rows.mean(0)) / rows.std(0)
    np.testing.assert_allclose(np.concatenate(scaler.transform(X)), expected)
    assert [x.shape for x in scaler.transform(X)] == [x.shape for x in X]
    np.testing.assert_allclose(np.concatenate(scaler.inverse_transform(scaler.transform(X))), rows)
    np.testing.assert_allclose(scaler.transform(rows, lengths=LENGTHS), expected)
    np.testing.assert_allclose(scaler.transform(X[0]), expected[: LENGTHS[0]])
    assert [x.shape for x in scaler.transform([X[0], np.zeros((0, 2))])] == [(5, 2), (0, 2)]
    weights = np.zeros(8)
    weights[1] = 2.0
    np.testing.assert_allclose(
        EachSequence(StandardScaler()).fit(X, sample_weight=weights).transformer_.mean_, X[1].mean(0)
    )


def test_names_of_features_come_through():
    expanded = EachSequence(PolynomialFeatures(2)).fit(X)
    assert expanded.get_feature_names_out(["a", "b"]).tolist() == ["1", "a", "b", "a^2", "a b", "b^2"]
    assert expanded.transform(X)[0].shape == (5, 6)
    assert not hasattr(EachSequence(PolynomialFeatures()), "inverse_transform")


def test_bad_input_of_each_sequence_is_named():
    with pytest.raises(ValueError, match="single numbers"):
        EachSequence(StandardScaler()).fit([[1.0, 2.0], [1.0]])
    drops = FunctionTransformer(lambda x: x[1:])
    with pytest.raises(ValueError, match="turned 52 steps into 51"):
        EachSequence(drops).fit(X).transform(X)


def test_a_search_reaches_the_transformer():
    pipeline = make_pipeline(EachSequence(StandardScaler()), GaussianHMM(2, n_iter=2, random_state=0))
    grid = {"eachsequence__transformer__with_std": [True, False], "hmm__n_components": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X)
    assert len(search.cv_results_["params"]) == 4


def test_every_estimator_has_a_page_of_html():
    for model in (GaussianHMM(2), CRF(), HMMTagger(), EachSequence(StandardScaler()), neural()):
        html = model._repr_html_()
        assert type(model).__name__ in html and "Parameters" in html
    fitted = GaussianHMM(2, random_state=0, n_iter=1).fit(X)
    assert "emission" in fitted._repr_html_() and "Not fitted" not in fitted._repr_html_()


# Folds


def test_groups_stay_together():
    groups = [0, 0, 1, 1, 2, 2, 3, 3]
    answers = cross_val_predict(HMM(n_components=2, n_iter=2, random_state=0), X, groups=groups, cv=GroupKFold(4))
    for k in range(4):
        model = HMM(n_components=2, n_iter=2, random_state=0).fit([x for x, g in zip(X, groups, strict=True) if g != k])
        for s in np.flatnonzero(np.array(groups) == k):
            np.testing.assert_array_equal(answers[s], model.predict(X[s]))


def test_out_of_fold_answers_take_labels_weights_and_methods():
    weights = np.arange(8.0)
    found = cross_val_predict(CRF(n_iter=3), X, Y, cv=2, method="predict_proba", params={"sample_weight": weights})
    expected = CRF(n_iter=3).fit(X[4:], Y[4:], sample_weight=weights[4:]).predict_proba(X[:4])
    np.testing.assert_array_equal(np.concatenate(found[:4]), np.concatenate(expected))
    with pytest.raises(ValueError, match="sequence 0 is in 0 test folds"):
        cross_val_predict(HMM(n_iter=1), X, cv=TimeSeriesSplit(2))


@pytest.mark.parametrize("gap", [0, 1, 2])
def test_folds_of_a_long_series_keep_their_distance(gap):
    series = RNG.normal(size=(103, 1))
    parts = pieces(series, 12)
    np.testing.assert_array_equal(np.concatenate(parts), series)
    held = []
    for train, test in BlockedKFold(4, gap=gap).split(parts):
        held += test.tolist()
        distance = np.abs(np.subtract.outer(train, test)).min()
        assert distance == gap + 1
        assert len(train) + len(test) >= 12 - 2 * gap
    assert held == list(range(12))
    found = cross_val_score(HMM(n_components=2, n_iter=2, random_state=0), parts, cv=BlockedKFold(3, gap=gap))
    assert np.all(np.isfinite(found))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: BlockedKFold(1), "n_splits is 1"),
        (lambda: BlockedKFold(3, gap=-1), "gap is -1"),
        (lambda: list(BlockedKFold(3).split([0, 1])), "there are 2 pieces"),
        (lambda: list(BlockedKFold(2, gap=9).split(range(4))), "leaves none"),
        (lambda: pieces([1, 2], 3), "n_pieces is 3"),
    ],
)
def test_folds_that_cannot_be_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_plain_scorer_of_lists_works_too():
    scorer = make_scorer(lambda y, p: float(np.mean([len(own) == len(found) for own, found in zip(y, p, strict=True)])))
    assert cross_val_score(CRF(n_iter=1), X, Y, cv=2, scoring=scorer).tolist() == [1.0, 1.0]
