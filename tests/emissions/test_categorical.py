"""Symbols and words of symbols, against tables looked up one step at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq import Sequences
from hmmseq.emissions import Categorical
from hmmseq.emissions.base import add
from hmmseq.emissions.categorical import words
from strategies import seeds


def slow_words(X, n_symbols, order):
    """The number that each symbol and those before it spell; n_symbols ** (order + 1) where one is missing."""
    out = []
    for x in X:
        for t in range(len(x)):
            word = [x[t - back] if t >= back else -1 for back in range(order, -1, -1)]
            number = 0
            for symbol in word:
                number = number * n_symbols + symbol
            out.append(n_symbols ** (order + 1) if -1 in word else number)
    return out


def random_case(rng, order, n_labels=2, n_symbols=3):
    """An emission with random parameters, and sequences with missing symbols that it has observed."""
    X = [rng.integers(-1, n_symbols, n) for n in (1, 0, order + 1, 12, 2, 30)]
    emission = Categorical(n_symbols, order=order)
    packed = emission.observe(Sequences.pack(X))
    emission.initialise(packed, n_labels, rng)
    return emission, packed, X


@given(seeds, st.integers(1, 3), st.integers(1, 4))
def test_words_spell_symbols_oldest_first(seed, order, n_symbols):
    rng = np.random.default_rng(seed)
    X = [rng.integers(-1, n_symbols, n) for n in rng.integers(0, 7, 5)]
    packed = Sequences.pack([np.zeros(0, int), *X])
    code = np.where(packed.values < 0, n_symbols, packed.values).astype(np.int32)
    expected = slow_words(X, n_symbols, order)
    assert words(code, packed.offsets, n_symbols, order).tolist() == expected


@given(seeds, st.integers(0, 2))
def test_scores_are_the_logarithms_of_the_table(seed, order):
    emission, packed, X = random_case(np.random.default_rng(seed), order)
    found = emission.log_scores(packed)
    scores = found.steps.unpack(found.table[found.code])
    for x, rows in zip(X, scores):
        for t, row in enumerate(rows):
            word = tuple(x[max(t - order, 0) : t + 1].tolist())
            known = len(word) == order + 1 and -1 not in word
            context = [sum(s * 3**k for k, s in enumerate(word[-2::-1]))] if order else []
            for label in range(2):
                expected = np.log(emission.emissionprob_[(label, *context, word[-1])]) if known else 0.0
                assert row[label] == pytest.approx(expected, rel=1e-14)


@given(seeds, st.integers(0, 2))
def test_statistics_of_two_parts_add_up_to_those_of_the_whole(seed, order):
    rng = np.random.default_rng(seed)
    emission, packed, X = random_case(rng, order)
    weight = rng.random((len(packed.values), 2))

    def statistics(first, last):
        part = emission.observe(Sequences.pack(X[first:last]))
        table = np.zeros_like(emission.log_scores(part).table)
        low, high = packed.offsets[[first, last]]
        np.add.at(table, part.values, weight[low:high])
        return emission.statistics(part, table)

    whole, parts = statistics(0, len(X)), add(statistics(0, 4), statistics(4, len(X)))
    for name in whole:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-12)


@given(seeds, st.integers(0, 1), st.sampled_from([0.0, 0.7]))
def test_an_update_is_a_maximum(seed, order, pseudocount):
    """No nearby table has a larger expected log-likelihood (plus log prior)."""
    rng = np.random.default_rng(seed)
    emission, packed, _ = random_case(rng, order)
    emission.pseudocount = pseudocount
    rows = rng.gamma(1.0, size=emission.log_scores(packed).table.shape)
    emission.update(emission.statistics(packed, rows))

    def objective():
        return np.sum(rows * emission.log_scores(packed).table) + emission.log_prior()

    best, table = objective(), emission.emissionprob_
    np.testing.assert_allclose(table.sum(-1), 1.0, rtol=1e-12)
    for _ in range(5):
        moved = table * np.exp(0.05 * rng.normal(size=table.shape))
        emission.emissionprob_ = moved / moved.sum(-1, keepdims=True)
        assert objective() < best


def test_a_context_without_counts_keeps_its_probabilities():
    emission, packed, _ = random_case(np.random.default_rng(0), order=1)
    before = emission.emissionprob_.copy()
    rows = np.zeros((10, 2))
    rows[3, 0] = 2.0  # the word 1 0 under label 0
    emission.update(emission.statistics(packed, rows))
    assert emission.emissionprob_[0, 1].tolist() == [1.0, 0.0, 0.0]
    np.testing.assert_array_equal(emission.emissionprob_[0, [0, 2]], before[0, [0, 2]])
    np.testing.assert_array_equal(emission.emissionprob_[1], before[1])


def test_samples_follow_the_table():
    rng = np.random.default_rng(1)
    emission, _, _ = random_case(rng, order=1)
    labels = rng.integers(0, 2, 20_000)
    drawn = emission.sample(labels, rng)
    counts = np.zeros(emission.emissionprob_.shape)
    np.add.at(counts, (labels[1:], drawn[:-1], drawn[1:]), 1)
    np.testing.assert_allclose(counts / counts.sum(-1, keepdims=True), emission.emissionprob_, atol=0.05)


def test_the_alphabet_is_what_fit_saw_unless_it_is_given():
    emission = Categorical()
    emission.observe(Sequences.pack([[0, 2], [-1]]))
    assert emission.n_symbols_ == 3
    with pytest.raises(ValueError, match="symbol 3 at position 0"):
        emission.observe(Sequences.pack([[3]]))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_symbols": 0}, "n_symbols is 0"),
        ({"n_symbols": 2.5}, "n_symbols is 2.5"),
        ({"n_symbols": 4, "order": -1}, "order is -1"),
        ({"n_symbols": 4, "order": 1.0}, "order is 1.0"),
        ({"n_symbols": 4, "order": 16}, "make too many words"),
        ({"n_symbols": 4, "pseudocount": -1.0}, "pseudocount is -1.0"),
        ({"n_symbols": 4, "pseudocount": np.nan}, "pseudocount is nan"),
    ],
)
def test_arguments_that_make_no_table_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Categorical(**options).observe(Sequences.pack([[0, 1]]))
