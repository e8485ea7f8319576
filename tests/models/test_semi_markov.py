"""SemiMarkovHMM: laws over random fits, all segmentations listed, and HMM where durations are geometric."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from hmmseq import HMM, DataError, ImpossibleSequenceError, SemiMarkovHMM, StateGraph, lattice, load, topologies
from hmmseq.durations import FAMILIES, Geometric, Histogram, NegativeBinomial, Poisson
from hmmseq.emissions import Categorical, Gaussian
from hmmseq.models import reordered
from oracle import log_sum
from segment_oracle import all_segmentations, enumerate_segments
from strategies import seeds

STARTS = [
    Poisson([2.0, 3.0]), Geometric([0.5, 0.2], 2), NegativeBinomial([1.0, 4.0], [0.5, 0.3]),
    Histogram([[0.3, 0.2, 0.5], [0.1, 0.8, 0.1]], tail=[0.4, 0.0]),
]  # fmt: skip
X = [[0, 1, 1, 2, 0, 0, 2, 2, 1, 0], [2, 2, 0, 1, 1, 0], [1]]


def tied_graph():
    """Silent state between two pairs of states that share labels; the last state follows itself."""
    return StateGraph(
        5, [0, 0, 1, 1, 4, 4, 2, 2, 3, 3], [2, 1, 0, 4, 2, 3, 0, 3, 3, 0], label=[0, 1, 1, 0, -1], end=np.zeros(5)
    )


@st.composite
def fits(draw):
    """A random fit: durations x emission x topology x censoring x missing x weights x partial labels x priors."""
    rng = np.random.default_rng(draw(seeds))
    emission = draw(st.sampled_from([Categorical(4), Categorical(3, order=1), Gaussian("diag")]))
    topology = draw(st.sampled_from([None, topologies.cycle, tied_graph()]))
    lengths = [30, *rng.integers(0, 20, 3)]
    data = [rng.integers(0, 3, n) if emission.symbols else rng.normal(size=(n, 2)).cumsum(0) for n in lengths]
    if draw(st.booleans()):
        gap = -1 if emission.symbols else np.nan
        data = [np.where(rng.random(x.shape) < 0.1, gap, x) for x in data]
    options = {"durations": draw(st.sampled_from(sorted(FAMILIES))), "n_init": draw(st.integers(1, 2))}
    options |= {"left_censored": draw(st.booleans()), "right_censored": draw(st.booleans())}
    options |= {"longest": 31, "shortest": draw(st.integers(1, 2)) if topology is None else 1}
    options["right_censored"] |= options["shortest"] > 1  # a sequence of one step ends too early
    if draw(st.booleans()):
        options |= {"transmat_pseudocount": 0.3, "startprob_pseudocount": 0.7}
    model = SemiMarkovHMM(emission, 3, topology=topology, n_iter=8, tol=-np.inf, random_state=0, **options)
    weights = rng.gamma(1.0, size=len(data)) if draw(st.booleans()) else None
    y = [np.where(rng.random(len(x)) < 0.1, 0, -1) for x in data] if draw(st.booleans()) and topology is None else None
    return model, data, y, weights


@pytest.mark.filterwarnings("ignore:no expected visits")
@pytest.mark.filterwarnings("ignore:.*beyond longest")
@settings(max_examples=40)
@given(fits())
def test_em_never_falls_and_nothing_is_nan(case):
    model, data, y, weights = case
    model.fit(data, y, sample_weight=weights)
    for history in map(np.array, model.histories_):
        assert np.all(np.diff(history) >= -1e-8 * np.abs(history[:-1]) - 1e-9), history
    for values in [model.startprob_, model.transmat_, *model.durations_.state().values()]:
        assert np.all(np.isfinite(values))
    for proba in model.predict_proba(data):
        np.testing.assert_allclose(proba.sum(1), 1.0, rtol=1e-9)


def started(durations, n_iter, **options):
    options = {"tol": -np.inf, "random_state": 0, "longest": 60, **options}
    return SemiMarkovHMM(Categorical(3), 2, durations=durations, n_iter=n_iter, **options).fit(X)


@pytest.mark.parametrize("durations", STARTS, ids=str)
def test_one_em_iteration_is_what_all_segmentations_say(durations):
    options = {"topology": topologies.ergodic, "right_censored": False, "shortest": 1}
    data = [x for x in X if len(x) > 1]
    fit = [SemiMarkovHMM(Categorical(3), 2, durations=durations, n_iter=n, tol=-np.inf, longest=10, random_state=0,
                         **options).fit(data) for n in (0, 1)]  # fmt: skip
    before, after = fit
    starts, edges, symbols, seen, total = np.zeros(2), np.zeros(4), np.zeros((2, 3)), np.zeros((2, 10)), 0.0
    for x in data:
        scores = np.log(before.emissionprob_.T[x])
        log_total, labels, e, s, _ = enumerate_segments(before.graph_, scores)
        starts, edges, total = starts + s, edges + e, total + log_total
        np.add.at(symbols.T, x, labels)
        for path, score in all_segmentations(before.graph_, scores):
            for state, a, b in path:
                seen[state, b - a - 1] += np.exp(score - log_total)
    assert after.history_ == [pytest.approx(total, rel=1e-10)]
    np.testing.assert_allclose(after.startprob_, starts / starts.sum(), rtol=1e-9)
    np.testing.assert_allclose(after.transmat_.ravel(), edges / edges.reshape(2, 2).sum(1).repeat(2), rtol=1e-9)
    np.testing.assert_allclose(after.emissionprob_, symbols / symbols.sum(1)[:, None], rtol=1e-9)
    number, steps = seen.sum(1), seen @ np.arange(1, 11)
    learned = after.durations_
    if isinstance(durations, Poisson):
        np.testing.assert_allclose(learned.mean, steps / number, rtol=1e-9)
    elif isinstance(durations, Geometric):
        beyond = steps - 2 * number
        np.testing.assert_allclose(learned.stay, beyond / (beyond + number), rtol=1e-9)
    elif isinstance(durations, NegativeBinomial):
        mean = learned.shortest + learned.size * learned.stay / (1 - learned.stay)
        np.testing.assert_allclose(mean, steps / number, rtol=1e-9)
    else:
        share = seen / number[:, None]
        np.testing.assert_allclose(learned.probability[:, :2], share[:, :2], rtol=1e-9)
        np.testing.assert_allclose(learned.probability[0, 2], share[0, 2:].sum(), rtol=1e-9)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("durations", ["poisson", "geometric", "negative_binomial"])
def test_em_ends_where_the_likelihood_of_censored_durations_is_flat(durations, left):
    rng = np.random.default_rng(3)
    data = []
    for _ in range(30):
        states = np.concatenate([np.full(rng.poisson(4 + 3 * (k % 2)) + 1, k % 2) for k in range(6)])[3:20]
        data.append(states + 2 * (rng.random(len(states)) < 0.2))
    model = SemiMarkovHMM(
        Categorical(4), 2, durations=durations, longest=40, n_iter=400, tol=1e-10, left_censored=left, random_state=0
    ).fit(data)
    best = model.score(data)
    for name, array in model.durations_.state().items():
        if name == "shortest" or (name == "size" and array.max() > 1e3):
            continue
        for j in range(2):
            for change in (0.97, 1.03):
                other = {key: value.copy() for key, value in model.durations_.state().items()}
                other[name][j] = min(array[j] * change, 0.999) if name == "stay" else array[j] * change
                moved = type(model.durations_)(**other)
                graph = model.graph_.weigh(durations=moved.log_weights(40), tail=moved.log_tail)
                twin = clone(model).fit(data[:1])
                twin.graph_, twin.emission_ = graph, model.emission_
                assert twin.score(data) < best + 1e-9


def as_semi_markov(model, data):
    """The same distribution, with durations for self-edges."""
    stay = np.diag(model.transmat_)
    jumps = model.transmat_ * (1 - np.eye(len(stay)))
    twin = SemiMarkovHMM(model.emission, len(stay), durations="geometric", random_state=0, n_iter=1).fit(data)
    twin.emission_, twin.durations_ = model.emission_, Geometric(stay)
    graph = topologies.from_matrix(jumps / jumps.sum(1)[:, None], model.startprob_)
    twin._set_graph(graph)
    return twin


def test_geometric_durations_are_a_hidden_markov_model():
    rng = np.random.default_rng(1)
    data = [rng.normal(size=(n, 1)).cumsum(0) for n in (40, 25, 1)]
    model = HMM(Gaussian(), 3, n_iter=10, random_state=0).fit(data)
    twin = as_semi_markov(model, data)
    assert twin.score(data) == pytest.approx(model.score(data), rel=1e-12)
    for ours, theirs in zip(twin.predict_proba(data), model.predict_proba(data)):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)
    for ours, theirs in zip(twin.decode(data), model.decode(data)):
        np.testing.assert_array_equal(ours.states, theirs.states)
        assert ours.score == pytest.approx(theirs.score)


def test_geometric_durations_are_learned_to_the_same_maximum():
    rng = np.random.default_rng(2)
    data = [np.repeat(rng.integers(0, 2, 12), rng.geometric(0.3, 12)) for _ in range(8)]
    data = [x + 2 * (rng.random(len(x)) < 0.1) for x in data]
    options = {"n_iter": 3000, "tol": 1e-9, "random_state": 0}
    plain = HMM(Categorical(4), 2, **options).fit(data)
    lasting = SemiMarkovHMM(Categorical(4), 2, durations="geometric", longest=30, **options).fit(data)
    assert lasting.score(data) == pytest.approx(plain.score(data), rel=1e-6)
    match = np.argsort(lasting.emissionprob_[:, 0]), np.argsort(plain.emissionprob_[:, 0])
    np.testing.assert_allclose(lasting.durations_.stay[match[0]], np.diag(plain.transmat_)[match[1]], atol=1e-3)
    assert lasting.n_parameters_ == plain.n_parameters_


@pytest.mark.parametrize("durations", ["poisson", "negative_binomial", "histogram"])
def test_parameters_are_recovered(durations):
    """Durations drawn by NumPy: means within three standard errors, and the jumps between three states."""
    rng = np.random.default_rng(4)
    jumps, means = np.array([[0, 0.8, 0.2], [0.3, 0, 0.7], [0.5, 0.5, 0]]), np.array([0.0, 4.0, 8.0])
    data, drawn, seen = [], [[], [], []], np.zeros((3, 3))
    for _ in range(40):
        state, states = rng.integers(3), []
        while len(states) < 150:
            size = 1 + (
                rng.negative_binomial(4, 0.3) if durations == "negative_binomial" else rng.poisson(3 + 4 * state)
            )
            drawn[state].append(size)
            states += [state] * size
            after = rng.choice(3, p=jumps[state])
            seen[state, after] += 1
            state = after
        data.append(rng.normal(means[states[:150]], 1.0)[:, None])
    model = SemiMarkovHMM(Gaussian(), 3, durations=durations, longest=60, random_state=0).fit(data)
    model = reordered(model, np.argsort(model.means_[:, 0]))
    np.testing.assert_allclose(model.means_[:, 0], means, atol=0.15)
    weights = np.exp(model.durations_.log_weights(60))
    expected = weights @ np.arange(1, 61) / weights.sum(1)
    for j in range(3):
        error = np.std(drawn[j]) / np.sqrt(len(drawn[j]))
        assert abs(expected[j] - np.mean(drawn[j])) < 3 * error
    np.testing.assert_allclose(model.transmat_, jumps, atol=3 * 0.5 / np.sqrt(seen.sum(1).min()))


def test_samples_last_as_long_as_the_model_says():
    model = started(Poisson([3.0, 8.0]), 0, longest=40)
    observations, states = model.sample(20_000, random_state=1)
    cuts = np.flatnonzero(np.diff(states)) + 1
    runs = np.diff(cuts)
    for j, mean in enumerate((3.0, 8.0)):
        own = runs[states[cuts[:-1]] == j]
        assert abs(own.mean() - mean) < 4 * own.std() / np.sqrt(len(own)) and own.var() < 1.5 * mean
        counts = np.bincount(observations[states == j], minlength=3)
        np.testing.assert_allclose(counts / counts.sum(), model.emissionprob_[j], atol=0.02)


def test_decoded_segments_are_the_best_ones_and_pass_through_known_states():
    model = started(Poisson([2.0, 3.0]), 2)
    for x, path in zip(X, model.decode(X)):
        scores = np.log(model.emissionprob_.T[x])
        ranked = max(all_segmentations(model.graph_, scores), key=lambda found: found[1])
        assert path.score == pytest.approx(ranked[1])
        assert lattice.path_score(model.graph_, scores, path.segments) == pytest.approx(path.score)
        known = np.full(len(x), -1)
        known[0] = 1 - path.states[0]
        assert model.predict(x, known=known)[0] == known[0]
        agree = [(p, s) for p, s in all_segmentations(model.graph_, scores) if p[0][0] == known[0]]
        total = log_sum(s for _, s in agree)
        share = sum(np.exp(s - total) for p, s in agree if p[-1][0] == 0)
        assert model.predict_proba(x, known=known)[-1, 0] == pytest.approx(share)


def test_known_states_are_counted():
    data, y = [[0, 0, 1, 1, 1, 0], [1, 0, 0, 0]], [[0, 0, 1, 1, 1, 0], [1, 0, 0, 0]]
    model = SemiMarkovHMM(Categorical(2), 2, durations="poisson", longest=9, right_censored=False).fit(data, y)
    np.testing.assert_allclose(model.durations_.mean, [(2 + 1 + 3) / 3, (3 + 1) / 2])
    np.testing.assert_allclose(model.startprob_, [0.5, 0.5])
    np.testing.assert_allclose(model.emissionprob_, np.eye(2))
    np.testing.assert_allclose(model.transmat_, [[0, 1], [1, 0]])


@pytest.mark.filterwarnings("ignore:.*beyond longest")
def test_degrees_of_freedom():
    def n(durations, **options):
        model = SemiMarkovHMM(Categorical(3), 2, durations=durations, longest=40, n_iter=1, random_state=0, **options)
        return model.fit(X).n_parameters_ - 2 * 2 - 1  # emissions and starts; two states have no choice where to go

    assert [n("poisson"), n("geometric"), n("negative_binomial"), n("histogram")] == [2, 2, 4, 2 * (39 + 1)]
    assert n("poisson", topology=topologies.ergodic) == 4
    model = started("poisson", 3)
    steps = sum(map(len, X))
    assert model.bic(X) == pytest.approx(-2 * model.score(X) * steps + np.log(steps) * model.n_parameters_)


def test_threads_give_the_same_bits():
    one, two = (started("negative_binomial", 4, n_jobs=n, n_init=2) for n in (1, 2))
    assert one.history_ == two.history_
    np.testing.assert_array_equal(one.durations_.size, two.durations_.size)


def test_grid_search_over_families():
    search = GridSearchCV(
        SemiMarkovHMM(Categorical(3), 2, longest=60, n_iter=3, random_state=0),
        {"durations": ["poisson", "geometric"], "right_censored": [True]}, cv=2,
    ).fit([*X[:2], *X[:2]])  # fmt: skip
    assert np.isfinite(search.best_score_) and len(search.predict(X[:2])) == 2


@pytest.mark.filterwarnings("ignore:.*beyond longest")
@pytest.mark.parametrize("durations", [*sorted(FAMILIES), *STARTS], ids=str)
def test_saved_and_loaded(durations, tmp_path):
    model = started(durations, 2)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert repr(again.durations_) == repr(model.durations_) and again.history_ == model.history_
    assert repr(again.get_params()["durations"]) == repr(model.get_params()["durations"])
    assert again.score(X) == model.score(X)
    assert clone(again).fit(X).history_ == model.history_


def test_a_file_without_its_durations_is_refused(tmp_path):
    import safetensors.numpy

    from hmmseq.archive import digest

    started("poisson", 1).save(tmp_path / "model")
    with safetensors.safe_open(tmp_path / "model", framework="numpy") as file:
        metadata, arrays = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for spoiled in (
        {k: v for k, v in arrays.items() if "durations" not in k},
        arrays | {"durations.poisson.mean": np.ones(3)},
        arrays | {"durations.geometric.stay": np.ones(2)},
        {("durations.os.x" if "mean" in k else k): v for k, v in arrays.items()},
    ):
        changed = metadata | {"sha256": digest(metadata["model"], spoiled)}
        (tmp_path / "model").write_bytes(safetensors.numpy.save(spoiled, changed))
        with pytest.raises(DataError, match="does not describe a model"):
            load(tmp_path / "model")


def test_what_is_too_long_is_impossible_and_what_is_cut_is_said():
    with pytest.raises(ImpossibleSequenceError, match="sequence 1"):
        SemiMarkovHMM(Categorical(2), 2, longest=2, durations="poisson").fit(
            [[0, 1, 1, 0], [0, 0, 0, 0, 1]], [[0, 1, 1, 0], [0, 0, 0, 0, 1]]
        )
    data = [np.repeat([0, 1, 0, 1, 0, 1], [3, 4, 5, 4, 3, 5])] * 3
    with pytest.warns(ConvergenceWarning, match="beyond longest=5"):
        SemiMarkovHMM(Categorical(2), 2, longest=5, durations="poisson", random_state=0).fit(data)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"durations": "weibull"}, "durations is 'weibull'; expected one of"),
        ({"durations": ["poisson"]}, "durations is"),
        ({"durations": Poisson([2.0])}, "durations have 1 rows but there are 2 states"),
        ({"longest": 0}, "longest is 0"),
        ({"longest": 2.5}, "longest is 2.5"),
        ({"longest": 10**12}, "longest is 10"),
        ({"longest": 3, "shortest": 4}, "shortest is 4"),
        ({"shortest": [1, 2, 3]}, "shortest is"),
        ({"shortest": 1.5}, "shortest is 1.5"),
    ],
)
def test_what_cannot_be_asked_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SemiMarkovHMM(Categorical(3), 2, **options).fit(X)


def test_the_segmentation_of_most_right_steps_keeps_to_what_is_known():
    model = started("poisson", 1)
    best, most = model.decode(X), model.decode(X, method="mea")
    for x, path, other in zip(X, best, most, strict=True):
        posterior = model.predict_proba(x)
        right = [posterior[np.arange(len(x)), own.states].sum() for own in (path, other)]
        assert right[1] >= right[0] - 1e-9 and other.score == pytest.approx(right[1])
    known = np.full(len(X[0]), -1)
    known[2] = 1 - most[0].states[2]
    assert model.decode(X[0], method="mea", known=known).states[2] == known[2]


def test_questions_without_an_answer_say_so():
    model = started("poisson", 1)
    with pytest.raises(ValueError, match="expected 'viterbi' or 'mea'"):
        model.decode(X, method="best")
    with pytest.raises(NotImplementedError, match="no streams"):
        model.stream_predict()
