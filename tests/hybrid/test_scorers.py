"""Networks that score candidates by the rows they use."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmmseq.hybrid.scorers import Example, Plan, Uses, train_scorers  # noqa: E402

PLAN = Plan(hidden_size=4, dropout=0.0, epochs=40, n_batches=2, learning_rate=0.03, weight_decay=0.0)


def examples(n, seed=0):
    """Candidates with a begin, which some share, and most with an end."""
    rng = np.random.default_rng(seed)
    made = []
    for size in rng.integers(5, 30, n):
        begins, ends = rng.normal(3, 2, (8, 3)), rng.normal(size=(size, 2))
        with_end = np.flatnonzero(rng.random(size) < 0.8)
        uses = {
            "begin": Uses(begins, np.arange(size), rng.integers(8, size=size)),
            "end": Uses(ends, with_end, rng.permutation(size)[: len(with_end)]),
        }
        made.append(Example(size, uses))
    return made


def wanted(example):
    """Scores that a line of each kind of rows can give."""
    begin, end = example.uses["begin"], example.uses["end"]
    score = (begin.rows @ [0.5, 0.0, -0.3])[begin.row] - 0.6
    score[end.candidate] += (end.rows @ [1.0, -1.0])[end.row]
    return score


def nothing(numbers, scores):
    return [np.zeros(len(own)) for own in scores]


def test_nothing_learned_scores_nothing():
    made = examples(4)
    networks = next(iter(train_scorers(made, nothing, PLAN)))
    assert all(not own.detach().numpy().any() for own in networks(made))


def test_climbing_along_the_gradient_reaches_the_top():
    made = examples(30)
    targets = [wanted(own) for own in made]

    def towards(numbers, scores):  # of minus half the squared distance
        return [(targets[number] - own) / 100 for number, own in zip(numbers, scores)]

    *_, networks = train_scorers(made, towards, PLAN)
    unseen = examples(10, seed=1)
    with torch.no_grad():
        found = np.concatenate([own.numpy() for own in networks(unseen)])
    true = np.concatenate([wanted(own) for own in unseen])
    assert np.mean((found - true) ** 2) < 0.05 * np.var(true)


def test_a_kind_that_nobody_uses_scores_nothing():
    nobody = Uses(np.empty((0, 3)), np.empty(0, np.int64), np.empty(0, np.int64))
    made = [own._replace(uses={**own.uses, "nobody": nobody}) for own in examples(4)]
    *_, networks = train_scorers(made, lambda n, scores: [1 - own for own in scores], PLAN._replace(epochs=2))
    assert all(torch.isfinite(value).all() for value in networks.state_dict().values())


def test_examples_do_not_change_one_another():
    made = examples(5)
    networks = next(iter(train_scorers(made, lambda numbers, scores: [1 - own for own in scores], PLAN)))
    with torch.no_grad():
        for own, together in zip(made, networks(made), strict=True):
            torch.testing.assert_close(networks([own])[0], together)


def test_the_same_seed_gives_the_same_networks():
    def last(seed):
        *_, networks = train_scorers(examples(4), lambda n, scores: [1 - own for own in scores], plan, seed)
        return torch.cat([value.flatten() for value in networks.state_dict().values()])

    plan = PLAN._replace(dropout=0.3, epochs=2)
    torch.manual_seed(5)
    before, first = torch.random.get_rng_state(), last(0)
    assert torch.equal(torch.random.get_rng_state(), before)  # of the caller
    assert torch.equal(first, last(0)) and not torch.equal(first, last(1))
