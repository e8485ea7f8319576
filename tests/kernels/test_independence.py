"""What must not matter to a result: other sequences of the batch, threads, and a constant added to a step's scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import UNCOMPILED
from hmmseq import lattice, topologies
from strategies import lattices, seeds

NEVER = -np.inf
LONG, SHORT = (80, 20) if UNCOMPILED else (1100, 300)


@pytest.mark.parametrize("end", [0.0, -400.0, NEVER])
def test_batch_mates_do_not_matter(end):
    """Long and short sequences together, none certified: their totals came back in each other's place."""
    rng = np.random.default_rng(0)
    graph = topologies.ergodic(2).weigh(edge=rng.normal(size=4), end=[end, -400.0])
    X = [rng.normal(size=(n, 2)) for n in (LONG, SHORT, 1, SHORT, LONG)]
    alone = [lattice.posteriors(graph, x) for x in X]
    totals = [found.log_partition for found in alone]
    np.testing.assert_allclose(lattice.log_partition(graph, X), totals, rtol=1e-12)
    weights = np.arange(1.0, 6.0)
    counts = lattice.expected_counts(graph, X, weights)
    np.testing.assert_allclose(counts.log_partition, totals, rtol=1e-12)
    expected = np.concatenate([w * found.labels for w, found in zip(weights, alone)])
    np.testing.assert_allclose(counts.rows, expected, rtol=1e-9, atol=1e-9)
    edges = sum(w * found.edges for w, found in zip(weights, alone))
    np.testing.assert_allclose(counts.edges, edges, rtol=1e-9)


@pytest.mark.parametrize("graph", [topologies.ergodic(2), topologies.left_right(2)], ids=["dense", "sparse"])
@pytest.mark.parametrize("size", [-1, 0, 1, 7])
def test_threads_do_not_matter_however_large_the_alphabet(graph, size):
    """With more symbols than steps, shares were taken to write to different rows, and lost counts."""
    rng = np.random.default_rng(1)
    n_steps = 2_000 if UNCOMPILED else 100_000
    symbols = list(np.array_split(rng.integers(0, 3, n_steps), 400))
    scores = lattice.Indexed(rng.normal(size=(n_steps + size, 2)), symbols)
    one = lattice.expected_counts(graph, scores)
    assert one.rows.sum() == pytest.approx(n_steps, rel=1e-10)
    for n_jobs in (2, 4):
        for ours, theirs in zip(one, lattice.expected_counts(graph, scores, n_jobs=n_jobs), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@given(lattices(), st.sampled_from([1.0, 1e3, 1e6]), seeds)
def test_a_constant_added_to_all_scores_of_a_step_only_adds_to_the_total(case, size, seed):
    graph, scores = case
    shift = size * np.random.default_rng(seed).normal(size=len(scores))
    one, other = lattice.posteriors(graph, scores), lattice.posteriors(graph, scores + shift[:, None])
    if one.log_partition == NEVER:
        assert other.log_partition == NEVER
        return
    assert other.log_partition - shift.sum() == pytest.approx(one.log_partition, rel=1e-9, abs=1e-12 * size)
    for ours, theirs in zip(one[1:], other[1:], strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-9 + 1e-13 * size)
