"""Work in shares that depend on the data only, so that any number of threads gives the same bits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs

SLOTS = 16  # statistics are added up in so many places, and these are then added in order
SLOT_BYTES = 64 << 20  # for all places together


class Tally(NamedTuple):
    """Expected uses, added over sequences."""

    rows: np.ndarray  # (n_rows, n_states)
    edges: np.ndarray  # (n_edges,)
    start: np.ndarray
    end: np.ndarray

    def of_states(self, n: int) -> "Tally":
        """Those of the first n states alone."""
        return Tally(self.rows[:, :n], self.edges, self.start[:n], self.end[:n])


class Share(NamedTuple):
    """Items first ... last - 1, and the number of the share."""

    number: int
    first: int
    last: int


def in_shares(cost: np.ndarray, most: int = SLOTS) -> list[Share]:
    """Contiguous shares of about equal cost. cost: (n_items + 1,) rising from 0, the cost of all items before."""
    cuts = np.searchsorted(cost, np.linspace(0, cost[-1], most + 1)[1:-1])
    ends = np.unique(np.concatenate([[0], np.minimum(cuts, len(cost) - 1), [len(cost) - 1]]))
    return [Share(k, int(a), int(b)) for k, (a, b) in enumerate(pairwise(ends))]


def slots_for(n_numbers: int) -> int:
    """How many places for statistics of so many numbers each."""
    return max(1, min(SLOTS, SLOT_BYTES // (8 * max(n_numbers, 1))))


def one_row_a_step(slot: np.ndarray, n_rows: int) -> bool:
    """Whether no two steps add to the same of `n_rows` rows of statistics, so that threads may share the array."""
    return n_rows >= len(slot) and bool(np.all(slot[1:] > slot[:-1]))


def run(
    work: Callable[[Share], None], shares: list[Share], n_jobs: int | None, stop: Callable[[], None] = lambda: None
) -> None:
    """Do each share; kernels release the GIL, so threads are enough and nothing is copied.

    stop : called when a share fails or somebody presses Ctrl-C, before the others are waited for
    n_jobs means what it means to joblib. Plain threads start faster than `joblib.Parallel`.
    """
    n_threads = min(effective_n_jobs(n_jobs), len(shares))
    if n_threads <= 1:
        for share in shares:
            work(share)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            try:
                list(pool.map(work, shares))
            except BaseException:
                stop()
                raise
