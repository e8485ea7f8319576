"""Timing, and results as files."""

import json
import time
from collections.abc import Callable
from pathlib import Path


def best(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of so many runs."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def write(folder: Path | None, name: str, rows: list[dict], lines: list[str]) -> None:
    """`name`.json with the rows and `name`.md with the table, if a folder is given."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    (folder / f"{name}.md").write_text("\n".join(lines) + "\n")
