"""SemiCRF: all segmentations listed, finite differences, and CRF where it is one."""

from itertools import pairwise, product

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from hmmseq import CRF, DataError, SemiCRF, load
from hmmseq.models.conditional import Weights
from hmmseq.models.segment_features import Columns, SegmentScores
from hmmseq.models.segment_likelihood import SegmentLikelihood
from hmmseq.models.spans import encode, read

OFFSETS = np.array([0, 4, 4, 9, 10])  # the second sequence is empty
CLASSES = np.array(["A", "B", "C"])
LONGEST = np.array([3, 1, 2])
KNOWN = [[(0, 2, "A"), (2, 3, "B"), (3, 4, "C")], [], [(0, 1, "A"), (1, 4, "A"), (4, 5, "B")], [(0, 1, "C")]]
PARTIAL = [[(1, 3, "A")], [], [], [(0, 1, "C")]]


def random_case(seed, y, repeats=True, unseen=True):
    rng = np.random.default_rng(seed)
    columns = Columns.up_to(LONGEST)

    def features(n):
        return sparse.csr_array(rng.normal(size=(10, n)) * (rng.random((10, n)) < 0.7))

    scored = SegmentScores(columns, features(3), [features(2) for _ in range(3)])
    given = encode(read(y, OFFSETS, False), OFFSETS, CLASSES, columns)
    weights = np.array([1.0, 2.0, 0.5, 3.0])
    likelihood = SegmentLikelihood(
        scored, OFFSETS, given, weights, c2=0.3, unseen=unseen, ends=True, repeats=repeats, n_jobs=1
    )
    return likelihood, rng.normal(size=likelihood.n_weights)


def segmentations(n, at=0):
    """All rows of segments (start, stop, label) of n steps."""
    if at == n:
        yield ()
    for label, longest in enumerate(LONGEST):
        for stop in range(at + 1, min(at + longest, n) + 1):
            for rest in segmentations(n, stop):
                yield ((at, stop, label), *rest)


def segment_score(likelihood, weights, begin, segment):
    start, stop, label = segment
    scored, d = likelihood.scored, stop - start
    steps = scored.matrix.toarray()[begin + start : begin + stop].sum(0)
    row = np.concatenate([steps, scored.segments[d - 1].toarray()[begin + start], np.eye(3)[d - 1]])
    return row @ weights.features[:, label]


def score(likelihood, weights, begin, path):
    edges = weights.edges.reshape(3, 3)
    total = sum(segment_score(likelihood, weights, begin, segment) for segment in path)
    total += sum(edges[a[2], b[2]] for a, b in pairwise(path))
    return total + weights.start[path[0][2]] + weights.end[path[-1][2]]


def allowed(path, repeats):
    return repeats or all(a[2] != b[2] for a, b in pairwise(path))


def enumerated(likelihood, y, x, repeats=True):
    """The objective by listing every segmentation."""
    weights, total = likelihood.split(x), 0.3 * x @ x
    for own, begin, end, weight in zip(y, OFFSETS, OFFSETS[1:], likelihood.weights):
        if begin == end:
            continue
        known = {(a, b, "ABC".index(label)) for a, b, label in own}
        paths = [path for path in segmentations(end - begin) if allowed(path, repeats)]
        agree = [path for path in paths if known <= set(path)]
        both = [np.logaddexp.reduce([score(likelihood, weights, begin, p) for p in some]) for some in (paths, agree)]
        total += weight * (both[0] - both[1])
    return total


@pytest.mark.parametrize("y", [KNOWN, PARTIAL], ids=["known", "partial"])
@pytest.mark.parametrize("seed", range(3))
def test_objective_sums_all_segmentations_and_its_gradient_is_its_slope(seed, y):
    likelihood, x = random_case(seed, y, unseen=seed != 1)
    value, gradient = likelihood(x)
    np.testing.assert_allclose(value, enumerated(likelihood, y, x), rtol=1e-10)
    h = 1e-5
    slopes = [(likelihood(x + h * e)[0] - likelihood(x - h * e)[0]) / (2 * h) for e in np.eye(len(x))]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-7)


def test_segments_of_one_label_side_by_side_can_be_ruled_out():
    y = [KNOWN[0], [], PARTIAL[2], KNOWN[3]]
    likelihood, x = random_case(5, y, repeats=False)
    assert likelihood(x)[0] == pytest.approx(enumerated(likelihood, y, x, repeats=False), rel=1e-10)


def test_the_table_and_its_transpose_agree():
    """<table(w), rows> = <w, by_feature(rows)> for segments that lie in the data."""
    likelihood, x = random_case(3, KNOWN)
    scored, weights = likelihood.scored, likelihood.split(x).features
    rows = np.random.default_rng(0).normal(size=(10, scored.width))
    late = np.arange(10)[:, None] + scored.columns.duration > 10
    rows[:, :-1][late] = 0.0
    rows[:, -1] = 0.0
    assert np.sum(scored.table(weights) * rows) == pytest.approx(np.sum(weights * scored.by_feature(rows)))


def names(sequence):
    return [[word, f"cap={word.istitle()}"] for word in sequence]


def phrases(n=60, seed=0):
    """Names of one to three capitalised words between words in small letters, some of them capitalised, too."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(n):
        words, spans = [], []
        for _ in range(rng.integers(1, 5)):
            small = rng.choice(["on", "the", "sees", "It", "and"], rng.integers(1, 4))
            spans += [(len(words) + k, len(words) + k + 1, "O") for k in range(len(small))]
            words += list(small)
            name = rng.choice(["Ann", "Lee", "Park", "Bo"], rng.integers(1, 4))
            spans.append((len(words), len(words) + len(name), "NAME"))
            words += list(name)
        X.append(names(words))
        y.append(spans)
    return X, y


def pair(sequence, start, stop):
    return {"first": sequence[start][0], "last": sequence[stop - 1][0], "size": float(stop - start)}


def test_it_is_a_linear_chain_where_segments_are_steps():
    X, y = phrases(20)
    labels = [[label for a, b, label in spans for _ in range(a, b)] for spans in y]
    steps = [[(t, t + 1, label) for t, label in enumerate(own)] for own in labels]
    options = {"c2": 0.3, "n_iter": 500, "tol": 1e-12}
    one, chain = SemiCRF(longest=1, **options).fit(X, steps), CRF(**options).fit(X, labels)
    # One more weight a label, that of duration 1, which the penalty shares with other weights: a lower objective.
    assert one.history_[-1] <= chain.history_[-1] + 1e-6
    weights = Weights(np.vstack([chain.feature_weights_, np.zeros((1, 2))]), *chain._linear_weights()[1:])
    one._take(weights)
    np.testing.assert_allclose(one.log_likelihood(X, steps), chain.log_likelihood(X, labels), atol=1e-9)
    for ours, theirs in zip(one.predict_proba(X), chain.predict_proba(X)):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert one.score(X, labels) == chain.score(X, labels)


def test_it_is_a_linear_chain_where_runs_are_segments_and_features_are_those_of_steps():
    """Equal labels side by side are one segment, and cost nothing to join: edges of weight 0 in the chain."""
    rng = np.random.default_rng(1)
    X = [["a", "b", "c", "d", "e"], ["b", "c"]]
    X = [[[w] for w in x] for x in X]
    y = [["x", "x", "y", "y", "x"], ["y", "y"]]
    chain, lasting = CRF(n_iter=1).fit(X, y), SemiCRF(longest=5, repeats=False, n_iter=1).fit(X, y)
    features, edges = rng.normal(size=(5, 2)), rng.normal(size=(2, 2)) * (1 - np.eye(2))
    linear = edges.ravel(), rng.normal(size=2), rng.normal(size=2)
    chain._take(Weights(features, *linear))
    lasting._take(Weights(np.vstack([features, np.zeros((5, 2))]), *linear))
    np.testing.assert_allclose(lasting.log_likelihood(X, y), chain.log_likelihood(X, y), rtol=1e-10)
    for ours, theirs in zip(lasting.predict_proba(X), chain.predict_proba(X)):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)
    for ours, theirs in zip(lasting.best_paths(X, 4), chain.best_paths(X, 4)):
        for a, b in zip(ours, theirs):
            assert a.score == pytest.approx(b.score)
            assert [label for start, stop, label in a.states for _ in range(start, stop)] == list(b.states)


def test_features_of_segments_help_and_probabilities_add_up():
    X, y = phrases()
    held, truth = phrases(30, seed=1)
    model = SemiCRF(segment_features=pair, longest={"O": 1}, c2=0.1).fit(X, y)
    assert model.longest_.tolist() == [3, 1] and model.classes_.tolist() == ["NAME", "O"]
    assert {"first:Ann", "last:Bo", "size"} <= set(model.segment_feature_names_)
    right = [[tuple(s) for s in found] == spans for found, spans in zip(model.predict(held), truth)]
    assert np.mean(right) > 0.8
    assert np.all(np.diff(model.history_) <= 0)
    for found, shares, proba in zip(
        model.predict(held), model.segment_proba(held, model.predict(held)), model.predict_proba(held)
    ):
        assert np.all((shares > 0) & (shares <= 1 + 1e-12)) and found[-1].stop == len(proba)
        np.testing.assert_allclose(proba.sum(1), 1.0, rtol=1e-9)


def test_best_segmentations_and_their_probabilities():
    X, y = phrases(20)
    model = SemiCRF(segment_features=pair, c2=0.1, n_iter=20).fit(X, y)
    x = names(["the", "Ann", "Lee", "on"])
    ranked = model.best_paths(x, 1000)
    longest = model.longest_
    expected = sum(
        1
        for cuts in product([0, 1], repeat=3)
        for labels in product([0, 1], repeat=sum(cuts) + 1)
        if all(size <= longest[k] for size, k in zip(np.diff([0, *np.flatnonzero([*cuts, 1]) + 1]), labels))
    )
    assert len(ranked) == expected and sum(np.exp(path.score) for path in ranked) == pytest.approx(1.0)
    best = model.decode(x)
    assert best.states == ranked[0].states == model.predict(x) and best.score == pytest.approx(ranked[0].score)
    assert model.log_likelihood([x], [best.states])[0] == pytest.approx(best.score)
    for segment, share in zip(best.states, model.segment_proba(x, best.states)):
        assert share == pytest.approx(sum(np.exp(p.score) for p in ranked if segment in p.states))
        some = model.log_likelihood([x], [[segment]])[0]
        assert some == pytest.approx(np.log(share))


def test_some_known_segments_are_better_than_none():
    X, y = phrases()
    held, truth = phrases(30, seed=1)
    gaps = [[span for k, span in enumerate(spans) if (k + s) % 3] for s, spans in enumerate(y)]
    model = SemiCRF(longest={"O": 1, "NAME": 3}, c2=0.1).fit(X, gaps)
    assert model.score(held, truth) > 0.9


def test_weights_of_sequences_count_like_copies_and_threads_change_nothing():
    X, y = phrases(12)
    twice = SemiCRF(c2=0.1, n_iter=5).fit(X + X[:3], y + y[:3])
    weighted = SemiCRF(c2=0.1, n_iter=5).fit(X, y, sample_weight=[2.0] * 3 + [1.0] * 9)
    np.testing.assert_allclose(weighted.history_, twice.history_, rtol=1e-6)
    threads = SemiCRF(c2=0.1, n_iter=5, n_jobs=2).fit(X, y, sample_weight=[2.0] * 3 + [1.0] * 9)
    assert threads.history_ == weighted.history_


@pytest.mark.parametrize("kind", ["names", "matrices"])
def test_saved_and_loaded(kind, tmp_path):
    X, y = phrases(10)
    if kind == "matrices":
        X = [sparse.csr_array(np.arange(2.0 * len(x)).reshape(-1, 2)) for x in X]
        made = [lambda x, start, stop: {"sum": float(x[[start], :].sum())}, {"O": 1}]
    else:
        made = [pair, None]
    model = SemiCRF(segment_features=made[0], longest=made[1], c2=0.1, n_iter=5).fit(X, y)
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    with pytest.raises(ValueError, match="a function is not kept"):
        again.predict(X)
    again.segment_features = made[0]
    assert again.history_ == model.history_ and again.predict(X) == model.predict(X)
    for ours, theirs in zip(again.predict_proba(X), model.predict_proba(X)):
        np.testing.assert_array_equal(ours, theirs)
    assert clone(again).fit(X, y).history_ == model.history_


def test_a_file_with_hostile_durations_is_refused(tmp_path):
    import safetensors.numpy

    from hmmseq.archive import digest

    X, y = phrases(5)
    SemiCRF(n_iter=1).fit(X, y).save(tmp_path / "m")
    with safetensors.safe_open(tmp_path / "m", framework="numpy") as file:
        metadata, arrays = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for longest in (np.array([3, 10**15]), np.array([3, 0]), np.array([3]), np.array([3.0, 1.0]), np.array([2, 1])):
        spoiled = arrays | {"longest": longest}
        changed = metadata | {"sha256": digest(metadata["model"], spoiled)}
        (tmp_path / "m").write_bytes(safetensors.numpy.save(spoiled, changed))
        with pytest.raises(DataError, match="does not describe a model"):
            load(tmp_path / "m")


ONE = [[["a"], ["b"], ["c"]]]


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([[(0, 2, "x"), (1, 3, "y")]], {}, r"y\[0\] has the segment \(1, 3, 'y'\) after \(0, 2, 'x'\)"),
        ([[(0, 4, "x")]], {}, r"of steps 0 ... 2"),
        ([[(1, 1, "x")]], {}, "expected \\(start, stop, label\\)"),
        ([[(0, "x")]], {}, "expected \\(start, stop, label\\)"),
        ([[(0, 1, None)]], {}, "without a label"),
        ([["x", "y"]], {}, r"y\[0\] has 2 labels but X\[0\] has 3 steps"),
        ([[(0, 1, "x")], []], {}, "y has 2 sequences but X has 1"),
        ([[]], {}, "no known label"),
        ([["x", "x", "y"]], {"longest": 1}, "of 2 steps, but the longest of its label is 1"),
        ([["x", "x", "y"]], {"longest": 0}, "longest is 0"),
        ([["x", "x", "y"]], {"longest": "all"}, "longest is 'all'"),
        ([["x", "x", "y"]], {"longest": {"z": 2}}, "for labels among"),
        ([[(0, 1, "x"), (1, 2, "x"), (2, 3, "y")]], {"repeats": False}, "two segments of label 'x' side by side"),
    ],
)
def test_bad_data(y, options, message):
    with pytest.raises(ValueError, match=message):
        SemiCRF(**options).fit(ONE, y)


def test_one_sequence_gives_one_result():
    X, y = phrases(5)
    model = SemiCRF(c2=0.1, n_iter=5).fit(X, y)
    assert model.predict([X[0], []])[1] == [] and model.predict_proba(X[0]).shape == (len(X[0]), 2)
    assert SemiCRF(n_iter=2).fit(X[0], y[0]).predict(X[0])[-1].stop == len(X[0])
