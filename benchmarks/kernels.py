"""What tiles bring over the plain recursion: both implementations on the same data, one thread.

python -m benchmarks.kernels [--output benchmarks/results]
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.report import best, write
from hmmseq import StateGraph, lattice, paths, tiling, topologies
from hmmseq.lattice import Indexed
from hmmseq.scores import Packed, pack

SIZES = {2: 200_000, 4: 200_000, 8: 100_000, 16: 50_000, 32: 20_000}


def work(graph: StateGraph, packed: Packed) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Each question, by tiles and by rows of logarithms."""
    one, rows, rng = np.ones(len(packed)), len(packed.table), np.random.default_rng(0)
    return {
        "counts": (
            lambda: tiling.counts(graph, packed, packed.code, rows, one, 1),
            lambda: lattice._count_exactly(graph, packed, packed.code, rows, one, 1),
        ),
        "best path": (lambda: tiling.best(graph, packed), lambda: paths._paths(graph, packed, 1, True, rng, 1)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="folder for kernels.json and kernels.md")
    arguments = parser.parse_args()
    lines = ["| question | states | steps | tiles ns/step | rows ns/step | ratio |", "|---|---:|---:|---:|---:|---:|"]
    print("\n".join(lines))
    found = []
    for n_states, n_steps in SIZES.items():
        rng = np.random.default_rng(n_states)
        graph = topologies.from_matrix(rng.dirichlet(np.ones(n_states), n_states))
        table = np.log(rng.dirichlet(np.ones(8), n_states).T)
        for shape in ([n_steps], [20] * (n_steps // 20)):
            packed = pack(Indexed(table, [rng.integers(0, 8, n) for n in shape]), n_states)
            steps = f"{n_steps}" if len(shape) == 1 else f"{len(shape)} x 20"
            for question, (tiles, rows) in work(graph, packed).items():
                tiles(), rows()  # compiled
                fast, slow = best(tiles) / n_steps * 1e9, best(rows) / n_steps * 1e9
                found.append({"question": question, "states": n_states, "steps": steps, "tiles": fast, "rows": slow})
                lines.append(f"| {question} | {n_states} | {steps} | {fast:.1f} | {slow:.1f} | {slow / fast:.1f} |")
                print(lines[-1], flush=True)
    write(arguments.output, "kernels", found, lines)


if __name__ == "__main__":
    main()
