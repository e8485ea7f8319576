"""States that last, where enumeration does not reach: expanded states, ordinary HMMs, outliers, long sequences, threads."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import UNCOMPILED
from hmmseq import ImpossibleSequenceError, SegmentGraph, StateGraph, lattice, topologies
from oracle import NEVER, log_sum
from segment_oracle import all_segmentations, enumerate_segments
from strategies import scores_for, seeds, segment_graphs, segment_lattices

LONG = 300 if UNCOMPILED else 100_000


def expanded(graph):
    """The same paths by ordinary states: state (j, k) has k steps to go; silent states stay as they are."""
    plain, longest = graph.graph, graph.longest
    quiet = plain.label < 0
    name = {(j, k): j * longest + k - 1 for j in range(plain.n_states) for k in range(1, longest + 1)}
    heads = [[(1, 0.0)] if quiet[j] else list(enumerate(graph.durations[j], 1)) for j in range(plain.n_states)]
    n = plain.n_states * longest
    start, end, edges = np.full(n, NEVER), np.full(n, NEVER), {}
    for j in range(plain.n_states):
        end[name[j, 1]] = plain.end[j]
        for k, weight in heads[j]:
            start[name[j, k]] = plain.start[j] + weight
        if not quiet[j]:
            edges |= {(name[j, k], name[j, k - 1]): 0.0 for k in range(2, longest + 1)}
    for i, j, weight in zip(plain.source, plain.target, plain.edge):
        edges |= {(name[i, 1], name[j, k]): weight + more for k, more in heads[j]}
    source, target = np.array(list(edges), dtype=int).reshape(-1, 2).T
    label = np.repeat(plain.label, longest)
    return StateGraph(n, source, target, label=label, edge=list(edges.values()), start=start, end=end)


@given(segment_graphs(max_states=3, max_longest=6, censored=False), st.data())
def test_expanded_states_give_the_same_answers(graph, data):
    graph = SegmentGraph(graph.graph, graph.durations)  # without tails
    other = expanded(graph)
    scores = data.draw(scores_for(graph, max_steps=30))
    found, exact = lattice.posteriors(graph, scores), lattice.posteriors(other, scores)
    assert found.log_partition == pytest.approx(exact.log_partition, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(found.labels, exact.labels, atol=1e-9)
    by_state = exact.start.reshape(graph.n_states, -1).sum(1)
    np.testing.assert_allclose(found.start, by_state, atol=1e-9)
    best = lattice.best_path(graph, scores)
    assert best.score == pytest.approx(lattice.best_path(other, scores).score, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("right_censored", [False, True])
@given(seeds, st.integers(2, 4))
def test_geometric_durations_are_an_ordinary_hmm(right_censored, seed, n_states):
    """A segment that may be cut at the end is what an HMM has; one that must end there loses (1 - stay) of it."""
    rng = np.random.default_rng(seed)
    transmat = rng.dirichlet(np.ones(n_states), n_states) * 0.98 + 0.02 / n_states
    stay, edges = np.diag(transmat), transmat * (1 - np.eye(n_states))
    end = np.zeros(n_states) if right_censored else np.log1p(-stay)
    hmm = topologies.from_matrix(transmat, endprob=np.exp(end))
    jumps = topologies.from_matrix(edges / (1 - stay)[:, None])
    graph = SegmentGraph(jumps, np.log1p(-stay)[:, None], tail=np.log(stay), right_censored=right_censored)
    scores = rng.normal(size=(25, n_states))
    found, exact = lattice.posteriors(graph, scores), lattice.posteriors(hmm, scores)
    assert found.log_partition == pytest.approx(exact.log_partition, rel=1e-11)
    np.testing.assert_allclose(found.labels, exact.labels, atol=1e-11)
    best, twin = lattice.best_path(graph, scores), lattice.best_path(hmm, scores)
    assert best.score == pytest.approx(twin.score, rel=1e-11)
    np.testing.assert_array_equal(best.states, twin.states)


@given(segment_lattices(max_steps=6), st.sampled_from([1e3, 1e6]), seeds)
def test_forced_paths_across_any_gap_are_exact(case, gap, seed):
    """Scores that differ by a million nats between states: what survives may be any of them."""
    graph, scores = case
    scores = scores + gap * np.random.default_rng(seed).integers(-1, 2, scores.shape)
    found = lattice.posteriors(graph, scores)
    expected = log_sum(score for _, score in all_segmentations(graph, scores))
    np.testing.assert_allclose(found.log_partition, expected, rtol=1e-10, atol=1e-10)
    if expected > NEVER:
        for ours, exact in zip(found[1:], enumerate_segments(graph, scores)[1:]):
            np.testing.assert_allclose(ours, exact, atol=1e-13 * gap)


@pytest.mark.parametrize("size", [1e20, 1e200, -1e200])
@given(segment_lattices(max_steps=5), seeds)
def test_an_outlier_in_all_states_changes_nothing_else(size, case, seed):
    graph, scores = case
    at = np.random.default_rng(seed).integers(len(scores))
    ordinary = scores.copy()
    scores[at] += size
    ordinary[at] = np.where(scores[at] > NEVER, 0.0, NEVER)  # beside such a number the scores themselves are lost
    found, expected = lattice.posteriors(graph, scores), lattice.posteriors(graph, ordinary)
    assert (found.log_partition == NEVER) == (expected.log_partition == NEVER)
    for ours, exact in zip(found[1:], expected[1:]):
        np.testing.assert_allclose(ours, exact, atol=1e-9)
    path = lattice.best_path(graph, scores)
    assert not math.isnan(path.score)


@given(segment_lattices())
def test_what_cannot_happen_has_posterior_zero(case):
    graph, scores = case
    found = lattice.posteriors(graph, scores)
    assert not np.any(found.labels[scores == NEVER])
    assert not np.any(found.durations[graph.durations == NEVER])
    assert all(np.all(np.isfinite(part)) and np.all(part >= 0) for part in found[1:])


def regular(n_states, longest, rng):
    """Random durations; wherever a segment ends, any state follows with the same probabilities."""
    weights = rng.dirichlet(np.ones(n_states))
    graph = topologies.from_matrix(np.tile(weights, (n_states, 1)), startprob=weights)
    return SegmentGraph(graph, np.log(rng.dirichlet(np.ones(longest), n_states))), weights


def test_a_long_sum_is_right_to_a_hundred_thousandth_of_a_nat():
    """The renewal recursion in extended precision, its logarithms added exactly."""
    rng = np.random.default_rng(0)
    graph, weights = regular(3, 6, rng)
    table, code = np.log(rng.dirichlet(np.ones(5), 3).T), rng.integers(0, 5, LONG)
    linear, durations = np.exp(table).astype(np.longdouble), np.exp(graph.durations).astype(np.longdouble)
    renewals, products, logs = [np.longdouble(1)], np.zeros((3, 6), np.longdouble), []
    for symbol in code:
        products[:, 1:] = products[:, :-1]
        products[:, 0] = renewals[-1]
        products *= linear[symbol][:, None]
        total = (weights[:, None] * products * durations).sum()
        logs.append(math.log(total))
        products /= total
        renewals.append(np.longdouble(1))
    exact = math.fsum(logs)
    found = lattice.log_partition(graph, lattice.Indexed(table, code))
    assert found == pytest.approx(exact, abs=1e-5)
    counts = lattice.expected_counts(graph, lattice.Indexed(table, [code]))
    assert counts.log_partition[0] == pytest.approx(exact, abs=1e-5)
    assert counts.rows.sum() == pytest.approx(LONG, rel=1e-11)
    spent = (counts.durations * np.arange(1, 7)).sum()  # all segments together cover the sequence
    assert spent == pytest.approx(LONG, rel=1e-11)


@pytest.mark.parametrize("drift", [0.0, 3.0, -3.0])
def test_a_state_that_gains_or_loses_for_ever_keeps_its_digits(drift):
    """Scales run away from what they scale; where they went too far, everything is made anew."""
    rng = np.random.default_rng(1)
    n_steps, longest = 400, 300
    graph = SegmentGraph(topologies.ergodic(2), rng.normal(size=(2, longest)), left_censored=True, right_censored=True)
    scores = rng.normal(size=(n_steps, 2))
    scores[:, 0] += drift * np.where(np.arange(n_steps) < 200, 1, -1)
    found = lattice.posteriors(graph, scores)
    np.testing.assert_allclose(found.labels.sum(1), 1.0, rtol=1e-10)
    total = lattice.log_partition(graph, scores)
    for state, step in [(0, 10), (1, 199), (0, 200), (1, 390)]:
        only = scores.copy()
        only[step, 1 - state] = NEVER  # the share of the paths that are in `state` then
        share = math.exp(lattice.log_partition(graph, only) - total)
        assert found.labels[step, state] == pytest.approx(share, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("indexed", [False, True])
def test_threads_and_batch_mates_do_not_matter(indexed):
    rng = np.random.default_rng(2)
    graph, _ = regular(3, 5, rng)
    lengths = [30, 1, 0, 17, 40] * 8
    if indexed:
        table = rng.normal(size=(4, 3))
        symbols = [rng.integers(-1, 4, n) for n in lengths]
        scores, alone = lattice.Indexed(table, symbols), [lattice.Indexed(table, s) for s in symbols]
    else:
        scores = alone = [rng.normal(size=(n, 3)) for n in lengths]
    weights = rng.random(len(lengths))
    one = lattice.expected_counts(graph, scores, weights)
    for ours, theirs in zip(one, lattice.expected_counts(graph, scores, weights, n_jobs=3)):
        np.testing.assert_array_equal(ours, theirs)
    each = [lattice.posteriors(graph, own) for own in alone]
    np.testing.assert_array_equal(one.log_partition, [found.log_partition for found in each])
    durations = sum(w * found.durations for w, found in zip(weights, each))
    np.testing.assert_allclose(one.durations, durations, rtol=1e-9, atol=1e-12)
    for together, own in zip(lattice.posteriors(graph, scores, n_jobs=2), each):
        np.testing.assert_array_equal(together.labels, own.labels)
    for labels, own in zip(lattice.label_posteriors(graph, scores), each):
        np.testing.assert_array_equal(labels, own.labels)
    for together, own in zip(lattice.best_path(graph, scores), alone):
        np.testing.assert_array_equal(together.segments, lattice.best_path(graph, own).segments)
    drawn = [lattice.sample_paths(graph, scores, 2, random_state=3, n_jobs=n_jobs) for n_jobs in (1, 2)]
    assert [[p.states.tolist() for p in own] for own in drawn[0]] == [
        [p.states.tolist() for p in own] for own in drawn[1]
    ]


def test_an_empty_sequence_scores_nothing():
    graph, _ = regular(2, 3, np.random.default_rng(3))
    empty = np.empty((0, 2))
    found = lattice.posteriors(graph, empty)
    assert found.log_partition == 0.0 and not any(np.any(part) for part in found[1:])
    assert lattice.best_path(graph, empty).segments.shape == (0, 3)
    assert lattice.path_score(graph, empty, np.empty((0, 3), int)) == 0.0


def test_an_impossible_sequence_is_named_with_its_step():
    graph = SegmentGraph(topologies.cycle(2, stay=False), np.log([[1e-9, 1.0]] * 2))
    scores = np.zeros((6, 2))
    scores[4] = NEVER
    with pytest.raises(ImpossibleSequenceError) as caught:
        lattice.expected_counts(graph, [np.zeros((5, 2)), scores])
    assert (caught.value.sequence, caught.value.step) == (1, 4)
    only_twos = SegmentGraph(topologies.cycle(2, stay=False), [NEVER, 0.0])
    with pytest.raises(ImpossibleSequenceError) as caught:  # all goes well until the end
        lattice.expected_counts(only_twos, [np.zeros((5, 2))])
    assert (caught.value.sequence, caught.value.step) == (0, 5)


def test_two_segments_of_one_state_in_a_row_are_told_apart():
    graph = SegmentGraph(topologies.ergodic(1), [[NEVER, 0.0]])
    path = lattice.best_path(graph, np.zeros((4, 1)))
    assert path.segments.tolist() == [[0, 0, 2], [0, 2, 4]]
    assert path.states.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "durations, options, message",
    [
        (np.zeros((3, 2)), {}, r"durations have shape \(3, 2\); expected \(2, longest\)"),
        (np.zeros((2, 0)), {}, "one row per state"),
        ([[0.0, np.nan], [0.0, 0.0]], {}, "log weight of duration 2 in state 0 is nan"),
        ([[0.0], [np.inf]], {}, "log weight of duration 1 in state 1 is inf"),
        ([[0.0], [0.0]], {"tail": [-1.0, 0.0]}, "the tail of state 1 is 0.0; expected a log weight below 0"),
        ([[0.0], [0.0]], {"tail": np.nan}, "the tail of state 0 is nan"),
        ([[0.0], [0.0]], {"tail": [-1.0] * 3}, r"tail has shape \(3,\)"),
    ],
)
def test_bad_durations_are_refused(durations, options, message):
    with pytest.raises(ValueError, match=message):
        SegmentGraph(topologies.ergodic(2), durations, **options)


@pytest.mark.parametrize(
    "segments, message",
    [
        ([[0, 0, 2]], "must follow one another from step 0 to 3"),
        ([[0, 0, 1], [1, 2, 3]], "must follow one another"),
        ([[0, 0]], "expected one sequence and"),
        ([[0.5, 0, 3]], "whole numbers"),
    ],
)
def test_segments_that_do_not_cover_the_sequence_are_refused(segments, message):
    graph = SegmentGraph(topologies.ergodic(2), [0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=message):
        lattice.path_score(graph, np.zeros((3, 2)), segments)
