"""Letters to codes and back."""

import numpy as np
import pytest
from Bio.Data import IUPACData
from Bio.Seq import reverse_complement as biopython_reverse_complement
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import DNA, PROTEIN, Alphabet, reverse_complement
from hmmseq.errors import DataError

dna_text = st.text("ACGTacgtNnRYSWKMBDHVryswkmbdhv", max_size=50)


def test_bases_have_their_codes_in_both_cases():
    assert DNA.encode("ACGTacgtUu").tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 3, 3]
    assert DNA.encode(b"ACGT").dtype == np.uint8


def test_every_other_iupac_letter_is_missing():
    others = set(IUPACData.ambiguous_dna_letters) - set("ACGT")
    assert set(DNA.encode("".join(others))) == {DNA.missing} == {4}


def test_amino_acids_have_their_codes():
    assert PROTEIN.encode(IUPACData.protein_letters).tolist() == list(range(20))
    assert set(PROTEIN.encode("XBZUOJxbzuoj")) == {PROTEIN.missing} == {20}
    assert sorted(PROTEIN.letters.upper().decode()) == sorted(2 * IUPACData.extended_protein_letters)


def test_codes_may_be_written_to():
    DNA.encode("ACGT")[0] = 3
    assert DNA.encode("A") == [0]


@given(dna_text)
def test_reverse_complement_is_biopythons(text):
    open_text = "".join(c if c in "ACGT" else "N" for c in text.upper())
    assert DNA.decode(reverse_complement(DNA.encode(text))) == biopython_reverse_complement(open_text)


@given(st.text(PROTEIN.symbols + "X"))
def test_decode_undoes_encode(text):
    assert PROTEIN.decode(PROTEIN.encode(text)) == text


@pytest.mark.parametrize("letter", ["E", "f", "-", "*", " ", "1", "\0", "é", "Ω"])
def test_an_illegal_letter_is_named_with_its_position(letter):
    with pytest.raises(DataError, match=r"record 'x' has .* at position 3.* DNA") as caught:
        DNA.encode("AC" + letter + "F", name="record 'x'")
    assert repr(letter) in str(caught.value)


def test_an_alphabet_of_ones_own():
    binary = Alphabet("purine", "RY", "N", synonyms=(("A", "R"), ("G", "R"), ("C", "Y"), ("T", "Y")))
    assert binary.encode("AGCTn").tolist() == [0, 0, 1, 1, 2]
    assert hash(binary) == hash(Alphabet("purine", "RY", "N", binary.synonyms))
