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


def _table() -> list[Row]:
    rows = []
    for n, steps in STEPS.items():
        log = {"hmmlearn log": 60.0} if n >= 4 else {}
        name, make, rivals = f"{n} states", partial(random_symbols, n, steps), _beside(n)
        rows += [
            Row("em", name, "iterate", make, rivals, _by(n, (8, 10), (128, 18)) | log),
            Row(
                "em, hardly forgets",
                name,
                "iterate",
                partial(sticky_symbols, n, steps),
                HMMLEARN,
                _by(n, (8, 5), (128, 7)),
            ),
            Row("likelihood", name, "score", make, rivals, _by(n, (8, 8), (128, 12))),
            Row("viterbi", name, "decode", make, rivals, _by(n, (8, 5), (16, 6), (128, 8))),
        ]
    for n in (4, 8, 16, 32, 64):
        make = partial(normals, n, STEPS[n] // 5)
        rows.append(Row("em, normal", f"{n} states", "iterate", make, _beside(n), _by(n, (16, 8), (64, 12))))
    for work in ("score", "decode", "posteriors", "iterate"):
        rows.append(Row("paper", work, work, paper, EVERY, {FASTEST: 2.0, "hmmlearn": 5.0}))
    short = partial(random_symbols, 4, 2_000_000, 100_000)
    chain = partial(left_right, 1000, 10_000)
    rows += [Row("many short", work, work, short, EVERY, {"hmmlearn": 50.0}) for work in ("score", "posteriors")]
    rows += [Row("sparse", work, work, chain, HMMLEARN, {FASTEST: 100.0}) for work in ("decode", "iterate")]
    one, two = ("hmmseq",), "hmmseq, 2 threads"
    for work in ("score", "posteriors", "iterate"):
        rows.append(Row("threads", f"many sequences, {work}", work, short, one, {"hmmseq": 1.8}, two))
    for work in ("score", "decode", "posteriors", "iterate"):
        long = partial(random_symbols, 4, STEPS[4])
        rows.append(Row("threads", f"one long sequence, {work}", work, long, one, {"hmmseq": 1.6}, two))
    for n, steps in ((8, 100_000), (64, 20_000), (256, 2_000)):
        rows.append(
            Row("dense viterbi", f"{n} states", "decode", partial(frames, n, steps), ("librosa",), {}, "hmmseq lattice")
        )
    for n in (9, 64):
        for work in ("gradient", "decode"):
            rows.append(
                Row("crf", f"{n} labels, {work}", work, partial(labelled, n), ("pytorch-crf",), {}, "hmmseq.hybrid")
            )
    rows.append(Row("ctc", "60 of 30 symbols", "gradient", transcribed, ("torch CTC",), {}, "hmmseq.hybrid CTC"))
    lasting = partial(spells, 10, 100, 20_000)
    for work in ("score", "decode", "posteriors"):
        rows.append(
            Row(
                "durations",
                f"10 states, up to 100 steps, {work}",
                work,
                lasting,
                ("expanded states",),
                {},
                "hmmseq segments",
                5_000,
            )
        )
    return rows


ROWS = {row.key: row for row in _table()}
