"""The gene finder on genomes whose genes are known because they were planted."""

import numpy as np
import pytest

from hmmseq.bio import DNA, FastaRecord, Gene, GeneFinder, GeneticCode, evaluate, reverse_complement
from hmmseq.bio.average_protein import codon_usage
from hmmseq.bio.gene_graph import BACKGROUND, BOTH, CLOSE, FORWARD, OPEN, REVERSE, GeneGraph
from hmmseq.bio.gene_model import first_usage, gather
from hmmseq.bio.gene_scores import motifs, score_table
from hmmseq.bio.words import FIRST, LENGTH, N_WORDS, NUMBER, WIDTH, encode_words, reverse_complements
from hmmseq.errors import DataError

STANDARD, MYCOPLASMA = GeneticCode.from_table(11), GeneticCode.from_table(4)


def codon(text):
    return int(DNA.encode(text) @ np.array([16, 4, 1], np.uint8))


def spelled(codons):
    return np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).ravel().astype(np.uint8)


def plant(n_genes, code=STANDARD, seed=0, seqid="c"):
    """A random genome (codes) with genes on both strands, and the genes. Gaps have 30 to 200 bases."""
    rng = np.random.default_rng(seed)
    usage = codon_usage(code, np.full(4, 0.25)) * rng.gamma(2.0, size=64)  # proteins, with a taste of their own
    usage /= usage.sum()
    parts, genes, length = [], [], 0
    for _ in range(n_genes):
        parts.append(rng.integers(4, size=rng.integers(30, 200)).astype(np.uint8))
        length += len(parts[-1])
        body = rng.choice(64, size=rng.integers(60, 400), p=usage)
        gene = spelled(np.concatenate([[codon("ATG")], body, [rng.choice(code.stops)]]))
        strand = "+-"[rng.integers(2)]
        parts.append(gene if strand == "+" else reverse_complement(gene))
        genes.append(Gene(seqid, length + 1, length + len(gene), strand))
        length += len(gene)
    return np.concatenate([*parts, rng.integers(4, size=100).astype(np.uint8)]), genes


def record(codes, seqid="c"):
    return FastaRecord(seqid, "", DNA.decode(codes).encode())


def places(genes):
    return {(gene.start, gene.end, gene.strand) for gene in genes}


@pytest.fixture(scope="module")
def planted():
    codes, genes = plant(60)
    finder = GeneFinder()
    return codes, genes, finder, finder.find([record(codes)])


def test_planted_genes_are_found(planted):
    _, genes, finder, found = planted
    scores = evaluate(found, genes)
    assert scores.recall >= 0.98 and scores.precision >= 0.95 and scores.exact_recall >= 0.7
    assert finder.trained_ and finder.history_[-1] > finder.history_[0]


def test_genes_are_in_order_and_well_formed(planted):
    codes, _, finder, found = planted
    assert [gene.start for gene in found] == sorted(gene.start for gene in found)
    for gene in found:
        assert len(gene) >= finder.min_length and 0.5 <= gene.posterior <= 1 and gene.transl_table == 11
        letters = codes[gene.start - 1 : gene.end]
        protein = STANDARD.translate(letters if gene.strand == "+" else reverse_complement(letters), from_start=True)
        if gene.usable:
            assert protein[0] == "M" and protein.index("*") == len(protein) - 1


def test_predict_repeats_find_for_any_number_of_threads(planted):
    codes, _, finder, found = planted
    assert finder.predict([record(codes)]) == found
    assert finder.set_params(n_jobs=2).predict([record(codes)]) == found
    finder.set_params(n_jobs=None)


def test_the_other_strand_has_the_same_genes(planted):
    codes, _, _, found = planted
    n = len(codes)
    other = GeneFinder().find([record(reverse_complement(codes))])
    mirrored = {(n + 1 - end, n + 1 - start, "-+"[strand == "-"]) for start, end, strand in places(other)}
    assert len(mirrored ^ places(found)) <= 0.03 * len(found)


def test_coding_probability_follows_the_genes(planted):
    codes, genes, finder, _ = planted
    probability = finder.coding_probability(record(codes), 5_000, 25_000)
    assert probability.shape == (20_000, 2) and probability.min() >= 0 and probability.sum(axis=1).max() <= 1 + 1e-9
    truth = np.zeros((len(codes), 2))
    for gene in genes:
        truth[gene.start - 1 : gene.end, int(gene.strand == "-")] = 1
    assert np.abs(probability - truth[5_000:25_000]).mean() < 0.05


def test_unknown_letters_inside_a_gene_do_not_break_it(planted):
    codes, genes, finder, _ = planted
    gene = max(genes, key=len)
    masked = codes.copy()
    masked[gene.start + 200 : gene.start + 212] = DNA.missing
    assert (gene.strand, gene.three_prime) in {(g.strand, g.three_prime) for g in finder.predict([record(masked)])}


def test_a_long_run_of_unknown_letters_ends_a_contig(planted):
    codes, genes, finder, _ = planted
    gene = max(genes, key=len)
    middle = (gene.start + gene.end) // 2
    masked = np.insert(codes, middle, np.full(2_000, DNA.missing, np.uint8))
    found = finder.predict([record(masked)])
    assert not any(g.start <= middle + 1_000 <= g.end for g in found)
    left, right = [g for g in found if g.end == middle], [g for g in found if g.start == middle + 2_001]
    assert [g.partial_right for g in left] == [g.partial_left for g in right] == [True]


@pytest.mark.parametrize("strand", "+-")
def test_a_gene_cut_by_the_ends_is_partial_and_keeps_its_frame(planted, strand):
    codes, genes, finder, _ = planted
    gene = max((g for g in genes if g.strand == strand), key=len)
    for cut in (30, 31, 32):
        inside = codes[gene.start - 1 + cut : gene.end - cut]
        [found] = finder.predict([record(inside)])
        assert (found.start, found.end, found.strand) == (1, len(inside), strand)
        assert found.partial_left and found.partial_right
        assert found.phase == -cut % 3


def test_tga_is_a_stop_or_not():
    codes, genes = plant(40, MYCOPLASMA, seed=1)
    assert evaluate(GeneFinder(table=4).find([record(codes)]), genes).f1 > 0.95
    standard = GeneFinder(table=11).find([record(codes)])
    for gene in standard:
        letters = codes[gene.start - 1 : gene.end]
        protein = STANDARD.translate(letters if gene.strand == "+" else reverse_complement(letters))
        assert "*" not in protein[:-1] or not gene.usable


def test_genes_that_share_atga_are_both_found(planted):
    codes, genes, finder, _ = planted
    first, second = [g for g in genes if g.strand == "+"][:2]
    a, b = (codes[g.start - 1 : g.end].copy() for g in (first, second))
    a[-3:] = DNA.encode("TGA")
    joined = np.concatenate([codes[:300], a[:-4], DNA.encode("ATGA"), b[4:], codes[:300]])
    found = {(g.strand, g.three_prime) for g in finder.predict([record(joined)])}
    assert {("+", 300 + len(a)), ("+", 300 + len(a) + len(b) - 4)} <= found


def test_genes_that_end_under_one_another_are_both_found(planted):
    """Fourteen shared bases, TTATTGGCGGCTAA: the forward gene's last codons and, backwards, the reverse gene's."""
    codes, genes, finder, _ = planted
    forward, reverse = (next(g for g in genes if g.strand == strand) for strand in "+-")
    a, b = (codes[g.start - 1 : g.end] for g in (forward, reverse))
    joined = np.concatenate([codes[:300], a[:-15], DNA.encode("CTTATTGGCGGCTAA"), b[14:], codes[:300]])
    found = {(g.strand, g.three_prime) for g in finder.predict([record(joined)])}
    assert {("+", 300 + len(a)), ("-", 300 + len(a) - 13)} <= found


def test_a_short_contig_is_searched_without_training():
    codes, _ = plant(3, seed=2)
    with pytest.warns(UserWarning, match="too few to train on"):
        finder = GeneFinder().fit([record(codes)])
    assert not finder.trained_ and finder.history_ == []
    assert isinstance(finder.predict([record(codes)]), list)


@pytest.mark.parametrize("text", [b"", b"A", b"AC", b"ACG", b"NNNN", b"ATGTAA"])
def test_tiny_records_beside_a_genome_hold_no_gene(planted, text):
    finder = planted[2]
    assert finder.predict([FastaRecord("tiny", "", text)]) == []


def test_a_genome_without_genes_gives_few():
    rng = np.random.default_rng(3)
    codes = rng.choice(4, size=30_000, p=[0.35, 0.15, 0.15, 0.35]).astype(np.uint8)
    assert sum(map(len, GeneFinder().find([record(codes)]))) < 0.2 * len(codes)


def test_nothing_to_look_at_is_an_error():
    with pytest.raises(DataError, match="not one known base"):
        GeneFinder().fit([FastaRecord("c", "", b"NNNNNNNN")])
    with pytest.raises(DataError, match="unknown"):
        GeneFinder(table=7).fit([FastaRecord("c", "", b"ACGT")])


# Words


def test_a_symbol_is_the_longest_known_word():
    symbols = encode_words(DNA.encode("ACGTNACGTACGT"))
    assert LENGTH[symbols].tolist() == [1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 6, 6]
    for position, symbol in enumerate(symbols):
        word = "ACGTNACGTACGT"[position + 1 - LENGTH[symbol] : position + 1]
        assert NUMBER[symbol] == sum(int(c) * 4**i for i, c in enumerate(reversed(DNA.encode(word))))


def test_a_reverse_complement_twice_is_the_word():
    other = reverse_complements(WIDTH)
    assert (other[other] == np.arange(4**WIDTH)).all() and reverse_complements(3)[codon("ATG")] == codon("CAT")


# Scores


def first_scores(code):
    graph = GeneGraph(2)
    usage = first_usage(code, np.ones(4**WIDTH), (-0.5, 0.5))
    return graph, usage, score_table(graph, usage, code)


@pytest.mark.parametrize("code", [STANDARD, MYCOPLASMA])
def test_stops_are_impossible_in_frame(code):
    graph, _, table = first_scores(code)
    last_codon = NUMBER % 64
    whole = LENGTH >= 3
    for strand, stops in ((FORWARD, code.stops), (REVERSE, reverse_complements(3)[list(code.stops)])):
        labels = graph.coding_labels[strand, :, 2]
        impossible = np.isneginf(table[:, labels])
        assert (impossible == (whole & np.isin(last_codon, stops))[:, None]).all()


def test_scores_are_odds_of_distributions():
    """Weighted with the background's probability of the last letter, the odds of one context sum to one."""
    graph, usage, table = first_scores(STANDARD)
    background = usage.background.reshape(-1, 4) / usage.background.reshape(-1, 4).sum(axis=1, keepdims=True)
    full = np.exp(table[FIRST[WIDTH] :, graph.coding_labels[FORWARD, 0]] / 0.8).reshape(-1, 4, 3)
    np.testing.assert_allclose((full * background[:, :, None]).sum(axis=1), 1, rtol=1e-6)
    assert (table[0] == 0).all() and (table[:, BACKGROUND] == 0).all()


def test_overlaps_are_made_of_codons():
    _, usage, _ = first_scores(MYCOPLASMA)
    for label, weights in motifs(usage).items():
        assert weights.sum() == pytest.approx(1) or (weights == 0).all(), label
    atga, usage = 14 * 4, first_scores(STANDARD)[1]
    assert motifs(usage)[BOTH[FORWARD]][atga] == motifs(usage)[BOTH[FORWARD]].max() > 0


def test_counts_of_both_strands_are_added():
    graph = GeneGraph(1)
    rows = np.zeros((N_WORDS, graph.graph.n_labels))
    at = FIRST[WIDTH]
    rows[at + codon("ATG"), OPEN[FORWARD]] = 2
    rows[at + codon("CAT"), CLOSE[REVERSE]] = 3
    rows[at + codon("TTA"), OPEN[REVERSE]] = 4
    usage = gather(graph, rows)
    assert usage.starts[codon("ATG")] == 5 and usage.stops[codon("TAA")] == 4 and usage.starts.sum() == 5
