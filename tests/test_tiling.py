"""Tiles against the recursion in logarithms: the same numbers, or the sequence is left to it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq import HMM, StateGraph, lattice, paths, tiling, topologies
from hmmseq.emissions import Gaussian
from hmmseq.lattice import Indexed
from hmmseq.scores import pack
from hmmseq.sequences import Sequences
from strategies import seeds


def random_case(rng, n_states, lengths, sharp=1.0, dense=False, n_symbols=5):
    graph = topologies.from_matrix(rng.dirichlet(np.ones(n_states), n_states), rng.dirichlet(np.ones(n_states)))
    table = sharp * np.log(rng.dirichlet(np.ones(n_states), n_symbols))
    symbols = [rng.integers(-1, n_symbols, n) for n in lengths]
    rows = np.vstack([table, np.zeros(n_states)])
    return graph, pack([rows[s] for s in symbols] if dense else Indexed(table, symbols), n_states)


def exactly(graph, packed, weights):
    return lattice._count_exactly(graph, packed, packed.code, len(packed.table), weights, 1)


def assert_same(tiled, exact, n_steps):
    totals, tally, left = tiled
    assert not len(left)
    for ours, theirs in ((totals, exact.log_partition), *zip(tally, exact[1:], strict=True)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-11 * n_steps)


@given(seeds, st.integers(1, 5), st.booleans())
def test_whole_sequences(seed, n_states, dense):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 40, rng.integers(1, 90))
    graph, packed = random_case(rng, n_states, lengths, sharp=rng.choice([1.0, 50.0]), dense=dense)
    weights = rng.random(len(lengths))
    graph = graph.weigh(edge=graph.edge + 3.0, end=rng.normal(size=n_states))  # any weights, not only probabilities
    tiled = tiling.counts(graph, packed, packed.code, len(packed.table), weights, 1)
    assert_same(tiled, exactly(graph, packed, weights), len(packed.code) + 1)
    np.testing.assert_array_equal(tiling.totals(graph, packed, 1)[0], tiled[0])


def sparse_case(rng, n_states, lengths, sharp=1.0):
    """Few edges, starts and ends: states that lag behind may be all that is left at the end."""
    keep = rng.random((n_states, n_states)) < 0.4
    np.fill_diagonal(keep, rng.random(n_states) < 0.7)
    keep[0, n_states - 1] = True
    source, target = np.nonzero(keep)

    def some(size):
        weights = sharp * rng.normal(size=size)
        weights[rng.random(size) < 0.4] = -np.inf
        weights[rng.integers(size)] = 0.0
        return weights

    edge, start, end = sharp * rng.normal(size=len(source)), some(n_states), some(n_states)
    graph = StateGraph(n_states, source, target, edge=edge, start=start, end=end)
    table = np.array([some(n_states) for _ in range(6)]) + rng.choice([0.0, 4.0]) * rng.normal(size=(6, 1))
    return graph, pack(Indexed(table, [rng.integers(0, 6, n) for n in lengths]), n_states)


@given(seeds, st.integers(2, 9), st.sampled_from([0.1, 1.0, 3.0]))
def test_short_sequences_where_edges_are_missing(seed, n_states, sharp):
    rng = np.random.default_rng(seed)
    longest = rng.choice([1, 5, 12, 40])
    graph, packed = sparse_case(rng, n_states, [*rng.integers(0, longest, 60), *[longest] * 60, *[1] * 200], sharp)
    exact = exactly(graph, packed, np.ones(len(packed)))
    possible = np.flatnonzero(exact.log_partition > -np.inf)
    if tiling.suits(graph, packed):
        totals, left = tiling.totals(graph, packed, 2)
        done = np.setdiff1d(np.arange(len(packed)), left)
        assert set(left) >= set(np.setdiff1d(np.arange(len(packed)), possible))
        np.testing.assert_allclose(totals[done], exact.log_partition[done], rtol=1e-11, atol=1e-11)
        rest = packed.subset(possible)
        if len(rest) and tiling.suits(graph, rest):
            theirs = exactly(graph, rest, np.ones(len(rest)))
            for ours, other in zip(lattice.expected_counts(graph, rest), theirs, strict=True):
                np.testing.assert_allclose(ours, other, rtol=1e-9, atol=1e-9)
    states, scores, left = tiling.best(graph, packed, 2)
    for s, path in enumerate(paths._paths(graph, packed, 1, True, rng, 1)):
        assert s in left or path[0].score > -np.inf
        if s in left:
            continue
        own = states[packed.offsets[s] : packed.offsets[s + 1]]
        assert scores[s] == pytest.approx(path[0].score, rel=1e-11, abs=1e-11)
        again = lattice.path_score(graph, packed.subset(np.array([s])), own)
        assert again == pytest.approx(path[0].score, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("outlier", [0.0, 30.0, 1e6])
def test_best_paths_of_normals_from_left_to_right(outlier):
    """Densities lie far apart: within the digits of whole numbers (30), or so far that logarithms take over (1e6)."""
    rng = np.random.default_rng(0)
    X = [np.cumsum(rng.normal(0.3, 1.0, (n, 3)), axis=0) for n in rng.integers(6, 30, 40)]
    model = HMM(Gaussian(), topology=topologies.left_right(6), n_iter=2, tol=0.0, random_state=0).fit(X)
    X[0][2, 1] += outlier
    scores = model._scores(X, None)
    assert tiling.suits_best(model.graph_, scores)
    exact = paths._paths(model.graph_, pack(scores), 1, True, rng, 1)
    for ours, (theirs,) in zip(model.decode(X), exact, strict=True):
        np.testing.assert_array_equal(ours.states, theirs.states)
        assert ours.score == pytest.approx(theirs.score, rel=1e-11)
    left = tiling.best(model.graph_, scores, 1)[2]
    assert len(left) == (len(X) if outlier == 1e6 else 0)


def test_edges_beyond_the_limit_of_sequences_of_one_step():
    graph = StateGraph(2, [0, 0, 1], [0, 1, 1], edge=[0.0, -140.0, 0.0], start=[0.0, 0.0], end=[0.0, 0.0])
    np.testing.assert_allclose(lattice.log_partition(graph, [np.zeros((1, 2))] * 300), np.log(2))


def test_what_is_impossible_stays_so_while_the_best_score_falls():
    graph = StateGraph(2, [0, 1], [0, 1], edge=[0.0, 0.0], start=[0.0, -np.inf], end=[-np.inf, 0.0])
    table = np.array([[0.0, 0.0], [-5.0, -5.0], [-0.05, 0.0], [-0.3, -0.3]])
    symbols = np.array([0] + [1] * 3 + [3] + [2] * 28)
    for path in lattice.best_path(graph, Indexed(table, [symbols] * 20)):
        assert path.score == -np.inf
        assert set(path.states) == {-1}


def test_densities_too_far_apart_for_any_number():
    emission = Gaussian()
    emission.means_, emission.covars_ = np.array([[0.0], [1.0], [2.0]]), np.full((3, 1), 1e-108)
    X = np.random.default_rng(0).normal(size=(300, 1))
    X[5] = 1e300
    scores = emission.scores(emission.observe(Sequences.pack(X, [30] * 10)))
    found = lattice.best_path(topologies.left_right(3), scores)
    assert all(np.isfinite(path.score) for path in found)


@pytest.mark.parametrize("seed", [13, 14, 15])
def test_sequences_that_fail_where_others_are_cut_are_left_too(seed):
    """What is certified depends on where sequences are cut, and that on which others there are."""
    rng = np.random.default_rng(seed)
    source, target = np.indices((5, 5)).reshape(2, -1)
    graph = StateGraph(5, source, target, edge=30 * rng.random(25))
    scores = [np.zeros((n, 5)) for n in rng.integers(1100, 3000, 8)]
    exact = exactly(graph, pack(scores, 5), np.ones(8)).log_partition
    np.testing.assert_allclose(lattice.log_partition(graph, scores), exact, rtol=1e-10)
    np.testing.assert_allclose(lattice.expected_counts(graph, scores).log_partition, exact, rtol=1e-10)
    assert len(lattice.best_path(graph, scores)) == 8


def late_survivor(nats, n_steps):
    """Two chains; the one that is `nats` behind at each step is all that may end."""
    graph = StateGraph(2, [0, 1], [0, 1], start=[0.0, 0.0], end=[-np.inf, 0.0])
    scores = np.zeros((n_steps, 2))
    scores[:, 1] = -nats
    return graph, [scores] * 40


@pytest.mark.parametrize("nats", [1.0, 10.0, 13.0, 100.0, 1e5])
def test_a_state_that_is_far_behind_and_alone_survives(nats):
    graph, scores = late_survivor(nats, 20)
    np.testing.assert_allclose(lattice.log_partition(graph, scores), -20 * nats, rtol=1e-12)
    for question in (lattice.label_posteriors, lambda *a: [np.eye(2)[path.states] for path in lattice.best_path(*a)]):
        np.testing.assert_allclose(np.vstack(question(graph, scores)), [[0.0, 1.0]] * 800, rtol=1e-12)


def test_few_states_of_short_sequences_take_tiles_and_others_do_not():
    left_right = topologies.left_right(5)
    short, long = (pack([np.zeros((n, 5))] * 60, 5) for n in (20, 2000))
    assert tiling.suits(left_right, short) and tiling.suits_best(left_right, short)
    assert not tiling.suits(left_right, long) and not tiling.suits_best(left_right, long)
    many = topologies.left_right(40)
    packed = pack([np.zeros((20, 40))] * 60, 40)
    assert not tiling.suits(many, packed) and not tiling.suits_best(many, packed)


@pytest.mark.parametrize("lengths", [[1500], [1025, 3000, 2000], [2051, 7, 1024, 4096]])
@pytest.mark.parametrize("n_states", [1, 2, 5, 20])
def test_chunks_of_long_sequences(lengths, n_states):
    rng = np.random.default_rng(sum(lengths) + n_states)
    graph, packed = random_case(rng, n_states, lengths)
    weights = rng.random(len(lengths))
    tiled = tiling.counts(graph, packed, packed.code, len(packed.table), weights, 1)
    assert_same(tiled, exactly(graph, packed, weights), sum(lengths))


@given(seeds, st.integers(1, 9), st.booleans())
def test_posteriors_by_step(seed, n_states, dense):
    """Written straight to the answer, whatever lengths are mixed."""
    rng = np.random.default_rng(seed)
    graph, packed = random_case(rng, n_states, rng.choice([0, 1, 70, 300, 1100, 4000], 6), dense=dense)
    found, left = tiling.posteriors(graph, packed, 2)
    for s, (ours, theirs) in enumerate(zip(packed.steps.unpack(found), lattice.posteriors(graph, packed), strict=True)):
        np.testing.assert_allclose(ours, 0.0 if s in left else theirs.labels, atol=1e-10)


def slow_model(stay, weak, n_states):
    matrix = np.full((n_states, n_states), (1 - stay) / (n_states - 1))
    np.fill_diagonal(matrix, stay)
    table = np.log([[0.5 + weak, 0.5 - weak] * n_states, [0.5 - weak, 0.5 + weak] * n_states])[:, :n_states]
    return topologies.from_matrix(matrix, np.full(n_states, 1 / n_states)), table


def test_posteriors_of_states_that_share_a_label_where_some_sequences_are_left():
    rng = np.random.default_rng(3)
    slow = slow_model(0.99999, 0.01, 9)[0]
    graph = StateGraph(9, slow.source, slow.target, label=[0] * 9, edge=slow.edge + 1e-3 * rng.normal(size=81))
    scores = [rng.normal(size=(n, 1)) for n in (60_000, 50, 0, 300)]
    assert tiling.posteriors(graph, pack(scores, 1), 1)[1].tolist() == [0]
    for found, own in zip(lattice.label_posteriors(graph, scores), scores, strict=True):
        np.testing.assert_allclose(found, np.ones_like(own))


@pytest.mark.parametrize(
    ("stay", "n_states", "certified"), [(0.9, 2, True), (0.99, 2, True), (0.99999, 2, True), (0.99999, 9, False)]
)
def test_models_that_forget_slowly_get_a_longer_warmup_or_exact_seams_or_are_left(stay, n_states, certified):
    rng = np.random.default_rng(0)
    graph, table = slow_model(stay, 0.01, n_states)
    packed = pack(Indexed(table, [rng.integers(0, 2, n) for n in (60_000, 50, 4_000)]), n_states)
    weights = np.array([1.0, 2.0, 3.0])
    _, _, left = tiling.counts(graph, packed, packed.code, 3, weights, 1)
    assert left.tolist() == ([] if certified else [0, 2])
    exact = exactly(graph, packed, weights)
    together = lattice.expected_counts(graph, packed, weights)
    for ours, theirs in zip(together, exact, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    rows = np.vstack(lattice.label_posteriors(graph, packed))
    np.testing.assert_allclose(rows.sum(1), 1.0, rtol=1e-9)
    one, two = (lattice.expected_counts(graph, packed, weights, n_jobs=n).edges for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_an_impossible_sequence_among_others():
    graph, packed = random_case(np.random.default_rng(1), 3, [300, 300, 300])
    table, code = packed.table.copy(), np.where(packed.code == 5, np.uint8(0), packed.code)
    table[-1] = -np.inf  # the missing symbol, made impossible
    code[450] = 5
    packed = replace(packed, table=table, code=code)
    totals = lattice.log_partition(graph, packed)
    assert np.isneginf(totals).tolist() == [False, True, False]
    rows = lattice.label_posteriors(graph, packed)
    np.testing.assert_allclose([r.sum() for r in rows], [300, 0, 300])


def test_pinned_ends_far_below_the_rest_are_exact():
    # The last state of a path has a score of e**-800 beside its neighbours, and the path must end there.
    graph = topologies.from_matrix(np.full((2, 2), 0.5), [0.5, 0.5], [0.0, 1.0])
    scores = np.zeros((400, 2))
    scores[-1, 1] = -800.0
    assert lattice.log_partition(graph, scores) == pytest.approx(np.log(0.5) - 800.0, rel=1e-12)
    assert lattice.expected_counts(graph, scores).end.tolist() == [0.0, 1.0]


def test_extreme_edges_are_left_to_logarithms():
    graph = StateGraph(2, [0, 0, 1, 1], [0, 1, 0, 1], edge=[0.0, -150.0, 0.0, 0.0])
    assert not tiling.suits(graph, pack(np.zeros((1000, 2)), 2))


@pytest.mark.parametrize("nats", [133.0, 136.0, 139.0])  # about where linear numbers cease to be safe, 138.16
def test_edges_at_the_limit(nats):
    graph = topologies.from_matrix(np.array([[1.0, np.exp(-nats)], [0.5, 0.5]]))
    _, packed = random_case(np.random.default_rng(0), 2, [300, 20], dense=True)
    weights = np.ones(2)
    exact = exactly(graph, packed, weights)
    np.testing.assert_allclose(lattice.log_partition(graph, packed), exact.log_partition, rtol=1e-12)
    np.testing.assert_allclose(lattice.expected_counts(graph, packed).edges, exact.edges, atol=1e-9)


@given(seeds)
def test_threads_and_company_do_not_change_a_bit(seed):
    rng = np.random.default_rng(seed)
    graph, packed = random_case(rng, 3, rng.integers(1, 60, 200))
    one, two, eight = (lattice.expected_counts(graph, packed, n_jobs=n) for n in (1, 2, 8))
    for a, b, c in zip(one, two, eight, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("lengths", [[1500], [1025, 3000, 2000], [2051, 7, 1024, 4096], [0, 300, 20, 1]])
@pytest.mark.parametrize("n_states", [1, 2, 5, 20])
@pytest.mark.parametrize("dense", [False, True])
def test_best_paths(lengths, n_states, dense):
    rng = np.random.default_rng(sum(lengths) + n_states)
    graph, packed = random_case(rng, n_states, lengths, dense=dense)
    graph = graph.weigh(end=np.where(rng.random(n_states) < 0.3, -np.inf, 0.0)) if n_states > 2 else graph
    assert tiling.suits_best(graph, packed)
    states, totals, left = tiling.best(graph, packed, 1)
    assert not len(left)
    exact = [path for (path,) in paths._paths(graph, packed, 1, True, rng, 1)]
    for s, (path, total) in enumerate(zip(packed.steps.unpack(states), totals, strict=True)):
        assert total == pytest.approx(exact[s].score, rel=1e-12)
        own = packed.table[packed.code[packed.offsets[s] : packed.offsets[s + 1]]]
        assert lattice.path_score(graph, own, path) == pytest.approx(exact[s].score, rel=1e-12)


def test_best_paths_that_cannot_be_certified_are_left():
    """Two states that never meet: which one is better depends on the whole sequence."""
    graph = StateGraph(2, [0, 0, 1, 1], [0, 1, 0, 1], edge=[0.0, -4e3, -4e3, 0.0])
    rng = np.random.default_rng(0)
    scores = pack([rng.normal(size=(3000, 2)), rng.normal(size=(100, 2))], 2)
    assert tiling.best(graph, scores, 1)[2].tolist() == [0]
    paths = lattice.best_path(graph, scores)
    assert [len(path.states) for path in paths] == [3000, 100]
    assert all(len(set(path.states.tolist())) == 1 for path in paths)
    for path, own in zip(paths, scores.steps.unpack(scores.table), strict=True):
        assert path.score == pytest.approx(own.sum(0).max(), rel=1e-12)


@pytest.mark.parametrize("lengths", [[40_000], [17, 1500, 30_000, 900]])
def test_threads_within_long_sequences_do_not_change_a_bit(lengths):
    rng = np.random.default_rng(2)
    graph, packed = random_case(rng, 4, lengths)
    asked = lattice.log_partition, lattice.expected_counts, lattice.label_posteriors, lattice.best_path
    for question in asked:
        one, two, eight = (flat(question(graph, packed, n_jobs=n)) for n in (1, 2, 8))
        for a, b, c in zip(one, two, eight, strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a, c)


def flat(answer):
    """The arrays of an answer."""
    return [part for inner in answer for part in flat(inner)] if isinstance(answer, (list, tuple)) else [answer]
