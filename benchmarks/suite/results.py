"""Figures of a run: kept, written to results/, and made into the table of README.md."""

import json
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.suite import limits
from benchmarks.suite.processes import Figure
from benchmarks.suite.race import race
from benchmarks.suite.rows import FASTEST, ROWS, Row
from benchmarks.suite.table import write_table

FOLDER = Path(__file__).parents[1] / "results"
LIBRARIES = ("numpy", "numba", "hmmlearn", "pomegranate", "torch", "pytorch-crf", "librosa", "dynamax", "jax")


class Results:
    """Rows by group; a row measured again replaces its older self in the file."""

    def __init__(self) -> None:
        self.times: dict[str, dict[str, tuple[float, int]]] = {}  # by row and contender: ns a step, steps
        self.rows: dict[str, dict[str, Any]] = {}  # by group and name

    def timed(self, key: str, name: str, seconds: float, n_steps: int) -> None:
        """The best of all turns counts."""
        ns, times = 1e9 * seconds / n_steps, self.times.setdefault(key, {})
        if name not in times or ns < times[name][0]:
            times[name] = ns, n_steps
        row = ROWS[key]
        if row.ours in times:
            self.rows.setdefault(row.group, {})[row.name] = _summary(row, times)

    def measured(self, row: Any, figures: dict[str, Figure]) -> None:
        entries = {name: figure._asdict() | {"met": figure.met} for name, figure in figures.items()}
        group = self.rows.setdefault(row.group, {})
        group |= {f"{row.name}: {name}": entry for name, entry in entries.items()}

    def write(self) -> None:
        """Files and table; nothing where nothing was measured."""
        if not self.rows:
            return
        FOLDER.mkdir(exist_ok=True)
        for group, rows in self.rows.items():
            path = FOLDER / f"{group.replace(',', '').replace(' ', '_')}.json"
            known = json.loads(path.read_text())["rows"] if path.exists() else {}
            found = {"group": group, "machine": _machine(), "rows": known | rows}
            path.write_text(json.dumps(found, indent=1) + "\n")
        write_table(FOLDER)


def _summary(row: Row, times: dict[str, tuple[float, int]]) -> dict[str, Any]:
    ours, n_steps = times[row.ours]
    rivals = {name: ns / ours for name, (ns, _) in times.items() if name != row.ours}
    reached = rivals | ({FASTEST: min(rivals.values())} if rivals else {})
    instance = race(row.key).instance
    return {
        "steps": n_steps,
        "ns_a_step": {name: round(ns, 2) for name, (ns, _) in times.items()},
        "fewer_steps": {name: steps for name, (_, steps) in times.items() if steps != n_steps},
        "reached": {name: round(ratio, 2) for name, ratio in reached.items()},
        "targets": row.targets,
        "most_ns": row.most_ns,
        "met": _met(row, reached, ours),
        "of_matrix_product": round(
            instance.multiply_adds(row.work) / ours * 1e9 / limits.multiply_adds_per_second(), 4
        ),
        "of_copy": round(instance.bytes(row.work) / ours * 1e9 / limits.bytes_per_second(), 4),
    }


def _met(row: Row, reached: dict[str, float], ours: float) -> bool:
    fast = all(reached[name] >= least for name, least in row.targets.items() if name in reached)
    return fast and (row.most_ns is None or ours <= row.most_ns)


def _machine() -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": limits.processor(),
        "two_threads": round(limits.two_threads(), 2),
        "multiply_adds_per_ns": round(limits.multiply_adds_per_second() / 1e9, 1),
        "copy_bytes_per_ns": round(limits.bytes_per_second() / 1e9, 1),
        "python": platform.python_version(),
        "versions": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
