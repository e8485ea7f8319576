"""The table of benchmarks/README.md, from the files in results/.

python -m benchmarks.suite.table
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.suite import processes
from benchmarks.suite.rows import FASTEST, ROWS

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- begin: written by make bench -->", "<!-- end -->"


def write_table(folder: Path, readme: Path = README) -> None:
    """Replace what stands between the two marks."""
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = [line for group in _groups(folder) for line in (_timed(group) if _is_timed(group) else _limits(group))]
    readme.write_text("\n".join([before + BEGIN, "", *lines, END]) + after)


def _groups(folder: Path) -> Iterator[dict[str, Any]]:
    """In the order of the rows, without rows that are no longer measured."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text())
        if isinstance(content, dict) and "group" in content:
            found[content["group"]] = content
    for name in dict.fromkeys([row.group for row in (*ROWS.values(), *processes.ROWS)]):
        if name in found:
            yield found[name]


def _is_timed(group: dict[str, Any]) -> bool:
    return any(row.group == group["group"] for row in ROWS.values())


def _timed(group: dict[str, Any]) -> Iterator[str]:
    rows = {row.name: group["rows"][row.name] for row in ROWS.values() if _belongs(row, group)}
    names = list(dict.fromkeys(name for row in rows.values() for name in row["ns_a_step"]))
    yield from _heading(group)
    yield f"| | steps | {' | '.join(names)} | target | reached | | product | copy |"
    yield "|---|---:|" + "---:|" * len(names) + "---|---|---|---:|---:|"
    for name, row in rows.items():
        targets, reached = _target(row), _ratios(row["reached"], row["targets"])
        met = _verdict(row, targets)
        cells = [_time(row, contender) for contender in names]
        shares = f"{100 * row['of_matrix_product']:.0f} % | {100 * row['of_copy']:.0f} %"
        yield f"| {name} | {row['steps']:,} | {' | '.join(cells)} | {targets or '–'} | {reached} | {met} | {shares} |"
    yield ""


def _verdict(row: dict[str, Any], target: Any) -> str:
    return "–" if not target else "met" if row["met"] else "**missed**"


def _belongs(row: Any, group: dict[str, Any]) -> bool:
    return row.group == group["group"] and row.name in group["rows"]


def _heading(group: dict[str, Any]) -> Iterator[str]:
    machine = group["machine"]
    yield f"### {group['group'].capitalize()}"
    yield ""
    yield (
        f"{machine['date']}, {machine['processor']}, product {machine['multiply_adds_per_ns']} multiply-adds/ns, "
        f"copy {machine['copy_bytes_per_ns']} bytes/ns"
        + (f", two threads {machine['two_threads']} times one" if "two_threads" in machine else "")
    )
    yield ""


def _time(row: dict[str, Any], name: str) -> str:
    """Nanoseconds a step, marked where the contender was given fewer steps."""
    if name not in row["ns_a_step"]:
        return ""
    ns = row["ns_a_step"][name]
    figure = f"{ns:,.0f}" if ns >= 100 else f"{ns:.1f}"
    return f"{figure} ({row['fewer_steps'][name]:,})" if name in row["fewer_steps"] else figure


def one_line(group: str, name: str, row: dict[str, Any]) -> str:
    """A row for the terminal."""
    if "value" in row:
        return (
            f"{group}: {name}: {row['value']:.3g} {row['unit']} ({row['target'] or '–'}) {_verdict(row, row['target'])}"
        )
    ns = next(iter(row["ns_a_step"].values()))
    reached, target = _ratios(row["reached"], row["targets"]), _target(row)
    return f"{group}: {name}: {ns:.1f} ns a step, {reached} ({target or '–'}) {_verdict(row, target)}"


def _target(row: dict[str, Any]) -> str:
    if row["most_ns"]:
        return f"≤ {row['most_ns']:,.0f} ns"
    return _ratios(row["targets"], row["targets"]) if row["targets"] else ""


def _ratios(values: dict[str, float], targets: dict[str, float]) -> str:
    chosen = {name: values[name] for name in targets or [FASTEST] if name in values}
    return ", ".join(f"{ratio:.3g}x {name}" for name, ratio in chosen.items()) or "–"


def _limits(group: dict[str, Any]) -> Iterator[str]:
    yield from _heading(group)
    yield "| | reached | target | |"
    yield "|---|---:|---:|---|"
    for name, row in group["rows"].items():
        target = row["target"].replace("<=", "≤").replace(">=", "≥")
        yield f"| {name} | {row['value']:.3g} {row['unit']} | {target or '–'} | {_verdict(row, target)} |"
    yield ""


if __name__ == "__main__":
    write_table(README.parent / "results")
