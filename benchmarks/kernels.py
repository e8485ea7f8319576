"""The ways of one question, on the same data: tiles, single sequences in linear numbers, rows of logarithms; one thread.

python -m benchmarks.kernels [--output benchmarks/results]
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.report import best, write
from hmmseq import StateGraph, lattice, paths, serial, tiling, topologies
from hmmseq.lattice import Indexed
from hmmseq.scores import Packed, pack

SIZES = {2: 200_000, 4: 200_000, 8: 100_000, 16: 50_000, 32: 50_000, 64: 20_000}
WAYS = ("tiles", "serial", "rows")


def work(graph: StateGraph, packed: Packed) -> dict[str, tuple[Callable[[], object], ...]]:
    """Each question, by the ways in which it can be answered."""
    ones, rng = np.ones(len(packed)), np.random.default_rng(0)
    how = (graph, packed, packed.code, len(packed.table), ones, 1)
    return {
        "counts": tuple(partial(count, *how) for count in (tiling.counts, serial.counts, lattice._count_exactly)),
        "total": (partial(tiling.totals, graph, packed, 1), partial(serial.totals, graph, packed, 1)),
        "best path": (
            partial(tiling.best, graph, packed, 1),
            None,
            partial(paths._paths, graph, packed, 1, True, rng, 1),
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="folder for kernels.json and kernels.md")
    arguments = parser.parse_args()
    lines = [
        "| question | states | steps | tiles ns/step | serial ns/step | rows ns/step |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    print("\n".join(lines))
    found = []
    for n_states, n_steps in SIZES.items():
        rng = np.random.default_rng(n_states)
        graph = topologies.from_matrix(rng.dirichlet(np.ones(n_states), n_states))
        table = np.log(rng.dirichlet(np.ones(8), n_states).T)
        for shape in ([n_steps], [20] * (n_steps // 20)):
            packed = pack(Indexed(table, [rng.integers(0, 8, n) for n in shape]), n_states)
            steps = f"{n_steps}" if len(shape) == 1 else f"{len(shape)} x 20"
            for question, ways in work(graph, packed).items():
                times = {way: _per_step(run, n_steps) for way, run in zip(WAYS, ways, strict=False) if run}
                found.append({"question": question, "states": n_states, "steps": steps} | times)
                cells = " | ".join(f"{times[way]:.1f}" if way in times else "" for way in WAYS)
                lines.append(f"| {question} | {n_states} | {steps} | {cells} |")
                print(lines[-1], flush=True)
    write(arguments.output, "kernels", found, lines)


def _per_step(run: Callable[[], object], n_steps: int) -> float:
    """Nanoseconds a step; compiled before."""
    run()
    return best(run) / n_steps * 1e9


if __name__ == "__main__":
    main()
