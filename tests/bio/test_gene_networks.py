"""Networks for the ends of exons: what they read, what they learn, and that they score the same without torch."""

from dataclasses import replace

import numpy as np
import pytest

from hmmseq import load
from hmmseq.bio import DNA, FastaRecord, GeneFinder, GeneticCode, reverse_complement
from hmmseq.bio.spliced import stretches
from hmmseq.bio.spliced.counting import count, fit_model
from hmmseq.bio.spliced.examples import training_regions
from hmmseq.bio.spliced.model import FEATURES
from hmmseq.bio.spliced.networks import KINDS, WINDOWS, RowNetworks, Surroundings, ends_of, row_width
from hmmseq.bio.spliced.phases import SplitCodons
from hmmseq.bio.spliced.training import _score_regions, f1_of, f1_slopes, weighted, without_improbable
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
        n = row_width(getattr(model, kind))
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
    [row] = around.rows("donor", np.array([place]), np.array([phase]))
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


def hash_of(codes, i):
    """The symbol of a base, by the library's own table for the sequence up to it."""
    from hmmseq.bio.words import encode_words

    return encode_words(codes[: i + 1])[-1]


def test_rows_are_the_same_on_the_other_strand_and_in_any_window(model):
    record, _ = plant(3, seed=5)
    codes = record.encode()
    model = replace(model, networks=random_networks(model))
    column = FEATURES.index("networks")

    def scores(codes):
        found = model.candidates(codes)
        keys = zip(found.start.tolist(), found.stop.tolist(), found.strand.tolist(), found.begin, found.end)
        return dict(zip(keys, found.features[:, column]))

    n, forward, other = len(codes), scores(codes), scores(reverse_complement(codes))
    assert len(forward) > 100 and np.ptp(list(forward.values())) > 0
    for (start, stop, strand, begin, end), value in forward.items():
        assert np.isclose(other[n - stop, n - start, 1 - strand, begin, end], value)
    window = scores(codes[500:-500])
    inner = [(key, value) for key, value in window.items() if key[0] > 160 and key[1] < n - 1160]
    assert len(inner) > 20
    for (start, stop, *rest), value in inner:
        assert np.isclose(forward[(start + 500, stop + 500, *rest)], value)


def test_an_exon_that_is_cut_has_no_score_there():
    columns = np.array([0, 5]), np.array([30, 40]), np.array([0, 1])
    closed = np.array([False, False])
    ends = ends_of(*columns, closed, closed, 40)
    assert ends["acceptor"].exon.tolist() == [1] and ends["donor"].exon.tolist() == [0]
    assert (ends["donor"].place[0], ends["donor"].phase[0]) == (30, 0)
    assert (ends["acceptor"].place[0], ends["acceptor"].phase[0]) == (5, 1)
    assert not len(ends["start"].exon) and not len(ends["stop"].exon)


def test_the_slope_of_expected_f1_is_that_of_finite_differences(regions):
    rng, step = np.random.default_rng(0), 1e-4
    scores = [weighted(one.candidates, np.ones((4, len(FEATURES)))) * 0.3 for one in regions]
    f1, slopes = f1_slopes(regions, scores)
    assert f1 == f1_of(regions, scores)
    along = [rng.normal(size=len(own)) for own in scores]
    up, down = (f1_of(regions, [s + sign * step * a for s, a in zip(scores, along)]) for sign in (1, -1))
    assert np.isclose((up - down) / (2 * step), sum(a @ s for a, s in zip(along, slopes)), rtol=1e-3, atol=1e-7)


def test_networks_learn_and_score_without_torch(model, regions):
    torch = pytest.importorskip("torch")
    from hmmseq.bio.spliced.network_training import _arrays, _Fold, average, example, score
    from hmmseq.hybrid.scorers import Plan, train_scorers

    split, weights = SplitCodons(STANDARD), model.weights * 0.1  # so poor that there is something to learn
    fold = _Fold([example(model, split, one) for one in regions], regions, weights, None)
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
    with pytest.raises(ValueError, match="'sites'"):
        GeneFinder(kind="eukaryote", encoder="transformer").fit([], [])


def test_too_few_genes_for_networks_are_told():
    record, genes = plant(3, seed=7)
    with pytest.warns(UserWarning, match="3 genes in 1 stretches are too few to train networks on"):
        finder = GeneFinder(kind="eukaryote", encoder="sites").fit([record], genes)
    assert finder.networks_ == ()
