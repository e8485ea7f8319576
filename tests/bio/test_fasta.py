"""FASTA: good files read as Biopython reads them, bad ones are refused with the place."""

import gzip
import io
import sys

import pytest
from Bio.SeqIO.FastaIO import SimpleFastaParser
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import DNA, PROTEIN, read_fasta
from hmmseq.errors import DataError

GOOD = b">chr1 first sequence\nACGT\nNNac\n>lcl|x|y.2\tsecond\nTTTT\n\n>empty\n>last\nA"


class Drip(io.BytesIO):
    """A file that hands out a few bytes at a time, so that blocks end everywhere."""

    step = 3

    def read(self, size=-1):
        return super().read(min(size, self.step))


def records(data, **options):
    return list(read_fasta(io.BytesIO(data), **options))


def sequences(data, **options):
    return [record.sequence for record in records(data, **options)]


def refused(data, message, **options):
    with pytest.raises(DataError, match=message):
        records(data, **options)


# Good files


def test_ids_descriptions_and_sequences():
    assert records(GOOD) == [
        ("chr1", "first sequence", b"ACGTNNac"),
        ("lcl|x|y.2", "second", b"TTTT"),
        ("empty", "", b""),
        ("last", "", b"A"),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_line_ends_and_block_borders_do_not_matter(end, step):
    file = Drip(b"\xef\xbb\xbf" + GOOD.replace(b"\n", end))
    file.step = max(step, 3)  # the byte order mark is looked for in the first block
    assert list(read_fasta(file)) == records(GOOD)


header = st.from_regex(r"[!-=?-~]{1,8}( [ -~]{0,10})?", fullmatch=True)
entry = st.tuples(header, st.lists(st.text("ACGTNacgtn", min_size=1, max_size=7), max_size=3))


@given(st.lists(entry, min_size=1, max_size=5), st.booleans(), st.integers(1, 40))
def test_agrees_with_biopython(entries, packed, step):
    text = "".join(f">{title}\n" + "".join(f"{line}\n" for line in lines) for title, lines in entries)
    expected = [(title.split()[0], sequence) for title, sequence in SimpleFastaParser(io.StringIO(text))]
    file = Drip(gzip.compress(text.encode()) if packed else text.encode())
    file.step = 40 if packed else step
    found = [(r.id, r.sequence.decode()) for r in read_fasta(file, duplicates="keep", alphabet=DNA)]
    assert found == expected


def test_gzip_is_known_by_content(tmp_path):
    path = tmp_path / "genome.fna"
    path.write_bytes(gzip.compress(GOOD))
    assert list(read_fasta(path)) == list(read_fasta(str(path))) == records(GOOD)


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD)))
    assert list(read_fasta("-")) == records(GOOD)


def test_sequences_longer_than_a_block():
    long = b"ACGTTGCAAC" * 250_000
    folded = b"\n".join(long[i : i + 70] for i in range(0, len(long), 70))
    assert sequences(b">a\n" + long + b"\n>b\n" + folded) == [long, long]


def test_a_record_becomes_codes():
    [record] = records(b">x\nACGTN\n")
    assert record.encode().tolist() == [0, 1, 2, 3, 4]
    assert record.encode(PROTEIN).tolist() == [0, 1, 5, 16, 11]


def test_rna_and_iupac_letters_are_dna():
    assert sequences(b">x\nACGURYSWKMBDHVNacgu\n", alphabet=DNA) == [b"ACGURYSWKMBDHVNacgu"]


def test_a_last_stop_of_a_protein_is_dropped():
    assert sequences(b">x\nMKV*\n>y\nMK\n*\n", alphabet=PROTEIN) == [b"MKV", b"MK"]
    assert sequences(b">x\nMKV*\n") == [b"MKV"]


def test_a_latin_1_header_is_read():
    [record] = records(b">x prot\xe9ine\nMK\n")
    assert record.description == "prot\ufffdine"


def test_a_byte_order_mark_is_read_over():
    assert sequences(b"\xef\xbb\xbf>x\nACGT\n") == [b"ACGT"]


def test_blank_lines_before_the_first_header():
    assert sequences(b"\n \n>x\nACGT\n") == [b"ACGT"]


# Bad files


@pytest.mark.parametrize("data", [b"", b"\n\r\n ", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_file(data):
    refused(data, "input: empty; expected FASTA")


def test_no_header():
    refused(b"ACGT\n", "line 1: no header.*'ACGT'")
    refused(b"\n\nACGT\n>x\nA\n", "line 3: no header")
    refused(b";comment\n>x\nACGT\n", "line 1: no header")


def test_a_header_without_a_name():
    refused(b">x\nAC\n>\nACGT\n", "line 3: a header without a name")
    refused(b"> \t\nACGT\n", "line 1: a header without a name")


def test_a_nul_byte():
    refused(b">x\nAC\0GT\n", "NUL byte at offset 5")
    refused(">x\nACGT\n".encode("utf-16"), "NUL byte at offset 3.*UTF-16")


@pytest.mark.parametrize("letter", [b"1", b" ", b"\t"])
def test_blanks_and_digits_unless_lenient(letter):
    data = b">x\nACGT\nAC" + letter + b"GT\n"
    refused(data, r"line 3: record 'x' has .* at position 7.*lenient=True")
    assert sequences(data, lenient=True) == [b"ACGTACGT"]


def test_lenient_reads_numbered_lines_but_no_gaps():
    assert sequences(b">x\n 1 acgt acgt\n 9 ac\n", lenient=True) == [b"acgtacgtac"]
    refused(b">x\nAC-GT\n", "position 3; gaps", lenient=True)


@pytest.mark.parametrize("gap", [b"-", b".", b"~"])
@pytest.mark.parametrize("alphabet", [None, DNA, PROTEIN])
def test_gaps(gap, alphabet):
    refused(b">x\nAC" + gap + b"GT\n", "record 'x' has .* at position 3; gaps", alphabet=alphabet)


def test_a_stop_anywhere_else():
    refused(b">x\nAC*\n", "position 3; a stop", alphabet=DNA)
    for alphabet in (None, PROTEIN):
        refused(b">w\nAC\n>x\nAC*GT\n", "line 3: record 'x' has '\\*' at position 3; a stop", alphabet=alphabet)
        refused(b">x\nACGT**\n", "position 5; a stop", alphabet=alphabet)


def test_protein_given_for_dna():
    refused(b">w\nACGT\n>x\nACGT\nACGEF\n", "line 5: record 'x' has 'E' at position 8.*DNA", alphabet=DNA)


def test_other_bytes():
    refused(b">x\nAC>GT\n", "'>' at position 3")
    refused(b">x\nAC\xe9GT\n", "'é' at position 3", alphabet=DNA)


def test_the_line_is_right_with_carriage_returns():
    refused(b">x\r\nACGT\r\nAC!GT\r\n", "line 3: record 'x' has '!' at position 7")


def test_duplicate_ids():
    data = b">x\nA\n>x other\nC\n>x\nG\n>x_2\nT\n"
    refused(data, "line 3: id 'x' again, as on line 1")
    assert [r.id for r in records(data, duplicates="rename")] == ["x", "x_2", "x_3", "x_2_2"]
    assert [r.id for r in records(data, duplicates="keep")] == ["x", "x", "x", "x_2"]
    with pytest.raises(ValueError, match="'drop'; choose"):
        read_fasta(io.BytesIO(data), duplicates="drop")  # type: ignore[arg-type]


def test_truncated_and_damaged_gzip():
    packed = gzip.compress(GOOD)
    refused(packed[:-9], "truncated")
    refused(packed[:-8] + b"\0\0\0\0" + packed[-4:], "damaged")


def test_a_sequence_that_is_too_long():
    assert sequences(b">x\nACGT\n", max_sequence_length=4) == [b"ACGT"]
    refused(b">w\nAC\n>x\nAC\nGTA\n", "record 'x' is longer than max_sequence_length=4", max_sequence_length=4)


def test_a_gzip_bomb():
    bomb = gzip.compress(b">x\n" + b"A" * (20 << 20))
    refused(bomb, "max_ratio")
    refused(bomb, "max_sequence_length", max_ratio=2000, max_sequence_length=1 << 20)


def test_an_endless_header():
    refused(b">x\nACGT\n>" + b"y" * (3 << 20), "line 3: a header longer than")


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(read_fasta(tmp_path / "missing.fa"))


def test_the_message_names_the_file(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b">x\nAC!T\n")
    with pytest.raises(DataError, match=r"genome\.fa, line 2: "):
        list(read_fasta(path))


edit = st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(["set", "insert", "delete"]), st.binary(max_size=3))


@given(st.lists(edit, max_size=6), st.booleans(), st.booleans(), st.sampled_from([None, DNA, PROTEIN]))
def test_mutated_files_are_read_or_refused(edits, packed, lenient, alphabet):
    data = gzip.compress(GOOD) if packed else GOOD
    for place, what, new in edits:
        at = int(place * len(data))
        data = data[:at] + (b"" if what == "delete" else new) + data[at + (what != "insert") :]
    try:
        for record in records(data, lenient=lenient, alphabet=alphabet):
            record.encode(alphabet or PROTEIN)
    except DataError as error:
        assert "\n" not in str(error)
