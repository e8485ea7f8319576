"""Collects what the suite measures; writes and prints it at the end."""

import pytest

from benchmarks.suite.results import Results
from benchmarks.suite.table import one_line

RESULTS = Results()


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="memory rows in full size (minutes, gigabytes)")


@pytest.fixture
def full(request):
    return request.config.getoption("--full")


@pytest.fixture
def results():
    """What was measured so far."""
    return RESULTS


def pytest_sessionfinish():
    RESULTS.write()


def pytest_terminal_summary(terminalreporter):
    for group, rows in RESULTS.rows.items():
        for name, row in rows.items():
            terminalreporter.write_line(one_line(group, name, row))
