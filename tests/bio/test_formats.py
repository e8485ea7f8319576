"""Every format, there and back: through our readers, Biopython and gffutils; proteins against Biopython's."""

import gzip
import io
from dataclasses import replace

import numpy as np
import pytest
from Bio import SeqIO, bgzf
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import (
    FastaRecord,
    Gene,
    evaluate,
    read_bed,
    read_genbank,
    read_genes,
    read_gff3,
    read_gtf,
    read_sequences,
    write_coding_sequences,
    write_genbank,
    write_genes,
    write_gff3,
    write_proteins,
)
from hmmseq.bio.gene import identifiers
from hmmseq.errors import DataError

GENOME = [
    FastaRecord("chr 1|x".replace(" ", "_"), "first", b"ACGTTTGGCAATGCCNCTAA" * 20),
    FastaRecord("plasmid", "", b"TTATGCATGGGCACACATAG" * 5),
]
SPLICED = Gene.of_pieces(
    "chr_1|x", [(11, 60), (101, 149), (201, 260)], "-", name="abc1", posterior=0.75, score=3.5, transl_table=1,
    piece_posteriors=(0.5, 0.25, 1.0), start_posterior=0.125, id="abc1.t1", locus="abc1",
)  # fmt: skip
ISOFORM = replace(SPLICED, start=101, pieces=((101, 149), (201, 260)), piece_posteriors=(), id="abc1.t2")
WHOLE = Gene("plasmid", 4, 33, "+", transl_table=11, partial_right=True, phase=0)
GENES = [SPLICED, ISOFORM, WHOLE]
LENGTHS = {record.id: len(record.sequence) for record in GENOME}


def written(write, genes, *arguments, **options):
    file = io.BytesIO()
    write(genes, *arguments, file, **options)
    return file.getvalue()


def named(genes):
    return [replace(gene, id=name) for gene, name in zip(genes, identifiers(genes))]


@st.composite
def annotations(draw):
    genes = []
    for _ in range(draw(st.integers(0, 4))):
        lengths = draw(st.lists(st.integers(4, 40), min_size=1, max_size=4))
        gaps = draw(st.lists(st.integers(1, 30), min_size=len(lengths), max_size=len(lengths)))
        ends = np.cumsum(np.column_stack([gaps, lengths]).ravel()).reshape(-1, 2)
        left, right = draw(st.booleans()), draw(st.booleans())
        strand = draw(st.sampled_from("+-"))
        genes.append(
            Gene.of_pieces(
                draw(st.sampled_from(list(LENGTHS))),
                [(int(a) + 1, int(b)) for a, b in ends],
                strand,
                posterior=draw(st.none() | st.sampled_from([0.0, 0.25, 1.0])),
                score=draw(st.none() | st.sampled_from([-2.5, 100.0])),
                partial_left=left,
                partial_right=right,
                phase=draw(st.integers(0, 2)) if (left if strand == "+" else right) else 0,
                transl_table=draw(st.sampled_from([1, 4, 11])),
                name=draw(st.sampled_from(["", "dnaA", 'odd "name"; 1,2=3%'])),
            )
        )
    return [gene for gene in genes if gene.end <= LENGTHS[gene.seqid]]


@given(annotations())
def test_gff3_keeps_everything(genes):
    back = read_gff3(io.BytesIO(written(write_gff3, genes, sequence_lengths=LENGTHS)))
    assert [replace(gene, locus="") for gene in back] == named(genes)


@given(annotations())
def test_gtf_keeps_coding_pieces_phases_and_names(genes):
    text = written(write_genes, genes, format="gtf")
    back = [replace(gene, locus="") for gene in read_gtf(io.BytesIO(text))]
    assert back == named(genes)
    for line in text.decode().splitlines():
        assert line.split("\t")[2] != "CDS" or line.split("\t")[7] in "012"


@given(annotations())
def test_bed_keeps_coding_pieces(genes):
    text = written(write_genes, genes, format="bed")
    back = read_bed(io.BytesIO(text))
    assert [(g.seqid, g.coding_pieces, g.strand) for g in back] == [(g.seqid, g.coding_pieces, g.strand) for g in genes]
    for line, gene in zip(text.decode().splitlines(), genes):
        columns = line.split("\t")
        assert len(columns) == 12 and int(columns[1]) == gene.start - 1 and int(columns[2]) == gene.end
        assert int(columns[4]) == (0 if gene.posterior is None else round(1000 * gene.posterior))


@given(annotations())
def test_genbank_keeps_places_phases_and_tables(genes):
    back = read_genbank(io.BytesIO(written(write_genbank, genes, GENOME)))
    order = sorted(genes, key=lambda gene: list(LENGTHS).index(gene.seqid))  # by record; a stable sort
    kept = ("seqid", "coding_pieces", "strand", "phase", "partial_left", "partial_right", "transl_table")
    assert [[getattr(g, k) for k in kept] for g in back] == [[getattr(g, k) for k in kept] for g in order]


@given(annotations())
def test_proteins_and_coding_sequences_agree_with_biopython(genes):
    proteins = list(
        SeqIO.parse(io.StringIO(written(lambda g, t: write_proteins(g, GENOME, t), genes).decode()), "fasta")
    )
    coding = written(lambda g, t: write_coding_sequences(g, GENOME, t), genes).decode()
    coding = list(SeqIO.parse(io.StringIO(coding), "fasta"))
    assert [r.id for r in proteins] == [r.id for r in coding] == identifiers(genes)
    records = {record.id: Seq(record.sequence) for record in GENOME}
    for gene, protein, sequence in zip(genes, proteins, coding):
        joined = sum((records[gene.seqid][first - 1 : last] for first, last in gene.coding_pieces), Seq(""))
        joined = joined if gene.strand == "+" else joined.reverse_complement()
        assert sequence.seq == joined
        frame = joined[gene.phase :]
        expected = str(frame[: len(frame) // 3 * 3].translate(gene.transl_table)).removesuffix("*")
        assert str(protein.seq)[1:] == expected[1:].replace("B", "X").replace("Z", "X").replace("J", "X")


def test_isoforms_are_one_gene_with_two_transcripts():
    text = written(write_gff3, GENES, sequence_lengths=LENGTHS).decode()
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    assert [row[2] for row in rows] == ["gene", "mRNA", *["CDS"] * 3, "mRNA", *["CDS"] * 2, "gene", "mRNA", "CDS"]
    assert rows[0][3:5] == ["11", "260"] and rows[0][8] == "ID=abc1"
    assert rows[2][8] == "ID=abc1.t1.cds;Parent=abc1.t1;posterior=0.5"
    assert [row[7] for row in rows[2:5]] == ["2", "0", "0"]  # 60 bases first, then 49: one too many, two to skip
    assert read_gff3(io.BytesIO(text.encode()))[:2] == GENES[:2]


def test_ids_are_unique_whatever_genes_are_called():
    clash = [replace(SPLICED, id="x", locus="x"), replace(ISOFORM, id="x.cds", locus="x"), replace(WHOLE, locus="x")]
    text = written(write_gff3, clash).decode()
    rows = [dict(pair.split("=") for pair in line.split("\t")[8].split(";")) for line in text.splitlines()[1:]]
    kinds = [line.split("\t")[2] for line in text.splitlines()[1:]]
    others = [row["ID"] for row, kind in zip(rows, kinds) if kind != "CDS"]
    cds = {(row["ID"], row["Parent"]) for row, kind in zip(rows, kinds) if kind == "CDS"}
    assert len(set(others)) == len(others) and not {name for name, _ in cds} & set(others)
    assert len({name for name, _ in cds}) == len(cds) == 3
    parents = {row["Parent"] for row in rows if "Parent" in row}
    assert parents <= set(others)


def test_gffutils_reads_the_same_tree():
    gffutils = pytest.importorskip("gffutils")
    database = gffutils.create_db(
        written(write_gff3, GENES, sequence_lengths=LENGTHS).decode(),
        ":memory:",
        from_string=True,
        merge_strategy="create_unique",
    )
    [gene] = [gene for gene in database.features_of_type("gene") if gene.id == "abc1"]
    transcripts = list(database.children(gene, featuretype="mRNA"))
    assert sorted(t.id for t in transcripts) == ["abc1.t1", "abc1.t2"]
    for transcript, expected in zip(sorted(transcripts, key=lambda t: t.id), GENES):
        pieces = sorted((cds.start, cds.end) for cds in database.children(transcript, featuretype="CDS"))
        assert tuple(pieces) == expected.coding_pieces


def test_one_row_for_one_piece_reads_in_gffutils():
    gffutils = pytest.importorskip("gffutils")
    database = gffutils.create_db(written(write_gff3, [WHOLE]).decode(), ":memory:", from_string=True)
    [cds] = database.features_of_type("CDS")
    assert (cds.id, cds.start, cds.end, cds.frame, cds.attributes["partial"]) == ("plasmid_1", 4, 33, "0", ["01"])


@pytest.mark.parametrize("format", ["gff3", "bed"])
def test_stop_codons_are_left_out_on_request(format):
    with_stop, without = (written(write_genes, [SPLICED], format=format, stop=stop) for stop in (True, False))
    shorter = SPLICED.without_stop()
    assert read_genes(io.BytesIO(without))[0].coding_pieces == shorter.coding_pieces
    assert read_genes(io.BytesIO(without), stop=False)[0].coding_pieces == SPLICED.coding_pieces
    assert read_genes(io.BytesIO(with_stop))[0].coding_pieces == SPLICED.coding_pieces


def test_a_stop_codon_split_by_an_intron_in_gtf():
    gene = Gene.of_pieces("c", [(1, 30), (50, 51)], "+")
    lines = written(write_genes, [gene], format="gtf").decode().splitlines()
    places = {}
    for columns in (line.split("\t") for line in lines):
        places.setdefault(columns[2], []).append((int(columns[3]), int(columns[4]), columns[7]))
    assert places["CDS"] == [(1, 29, "0")]
    assert places["stop_codon"] == [(30, 30, "0"), (50, 51, "2")] and places["start_codon"] == [(1, 3, "0")]


def test_the_origin_of_a_circular_sequence():
    gene = Gene("plasmid", 84, 113, "+", transl_table=11)
    text = written(write_gff3, [gene], sequence_lengths=LENGTHS, circular=["plasmid"])
    assert b"plasmid\thmmseq\tregion\t1\t100\t.\t+\t.\tID=plasmid.sequence;Is_circular=true\n" in text
    assert [replace(g, id="") for g in read_gff3(io.BytesIO(text))] == [gene]
    text = written(write_genbank, [gene], GENOME, circular=["plasmid"])
    assert b"join(84..100,1..13)" in text and b"circular" in text
    [back] = read_genbank(io.BytesIO(text))
    assert (back.start, back.end, back.pieces) == (84, 113, ())
    [reverse] = read_genbank(
        io.BytesIO(written(write_genbank, [replace(gene, strand="-")], GENOME, circular=["plasmid"]))
    )
    assert (reverse.start, reverse.end, reverse.strand) == (84, 113, "-")
    [bed] = written(write_genes, [gene], format="bed", records=GENOME).decode().splitlines()
    assert bed.split("\t")[1:3] + bed.split("\t")[9:] == ["0", "100", "2", "13,17", "0,83"]
    assert b">plasmid_1 plasmid:84-113(+)\nTGCATGGGCACACATAGTTATGCATGGGCA" in written(
        lambda g, t: write_coding_sequences(g, GENOME, t), [gene]
    )
    with pytest.raises(ValueError, match=r"84\.\.113 of 100 bases"):
        written(write_gff3, [gene], sequence_lengths=LENGTHS)


@pytest.mark.parametrize("format", ["gff3", "gtf", "bed", "genbank"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_formats_are_known_by_content(format, pack):
    text = pack(written(write_genes, GENES, format=format, records=GENOME))
    found = evaluate(read_genes(io.BytesIO(text)), GENES)
    assert found.levels["exon"].f1 == found.levels["transcript"].f1 == 1


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
@pytest.mark.parametrize("format", ["gff3", "gtf", "bed", "genbank"])
def test_a_byte_order_mark_blank_lines_and_other_line_ends_change_nothing(format, end):
    text = written(write_genes, GENES, format=format, records=GENOME)
    other = b"\xef\xbb\xbf" + end + text.replace(b"\n", end)
    assert read_genes(io.BytesIO(other)) == read_genes(io.BytesIO(text)) != []


@pytest.mark.parametrize("head", ["", "##gff-version 2\n", "##gff-version 3\n", "#!genome-build X\n"])
@pytest.mark.parametrize(
    "attributes",
    ['gene_id "g=1"; transcript_id "t;b=1";', "gene_id g1; transcript_id t1", 'transcript_id "t"; gene_id ""'],
)
def test_gtf_is_known_by_its_attributes(head, attributes):
    row = f"c\t.\tCDS\t1\t9\t.\t+\t0\t{attributes}"
    [gene] = read_genes(io.BytesIO((head + row).encode()))
    assert (gene.start, gene.end) == (1, 9) and gene.id in ("t;b=1", "t1", "t")


@pytest.mark.parametrize("attributes", ["ID=a", "Long key=a b", " ID=a", ".", ""])
def test_gff3_is_known_by_its_attributes(attributes):
    [gene] = read_genes(io.BytesIO(f"c\t.\tCDS\t1\t9\t.\t+\t0\t{attributes}".encode()))
    assert (gene.start, gene.end) == (1, 9)


def test_bed_may_be_parted_by_blanks():
    assert read_genes(io.BytesIO(b"track name=x\nc 0 90 x 0 +\n")) == [Gene("c", 1, 90, "+", name="x")]


def test_text_in_other_codes_is_refused():
    with pytest.raises(DataError, match=r"NUL byte.*UTF-16"):
        read_genes(io.BytesIO(written(write_genes, GENES).decode().encode("utf-16")))


def test_unknown_formats_are_refused():
    with pytest.raises(DataError, match=r"begins with '>c'; expected GFF3, GTF"):
        read_genes(io.BytesIO(b">c\nACGT\n"))
    with pytest.raises(ValueError, match="format is 'sam'; expected one of gff3"):
        written(write_genes, GENES, format="sam")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("c\t.\tCDS\t1\t9", "line 1: 5 tab-separated columns"),
        ("c\t.\tCDS\t1\t9\t.\t+\t0\tID=a", "is it GFF3"),
        ('c\t.\tCDS\t1\t9\t.\t+\t0\tnote "x"', "neither transcript_id nor gene_id"),
        ('c\t.\tCDS\t9\t1\t.\t+\t0\tgene_id "x"', r"9\.\.1"),
    ],
)
def test_bad_gtf(row, said):
    with pytest.raises(DataError, match=said):
        read_gtf(io.BytesIO(row.encode()))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("c\t0\t9", "3 columns"),
        ("c\tx\t9\t.\t0\t+", "start is 'x'; expected a whole number"),
        ("c\t0\t9\tn\t0\t+\t0\t9\t0\t2\t3\t0", "2 blocks, 1 sizes"),
    ],
)
def test_bad_bed(row, said):
    with pytest.raises(DataError, match=f"line 1: .*{said}"):
        read_bed(io.BytesIO(row.encode()))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("c\t0\t90\tn\t0\t+\t0\t90\t0\t2\t9,9\t0,90", "go beyond 0 90"),
        ("c\t0\t90\tn\t0\t+\t40\t50\t0\t2\t9,9\t0,81", "thick part 40 50 in no block"),
        ("c\t0\t90\tn\t0\t+\tq\t50", "thickStart is 'q'; expected a whole number"),
    ],
)
def test_bed_rows_that_contradict_themselves(row, said):
    with pytest.raises(DataError, match=f"line 1: .*{said}"):
        read_bed(io.BytesIO(row.encode()))


def test_a_bed_row_without_a_thick_part_codes_for_nothing():
    rows = b"c\t0\t90\tn\t0\t+\t90\t90\t0\t1\t90\t0\nc\t0\t90\tm\t0\t+\t3\t60\t0\t1\t90\t0\n"
    assert read_bed(io.BytesIO(rows)) == [Gene("c", 4, 60, "+", name="m")]


@pytest.mark.parametrize("strand", "+-")
@pytest.mark.parametrize("second", [58, 59, 60, 61, 62])
def test_frameshifts_survive(second, strand):
    """Backwards, pieces overlap by some bases; in BED, which knows no such blocks, they become one."""
    gene = Gene.of_pieces("c", [(11, 60), (second, 100)], strand, id="t", locus="g")
    for format in ("gff3", "gtf"):
        assert read_genes(io.BytesIO(written(write_genes, [gene], format=format))) == [gene]
    [back] = read_genes(io.BytesIO(written(write_genes, [gene], format="bed")))
    assert back.coding_pieces == (gene.coding_pieces if second > 60 else ((11, 100),))


def test_gtf_without_coding_rows_says_so():
    with pytest.warns(UserWarning, match="input: no CDS row, so no gene"):
        assert read_gtf(io.BytesIO(b'c\t.\texon\t1\t9\t.\t+\t.\tgene_id "g";')) == []


def test_names_that_a_format_cannot_hold_are_refused():
    gene = Gene("two words", 1, 9, "+")
    with pytest.raises(ValueError, match="has blanks, which GTF cannot hold"):
        written(write_genes, [gene], format="gtf")
    with pytest.raises(ValueError, match="tab or a line end"):
        written(write_genes, [replace(gene, name="a\tb")], format="bed")


def test_sequences_come_from_fasta_bgzip_and_genbank(tmp_path):
    fasta = b"".join(b">%s %s\n%s\n" % (r.id.encode(), r.description.encode(), r.sequence) for r in GENOME)
    with bgzf.BgzfWriter(str(tmp_path / "g.fa.gz"), "wb") as file:
        file.write(fasta)
    sequences = [record.sequence for record in GENOME]
    assert [r.sequence for r in read_sequences(tmp_path / "g.fa.gz")] == sequences
    assert [r.sequence for r in read_sequences(io.BytesIO(written(write_genbank, [], GENOME)))] == sequences
    assert [r.id for r in read_sequences(io.BytesIO(written(write_genbank, [], GENOME)))] == list(LENGTHS)


def test_a_record_without_bases_says_so():
    record = SeqRecord(Seq(None, 9), "X.1", "X", annotations={"molecule_type": "DNA", "contig": "join(Y.1:1..9)"})
    text = io.StringIO()
    SeqIO.write(record, text, "genbank")
    empty = text.getvalue().encode()
    with pytest.raises(DataError, match="has no sequence; fetch"):
        read_sequences(io.BytesIO(empty))


def test_what_augustus_writes():
    own = 'transcript_id "g1.t1"; gene_id "g1";'
    rows = [
        "# start gene g1",
        "c\tAUGUSTUS\tgene\t101\t290\t0.62\t+\t.\tg1",
        "c\tAUGUSTUS\ttranscript\t101\t290\t0.62\t+\t.\tg1.t1",
        f"c\tAUGUSTUS\tstart_codon\t101\t103\t.\t+\t0\t{own}",
        f"c\tAUGUSTUS\tintron\t161\t200\t0.99\t+\t.\t{own}",
        f"c\tAUGUSTUS\tCDS\t101\t160\t0.62\t+\t0\t{own}",
        f"c\tAUGUSTUS\tCDS\t201\t290\t1\t+\t0\t{own}",
        f"c\tAUGUSTUS\tstop_codon\t288\t290\t.\t+\t0\t{own}",
        "# protein sequence = [MA]",
    ]
    [gene] = read_genes(io.BytesIO("\n".join(rows).encode()))
    assert gene == Gene.of_pieces("c", [(101, 160), (201, 290)], "+", score=0.62, id="g1.t1", locus="g1")


def test_oddities_of_genbank_files_are_one_warning():
    odd = b"".join(
        b"LOCUS       chr2L_%d   12 bp  DNA\nFEATURES             Location/Qualifiers\n"
        b"     CDS             1..12\nORIGIN\n        1 atggcagcat aa\n//\n" % k
        for k in range(3)
    )
    with pytest.warns(UserWarning, match=r"input: [3-9] oddities in GenBank, the first: .*LOCUS") as caught:
        genes = read_genes(io.BytesIO(odd))
    assert len(caught) == 1 and [(g.start, g.end) for g in genes] == [(1, 12)] * 3


def test_parents_with_commas_shared_rows_and_products():
    rows = [
        "c\t.\tgene\t1\t90\t.\t+\t.\tID=g%2C1",
        "c\t.\tmRNA\t1\t90\t.\t+\t.\tID=t1;Parent=g%2C1",
        "c\t.\tmRNA\t1\t90\t.\t+\t.\tID=t2;Parent=g%2C1",
        "c\t.\tprotein\t1\t90\t.\t+\t.\tID=t1-p;Derives_from=t1",
        "c\t.\tCDS\t1\t30\t.\t+\t0\tParent=t1,t2,t1-p",
        "c\t.\tCDS\t61\t90\t.\t+\t0\tParent=t1,t1-p",
        "c\t.\tpseudogene\t1\t90\t.\t-\t.\tID=ps",
        "c\t.\tCDS\t1\t90\t.\t-\t0\tID=x;Parent=ps",
    ]
    first, second, old = read_gff3(io.BytesIO("\n".join(rows).encode()))
    assert (first.id, first.locus, first.coding_pieces) == ("t1", "g,1", ((1, 30), (61, 90)))
    assert (second.id, second.locus, second.coding_pieces) == ("t2", "g,1", ((1, 30),))
    assert old.pseudo and old.id == "x"
