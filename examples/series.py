"""What the examples on series share: where data lie, and where pictures go."""

import csv
import gzip
import os
import sys
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

OWN = Path(__file__).parent / "data" / "series"
COLOURS = ["#2b6cb0", "#c05621", "#2f855a", "#805ad5"]


class NoData(SystemExit):
    """Data that do not ship, and are not here."""


def find(name: str) -> Path:
    """A data file: beside the examples, or in the folder that the environment variable HMMSEQ_DATA names."""
    elsewhere = Path(os.environ.get("HMMSEQ_DATA", ".")) / "timeseries" / name
    for path in (OWN / name, elsewhere):
        if path.exists():
            return path
    raise NoData(f"{name} does not ship with hmmseq; set HMMSEQ_DATA to a folder with timeseries/{name}")


def table(name: str) -> dict[str, np.ndarray]:
    """Columns of a file with commas, as numbers where they are."""
    path = find(name)
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode()
    rows = list(csv.DictReader(text.splitlines()))
    return {column: _numbers([row[column] for row in rows]) for column in rows[0]}


def _numbers(values: list[str]) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float64)
    except ValueError:
        return np.array(values)


def stationary(transmat: np.ndarray) -> np.ndarray:
    """Shares of time in each state, in the long run."""
    n = len(transmat)
    return np.linalg.solve((np.eye(n) - transmat + 1.0).T, np.ones(n))


def keep(figure: matplotlib.figure.Figure, name: str, folder: Path) -> None:
    """Save a picture and say where."""
    path = folder / name
    figure.savefig(path, dpi=100)
    print(f"Picture: {path.resolve()}")


def folder() -> Path:
    """Where pictures go: the first argument, or here."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
