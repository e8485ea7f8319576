"""Every question against the list of all paths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq import lattice, topologies
from hmmseq.lattice import Indexed
from oracle import NEVER, all_paths, enumerate_posteriors, log_sum
from strategies import lattices, seeds

EXACT = {"rtol": 1e-10, "atol": 1e-10}


@given(lattices())
def test_log_partition_sums_every_path(case):
    graph, scores = case
    expected = log_sum(score for _, score in all_paths(graph, scores))
    np.testing.assert_allclose(lattice.log_partition(graph, scores), expected, **EXACT)


@given(lattices())
def test_posteriors_are_shares_of_paths(case):
    graph, scores = case
    found = lattice.posteriors(graph, scores)
    if found.log_partition == NEVER:
        assert not any(np.any(part) for part in found[1:])
    else:
        for ours, expected in zip(found, enumerate_posteriors(graph, scores), strict=True):
            np.testing.assert_allclose(ours, expected, **EXACT)


@given(lattices())
def test_best_path_beats_every_other(case):
    graph, scores = case
    best = max((score for _, score in all_paths(graph, scores)), default=NEVER)
    path = lattice.best_path(graph, scores)
    np.testing.assert_allclose(path.score, best, **EXACT)
    if best == NEVER:
        assert np.all(path.states == -1) and len(path.states) == len(scores)
    else:
        np.testing.assert_allclose(lattice.path_score(graph, scores, path.states), best, **EXACT)


@given(lattices(), st.sampled_from([1, 2, 7, 5000]))
def test_best_paths_are_the_best_of_all_in_order(case, n_paths):
    graph, scores = case
    known = dict(all_paths(graph, scores))
    found = lattice.best_paths(graph, scores, n_paths)
    best = sorted(known.values(), reverse=True)[:n_paths]
    np.testing.assert_allclose([path.score for path in found], best, **EXACT)
    listed = [tuple(path.states.tolist()) for path in found]
    assert len(set(listed)) == len(listed)
    np.testing.assert_allclose([known[states] for states in listed], best, **EXACT)
    if best:
        assert found[0].score == pytest.approx(lattice.best_path(graph, scores).score, rel=1e-12)


def test_best_paths_of_many_sequences_are_those_of_each():
    """Long enough for rows to be forgotten, more paths than the short ones have; any number of threads."""
    rng = np.random.default_rng(0)
    graph = topologies.left_right(3, skip=1).weigh(start=[0.0, -1.0, -2.0])
    X = [rng.normal(size=(n, 3)) for n in (0, 1, 40, 3)]
    alone = [lattice.best_paths(graph, x, 50) for x in X]
    assert [len(paths) for paths in alone[:2]] == [1, 3]
    for n_jobs in (1, 2):
        for ours, theirs in zip(lattice.best_paths(graph, X, 50, n_jobs=n_jobs), alone, strict=True):
            assert [(p.states.tolist(), p.score) for p in ours] == [(p.states.tolist(), p.score) for p in theirs]
    for path in alone[2]:
        assert lattice.path_score(graph, X[2], path.states) == pytest.approx(path.score, rel=1e-12)


@pytest.mark.parametrize("n_paths", [0, -1, 1.5, "2"])
def test_a_number_of_paths_that_is_none_is_refused(n_paths):
    with pytest.raises(ValueError, match="expected a whole number, 1 or more"):
        lattice.best_paths(topologies.ergodic(2), np.zeros((3, 2)), n_paths)


@given(lattices())
def test_path_score_is_the_score_of_that_path(case):
    graph, scores = case
    for path, score in all_paths(graph, scores):
        np.testing.assert_allclose(lattice.path_score(graph, scores, path), score, **EXACT)


@given(lattices(max_states=3, max_steps=3), seeds)
def test_sampled_paths_follow_their_posterior(case, seed):
    graph, scores = case
    shares = {path: score for path, score in all_paths(graph, scores)}
    total = log_sum(shares.values())
    drawn = lattice.sample_paths(graph, scores, 400, random_state=seed)
    if total == NEVER:
        assert all(path.score == NEVER for path in drawn)
        return
    times = {path: 0 for path in shares}
    for path in drawn:
        times[tuple(path.states.tolist())] += 1
        np.testing.assert_allclose(path.score, shares[tuple(path.states.tolist())], **EXACT)
    for path, score in shares.items():
        p = np.exp(score - total)
        assert abs(times[path] - 400 * p) <= 6 * np.sqrt(400 * p * (1 - p)) + 6  # six standard deviations


@given(lattices(silent=False), st.integers(1, 3), seeds)
def test_indexed_scores_equal_dense_ones(case, n_symbols, seed):
    graph, table = case
    symbols = np.random.default_rng(seed).integers(-1, len(table), 6)
    dense = np.vstack([table, np.zeros((1, table.shape[1]))])[symbols]
    indexed = Indexed(table, symbols)
    for ours, expected in zip(lattice.posteriors(graph, indexed), lattice.posteriors(graph, dense), strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert lattice.best_path(graph, indexed).score == lattice.best_path(graph, dense).score
    if lattice.log_partition(graph, dense) > NEVER:
        by_symbol = lattice.expected_counts(graph, indexed).rows
        by_step = lattice.expected_counts(graph, dense).rows
        gathered = np.zeros_like(by_symbol)
        np.add.at(gathered, symbols, by_step)  # -1, missing, is the last row
        np.testing.assert_allclose(by_symbol, gathered, **EXACT)


@given(lattices())
def test_entropy_is_that_of_the_shares_of_paths(case):
    graph, scores = case
    logs = np.array([score for _, score in all_paths(graph, scores)])
    p = np.exp(logs - log_sum(logs))
    expected = -np.sum(p[p > 0] * np.log(p[p > 0]))
    assert lattice.path_entropy(graph, scores) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(lattices(silent=False), seeds)
def test_entropy_of_many_sequences_is_that_of_each(case, seed):
    graph, table = case
    rng = np.random.default_rng(seed)
    symbols = [rng.integers(-1, len(table), n) for n in (0, 2, 30)]
    dense = [np.vstack([table, np.zeros(graph.n_labels)])[s] for s in symbols]
    alone = [lattice.path_entropy(graph, x) for x in dense]
    for n_jobs in (1, 2):
        np.testing.assert_array_equal(lattice.path_entropy(graph, dense, n_jobs=n_jobs), alone)
    np.testing.assert_allclose(lattice.path_entropy(graph, Indexed(table, symbols)), alone, rtol=1e-9, atol=1e-9)


def test_entropy_counts_what_is_free_and_ignores_a_common_outlier():
    graph = topologies.ergodic(3)
    scores = np.zeros((1000, 3))
    scores[5] = -1e200
    assert lattice.path_entropy(graph, scores) == pytest.approx(1000 * np.log(3), rel=1e-12)
    scores[:, 1:] = NEVER
    assert lattice.path_entropy(graph, scores) == 0.0
    scores[7, 0] = NEVER
    assert lattice.path_entropy(graph, [scores, scores[:0]]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("part", ["edge", "start", "end"])
@given(lattices(max_steps=4))
def test_posteriors_are_derivatives(part, case):
    graph, scores = case
    found = lattice.posteriors(graph, scores)
    if found.log_partition == NEVER:
        return
    exact = {"edge": found.edges, "start": found.start, "end": found.end}[part]
    weights = getattr(graph, part)
    for k in np.flatnonzero(weights > NEVER):
        step = np.zeros(len(weights))
        step[k] = 1e-5
        up, down = (lattice.log_partition(graph.weigh(**{part: weights + sign * step}), scores) for sign in (1, -1))
        assert (up - down) / 2e-5 == pytest.approx(exact[k], abs=1e-5)
