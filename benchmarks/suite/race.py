"""One row: who takes part, on how much data, and whether the answers agree."""

import time
from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.suite.contenders import Contender, contender
from benchmarks.suite.rows import ROWS, Row

PATIENCE = 0.4  # seconds for one call of a rival; slower ones get the beginning of the data
PROBE_STEPS = 200  # so many steps of one sequence tell how slow
PROBE_MANY = 10_000  # of many: who runs them side by side is slow on a few
ROUNDS_FOR = 0.25  # seconds of timing in one turn
MOST_CORES = 1.2  # CPU seconds per second of a contender that is meant to have one thread
WORTH_CHECKING, LONG_ENOUGH = 0.01, 0.2  # seconds of a call that starts threads, and to count their CPU seconds in


class Entrant(NamedTuple):
    """A contender that has agreed with hmmseq and is ready to be timed."""

    reset: Callable[[], None]
    call: Callable[[], Any]
    n_steps: int
    seconds: float  # of a first impression

    @property
    def rounds(self) -> int:
        return int(np.clip(ROUNDS_FOR / self.seconds, 2, 200))


class Race:
    """A row, its instance, and what hmmseq answers on it."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.entrants: dict[str, Entrant] = {}

    @cached_property
    def instance(self) -> Any:
        return self.row.make()

    @lru_cache(maxsize=1)  # noqa: B019 - a race is short
    def expected(self, n_steps: int) -> Any:
        _, answer = self._ask(contender(self.row.ours, self._part(n_steps)))
        return answer

    def entrant(self, name: str) -> Entrant:
        """Raises AssertionError if the answers differ."""
        if name not in self.entrants:
            self.entrants[name] = self._enter(name)
        return self.entrants[name]

    def _enter(self, name: str) -> Entrant:
        n_steps = self.instance.n_steps if name.startswith("hmmseq") else self._affordable(name)
        part = self._part(n_steps)
        own = contender(name, part)
        self._ask(own)  # compiled
        seconds, answer = self._ask(own)
        if self.row.group != "threads" and seconds > WORTH_CHECKING:
            self._check_threads(own)
        self._compare(name, own, part, answer)
        return Entrant(own.reset, getattr(own, self.row.work), part.n_steps, seconds)

    def _affordable(self, name: str) -> int:
        """Steps for which one call takes no more than PATIENCE."""
        many = len(getattr(self.instance, "lengths", ())) > 1
        n_steps, full = PROBE_MANY if many else PROBE_STEPS, self.instance.n_steps
        while n_steps < full:
            own = contender(name, self._part(n_steps))
            self._ask(own)
            seconds, _ = self._ask(own)
            possible = self._part(n_steps).n_steps * PATIENCE / seconds
            if possible < 8 * n_steps or n_steps >= full / 8:
                return int(min(full, max(n_steps, possible)))
            n_steps = int(min(8 * n_steps, full))
        return full

    def _part(self, n_steps: int) -> Any:
        return self.instance if n_steps >= self.instance.n_steps else self.instance.shortened(n_steps)

    def _ask(self, own: Contender) -> tuple[float, Any]:
        """Seconds, and the answer in common terms."""
        own.reset()
        begun = time.perf_counter()
        answer = getattr(own, self.row.work)()
        return time.perf_counter() - begun, own.plain(self.row.work, answer)

    def _check_threads(self, own: Contender) -> None:
        """AssertionError if more threads than one are busy, each time: those that rows before left busy come to an end.

        A thread of JAX was seen to work on while the next row was asked already.
        """
        cores = [self._cores(own)]
        while cores[-1] >= MOST_CORES and len(cores) < 3:
            cores.append(self._cores(own))
        assert cores[-1] < MOST_CORES, f"{type(own).__name__} used {min(cores):.1f} cores; a row means one"

    def _cores(self, own: Contender) -> float:
        """CPU seconds per second, over long enough: of other threads Linux counts them in ticks of up to 10 ms."""
        begun, busy, seconds = time.perf_counter(), time.process_time(), 0.0
        while seconds < LONG_ENOUGH:
            own.reset()
            getattr(own, self.row.work)()
            seconds = time.perf_counter() - begun
        return (time.process_time() - busy) / seconds

    def _compare(self, name: str, own: Contender, part: Any, theirs: Any) -> None:
        """On paths, scores are compared: two of them may be equally good."""
        ours = self.expected(part.n_steps)
        if self.row.work == "decode" and hasattr(part, "path_score"):
            ours, theirs = part.path_score(ours), part.path_score(theirs)
        limit = own.tolerances.get(self.row.work, own.tolerance)
        same = partial(np.testing.assert_allclose, rtol=limit, atol=limit)
        if not isinstance(theirs, dict):
            return same(theirs, ours, err_msg=name)
        for key, value in theirs.items():
            same(value, ours[key], err_msg=f"{name}, {key}")


@lru_cache(maxsize=1)  # instances are large
def race(key: str) -> Race:
    return Race(ROWS[key])
