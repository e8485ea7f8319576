"""Single sequences in linear numbers against the recursion in logarithms: the same, or left to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import UNCOMPILED
from hmmseq import StateGraph, lattice, serial, topologies
from hmmseq.kernel_models import _stripes, serial_places
from hmmseq.kernels.lanes import WIDTH
from hmmseq.scores import pack
from strategies import seeds

LONGEST = 60 if UNCOMPILED else 2500


def random_case(rng, n_states, missing, sharp):
    """Edges at random, one to itself for each state; starts and ends that are sometimes impossible."""
    source, target = np.nonzero((rng.random((n_states, n_states)) >= missing) | np.eye(n_states, dtype=bool))
    edge = np.log(rng.dirichlet(np.ones(len(source))) + 1e-6)
    start, end = (np.where(rng.random(n_states) < 0.3, -np.inf, rng.normal(size=n_states)) for _ in range(2))
    graph = StateGraph(n_states, source, target, edge=edge, start=start, end=end)
    table = sharp * np.log(rng.dirichlet(np.ones(n_states), 5))
    lengths = [0, *rng.integers(1, LONGEST, rng.integers(1, 4)), 300]
    return graph, pack(lattice.Indexed(table, [rng.integers(-1, 5, n) for n in lengths]), n_states)


@given(
    seeds, st.sampled_from([1, 3, 16, 20, 50]), st.sampled_from([0.0, 0.5, 0.95]), st.sampled_from([1.0, 10.0, 300.0])
)
def test_the_same_or_left(seed, n_states, missing, sharp):
    rng = np.random.default_rng(seed)
    graph, packed = random_case(rng, n_states, missing, sharp)
    if graph.start.max() == -np.inf or graph.end.max() == -np.inf or not serial.suits(graph, packed):
        return
    weights = rng.random(len(packed))
    exact = lattice._count_exactly(graph, packed, packed.code, len(packed.table), weights, 1).log_partition
    found, left = serial.totals(graph, packed, 2)
    done = np.setdiff1d(np.arange(len(packed)), left)
    np.testing.assert_allclose(found[done], exact[done], rtol=1e-11, atol=1e-9)
    found, tally, left = serial.counts(graph, packed, packed.code, len(packed.table), weights, 2)
    done = np.setdiff1d(np.arange(len(packed)), left)
    np.testing.assert_allclose(found[done], exact[done], rtol=1e-11, atol=1e-9)
    part = packed.subset(done)
    counts = lattice._count_exactly(graph, part, part.code, len(packed.table), weights[done], 1)
    for ours, theirs in zip(tally, counts[1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)


def test_models_that_do_not_forget_are_certified():
    graph = topologies.from_matrix([[0.99999, 0.00001], [0.00001, 0.99999]], [0.5, 0.5])
    rng = np.random.default_rng(0)
    packed = pack(lattice.Indexed(np.log([[0.51, 0.49], [0.49, 0.51]]), rng.integers(0, 2, 8 * LONGEST)), 2)
    assert not len(serial.totals(graph, packed, 1)[1])
    assert not len(serial.counts(graph, packed, packed.code, 3, np.ones(1), 1)[2])


def by_places(graph, places, n):
    """The matrix that stripes (or a matrix) stand for, read stripe by stripe."""
    held = places.filled(np.exp(graph.edge))
    if not held.first.size:
        return held.weight.reshape(n, n)
    found = np.zeros((3 * n, n))  # rows of sources: those before, its own, those behind
    for b in range(n // WIDTH):
        for e in range(held.first[b], held.first[b + 1]):
            found[held.begin[e] + np.arange(WIDTH), b * WIDTH + np.arange(WIDTH)] += held.weight[e]
    assert not found[:n].any()
    assert not found[2 * n :].any()  # nothing comes from outside
    return found[n : 2 * n]


@given(seeds, st.sampled_from([1, 2, 15, 16, 17, 40]), st.sampled_from([0.0, 0.7, 0.97]))
def test_stripes_hold_every_edge_once(seed, n_states, missing):
    graph, _ = random_case(np.random.default_rng(seed), n_states, missing, 1.0)
    n, matrix = -(-n_states // WIDTH) * WIDTH, graph.matrix(np.exp(graph.edge))
    stripes = (_stripes(n_states, *ends) for ends in ((graph.source, graph.target), (graph.target, graph.source)))
    for places in (serial_places(graph), stripes):
        for held, expected in zip(places, (matrix, matrix.T), strict=True):
            found = by_places(graph, held, n)
            np.testing.assert_array_equal(found[:n_states, :n_states], expected)
            assert np.count_nonzero(found) == graph.n_edges


def test_a_long_chain_is_certified_looking_back():
    """What stayed behind is lost to underflow, and cannot matter any more: totals follow, too."""
    n = 20 if UNCOMPILED else 200
    graph = topologies.left_right(n)
    graph = graph.weigh(edge=-np.log(np.bincount(graph.source)[graph.source]))
    table = np.log(np.random.default_rng(0).dirichlet(np.full(4, 100.0), n).T)
    packed = pack(lattice.Indexed(table, np.random.default_rng(1).integers(0, 4, 15 * n)), n)
    found, left = serial.totals(graph, packed, 1)
    assert not len(left)
    exact = lattice._count_exactly(graph, packed, packed.code, len(packed.table), np.ones(1), 1)
    np.testing.assert_allclose(found, exact.log_partition, rtol=1e-12)


def test_a_sequence_beyond_the_limit_leaves_no_trace():
    """Its infinities must not reach the next one through the empty ends of stripes."""
    graph = StateGraph(40, np.repeat(np.arange(40), 2)[:-1], np.repeat(np.arange(40), 2)[1:])
    lost = np.zeros((400, 40))
    lost[:300, 1:] = -800.0
    lost[300:, :39] = -np.inf
    fine = np.random.default_rng(0).normal(size=(400, 40))
    packed = pack([lost, fine], 40)
    out, tally, _ = serial.counts(graph, packed, packed.code, 800, np.ones(2), 1)
    exact = lattice._count_exactly(graph, packed.subset(np.array([1])), np.arange(400), 400, np.ones(1), 1)
    np.testing.assert_allclose(out[1], exact.log_partition[0], rtol=1e-12)
    np.testing.assert_allclose(tally.rows[400:], exact.rows, atol=1e-10)


@pytest.mark.parametrize("drop", [50.0, 800.0])
def test_an_entry_that_is_lost_and_comes_back(drop):
    """State 1 falls far behind, and then a step comes that state 0 cannot take: all weight is on what was lost."""
    graph = StateGraph(2, [0, 1], [0, 1])
    scores = np.zeros((400, 2))
    scores[:10, 1] = -drop
    scores[-1, 0] = -np.inf
    packed = pack(scores, 2)
    assert len(serial.totals(graph, packed, 1)[1]) == len(
        serial.counts(graph, packed, packed.code, 400, np.ones(1), 1)[2]
    )
    assert lattice.log_partition(graph, scores) == pytest.approx(-10 * drop, rel=1e-12)
    np.testing.assert_allclose(lattice.label_posteriors(graph, scores)[:, 1], 1.0)


@given(seeds)
def test_threads_do_not_change_a_bit(seed):
    rng = np.random.default_rng(seed)
    graph, packed = random_case(rng, 5, 0.4, 1.0)
    one, two, eight = (
        serial.counts(graph, packed, packed.code, len(packed.table), np.ones(len(packed)), n) for n in (1, 2, 8)
    )
    for a, b, c in zip(one[1], two[1], eight[1], strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
