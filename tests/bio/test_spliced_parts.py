"""The parts of the spliced-gene model, one by one, against what they should be by definition."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.bio import DNA, GeneticCode, reverse_complement
from hmmseq.bio.calibration import reliability
from hmmseq.bio.confidence import Confidence, fit_confidence
from hmmseq.bio.spliced.candidates import INITIAL, SINGLE, TERMINAL, Sites, enumerate_exons, next_stops
from hmmseq.bio.spliced.content import coding_sums, count_words, gc_classes, gc_share
from hmmseq.bio.spliced.counting import count, fit_model
from hmmseq.bio.spliced.examples import training_regions
from hmmseq.bio.spliced.hints import Hint, place, support
from hmmseq.bio.spliced.lengths import fit_lengths
from hmmseq.bio.spliced.model import Candidates, chosen, signal_places
from hmmseq.bio.spliced.phases import SplitCodons
from hmmseq.bio.spliced.signals import Window, count_windows, fit_signal
from hmmseq.bio.spliced.training import _score_regions, expected_f1, learn_weights, learn_worth, tied
from hmmseq.bio.words import N_WORDS, encode_words
from planted_introns import plant

STANDARD = GeneticCode.from_table(1)
ONE_CLASS, TWO_CLASSES = np.zeros(0), np.array([0.5])
sequences = st.lists(st.sampled_from([0, 0, 1, 2, 2, 3, 3, 4]), max_size=60).map(lambda x: np.array(x, np.uint8))


@pytest.mark.parametrize("table", [1, 2, 6, 10, 22])
def test_halves_of_codons_meet_unless_they_make_a_stop(table):
    code = GeneticCode.from_table(table)
    kinds = SplitCodons(code)
    for a, b, c, other in product(range(5), repeat=4):
        stop = max(a, b, c) < 4 and 16 * a + 4 * b + c in code.stops
        ends = kinds.intron[1, 5 * other + a], kinds.intron[2, 5 * a + b]
        begins = kinds.begin[1, 5 * b + c], kinds.begin[2, 5 * c + other]
        assert [kinds.joins[e, b] for e, b in zip(ends, begins)] == [not stop, not stop]
        assert kinds.joins[kinds.intron[0, 5 * a + b], kinds.begin[0, 5 * b + c]]
        assert not kinds.joins[ends[0], begins[1]]  # the phases differ
    assert kinds.phase.tolist() == sorted(kinds.phase)


def every_exon(codes, sites, shortest, longest):
    """All exons, by trying every begin, phase and end."""
    found = set()
    begins = [(a, 0, True) for a in sites.start] + [(a, p, False) for a in sites.acceptor for p in range(3)]
    ends = [(b, False) for b in sites.donor] + [(b, True) for b in range(3, len(codes) + 1)]
    for (a, phase, opens), (b, closes) in product(begins, ends):
        first = a + (3 - phase) % 3
        whole = [tuple(codes[i : i + 3]) for i in range(first, b - 2, 3)]
        stop = [max(c) < 4 and int(16 * c[0] + 4 * c[1] + c[2]) in STANDARD.stops for c in whole]
        if not shortest <= b - a <= longest or any(stop[:-1] if closes else stop):
            continue
        if closes and ((b - first) % 3 or not stop or not stop[-1]):
            continue
        kind = {(True, True): SINGLE, (True, False): INITIAL, (False, True): TERMINAL}.get((opens, closes), 2)
        found.add((int(a), int(b), kind, phase))
    return found


@given(sequences, st.data())
def test_candidates_are_all_open_frames_between_sites(codes, data):
    places = st.lists(st.integers(0, len(codes)), max_size=6, unique=True).map(lambda x: np.array(sorted(x), np.int64))
    sites = Sites(*(data.draw(places) for _ in range(3)))
    sites = sites._replace(
        start=sites.start[sites.start < len(codes)], acceptor=sites.acceptor[sites.acceptor < len(codes)]
    )
    after = next_stops(codes, chosen(STANDARD.stops))
    exons = enumerate_exons(sites, after, len(codes), 3, 40)
    found = list(zip(exons.start.tolist(), exons.stop.tolist(), exons.type.tolist(), exons.phase.tolist()))
    assert len(found) == len(set(found)) and set(found) == every_exon(codes, sites, 3, 40)
    for start, stop, begin, end, kind in zip(exons.start, exons.stop, exons.begin, exons.end, exons.type):
        assert start == (sites.start if kind in (SINGLE, INITIAL) else sites.acceptor)[begin]
        assert end < 0 or stop == sites.donor[end]


@given(sequences)
def test_places_of_signals(codes):
    text = DNA.decode(codes)
    start, acceptor, donor = signal_places(codes)
    assert start.tolist() == [i for i in range(len(text)) if text[i : i + 3] == "ATG"]
    assert acceptor.tolist() == [i for i in range(2, len(text)) if text[i - 2 : i] == "AG"]
    assert donor.tolist() == [i for i in range(len(text)) if text[i : i + 2] in ("GT", "GC")]


@given(sequences, st.integers(0, 60))
def test_signal_scores_add_up_over_the_window(codes, place):
    rng = np.random.default_rng(0)
    window, place = Window(4, 3), min(place, len(codes))
    signal = fit_signal(window, *rng.integers(1, 20, (2, 7, 5, 5)).astype(float), 5.0)
    padded = np.concatenate([np.full(9, 4, np.uint8), codes, np.full(9, 4, np.uint8)])
    own = padded[place + 9 - 5 : place + 9 + 3]
    expected = sum(signal.log_odds[j, own[j], own[j + 1]] for j in range(7))
    assert signal.scores(codes, np.array([place]))[0] == pytest.approx(expected)
    assert np.all(signal.log_odds[:, :, 4] == 0)


def test_a_signal_is_learned_where_it_is():
    rng = np.random.default_rng(1)
    codes = rng.integers(4, size=5000).astype(np.uint8)
    places = np.arange(100, 4900, 24)
    codes[places - 2], codes[places - 1] = 0, 2
    decoys = np.setdiff1d(np.arange(100, 4900), places)
    window = Window(8, 4, sharp=5, blur=1)
    counts = [count_windows(window, codes, own) for own in (places, decoys)]
    signal = fit_signal(window, *counts, 5.0)
    assert signal.scores(codes, places).min() > signal.scores(codes, decoys).mean() + 1
    probability = np.exp(signal.log_odds[6, :4, :4])  # the odds of A two bases before the place
    assert probability[:, 0].min() > 2 > probability[:, 1:].max()


@given(sequences)
def test_coding_sums_read_the_codon_position_of_each_base(codes):
    rng = np.random.default_rng(2)
    table, classes = rng.normal(size=(2, 3, N_WORDS)), rng.integers(2, size=len(codes))
    words = encode_words(codes)
    sums = coding_sums(words, classes, table)
    for frame in range(3):
        own = [table[classes[i], (i - frame) % 3, word] for i, word in enumerate(words)]
        np.testing.assert_allclose(sums[frame], np.concatenate([[0.0], np.cumsum(own)]), atol=1e-9)


def test_words_are_counted_in_spliced_sequence():
    codes = DNA.encode("AAATGCCCCCGTAAAAAAAAAGCCCTAAGG")
    counts = count_words(codes, [[(2, 10), (22, 28)]], ONE_CLASS)
    assert counts.coding.sum() == 14 - 5 and counts.intron.sum() == 12 - 5
    spliced = encode_words(DNA.encode("ATGCCCCCCCCTAA"[:14]))
    np.testing.assert_array_equal(np.flatnonzero(counts.coding[0, 2]), np.unique(spliced[2::3][1:]) - (N_WORDS - 4096))


@given(sequences)
def test_gc_classes_follow_the_bases_around(codes):
    shares = [(np.isin(codes, (1, 2)).sum()) / max((codes < 4).sum(), 1)] * len(codes)  # shorter than a window
    np.testing.assert_allclose(gc_share(codes), shares)
    np.testing.assert_array_equal(
        gc_classes(codes, np.array([0.3, 0.6])), [(x >= 0.3) + (x >= 0.6) * 1 for x in shares]
    )


def test_gc_share_looks_as_far_as_its_window():
    codes = np.repeat(np.array([0, 2], np.uint8), 10_000)
    share = gc_share(codes)
    assert share[7_000] == 0 and share[13_000] == 1 and 0.4 < share[10_000] < 0.6


@given(st.lists(st.integers(1, 5000), max_size=30), st.integers(1, 30))
def test_lengths_are_a_distribution(observed, shortest):
    lengths = fit_lengths(np.array(observed, np.int64), 400, shortest, 0.2, 1.0)
    probability = np.exp(lengths.log_probability(np.arange(1, 1001)))
    rest = probability[-1] * np.exp(lengths.log_tail) / (1 - np.exp(lengths.log_tail))  # a geometric series
    assert probability.sum() + rest == pytest.approx(1.0)
    assert probability[: shortest - 1].sum() == 0 and probability[shortest:].min() > 0


@pytest.fixture(scope="module")
def regions():
    record, genes = plant(25, seed=4)
    found, left_out = training_regions([record], genes, STANDARD)
    assert not left_out
    return found


def test_counts_do_not_depend_on_the_strand(regions):
    def turned(region):
        n = len(region.codes)
        genes = [
            type(gene)(1 - gene.strand, tuple((n - b, n - a) for a, b in gene.pieces[::-1])) for gene in region.genes
        ]
        return replace(region, codes=reverse_complement(region.codes), genes=tuple(genes[::-1]))

    here, there = (count(own, STANDARD, ONE_CLASS) for own in (regions, [turned(region) for region in regions]))
    for a, b in zip((*here.sites, *here.decoys, *here.words), (*there.sites, *there.decoys, *there.words)):
        np.testing.assert_array_equal(a, b)
    for a, b in zip((*here.exons, here.introns), (*there.exons, there.introns)):
        assert sorted(a.tolist()) == sorted(b.tolist())


def test_candidates_mirror_with_the_strand(regions):
    model = fit_model(count(regions, STANDARD, TWO_CLASSES), STANDARD, TWO_CLASSES)
    model = replace(model, least=np.zeros(3))
    codes = regions[0].codes[:4000]
    here, there = (
        model.candidates(codes, cut=(True, False)),
        model.candidates(reverse_complement(codes), cut=(False, True)),
    )
    turned = there._replace(
        start=len(codes) - there.stop, stop=len(codes) - there.start, strand=1 - there.strand, opens=there.closes,
        closes=there.opens,
    )  # fmt: skip
    order = [np.lexsort((c.begin, c.end, c.stop, c.start, c.strand)) for c in (here, turned)]
    for a, b in zip(here, turned):
        np.testing.assert_allclose(a[order[0]], b[order[1]], atol=1e-9)


def test_gradient_of_the_expected_f1(regions):
    model = fit_model(count(regions, STANDARD, TWO_CLASSES), STANDARD, TWO_CLASSES)
    scored = _score_regions(replace(model, least=np.zeros(3)), regions[:2])
    weights = model.weights * 0.02  # not so sure
    value, slope = expected_f1(scored, weights)
    assert 0 < value < 1
    for kind, feature in [(0, 0), (1, 1), (2, 2), (3, 3), (1, 4)]:
        step = np.zeros_like(weights)
        step[kind, feature] = 1e-4
        up, down = (expected_f1(scored, weights + sign * step)[0] for sign in (1, -1))
        assert slope[kind, feature] == pytest.approx((up - down) / 2e-4, rel=2e-3, abs=1e-6)


def test_learned_weights_have_a_higher_expected_f1(regions):
    model = fit_model(count(regions, STANDARD, TWO_CLASSES), STANDARD, TWO_CLASSES)
    scored = _score_regions(replace(model, least=np.zeros(3)), regions)
    first = model.weights * 0.02  # hardly knows a gene when it sees one
    weights, history = learn_weights(scored, first, tied())
    assert expected_f1(scored, weights)[0] > expected_f1(scored, first)[0] + 0.05
    assert max(history) == pytest.approx(expected_f1(scored, weights)[0], abs=0.01)


def test_what_reads_are_worth_is_learned(regions):
    """True introns have many reads here, others few or none: a model that is not sure of itself listens."""
    model = fit_model(count(regions, STANDARD, TWO_CLASSES), STANDARD, TWO_CLASSES)
    scored = _score_regions(replace(model, least=np.zeros(3)), regions)
    true = [
        Hint("c", region.offset + a + 1, region.offset + b, "+-"[gene.strand], "intron", 500.0)
        for region in regions
        for gene in region.genes
        for (_, a), (b, _) in pairwise(gene.pieces)
    ]
    noise = [replace(hint, start=hint.start + 7, end=hint.end + 40, reads=2.0) for hint in true]
    worth = learn_worth(scored, model.weights * 0.02, [*true, *noise], None)
    assert worth.reads > 0.1 and worth.silent < -0.1


def test_support_counts_the_sides_of_introns():
    columns = [
        np.array(own, np.int64) for own in ([10, 60, 10], [30, 90, 30], [0, 0, 1], [1, 3, 1], [-1, 0, -1], [0, -1, 0])
    ]
    flags = np.zeros((2, 3), bool)
    exons = Candidates(*columns, *flags, np.zeros((3, 5)))
    hints = [Hint("c", 31, 60, "+", "intron", reads) for reads in (3.0, 1.0)]
    found = support(place(hints, 0, 100), exons, 100)
    np.testing.assert_allclose(found, [[np.log(4), 0], [np.log(4), 0], [0, 1]])  # the last one is on the other strand


def test_confidence_is_learned_from_what_came_true():
    rng = np.random.default_rng(0)
    log_odds = rng.normal(0, 4, 4000)
    right = rng.random(4000) < 1 / (1 + np.exp(-(0.4 * log_odds - 0.7)))  # overconfident, and too hopeful
    found = fit_confidence(1 / (1 + np.exp(-log_odds)), right)
    assert abs(found.slope - 0.4) < 0.04 and abs(found.offset + 0.7) < 0.12
    assert reliability(found(1 / (1 + np.exp(-log_odds))), right).error < 0.02


def test_confidence_has_a_ceiling_where_even_the_surest_are_wrong_at_times():
    rng = np.random.default_rng(0)
    log_odds = rng.normal(0, 6, 4000)
    posterior = 1 / (1 + np.exp(-log_odds))
    right = rng.random(4000) < 0.7 / (1 + np.exp(-(0.8 * log_odds + 0.5)))
    found = fit_confidence(posterior, right, with_ceiling=True)
    assert abs(found.ceiling - 0.7) < 0.03 and abs(found.slope - 0.8) < 0.15 and abs(found.offset - 0.5) < 0.25
    assert reliability(found(posterior), right).error < 0.02
    without = fit_confidence(posterior, right)
    assert without.ceiling == 1 and reliability(without(posterior), right).error > 0.05


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=20), st.booleans())
def test_confidence_keeps_the_order(pairs, with_ceiling):
    found = fit_confidence([p for p, _ in pairs], [right for _, right in pairs], with_ceiling)
    values = found(np.linspace(0, 1, 11))
    assert (np.diff(values) > 0).all() and values[0] > 0 and values[-1] < 1
    if not pairs and not with_ceiling:
        assert found == Confidence()
