"""What is measured: one line a row."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.suite.frames import frames
from benchmarks.suite.instances import left_right, normals, paper, random_symbols, sticky_symbols
from benchmarks.suite.labels import labelled, transcribed
from benchmarks.suite.spells import spells

STEPS = {2: 1_000_000, 4: 1_000_000, 8: 500_000, 16: 200_000, 32: 100_000, 64: 40_000, 128: 20_000}
CLASSIC = ("hmmlearn", "hmmlearn log", "pomegranate")
EVERY = (*CLASSIC, "dynamax")
HMMLEARN = ("hmmlearn", "hmmlearn log")
FASTEST = "fastest"


@dataclass(frozen=True)
class Row:
    """One question to one instance, asked of hmmseq and its rivals.

    `targets` are how many times faster than a rival, or than the fastest of them, hmmseq is meant to be.
    """

    group: str
    name: str
    work: str
    make: Callable[[], Any]
    rivals: tuple[str, ...]
    targets: dict[str, float] = field(default_factory=dict)
    ours: str = "hmmseq"
    most_ns: float | None = None  # a step, where the target is a time

    @property
    def key(self) -> str:
        return f"{self.group}: {self.name}"

    @property
    def contenders(self) -> tuple[str, ...]:
        return (self.ours, *self.rivals)


def _beside(n_states: int) -> tuple[str, ...]:
    """dynamax compiles for seconds at every shape: two sizes tell."""
    return EVERY if n_states in (4, 16) else CLASSIC


def _by(n_states: int, *limits: tuple[int, float]) -> dict[str, float]:
    """The target of the first limit that is not exceeded."""
    return {FASTEST: next(target for most, target in limits if n_states <= most)}


def _symbols(n: int, steps: int) -> list[Row]:
    """Long sequences of symbols."""
    name, make, rivals = f"{n} states", partial(random_symbols, n, steps), _beside(n)
    log = {"hmmlearn log": 60.0} if n >= 4 else {}
    sticky = partial(sticky_symbols, n, steps)
    return [
        Row("em", name, "iterate", make, rivals, _by(n, (8, 10), (128, 18)) | log),
        Row("em, hardly forgets", name, "iterate", sticky, HMMLEARN, _by(n, (8, 5), (128, 7))),
        Row("likelihood", name, "score", make, rivals, _by(n, (8, 8), (128, 12))),
        Row("viterbi", name, "decode", make, rivals, _by(n, (8, 5), (16, 6), (128, 8))),
    ]


def _normals(n: int) -> Row:
    make = partial(normals, n, STEPS[n] // 5)
    return Row("em, normal", f"{n} states", "iterate", make, _beside(n), _by(n, (16, 8), (64, 12)))


def _threads(name: str, make: Callable[[], Any], target: float, works: tuple[str, ...]) -> list[Row]:
    """hmmseq beside itself."""
    ours = "hmmseq, 2 threads"
    return [Row("threads", f"{name}, {work}", work, make, ("hmmseq",), {"hmmseq": target}, ours) for work in works]


def _dense(n: int, steps: int) -> Row:
    make = partial(frames, n, steps)
    return Row("dense viterbi", f"{n} states", "decode", make, ("librosa",), ours="hmmseq lattice")


def _crf(n: int, work: str) -> Row:
    make = partial(labelled, n)
    return Row("crf", f"{n} labels, {work}", work, make, ("pytorch-crf",), ours="hmmseq.hybrid")


def _durations(work: str) -> Row:
    name, make, rivals = f"up to 100 steps, {work}", partial(spells, 10, 100, 20_000), ("expanded states",)
    return Row("durations", name, work, make, rivals, ours="hmmseq segments", most_ns=5_000)


SHORT = partial(random_symbols, 4, 2_000_000, 100_000)
LONG = partial(random_symbols, 4, STEPS[4])
MANY, LONGER = partial(random_symbols, 4, 10_000_000, 10_000), partial(random_symbols, 4, 10_000_000)
SHORT_CHAIN = partial(left_right, 4, 2_000_000, 100_000)
CHAIN = partial(left_right, 1000, 10_000)
PAPER = {FASTEST: 2.0, "hmmlearn": 5.0}
TABLE = [
    *(row for n, steps in STEPS.items() for row in _symbols(n, steps)),
    *(_normals(n) for n in (4, 8, 16, 32, 64)),
    *(Row("paper", work, work, paper, EVERY, PAPER) for work in ("score", "decode", "posteriors", "iterate")),
    *(Row("many short", work, work, SHORT, EVERY, {"hmmlearn": 50.0}) for work in ("score", "posteriors")),
    *(
        Row("many short", f"left to right, {work}", work, SHORT_CHAIN, HMMLEARN)
        for work in ("score", "decode", "posteriors")
    ),
    *(Row("sparse", work, work, CHAIN, HMMLEARN, {FASTEST: 100.0}) for work in ("decode", "iterate")),
    *_threads("many sequences", SHORT, 1.8, ("score", "posteriors", "iterate")),
    *_threads("10,000 sequences of 1,000", MANY, 1.8, ("score", "posteriors", "iterate")),
    *_threads("one long sequence", LONG, 1.6, ("score", "decode", "posteriors", "iterate")),
    *_threads("one of ten million", LONGER, 1.6, ("score", "decode", "posteriors", "iterate")),
    *(_dense(n, steps) for n, steps in ((8, 100_000), (64, 20_000), (256, 2_000))),
    *(_crf(n, work) for n in (9, 64) for work in ("gradient", "decode")),
    Row("ctc", "60 of 30 symbols", "gradient", transcribed, ("torch CTC",), ours="hmmseq.hybrid CTC"),
    *(_durations(work) for work in ("score", "decode", "posteriors")),
]
ROWS = {row.key: row for row in TABLE}
