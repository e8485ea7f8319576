"""The finder of genes with introns, on genomes whose genes are known because they were planted."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from hmmseq import load
from hmmseq.bio import DNA, FastaRecord, Gene, GeneFinder, GeneticCode, reverse_complement
from hmmseq.bio.spliced import Hint, SplicedGeneFinder, read_hints, stretches
from hmmseq.bio.spliced.decoding import Field
from hmmseq.errors import DataError
from planted_introns import plant

STANDARD = GeneticCode.from_table(1)


def places(genes):
    return {(gene.seqid, gene.strand, gene.coding_pieces) for gene in genes}


@pytest.fixture(scope="module")
def trained():
    training = [plant(30, seed=seed, seqid=f"t{seed}") for seed in range(3)]
    records, genes = zip(*training)
    return SplicedGeneFinder().fit(records, [gene for own in genes for gene in own])


@pytest.fixture(scope="module")
def unseen():
    record, genes = plant(40, seed=9)
    return record, genes


def test_planted_genes_are_found(trained, unseen):
    record, genes = unseen
    found = trained.predict([record])
    assert len(places(found) & places(genes)) >= 0.9 * max(len(genes), len(found))
    assert trained.n_genes_ == 90 and not trained.left_out_ and len(trained.history_) > 1


def test_genes_are_well_formed(trained, unseen):
    record, _ = unseen
    codes = record.encode()
    for gene in trained.predict([record]):
        protein = STANDARD.translate(gene.coding_sequence(codes))
        assert protein[0] == "M" and protein.index("*") == len(protein) - 1
        for start, end in gene.introns:
            intron = DNA.decode(
                codes[start - 1 : end] if gene.strand == "+" else reverse_complement(codes[start - 1 : end])
            )
            assert intron[:2] in ("GT", "GC") and intron.endswith("AG")
        assert len(gene.piece_posteriors) == len(gene.coding_pieces)
        assert min(gene.piece_posteriors) > 0 and 0 < gene.posterior < 1


def test_the_other_strand_has_the_same_genes(trained, unseen):
    record, _ = unseen
    n = len(record.sequence)
    other = FastaRecord("c", "", DNA.decode(reverse_complement(record.encode())).encode())
    mirrored = {
        (g.seqid, "-+"[g.strand == "-"], tuple((n + 1 - b, n + 1 - a) for a, b in g.coding_pieces[::-1]))
        for g in trained.predict([other])
    }
    assert mirrored == places(trained.predict([record]))


def test_threads_change_nothing(trained, unseen):
    record, _ = unseen
    records = [record._replace(id=str(k), sequence=record.sequence[9000 * k :][:9000]) for k in range(4)]
    one, drawn = trained.predict(records), trained.sample(records, 5)
    trained.set_params(n_jobs=2)
    assert trained.predict(records) == one and trained.sample(records, 5) == drawn
    trained.set_params(n_jobs=None)


def test_a_model_file_finds_the_same_genes(trained, unseen, tmp_path):
    path = tmp_path / "model.safetensors"
    trained.save(path)
    loaded = load(path)
    assert loaded.predict([unseen[0]]) == trained.predict([unseen[0]])
    assert loaded.get_params() == trained.get_params() and loaded.n_genes_ == 90


def test_files_that_are_no_such_model(trained, tmp_path):
    path = tmp_path / "model.safetensors"
    trained.save(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="damaged"):
        load(path)


def test_windows_do_not_change_the_genes(trained, unseen, monkeypatch):
    record, _ = unseen
    whole = trained.predict([record])
    monkeypatch.setattr(stretches, "WINDOW", 12_000)
    monkeypatch.setattr(stretches, "OVERLAP", 4_000)
    assert places(trained.predict([record])) == places(whole)


def test_a_gene_longer_than_a_window(trained, unseen, monkeypatch):
    record, genes = unseen
    gene = max(genes, key=lambda gene: gene.end - gene.start)
    inside = FastaRecord("c", "", record.sequence[gene.start - 21 : gene.end + 20])
    monkeypatch.setattr(stretches, "WINDOW", 300)
    monkeypatch.setattr(stretches, "OVERLAP", 100)
    [found] = trained.predict([inside])
    assert found.coding_pieces == tuple((a - gene.start + 21, b - gene.start + 21) for a, b in gene.coding_pieces)


@pytest.mark.parametrize("strand", "+-")
def test_a_gene_that_is_cut_by_the_ends_keeps_its_frame(trained, unseen, strand):
    record, genes = unseen
    gene = max((g for g in genes if g.strand == strand and len(g.pieces) > 2), key=lambda g: g.coding_length)
    (a, b), (c, d) = gene.pieces[0], gene.pieces[-1]
    for cut in (20, 21, 22):
        low, high = a - 1 + cut, d - cut
        [found] = trained.predict([FastaRecord("c", "", record.sequence[low:high])])
        inner = [(x - low, y - low) for x, y in gene.pieces[1:-1]]
        assert found.coding_pieces == ((1, b - low), *inner, (c - low, high - low))
        assert found.partial_left and found.partial_right and found.phase == -cut % 3
    whole = trained.set_params(partial=False).predict([FastaRecord("c", "", record.sequence[low:high])])
    trained.set_params(partial=True)
    assert not any(one.partial_left or one.partial_right for one in whole)


def test_an_end_inside_an_intron(trained, unseen):
    record, genes = unseen
    gene = next(g for g in genes if g.strand == "+" and len(g.pieces) == 4)
    low = gene.pieces[0][1] + 15  # in the first intron
    [found] = trained.predict([FastaRecord("c", "", record.sequence[low : gene.end + 50])])
    assert found.partial_left and found.coding_pieces == tuple((a - low, b - low) for a, b in gene.pieces[1:])
    codes = record.encode()[low:]
    assert "*" not in STANDARD.translate(found.coding_sequence(codes)[found.phase :])[:-1]


def test_sampled_structures(trained, unseen):
    record, _ = unseen
    part = FastaRecord("c", "", record.sequence[:9000])
    drawn = trained.sample([part], 40)
    assert drawn == trained.sample([part], 40)
    assert len(places(drawn)) == len(drawn)
    sure = [gene for gene in trained.predict([part]) if gene.posterior > 0.999]
    assert sure and places(sure) <= places(drawn)
    for gene, other in pairwise(gene for gene in drawn if gene.posterior > 0.5):
        assert gene.end < other.start  # more than half of the paths have both, so some path does
    assert np.isclose(max(gene.posterior for gene in drawn), 1.0)


def decoy_intron(record, gene):
    """An intron that could be inside a gene's longest exon by its letters: GT..AG, and no stop codon without it."""
    codes = record.encode()
    a, b = max(gene.coding_pieces, key=lambda piece: piece[1] - piece[0])
    others = [piece for piece in gene.coding_pieces if piece != (a, b)]
    for first in range(a + 30, b - 90):
        for last in range(first + 62, b - 30, 3):
            intron = codes[first - 1 : last] if gene.strand == "+" else reverse_complement(codes[first - 1 : last])
            if DNA.decode(intron[:2]) == "GT" and DNA.decode(intron[-2:]) == "AG":
                with_it = Gene.of_pieces(gene.seqid, [*others, (a, first - 1), (last + 1, b)], gene.strand)
                if "*" not in STANDARD.translate(with_it.coding_sequence(codes))[:-1]:
                    return Hint(gene.seqid, first, last, gene.strand, "intron", reads=1e6)
    raise AssertionError("no such intron; take another seed")


def test_hints_move_genes(trained, unseen):
    record, genes = unseen
    gene = max((g for g in genes if places([g]) & places(trained.predict([record]))), key=lambda g: g.coding_length)
    part = FastaRecord(record.id, "", record.sequence[: gene.end + 300])
    hint = decoy_intron(part, gene)

    def introns(weight, *hints):
        found = trained.set_params(hint_weight=weight).predict([part], hints)
        trained.set_params(hint_weight=0.5)
        return {(one.strand, a, b) for one in found for a, b in one.introns}

    asked = (hint.strand, hint.start, hint.end)
    assert asked not in introns(0.5) and asked not in introns(0.0, hint)
    assert asked in introns(50.0, hint)
    sure = Hint(hint.seqid, hint.start, hint.end, hint.strand, "intron", reads=0, hard=True)
    assert asked in introns(0.0, sure)


def test_a_hard_exon_is_there_and_nothing_in_its_way(trained, unseen):
    record, _genes = unseen
    part = FastaRecord(record.id, "", record.sequence[:6000])
    field = Field(trained.model_, part.encode(), (False, False), [], None)
    weak = int(np.argsort(field.posteriors())[len(field.plain) // 2])
    strand = "+-"[field.candidates.strand[weak]]
    hint = Hint("c", int(field.plain.begin[weak]) + 1, int(field.plain.end[weak]), strand, "exon", hard=True)
    found = trained.predict([part], [hint])
    assert any((hint.start, hint.end) in gene.coding_pieces and gene.strand == strand for gene in found)
    assert all(abs(gene.score) < 500 for gene in found)  # the certainty is no part of the score


def test_a_hard_hint_that_nothing_fits(trained, unseen):
    record, _ = unseen
    codes = DNA.decode(record.encode())
    place = codes.index("CC", 1000) + 1
    with pytest.raises(DataError, match="fits no gene"):
        trained.predict([record], [Hint("c", place, place + 99, "+", "intron", hard=True)])


def test_hints_from_gff(tmp_path):
    path = tmp_path / "hints.gff3"
    path.write_text(
        "##gff-version 3\nc\tRNASeq\tintron\t11\t90\t7\t+\t.\t.\nc\tx\tCDS\t1\t10\t.\t-\t0\tmult=3;hard=true\n"
        "c\tx\tgene\t1\t100\t.\t+\t.\tID=g\n"
    )
    assert read_hints(str(path)) == [
        Hint("c", 11, 90, "+", "intron", 7.0),
        Hint("c", 1, 10, "-", "exon", 3.0, hard=True),
    ]
    path.write_text("c\tRNASeq\tintron\t90\t11\t7\t+\t.\t.\n")
    with pytest.raises(DataError, match=r"line 1.*start <= end"):
        read_hints(str(path))


def test_reasons_for_leaving_genes_out():
    record, genes = plant(6, seed=5)
    codes = record.encode()
    good = next(gene for gene in genes if gene.strand == "+" and len(gene.pieces) > 1)
    (a, b), (c, d) = good.pieces[:2]
    rest = good.pieces[2:]

    def reason(**changes):
        text = DNA.decode(codes)
        for place, letters in changes.pop("letters", {}).items():
            text = text[:place] + letters + text[place + len(letters) :]
        pieces = changes.pop("pieces", good.pieces)
        gene = Gene.of_pieces(changes.pop("seqid", "c"), pieces, "+", name="bad", **changes)
        others = [one for one in genes if one != good]
        found = SplicedGeneFinder().fit([FastaRecord("c", "", text.encode())], [gene, *others])
        [left] = found.left_out_
        assert left.gene == gene and "bad" in str(left)
        return left.reason

    end = good.end
    assert "no sequence is called 'd'" in reason(seqid="d")
    assert "bases" in reason(pieces=[(a, b), *good.pieces[1:-1], (good.pieces[-1][0], len(codes) + 10)])
    assert "not a multiple of three" in reason(pieces=[(a, b), *good.pieces[1:-1], (good.pieces[-1][0], end - 1)])
    assert "not with ATG" in reason(letters={a - 1: "CTG"})
    assert "not with a stop" in reason(letters={end - 3: "CCC"})
    assert "stop codon in frame at base 4" in reason(letters={a + 2: "TAA"})
    assert "unknown bases" in reason(letters={a + 2: "NNN"})
    assert "only GT..AG" in reason(letters={b: "CC"})
    assert "partial" in reason(partial_left=True)
    assert "pseudogene" in reason(pseudo=True)
    assert "an intron of 6 bases" in reason(pieces=[(a, a + 29), (a + 36, b), (c, d), *rest])


def test_isoforms_and_overlapping_genes_are_named():
    record, genes = plant(30, seed=6)
    gene = next(one for one in genes if len(one.pieces) > 2 and one.coding_length % 3 == 0)
    whole = max(genes, key=lambda one: one.coding_length)
    shorter = Gene.of_pieces("c", whole.coding_pieces, whole.strand, name="copy")
    found = SplicedGeneFinder().fit([record], [*genes, shorter])
    assert ["overlaps a longer gene of its strand" in one.reason for one in found.left_out_] == [True]
    assert found.n_genes_ == 30 and gene


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record, genes: ([record._replace(id="other")], genes), "annotation names 'c', the sequences.*'other'"),
        (lambda record, genes: ([record], []), "no coding gene"),
        (lambda record, genes: ([record._replace(sequence=b"ACGT" * 9000)], genes), "none of 3 annotated genes"),
    ],
)
def test_annotation_that_cannot_be_learned_from(change, message):
    records, genes = change(*plant(3, seed=7))
    with pytest.raises(DataError, match=message):
        SplicedGeneFinder().fit(records, genes)


def test_too_few_genes_to_weigh_scores_still_give_a_model():
    record, genes = plant(8, seed=8)
    few = SplicedGeneFinder().fit([record], genes)
    assert few.history_ == [] and len(places(few.predict([record])) & places(genes)) >= 6


def test_sequences_without_genes_and_without_bases(trained):
    rng = np.random.default_rng(3)
    empty = FastaRecord("e", "", b"")
    unknown = FastaRecord("n", "", b"N" * 500)
    short = FastaRecord("s", "", b"ACGTA")
    noise = FastaRecord("r", "", DNA.decode(rng.integers(4, size=5000).astype(np.uint8)).encode())
    assert trained.predict([empty, unknown, short]) == []
    assert len(trained.predict([noise])) <= 2
    with pytest.raises(DataError, match="'E' at position 2"):
        trained.predict([FastaRecord("p", "", b"MEEPQSDPSVEPPLSQ")])
    with pytest.raises(NotFittedError):
        SplicedGeneFinder().predict([noise])


def test_kind_chooses_the_finder():
    found = GeneFinder(kind="eukaryote", partial=False)
    assert isinstance(found, SplicedGeneFinder) and not found.partial and found.table == 1
    assert isinstance(GeneFinder(), GeneFinder)
    with pytest.raises(ValueError, match="kind is 'plant'"):
        GeneFinder(kind="plant")


def test_a_kind_stays_what_it_is():
    bacteria, spliced = GeneFinder(), GeneFinder(kind="eukaryote")
    assert bacteria.set_params(kind="prokaryote", table=4).table == 4
    assert spliced.set_params(kind="eukaryote", table=6).table == 6
    with pytest.raises(ValueError, match="'prokaryote' cannot become one of kind 'eukaryote'; make a new GeneFinder"):
        bacteria.set_params(kind="eukaryote")
    with pytest.raises(ValueError, match="'eukaryote' cannot become one of another kind; make a new GeneFinder"):
        spliced.set_params(kind="prokaryote")
    assert bacteria.kind == "prokaryote"
