"""Where digits could be lost: forced paths, outliers, a million steps, rows that are made again."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import UNCOMPILED
from hmmseq import GaussianHMM, StateGraph, lattice, topologies
from hmmseq.kernels.logmath import add_exactly, exp_row, largest, log_add, log_row, log_sum
from hmmseq.kernels.paths import Tally, forward_backward
from hmmseq.kernels.ranked import ranked
from hmmseq.kernels.traces import trace
from oracle import enumerate_posteriors
from strategies import graphs, lattices, scores_for, seeds

NEVER = -np.inf


@given(st.lists(st.floats(-800, 700), min_size=1, max_size=9))
def test_exp_row_is_exp(values):
    row = np.array([*values, NEVER, 0.0])
    out = np.empty_like(row)
    exp_row(row, out)
    expected = [math.exp(v) if v >= -708 else 0.0 for v in row]
    allowed = 1e-14 + 2.3e-16 * np.abs(np.maximum(row, -708))  # what rounding the argument does by itself
    assert np.all(np.abs(out - expected) <= allowed * expected)


@given(st.lists(st.floats(2.3e-308, 1.7e308), min_size=1, max_size=9))
def test_log_row_is_log(values):
    row = np.array([*values, 1.0, np.nextafter(1.0, 2.0), np.nextafter(1.0, 0.0), 0.0])
    out = np.empty_like(row)
    log_row(row, out)
    np.testing.assert_allclose(out[:-1], [math.log(v) for v in row[:-1]], rtol=1e-15)
    assert np.isfinite(out[-1])


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(NEVER)), min_size=0, max_size=9))
def test_largest(values):
    assert largest(np.array(values)) == max(values, default=NEVER)


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(NEVER)), min_size=1, max_size=9))
def test_log_sum_and_log_add_are_exact(values):
    top = max(values)
    expected = top if top == NEVER else top + math.log(math.fsum(math.exp(v - top) for v in values))
    assert log_sum(np.array(values)) == pytest.approx(expected, rel=1e-14, abs=1e-14)
    total = NEVER
    for value in values:
        total = log_add(total, value)
    assert total == pytest.approx(expected, rel=1e-13, abs=1e-13)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=50))
def test_a_compensated_sum_is_the_true_sum(values):
    """Neumaier's bound: one rounding of the result, and n**2 roundings squared of the sum of sizes."""
    total = lost = 0.0
    for value in values:
        total, lost = add_exactly(total, lost, value)
    size = math.fsum(map(abs, values))
    allowed = 2 * sys.float_info.epsilon * abs(math.fsum(values)) + (len(values) * 2.3e-16) ** 2 * size
    assert abs(total + lost - math.fsum(values)) <= allowed


def pinned(n_states, rng):
    """Every state leads to every state, but a path starts in state 0 and ends in the last."""
    graph = topologies.ergodic(n_states)
    start, end = np.full(n_states, NEVER), np.full(n_states, NEVER)
    start[0] = end[-1] = 0.0
    return graph.weigh(edge=rng.normal(size=graph.n_edges), start=start, end=end)


@given(seeds, st.sampled_from([10.0, 700.0, 1e4, 1e6]), st.integers(1, 5))
def test_forced_paths_across_any_gap_are_exact(seed, gap, n_steps):
    """State 0 is `gap` nats a step better, but paths must leave it: the row of scores is 10,000 nats wide."""
    rng = np.random.default_rng(seed)
    graph, scores = pinned(3, rng), rng.normal(size=(n_steps, 3)) - gap * np.arange(3)
    found = lattice.posteriors(graph, scores)
    if n_steps == 1:
        assert found.log_partition == NEVER
        return
    for ours, exact in zip(found, enumerate_posteriors(graph, scores), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-10, atol=1e-10)


def test_one_chain_of_a_thousand_forced_steps_is_a_plain_sum():
    """Nothing but one path: its score is known, though paths that miss the end are 5 million nats better."""
    n = 30 if UNCOMPILED else 1000
    graph = topologies.left_right(n, pinned=True)
    scores = np.full((n, n), 5000.0)  # elsewhere much better
    np.fill_diagonal(scores, -np.sqrt(np.arange(n)))
    found = lattice.posteriors(graph, scores)
    assert found.log_partition == pytest.approx(-math.fsum(np.sqrt(np.arange(n))), abs=1e-7)
    np.testing.assert_allclose(found.labels, np.eye(n), atol=1e-12)
    assert lattice.best_path(graph, scores).states.tolist() == list(range(n))


@pytest.mark.parametrize("kind", ["spherical", "diag", "full", "tied"])
@pytest.mark.parametrize("size", [1e20, 1e200, -1.7e308])
def test_an_outlier_leaves_scores_and_posteriors_finite(kind, size):
    rng = np.random.default_rng(0)
    model = GaussianHMM(3, kind, n_iter=3, random_state=0).fit(rng.normal(size=(40, 2)))
    X = rng.normal(size=(9, 2))
    X[4, 1] = size
    proba = model.predict_proba(X)
    assert -np.inf < model.score(X) < -1e30
    np.testing.assert_allclose(proba.sum(1), 1.0, rtol=1e-9)
    assert np.all(model.predict(X) >= 0)


def scaled_reference(graph, table, code):
    """The scaled recursion in extended precision, with an exact sum of its logarithms."""
    matrix = np.exp(graph.matrix(graph.edge, NEVER)).astype(np.longdouble)
    linear = np.exp(table).astype(np.longdouble)
    row, logs = np.exp(graph.start).astype(np.longdouble) * linear[code[0]], []
    for symbol in code[1:]:
        total = row.sum()
        logs.append(math.log(total))
        row = (row / total) @ matrix * linear[symbol]
    return math.fsum([*logs, math.log((row * np.exp(graph.end)).sum())])


def test_a_long_log_likelihood_is_right_to_a_hundred_thousandth_of_a_nat():
    n_steps = 2000 if UNCOMPILED else 100_000
    rng = np.random.default_rng(1)
    matrix = rng.dirichlet(np.ones(4), size=4)
    graph = topologies.from_matrix(matrix, startprob=[0.25] * 4)
    table, code = np.log(rng.dirichlet(np.ones(6), size=4).T), rng.integers(0, 6, n_steps)
    found = lattice.log_partition(graph, lattice.Indexed(table, code))
    assert found == pytest.approx(scaled_reference(graph, table, code), abs=1e-6)


@pytest.mark.skipif(UNCOMPILED, reason="millions of steps")
@pytest.mark.parametrize(("n_steps", "nats"), [(1_000_000, 1e-5), (10_000_000, 1e-2)])
def test_millions_of_steps_of_independent_states_are_an_exact_sum(n_steps, nats):
    """With equal rows in the matrix the likelihood is a product over steps: fsum knows its logarithm."""
    rng = np.random.default_rng(2)
    weights = rng.dirichlet(np.ones(4))
    graph = topologies.from_matrix(np.tile(weights, (4, 1)), startprob=weights)
    table, code = np.log(rng.dirichlet(np.ones(6), size=4).T), rng.integers(0, 6, n_steps).astype(np.uint8)
    each = [math.log(math.fsum(weights * np.exp(row))) for row in table]
    exact = math.fsum(n * score for n, score in zip(np.bincount(code).tolist(), each, strict=True))
    indexed = lattice.Indexed(table, code)
    assert lattice.log_partition(graph, indexed) == pytest.approx(exact, abs=nats)
    assert lattice.expected_counts(graph, indexed).log_partition[0] == pytest.approx(exact, abs=nats)
    dense = table[code[:1_000_000]]
    exact = math.fsum(np.array(each)[code[:1_000_000]])
    assert lattice.expected_counts(graph, dense).log_partition[0] == pytest.approx(exact, abs=1e-5)


def marginals(graph, scores, block):
    """All that forward_backward finds with rows kept every `block` steps."""
    labels, tally = (
        np.zeros(scores.shape),
        Tally(*map(np.zeros, [*[(1, *shape) for shape in graph.count_shapes()], *[graph.n_states] * 2])),
    )
    steps = np.arange(len(scores), dtype=np.int32)
    total = forward_backward(graph.lattice, scores, steps, steps, 1.0, block, labels, tally)
    return [np.array(total), labels, *tally]


@given(lattices(max_steps=7), st.sampled_from([1, 2, 3]))
def test_rows_made_again_are_the_rows_that_were_forgotten(case, block):
    graph, scores = case
    for ours, whole in zip(marginals(graph, scores, block), marginals(graph, scores, len(scores) + 1)):
        np.testing.assert_array_equal(ours, whole)


@pytest.mark.parametrize("maximise", [True, False])
@given(lattices(max_steps=7), st.sampled_from([1, 2, 3]))
def test_paths_traced_block_by_block_are_the_same_paths(maximise, case, block):
    graph, scores = case
    steps = np.arange(len(scores), dtype=np.int32)
    found = []
    for size in (block, len(scores) + 1):
        room = np.full((1, len(scores) + (len(scores) + 1) * graph.silent_depth), -9, dtype=np.int32)
        lengths, rng = np.zeros(1, dtype=np.int64), np.random.default_rng(3)
        total = trace(graph.lattice, scores, steps, size, maximise, rng, room, lengths)
        found.append((total, lengths[0], room.tolist()))
    assert found[0] == found[1]


@given(lattices(max_steps=7), st.sampled_from([1, 2, 3]))
def test_best_paths_ranked_block_by_block_are_the_same_paths(case, block):
    graph, scores = case
    steps = np.arange(len(scores), dtype=np.int32)
    found = []
    for size in (block, len(scores) + 1):
        room = np.full((5, len(scores) + (len(scores) + 1) * graph.silent_depth), -9, dtype=np.int32)
        lengths, totals = np.zeros(5, dtype=np.int64), np.zeros(5)
        ranked(graph.lattice, scores, steps, size, room, lengths, totals)
        found.append((totals.tolist(), [states[len(states) - n :].tolist() for states, n in zip(room, lengths)]))
    assert found[0] == found[1]


@given(graphs(max_states=3).flatmap(lambda graph: st.tuples(st.just(graph), scores_for(graph))), seeds)
def test_what_cannot_happen_has_posterior_zero(case, seed):
    graph, scores = case
    found = lattice.posteriors(graph, scores)
    for weights, shares in [(graph.edge, found.edges), (graph.start, found.start), (graph.end, found.end)]:
        assert not np.any(shares[weights == NEVER])
    assert not np.any(found.labels[scores == NEVER])
    assert all(np.all(np.isfinite(part)) for part in found[1:])


def test_a_single_state_and_a_single_step_are_the_smallest_lattice():
    graph = StateGraph(1, [], [], start=[-1.5], end=[-0.25])
    found = lattice.posteriors(graph, np.array([[3.0]]))
    assert found.log_partition == 1.25
    assert (found.labels.tolist(), found.start.tolist(), found.end.tolist()) == ([[1.0]], [1.0], [1.0])
    assert lattice.log_partition(graph, np.zeros((2, 1))) == NEVER  # no edge to a second step
