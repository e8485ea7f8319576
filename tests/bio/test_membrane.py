"""Labelled proteins, their graph, and the benchmark over them."""

import argparse
import gzip
import json

import numpy as np
import pytest

from hmmseq import DataError
from hmmseq.bio.formats.three_line import read_three_line
from hmmseq.bio.proteins import membrane, taggers


def test_reads_a_three_line_file(tmp_path):
    path = tmp_path / "a.3line.gz"
    path.write_bytes(gzip.compress(b">one|x first\nMKX\n1HU\n\n>two\nAC\n12\n"))
    one, two = read_three_line(path)
    assert (one.id, one.description, two.id) == ("one|x", "first", "two")
    assert one.codes().tolist() == [10, 8, -1]
    assert membrane.labels_of(one.letters).tolist() == [0, 2, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\nMK\n11\n", "line 1: expected a header"),
        (">one\nMK\n1\n", "line 3: 1 labels for 2 residues"),
        (">one\nMK\n", "2 of 3 lines"),
    ],
)
def test_damaged_files(tmp_path, text, message):
    path = tmp_path / "a.3line"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        list(read_three_line(path))


def test_unknown_label_letter():
    with pytest.raises(DataError, match="'Q'"):
        membrane.labels_of("11Q")


@pytest.mark.parametrize("helix", [7, 20, 29, 30, 60])
def test_helices_of_any_length_cross(helix):
    letters = "S" * 20 + "2" * 40 + "H" * helix + "1" * 5 + "H" * 20 + "2" + "U" * 9
    labels = membrane.labels_of(letters)
    states = membrane.states_of(labels)
    column = membrane.topology_graph(fine=True).label[states]
    known = labels >= 0
    assert np.array_equal(membrane.COARSE[column][known], labels[known])
    assert [membrane.FINE[c] for c in column[[0, 20, 59, 60, 60 + helix - 1, 60 + helix]]] == [
        "signal peptide", "outside, far", "outside, near",
        "helix, outer end", "helix, inner end", "inside, near",
    ]  # fmt: skip


@pytest.mark.parametrize("letters", ["1122", "1" + "H" * 20 + "1", "1" + "H" * 4 + "2"])
def test_impossible_topologies(letters):
    assert membrane.states_of(membrane.labels_of(letters)) is None


def arguments(*options):
    parser = argparse.ArgumentParser()
    taggers.add_arguments(parser)
    return parser.parse_args(options)


@pytest.fixture
def folds(tmp_path):
    rng = np.random.default_rng(0)
    for fold in range(2):
        lines = []
        for k in range(6):
            loop = ["".join(rng.choice(list("DEKRNQ"), 8)) for _ in range(3)]
            helix = ["".join(rng.choice(list("AILVF"), 18)) for _ in range(2)]
            sequence = loop[0] + helix[0] + loop[1] + helix[1] + loop[2]
            lines += [f">p{k}", sequence, "1" * 8 + "H" * 18 + "2" * 8 + "H" * 18 + "1" * 8]
        (tmp_path / f"fold{fold}.3line").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_benchmark_prints_a_table_and_writes_all_files(folds, tmp_path, capsys):
    pytest.importorskip("torch")
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    assert taggers.run(arguments("--data", str(folds), "--epochs", "1", "--output", str(out))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("model")
    assert [line.split()[0] for line in lines[1:]] == ["HMM", "BiLSTM", "BiLSTM"]
    assert sorted(path.name for path in out.iterdir()) == ["taggers.json", "taggers.md", "taggers.png"]
    results = json.loads((out / "taggers.json").read_text())["results"]
    assert results[0]["segment_f1"] > 0.9
    assert (out / "taggers.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "1 or more"),
        (["--data", "nowhere.3line"], "nowhere.3line"),
        (["--data", "."], r"no file \*.3line"),
        (["--data", "fold0.3line"], "the only fold"),
    ],
)
def test_benchmark_refuses(folds, monkeypatch, options, message):
    monkeypatch.chdir(folds if options[-1] != "." else folds.parent)
    with pytest.raises((DataError, OSError), match=message):
        taggers.run(arguments(*options))
