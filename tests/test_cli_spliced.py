"""Genes with introns on the command line: training, finding, hints, and arguments that do not go together."""

import gzip

import pytest

from hmmseq import HMMTagger
from hmmseq.bio import read_genes, write_genes
from hmmseq.cli import main
from planted_introns import plant


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A genome, its annotation, and a model learned from both on the command line."""
    folder = tmp_path_factory.mktemp("spliced")
    record, genes = plant(12, seed=21)
    fasta = f">{record.id} planted\n{record.sequence.decode()}\n"
    (folder / "genome.fa.gz").write_bytes(gzip.compress(fasta.encode()))
    write_genes(genes, folder / "genes.gff3", records=[record])
    write_genes(genes, folder / "genes.gb", "genbank", records=[record])
    assert main(["train-genes", *files(folder, "genome.fa.gz", "genes.gff3"), "-o", str(folder / "model"), "-q"]) == 0
    return folder


def files(folder, *names):
    return [str(folder / name) for name in names]


def run(arguments, capfd):
    status = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return status, out, err.splitlines()


def places(path):
    return {(gene.seqid, gene.strand, gene.coding_pieces) for gene in read_genes(path)}


def test_a_trained_model_finds_genes(folder, capfd):
    genome, model = files(folder, "genome.fa.gz", "model")
    status, _, err = run(
        ["genes", genome, "--model", model, "-o", folder / "out.gff3", "--faa", folder / "out.faa"], capfd
    )
    assert status == 0 and "genes in" in err[-1]
    found, true = places(folder / "out.gff3"), places(folder / "genes.gff3")
    assert len(found & true) >= 10
    assert (folder / "out.faa").read_text().count(">") == len(found)


def test_genbank_has_both_sequence_and_annotation(folder, capfd):
    pytest.importorskip("Bio")
    status, _, err = run(["train-genes", *files(folder, "genes.gb"), "-o", folder / "model2"], capfd)
    assert status == 0 and "learned from 12 genes, 0 left out" in err[-1]


def test_networks_on_the_command_line(folder, capfd, monkeypatch):
    pytest.importorskip("torch")
    from hmmseq.bio.spliced import network_training
    from hmmseq.hybrid import scorers

    quick = scorers.Plan(epochs=5)
    monkeypatch.setattr(scorers, "Plan", lambda: quick)
    monkeypatch.setattr(network_training, "REPEATS", 1)
    records, genes = zip(*(plant(8, seed=seed, seqid=f"c{seed}") for seed in (22, 23, 24)))
    (folder / "larger.fa").write_text("".join(f">{own.id}\n{own.sequence.decode()}\n" for own in records))
    write_genes([gene for own in genes for gene in own], folder / "larger.gff3", records=records)
    command = ["train-genes", *files(folder, "larger.fa", "larger.gff3"), "-o", folder / "neural", "--neural"]
    status, _, err = run(command, capfd)
    assert status == 0 and any(line.startswith("networks: expected exon F1") for line in err)
    status, out, _ = run(["info", folder / "neural"], capfd)
    assert status == 0 and "networks\tstart acceptor donor stop single initial internal terminal\n" in out
    genome = files(folder, "genome.fa.gz")
    status, _, err = run(["genes", *genome, "--model", folder / "neural", "-q", "-o", folder / "out2.gff3"], capfd)
    assert status == 0 and not err and len(places(folder / "out2.gff3") & places(folder / "genes.gff3")) >= 8


def test_what_was_left_out_is_said(folder, capfd):
    text = (folder / "genes.gff3").read_text().splitlines()
    first = next(i for i, line in enumerate(text) if "\tCDS\t" in line)
    columns = text[first].split("\t")
    columns[3] = str(int(columns[3]) + 1)  # one base short
    (folder / "short.gff3").write_text("\n".join([*text[:first], "\t".join(columns), *text[first + 1 :]]) + "\n")
    command = ["train-genes", *files(folder, "genome.fa.gz", "short.gff3"), "-o", folder / "model3"]
    status, _, err = run(command, capfd)
    assert status == 0 and any("left out" in line and "multiple of three" in line for line in err)
    status, _, err = run([*command, "--left-out", folder / "left.tsv", "-q"], capfd)
    assert status == 0 and err == []
    header, row = (folder / "left.tsv").read_text().splitlines()
    assert header.split("\t")[-1] == "reason" and "multiple of three" in row


def test_alternatives_and_hints(folder, capfd):
    genome, model = files(folder, "genome.fa.gz", "model")
    gene = next(gene for gene in read_genes(folder / "genes.gff3") if gene.introns)
    start, end = gene.introns[0]
    (folder / "hints.gff").write_text(f"c\tRNASeq\tintron\t{start}\t{end}\t99\t{gene.strand}\t.\thard=true\n")
    command = ["genes", genome, "--model", model, "-q", "--hints", folder / "hints.gff"]
    status, out, err = run([*command, "--alternatives", "5", "-o", folder / "all.gff3"], capfd)
    assert (status, out, err) == (0, "", [])
    assert any((start, end) in one.introns for one in read_genes(folder / "all.gff3"))


def test_genes_run_on_beyond_the_ends_unless_they_are_said_to_be_complete(folder, capfd):
    record, genes = plant(12, seed=21)
    cut = next(gene for gene in genes if len(gene.introns) > 1)
    middle = sum(cut.introns[0]) // 2
    (folder / "cut.fa").write_bytes(b">c\n" + record.sequence[middle:])
    for options, partial in (([], True), (["--complete"], False)):
        command = ["genes", folder / "cut.fa", "--model", folder / "model", "-q", "-o", folder / "cut.gff3", *options]
        assert run(command, capfd) == (0, "", [])
        found = read_genes(folder / "cut.gff3")
        assert found and any(gene.partial_left for gene in found) is partial


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hints", "x"], "--hints needs --model"),
        (["--alternatives", "9"], "--alternatives needs --model"),
        (["--complete"], "--complete needs --model"),
        (["--model", "MODEL", "--table", "4"], "--table does not go with --model"),
        (["--model", "MODEL", "--min-length", "60"], "--min-length does not go with --model"),
    ],
)
def test_options_that_do_not_go_together(folder, capfd, options, message):
    options = [str(folder / "model") if option == "MODEL" else option for option in options]
    status, out, err = run(["genes", *files(folder, "genome.fa.gz"), *options], capfd)
    assert status == 2 and out == "" and len(err) == 1 and message in err[0]


def test_a_model_says_what_it_learned_from(folder, capfd):
    status, out, _ = run(["info", folder / "model"], capfd)
    facts = dict(line.split("\t") for line in out.splitlines())
    assert status == 0 and facts["model"] == "SplicedGeneFinder" and facts["genetic code"] == "Standard"
    assert facts["genes learned from"] == "12" and 300 < int(facts["bases between genes"]) < 900


def test_bad_files_give_one_line(folder, capfd):
    HMMTagger().fit([["a", "b"]], [["x", "y"]]).save(folder / "tagger")
    status, _, err = run(["genes", folder / "genome.fa.gz", "--model", folder / "tagger", "-q"], capfd)
    assert status == 1 and len(err) == 1 and "holds a HMMTagger" in err[0]
    genome, annotation = files(folder, "genome.fa.gz", "genes.gff3")
    status, _, err = run(["genes", genome, "--model", annotation, "-q"], capfd)
    assert status == 1 and len(err) == 1 and "not a model file" in err[0]
    other = folder / "other.fa"
    other.write_text(">other\nACGTACGTACGT\n")
    status, _, err = run(["train-genes", other, annotation, "-o", folder / "none", "-q"], capfd)
    assert status == 1 and len(err) == 1 and "rename one side" in err[0] and not (folder / "none").exists()
    status, _, err = run(["train-genes", genome, "-", "-o", folder / "none"], capfd)
    assert status == 2 and "without -" in err[0]
    (folder / "away.gff").write_text("chrX\tRNASeq\tintron\t9\t99\t5\t+\t.\t.\n")
    for command in (
        ["genes", genome, "--model", folder / "model"],
        ["train-genes", genome, annotation, "-o", folder / "m"],
    ):
        status, out, err = run([*command, "-q", "--hints", folder / "away.gff"], capfd)
        assert status == 1 and not out and len(err) == 1 and "hints lie on 'chrX'" in err[0]
