"""Constructors of graphs against matrices written by hand and lists of all their paths."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq import lattice, topologies
from oracle import all_paths
from strategies import graphs, seeds

NEVER = -np.inf


def adjacency(graph):
    return graph.matrix(np.ones(graph.n_edges)).astype(int).tolist()


def weighted_paths(graph, labels):
    """{path: score} of all paths with one step for each column in `labels` (free scores)."""
    return dict(all_paths(graph, np.zeros((labels, graph.n_labels))))


def test_ergodic_joins_every_pair():
    assert adjacency(topologies.ergodic(3)) == [[1, 1, 1]] * 3
    assert adjacency(topologies.ergodic(1)) == [[1]]


def test_left_right_stays_goes_on_and_skips():
    assert adjacency(topologies.left_right(3)) == [[1, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert adjacency(topologies.left_right(4, skip=1)) == [
        [1, 1, 1, 0],
        [0, 1, 1, 1],
        [0, 0, 1, 1],
        [0, 0, 0, 1],
    ]
    graph = topologies.left_right(3)
    assert np.exp(graph.start).tolist() == [1, 0, 0] and np.exp(graph.end).tolist() == [1, 1, 1]


def test_pinned_left_right_walks_from_the_first_state_to_the_last():
    graph = topologies.left_right(3, pinned=True)
    assert set(weighted_paths(graph, 4)) == {(0, 0, 1, 2), (0, 1, 1, 2), (0, 1, 2, 2)}
    assert weighted_paths(graph, 2) == {}
    assert lattice.log_partition(graph, np.zeros((2, 3))) == NEVER


def test_a_cycle_goes_round():
    assert adjacency(topologies.cycle(3)) == [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
    assert adjacency(topologies.cycle(3, stay=False)) == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert adjacency(topologies.cycle(1)) == adjacency(topologies.cycle(1, stay=False)) == [[1]]
    round_trips = weighted_paths(topologies.cycle(3, stay=False), 4)
    assert set(round_trips) == {(0, 1, 2, 0), (1, 2, 0, 1), (2, 0, 1, 2)}


@given(seeds, st.integers(1, 4))
def test_from_matrix_has_an_edge_for_each_positive_entry(seed, n):
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random((n, n)) < 0.4, 0.0, rng.random((n, n)))
    start, end = rng.random(n), rng.random(n)
    graph = topologies.from_matrix(matrix, start, end)
    np.testing.assert_allclose(graph.matrix(np.exp(graph.edge)), matrix, rtol=1e-15)
    for path in itertools.product(range(n), repeat=3):
        expected = start[path[0]] * matrix[path[0], path[1]] * matrix[path[1], path[2]] * end[path[2]]
        found = lattice.path_score(graph, np.zeros((3, n)), path)
        np.testing.assert_allclose(np.exp(found), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([[1, 2]],), r"transmat has shape \(1, 2\)"),
        (([1, 2],), r"transmat has shape \(2,\)"),
        (([[-0.5]],), "the smallest is -0.5"),
        (([[np.nan, 1], [1, 1]],), "0 or more"),
        (([[1.0]], [-1.0]), "0 or more"),
        (([[np.inf]],), "log weights are finite"),
    ],
)
def test_from_matrix_refuses_what_is_no_matrix_of_weights(arguments, message):
    with pytest.raises(ValueError, match=message):
        topologies.from_matrix(*arguments)


@given(graphs(max_states=2), graphs(max_states=2))
def test_the_paths_of_a_join_are_the_paths_of_its_parts_end_to_end(a, b):
    """Every path of n steps is one of k steps through a and one of n - k through b, and the weights add."""
    joined = topologies.join(a, b)
    assert (joined.n_states, joined.n_labels) == (a.n_states + b.n_states, a.n_labels + b.n_labels)
    for n in range(1, 4):
        expected = {}
        for k in range(n + 1):
            left, right = weighted_paths(a, k), weighted_paths(b, n - k)
            for (p, v), (q, w) in itertools.product(left.items(), right.items()):
                expected[p + tuple(state + a.n_states for state in q)] = v + w
        found = weighted_paths(joined, n)
        assert found.keys() == expected.keys()
        np.testing.assert_allclose([found[path] for path in expected], list(expected.values()), atol=1e-9)


@given(graphs(max_states=2, silent=False), st.integers(1, 3))
def test_a_repeat_is_a_join_that_reads_the_same_columns(graph, times):
    repeated = topologies.repeat(graph, times)
    assert repeated.n_labels == graph.n_labels
    assert repeated.label.tolist() == graph.label.tolist() * times
    apart = topologies.repeat(graph, times, share_labels=False)
    assert apart.n_labels == times * graph.n_labels
    scores = np.random.default_rng(times).normal(size=(4, graph.n_labels))
    ours, theirs = (lattice.log_partition(g, s) for g, s in [(repeated, scores), (apart, np.tile(scores, times))])
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_joining_three_is_joining_two_and_then_one():
    parts = [topologies.left_right(2, pinned=True), topologies.cycle(2), topologies.ergodic(1)]
    all_at_once, in_turn = topologies.join(*parts), topologies.join(topologies.join(*parts[:2]), parts[2])
    assert weighted_paths(all_at_once, 4) == weighted_paths(in_turn, 4) != {}


def test_nothing_to_join_is_an_error():
    with pytest.raises(ValueError, match="at least one graph"):
        topologies.join()
    with pytest.raises(ValueError, match="times is 0"):
        topologies.repeat(topologies.ergodic(1), 0)
