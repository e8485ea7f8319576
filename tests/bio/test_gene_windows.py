"""Long sequences by window, masked letters, contigs of many genomes, and what comes before: which candidates are kept."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from hmmseq import lattice
from hmmseq.bio import DNA, FastaRecord, Gene, GeneFinder, evaluate, windows
from hmmseq.bio.prokaryotes import together
from hmmseq.bio.prokaryotes.candidates import Genome
from hmmseq.bio.prokaryotes.durations import (
    BORDER_SPAN,
    LONG,
    OVERLAP,
    SHORT_OVERLAP,
    first_gaps,
    gene_graph,
    learn_lengths,
)
from hmmseq.bio.prokaryotes.scores import _BEHIND, _NEIGHBOURS, _is_behind
from hmmseq.bio.windows import batches, first_bases, joined
from hmmseq.errors import DataError
from hmmseq.span_graph import Spans
from planted_genes import STANDARD, places, plant, record


@pytest.fixture(scope="module")
def planted():
    codes, genes = plant(60)
    finder = GeneFinder(priors=())
    return codes, genes, finder, finder.find([record(codes)])


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(windows, "WINDOW", 20_000)
    monkeypatch.setattr(windows, "SHARED", 8_000)
    monkeypatch.setattr(windows, "_EDGE", 2_000)
    monkeypatch.setattr("hmmseq.bio.prokaryotes.finder.WINDOW", 20_000)


def test_genes_are_the_same_by_window(planted, small_windows):
    codes, _, finder, found = planted
    by_window = finder.predict([record(codes)])
    assert len(codes) > 40_000 and places(by_window) == places(found)
    assert [gene.start for gene in by_window] == sorted(gene.start for gene in by_window)
    np.testing.assert_allclose([g.posterior for g in by_window], [g.posterior for g in found], atol=0.01)


def test_genes_of_a_circle_are_the_same_by_window(planted, small_windows, monkeypatch):
    codes, _, finder, found = planted
    gene = max((g for g in found if g.usable), key=len)
    circle = record(np.roll(codes, -(gene.start + gene.end) // 2))
    try:
        finder.set_params(circular=True)
        by_window = finder.predict([circle])
        monkeypatch.setattr("hmmseq.bio.prokaryotes.finder.WINDOW", 10**9)
        assert places(by_window) == places(finder.predict([circle]))
        assert any(g.end > len(codes) for g in by_window)
    finally:
        finder.set_params(circular=False)


def test_windows_are_joined_at_a_gene_that_both_have():
    left = [Gene("c", a, a + 50, "+") for a in (1, 200, 30_000, 50_000, 90_000)]
    right = [Gene("c", a, a + 50, "+") for a in (150, 29_990, 50_000, 90_001, 200_000)]
    assert [g.start for g in joined(left, right, 100, 100_100)] == [1, 200, 30_000, 50_000, 90_001, 200_000]
    assert [g.start for g in joined(left[:3], right[3:], 100, 100_100)] == [1, 200, 30_000, 90_001, 200_000]


def test_records_come_in_batches_no_longer_than_a_window(small_windows):
    records = [FastaRecord(str(n), "", b"A" * n) for n in (9_000, 9_000, 9_000, 30_000, 5)]
    assert [[len(r.sequence) for r in batch] for batch in batches(records)] == [[9000] * 2, [9000], [30_000], [5]]
    assert [len(r.sequence) for r in first_bases(records, 20_000)] == [9_000, 9_000, 2_000]


def test_masked_letters_hold_no_gene(planted):
    codes, _, finder, found = planted
    hidden = max(found, key=len)
    letters = bytearray(DNA.decode(codes).encode())
    letters[hidden.start - 1 : hidden.end] = bytes(letters[hidden.start - 1 : hidden.end]).lower()
    masked = FastaRecord("c", "", bytes(letters))
    assert places(finder.predict([masked])) == places(found)
    try:
        left = places(finder.set_params(mask_lower_case=True).predict([masked]))
    finally:
        finder.set_params(mask_lower_case=False)
    assert (hidden.start, hidden.end, hidden.strand) not in left and len(left) >= len(found) - 3


def test_contigs_of_many_genomes_are_searched_one_by_one():
    records, genes = [], []
    for seed in (5, 6):
        codes, own = plant(4, seed=seed, seqid=str(seed))
        records.append(record(codes, str(seed)))
        genes += own
    records.insert(1, FastaRecord("unknown", "", b"NNNN"))
    found = GeneFinder(metagenome=True).find(records)
    with pytest.warns(UserWarning, match="too few"):
        alone = [gene for one in (records[0], records[2]) for gene in GeneFinder().find([one])]
    assert places(found) == places(alone) and evaluate(found, genes).recall > 0.6
    assert np.allclose([gene.posterior for gene in found], [gene.posterior for gene in alone], atol=0.02)
    with pytest.raises(DataError, match="not one known base"):
        GeneFinder(metagenome=True).find(records[1:2])


@pytest.mark.parametrize("most", [1, 30_000])
def test_pieces_of_genomes_do_not_see_each_other(monkeypatch, most):
    codes, _ = plant(30, seed=8)
    letters, rng = DNA.decode(codes).encode(), np.random.default_rng(0)
    pieces = [
        FastaRecord(str(k), "", letters[a : a + 700 * (1 + k % 4)]) for k, a in enumerate(rng.integers(20_000, size=8))
    ]
    pieces[2] = FastaRecord("2", "", pieces[2].sequence[:400] + b"N" * 40 + pieces[2].sequence[400:])
    finder = GeneFinder(metagenome=True)
    one_by_one = [gene for piece in pieces for gene in finder.find([piece])]
    monkeypatch.setattr(together, "_BASES", most)  # of a group; with 1 each is a group of its own
    found = finder.find(pieces)
    assert len(found) > 8 and [(g.seqid, *place) for g, place in zip(found, places(found))] == [
        (g.seqid, *place) for g, place in zip(one_by_one, places(one_by_one))
    ]
    assert np.allclose([g.posterior for g in found], [g.posterior for g in one_by_one], atol=1e-4)


@pytest.mark.parametrize("kind", ["prokaryote", "eukaryote"])
@pytest.mark.parametrize("records", ["genome.fna", ["ACGT"], [b"ACGT"]])
def test_a_path_is_no_genome(kind, records):
    finder = GeneFinder(kind=kind)
    with pytest.raises(TypeError, match="is no FastaRecord"):
        finder.fit(records, [])


@pytest.mark.parametrize("name", ["min_length", "n_rounds", "n_training"])
def test_sizes_are_at_least_one(name):
    with pytest.raises(ValueError, match=f"{name} is 0; expected a whole number from 1"):
        GeneFinder(**{name: 0}).fit([])


def test_a_finder_has_the_manners_of_an_estimator():
    finder = GeneFinder(table=4, circular=True)
    assert repr(finder) == "GeneFinder(table=4, circular=True)"
    assert clone(finder).get_params() == finder.get_params() and clone(finder) is not finder
    with pytest.raises(ValueError, match="invalid parameter 'tabel'"):
        finder.set_params(tabel=11)
    with pytest.raises(NotFittedError, match="call fit"):
        finder.predict([record(np.zeros(10, np.uint8))])


@pytest.mark.parametrize("overlap", [SHORT_OVERLAP, SHORT_OVERLAP + 1, OVERLAP, OVERLAP + 1])
def test_only_long_genes_overlap_far(overlap):
    graph = gene_graph(learn_lengths(np.empty(0, np.int64)), first_gaps())
    for kinds, most in (((0, 1), SHORT_OVERLAP), ((LONG, 1), SHORT_OVERLAP), ((LONG, LONG + 1), OVERLAP)):
        begin, end = [0, 100, 400 - overlap, 997], [3, 400, 900, 1000]
        spans = Spans(1000, begin, end, [BORDER_SPAN, *kinds, BORDER_SPAN], [50.0] * 4,
                      opens=[True, False, False, False], closes=[False, False, False, True])  # fmt: skip
        assert len(lattice.best_path(graph, spans).spans) == (4 if overlap <= most else 3)


def test_kinds_tell_long_genes_from_short_ones(planted):
    genome = Genome([planted[0]], STANDARD, 90)
    for strand in (0, 1):
        begin, end, kind = genome._places(strand, np.arange(len(genome.strands[strand].begin)))
        whole = (kind == strand) | (kind == LONG + strand)
        np.testing.assert_array_equal((kind == LONG + strand)[whole], (end - begin > OVERLAP)[whole])


def test_a_frame_that_stays_open_far_beyond_a_gene_does_not_hide_it(planted):
    """The gene's own start stands, though the frame looks better and better farther out; nearby, the better one does."""
    frames = Genome([planted[0]], STANDARD, 90).strands[0]
    begin = np.array([4000, 3900, 3900 - _NEIGHBOURS, 3899 - _NEIGHBOURS, 1000], np.int32)
    content, behind = np.array([10.0, 12.0, 12.0, 13 + _BEHIND, 400.0]), getattr(_is_behind, "py_func", _is_behind)
    inside = np.maximum.accumulate(content)
    found = [bool(behind(frames._replace(begin=begin), content, c, 5, inside[c])) for c in range(5)]
    assert found == [False, False, True, False, False]
