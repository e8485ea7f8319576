"""Genes on the command line: formats, comparison, and every kind of input that people really have."""

import gzip
import json

import numpy as np
import pytest

from hmmseq.bio import Gene, read_genes, write_genes
from hmmseq.cli import main

CODING = "GCTGAAAAAGCTCTGGAAGGTAAACGTGTTGTTGCAATC" * 12
GENOME = f"TTATAATAACGTTAATTAATTAAGTATATTATACG{'ATG' + CODING + 'TAA'}CGTATATTATACGCGTATTTATAATAACG"


def run(arguments, capfd):
    """Exit status, standard output, lines of standard error."""
    status = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return status, out, err.splitlines()


def find(text, tmp_path, capfd, *options):
    """Exit status, places of the genes, standard error without the warning about little sequence."""
    source = tmp_path / "genome.fna"
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    status, out, err = run(["genes", source, "--quiet", *options], capfd)
    (tmp_path / "out").write_text(out)
    genes = read_genes(tmp_path / "out") if out else []
    return status, [(g.seqid, g.start, g.end, g.strand) for g in genes], [e for e in err if "warning" not in e]


@pytest.fixture
def plain(tmp_path, capfd):
    return find(f">c\n{GENOME}\n", tmp_path, capfd)


def test_the_gene_is_found(plain):
    assert plain[0] == 0 and plain[1] == [("c", 36, 35 + 6 + len(CODING), "+")]


# What has to make no difference


@pytest.mark.parametrize(
    "text",
    [
        f">c\n{GENOME.lower()}\n",
        f">c\n{GENOME.replace('T', 'U')}\n",
        f">c\r\n{GENOME[:300]}\r\n{GENOME[300:]}\r\n",
        f">c description, with commas; and = signs\n{GENOME}",
        gzip.compress(f">c\n{GENOME}\n".encode()),
    ],
    ids=["lower case", "RNA", "CRLF", "header", "gzip"],
)
def test_other_ways_to_write_the_same_sequence(text, plain, tmp_path, capfd):
    assert find(text, tmp_path, capfd) == plain


def test_ambiguous_letters_are_summed_over(plain, tmp_path, capfd):
    letters = list(GENOME)
    for place in (100, 200, 301):
        letters[place] = "N"
    letters[150] = "R" if letters[150] in "AG" else "Y"
    status, genes, err = find(">c\n" + "".join(letters), tmp_path, capfd)
    assert (status, genes, err) == plain


def test_headers_with_pipes_keep_them(tmp_path, capfd):
    status, genes, _ = find(f">gi|123|ref|NC_1.1| Some bug\n{GENOME}\n", tmp_path, capfd)
    assert status == 0 and genes[0][0] == "gi|123|ref|NC_1.1|"


def test_empty_and_tiny_records_have_no_genes(plain, tmp_path, capfd):
    text = f">empty\n>tiny\nACGTACGTAC\n>c\n{GENOME}\n>last\n"
    assert find(text, tmp_path, capfd) == plain


def test_a_genome_without_genes_is_no_error(tmp_path, capfd):
    random = "".join(np.random.default_rng(0).choice(list("AT"), 3000))
    status, genes, err = find(
        f">c\n{random.replace('ATG', 'ATA').replace('CAT', 'TAT')}\n", tmp_path, capfd, "--min-length", "600"
    )
    assert (status, genes, err) == (0, [], [])


def test_too_little_to_train_on_is_said_and_average_genes_are_found(tmp_path, capfd):
    source = tmp_path / "short.fna"
    source.write_text(f">c\n{GENOME}\n")
    status, out, err = run(["genes", source, "--quiet"], capfd)
    assert status == 0 and "\tCDS\t" in out and len(err) == 1 and "too few to train on" in err[0]


# What has to be refused, in one line

BAD = {
    "protein": (b">p\nMKVLAAGELLQRSTPW\n", "is this a DNA sequence?"),
    "duplicate ids": (b">c\nACGT\n>c\nACGT\n", "id 'c' again, as on line 1"),
    "empty file": (b"", "empty; expected FASTA"),
    "only tiny empty records": (b">a\n>b\n", "not one known base"),
    "gaps": (b">c\nAC--GT\n", "gaps mean aligned"),
    "a damaged GenBank record": (b"LOCUS       X\nFEATURES\n", "no readable GenBank record"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.filterwarnings("ignore::Warning")
def test_bad_input_is_one_line_and_status_1(what, tmp_path, capfd):
    text, said = BAD[what]
    status, genes, err = find(text, tmp_path, capfd)
    assert status == 1 and not genes and len(err) == 1 and said in err[0] and err[0].startswith("hmmseq: ")


# Formats


def test_all_formats_and_sequences_at_once(tmp_path, capfd):
    source = tmp_path / "g.fna"
    source.write_text(f">c\n{GENOME}\n")
    found = {}
    for format in ("gff3", "gtf", "bed", "genbank"):
        target = tmp_path / f"out.{format}"
        options = ["--format", format, "--faa", tmp_path / "p.faa", "--ffn", tmp_path / "g.ffn", "--quiet"]
        assert run(["genes", source, "-o", target, *options], capfd)[0] == 0
        found[format] = [(g.seqid, g.start, g.end, g.strand) for g in read_genes(target)]
    assert all(genes == found["gff3"] != [] for genes in found.values())
    assert (tmp_path / "p.faa").read_text().splitlines()[1].startswith("MAEKALEGKRVVAI")
    assert (tmp_path / "g.ffn").read_text().splitlines()[1].startswith("ATGGCTGAAAAAGC")
    # The GenBank file holds the sequence, too: genes are found in it again.
    status, out, _ = run(["genes", tmp_path / "out.genbank", "--quiet", "--no-stop"], capfd)
    assert status == 0 and f"CDS\t36\t{found['gff3'][0][2] - 3}\t" in out


@pytest.mark.parametrize(
    ("name", "begins"), [("x.gtf", "c\t"), ("x.BED", "c\t35\t"), ("x.gbk", "LOCUS"), ("x.txt", "##gff")]
)
def test_the_ending_of_the_output_says_the_format(name, begins, tmp_path, capfd):
    (tmp_path / "g.fna").write_text(f">c\n{GENOME}\n")
    assert run(["genes", tmp_path / "g.fna", "-o", tmp_path / name, "--quiet"], capfd)[0] == 0
    assert (tmp_path / name).read_text().startswith(begins)
    assert run(["genes", tmp_path / "g.fna", "-o", tmp_path / name, "--format", "gff3", "-q"], capfd)[0] == 0
    assert (tmp_path / name).read_text().startswith("##gff-version 3")


def test_genbank_without_stop_is_wrong_usage(tmp_path, capfd):
    status, out, err = run(["genes", tmp_path / "x.fna", "--format", "genbank", "--no-stop"], capfd)
    assert status == 2 and not out and len(err) == 1 and "--no-stop" in err[0]


# Comparison

TRUTH = [Gene("c", 1, 90, "+"), Gene.of_pieces("c", [(101, 130), (201, 230)], "-"), Gene("c", 301, 390, "+")]


@pytest.fixture
def files(tmp_path):
    for name, genes, format in (("truth", TRUTH, "gff3"), ("predicted", TRUTH[:2], "gtf")):
        write_genes(genes, tmp_path / name, format)
    return tmp_path


def test_evaluate_prints_a_table(files, capfd):
    status, out, err = run(["evaluate", files / "predicted", files / "truth"], capfd)
    rows = {line[:14].strip(): line[14:].split() for line in out.splitlines()}
    assert status == 0 and not err
    assert rows["gene"] == ["3", "2", "66.67%", "100.00%", "80.00%"]
    assert rows["base"] == ["240", "150", "62.50%", "100.00%", "76.92%"]


def test_evaluate_prints_json_with_intervals(files, capfd):
    status, out, _ = run(["evaluate", files / "predicted", files / "truth", "--json", "--bootstrap", "50"], capfd)
    exon = json.loads(out)["levels"]["exon"]
    assert status == 0 and (exon["n_annotated"], exon["n_found"]) == (4, 3)
    assert len(exon["intervals"]["sensitivity"]) == 2


def test_evaluate_adds_stop_codons_that_a_file_leaves_out(files, capfd):
    write_genes(TRUTH, files / "short", "gff3", stop=False)
    status, out, _ = run(["evaluate", files / "short", files / "truth", "--predicted-without-stop"], capfd)
    assert status == 0 and all("100.00%" in line for line in out.splitlines()[1:])
    for pair, option in ((("short", "truth"), "predicted"), (("truth", "short"), "annotated")):
        status, out, [err] = run(["evaluate", *(files / name for name in pair)], capfd)
        assert status == 0 and "0.00%" in out and f"try --{option}-without-stop" in err


def test_evaluate_says_when_ids_differ(files, capfd):
    write_genes([Gene("chr1", 1, 90, "+")], files / "other", "gff3")
    status, out, err = run(["evaluate", files / "other", files / "truth"], capfd)
    assert status == 1 and not out and len(err) == 1 and "'chr1'" in err[0] and "'c'" in err[0]


def test_evaluate_says_what_lies_on_sequences_that_are_not_annotated(files, capfd):
    write_genes([*TRUTH, Gene("plasmid", 1, 90, "+")], files / "more", "gff3")
    status, out, err = run(["evaluate", files / "more", files / "truth"], capfd)
    assert status == 0 and out and len(err) == 1 and "1 of 4 predicted genes lie on sequences without" in err[0]
    assert run(["evaluate", files / "truth", files / "more"], capfd)[2] == []


def test_evaluate_says_what_is_no_annotation(files, capfd):
    (files / "x").write_text("hello\n")
    status, _, err = run(["evaluate", files / "x", files / "truth"], capfd)
    assert status == 1 and len(err) == 1 and "expected GFF3" in err[0]
