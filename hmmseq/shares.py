"""Work in shares that depend on the data only, so that any number of threads gives the same bits."""

import sys
from _thread import LockType, start_new_thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import pairwise
from threading import Lock
from typing import NamedTuple

import numpy as np

SLOTS = 16  # statistics are added up in so many places, and these are then added in order
SLOT_BYTES = 64 << 20  # for all places together
LONGEST = 8  # in so many parts, at least, so that Ctrl-C waits for one of them only
_asked: ContextVar[int | None] = ContextVar("n_jobs", default=None)  # see `threads`


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
    return [Share(k, a, b) for k, (a, b) in enumerate(pairwise(cuts(cost, most).tolist()))]


def cuts(cost: np.ndarray, most: int) -> np.ndarray:
    """Where such shares begin, and where the last one ends."""
    n_items = len(cost) - 1
    if most == 1 or n_items == 1:
        return np.array([0, n_items])
    inner = np.searchsorted(cost, np.linspace(0, cost[-1], most + 1)[1:-1])
    return np.unique(np.concatenate([[0], np.minimum(inner, n_items), [n_items]]))


def slots_for(n_numbers: int) -> int:
    """How many places for statistics of so many numbers each."""
    return max(1, min(SLOTS, SLOT_BYTES // (8 * max(n_numbers, 1))))


def one_row_a_step(slot: np.ndarray, n_rows: int) -> bool:
    """Whether no two steps add to the same of `n_rows` rows of statistics, so that threads may share the array."""
    return n_rows >= len(slot) and bool(np.all(slot[1:] > slot[:-1]))


@contextmanager
def threads(n_jobs: int | None) -> Iterator[None]:
    """What asks for no number of threads, within, gets so many: parts of a model that have no `n_jobs` of their own."""
    token = _asked.set(n_jobs)
    try:
        yield
    finally:
        _asked.reset(token)


def run(
    work: Callable[[Share], None], shares: list[Share], n_jobs: int | None, stop: Callable[[], None] = lambda: None
) -> None:
    """Do each share; kernels release the GIL, so threads are enough and nothing is copied.

    stop : called when a share fails or somebody presses Ctrl-C, before the others are waited for
    n_jobs means what it means to joblib. This thread works too, and alone where the system gives no other.
    """
    n_threads = _n_threads(len(shares), n_jobs)
    _run(lambda first, _: work(shares[first]), _Left(len(shares), most=1, parts=1), n_threads, stop)


def run_together(work: Callable[[int, int], None], n_items: int, n_jobs: int | None) -> None:
    """The same where one call of a kernel does any items in a row, first ... last - 1.

    The first runs are long, so that there are few calls; the last ones short, so that threads end together.
    """
    n_threads = _n_threads(n_items, n_jobs)
    if n_items == 1:
        return work(0, 1)
    _run(work, _Left(n_items, most=-(-n_items // LONGEST), parts=2 * n_threads), n_threads)


class _Left:
    """Items that nobody has taken yet."""

    def __init__(self, n_items: int, most: int, parts: int) -> None:
        self.first, self.n_items, self.most, self.parts, self.lock = 0, n_items, most, parts, Lock()

    def take(self) -> tuple[int, int] | None:
        """First and last of a run: one of so many parts of what is left, at most so many items, at least one."""
        with self.lock:
            first = self.first
            self.first += min(self.most, -(-(self.n_items - first) // self.parts))
            return (first, self.first) if first < self.n_items else None


def _run(
    work: Callable[[int, int], None], left: _Left, n_threads: int, stop: Callable[[], None] = lambda: None
) -> None:
    failed: list[BaseException] = []

    def take() -> None:
        while not failed and (items := left.take()):
            work(*items)

    def noting_failure(part: Callable[[], None]) -> None:
        try:
            part()
        except BaseException as error:
            failed.append(error)
            stop()

    helpers = [_start(partial(noting_failure, take)) for _ in range(n_threads - 1)]
    noting_failure(take)
    for helper in helpers:
        noting_failure(partial(_wait, helper))
        _wait(helper)  # again, where Ctrl-C cut the waiting short
    if failed:
        raise failed[0]


def _start(work: Callable[[], None]) -> LockType:
    """Work in a thread; the lock is free when it is done.

    `threading.Thread` waits until the thread runs, for as long as thousands of steps take; this thread goes on at once.
    """
    done = Lock()
    done.acquire()

    def task() -> None:
        try:
            work()
        finally:
            done.release()

    try:
        start_new_thread(task, ())
    except RuntimeError:  # no more threads
        done.release()
    return done


def _wait(done: LockType) -> None:
    with done:
        pass


def _n_threads(n_items: int, n_jobs: int | None) -> int:
    return min(_n_workers(_asked.get() if n_jobs is None else n_jobs), n_items) if n_items > 1 else 1


def _n_workers(n_jobs: int | None) -> int:
    """As joblib has it, which is not loaded just to hear 1: None is 1 unless somebody has configured joblib."""
    if n_jobs == 1 or (n_jobs is None and "joblib" not in sys.modules):
        return 1
    from joblib import effective_n_jobs

    return int(effective_n_jobs(n_jobs))
