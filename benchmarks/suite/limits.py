"""What this machine can do at most, measured: the rest of the suite is a fraction of it."""

import platform
from functools import cache
from pathlib import Path
from threading import Thread

import numpy as np

from benchmarks.report import best

SIDE = 384  # three matrices of 1.2 MB: they stay in a second-level cache or close to it
COPIED = 1 << 28  # bytes: larger than any cache


@cache
def multiply_adds_per_second() -> float:
    """Of a matrix product in cache, one thread, double precision."""
    a, b, out = np.ones((SIDE, SIDE)), np.ones((SIDE, SIDE)), np.empty((SIDE, SIDE))
    return SIDE**3 / best(lambda: np.matmul(a, b, out=out), 50)


@cache
def bytes_per_second() -> float:
    """Read plus written by a copy of a large array, one thread."""
    source, target = np.ones(COPIED // 8), np.zeros(COPIED // 8)
    return 2 * COPIED / best(lambda: np.copyto(target, source), 10)


@cache
def two_threads() -> float:
    """How many times as much two threads do as one, of matrix products in cache that have nothing in common."""
    ours, theirs = (tuple(np.ones((SIDE, SIDE)) for _ in range(3)) for _ in range(2))

    def both() -> None:
        other = Thread(target=_products, args=theirs)
        other.start()
        _products(*ours)
        other.join()

    return 2 * best(lambda: _products(*ours), 10) / best(both, 10)


def _products(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    for _ in range(20):
        np.matmul(a, b, out=out)


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
