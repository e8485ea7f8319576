"""Weights of edges that differ from step to step: every question against the list of all paths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq import lattice, topologies
from hmmseq.decoding import constrain
from hmmseq.errors import ImpossibleSequenceError
from hmmseq.lattice import Indexed, TimeVarying
from oracle import NEVER, all_paths, log_sum
from strategies import lattices, seeds

EXACT = {"rtol": 1e-10, "atol": 1e-10}


@st.composite
def varying(draw, max_steps=5):
    """A graph, scores, and weights of its edges at each step, some of them impossible."""
    graph, scores = draw(lattices(max_steps=max_steps))
    rng = np.random.default_rng(draw(seeds))
    edges = rng.normal(0, draw(st.sampled_from([1.0, 30.0])), (len(scores), graph.n_edges))
    edges[rng.random(edges.shape) < draw(st.sampled_from([0.0, 0.1]))] = NEVER
    return graph, scores, edges


@given(varying(), st.sampled_from([1, 5, 5000]))
def test_paths_and_their_scores(case, n_paths):
    graph, scores, edges = case
    known, asked = dict(all_paths(graph, scores, edges)), TimeVarying(scores, edges)
    np.testing.assert_allclose(lattice.log_partition(graph, asked), log_sum(known.values()), **EXACT)
    best = sorted(known.values(), reverse=True)[:n_paths]
    found = lattice.best_paths(graph, asked, n_paths)
    np.testing.assert_allclose([path.score for path in found], best, **EXACT)
    np.testing.assert_allclose(lattice.best_path(graph, asked).score, best[0] if best else NEVER, **EXACT)
    for path in [*found, *lattice.sample_paths(graph, asked, 5, random_state=0)] if best else []:
        states = tuple(path.states.tolist())
        np.testing.assert_allclose([path.score, lattice.path_score(graph, asked, states)], known[states], **EXACT)


@given(varying(max_steps=4))
def test_posteriors_and_entropy_are_those_of_the_shares_of_paths(case):
    graph, scores, edges = case
    asked, paths = TimeVarying(scores, edges), list(all_paths(graph, scores, edges))
    total = log_sum(score for _, score in paths)
    number = {pair: e for e, pair in enumerate(zip(graph.source.tolist(), graph.target.tolist(), strict=True))}
    labels, start, uses = np.zeros(scores.shape), np.zeros(graph.n_states), np.zeros((len(scores) + 1, graph.n_edges))
    for states, score in paths:
        emitted = 0
        start[states[0]] += np.exp(score - total)
        for k, state in enumerate(states):
            if k:
                uses[emitted, number[states[k - 1], state]] += np.exp(score - total)
            if graph.label[state] >= 0:
                labels[emitted, graph.label[state]] += np.exp(score - total)
                emitted += 1
    found = lattice.posteriors(graph, asked)
    np.testing.assert_allclose(found.labels, labels, **EXACT)
    np.testing.assert_allclose(found.start, start, **EXACT)
    np.testing.assert_allclose(found.edges, uses.sum(0), **EXACT)
    np.testing.assert_allclose(lattice.edge_posteriors(graph, asked), uses[:-1], **EXACT)
    p = np.exp([score - total for _, score in paths]) if paths else np.zeros(0)
    entropy = -np.sum(p[p > 0] * np.log(p[p > 0]))
    assert lattice.path_entropy(graph, asked) == pytest.approx(entropy, rel=1e-9, abs=1e-9)


@given(varying(max_steps=3))
def test_edge_posteriors_are_derivatives(case):
    graph, scores, edges = case
    exact = lattice.edge_posteriors(graph, TimeVarying(scores, edges))
    for t, e in np.argwhere(edges > NEVER)[:6]:
        step = np.zeros(edges.shape)
        step[t, e] = 1e-5
        up, down = (lattice.log_partition(graph, TimeVarying(scores, edges + sign * step)) for sign in (1, -1))
        assert (up - down if up > NEVER else 0.0) / 2e-5 == pytest.approx(exact[t, e], abs=1e-5)


@given(lattices())
def test_weights_that_do_not_change_are_those_of_the_graph(case):
    graph, scores = case
    same = TimeVarying(scores, np.zeros((len(scores), graph.n_edges)))
    for ours, theirs in zip(lattice.posteriors(graph, same), lattice.posteriors(graph, scores), strict=True):
        np.testing.assert_allclose(ours, theirs, **EXACT)
    uses = lattice.edge_posteriors(graph, scores)
    assert uses.shape == (len(scores), graph.n_edges)
    if not np.any(graph.label < 0):
        np.testing.assert_allclose(uses.sum(0), lattice.posteriors(graph, scores).edges, **EXACT)


def many(form):
    """Sequences of several lengths, with inputs of three kinds and missing ones; in each form of scores and edges."""
    rng = np.random.default_rng(5)
    graph = topologies.left_right(3, skip=1).weigh(start=[0.0, -1.0, -2.0])
    tables = rng.normal(size=(4, 3)), rng.normal(size=(3, graph.n_edges))
    symbols, kinds = ([rng.integers(-1, n, length) for length in (40, 0, 1, 300)] for n in (4, 3))
    dense = [[np.vstack([t, 0 * t[:1]])[c] for c in code] for t, code in zip(tables, (symbols, kinds), strict=True)]
    indexed = [Indexed(tables[0], symbols), Indexed(tables[1], kinds)]
    return graph, TimeVarying(*[(indexed if wanted else dense)[k] for k, wanted in enumerate(form)]), symbols


@pytest.mark.parametrize("form", [(0, 1), (1, 0), (1, 1)])
def test_forms_threads_and_batch_mates_do_not_matter(form):
    graph, plain, symbols = many((0, 0))
    _, asked, _ = many(form)
    alone = [TimeVarying(x, e) for x, e in zip(*plain, strict=True)]
    for question in (lattice.log_partition, lattice.path_entropy, lattice.best_path, lattice.edge_posteriors):
        one = [question(graph, each) for each in alone]
        for n_jobs in (1, 3):
            for ours, theirs in zip(question(graph, asked, n_jobs=n_jobs), one, strict=True):
                for a, b in zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]:
                    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    rows = lattice.expected_counts(graph, asked).rows
    by_step = lattice.expected_counts(graph, plain).rows
    if form[0]:
        expected = np.zeros((5, 3))
        np.add.at(expected, np.concatenate(symbols), by_step)
        np.testing.assert_allclose(rows, expected, **EXACT)
    else:
        np.testing.assert_array_equal(rows, by_step)


def test_constraints_hold_under_changing_weights():
    graph, asked, _ = many((1, 1))
    segments = [[(3, 9, 1)], [], [], [(0, 2, 0), (200, 230, 2)]]
    paths = lattice.best_path(graph, constrain(asked, segments=segments))
    assert np.all(paths[0].states[3:9] == 1) and np.all(paths[3].states[200:230] == 2)
    for path, *alone in zip(paths, *many((0, 0))[1], strict=True):
        assert lattice.path_score(graph, TimeVarying(*alone), path.states) == pytest.approx(path.score, rel=1e-12)


def test_the_step_where_every_edge_is_closed_is_named():
    edges = np.zeros((5, 4))
    edges[3] = NEVER
    with pytest.raises(ImpossibleSequenceError, match="sequence 0 is impossible under the model from step 3"):
        lattice.expected_counts(topologies.ergodic(2), TimeVarying(np.zeros((5, 2)), edges))


@pytest.mark.parametrize(
    "edges, message",
    [
        (np.zeros((3, 3)), "have 3 columns but the graph has 4 edges"),
        (np.zeros((2, 4)), r"edges are for sequences of \[2\] steps but scores for \[3\]"),
        (np.full((3, 4), np.nan), "log weights of edges.*nan at step 0"),
        (Indexed(np.zeros((2, 4)), [0, 1, 2]), "log weights of edges.*symbol 2 at position 2"),
        (TimeVarying(np.zeros((3, 4)), np.zeros((3, 4))), "TimeVarying already"),
    ],
)
def test_weights_that_do_not_fit_are_refused(edges, message):
    with pytest.raises(ValueError, match=message):
        lattice.log_partition(topologies.ergodic(2), TimeVarying(np.zeros((3, 2)), edges))
