"""`hmmseq bench`: models beside each other, on the same data."""

from __future__ import annotations

from typing import Any


def add(commands: Any, filled: bool) -> None:
    """`filled`: load the benchmarks, which bring their own arguments and are slow to import."""
    parser = commands.add_parser("bench", help="compare models on the same data")
    parser.set_defaults(parser=parser)
    inner = parser.add_subparsers(title="benchmarks", metavar="BENCHMARK")
    taggers = inner.add_parser("taggers", help="an HMM beside neural taggers on membrane topology")
    if filled:
        from hmmseq.bio.proteins import taggers as benchmark

        benchmark.add_arguments(taggers)
        taggers.set_defaults(run=benchmark.run)
