"""Duration families against scipy's distributions, and their re-estimation against a general optimiser."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from hmmseq import SegmentGraph, lattice, topologies
from hmmseq.durations import Geometric, Histogram, NegativeBinomial, Poisson, log_survival
from oracle import NEVER
from strategies import seeds

D = np.arange(1, 41)


@pytest.mark.parametrize(
    "family, twin",
    [
        (Geometric([0.7], 3), stats.geom(0.3, loc=2)),
        (Geometric([0.0], 2), stats.geom(1.0, loc=1)),
        (Poisson([5.5], 2), stats.poisson(3.5, loc=2)),
        (Poisson([2.0], 2), stats.poisson(0.0, loc=2)),
        (NegativeBinomial([2.5], [0.6], 4), stats.nbinom(2.5, 0.4, loc=4)),
        (NegativeBinomial([2.5], [0.0], 4), stats.nbinom(2.5, 1.0, loc=4)),
        (Histogram([[0.2, 0.3, 0.0, 0.5]]), stats.rv_discrete(values=([1, 2, 4], [0.2, 0.3, 0.5]))),
    ],
)
def test_log_probabilities_are_those_of_scipy(family, twin):
    np.testing.assert_allclose(np.exp(family.log_probability(D))[0], twin.pmf(D), rtol=1e-10, atol=1e-15)


def test_a_tail_is_the_rest_of_the_distribution():
    for family in (Geometric([0.7, 0.2], [3, 1]), Histogram([[0.2, 0.0, 0.8], [0.0, 1.0, 0.0]], tail=[0.9, 0.5])):
        table = family.log_weights()
        last = [np.flatnonzero(row > NEVER)[-1] + 1 for row in table]
        for j in range(2):
            beyond = np.maximum(D - last[j], 0)
            written_out = table[j, np.minimum(D, last[j]) - 1] + beyond * family.log_tail[j]
            np.testing.assert_allclose(written_out, family.log_probability(D)[j], rtol=1e-12)
        np.testing.assert_allclose(np.exp(log_survival(table, family.log_tail))[:, 0], 1.0, rtol=1e-12)


def likelihood(family, counts):
    log = family.log_probability(np.arange(1, counts.shape[1] + 1))
    return float(np.sum(counts * np.where(counts > 0, log, 0.0)))


@given(seeds, st.integers(1, 4))
def test_an_update_has_the_largest_likelihood(seed, shortest):
    rng = np.random.default_rng(seed)
    counts = rng.gamma(0.5, 10.0, (1, 30)) * (rng.random((1, 30)) < 0.5)
    counts[0, : shortest - 1] = 0.0
    counts[0, shortest + 1] += 1.0
    start = rng.uniform(0.1, 0.9, 1)

    def negative(make):
        return lambda x: -likelihood(make(x), counts)

    for family, make in [
        (Geometric(start, shortest), lambda x: Geometric([1 / (1 + np.exp(x))], shortest)),
        (Poisson(shortest + start, shortest), lambda x: Poisson([shortest + np.exp(x)], shortest)),
    ]:
        best = optimize.minimize_scalar(negative(make), bounds=(-12, 12), method="bounded", options={"xatol": 1e-8})
        assert likelihood(family.update(counts), counts) == pytest.approx(-best.fun, rel=1e-8)
    found = NegativeBinomial(1.0, start, shortest).update(counts)
    for factor in (0.5, 0.99, 1.01, 2.0):  # no other size, with the best `stay` for it, is better
        size = found.size * factor
        mean = found.size * found.stay / (1 - found.stay)
        other = NegativeBinomial(size, mean / (mean + size), shortest)
        assert likelihood(other, counts) <= likelihood(found, counts) + 1e-9 * abs(likelihood(found, counts))
    np.testing.assert_allclose(Histogram(np.ones((1, 30))).update(counts).probability, counts / counts.sum())


def test_counts_that_spread_no_more_than_a_poisson_give_a_poisson():
    counts = np.array([[0.0, 0.0, 5.0, 0.0, 0.0, 0.0]])
    found = NegativeBinomial([1.0], [0.5]).update(counts)
    np.testing.assert_allclose(found.log_weights(6), Poisson([3.0]).log_weights(6), atol=1e-4)
    assert NegativeBinomial([1.0], [0.5], 3).update(counts).stay == 0.0


@pytest.mark.parametrize(
    "family",
    [
        Geometric([0.3, 0.6], [1, 2]),
        Poisson([2.0, 6.0], [1, 2]),
        NegativeBinomial([1.5, 3.0], [0.3, 0.6]),
        Histogram([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]], tail=[0.0, 0.5]),
    ],
    ids=lambda family: type(family).__name__,
)
@pytest.mark.parametrize("right_censored", [False, True])
def test_em_never_lowers_the_likelihood(family, right_censored):
    rng = np.random.default_rng(0)
    means = np.array([-1.0, 1.0])
    X = [(means[np.repeat([0, 1, 0, 1], rng.poisson(4, 4) + 1)]) for _ in range(6)]
    scores = [-0.5 * (x[:, None] + rng.normal(size=(len(x), 1)) - means) ** 2 for x in X]
    totals = []
    for _ in range(8):
        graph = SegmentGraph(
            topologies.cycle(2, stay=False), family.log_weights(12), tail=family.log_tail, right_censored=right_censored
        )
        counts = lattice.expected_counts(graph, scores)
        totals.append(counts.log_partition.sum())
        family = family.update(counts.durations, counts.tail)
    assert np.all(np.diff(totals) >= -1e-9) and totals[-1] > totals[0]


@given(seeds)
def test_survival_adds_up_what_is_left(seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(2, 5))
    tail = np.array([NEVER, -0.3])
    found = np.exp(log_survival(table, tail))
    beyond = np.exp(table[1, -1] + tail[1] * np.arange(1, 2000)).sum()
    exact = np.cumsum(np.exp(table)[:, ::-1], axis=1)[:, ::-1] + [[0.0], [beyond]]
    np.testing.assert_allclose(found, exact, rtol=1e-10)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Geometric([1.0]), "stay is 1.0"),
        (lambda: Geometric([[0.5]]), "one number per state"),
        (lambda: Poisson([1.0], 2), "mean - shortest is -1.0"),
        (lambda: NegativeBinomial([0.0], [0.5]), "size is 0.0"),
        (lambda: NegativeBinomial([np.nan], [0.5]), "size is nan"),
        (lambda: Histogram([0.5, 0.5]), r"shape \(2,\); expected \(n_states, longest\)"),
        (lambda: Histogram([[-0.5, 0.5]]), "0 or more"),
        (lambda: Geometric([0.5], 0), "shortest is 0"),
        (lambda: Geometric([0.5], 1.5), "shortest is 1.5"),
        (lambda: Geometric([0.5]).update([[1.0], [1.0]]), r"counts have shape \(2, 1\)"),
        (lambda: Geometric([0.5]).update([[np.nan]]), "finite numbers"),
    ],
)
def test_bad_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
