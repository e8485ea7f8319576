"""Genes in one piece and in several: coordinates, phases, sequences, and names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import DNA, Gene, GeneticCode
from hmmseq.bio.gene import identifiers

pytest.importorskip("Bio")
from Bio.Seq import Seq
from Bio.SeqFeature import CompoundLocation, SimpleLocation


@st.composite
def genes(draw):
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    gaps = draw(st.lists(st.integers(1, 6), min_size=len(lengths), max_size=len(lengths)))
    ends = np.cumsum(np.column_stack([gaps, lengths]).ravel()).reshape(-1, 2)
    pieces = [(int(a) + 1, int(b)) for a, b in ends]
    cut = draw(st.tuples(st.booleans(), st.booleans()))
    return Gene.of_pieces(
        "c", draw(st.permutations(pieces)), draw(st.sampled_from("+-")), partial_left=cut[0], partial_right=cut[1]
    )


def location(pieces, strand):
    """The same place for Biopython, which joins pieces as they are transcribed."""
    parts = [SimpleLocation(first - 1, last, 1 if strand == "+" else -1) for first, last in pieces]
    parts = parts if strand == "+" else parts[::-1]
    return CompoundLocation(parts) if len(parts) > 1 else parts[0]


@given(genes(), st.integers(0, 2**32 - 1))
def test_sequences_agree_with_biopython(gene, seed):
    letters = "".join(np.random.default_rng(seed).choice(list("ACGTN"), gene.end + 3))
    expected = str(location(gene.coding_pieces, gene.strand).extract(Seq(letters)))
    assert DNA.decode(gene.coding_sequence(DNA.encode(letters))) == expected
    assert gene.coding_length == len(expected)


@given(genes(), st.integers(0, 2))
def test_phases_count_codons_along_the_transcript(gene, phase):
    gene = Gene.of_pieces("c", gene.coding_pieces, gene.strand, phase=phase)
    step = 1 if gene.strand == "+" else -1
    done = 0
    for (first, last), found in list(zip(gene.coding_pieces, gene.phases))[::step]:
        assert (done + found - phase) % 3 == 0 and 0 <= found <= 2
        done += last - first + 1


def bases(pieces):
    return [base for first, last in pieces for base in range(first, last + 1)]


@given(genes())
def test_start_and_stop_codons_are_the_outermost_bases(gene):
    coding = bases(gene.coding_pieces)[:: 1 if gene.strand == "+" else -1]
    enough = len(coding) >= 3
    assert bases(gene.start_codon()) == (sorted(coding[:3]) if enough and not gene.partial_5 else [])
    assert bases(gene.stop_codon()) == (sorted(coding[-3:]) if enough and not gene.partial_3 else [])
    if len(coding) > 3 and not gene.partial_3:
        assert bases(gene.without_stop().coding_pieces) == sorted(coding[:-3])
    else:
        assert gene.without_stop() is gene


@given(genes())
def test_a_stop_that_was_left_out_comes_back(gene):
    extended = gene.with_stop()
    if gene.partial_3 or (gene.strand == "-" and gene.start <= 3):
        assert extended is gene
    else:
        assert extended.coding_length == gene.coding_length + 3 and extended.without_stop() == gene


def test_introns_lie_between_pieces():
    gene = Gene.of_pieces("c", [(20, 30), (1, 9), (40, 42)], "-")
    assert gene.pieces == ((1, 9), (20, 30), (40, 42)) and gene.introns == ((10, 19), (31, 39))
    assert Gene("c", 1, 9, "+").introns == () and Gene("c", 1, 9, "+").coding_pieces == ((1, 9),)


def test_a_gene_across_the_origin_goes_on_at_the_beginning():
    sequence = DNA.encode("GCCTAA" + "G" * 10 + "ATG")
    gene = Gene("c", 17, 25, "+")
    assert DNA.decode(gene.coding_sequence(sequence)) == "ATGGCCTAA" and gene.protein(sequence) == "MA"


def test_proteins_follow_table_phase_and_ends():
    sequence = DNA.encode("TTGTGAGCATAA")
    assert Gene("c", 1, 12, "+").protein(sequence) == "M*A"
    assert Gene("c", 1, 12, "+", transl_table=4).protein(sequence) == "MWA"
    assert Gene("c", 1, 12, "+", phase=1, partial_left=True).protein(sequence) == "CEH"
    assert Gene("c", 1, 12, "+", partial_left=True).protein(sequence, GeneticCode.from_table(4)) == "LWA"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pieces": ((1, 5), (8, 12))}, "with pieces"),
        ({"pieces": ((1, 12), (9, 8))}, "with pieces"),
        ({"piece_posteriors": (0.5, 0.5)}, "1 pieces and 2 piece_posteriors"),
    ],
)
def test_pieces_that_do_not_fit_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Gene("c", 1, 10, "+", **wrong)


def test_a_gene_needs_a_piece():
    with pytest.raises(ValueError, match="without pieces"):
        Gene.of_pieces("c", [], "+")


def test_identifiers_are_unique_whatever_sequences_are_called():
    genes = [
        Gene("a", 1, 9, "+"),
        Gene("a_1", 1, 9, "+"),
        Gene("a", 1, 9, "+", id="a_1_1"),
        Gene("a", 1, 9, "+", id="a_1_1"),
    ]
    names = identifiers(genes)
    assert names == ["a_1", "a_1_2", "a_1_1", "a_2"] and identifiers(genes) == names
