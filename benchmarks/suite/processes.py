"""Rows that need a process of their own: its peak memory, and how long a first start takes."""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import NamedTuple

PREAMBLE = """
import re, time
from pathlib import Path
import numpy as np
from benchmarks.suite.contenders.hmmseq import Hmmseq
from benchmarks.suite.instances import random_symbols
from dataclasses import replace

def model(n_states, symbols):
    few = random_symbols(n_states, 4096)
    own = Hmmseq(few)
    for work in ("score", "decode", "posteriors", "iterate"):  # compiled
        getattr(own, work)()
    own.x = own.x.astype(symbols.dtype)[:4096]
    own.decode(), own.posteriors(), own.iterate()
    own.x = symbols
    return own

def peak():
    # Linux. getrusage would do, but what it says is never less than the peak of the process that started this one.
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

def measured(call, n_steps, in_bytes):
    print("before", (peak() - in_bytes) / 1e6)
    begun = time.perf_counter()
    answer = call()
    seconds = time.perf_counter() - begun
    out = answer.nbytes if isinstance(answer, np.ndarray) else 0
    print("extra", (peak() - in_bytes - out) / 1e6)
    print("rate", n_steps / seconds / 1e6)
"""


class Figure(NamedTuple):
    """One number beside what it should be: "<= 300", ">= 40", or nothing in particular."""

    value: float
    unit: str
    target: str = ""

    @property
    def met(self) -> bool:
        sign, _, limit = self.target.partition(" ")
        return not sign or (self.value <= float(limit) if sign == "<=" else self.value >= float(limit))


@dataclass(frozen=True)
class Memory:
    """Peak resident memory of a process beyond its input and its output, and speed.

    The process runs everything once on 4,096 steps before; the peak is that of its whole life, so the interpreter and
    the compiled code count.
    """

    name: str
    work: str
    n_states: int
    n_steps: int
    most_megabytes: float
    least_rate: float = 0.0  # million steps a second
    group = "memory"

    def figures(self, full: bool) -> dict[str, Figure]:
        n_steps = self.n_steps if full else self.n_steps // 10
        found = _numbers(
            PREAMBLE + f"\nx = np.random.default_rng(0).integers(0, 8, {n_steps}, dtype=np.uint8)\n"
            f"measured(model({self.n_states}, x).{self.work}, {n_steps}, x.nbytes)"
        )
        rate = f">= {self.least_rate:g}" if self.least_rate else ""
        return {
            f"{n_steps:,} steps, peak beyond input and output": Figure(
                found["extra"], "MB", f"<= {self.most_megabytes:g}"
            ),
            f"{n_steps:,} steps, of which before the call": Figure(found["before"], "MB"),
            f"{n_steps:,} steps, rate": Figure(found["rate"], "million steps/s", rate),
        }


@dataclass(frozen=True)
class ColdStart:
    """Import, the first fit ever (nothing compiled yet), and the same in a second process."""

    name: str = "a process"
    group = "cold start"

    def figures(self, full: bool) -> dict[str, Figure]:
        timed = "import time; begun = time.perf_counter(); {}; print('seconds', time.perf_counter() - begun)"
        names, classes = (
            min(_numbers(timed.format(statement))["seconds"] for _ in range(3))
            for statement in ("import hmmseq", "from hmmseq import HMM")
        )
        work = (
            "import time; begun = time.perf_counter()\n"
            "import numpy as np; from hmmseq import CategoricalHMM\n"
            "x = np.random.default_rng(0).integers(0, 8, 10_000)\n"
            "fit = lambda: CategoricalHMM(4, n_features=8, n_iter=10, random_state=0).fit(x)\n"
            "fit(); print('first', time.perf_counter() - begun)\n"
            "begun = time.perf_counter(); fit(); print('again', time.perf_counter() - begun)"
        )
        with tempfile.TemporaryDirectory() as cache:
            empty = _numbers(work, NUMBA_CACHE_DIR=cache)
            filled = [_numbers(work, NUMBA_CACHE_DIR=cache) for _ in range(3)]
        second = min(run["first"] - run["again"] for run in filled)
        return {
            "import hmmseq": Figure(names, "s", "<= 1"),
            "from hmmseq import HMM, with Numba and scikit-learn": Figure(classes, "s"),
            "first fit ever, with imports and compilation": Figure(empty["first"], "s", "<= 15"),
            "first fit of the second one, with imports, beyond the work itself": Figure(second, "s", "<= 1"),
        }


def _numbers(program: str, **environment: str) -> dict[str, float]:
    """What a Python process prints as lines of a name and a number."""
    run = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", run.stdout, re.MULTILINE)}


ROWS = [
    Memory("viterbi, 4 states", "decode", 4, 100_000_000, 300, least_rate=40),
    Memory("posteriors, 4 states", "posteriors", 4, 100_000_000, 300),
    Memory("em, 16 states", "iterate", 16, 10_000_000, 500),
    ColdStart(),
]
