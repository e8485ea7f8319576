"""Work in shares that depend on the data only, so that any number of threads gives the same bits."""

import sys
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from threading import Thread
from typing import NamedTuple

import numpy as np

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
    if most == 1 or len(cost) == 2:
        return [Share(0, 0, len(cost) - 1)]
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
    n_jobs means what it means to joblib. This thread works too: starting one takes as long as thousands of steps.
    """
    left = deque(shares)
    failed: list[BaseException] = []

    def take() -> None:
        while not failed and (share := _next(left)):
            work(share)

    def noting_failure(part: Callable[[], None]) -> None:
        try:
            part()
        except BaseException as error:
            failed.append(error)
            stop()

    n_threads = min(_n_workers(n_jobs), len(shares)) if len(shares) > 1 else 1
    helpers = [Thread(target=noting_failure, args=(take,)) for _ in range(n_threads - 1)]
    for helper in helpers:
        helper.start()
    noting_failure(take)
    for helper in helpers:
        noting_failure(helper.join)
        helper.join()  # again, where Ctrl-C cut the waiting short
    if failed:
        raise failed[0]


def _n_workers(n_jobs: int | None) -> int:
    """As joblib has it, which is not loaded just to hear 1: None is 1 unless somebody has configured joblib."""
    if n_jobs == 1 or (n_jobs is None and "joblib" not in sys.modules):
        return 1
    from joblib import effective_n_jobs

    return int(effective_n_jobs(n_jobs))


def _next(left: "deque[Share]") -> Share | None:
    """Two threads never take the same, and neither minds if the other took the last."""
    try:
        return left.popleft()
    except IndexError:
        return None
