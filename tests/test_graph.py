"""State graphs: what they hold, what they refuse, and that a graph does not change behind one's back."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given

from hmmseq import StateGraph, lattice, topologies
from oracle import all_paths
from strategies import graphs, lattices

NEVER = -np.inf


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0, [], []), "n_states is 0"),
        ((2, [0, 1], [1]), "one of each per edge"),
        ((2, [0, 2], [1, 0]), r"source\[1\] is 2; states are numbered 0 to 1"),
        ((2, [0], [-1]), r"target\[0\] is -1"),
        ((2, [0.5], [1]), "source must be a list of state numbers"),
        ((2, [[0]], [[1]]), "source must be a list of state numbers"),
        ((2, [0, 1, 0], [1, 0, 1]), "edge 0 -> 1 is given more than once"),
    ],
)
def test_bad_edges_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        StateGraph(*arguments)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"label": [0]}, "expected one per state"),
        ({"label": [0, 2]}, "without gaps"),
        ({"label": [-1, -1]}, "without gaps"),
        ({"label": [0, -2]}, "without gaps"),
        ({"label": [0.7, 1.2]}, "label must be a list of state numbers"),
        ({"edge": [0.0, 0.0]}, r"edge weights have shape \(2,\); expected \(1,\)"),
        ({"edge": [np.nan]}, "edge weight 0 is nan"),
        ({"start": [0.0, np.inf]}, "start weight 1 is inf"),
        ({"end": [[0.0], [0.0]]}, "end weights have shape"),
    ],
)
def test_bad_labels_and_weights_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        StateGraph(2, [0], [1], **options)


@pytest.mark.parametrize("source, target", [([1], [1]), ([1, 2], [2, 1]), ([0, 1, 2, 3], [1, 2, 3, 1])])
def test_a_cycle_of_silent_states_is_refused(source, target):
    with pytest.raises(ValueError, match="cycle of silent states"):
        StateGraph(4, source, target, label=[0, -1, -1, -1])


def test_defaults_start_and_end_in_emitting_states_only():
    graph = StateGraph(3, [0, 1], [1, 2], label=[0, -1, 1])
    for weights in (graph.start, graph.end):
        assert weights.tolist() == [0.0, NEVER, 0.0]
    assert graph.edge.tolist() == [0.0, 0.0] and (graph.n_edges, graph.n_labels) == (2, 2)
    assert repr(graph) == "<StateGraph: 3 states, 1 of them silent, 2 edges, 2 labels>"


def test_the_longest_chain_of_silent_states_is_known():
    graph = StateGraph(5, [0, 1, 1, 2, 3], [1, 2, 3, 3, 4], label=[0, -1, -1, -1, 1])
    assert graph.silent_depth == 3  # 1 -> 2 -> 3
    assert topologies.ergodic(2).silent_depth == 0


def test_weights_cannot_change_behind_a_lattice_that_was_made():
    """The lattice is made once. Writing to graph.edge used to be accepted and then ignored."""
    weights = np.zeros(4)
    graph = topologies.ergodic(2).weigh(edge=weights)
    before = lattice.log_partition(graph, np.zeros((3, 2)))
    weights[:] = -1.0  # the graph has its own copy
    assert graph.edge.tolist() == [0.0] * 4
    for held in (graph.edge, graph.start, graph.end):
        with pytest.raises(ValueError, match="read-only"):
            held[0] = -1.0
    changed = graph.weigh(edge=weights)
    assert lattice.log_partition(changed, np.zeros((3, 2))) == pytest.approx(before - 2)


@given(lattices())
def test_a_copy_asks_the_same_questions(case):
    graph, scores = case
    for twin in (pickle.loads(pickle.dumps(graph)), copy.deepcopy(graph), graph.weigh()):
        assert lattice.log_partition(twin, scores) == lattice.log_partition(graph, scores)


@given(lattices())
def test_untied_labels_add_up_to_the_tied_ones(case):
    graph, scores = case
    own = graph.label[graph.label >= 0]
    untied = graph.untied()
    assert untied.label[untied.label >= 0].tolist() == list(range(len(own)))
    apart = lattice.posteriors(untied, scores[:, own]).labels
    together = np.zeros(scores.shape)
    np.add.at(together.T, own, apart.T)
    np.testing.assert_allclose(together, lattice.posteriors(graph, scores).labels, rtol=1e-12, atol=1e-12)


@given(graphs())
def test_a_matrix_holds_each_edge_at_its_place(graph):
    found = graph.matrix(graph.edge, NEVER)
    assert all(found[i, j] == w for i, j, w in zip(graph.source, graph.target, graph.edge))
    assert np.isneginf(found).sum() == found.size - np.isfinite(graph.edge).sum()


@given(lattices(max_states=3, max_steps=3))
def test_numbering_the_states_otherwise_changes_nothing(case):
    graph, scores = case
    order = np.random.default_rng(0).permutation(graph.n_states)
    label, start, end = (np.empty_like(a) for a in (graph.label, graph.start, graph.end))
    label[order], start[order], end[order] = graph.label, graph.start, graph.end
    options = {"label": label, "edge": graph.edge, "start": start, "end": end}
    twin = StateGraph(graph.n_states, order[graph.source], order[graph.target], **options)
    assert len(list(all_paths(twin, scores))) == len(list(all_paths(graph, scores)))
    ours, theirs = lattice.posteriors(graph, scores), lattice.posteriors(twin, scores)
    np.testing.assert_allclose(theirs.log_partition, ours.log_partition, rtol=1e-12, atol=1e-12)
    for mine, other in [
        (ours.labels, theirs.labels),
        (ours.edges, theirs.edges),
        (ours.start, theirs.start[order]),
    ]:
        np.testing.assert_allclose(other, mine, rtol=1e-10, atol=1e-10)


def test_weights_are_kept_by_source_by_diagonal_or_in_a_list():
    rng = np.random.default_rng(0)
    dense, chain = topologies.ergodic(20), topologies.left_right(20)
    apart = StateGraph(200, rng.permutation(200), rng.permutation(200))
    assert [graph.lattice.step.matrix.shape for graph in (dense, chain, apart)] == [(20, 20), (2, 20), (0, 0)]
    np.testing.assert_array_equal(chain.lattice.step.shift, [0, 1])
    np.testing.assert_array_equal(chain.lattice.step_back.shift, [-1, 0])
