"""The results of `hmmseq bench taggers` as a table, JSON, Markdown and a picture."""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hmmseq.files import atomic_write

MEASURES = ("residue_accuracy", "segment_f1", "topology_correct")
_HEADER = (
    "model",
    "residue accuracy",
    "segment F1",
    "topology correct",
    "seconds to train",
    "residues/s",
    "parameters",
)


class Row(NamedTuple):
    """One model. Times are wall-clock on the machine that ran it; seconds to train are for one fold."""

    model: str
    residue_accuracy: float
    segment_f1: float
    topology_correct: float
    train_seconds: float
    residues_per_second: float
    parameters: int

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of the table."""
        shares = (f"{100 * getattr(self, name):.1f} %" for name in MEASURES)
        speed = f"{self.residues_per_second:,.0f}"
        return (self.model, *shares, f"{self.train_seconds:.2f}", speed, f"{self.parameters:,}")


def table(rows: Sequence[Row]) -> str:
    """Columns for a terminal."""
    cells = [_HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ("  ".join([c[0].ljust(widths[0]), *map(str.rjust, c[1:], widths[1:])]) for c in cells)
    return "\n".join(lines)


def write(folder: Path, rows: Sequence[Row], settings: dict[str, Any]) -> None:
    """taggers.json, taggers.md and taggers.png; each is complete or absent."""
    files = {
        "taggers.json": _json(rows, settings),
        "taggers.md": _markdown(rows, settings),
        "taggers.png": _png(rows),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with atomic_write(folder / name) as file:
            file.write(content)


def _json(rows: Sequence[Row], settings: dict[str, Any]) -> bytes:
    machine = {"system": platform.platform(), "python": platform.python_version()}
    content = {"settings": settings, "machine": machine, "results": [row._asdict() for row in rows]}
    return (json.dumps(content, indent=2) + "\n").encode()


def _markdown(rows: Sequence[Row], settings: dict[str, Any]) -> bytes:
    rule = ("---", *["---:"] * (len(_HEADER) - 1))
    lines = ["| " + " | ".join(cells) + " |" for cells in (_HEADER, rule, *(row.cells() for row in rows))]
    text = [f"# Membrane topology\n\n{settings['data']}.", "\n".join(lines), _EXPLANATION]
    return ("\n\n".join(text) + "\n").encode()


_EXPLANATION = """Residue accuracy and segment F1 are over all tested proteins together; a membrane segment
is found if 5 residues overlap with a true one of its kind. A topology is correct if all segments are found,
none is made up, and the N-terminal side is right. Seconds to train are for one fold. All models are decoded
over the same crossings, by the same function."""


def _png(rows: Sequence[Row]) -> bytes:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("--output draws with matplotlib: pip install 'hmmseq[plot]'") from error
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for k, row in enumerate(rows):
        places = [i + 0.8 * (k + 0.5) / len(rows) - 0.4 for i in range(len(MEASURES))]
        heights = [100 * getattr(row, name) for name in MEASURES]
        bars = axes.bar(places, heights, 0.75 / len(rows), label=row.model)
        axes.bar_label(bars, fmt="%.0f", fontsize=8)
    axes.set_xticks(range(len(MEASURES)), _HEADER[1:4])
    axes.set(ylabel="%", ylim=(0, 100), title="Membrane topology")
    axes.legend(loc="upper right", fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
