"""The E-step of Gaussians that is done tile by tile, beside the one that makes a table of scores."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from hmmseq import HMM, Sequences, StateGraph, lattice, topologies
from hmmseq.emissions import Gaussian
from hmmseq.kernels.gaussian import in_blocks, widest_scores
from hmmseq.models import em
from hmmseq.scores import Densities, pack


class Case(NamedTuple):
    graph: StateGraph
    emission: Gaussian
    task: em.Task


def case(n_states, n_features, lengths, *, stay=0.5, missing=0.0, outlier=None, shift=0.0, n_jobs=1):
    rng = np.random.default_rng(n_states)
    moves = (1 - stay) * rng.dirichlet(np.ones(n_states), n_states) + stay * np.eye(n_states)
    graph = topologies.from_matrix(moves, rng.dirichlet(np.ones(n_states)))
    emission = Gaussian()
    emission.means_ = rng.normal(size=(n_states, n_features)) + shift
    emission.covars_ = rng.uniform(0.5, 1.5, (n_states, n_features))
    emission.scale_ = np.ones(n_features)
    X = [rng.normal(size=(length, n_features)) * 1.5 + shift for length in lengths]
    for x in X:
        x[rng.random(x.shape) < missing] = np.nan
    if outlier is not None:
        X[-1][7, 0] = outlier
    weights = rng.uniform(0.5, 2.0, len(X))
    return Case(graph, emission, em.Task(emission.observe(Sequences.pack(X)), None, weights, n_jobs))


def assert_same(ours, theirs):
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(ours.edges, theirs.edges, rtol=1e-9)
    np.testing.assert_allclose(ours.start, theirs.start, rtol=1e-9)
    for name, expected in theirs.statistics.items():
        np.testing.assert_allclose(ours.statistics[name], expected, rtol=1e-9, atol=1e-8, err_msg=name)


CASES = {
    "short sequences": case(3, 2, [40, 1, 300, 70] + 17 * [20]),
    "cut, and short": case(4, 5, [6000, 300]),
    "five states, one feature": case(5, 1, [3000]),
    "forgets slowly": case(2, 3, [20_000], stay=0.9999),
    "features missing": case(3, 4, [5000, 200], missing=0.1),
    "an outlier": case(3, 4, [500, 300], outlier=1e60),
    "far from zero": case(3, 2, [800], shift=1e7),
}


@pytest.mark.parametrize("name", CASES)
def test_moments_are_those_of_the_table(name):
    done, left = em._expect_in_tiles(*CASES[name])
    assert done is not None
    assert not left.size
    assert_same(done, em._expect_by_table(*CASES[name]))


@pytest.mark.parametrize("name", CASES)
def test_questions_answered_from_densities_are_those_of_the_table(name):
    graph, emission, task = CASES[name]
    made, table = emission.scores(task.X), emission.log_scores(task.X)
    assert isinstance(made, Densities)
    np.testing.assert_array_equal(pack(made).table, table.table)
    ours, theirs = (lattice.log_partition(graph, scores) for scores in (made, table))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    ours, theirs = (np.concatenate(lattice.label_posteriors(graph, scores)) for scores in (made, table))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    for s, path in enumerate(lattice.best_path(graph, made)):
        own = table.subset(np.array([s]))
        assert path.score == pytest.approx(lattice.path_score(graph, own, path.states), rel=1e-12)
        assert path.score == pytest.approx(lattice.best_path(graph, own)[0].score, rel=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_the_range_of_features_limits_the_spread_of_scores(name):
    _, emission, task = CASES[name]
    table, normals = emission.log_scores(task.X).table, emission.normals(task.X)
    assert np.ptp(table, axis=1).max() <= widest_scores(in_blocks(normals)) * (1 + 1e-12)


def test_no_range_of_features_that_are_never_seen():
    _, emission, task = case(3, 2, [40])
    task.X.values[:, 1] = np.nan
    alone = Gaussian()
    alone.means_, alone.covars_, alone.scale_ = emission.means_[:, :1], emission.covars_[:, :1], np.ones(1)
    own = alone.normals(Sequences(task.X.values[:, :1].copy(), task.X.offsets))
    wider = widest_scores(in_blocks(emission.normals(task.X))) - widest_scores(in_blocks(own))
    assert 0 <= wider < 20  # what is never seen has densities, but no distances


class Sharper(Gaussian):
    """Counts every observation twice."""

    def log_scores(self, X):
        scores = super().log_scores(X)
        return replace(scores, table=2 * scores.table)


def test_subclasses_that_score_otherwise_are_asked():
    graph, emission, task = CASES["short sequences"]
    sharper = Sharper()
    sharper.restore(emission.state())
    expected = lattice.log_partition(graph, sharper.log_scores(task.X))
    np.testing.assert_array_equal(lattice.log_partition(graph, sharper.scores(task.X)), expected)
    assert em.expect(graph, sharper, task).log_likelihood == pytest.approx(task.weights @ expected, rel=1e-12)


def test_what_tiles_cannot_do_goes_by_table():
    """A sequence whose likely beginning the model all but excludes is not certain in linear numbers."""
    graph, emission, task = case(2, 1, [300, 300, 300])
    emission.means_, emission.covars_ = np.array([[0.0], [60.0]]), np.ones((2, 1))
    graph = graph.weigh(start=[0.0, -700.0])
    task.X.values[:] = np.random.default_rng(0).normal(size=task.X.values.shape)
    task.X.values[300] = 60.0
    _done, left = em._expect_in_tiles(graph, emission, task)
    assert left.tolist() == [1]
    assert_same(em.expect(graph, emission, task), em._expect_by_table(graph, emission, task))
    made, table = emission.scores(task.X), emission.log_scores(task.X)
    for question in (lattice.log_partition, lattice.label_posteriors):
        ours, theirs = (question(graph, scores) for scores in (made, table))
        np.testing.assert_allclose(np.concatenate(ours, axis=None), np.concatenate(theirs, axis=None), rtol=1e-9)


def test_states_that_share_a_label_share_its_moments():
    graph, emission, task = case(4, 2, [900, 30])
    tied = StateGraph(4, graph.source, graph.target, label=[0, 1, 1, 0], edge=graph.edge, start=graph.start)
    emission.means_, emission.covars_ = emission.means_[:2], emission.covars_[:2]
    done, left = em._expect_in_tiles(tied, emission, task)
    assert not left.size
    assert_same(done, em._expect_by_table(tied, emission, task))


def test_threads_leave_every_bit():
    graph, emission, task = case(4, 3, [30_000, 500])
    one, eight = (em._expect_in_tiles(graph, emission, task._replace(n_jobs=n))[0] for n in (1, 8))
    assert one.log_likelihood == eight.log_likelihood
    for ours, theirs in (
        (one.edges, eight.edges),
        *zip(one.statistics.values(), eight.statistics.values(), strict=True),
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_fit_rises_and_ends_where_the_table_leads(monkeypatch):
    X = [np.random.default_rng(0).normal(size=(700, 2)) + k for k in (0, 3)]
    fast = HMM(Gaussian(), 2, n_iter=20, random_state=0).fit(X)
    monkeypatch.setattr(Gaussian, "normals", lambda self, X: None)
    plain = HMM(Gaussian(), 2, n_iter=20, random_state=0).fit(X)
    np.testing.assert_allclose(fast.history_, plain.history_, rtol=1e-11)
    np.testing.assert_allclose(fast.covars_, plain.covars_, rtol=1e-7)
    assert np.all(np.diff(fast.history_) > -1e-9)
