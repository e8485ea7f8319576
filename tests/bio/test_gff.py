"""Genes written as GFF3 come back the same; annotation is read from GFF3, tables and GenBank."""

import dataclasses
import gzip
import io
import os
import re
import sys

import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqFeature import AfterPosition, BeforePosition, CompoundLocation, SeqFeature, SimpleLocation
from Bio.SeqRecord import SeqRecord
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import Gene, read_cds_table, read_genbank, read_gff3, write_gff3
from hmmseq.bio.gene import identifiers
from hmmseq.errors import DataError

GENES = [
    Gene("chr1", 1, 99, "+", score=12.5, posterior=0.987, partial_left=True, phase=2, transl_table=11),
    Gene("chr1", 200, 500, "-", name="dnaA"),
    Gene("plasmid p|1", 7, 66, "+", transl_table=4),
]


def written(genes, **options):
    file = io.BytesIO()
    write_gff3(genes, file, **options)
    return file.getvalue().decode()


def read(text):
    return read_gff3(io.BytesIO(text.encode()))


# Writing


def test_what_is_written():
    assert written(GENES, sequence_lengths={"chr1": 1000, "plasmid p|1": 66}).splitlines() == [
        "##gff-version 3",
        "##sequence-region chr1 1 1000",
        "##sequence-region plasmid%20p|1 1 66",
        "chr1\thmmseq\tCDS\t1\t99\t12.5\t+\t2\tID=chr1_1;transl_table=11;partial=10;posterior=0.987",
        "chr1\thmmseq\tCDS\t200\t500\t.\t-\t0\tID=chr1_2;Name=dnaA",
        "plasmid%20p|1\thmmseq\tCDS\t7\t66\t.\t+\t0\tID=plasmid p|1_1;transl_table=4",
    ]


def test_no_genes_are_a_valid_file():
    assert written([]) == "##gff-version 3\n"
    assert read(written([])) == []


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
numbers = st.none() | st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.6g}"))
genes = st.builds(
    lambda seqid, start, length, strand, score, posterior, left, right, phase, table, name: Gene(
        seqid, start, start + length, strand, score, posterior, left, right, phase, table, name
    ),
    names,
    st.integers(1, 10**9),
    st.integers(0, 10**5),
    st.sampled_from("+-"),
    numbers,
    st.none() | st.floats(0, 1).map(lambda x: float(f"{x:.6g}")),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
    st.none() | st.integers(1, 33),
    names.filter(lambda name: name == name.strip()) | st.just(""),
)


@given(st.lists(genes, max_size=5))
def test_what_is_written_is_read(genes):
    text = written(genes)
    assert read(text) == [dataclasses.replace(gene, id=name) for gene, name in zip(genes, identifiers(genes))]
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    assert len(rows) == len(genes) and {len(row) for row in rows} <= {9}
    assert not any(row[0].startswith((">", "#")) for row in rows)
    assert len({row[8].split(";")[0] for row in rows}) == len(genes)


def test_a_path_and_standard_output(tmp_path, capsysbinary):
    write_gff3(GENES, tmp_path / "out.gff3")
    write_gff3(GENES, "-")
    assert (tmp_path / "out.gff3").read_bytes() == capsysbinary.readouterr().out == written(GENES).encode()


def test_standard_output_of_a_notebook_takes_text(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    write_gff3(GENES, "-")
    assert sys.stdout.getvalue() == written(GENES)


def failing_genes():
    yield GENES[0]
    raise RuntimeError("the finder stopped")


def test_a_failure_writes_nothing(tmp_path, capsysbinary):
    old = tmp_path / "out.gff3"
    old.write_text("old")
    for target in (old, "-"):
        with pytest.raises(RuntimeError):
            write_gff3(failing_genes(), target)
    assert old.read_text() == "old" and os.listdir(tmp_path) == ["out.gff3"]
    assert capsysbinary.readouterr().out == b""


@pytest.mark.parametrize(
    "gene, message",
    [
        (Gene("chr2", 1, 9, "+"), "'chr2', which sequence_lengths does not name"),
        (Gene("chr1", 1, 1001, "+"), r"1\.\.1001 of 1000 bases"),
        (Gene("chr1", 1, 9, "+", score=float("nan")), "nan; expected a finite number"),
        (Gene("chr1", 1, 9, "+", posterior=float("inf")), "inf; expected a finite number"),
    ],
)
def test_genes_that_cannot_be_written(gene, message):
    with pytest.raises(ValueError, match=message):
        written([gene], sequence_lengths={"chr1": 1000})


@pytest.mark.parametrize("change", [{"start": 0}, {"start": 9, "end": 8}, {"strand": "."}, {"phase": 3}])
def test_impossible_genes_are_refused(change):
    with pytest.raises(ValueError, match="chr1: gene"):
        dataclasses.replace(GENES[0], **change)


# Reading GFF3


ROW = "c\t.\tCDS\t1\t9\t.\t+\t0\tID=a"


def test_rows_of_one_feature_are_pieces():
    rows = ["c\t.\tCDS\t20\t30\t.\t-\t0\tID=a;pseudo=true", "c\t.\tCDS\t1\t9\t.\t-\t2\tID=a;pseudo=true"]
    for order in (rows, rows[::-1]):
        [gene] = read("\n".join(order))
        assert (gene.start, gene.end, gene.pieces, gene.phase) == (1, 30, ((1, 9), (20, 30)), 0)
        assert gene.pseudo and not gene.usable
        assert (gene.five_prime, gene.three_prime) == (30, 1)


def test_other_rows_comments_and_sequences_are_passed_over():
    text = f"##gff-version 3\n# note\n\nc\t.\tgene\t1\t9\t.\t+\t.\tID=g\n{ROW}\n###\n##FASTA\n>c\nACGT\n"
    assert read(text) == [Gene("c", 1, 9, "+", id="a")]


def test_the_same_id_on_another_sequence_is_another_gene():
    assert len(read(f"{ROW}\nd{ROW[1:]}")) == 2


def test_rows_without_id_are_genes_of_their_own():
    assert len(read("\n".join([ROW.replace("ID=a", ".")] * 2))) == 2
    assert len(read("\n".join([ROW.replace("ID=a", "Parent=t")] * 2))) == 1


def test_partial_attributes():
    flags = {"true": (True, True), "10": (True, False), "01": (False, True), "00": (False, False)}
    for text, expected in flags.items():
        [gene] = read(f"{ROW};partial={text}")
        assert (gene.partial_left, gene.partial_right) == expected


@pytest.mark.parametrize(
    "row, message",
    [
        ("c CDS 1 9", "line 2: 1 tab-separated columns, expected the 9"),
        (ROW.replace("\t9\t", "\tx\t"), "line 2: .*'x'"),
        (ROW.replace("\t1\t", "\t10\t"), r"line 2: c: gene at 10\.\.9"),
        (ROW.replace("+", "."), "line 2: c: gene on strand '.'"),
        (ROW.replace("\t0\t", "\t5\t"), "line 2: c: gene with phase 5"),
        (ROW.replace("ID=a", 'gene_id "a"'), "line 2: .*is it GTF"),
    ],
)
def test_bad_rows(row, message):
    with pytest.raises(DataError, match=message):
        read(f"##gff-version 3\n{row}\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("\t1\t", "\t1.5\t"), "start is '1.5'; expected a whole number"),
        (("\t0\t", "\t\t"), "phase is ''; expected a whole number"),
        (("\t.\t+", "\thigh\t+"), "score is 'high'; expected a number"),
        (("ID=a", "transl_table=x"), "transl_table is 'x'; expected a whole number"),
        (("ID=a", "posterior=nan"), "posterior is 'nan'; expected a number"),
        (("ID=a", "posterior=87"), "posterior is '87'; expected a probability, 0 to 1"),
        (("ID=a", "start_posterior=-1"), "start_posterior is '-1'; expected a probability, 0 to 1"),
    ],
)
def test_what_is_no_number_is_named(change, said):
    with pytest.raises(DataError, match=f"line 1: {re.escape(said)}"):
        read(ROW.replace(*change))


def test_sequences_may_begin_without_saying_so():
    for begin in ("##FASTA \n", ""):
        assert read(f"##gff-version 3\n{ROW}\n{begin}>c\nACGT\n") == [Gene("c", 1, 9, "+", id="a")]


def test_a_row_that_comes_twice_is_one_piece():
    assert read(f"{ROW}\n{ROW}") == [Gene("c", 1, 9, "+", id="a")]


def test_pieces_on_both_strands_leave_a_gene_that_no_comparison_counts():
    rows = [ROW, ROW.replace("\t1\t9\t", "\t20\t22\t").replace("+", "-")]
    for order in (rows, rows[::-1]):
        assert read("\n".join(order)) == [Gene("c", 1, 9, "+", id="a", partial_left=True, partial_right=True)]


def test_rows_but_no_coding_ones_are_said():
    with pytest.warns(UserWarning, match="input: no CDS row, so no gene"):
        assert read(ROW.replace("CDS", "exon")) == []
    assert read("##gff-version 3\n" + ROW.replace("CDS", "region")) == []  # a circular genome without genes


def test_an_empty_file_and_a_fasta_file():
    with pytest.raises(DataError, match="empty; expected GFF3"):
        read("\n\n")
    with pytest.raises(DataError, match="line 1: 1 tab-separated columns"):
        read(">x\nACGT\n")


# Reading tables

HEADER = "seqid start end strand locus_tag gene partial pseudo transl_table parts".replace(" ", "\t")


def table(*rows):
    text = "\n".join([HEADER, *(row.replace(" ", "\t") for row in rows)]) + "\n"
    return read_cds_table(io.BytesIO(gzip.compress(text.encode())))


def test_a_table():
    plain, joined, partial, pseudo = table(
        "c 1 9 + b1 thrL 0 0 11 1-9",
        "c 1 30 - b2 . 0 0 11 1-9,20-30",
        "c 1 9 + b3 . 1 0 4 1-9",
        "c 1 9 + b4 . 0 1 11 1-9",
    )
    assert plain == Gene("c", 1, 9, "+", transl_table=11, name="b1")
    assert joined.pieces == ((1, 9), (20, 30))
    assert [gene.usable for gene in (plain, joined, partial, pseudo)] == [True, False, False, False]


def test_bad_tables():
    with pytest.raises(DataError, match="line 2: 2 columns; expected 10"):
        table("c 1")
    with pytest.raises(DataError, match=r"line 3: .*'x'"):
        table("c 1 9 + b1 . 0 0 11 1-9", "c x 9 + b1 . 0 0 11 1-9")
    with pytest.raises(DataError, match="no column strand"):
        read_cds_table(io.BytesIO(HEADER.replace("strand\t", "").encode()))
    with pytest.raises(DataError, match="no column seqid, start"):
        read_cds_table(io.BytesIO(b""))


# Reading GenBank


def genbank(*features):
    record = SeqRecord(Seq("ACGT" * 25), id="c.1", name="c", annotations={"molecule_type": "DNA"})
    record.features = [SeqFeature(SimpleLocation(0, 99, 1), type="gene"), *features]
    text = io.StringIO()
    SeqIO.write(record, text, "genbank")
    return io.BytesIO(text.getvalue().encode())


def test_genbank_features():
    one, two = SimpleLocation(19, 30, -1), SimpleLocation(0, 9, -1)
    genes = read_genbank(
        genbank(
            SeqFeature(SimpleLocation(0, 9, 1), "CDS", qualifiers={"locus_tag": ["b1"], "transl_table": ["11"]}),
            SeqFeature(CompoundLocation([one, two]), "CDS"),
            SeqFeature(SimpleLocation(BeforePosition(0), 9, 1), "CDS", qualifiers={"codon_start": ["3"]}),
            SeqFeature(SimpleLocation(0, AfterPosition(9), -1), "CDS", qualifiers={"pseudo": [""]}),
        )
    )
    assert genes == [
        Gene("c.1", 1, 9, "+", transl_table=11, name="b1"),
        Gene("c.1", 1, 30, "-", transl_table=1, pieces=((20, 30), (1, 9))),
        Gene("c.1", 1, 9, "+", partial_left=True, phase=2, transl_table=1),
        Gene("c.1", 1, 9, "-", partial_right=True, pseudo=True, transl_table=1),
    ]


def test_genbank_pieces_that_lie_elsewhere_are_left_out():
    here, back = SimpleLocation(0, 30, 1), SimpleLocation(39, 60, -1)
    away = SimpleLocation(39, 60, 1, ref="J00194.1")
    genes = read_genbank(
        genbank(
            SeqFeature(CompoundLocation([back, here]), "CDS"),
            SeqFeature(CompoundLocation([here, back]), "CDS"),
            SeqFeature(CompoundLocation([here, away]), "CDS"),
            SeqFeature(away, "CDS"),
        )
    )
    cut = {"partial_left": True, "partial_right": True, "transl_table": 1}
    forward, reverse = Gene("c.1", 1, 30, "+", **cut), Gene("c.1", 40, 60, "-", **cut)
    assert genes == [forward, reverse, forward]


@pytest.mark.parametrize("data", [b"", b">x\nACGT\n", b"\n"])
def test_what_is_no_genbank(data):
    with pytest.raises(DataError, match="no GenBank record"):
        read_genbank(io.BytesIO(data))


def test_genbank_without_biopython(monkeypatch):
    monkeypatch.setitem(sys.modules, "Bio", None)
    with pytest.raises(ImportError, match=r"hmmseq\[bio\]"):
        read_genbank(io.BytesIO(b""))
