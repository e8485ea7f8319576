"""Constraints against the list of all paths: those that keep to them keep their scores, all others are gone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq import lattice, topologies
from hmmseq.decoding import constrain, segments
from hmmseq.lattice import Indexed
from oracle import NEVER, all_paths, log_sum
from strategies import lattices, seeds

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def agrees(case, keeps, **constraints):
    """Whether questions under constraints are those of the paths whose labels `keeps` accepts."""
    graph, scores = case
    kept = {}
    for path, score in all_paths(graph, scores):
        labels = [int(graph.label[state]) for state in path if graph.label[state] >= 0]
        if keeps(labels):
            kept[path] = score
    asked = constrain(scores, **constraints)
    np.testing.assert_allclose(lattice.log_partition(graph, asked), log_sum(kept.values()), **EXACT)
    np.testing.assert_allclose(lattice.best_path(graph, asked).score, max(kept.values(), default=NEVER), **EXACT)


@given(lattices(), seeds)
def test_known_labels(case, seed):
    graph, scores = case
    labels = np.random.default_rng(seed).integers(-1, graph.n_labels, len(scores))
    agrees(case, lambda read: all(a in (-1, b) for a, b in zip(labels, read, strict=True)), labels=labels)


@given(lattices(), seeds, st.booleans())
def test_allowed_labels(case, seed, as_sets):
    _, scores = case
    mask = np.random.default_rng(seed).random(scores.shape) < 0.6
    sets = [None if row.all() else set(np.flatnonzero(row).tolist()) for row in mask]
    agrees(case, lambda read: all(mask[range(len(read)), read]), allowed=sets if as_sets else mask)


@given(lattices(), seeds, st.booleans())
def test_forced_segments(case, seed, exact):
    graph, scores = case
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(0, len(scores) + 1, 4)).tolist()
    spans = [(a, b, int(rng.integers(graph.n_labels))) for a, b in (cuts[:2], cuts[2:]) if a < b]

    def keeps(read):
        inside = all(read[t] == label for a, b, label in spans for t in range(a, b))
        beside = [(t, label) for a, b, label in spans for t in (a - 1, b) if 0 <= t < len(read)]
        return inside and not (exact and any(read[t] == label for t, label in beside))

    agrees(case, keeps, segments=spans, exact=exact)


@given(lattices(), seeds)
def test_constraints_combine_and_forms_of_scores_agree(case, seed):
    graph, table = case
    rng = np.random.default_rng(seed)
    symbols = [rng.integers(-1, len(table), n) for n in (4, 0, 3)]
    dense = [np.vstack([table, np.zeros(graph.n_labels)])[s] for s in symbols]
    labels = [rng.integers(-1, graph.n_labels, len(s)) for s in symbols]
    allowed = [rng.random((len(s), graph.n_labels)) < 0.7 for s in symbols]
    indexed = constrain(Indexed(table, symbols), labels=labels, allowed=allowed)
    totals = lattice.log_partition(graph, indexed)
    np.testing.assert_array_equal(
        lattice.log_partition(graph, constrain(dense, labels=labels, allowed=allowed)), totals
    )
    again = constrain(constrain(dense, labels=labels), allowed=allowed)
    np.testing.assert_array_equal(lattice.log_partition(graph, again), totals)


def test_indexed_scores_stay_small():
    symbols = np.random.default_rng(0).integers(0, 4, 1000)
    labels = np.where(np.arange(1000) % 10 == 0, 2, -1)
    packed = constrain(Indexed(np.zeros((4, 3)), symbols), labels=labels, segments=[(5, 500, 1)], exact=True)
    assert len(packed.table) <= 4 * 2 * 2 + 2


def test_a_segment_found_can_be_forced():
    graph, scores = topologies.ergodic(3), np.random.default_rng(1).normal(size=(30, 3))
    found = segments(lattice.best_path(graph, scores).states)
    asked = constrain([scores], segments=[found], exact=True)
    assert lattice.best_path(graph, asked)[0].states.tolist() == lattice.best_path(graph, scores).states.tolist()
    assert lattice.path_entropy(graph, asked).tolist() == [0.0]


@pytest.mark.parametrize(
    "constraints, message",
    [
        ({"labels": [0, 1]}, r"labels\[0\] has shape \(2,\)"),
        ({"labels": [0, 1, 3]}, r"labels\[0\] has label 3 at step 2; labels are 0 ... 1"),
        ({"labels": [0.0, 1.0, 1.0]}, "float64; expected one label"),
        ({"allowed": np.ones((3, 3), bool)}, r"shape \(3, 3\) and type bool; expected booleans \(n_steps, 2\)"),
        ({"allowed": np.ones((3, 2))}, "float64; expected booleans"),
        ({"allowed": np.ones((2, 2), bool)}, r"allowed\[0\] has 2 entries; expected one for each of 3 steps"),
        ({"allowed": [{0}, {2}, None]}, r"allowed\[0\] has 2 in a set; labels are 0 ... 1"),
        ({"allowed": [[True, False]] * 3}, "a table of True and False must be an array"),
        ({"segments": [(0, 4, 1)]}, r"segments\[0\] has \(0, 4, 1\); expected 0 <= first < last <= 3"),
        ({"segments": [(1, 1, 1)]}, "expected 0 <= first < last"),
        ({"segments": [(0, 1, -1)]}, "a label 0 ... 1"),
        ({"segments": [(0, 2, 1), (1, 3, 0)]}, "overlaps another segment"),
    ],
)
def test_constraints_that_do_not_fit_are_refused(constraints, message):
    with pytest.raises(ValueError, match=message):
        constrain(np.zeros((3, 2)), **constraints)


def test_one_constraint_for_each_sequence():
    with pytest.raises(ValueError, match="labels has 1 entries; expected one for each of 2 sequences"):
        constrain([np.zeros((3, 2))] * 2, labels=[[0, 0, 0]])


def test_packed_scores_of_another_graph_are_refused():
    with pytest.raises(ValueError, match="the graph reads 3 columns"):
        lattice.best_path(topologies.ergodic(3), constrain(np.zeros((3, 2))))
