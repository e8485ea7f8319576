"""The differentiable questions against enumeration, finite differences and a torch loop."""

import numpy as np
import pytest
from hypothesis import given

from oracle import NEVER, all_paths, log_sum
from strategies import lattices

torch = pytest.importorskip("torch")

from hmmseq import ImpossibleSequenceError, StateGraph, lattice, topologies  # noqa: E402
from hmmseq.hybrid import log_partition, path_score  # noqa: E402


def tensors(graph, scores, dtype=torch.float64):
    parts = (scores, graph.edge, graph.start, graph.end)
    return [torch.tensor(part, dtype=dtype, requires_grad=True) for part in parts]


def dense():
    rng = np.random.default_rng(0)
    graph = topologies.ergodic(3)
    return graph.weigh(edge=rng.normal(size=9), start=rng.normal(size=3), end=rng.normal(size=3))


def sparse():
    return StateGraph(3, [0, 0, 1, 1, 2], [0, 1, 1, 2, 0], label=[0, 1, 0], edge=[0.3, -1.0, 0.2, 0.1, -0.4])


def silent():
    start = [0.2, -0.5, NEVER, NEVER]
    return StateGraph(4, [0, 0, 2, 1, 3, 2], [0, 2, 1, 3, 0, 3], label=[0, 1, -1, -1], start=start)


@pytest.mark.parametrize("make", [dense, sparse, silent])
def test_gradcheck(make):
    graph = make()
    scores, edge, start, end = tensors(graph, np.random.default_rng(1).normal(size=(7, graph.n_labels)))
    free = [weight[weight > NEVER].detach().requires_grad_() for weight in (edge, start, end)]

    def question(scores, *values):
        closed = [torch.full_like(weight, NEVER) for weight in (edge, start, end)]
        weights = [c.masked_scatter(w > NEVER, v) for c, w, v in zip(closed, (edge, start, end), values, strict=True)]
        return log_partition(graph, scores, [4, 0, 3], edge=weights[0], start=weights[1], end=weights[2])

    assert torch.autograd.gradcheck(question, (scores, *free))


@given(lattices())
def test_value_and_gradient_are_those_of_the_core(case):
    graph, scores = case
    parts = tensors(graph, scores)
    paths = [score for _, score in all_paths(graph, scores)]
    if not paths:
        with pytest.raises(ImpossibleSequenceError):
            log_partition(graph, parts[0], edge=parts[1], start=parts[2], end=parts[3])
        return
    total = log_partition(graph, parts[0], edge=parts[1], start=parts[2], end=parts[3])
    total.backward()
    assert total.item() == pytest.approx(log_sum(paths), rel=1e-10, abs=1e-10)
    for part, expected in zip(parts, lattice.posteriors(graph, scores)[1:], strict=True):
        np.testing.assert_allclose(part.grad, expected, atol=1e-12)
        assert not part.grad[part == NEVER].any()


def test_float32_agrees_with_float64():
    scores = np.random.default_rng(2).normal(size=(50, 3))
    results = {}
    for dtype in (torch.float32, torch.float64):
        parts = tensors(dense(), scores, dtype)
        total = log_partition(dense(), parts[0], edge=parts[1], start=parts[2], end=parts[3])
        total.backward()
        assert total.dtype == dtype and all(part.grad.dtype == dtype for part in parts)
        results[dtype] = [total.detach().double(), *(part.grad.double() for part in parts)]
    for one, other in zip(*results.values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-5)


def test_equals_a_loop_of_logsumexp():
    graph = dense()
    scores, edge, start, end = tensors(graph, np.random.default_rng(3).normal(size=(6, 3)))
    row = start + scores[0]
    for step in scores[1:]:
        row = torch.logsumexp(row[:, None] + edge.reshape(3, 3), 0) + step
    expected = torch.autograd.grad(torch.logsumexp(row + end, 0), (scores, edge, start, end))
    found = torch.autograd.grad(
        log_partition(graph, scores, edge=edge, start=start, end=end), (scores, edge, start, end)
    )
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_each_sequence_has_its_own_gradient():
    scores = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    totals = log_partition(dense(), scores, [2, 3])
    (gradient,) = torch.autograd.grad(totals[0] * 2 + totals[1] * 0, scores)
    torch.testing.assert_close(gradient.sum(1), torch.tensor([2.0, 2.0, 0.0, 0.0, 0.0], dtype=torch.float64))


def test_second_derivatives_are_refused():
    scores = torch.randn(4, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(log_partition(dense(), scores), scores, create_graph=True)


def test_impossible_sequence_is_named():
    pinned = topologies.left_right(3, pinned=True)
    with pytest.raises(ImpossibleSequenceError) as caught:
        log_partition(pinned, torch.zeros(5, 3), [3, 2])
    assert caught.value.sequence == 1


@given(lattices(silent=False))
def test_path_score_is_that_of_the_core(case):
    graph, scores = case
    states = np.random.default_rng(0).integers(0, graph.n_states, len(scores))
    parts = tensors(graph, scores)
    weights = {"edge": parts[1], "start": parts[2], "end": parts[3]}
    found = path_score(graph, parts[0], torch.tensor(states), **weights)
    np.testing.assert_allclose(found.detach(), lattice.path_score(graph, scores, states), rtol=1e-12)
    if found > NEVER:
        found.backward()
        assert all(torch.isfinite(part.grad).all() for part in parts if part.grad is not None)


def test_path_scores_of_many_sequences():
    graph, scores = dense(), torch.randn(5, 3, dtype=torch.float64)
    states = torch.tensor([0, 2, 1, 1, 0])
    found = path_score(graph, scores, states, [2, 0, 3])
    expected = [lattice.path_score(graph, scores[a:b].numpy(), states[a:b]) for a, b in ((0, 2), (2, 2), (2, 5))]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("scores", "lengths", "message"),
    [
        (torch.zeros(4, 3, dtype=torch.int64), None, "int64"),
        (torch.zeros(4), None, "shape"),
        (torch.zeros(4, 3), [2, 3], "add up"),
        (torch.zeros(4, 2), None, "3 columns"),
        (torch.full((4, 3), torch.nan), None, "nan at step 0"),
    ],
)
def test_bad_input(scores, lengths, message):
    with pytest.raises(ValueError, match=message):
        log_partition(dense(), scores, lengths)


def test_path_score_takes_no_silent_states():
    with pytest.raises(ValueError, match="silent"):
        path_score(silent(), torch.zeros(2, 2), torch.tensor([0, 1]))
