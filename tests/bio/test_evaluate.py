"""Scores of a gene finder, counted by hand and by a slow twin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import Gene, GeneScores, evaluate
from hmmseq.errors import DataError

FORWARD, REVERSE = Gene("c", 1, 90, "+"), Gene("c", 200, 290, "-")
PSEUDO = Gene("c", 300, 390, "+", pseudo=True)
JOINED = Gene("c", 400, 490, "+", pieces=((400, 420), (430, 490)))
PARTIAL = Gene("c", 500, 590, "-", partial_right=True)
ANNOTATED = [FORWARD, REVERSE, PSEUDO, JOINED, PARTIAL]


def test_the_annotation_itself_is_perfect():
    scores = evaluate(ANNOTATED, ANNOTATED)
    assert scores.ends == GeneScores(n_annotated=2, n_predicted=5, n_found=2, n_exact=2, n_false=0)
    assert scores.recall == scores.precision == scores.f1 == scores.exact_f1 == scores.start_accuracy == 1


def test_a_wrong_start_counts_at_the_other_end_only():
    # On "-" the gene begins at `end`: a changed `end` is a wrong start, a changed `start` another gene.
    scores = evaluate([Gene("c", 31, 90, "+"), Gene("c", 200, 260, "-")], ANNOTATED)
    assert (scores.n_found, scores.n_exact, scores.n_false) == (2, 0, 0)
    scores = evaluate([Gene("c", 1, 60, "+"), Gene("c", 230, 290, "-")], ANNOTATED)
    assert (scores.n_found, scores.n_exact, scores.n_false) == (0, 0, 2)


def test_sequence_and_strand_matter():
    scores = evaluate([Gene("d", 1, 90, "+"), Gene("c", 90, 180, "-"), FORWARD], ANNOTATED)
    assert (scores.n_found, scores.n_false) == (1, 2)


def test_unusable_genes_count_neither_way():
    scores = evaluate([FORWARD, PSEUDO, JOINED, PARTIAL], ANNOTATED)
    assert (scores.recall, scores.precision) == (0.5, 1)


def test_shares():
    scores = GeneScores(n_annotated=10, n_predicted=9, n_found=8, n_exact=6, n_false=1)
    assert scores.recall == pytest.approx(0.8)
    assert scores.precision == pytest.approx(8 / 9)
    assert scores.f1 == pytest.approx(2 / (1 / 0.8 + 9 / 8))
    assert scores.exact_recall == pytest.approx(0.6)
    assert scores.exact_precision == pytest.approx(6 / 9)
    assert scores.exact_f1 == pytest.approx(2 / (1 / 0.6 + 9 / 6))
    assert scores.start_accuracy == pytest.approx(0.75)


def test_listing_every_start_does_not_pay():
    scores = evaluate([Gene("c", start, 90, "+") for start in (31, 1, 61)], ANNOTATED)
    assert (scores.n_found, scores.n_exact, scores.n_false) == (1, 0, 2)


def test_either_start_of_two_isoforms_is_right():
    isoforms = [FORWARD, Gene("c", 31, 90, "+")]
    for isoform in isoforms:
        assert evaluate([isoform], isoforms).ends == GeneScores(1, 1, 1, 1, 0)


def test_nothing_to_count_is_zero():
    assert evaluate([], ANNOTATED).f1 == evaluate([FORWARD], []).f1 == evaluate([], []).f1 == 0


def test_sequences_named_differently_are_an_error():
    with pytest.raises(DataError, match=r"lie on 'd', annotated genes on 'c'; the sequence ids must be the same"):
        evaluate([Gene("d", 1, 90, "+")], ANNOTATED)


def test_the_table():
    assert str(GeneScores(10, 9, 8, 6, 1)).splitlines() == [
        "9 genes predicted, 10 annotated and usable",
        "                       recall  precision         F1",
        "3' end                 80.00%     88.89%     84.21%",
        "3' end and start       60.00%     66.67%     63.16%",
    ]


small_genes = st.lists(
    st.builds(
        lambda start, length, strand, pseudo: Gene("c", start, start + length, strand, pseudo=pseudo),
        st.integers(1, 3),
        st.integers(0, 3),
        st.sampled_from("+-"),
        st.booleans(),
    ),
    max_size=8,
)


@given(small_genes, small_genes)
def test_counts_agree_with_going_through_all_pairs(predicted, annotated):
    def same_stop(a, b):
        return a.strand == b.strand and a.three_prime == b.three_prime

    found = exact = false = 0
    for i, gene in enumerate(predicted):
        repeated = any(same_stop(gene, earlier) for earlier in predicted[:i])
        usable = [other for other in annotated if same_stop(gene, other) and other.usable]
        found += bool(usable) and not repeated
        exact += any(gene.five_prime == other.five_prime for other in usable) and not repeated
        false += repeated or not any(same_stop(gene, other) for other in annotated)
    scores = evaluate(predicted, annotated)
    assert (scores.n_found, scores.n_exact, scores.n_false) == (found, exact, false)
    assert scores.n_found <= scores.n_annotated
