"""HMMTagger: counts and interpolation by hand, graphs by enumeration."""

from itertools import product

import numpy as np
import pytest

import hmmseq
from hmmseq import HMMTagger, lattice
from hmmseq.models import ngrams
from hmmseq.models.lexicon import Lexicon, WordsInContext, mix

X = [["the", "dog", "barks"], ["a", "cat", "sleeps"], ["dogs", "sleep"], ["the", "dog", "sleeps"]]
Y = [["D", "N", "V"], ["D", "N", "V"], ["N", "V"], ["D", "N", "V"]]


def test_deleted_interpolation_by_hand():
    # Tags 0 1 0 1 | 0, the boundary being 2. Singles: 0 three times, 1 twice, 2 twice, of 7.
    counts = ngrams.count(np.array([0, 1, 0, 1, 0]), np.array([0, 4, 4, 5]), 2)
    np.testing.assert_array_equal(counts.singles, [3, 2, 2])
    np.testing.assert_array_equal(counts.pairs, [[0, 2, 1], [1, 0, 1], [2, 0, 0]])
    # pair (times): share alone, share of the pair, both with one occurrence left out
    # 01 (2): 1/6, 1/2 -> pair     02 (1): 1/6, 0 -> single     10 (1): 2/6, 0 -> single
    # 12 (1): 1/6, 0 -> single     20 (2): 2/6, 1/1 -> pair
    np.testing.assert_allclose(ngrams.interpolation(counts, 1), [3 / 7, 4 / 7])
    np.testing.assert_allclose(
        ngrams.probabilities(counts, 1)[0], [3 / 7 * 3 / 7, 3 / 7 * 2 / 7 + 4 / 7 * 2 / 3, 3 / 7 * 2 / 7 + 4 / 7 / 3]
    )


@pytest.mark.parametrize("order", [1, 2])
def test_the_probabilities_of_all_tag_sequences_follow_the_chain_rule(order):
    rng = np.random.default_rng(order)
    n, steps = 3, 4
    counts = ngrams.count(rng.integers(0, n, 40), np.array([0, 15, 16, 30, 40]), n)
    table = ngrams.probabilities(counts, order)
    np.testing.assert_allclose(table[..., :].sum(-1)[(n,) * order], 1.0)
    scores = rng.normal(size=(steps, n))
    total = 0.0
    for path in product(range(n), repeat=steps):
        row = [n, n, *path, n]
        p = np.prod([table[tuple(row[k - order : k + 1])] for k in range(2, len(row))])
        total += p * np.exp(sum(scores[t, j] for t, j in enumerate(path)))
    found = lattice.log_partition(ngrams.tag_graph(table), np.tile(scores, (1, n + 1 if order == 2 else 1)))
    np.testing.assert_allclose(found, np.log(total), rtol=1e-12)


def test_endings_by_hand():
    # "as" is 0 twice, "is" is 1 once. Endings: "" 2 + 1, "s" 2 + 1, "as" 2, "is" 1; two kinds weigh as much as two words.
    lexicon = Lexicon.learn(["as", "is", "as"], np.array([0, 1, 0]), 2, longest=2, rare=10)
    share = np.array([2, 1]) / 3
    none = (np.array([2, 1]) + 2 * share) / 5
    last = (np.array([2, 1]) + 2 * none) / 5
    np.testing.assert_allclose(lexicon.log_scores(["us"])[0], np.log(last / [2, 1]))
    both = (np.array([2, 0]) + last) / 3
    np.testing.assert_allclose(lexicon.log_scores(["oas"])[0], np.log(both / [2, 1]))
    np.testing.assert_allclose(lexicon.log_scores(["as"])[0], np.log(mix(np.array([2, 0]), both) * 2 / [2, 1]))
    np.testing.assert_allclose(lexicon.log_scores(["Oas"])[0], np.log(share / [2, 1]))  # no capitals were seen
    np.testing.assert_allclose(lexicon.log_scores(["As"])[0], np.log(mix(np.array([2, 0]), share) * 2 / [2, 1]))


def test_words_in_context_by_hand():
    # Pairs of tags 0 and 1: opening 0 is number 0, opening 1 is 1, 0 0 is 2, 0 1 is 3.
    words, pairs = ["a", "b", "a", "b", "a", "a"], np.array([0, 3, 0, 3, 1, 3])
    lexicon = Lexicon.learn(words, pairs % 2, 2, longest=0, rare=0)
    context = WordsInContext.learn(lexicon, words, pairs)
    # a, pair 0 (2): alone (2 - 1) / (2 - 1), pair 1 / 1 -> alone, of equals    a, pair 1 (1): alone 1/3, pair 0 -> alone
    # b, pair 3 (2): alone 1/3, pair 1/2 -> pair                                a, pair 3 (1): alone 1/3, pair 0 -> alone
    assert context.weight == pytest.approx(2 / 6)
    alone, found = np.exp(lexicon.log_scores(["b"])[0]), np.exp(context.log_scores(["b", "never"]))
    np.testing.assert_allclose(found[0], 2 / 3 * np.tile(alone, 3) + 1 / 3 * np.array([0, 0, 0, 2 / 3, 0, 0]))
    np.testing.assert_allclose(found[1], np.tile(np.exp(lexicon.log_scores(["never"])[0]), 3))


def test_groups_of_sentences_do_not_matter(monkeypatch):
    model = HMMTagger().fit(X, Y)
    whole = model.predict_proba(X)
    monkeypatch.setattr("hmmseq.models.hmm_tagger.GROUP_SCORES", 1)
    for ours, theirs in zip(model.predict_proba(X), whole):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2])
def test_tags_sentences(order, tmp_path):
    model = HMMTagger(order=order).fit(X, Y)
    assert model.predict(["a", "rat", "sleeps"]).tolist() == ["D", "N", "V"]
    assert model.score(X, Y) == 1.0
    np.testing.assert_allclose(model.predict_proba(X)[1].sum(1), 1.0)
    assert [len(found) for found in model.predict([[], ["the"]])] == [0, 1]
    model.save(tmp_path / "m")
    again = hmmseq.load(tmp_path / "m")
    for ours, theirs in zip(again.predict_proba(X), model.predict_proba(X)):
        np.testing.assert_array_equal(ours, theirs)


def test_unknown_tags_are_left_out():
    more = HMMTagger().fit([*X, ["the", "emu"]], [*Y, ["D", None]])
    np.testing.assert_array_equal(more.graph_.edge, HMMTagger().fit(X, Y).graph_.edge)
    assert more.lexicon_.counts[more.lexicon_.row["the"]].sum() == 3


@pytest.mark.parametrize(
    ("words", "labels", "message"),
    [
        ([], [], "expected a list of sentences"),
        ("text", ["x"], "expected a list of sentences"),
        ([["a"], "b"], [["x"], ["y"]], r"X\[1\] is 'b'"),
        ([["a", 3]], [["x", "y"]], r"X\[0\] has 3 at position 1"),
        ([["a"]], [["x", "y"]], "one label per step"),
        ([["a", "b"]], [["x", None]], "unknown tag in every sentence"),
    ],
)
def test_bad_data(words, labels, message):
    with pytest.raises(ValueError, match=message):
        HMMTagger().fit(words, labels)


@pytest.mark.parametrize("options", [{"order": 3}, {"rare": -1}, {"longest_ending": 1.5}])
def test_bad_parameters(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} is"):
        HMMTagger(**options).fit(X, Y)
