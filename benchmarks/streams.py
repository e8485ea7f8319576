"""Streams beside the same question for the whole sequence: by blocks of 1,000 steps and step by step, one thread.

python -m benchmarks.streams [--output benchmarks/results]
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.report import best, write
from hmmseq import lattice, topologies
from hmmseq.streaming import PathStream, PosteriorStream, Stream

SIZES = {2: 100_000, 4: 100_000, 16: 20_000}
BLOCK = 1_000
SINGLE = 2_000  # steps pushed one by one


def streams(graph) -> dict[str, tuple[Callable[[], Stream], Callable]]:
    """Each stream, and the question it answers in the end."""
    return {
        "filter": (lambda: PosteriorStream(graph), lattice.label_posteriors),
        "posterior, lag 10": (lambda: PosteriorStream(graph, 10), lattice.label_posteriors),
        "best path": (lambda: PathStream(graph), lattice.best_path),
    }


def feed(stream: Stream, blocks) -> None:
    for block in blocks:
        stream.push(block)
    stream.close()


def measure(graph, scores: np.ndarray, make: Callable[[], Stream], whole: Callable) -> tuple[float, float, float]:
    """Nanoseconds a step: the whole sequence at once, by blocks, and step by step."""
    blocks, single = np.array_split(scores, len(scores) // BLOCK), list(scores[:SINGLE])
    whole(graph, scores), feed(make(), blocks[:2]), feed(make(), single[:2])  # compiled
    return (
        best(lambda: whole(graph, scores)) / len(scores) * 1e9,
        best(lambda: feed(make(), blocks)) / len(scores) * 1e9,
        best(lambda: feed(make(), single)) / SINGLE * 1e9,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="folder for streams.json and streams.md")
    arguments = parser.parse_args()
    lines = ["| question | states | whole ns/step | blocks ns/step | single ns/step |", "|---|---:|---:|---:|---:|"]
    print("\n".join(lines))
    found = []
    for n_states, n_steps in SIZES.items():
        rng = np.random.default_rng(n_states)
        graph = topologies.from_matrix(rng.dirichlet(np.ones(n_states), n_states))
        scores = np.log(rng.dirichlet(np.ones(n_states), n_steps))
        for question, (make, whole) in streams(graph).items():
            times = measure(graph, scores, make, whole)
            found.append(dict(zip(("question", "states", "whole", "blocks", "single"), (question, n_states, *times))))
            lines.append(f"| {question} | {n_states} | {' | '.join(f'{t:.0f}' for t in times)} |")
            print(lines[-1], flush=True)
    write(arguments.output, "streams", found, lines)


if __name__ == "__main__":
    main()
