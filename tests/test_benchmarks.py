"""The suite of `make bench` in miniature: every contender that is installed agrees with hmmseq. Nothing is timed here."""

import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the benchmarks are not installed

from benchmarks import eukaryotes, statistics
from benchmarks.suite import table
from benchmarks.suite.processes import Figure
from benchmarks.suite.race import Race
from benchmarks.suite.rows import ROWS
from hmmseq.bio import Gene, evaluate

STEPS = 300  # enough for tiles
SMALL = [
    "em: 4 states", "em, normal: 4 states", "many short: posteriors", "paper: decode", "dense viterbi: 8 states",
    "crf: 9 labels, gradient", "ctc: 60 of 30 symbols", "durations: up to 100 steps, score",
]  # fmt: skip


def small(row):
    """The row with the beginning of its data."""
    return replace(row, make=lambda: row.make().shortened(STEPS))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("key", SMALL)
def test_contenders_agree(key):
    pytest.importorskip("hmmlearn")
    race, agreed = Race(small(ROWS[key])), []
    for name in race.row.contenders:
        try:
            agreed.append(race.entrant(name).n_steps > 0)
        except ModuleNotFoundError:
            continue
    if len(agreed) < 2:
        pytest.skip("none of the rivals is installed")


def test_a_disagreement_is_noticed():
    pytest.importorskip("hmmlearn")
    race = Race(small(ROWS["likelihood: 2 states"]))
    race.expected = lambda n_steps: 0.0
    with pytest.raises(AssertionError, match="hmmlearn"):
        race.entrant("hmmlearn")


def test_every_row_has_its_own_name_and_a_rival():
    rows = list(ROWS.values())
    assert len({(row.group, row.name) for row in rows}) == len(rows)
    assert all(row.rivals and set(row.targets) <= {"fastest", *row.rivals} for row in rows)


@pytest.mark.parametrize(("target", "met"), [("<= 2", False), (">= 2", True), ("<= 3", True), ("", True)])
def test_a_figure_knows_whether_its_target_is_met(target, met):
    assert Figure(3.0, "s", target).met is met


def test_the_table_shows_target_and_what_was_reached(tmp_path):
    row = {
        "steps": 1000, "ns_a_step": {"hmmseq": 10.0, "hmmlearn": 70.0}, "fewer_steps": {"hmmlearn": 500},
        "reached": {"hmmlearn": 7.0, "fastest": 7.0}, "targets": {"fastest": 8.0}, "most_ns": None, "met": False,
        "of_matrix_product": 0.5, "of_copy": 0.01,
    }  # fmt: skip
    machine = {"date": "2026-01-01", "processor": "P", "multiply_adds_per_ns": 1.0, "copy_bytes_per_ns": 2.0}
    content = {"group": "likelihood", "machine": machine, "rows": {"2 states": row, "a row of the past": row}}
    (tmp_path / "likelihood.json").write_text(json.dumps(content))
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.write_table(tmp_path, readme)
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text and "past" not in text
    line = "| 2 states | 1,000 | 10.0 | 70.0 (500) | 8x fastest | 7x fastest | **missed** | 50 % | 1 % |"
    assert line in text.splitlines()


def test_path_scores_are_what_they_say():
    chain = ROWS["many short: score"].make().shortened(40)
    states = np.arange(40) % 4
    expected = 0.0
    for s in range(2):
        path, seen = states[20 * s : 20 * s + 20], chain.values[20 * s : 20 * s + 20]
        expected += np.log(chain.start[path[0]]) + sum(np.log(chain.transition[a, b]) for a, b in pairwise(path))
        expected += sum(np.log(chain.emission.probabilities[i, x]) for i, x in zip(path, seen))
    np.testing.assert_allclose(chain.path_score(states), expected)


@pytest.mark.filterwarnings("ignore:no expected visits")
def test_laws_of_learning_are_counted(capsys, tmp_path):
    assert statistics.monotone(2, 0, 3, tmp_path) == 0
    assert statistics.recovery(2, "Poisson()", tmp_path) == 0
    said = capsys.readouterr().out
    assert "2 fits of" in said and "0 fell by more than 1e-08" in said
    assert json.loads((tmp_path / "recovery.json").read_text())[0]["within"] == 1.0
    assert (tmp_path / "recovery.md").read_text() in said


def test_gains_resample_the_same_neighbourhoods_for_both_sides():
    genes = [Gene("c", 1000 * k + 1, 1000 * k + 300, "+") for k in range(60)]
    half = genes[::2]
    assert eukaryotes.gains(half, half, genes) == {"exon": (0.0, 0.0), "gene": (0.0, 0.0)}
    gained = evaluate(genes, genes).levels["gene"].f1 - evaluate(half, genes).levels["gene"].f1
    low, high = eukaryotes.gains(genes, half, genes)["gene"]
    assert 0 < low < gained < high < 1
    stated = [replace(gene, piece_posteriors=(p,)) for gene, p in zip(genes, [1.0, 0.5] * 30)]
    assert eukaryotes.calibration_by_chance(stated[::2]) == 0 < eukaryotes.calibration_by_chance(stated) < 0.1
