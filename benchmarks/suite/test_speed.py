"""The timing itself, by pytest-benchmark: `make bench`.

Contenders of a row take turns, so that what else the machine does meets all of them.
"""

import pytest

from benchmarks.suite import costs, processes
from benchmarks.suite.race import race
from benchmarks.suite.rows import ROWS

TURNS = 3
CASES = [
    pytest.param(row.key, name, id=f"{row.key}, {name}, turn {turn}")
    for row in ROWS.values()
    for turn in range(TURNS)
    for name in row.contenders
]


@pytest.mark.parametrize(("key", "name"), CASES)
def test_speed(key, name, benchmark, results):
    benchmark.group = key
    try:
        entrant = race(key).entrant(name)
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    benchmark.extra_info["n_steps"] = entrant.n_steps
    benchmark.pedantic(entrant.call, setup=entrant.reset, rounds=entrant.rounds)
    results.timed(key, name, benchmark.stats.stats.min, entrant.n_steps)


@pytest.mark.parametrize("row", processes.ROWS, ids=lambda row: f"{row.group}: {row.name}")
def test_process(row, results, full):
    results.measured(row, row.figures(full))


def test_costs():
    costs.draw()
