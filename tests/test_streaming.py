"""Streams against the answers for whole sequences, whatever the blocks they come in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq import StateGraph, lattice, topologies
from hmmseq.lattice import Indexed
from hmmseq.streaming import PathStream, PosteriorStream
from oracle import NEVER
from strategies import graphs, lattices, scores_for, seeds

EXACT = {"rtol": 1e-10, "atol": 1e-10}


@st.composite
def streamed(draw, max_steps=12):
    """A graph, scores, and the same scores cut into blocks, some of them empty, some a single row."""
    graph = draw(graphs())
    scores = draw(scores_for(graph, max_steps))
    cuts = sorted(draw(st.lists(st.integers(0, len(scores)), max_size=5)))
    blocks = np.split(scores, cuts)
    return graph, scores, [block[0] if len(block) == 1 else block for block in blocks]


def fed(stream, blocks):
    return np.concatenate([*map(stream.push, blocks), stream.close()])


def open_ended(graph):
    return graph.weigh(end=np.where(graph.label >= 0, 0.0, NEVER))


@given(streamed(), st.integers(0, 6))
def test_posteriors_are_those_of_the_steps_seen_so_far(case, lag):
    graph, scores, blocks = case
    stream, n_steps = PosteriorStream(graph, lag), len(scores)
    rows = fed(stream, blocks)
    assert rows.shape == scores.shape
    for t in range(n_steps - lag):
        seen = lattice.posteriors(open_ended(graph), scores[: t + lag + 1])
        np.testing.assert_allclose(rows[t], seen.labels[t], **EXACT)
    whole = lattice.posteriors(graph, scores)
    rest = max(n_steps - lag, 0)
    np.testing.assert_allclose(rows[rest:], whole.labels[rest:], **EXACT)
    np.testing.assert_allclose(stream.log_partition, whole.log_partition, **EXACT)


@given(streamed())
def test_log_partition_is_that_of_the_steps_so_far(case):
    graph, scores, blocks = case
    stream, seen = PosteriorStream(graph), 0
    for block in blocks:
        stream.push(block)
        seen += len(np.atleast_2d(block)) if block.size else 0
        assert stream.n_steps == seen
        expected = lattice.log_partition(open_ended(graph), scores[:seen])
        np.testing.assert_allclose(stream.log_partition, expected, **EXACT)


@given(streamed(max_steps=30))
def test_paths_are_the_best_paths(case):
    graph, scores, blocks = case
    stream = PathStream(graph)
    states = fed(stream, blocks)
    best = lattice.best_path(graph, scores)
    np.testing.assert_allclose(stream.score, best.score, **EXACT)
    if best.score == NEVER:
        emitted = states[states >= 0]
        assert (graph.label[emitted] >= 0).sum() + (states < 0).sum() == len(scores)
    else:
        np.testing.assert_array_equal(states, best.states)


@given(lattices(max_steps=12))
def test_states_come_as_soon_as_all_survivors_agree(case):
    """What is settled is what the best paths into the states of the last step, one each, have in common."""
    graph, scores = case
    stream, settled = PathStream(graph), []
    for t in range(len(scores)):
        settled += stream.push(scores[t]).tolist()
        survivors = []
        for j in np.flatnonzero(graph.label >= 0):
            end = np.where(np.arange(graph.n_states) == j, 0.0, NEVER)
            path = lattice.best_path(graph.weigh(end=end), scores[: t + 1])
            if path.score > NEVER:
                survivors.append(path.states.tolist())
        if not survivors:
            assert stream.score == NEVER and stream.n_open == 0
            return
        common = 0
        while all(len(path) > common and path[common] == survivors[0][common] for path in survivors):
            common += 1
        assert settled[:common] == survivors[0][:common]
        # a silent state of the last step may follow at once, where nothing else can
        assert len(settled) >= common and set(graph.label[settled[common:]]) <= {-1}


@given(streamed(max_steps=30), st.integers(0, 5))
def test_a_bound_on_open_steps_is_kept(case, longest):
    graph, scores, blocks = case
    stream = PathStream(graph, longest)
    states = []
    for row in scores:
        states += stream.push(row).tolist()
        assert stream.n_open <= longest
    states += stream.close().tolist()
    np.testing.assert_array_equal(states, fed(PathStream(graph, longest), blocks))
    if stream.score > NEVER:
        np.testing.assert_allclose(lattice.path_score(graph, scores, np.array(states)), stream.score, **EXACT)


@pytest.mark.parametrize("stay", [0.6, 0.999])
def test_a_long_stream_holds_little(stay):
    rng = np.random.default_rng(0)
    graph = topologies.from_matrix([[stay, 1 - stay], [1 - stay, stay]], [0.5, 0.5])
    scores = rng.normal(0, 1.0, (3000, 2))
    stream = PathStream(graph)
    found, most = [], 0
    for block in np.array_split(scores, 300):
        found.append(stream.push(block))
        most = max(most, stream.n_open)
    best = lattice.best_path(graph, scores)
    np.testing.assert_array_equal(np.concatenate([*found, stream.close()]), best.states)
    assert stream.score == pytest.approx(best.score, rel=1e-12)
    assert most < 200 and len(stream._tree.back) < 1000


def test_paths_that_never_meet_stay_open():
    graph = StateGraph(2, [0, 1], [0, 1])
    scores = np.random.default_rng(1).normal(size=(1000, 2))
    stream = PathStream(graph)
    assert sum(len(stream.push(block)) for block in np.array_split(scores, 40)) == 0
    assert stream.n_open == 1000
    np.testing.assert_array_equal(stream.close(), np.full(1000, scores.sum(0).argmax()))


@pytest.mark.parametrize("make", [PathStream, lambda graph: PosteriorStream(graph, 3)])
@given(seed=seeds)
def test_symbols_give_what_their_scores_give(make, seed):
    rng = np.random.default_rng(seed)
    table, symbols = rng.normal(size=(3, 2)), rng.integers(-1, 3, 10)
    dense = np.vstack([table, np.zeros((1, 2))])[symbols]
    graph = topologies.ergodic(2)
    by_symbol = fed(make(graph), [Indexed(table, part) for part in np.split(symbols, [3, 4])])
    np.testing.assert_array_equal(by_symbol, fed(make(graph), [dense]))


@pytest.mark.parametrize("make", [PathStream, lambda graph: PosteriorStream(graph, 2)])
def test_a_copy_goes_on_alone(make):
    graph, scores = topologies.ergodic(3), np.random.default_rng(2).normal(size=(20, 3))
    stream = make(graph)
    head = stream.push(scores[:11])
    twin = stream.copy()
    stream.push(-scores[11:])
    np.testing.assert_array_equal(
        np.concatenate([head, twin.push(scores[11:]), twin.close()]), fed(make(graph), [scores])
    )


@pytest.mark.parametrize("make", [PathStream, PosteriorStream])
def test_an_empty_sequence(make):
    stream = make(topologies.ergodic(2))
    assert len(stream.push(np.empty((0, 2)))) == len(stream.close()) == len(stream.close()) == 0
    assert (stream.score if make is PathStream else stream.log_partition) == 0.0


def test_once_impossible_always_impossible():
    graph = topologies.from_matrix([[0.5, 0.5], [0.5, 0.5]], [0.5, 0.5])
    scores = np.zeros((9, 2))
    scores[4] = NEVER
    posteriors, path = PosteriorStream(graph), PathStream(graph)
    np.testing.assert_array_equal(fed(posteriors, [scores]).sum(1), [1, 1, 1, 1, 0, 0, 0, 0, 0])
    states = fed(path, [scores])
    assert len(states) == 9 and np.all(states[4:] == -1)
    assert posteriors.log_partition == path.score == NEVER


def test_bad_input():
    graph = topologies.ergodic(2)
    with pytest.raises(ValueError, match="2 columns"):
        PathStream(graph).push(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="one sequence"):
        PathStream(graph).push([np.zeros((4, 2)), np.zeros((4, 2))])
    with pytest.raises(ValueError, match="nan at step 1"):
        PosteriorStream(graph).push(np.array([[0.0, 0.0], [np.nan, 0.0]]))
    with pytest.raises(ValueError, match="lag is -1"):
        PosteriorStream(graph, -1)
    with pytest.raises(ValueError, match=r"longest is 2\.5"):
        PathStream(graph, 2.5)
    stream = PosteriorStream(graph)
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.push(np.zeros(2))
