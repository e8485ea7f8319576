"""CpG islands: against the eight states of the book, on simulated genomes, window by window, and on the command line."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks.islands import simulated
from hmmseq import HMM
from hmmseq.bio import CpGIslands, FastaRecord, reliability, write_bedgraph
from hmmseq.bio import islands as module
from hmmseq.bio.browser import Stretch, read_curve
from hmmseq.bio.formats.bedgraph import runs
from hmmseq.bio.islands import TEXTBOOK
from hmmseq.cli import main
from hmmseq.errors import DataError


def eight_states(codes, lengths):
    """(length,) posterior of the four island states: the book's model, forward and backward, in plain numbers."""
    leave = 1 / np.array(lengths)
    stay = np.array([[1 - leave[0], leave[0]], [leave[1], 1 - leave[1]]])
    matrix = np.einsum("bc,cxy->bxcy", stay, TEXTBOOK).reshape(8, 8)
    start = np.repeat([leave[1], leave[0]], 4) / leave.sum()
    seen = np.array([np.tile(np.arange(4) == code, 2) for code in codes], dtype=float)
    forward, backward = np.zeros((2, len(codes), 8))
    forward[0], backward[-1] = start * seen[0], 1.0
    for t in range(1, len(codes)):
        forward[t] = forward[t - 1] @ matrix * seen[t]
        forward[t] /= forward[t].sum()
    for t in range(len(codes) - 2, -1, -1):
        backward[t] = matrix @ (seen[t + 1] * backward[t + 1])
        backward[t] /= backward[t].sum()
    product = forward * backward
    return product[:, :4].sum(axis=1) / product.sum(axis=1)


def test_posteriors_are_those_of_the_eight_states_of_the_book():
    record = FastaRecord("c", "", simulated(0, 1)[0].sequence[:700])
    finder = CpGIslands(n_iter=0, island_length=50, sea_length=200).fit([record])
    np.testing.assert_allclose(finder.posterior(record), eight_states(record.encode(), (50, 200)), atol=1e-6)


def test_training_finds_the_tables_and_calibrated_posteriors():
    record, truth = simulated(1, 60, lengths=(800, 3_000))
    finder = CpGIslands(island_length=300, sea_length=20_000, n_iter=30).fit([record])
    assert np.abs(finder.emissionprob_ - TEXTBOOK).max() < 0.03
    assert np.all(np.diff(finder.history_) > -1e-6)
    posterior = finder.posterior(record)
    assert reliability(posterior, truth).error < 0.02
    assert ((posterior > 0.5) == truth).mean() > 0.95


def test_posteriors_are_those_of_the_model_that_was_trained(monkeypatch):
    record = simulated(2, 5)[0]
    finder = CpGIslands(n_iter=3).fit([record, FastaRecord("empty", "", b"")])
    emission = module._Blocks(4, order=1)
    model = HMM(emission)
    model.graph_, model.emission_, model.n_features_in_ = finder.graph_, emission, 1
    emission.n_symbols_, emission.emissionprob_ = 4, finder.emissionprob_
    expected = model.predict_proba(record.encode().astype(np.int64))[:, 0]
    np.testing.assert_allclose(finder.posterior(record), expected, atol=1e-6)
    # Windows with margins, instead of the whole at once.
    monkeypatch.setattr(module, "_WINDOW", 3000)
    np.testing.assert_allclose(finder.posterior(record), expected, atol=1e-4)


def test_unknown_letters_tell_nothing_and_stay_in_place():
    sea, island = b"TTATTGAACATTGATTTCAA" * 40, b"CGGCGCCGCGGCGACGCGGG" * 20
    finder = CpGIslands(n_iter=0)
    record = FastaRecord("c", "", sea + island[:200] + b"N" * 40 + island[240:] + sea.lower())
    [found] = finder.find([record])
    assert (found.start, found.end) == (801, 1200) and 0.5 < found.posterior <= 1
    codes = island[:200] + island[240:]
    assert found.gc == pytest.approx((codes.count(b"C") + codes.count(b"G")) / 360)
    assert finder.fit([]).posterior(FastaRecord("e", "", b"")).shape == (0,)


def test_short_stretches_are_no_islands():
    sea, island = b"TTATTGAACATTGATTTCAA" * 40, b"CGGCGCCGCGGCGACGCGGG" * 20
    record = FastaRecord("c", "", sea + island + sea)
    assert CpGIslands(n_iter=0, min_length=401).find([record]) == []
    assert len(CpGIslands(n_iter=0, min_length=400).find([record])) == 1


def test_threads_do_not_change_anything():
    record = simulated(3, 5)[0]
    one, two = (CpGIslands(n_iter=2, n_jobs=n).fit([record]) for n in (1, 2))
    assert np.array_equal(one.posterior(record), two.posterior(record))


def test_training_looks_at_the_first_bases_only():
    record = simulated(3, 5)[0]
    cut = FastaRecord("c", "", record.sequence[:9_000])
    other = FastaRecord("d", "", record.sequence[9_000:])
    limited = CpGIslands(n_iter=2, n_training=9_000).fit([record, other])
    assert np.array_equal(limited.emissionprob_, CpGIslands(n_iter=2).fit([cut]).emissionprob_)


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(DataError, match="not one known base"):
        CpGIslands().fit([FastaRecord("c", "", b"NNN")])
    with pytest.raises(ValueError, match="island_length and sea_length"):
        CpGIslands(island_length=0.5, n_iter=0).fit([])


# bedGraph


def test_runs_cover_everything():
    starts, ends, values = runs([3, 3, 0, 5, 5, 5])
    assert (starts.tolist(), ends.tolist(), values.tolist()) == ([0, 2, 3], [2, 3, 6], [3, 0, 5])
    assert all(len(part) == 0 for part in runs([]))


def test_bedgraph_says_the_rounded_values_where_they_are_not_zero(tmp_path):
    values = np.array([0.0, 0.001, 0.25, 0.251, 1.0, 0.994, 0.0])
    write_bedgraph([("c", values), ("d", [1.0])], tmp_path / "x", name="track")
    assert (tmp_path / "x").read_text().splitlines() == [
        'track type=bedGraph name="track"',
        "c\t2\t4\t0.25",
        "c\t4\t5\t1.00",
        "c\t5\t6\t0.99",
        "d\t0\t1\t1.00",
    ]
    begins, heights = read_curve(tmp_path / "x", Stretch("c", 1, 7))
    at = heights[np.searchsorted(begins, np.arange(1, 8), side="right") - 1]
    assert at.tolist() == [0, 0, 0.25, 0.25, 1.0, 0.99, 0]


@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_runs_go_on_from_block_to_block(block, tmp_path, monkeypatch):
    monkeypatch.setattr("hmmseq.bio.formats.bedgraph._BLOCK", block)
    write_bedgraph([("c", [0.0, 0.5, 0.5, 0.5, 0.0, 0.0, 1.0]), ("e", [])], tmp_path / "x")
    assert (tmp_path / "x").read_text() == "c\t1\t4\t0.50\nc\t6\t7\t1.00\n"


def test_bins_are_steps(tmp_path):
    write_bedgraph([("c", [0.5, 0.5, 0.0, 1.0])], tmp_path / "x", step=200, digits=1)
    assert (tmp_path / "x").read_text() == "c\t0\t400\t0.5\nc\t600\t800\t1.0\n"


@pytest.mark.parametrize("wrong", [[np.nan], [np.inf], [1e300]])
def test_values_that_are_none_are_refused_and_nothing_is_written(wrong, tmp_path):
    with pytest.raises(ValueError, match="c: values are not finite, or too large"):
        write_bedgraph([("c", wrong)], tmp_path / "x")
    assert not list(tmp_path.iterdir())


# The command line


def run(capfd, *arguments):
    status = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return status, out, err.splitlines()


def test_islands_and_posteriors_are_written(tmp_path, capfd):
    sea, island = "TTATTGAACATTGATTTCAA" * 40, "CGGCGCCGCGGCGACGCGGG" * 20
    (tmp_path / "g.fna").write_text(f">c\n{sea}{island}{sea}\n")
    options = ["--iterations", "0", "--bedgraph", tmp_path / "p.bedgraph"]
    status, out, err = run(capfd, "islands", tmp_path / "g.fna", *options)
    columns = out.rstrip("\n").split("\t")
    assert status == 0 and columns[:4] == ["c", "800", "1200", "CpG_1"] and columns[6] == "0.950"
    assert err == ["hmmseq: 1 islands in 2000 bases"]
    lines = (tmp_path / "p.bedgraph").read_text().splitlines()
    assert lines[0].startswith("track type=bedGraph") and any(line.endswith("\t1.00") for line in lines)


@pytest.mark.parametrize(
    ("text", "said"), [(">p\nMKVLAAGELLQ\n", "DNA"), (">c\nNN\n", "not one known base"), ("", "empty")]
)
def test_bad_input_is_one_line(text, said, tmp_path, capfd):
    (tmp_path / "g.fna").write_text(text)
    status, out, err = run(capfd, "islands", tmp_path / "g.fna", "--bedgraph", tmp_path / "p")
    assert status == 1 and not out and len(err) == 1 and said in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["g.fna"]


def test_wrong_usage_is_status_2(capfd):
    assert run(capfd, "islands", "x.fna", "--iterations", "-1")[0] == 2
