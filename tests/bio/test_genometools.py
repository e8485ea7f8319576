"""GenomeTools (`gt`, where it is installed) finds our GFF3 valid, and counts what `evaluate` counts."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from hmmseq.bio import Gene, evaluate, write_gff3

GT = shutil.which("gt")
pytestmark = pytest.mark.skipif(GT is None, reason="needs GenomeTools")


def gt(*arguments):
    return subprocess.run([GT, *map(str, arguments)], capture_output=True, text=True, check=True).stdout


SPLICED = Gene.of_pieces("c", [(11, 60), (101, 149), (201, 260)], "-", name="a=b;c,d", id="t 1%", locus="g", score=2.5)
ISOFORM = replace(SPLICED, start=101, pieces=SPLICED.pieces[1:], id="t2", posterior=0.5, transl_table=1)
FRAMESHIFT = Gene.of_pieces("odd|;=%,& id", [(5, 40), (40, 90)], "+", id="s")
CUT = Gene("odd|;=%,& id", 100, 300, "+", partial_left=True, phase=2, start_posterior=0.25)


@pytest.mark.parametrize("genes", [[], [CUT], [SPLICED, ISOFORM, FRAMESHIFT, CUT]], ids=["none", "flat", "spliced"])
@pytest.mark.parametrize("stop", [True, False])
def test_what_is_written_is_valid_by_strict_rules(genes, stop, tmp_path):
    lengths = {"c": 300, CUT.seqid: 290}
    write_gff3(genes, tmp_path / "x.gff3", sequence_lengths=lengths, circular=[CUT.seqid], stop=stop)
    assert "input is valid GFF3" in gt("gff3validator", "-strict", tmp_path / "x.gff3")


def random_genes(rng, seqid):
    """Apart from each other: GenomeTools counts exons that genes share once for each."""
    at, genes = 1, []
    for k in range(rng.integers(1, 7)):
        pieces = []
        for _ in range(rng.integers(1, 5)):
            length = int(rng.choice([30, 45, 60]))
            pieces.append((at, at + length - 1))
            at += length + int(rng.choice([20, 40]))
        genes.append(
            Gene.of_pieces(seqid, pieces, str(rng.choice(["+", "-"])), id=f"{seqid}.t{k}", locus=f"{seqid}.g{k}")
        )
    return genes


def changed(rng, gene):
    pieces = list(gene.coding_pieces)
    place = rng.integers(len(pieces))
    kind = rng.integers(4)
    if kind == 0:
        pieces[place] = pieces[place][0] + 6, pieces[place][1]
    elif kind == 1 and len(pieces) > 1:
        del pieces[place]
    return Gene.of_pieces(gene.seqid, pieces, "+" if kind == 2 else gene.strand, id=gene.id, locus=gene.locus)


def shares(text, what):
    """Counts (right, all) of the lines about sensitivity and specificity."""
    found = re.findall(
        rf"^{re.escape(what[0])} \w+ \({re.escape(what[1])}\).*?\((?:TP=)?(\d+)/(.*?)\)", text, re.MULTILINE
    )
    return [(int(right), sum(map(int, re.findall(r"\d+", whole)))) for right, whole in found]


def test_evaluate_counts_what_genometools_counts(tmp_path):
    rng = np.random.default_rng(0)
    annotated = [gene for k in range(60) for gene in random_genes(rng, f"c{k}")]
    predicted = [changed(rng, gene) for gene in annotated if rng.random() < 0.8] + random_genes(rng, "other")
    for name, genes in (("truth", annotated), ("found", predicted)):
        write_gff3(genes, tmp_path / "raw.gff3", sequence_lengths={gene.seqid: 3000 for gene in annotated + predicted})
        gt("gff3", "-sort", "-tidy", "-o", tmp_path / name, tmp_path / "raw.gff3")
    text = gt("eval", tmp_path / "truth", tmp_path / "found")
    levels = evaluate(predicted, annotated).levels
    said = {
        "base": ("nucleotide", "CDS level"),
        "exon": ("exon", "CDS level, all, collapsed"),
        "transcript": ("mRNA", "CDS level"),
        "gene": ("gene", "CDS level"),
    }
    for name, what in said.items():
        level = levels[name]
        assert 0 < level.n_found < level.n_annotated
        assert shares(text, what) == [(level.n_found, level.n_annotated), (level.n_right, level.n_predicted)], name
