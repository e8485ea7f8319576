"""Losses of heads against the list of all label sequences."""

import itertools

import numpy as np
import pytest

from oracle import NEVER, all_paths, log_sum

torch = pytest.importorskip("torch")

from hmmseq import StateGraph, topologies  # noqa: E402
from hmmseq.hybrid import CRFHead, SoftmaxHead  # noqa: E402
from hmmseq.lattice import Counts  # noqa: E402

GRAPHS = {
    "dense": topologies.ergodic(3),
    "sparse": topologies.cycle(3),
    "tied": StateGraph(4, [0, 1, 2, 3, 0, 2], [1, 0, 3, 2, 2, 0], label=[0, 1, 1, 2]),
}


def head_for(kind, graph, seed=0):
    torch.manual_seed(seed)
    head = kind(2, graph).double()
    for weight in (head.edge, head.start, head.end) if kind is CRFHead else ():
        weight.data += torch.randn_like(weight)
    return head


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("gold", [(0, 1, 0, 1), (0, -1, -1, 1), (-1, -1, -1, -1)])
def test_crf_loss_sums_the_paths_that_fit(name, gold):
    head = head_for(CRFHead, GRAPHS[name])
    scores = head(torch.randn(4, 2, dtype=torch.float64))
    graph = head.weighted()
    fitting, every = [], []
    for path, score in all_paths(graph, scores.detach().numpy()):
        every.append(score)
        if all(g in (-1, label) for g, label in zip(gold, graph.label[list(path)], strict=True)):
            fitting.append(score)
    if not fitting:
        pytest.skip("these labels follow no path of this graph")
    loss = head.loss(scores, torch.tensor(gold), [4])
    assert loss.item() == pytest.approx(log_sum(every) - log_sum(fitting), abs=1e-9)


def test_crf_loss_is_minus_log_of_a_probability():
    head = head_for(CRFHead, GRAPHS["dense"])
    scores = head(torch.randn(3, 2, dtype=torch.float64))
    golds = itertools.product(range(3), repeat=3)
    losses = torch.stack([head.loss(scores, torch.tensor(gold), [3])[0] for gold in golds])
    assert torch.exp(-losses).sum().item() == pytest.approx(1.0)


def test_unknown_labels_cost_nothing_in_softmax():
    head = head_for(SoftmaxHead, GRAPHS["dense"])
    scores = head(torch.randn(4, 2, dtype=torch.float64))
    losses = head.loss(scores, torch.tensor([1, -1, -1, -1]), [2, 0, 2])
    torch.testing.assert_close(losses, torch.stack([-scores[0, 1], scores.new_tensor(0), scores.new_tensor(0)]))


def test_closed_edges_stay_closed_in_training():
    graph = GRAPHS["sparse"].weigh(edge=[0.0, 0.0, 0.0, 0.0, NEVER, 0.0])
    head = head_for(CRFHead, graph)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(20):
        loss = head.loss(head(torch.randn(4, 2, dtype=torch.float64)), torch.tensor([0, 0, 1, 1]), [4]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert np.flatnonzero(head.weighted().edge == NEVER).tolist() == [4]
    assert all(not torch.isnan(p).any() for p in head.parameters())


def test_first_guess_is_a_markov_chain():
    head = CRFHead(2, GRAPHS["dense"])
    edges, three = np.arange(9.0), np.array([1.0, 0.0, 3.0])
    head.initialise(Counts(np.zeros(1), np.zeros((1, 3)), edges, three, three))
    graph = head.weighted()
    leaving = np.exp(graph.matrix(graph.edge)).sum(1) + np.exp(graph.end)
    np.testing.assert_allclose(leaving, 1.0, rtol=1e-6)
    np.testing.assert_allclose(np.exp(graph.start), np.array([2, 1, 4]) / 7, rtol=1e-6)
