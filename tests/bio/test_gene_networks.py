"""Networks for exons and their ends: what they read, what they learn, and that they score the same without torch."""

from dataclasses import replace

import numpy as np
import pytest

from hmmseq import load
from hmmseq.bio import DNA, FastaRecord, GeneFinder, GeneticCode, reverse_complement
from hmmseq.bio.spliced import stretches
from hmmseq.bio.spliced.counting import count, fit_model
from hmmseq.bio.spliced.examples import training_regions
from hmmseq.bio.spliced.model import FEATURES
from hmmseq.bio.spliced.networks import (
    AROUND,
    ENDS,
    KINDS,
    WINDOWS,
    Exons,
    RowNetworks,
    Surroundings,
    network_scores,
    readings,
    row_width,
)
from hmmseq.bio.spliced.training import _score_regions, f1_of, f1_slopes, without_improbable
from planted_introns import plant

STANDARD = GeneticCode.from_table(1)


def places(genes):
    return {(gene.seqid, gene.strand, gene.coding_pieces) for gene in genes}


@pytest.fixture(scope="module")
def model():
    record, genes = plant(12, seed=3)
    regions, _ = training_regions([record], genes, STANDARD)
    return fit_model(count(regions, STANDARD, np.zeros(0)), STANDARD, np.zeros(0))


def random_networks(model, seed=0):
    rng, networks = np.random.default_rng(seed), {}
    for kind in KINDS:
        n = row_width(kind, {name: getattr(model, name) for name in ENDS})
        shapes = [(2, n), (2, n), (2, 16, n), (2, 16), (2, 16), (2, n), (2,)]
        parts = [rng.normal(0, 0.2, shape) for shape in shapes]
        networks[kind] = RowNetworks(parts[0], np.exp(parts[1]), *parts[2:])
    return networks


@pytest.fixture(scope="module")
def regions(model):
    """Regions as training scores them."""
    record, genes = plant(10, seed=4)
    found, _ = training_regions([record], genes, STANDARD)
    return without_improbable(_score_regions(model, found), model.weights, None)


def test_the_score_of_a_site_by_hand(model):
    rng = np.random.default_rng(1)
    codes, place, phase = rng.integers(4, size=600).astype(np.uint8), 200, 1
    around = Surroundings(model, codes)
    [row] = around.end_rows("donor", np.array([place]), np.array([phase]))
    signal = model.donor
    for k in range(len(signal.log_odds)):
        at = place - signal.before + k
        assert row[k] == signal.log_odds[k, codes[at - 1], codes[at]]
    words = np.array([hash_of(codes, i) for i in range(600)])
    for k, (first, last) in enumerate(WINDOWS):
        window = row[len(signal.log_odds) + 7 * k :][:7]
        inside = range(place + first, place + last)
        assert window[6] == sum(codes[i] in (1, 2) for i in inside)
        own = sum(model.content.coding[0, (i - place + phase) % 3, words[i]] for i in inside)
        assert np.isclose(window[0], own)
        assert np.isclose(window[4], sum(model.content.intron[0, words[i]] for i in inside))


def test_what_is_read_of_an_exon_by_hand(model):
    rng = np.random.default_rng(2)
    codes, start, stop, phase = rng.integers(4, size=3000).astype(np.uint8), 1200, 1300, 2
    column, flag, seen = np.array, np.array([False]), np.array([[1.5, -2.5, -4.0]])
    exons = Exons(column([start]), column([stop]), column([phase]), column([2]), flag, flag, seen, column([0]))
    [row] = Surroundings(model, codes).exon_rows(exons)
    assert len(row) == row_width("internal", {})
    words, turned = (np.array([hash_of(own, i) for i in range(3000)]) for own in (codes, reverse_complement(codes)))
    coding, intron = model.content.coding[0], model.content.intron[0]

    def content(first, last):
        inside, opposite = range(first, last), range(3000 - last, 3000 - first)
        frames = [sum(coding[(i - start + phase - shift) % 3, words[i]] for i in inside) for shift in range(3)]
        other = max(sum(coding[(i - frame) % 3, turned[i]] for i in opposite) for frame in range(3))
        introns = sum(intron[words[i]] for i in inside), sum(intron[turned[i]] for i in opposite)
        return [*frames, other, *introns, sum(codes[i] in (1, 2) for i in inside)]

    own, left, right = content(start, stop), content(start, start + 48)[0], content(start + 48, stop)[0]
    expected = [*own, *(value / np.sqrt(110) for value in own), *seen[0], np.log(100), 10.0, min(left, right)]
    expected += [np.clip(left, -10, 10), np.clip(right, -10, 10)]
    for near, far in zip((0, *AROUND), AROUND):
        expected += content(start - far, start - near) + content(stop + near, stop + far)
    np.testing.assert_allclose(row, [*expected, 0, 0, 1, 1, 0, 0])  # phase 2 before, 102 bases: phase 0 behind


def hash_of(codes, i):
    """The symbol of a base, by the library's own table for the sequence up to it."""
    from hmmseq.bio.words import encode_words

    return encode_words(codes[: i + 1])[-1]


def test_rows_are_the_same_on_the_other_strand_and_in_any_window(model):
    record, _ = plant(3, seed=5)
    codes = record.encode()
    networks = random_networks(model)

    def scores(codes):
        found = model.candidates(codes)
        keys = zip(found.start.tolist(), found.stop.tolist(), found.strand.tolist(), found.begin, found.end)
        return dict(zip(keys, network_scores(networks, readings(model, codes, found), len(found.start))))

    n, forward, other = len(codes), scores(codes), scores(reverse_complement(codes))
    assert len(forward) > 100 and np.ptp(list(forward.values())) > 0
    for (start, stop, strand, begin, end), value in forward.items():
        assert np.isclose(other[n - stop, n - start, 1 - strand, begin, end], value)
    window = scores(codes[200:-200])
    inner = [(key, value) for key, value in window.items() if key[0] > 1010 and key[1] < n - 1410]
    assert len(inner) > 20
    for (start, stop, *rest), value in inner:
        assert np.isclose(forward[(start + 200, stop + 200, *rest)], value)


def test_what_the_ends_of_a_sequence_cut_off_is_not_read(model):
    record, _ = plant(3, seed=5)
    codes = record.encode()
    found = model.candidates(codes, cut=(True, True))
    read = readings(model, codes, found)
    left, right = (found.start == 0) & (found.strand == 0), (found.stop == len(codes)) & (found.strand == 0)
    cut = set(np.flatnonzero(found.opens | found.closes).tolist())
    assert left.any() and right.any() and (found.opens & left).any() and (found.closes & right).any()
    assert not set(np.flatnonzero(found.opens & left)) & set(read["acceptor"].candidate)
    assert not set(np.flatnonzero(found.closes & right)) & set(read["donor"].candidate)
    whole = [candidate for kind in KINDS[len(ENDS) :] for candidate in read[kind].candidate.tolist()]
    assert sorted(whole) == sorted(set(range(len(found.start))) - cut)


def test_the_slope_of_expected_f1_is_that_of_finite_differences(regions):
    rng, step = np.random.default_rng(0), 1e-4
    scores = [one.candidates.scores(np.ones((4, len(FEATURES)))) * 0.3 for one in regions]
    f1, slopes = f1_slopes(regions, scores)
    assert f1 == f1_of(regions, scores)
    along = [rng.normal(size=len(own)) for own in scores]
    up, down = (f1_of(regions, [s + sign * step * a for s, a in zip(scores, along)]) for sign in (1, -1))
    assert np.isclose((up - down) / (2 * step), sum(a @ s for a, s in zip(along, slopes)), rtol=1e-3, atol=1e-7)


def test_networks_learn_and_score_without_torch(model, regions):
    torch = pytest.importorskip("torch")
    from hmmseq.bio.spliced.network_training import _arrays, _Fold, average, example, score
    from hmmseq.hybrid.scorers import Plan, train_scorers

    weights = model.weights * 0.1  # so poor that there is something to learn
    fold = _Fold([example(model, one, KINDS) for one in regions], regions, weights, None)
    curve = [fold.f1(None)]
    for networks in train_scorers(fold.examples, fold.gradient, Plan(epochs=6), 0):
        curve.append(fold.f1(_arrays(networks)))
    assert curve[-1] > curve[0] + 0.02
    with torch.no_grad():
        theirs = networks(fold.examples)
    for own, their in zip(fold.examples, theirs):
        assert np.allclose(score(_arrays(networks), own), their.numpy(), atol=1e-4)
        one, two = _arrays(networks), random_networks(model)  # one network of each kind, and two
        assert np.allclose(score(average([one, two]), own), (score(one, own) + 2 * score(two, own)) / 3)
    again = list(train_scorers(fold.examples, fold.gradient, Plan(epochs=2), 0))[-1]
    first = list(train_scorers(fold.examples, fold.gradient, Plan(epochs=2), 0))[-1]
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), first.state_dict().values()))


def test_a_finder_with_networks(tmp_path, monkeypatch):
    training = [plant(8, seed=seed, seqid=f"t{seed}") for seed in range(2)]
    records, genes = zip(*training)
    finder = GeneFinder(kind="eukaryote").fit(records, [gene for own in genes for gene in own])
    record, true = plant(10, seed=9)
    finder.model_ = replace(finder.model_, networks=random_networks(finder.model_))
    found = finder.predict([record])
    assert len(places(found) & places(true)) >= 5
    finder.save(tmp_path / "model")
    assert load(tmp_path / "model").predict([record]) == found
    other = FastaRecord("c", "", DNA.decode(reverse_complement(record.encode())).encode())
    n = len(record.sequence)
    turned = {
        ("c", "-+"[g.strand == "-"], tuple((n + 1 - b, n + 1 - a) for a, b in g.coding_pieces[::-1]))
        for g in finder.predict([other])
    }
    assert turned == places(found)
    monkeypatch.setattr(stretches, "WINDOW", 9_000)
    monkeypatch.setattr(stretches, "OVERLAP", 4_000)
    assert places(finder.predict([record])) == places(found)


def test_an_encoder_that_nobody_knows():
    with pytest.raises(ValueError, match="None, 'sites', 'exons'"):
        GeneFinder(kind="eukaryote", encoder="transformer").fit([], [])


def test_too_few_genes_for_networks_are_told():
    record, genes = plant(3, seed=7)
    with pytest.warns(UserWarning, match="3 genes in 1 stretches are too few to train networks on"):
        finder = GeneFinder(kind="eukaryote", encoder="sites").fit([record], genes)
    assert finder.networks_ == ()


def test_networks_of_ends_alone_still_load(tmp_path):
    training = [plant(8, seed=seed, seqid=f"t{seed}") for seed in range(2)]
    records, genes = zip(*training)
    finder = GeneFinder(kind="eukaryote").fit(records, [gene for own in genes for gene in own])
    ends = {kind: own for kind, own in random_networks(finder.model_).items() if kind in ENDS}
    finder.model_ = replace(finder.model_, networks=ends)
    finder.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    record, _ = plant(10, seed=9)
    assert loaded.networks_ == ENDS and loaded.predict([record]) == finder.predict([record])
