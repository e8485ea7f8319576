"""Agreement level by level, against sets of bases and pairs of genes; intervals and calibration, against known laws."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import Gene, evaluate
from hmmseq.bio.calibration import reliability
from hmmseq.bio.matching import group_into_loci

A = Gene.of_pieces("c", [(101, 160), (201, 290), (401, 430)], "+", locus="a")
B = Gene.of_pieces("c", [(131, 160), (201, 290), (401, 430)], "+", locus="a")  # another start
C = Gene("c", 600, 899, "-")


def figures(evaluation):
    return {
        name: (level.n_annotated, level.n_found, level.n_predicted, level.n_right)
        for name, level in evaluation.levels.items()
    }


def test_an_isoform_with_another_start_by_hand():
    found = figures(evaluate([B], [A, C]))
    assert found["base"] == (480, 150, 150, 150)
    assert found["exon"] == (4, 2, 3, 2)
    assert found["intron"] == (2, 2, 2, 2)
    assert found["intron chain"] == (1, 1, 1, 1)  # terminal ends have no part in it, as in gffcompare
    assert found["transcript"] == found["gene"] == found["5' end"] == found["both ends"] == (2, 0, 1, 0)
    assert found["3' end"] == (2, 1, 1, 1)


def test_one_isoform_is_enough_for_the_gene():
    found = figures(evaluate([A], [A, B]))
    assert found["transcript"] == (2, 1, 1, 1) and found["gene"] == (1, 1, 1, 1)
    assert found["base"] == (180, 180, 180, 180)


def test_strands_are_counted_apart():
    other = Gene("c", 600, 899, "+")
    found = figures(evaluate([other], [C]))
    assert all(counts[1] == counts[3] == 0 for counts in found.values()) and found["base"] == (300, 0, 300, 0)


def test_genes_that_overlap_in_other_frames_are_genes_of_their_own():
    operon = [Gene("c", 1, 90, "+"), Gene("c", 87, 140, "+"), Gene("c", 31, 90, "+"), Gene("c", 1, 90, "-")]
    assert [len(locus) for locus in group_into_loci(operon)] == [2, 1, 1]


def test_isoforms_of_one_frame_beyond_a_shared_intron_are_one_locus():
    assert len(group_into_loci([A, B])) == 1
    left, right = Gene.of_pieces("c", A.pieces[:2], "+"), Gene.of_pieces("c", A.pieces[1:], "+")
    assert len(group_into_loci([A, left, right])) == 1
    for gene in (left, right):
        assert len(group_into_loci([A, gene])) == 1


@pytest.mark.parametrize("kind", [{"pseudo": True}, {"partial_left": True}])
def test_what_is_annotated_but_not_judged_counts_neither_way(kind):
    cut = Gene("c", 1, 300, "+", **kind)
    within = Gene("c", 31, 90, "+")
    found = figures(evaluate([within, C], [cut, C]))
    assert all(counts == (1, 1, 1, 1) for name, counts in found.items() if counts[0] and name not in ("base",))
    assert found["base"] == (300, 300, 300, 300)
    # Where a judged gene lies on the same bases, they count.
    assert figures(evaluate([within], [cut, within]))["base"] == (60, 60, 60, 60)


@st.composite
def small_genes(draw):
    def one():
        ends = sorted(draw(st.lists(st.integers(1, 14), min_size=2, max_size=6, unique=True)))
        pieces = list(zip(ends[::2], ends[1::2]))
        return Gene.of_pieces(
            draw(st.sampled_from("cd")), pieces, draw(st.sampled_from("+-")), pseudo=draw(st.booleans())
        )

    return [one() for _ in range(draw(st.integers(0, 4)))]


def bases(genes):
    return {(g.seqid, g.strand, b) for g in genes for first, last in g.coding_pieces for b in range(first, last + 1)}


def codon_places(gene):
    """Each coding base with its place in a codon, walking along the transcript."""
    coding = [base for first, last in gene.coding_pieces for base in range(first, last + 1)]
    walk = coding if gene.strand == "+" else coding[::-1]
    return {(gene.seqid, gene.strand, base, (k - gene.phase) % 3) for k, base in enumerate(walk)}


def loci(genes):
    """Sets of transcripts joined, directly or through others, by a base that is the same place of a codon."""
    groups = []
    for gene in genes:
        own, places = [gene], codon_places(gene)
        for group in [group for group in groups if any(codon_places(other) & places for other in group)]:
            groups.remove(group)
            own += group
        groups.append(own)
    return groups


KEYS = {
    "exon": lambda g: list(g.coding_pieces),
    "transcript": lambda g: [g.coding_pieces],
    "intron": lambda g: list(g.introns),
    "intron chain": lambda g: [g.introns] if g.introns else [],
    "3' end": lambda g: [g.end if g.strand == "+" else g.start],
    "5' end": lambda g: [g.start if g.strand == "+" else g.end],
    "both ends": lambda g: [(g.start, g.end)],
}


@given(small_genes(), small_genes())
def test_counts_agree_with_sets(predicted, annotated):
    seqids = {gene.seqid for gene in annotated}
    predicted = [gene for gene in predicted if gene.seqid in seqids]
    judged = [gene for gene in annotated if gene.complete]
    open_bases = bases([gene for gene in annotated if not gene.complete]) - bases(judged)
    found = figures(evaluate(predicted, annotated))
    ours, theirs = bases(predicted), bases(judged)
    assert found["base"] == (len(theirs), len(ours & theirs), len(ours - open_bases), len(ours & theirs))

    def items(level, genes):
        return {(gene.seqid, gene.strand, key) for gene in genes for key in KEYS[level](gene)}

    def on_open(level, gene, key):
        first, last = key if level in ("exon", "intron") else (gene.start, gene.end)
        beside = 1 if level == "intron" else 0  # an intron touches the exons on its sides
        inside = {(gene.seqid, gene.strand, b) for b in range(first - beside, last + beside + 1)}
        return bool(inside & open_bases)

    left_out = [gene for gene in annotated if not gene.complete]
    for level, keys in KEYS.items():
        true, said, unjudged = (items(level, genes) for genes in (judged, predicted, left_out))
        # Equal ends of several transcripts are one item, which is left out if one of the transcripts is.
        lost = {(g.seqid, g.strand, key) for g in predicted for key in keys(g) if on_open(level, g, key)} | unjudged
        kept = {item for item in said if item in true or item not in lost}
        assert found[level] == (len(true), len(true & said), len(kept), len(true & said)), level

    true, said, unjudged = (items("transcript", genes) for genes in (judged, predicted, left_out))
    right = [locus for locus in loci(predicted) if items("transcript", locus) & true]
    wrong = [
        locus
        for locus in loci(predicted)
        if locus not in right
        and not any(items("transcript", [g]) & unjudged or on_open("transcript", g, None) for g in locus)
    ]
    hit = [locus for locus in loci(judged) if items("transcript", locus) & said]
    assert found["gene"] == (len(loci(judged)), len(hit), len(right) + len(wrong), len(right))


@given(small_genes(), small_genes(), st.randoms(use_true_random=False))
def test_the_order_of_genes_does_not_matter(predicted, annotated, chance):
    predicted = [gene for gene in predicted if gene.seqid in {gene.seqid for gene in annotated}]
    found = figures(evaluate(predicted, annotated))
    chance.shuffle(predicted)
    chance.shuffle(annotated)
    assert figures(evaluate(predicted, annotated)) == found


@given(small_genes())
def test_anything_agrees_with_itself(genes):
    for name, level in evaluate(genes, genes, n_bootstrap=5).levels.items():
        assert level.n_found == level.n_annotated and level.n_right == level.n_predicted, name
        if level.n_annotated:
            assert level.sensitivity == level.precision == level.f1 == 1


def test_intervals_are_as_wide_as_the_binomial_law():
    """600 genes apart from each other, of which 480 were found: sensitivity is 0.8 with deviation sqrt(0.8 * 0.2 / 600)."""
    annotated = [Gene("c", 1000 * k + 1, 1000 * k + 300, "+") for k in range(600)]
    level = evaluate(annotated[:480], annotated, n_bootstrap=2000).levels["gene"]
    low, high = level.intervals["sensitivity"]
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.8 * 0.2 / 600), rel=0.1)
    assert low < 0.8 < high and level.intervals["precision"] == (1, 1)


def test_intervals_are_the_same_for_the_same_seed():
    again = [evaluate([A, C], [B, C], n_bootstrap=50, random_state=3).levels["exon"].intervals for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize(("power", "error"), [(1.0, 0.0), (2.0, 1 / 6)])
def test_calibration_error_of_known_laws(power, error):
    """Stated p uniform, true with p**power: the expected error is the integral of p - p**power."""
    rng = np.random.default_rng(0)
    p = rng.random(40_000)
    found = reliability(p, rng.random(len(p)) < p**power)
    assert found.error == pytest.approx(error, abs=0.01) and found.n.sum() == len(p) and len(found.n) == 10


def test_calibration_of_genes_starts_and_exons():
    predicted = [
        Gene("c", 600, 899, "-", posterior=0.9, start_posterior=0.8),
        Gene("c", 1000, 1299, "+", posterior=0.3),
        Gene.of_pieces("c", A.pieces, "+", piece_posteriors=(0.5, 0.6, 0.7), posterior=0.6),
    ]
    found = evaluate(predicted, [B, C]).calibration
    assert found["gene"].n.sum() == 3 and found["gene"].n @ found["gene"].observed == 2
    assert (found["start"].n.tolist(), found["start"].observed.tolist()) == ([1], [1.0])
    assert found["exon"].n @ found["exon"].observed == 2  # the first exon has another start


def test_equal_probabilities_are_one_bin():
    found = reliability([0.9] * 8, [1] * 6 + [0] * 2)
    assert found.observed.tolist() == [0.75] and found.error == pytest.approx(0.15)


@pytest.mark.parametrize(("p", "true"), [([1.2], [1]), ([0.5, 0.5], [1]), ([np.nan], [1])])
def test_probabilities_that_are_none_are_refused(p, true):
    with pytest.raises(ValueError, match="probabilities"):
        reliability(p, true)


def test_the_table_and_its_numbers_as_json():
    found = evaluate([A, C], [B, C], n_bootstrap=20)
    lines = str(found).splitlines()
    assert lines[0].split() == ["annotated", "predicted", "sensitivity", "precision", "f1"]
    exon = next(line for line in lines if line.startswith("exon"))
    assert exon.split()[1:4] == ["4", "4", "75.00%"]
    assert json.loads(json.dumps(found.as_dict()))["levels"]["exon"]["n_found"] == 3
