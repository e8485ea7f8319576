"""Genes that a missing or surplus base breaks, and their repair."""

import numpy as np
import pytest

from hmmseq.bio import GeneFinder, GeneticCode, write_proteins
from planted_genes import places, plant, record

RATE = 1e-3


@pytest.fixture(scope="module")
def planted():
    codes, genes = plant(60)
    finder = GeneFinder(priors=()).fit([record(codes)])
    return codes, [gene for gene in genes if len(gene) > 700], finder


def broken(codes, gene, change):
    """The sequence with a base more, or less, in the middle of a gene; and the gene's first base."""
    middle = (gene.start + gene.end) // 2
    return np.insert(codes, middle, codes[middle]) if change > 0 else np.delete(codes, middle)


@pytest.mark.parametrize("strand", "+-")
@pytest.mark.parametrize("change", [-1, 1])
def test_a_broken_gene_is_found_in_two_pieces(planted, strand, change):
    codes, genes, finder = planted
    gene = max((gene for gene in genes if gene.strand == strand), key=len)
    changed = broken(codes, gene, change)
    apart = finder.set_params(frameshift_rate=0.0).predict([record(changed)])
    assert (gene.start, gene.end + change, strand) not in places(apart)
    whole = finder.set_params(frameshift_rate=RATE).predict([record(changed)])
    [found] = [g for g in whole if g.pieces]
    assert (found.start, found.end, found.strand) == (gene.start, gene.end + change, strand)
    assert abs(found.pieces[0][1] - (gene.start + gene.end) // 2) < 60 and found.coding_length % 3 == 0
    assert 0.5 < found.posterior <= 1 and 0 < found.start_posterior <= 1
    protein, before = found.protein(changed), gene.protein(codes)
    assert "*" not in protein and protein[:60] == before[:60] and protein[-60:] == before[-60:]
    others = {place for place in places(whole) if place != (found.start, found.end, strand)}
    assert len(others ^ {p for p in places(apart) if p[1] < found.start or p[0] > found.end}) <= 2


def test_a_genome_without_errors_is_read_as_it_is(planted):
    codes, _, finder = planted
    without = finder.set_params(frameshift_rate=0.0).predict([record(codes)])
    assert places(finder.set_params(frameshift_rate=RATE).predict([record(codes)])) == places(without)


def test_genes_in_pieces_turn_with_a_circle(planted):
    codes, genes, finder = planted
    gene = max(genes, key=len)
    changed = broken(codes, gene, 1)
    turned = np.roll(changed, -(gene.start + 200))
    [found] = [g for g in finder.set_params(frameshift_rate=RATE, circular=True).predict([record(turned)]) if g.pieces]
    finder.set_params(circular=False)
    assert found.start == gene.start - (gene.start + 200) + len(changed) and len(found) == len(gene) + 1


@pytest.mark.parametrize("rate", [-1e-3, 0.5, np.nan])
def test_rates_are_checked(planted, rate):
    with pytest.raises(ValueError, match="frameshift_rate"):
        GeneFinder(frameshift_rate=rate).fit([record(planted[0])])


def test_proteins_of_genes_in_pieces_are_written(planted, tmp_path):
    codes, genes, finder = planted
    changed = record(broken(codes, max(genes, key=len), -1))
    found = [g for g in finder.set_params(frameshift_rate=RATE).predict([changed]) if g.pieces]
    write_proteins(found, [changed], tmp_path / "p.faa")
    lines = (tmp_path / "p.faa").read_text().splitlines()
    assert "".join(lines[1:]) == found[0].protein(changed.encode(), GeneticCode.from_table(11))
