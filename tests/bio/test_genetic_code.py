"""Genetic codes agree with Biopython's copy of NCBI's tables."""

import numpy as np
import pytest
from Bio.Data import CodonTable
from Bio.Seq import translate as biopython_translate
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import DNA, GeneticCode, codons
from hmmseq.errors import DataError

TABLES = [*range(1, 7), *range(9, 17), *range(21, 34)]
CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT"]


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_ncbis(table):
    code, theirs = GeneticCode.from_table(table), CodonTable.unambiguous_dna_by_id[table]
    assert dict(zip(CODONS, code.letters)) == {c: theirs.forward_table.get(c, "*") for c in CODONS}
    assert {CODONS[c] for c in code.stops} == set(theirs.stop_codons)
    assert {CODONS[c] for c in code.starts} == set(theirs.start_codons)
    assert code.table == table and code.name in theirs.names


# In tables 27, 28 and 31 some stops also mean an amino acid; Biopython does not translate those.
@given(
    st.sampled_from([t for t in TABLES if t not in (27, 28, 31)]),
    st.lists(st.sampled_from(CODONS), max_size=8),
)
def test_translates_as_biopython_does(table, triples):
    text = "".join(triples)
    assert GeneticCode.from_table(table).translate(DNA.encode(text)) == biopython_translate(text, table)


def test_missing_bases_are_resolved_where_all_readings_agree():
    assert GeneticCode.from_table(11).translate(DNA.encode("GGNTANNNNCTNATHACR")) == "GXXLXT"


def test_a_first_codon_that_can_start_is_methionine():
    code = GeneticCode.from_table(11)
    assert code.translate(DNA.encode("GTGGTGTAA")) == "VV*"
    assert code.translate(DNA.encode("GTGGTGTAA"), from_start=True) == "MV*"
    assert code.translate(DNA.encode("GCAGTG"), from_start=True) == "AV"
    assert code.translate(DNA.encode(""), from_start=True) == ""


def test_tga_is_tryptophan_in_table_4():
    assert GeneticCode.from_table(4).translate(DNA.encode("TGATAA")) == "W*"


@given(st.lists(st.integers(0, 63), max_size=20))
def test_codons_are_base_four_numbers(numbers):
    sequence = DNA.encode("".join(CODONS[n] for n in numbers))
    assert codons(sequence).tolist() == numbers


def test_a_codon_with_a_missing_base_is_64():
    assert codons(DNA.encode("NNNAAAACN")).tolist() == [64, 0, 64]
    assert codons(np.empty(0, np.uint8)).tolist() == []


@pytest.mark.parametrize("text", ["A", "ACGT", "ACGTA"])
def test_parts_of_codons_are_refused(text):
    for ask in (codons, GeneticCode.from_table(1).translate):
        with pytest.raises(DataError, match=f"{len(text)} bases are not whole codons"):
            ask(DNA.encode(text))


@pytest.mark.parametrize("table", [0, 7, 8, 17, 99, -1, "11", None])
def test_an_unknown_table_is_refused(table):
    with pytest.raises(DataError, match=r"unknown; NCBI's are 1, 2, 3"):
        GeneticCode.from_table(table)


def test_a_code_of_ones_own():
    letters = GeneticCode.from_table(1).amino_acids.replace("*", "W", 1)
    code = GeneticCode(letters)
    assert code.translate(DNA.encode("TAATAGTGAATG")) == "W**M"
    assert [CODONS[c] for c in code.starts] == ["ATG"]
    assert [CODONS[c] for c in code.stops] == ["TAG", "TGA"]
    assert code.table is None


@pytest.mark.parametrize("letters", ["", "A" * 63, "A" * 63 + "1", "a" * 64])
def test_a_wrong_code_is_refused(letters):
    with pytest.raises(DataError, match=r"amino_acids is .* letters\); expected 64"):
        GeneticCode(letters)
    with pytest.raises(DataError, match="marks is"):
        GeneticCode("A" * 64, "M" * 63 + "x")
