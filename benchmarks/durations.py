"""What explicit durations cost: microseconds a step of each question, one thread.

python -m benchmarks.durations [--output benchmarks/results]
"""

import argparse
import os
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.report import best, write
from hmmseq import SegmentGraph, lattice, topologies

SIZES = [(2, 20, 100_000), (10, 20, 100_000), (10, 100, 100_000), (10, 500, 20_000), (40, 100, 20_000)]
QUESTIONS = {
    "log_partition": lattice.log_partition,
    "posteriors": lattice.posteriors,
    "best_path": lattice.best_path,
    "sample_paths": partial(lattice.sample_paths, random_state=0),
}


def case(n_states: int, longest: int, n_steps: int, rng: np.random.Generator) -> tuple[SegmentGraph, np.ndarray]:
    """Every state leads to every other; durations and scores at random."""
    transmat = rng.dirichlet(np.ones(n_states), n_states)
    np.fill_diagonal(transmat, 0.0)
    graph = topologies.from_matrix(transmat / transmat.sum(1, keepdims=True))
    durations = np.log(rng.dirichlet(np.ones(longest), n_states))
    return SegmentGraph(graph, durations), rng.normal(size=(n_steps, n_states))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="folder for durations.json and durations.md")
    arguments = parser.parse_args()
    lines = [
        f"| states | longest | steps | {' | '.join(QUESTIONS)} |",
        "|---:|---:|---:" + "|---:" * len(QUESTIONS) + "|",
    ]
    print("\n".join(lines))
    found = []
    for n_states, longest, n_steps in SIZES:
        graph, scores = case(n_states, longest, n_steps, np.random.default_rng(n_states))
        row = {"states": n_states, "longest": longest, "steps": n_steps}
        for name, question in QUESTIONS.items():
            question(graph, scores[:100])  # compiled
            row[name] = best(partial(question, graph, scores)) / n_steps * 1e6
        found.append(row)
        figures = " | ".join(f"{row[name]:.2f}" for name in QUESTIONS)
        lines.append(f"| {n_states} | {longest} | {n_steps} | {figures} |")
        print(lines[-1], flush=True)
    write(arguments.output, "segments", found, lines)


if __name__ == "__main__":
    main()
