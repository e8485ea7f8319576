"""The gene finder on genomes whose genes are known because they were planted."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import DNA, FastaRecord, GeneFinder, GeneticCode, evaluate, reverse_complement
from hmmseq.bio.prokaryotes.average_protein import codon_usage
from hmmseq.bio.prokaryotes.candidates import Genome
from hmmseq.bio.prokaryotes.code_choice import group_by_frames, likeliest
from hmmseq.bio.prokaryotes.coding import N_WORDS, class_scores, codon_table, conditionals, count_coding, without_stops
from hmmseq.bio.prokaryotes.durations import first_gaps, gene_graph, learn_gaps, learn_lengths
from hmmseq.bio.prokaryotes.open_frames import BORDER, CUT, codon_marks, open_frames, other_strand, start_codons
from hmmseq.bio.prokaryotes.pretrained import Pretrained, log_background, pretrained
from hmmseq.bio.prokaryotes.scores import Weights
from hmmseq.errors import DataError
from planted_genes import MYCOPLASMA, STANDARD, codon, places, plant, record


@pytest.fixture(scope="module")
def planted():
    codes, genes = plant(60)
    finder = GeneFinder(priors=())  # planted genes are like those of no genome
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
        assert (
            len(gene) >= finder.min_length and finder.min_posterior <= gene.posterior <= 1 and gene.transl_table == 11
        )
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
    other = GeneFinder(priors=()).find([record(reverse_complement(codes))])
    mirrored = {(n + 1 - end, n + 1 - start, "-+"[strand == "-"]) for start, end, strand in places(other)}
    assert len(mirrored ^ places(found)) <= 0.03 * len(found)


def test_coding_probability_follows_the_genes(planted):
    codes, genes, finder, _ = planted
    probability = finder.coding_probability(record(codes), 5_000, 25_000)
    assert probability.shape == (20_000, 2) and probability.min() >= 0 and probability.max() <= 1  # genes may overlap
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
    codes, genes = plant(60, MYCOPLASMA)
    assert evaluate(GeneFinder(table=4, priors=()).find([record(codes)]), genes).f1 > 0.95
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
    codes, genes = plant(3, seed=2)
    with pytest.warns(UserWarning, match="too few to train on"):
        finder = GeneFinder().fit([record(codes)])
    assert not finder.trained_ and finder.pretrained_ and finder.history_ == []
    with pytest.warns(UserWarning, match="too few"):
        assert evaluate(GeneFinder().find([record(codes)]), genes).recall >= 2 / 3


@pytest.mark.parametrize("table", [11, 4, 15])
def test_the_code_that_explains_the_genome_is_chosen(table):
    """By its stop codons; 4 and 25 have the same."""
    codes, genes = plant(40, GeneticCode.from_table(table))
    finder = GeneFinder(table="auto", priors=(), n_rounds=3).fit([record(codes)])
    assert finder.code_.stops == GeneticCode.from_table(table).stops
    assert evaluate(finder.predict([record(codes)]), genes).f1 > 0.95


@pytest.mark.parametrize("table", [4, 25])
@given(st.integers(0, 10**6), st.floats(0.2, 0.6))  # genomes that are written in these codes have less
def test_codes_with_the_same_stops_are_told_apart_by_their_proteins(table, seed, gc):
    codes = [GeneticCode.from_table(t) for t in (4, 25)]
    assert group_by_frames([STANDARD, *codes]) == [[STANDARD], codes]
    usage = codon_usage(GeneticCode.from_table(table), np.array([1 - gc, gc, gc, 1 - gc]) / 2)
    counts = np.random.default_rng(seed).multinomial(20_000, usage).astype(float)
    assert likeliest(codes, counts).table == table


def test_a_code_that_is_no_table_is_an_error():
    with pytest.raises(ValueError, match="'auto'"):
        GeneFinder(table="best").fit([record(plant(2)[0])])


def test_a_code_of_ones_own_is_read():
    """The bacterial code with TAA for glutamine: genes run through it."""
    amino_acids = "".join("Q" if i == 10 else a for i, a in enumerate(STANDARD.amino_acids))  # NCBI's TAA
    own = GeneticCode(amino_acids, name="own")
    assert codon("TAA") not in own.stops and len(own.stops) == 2
    codes, genes = plant(40, own)
    found = GeneFinder(table=own, priors=(), n_rounds=3).find([record(codes)])
    assert evaluate(found, genes).f1 > 0.95 and {gene.transl_table for gene in found} == {None}
    longest = max(found, key=len)
    letters = codes[longest.start - 1 : longest.end]
    protein = own.translate(letters if longest.strand == "+" else reverse_complement(letters))
    assert protein.index("*") == len(protein) - 1
    assert evaluate(GeneFinder(priors=(), n_rounds=3).find([record(codes)]), genes).f1 < 0.9


def test_a_gene_across_the_origin_is_found_whole(planted):
    codes, _, finder, found = planted
    gene = max((g for g in found if g.usable), key=len)
    turn = (gene.start + gene.end) // 2
    circle = record(np.roll(codes, -turn))
    n = len(codes)
    linear = finder.predict([circle])
    assert any(g.partial_left and g.start == 1 for g in linear) and any(g.partial_right and g.end == n for g in linear)
    try:
        around = finder.set_params(circular=True).predict([circle])
        assert finder.set_params(circular=["c"]).predict([circle]) == around
        assert finder.set_params(circular=["other"]).predict([circle]) == linear
    finally:
        finder.set_params(circular=False)
    [whole] = [g for g in around if g.end > n]
    assert (whole.start, len(whole), whole.strand) == (gene.start - turn + n, len(gene), gene.strand) and whole.usable
    assert [g.start for g in around] == sorted(g.start for g in around)


def test_starts_have_a_probability_unless_cut_off(planted):
    codes, genes, finder, found = planted
    assert all(0 < gene.start_posterior <= 1 for gene in found if gene.usable)
    gene = next(g for g in genes if g.strand == "+" and len(g) > 900)
    [part] = finder.predict([record(codes[gene.start + 100 : gene.end])])
    assert part.partial_left and part.start_posterior is None


def test_lower_case_and_rna_letters_change_nothing(planted):
    codes, _, finder, found = planted
    text = DNA.decode(codes)
    assert finder.predict([FastaRecord("c", "", text.lower().replace("t", "u").encode())]) == found


def test_contigs_are_searched_side_by_side_as_alone(planted):
    codes, _, finder, _ = planted
    pieces = [record(codes[:9_000], "a"), record(codes[9_000:20_000], "b"), record(codes[20_000:21_500], "tiny")]
    alone = [gene for piece in pieces for gene in finder.predict([piece])]
    together = finder.predict(pieces)
    assert [(g.seqid, g.start, g.end, g.strand) for g in together] == [
        (g.seqid, g.start, g.end, g.strand) for g in alone
    ]
    np.testing.assert_allclose([g.posterior for g in together], [g.posterior for g in alone], atol=1e-3)


@pytest.mark.parametrize("text", [b"", b"A", b"AC", b"ACG", b"NNNN", b"ATGTAA"])
def test_tiny_records_beside_a_genome_hold_no_gene(planted, text):
    finder = planted[2]
    assert finder.predict([FastaRecord("tiny", "", text)]) == []


@pytest.mark.parametrize("gc", [0.3, 0.7])
@pytest.mark.parametrize("priors", [None, ()])
def test_random_letters_have_next_to_no_genes(gc, priors):
    letters = np.random.default_rng(3).choice(list(b"ACGT"), 200_000, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
    finder = GeneFinder(priors=priors)
    with pytest.warns(UserWarning, match="no genes to learn from"):
        found = finder.find([FastaRecord("random", "", letters.astype(np.uint8).tobytes())])
    assert len(found) <= 8 and not finder.trained_


def test_nothing_to_look_at_is_an_error():
    with pytest.raises(DataError, match="not one known base"):
        GeneFinder().fit([FastaRecord("c", "", b"NNNNNNNN")])
    with pytest.raises(DataError, match="unknown"):
        GeneFinder(table=7).fit([FastaRecord("c", "", b"ACGT")])


# Open frames


def frames_by_hand(text, code, min_length, min_cut):
    """(begin, end, cut at the 5' end, cut at the 3' end) of all candidates of the given strand, one contig."""
    starts, stops = start_codons(code), code.stops
    triples = {p: codon(text[p : p + 3]) for p in range(len(text) - 2) if "N" not in text[p : p + 3]}
    found = set()
    for p in range(len(text) - 2):
        q = p
        while q + 2 < len(text) and triples.get(q) not in stops:
            q += 3
        cut_3 = q + 2 >= len(text)
        end = q if cut_3 else q + 3
        for cut_5, possible in ((True, p < 3), (False, triples.get(p) in starts)):
            if possible and end - p >= (min_cut if cut_5 or cut_3 else min_length):
                found.add((p, end, cut_5, cut_3))
    return found


@given(st.text("ACGTN", min_size=1, max_size=80), st.sampled_from([STANDARD, MYCOPLASMA]))
def test_open_frames_are_all_there(text, code):
    border = [BORDER] * 3
    codes = np.array([*border, *DNA.encode(text), *border], dtype=np.uint8)
    _, begin, start, frame, first, stop, stop_kind = open_frames(codes, codon_marks(code), 12, 9)
    end = stop[frame] + np.where(stop_kind[frame] == CUT, 0, 3)
    found = set(
        zip((begin - 3).tolist(), (end - 3).tolist(), (start == CUT).tolist(), (stop_kind[frame] == CUT).tolist())
    )
    assert found == frames_by_hand(text, code, 12, 9) and len(found) == len(begin)
    assert all((frame[a:b] == f).all() and (np.diff(begin[a:b]) <= 0).all() for f, (a, b) in enumerate(pairwise(first)))


def test_the_other_strand_twice_is_the_strand():
    codes = np.array([BORDER, 0, 1, 2, 3, DNA.missing, BORDER], dtype=np.uint8)
    assert other_strand(codes).tolist() == [BORDER, DNA.missing, 0, 1, 2, 3, BORDER]


def test_a_code_of_ones_own_starts_where_it_says():
    own = GeneticCode(STANDARD.amino_acids, "".join("M" if i == 16 else "-" for i in range(64)))  # NCBI's CTT
    assert start_codons(own) == (codon("CTT"),) and codon_marks(own)[codon("CTT")] == 1
    assert start_codons(STANDARD) == (codon("ATG"), codon("GTG"), codon("TTG"))


# Content


def test_conditionals_are_distributions_that_back_off():
    counts = np.zeros(N_WORDS)
    assert np.allclose(conditionals(counts, 10.0), 0.25)
    counts[codon("ACG")] = 1e9  # AAAACG
    p = conditionals(counts, 10.0).reshape(-1, 4)
    np.testing.assert_allclose(p.sum(1), 1)
    assert p[codon("ACG") // 4, 2] > 0.999
    open_ = without_stops(np.full((3, N_WORDS), 0.25), STANDARD).reshape(3, -1, 4)
    np.testing.assert_allclose(open_.sum(-1), 1)
    assert open_[2, codon("TAG") // 4, 2] < 1e-8


def test_a_gene_scores_what_its_codons_do():
    """The table over eight letters, against probabilities of six multiplied by hand."""
    rng = np.random.default_rng(0)
    coding, background = rng.dirichlet(np.ones(4), (1, 3, N_WORDS // 4)), rng.dirichlet(np.ones(4), N_WORDS // 4)
    table = codon_table(coding.reshape(1, 3, N_WORDS), background.ravel())
    codes = rng.integers(4, size=40).astype(np.uint8)
    out = np.zeros((1, 1))
    class_scores(codes, np.array([7]), np.array([37]), table, out)
    expected = 0.0
    for p in range(7, 37):
        context = int(codes[p - 5 : p] @ 4 ** np.arange(4, -1, -1))
        expected += np.log(coding[0, (p - 7) % 3, context, codes[p]] / background[context, codes[p]])
    assert out[0, 0] == pytest.approx(expected, rel=1e-5)


def test_words_are_counted_by_codon_position():
    codes = DNA.encode("ACGTACGTACGTNACGTACG")
    out = np.zeros((1, 3, N_WORDS))
    count_coding(codes, np.array([4]), np.array([20]), np.ones((1, 1)), out)
    expected = np.zeros((3, N_WORDS))
    for p in range(5, 20):
        if (codes[p - 5 : p + 1] < 4).all():
            expected[(p - 4) % 3, int(codes[p - 5 : p + 1] @ 4 ** np.arange(5, -1, -1))] += 1
    np.testing.assert_array_equal(out[0], expected)


# Durations


def test_lengths_and_gaps_are_distributions():
    rng = np.random.default_rng(1)
    lengths = learn_lengths(rng.integers(30, 900, 500))
    assert np.exp(lengths.whole).sum() == pytest.approx(1)
    assert lengths.mean == pytest.approx((np.exp(lengths.whole) * np.arange(1, len(lengths.whole) + 1)).sum())
    gaps = learn_gaps(rng.integers(-50, 2000, 500), rng.integers(0, 2, (500, 2)))
    for sizes in (gaps, first_gaps()):
        total = sizes.near.sum(-1) + sizes.far
        np.testing.assert_allclose(total.sum(1), 1, atol=0.1)
    for gap in gene_graph(lengths, gaps).gaps[:4]:
        tail = np.exp(gap.durations[-1]) * np.exp(gap.tail) / -np.expm1(gap.tail)
        assert 0 < np.exp(gap.durations).sum() + tail < 1


def test_spans_of_both_strands_mirror_each_other():
    codes, _ = plant(5)
    one, other = (Genome([x], STANDARD, 90) for x in (codes, reverse_complement(codes)))
    n = len(one)
    for strand in (0, 1):
        a = one._places(strand, np.arange(len(one.strands[strand].begin)))
        b = other._places(1 - strand, np.arange(len(other.strands[1 - strand].begin)))
        np.testing.assert_array_equal(a[0], n - b[1])
        np.testing.assert_array_equal(a[1], n - b[0])


# Pre-trained models


def test_pretrained_models_are_distributions_under_any_code(planted):
    genome = Genome([planted[0]], MYCOPLASMA, 90)
    for prior in pretrained():
        model = prior.model(genome, Weights())
        assert np.all(np.isfinite(model.content.table))
        assert np.exp(model.sites.codon).sum() == pytest.approx(1, abs=1e-2)
        assert np.exp(model.content.log_weight).sum() == pytest.approx(1)
        again = Pretrained.from_arrays(prior.name, prior.arrays())
        np.testing.assert_allclose(again.inside / again.inside.sum(), prior.inside / prior.inside.sum(), atol=1e-6)


def test_log_likelihood_of_a_background_is_a_sum_of_words():
    rng = np.random.default_rng(4)
    log_p = np.log(rng.dirichlet(np.ones(4), N_WORDS // 4)).ravel()
    codes = rng.integers(4, size=30).astype(np.uint8)
    codes[12] = DNA.missing
    words = [codes[p - 5 : p + 1] for p in range(5, 30) if (codes[p - 5 : p + 1] < 4).all()]
    expected = sum(log_p[int(word @ 4 ** np.arange(5, -1, -1))] for word in words)
    assert log_background(codes, log_p) == pytest.approx(expected)
