"""Fit, score and decode beside hmmlearn on the same data, one thread.

    python -m benchmarks.engine [--output benchmarks/results]

Categorical models of 8 symbols with random parameters, one long sequence. Before anything is timed the two have to agree.
hmmlearn runs its faster implementation ("scaling"). Each figure is the best of three; quote ratios only.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from hmmlearn.hmm import CategoricalHMM as Rival

from benchmarks.report import best, write
from hmmseq import HMM, Categorical, topologies

SYMBOLS = 8
SIZES = {2: 1_000_000, 4: 1_000_000, 8: 500_000, 16: 200_000, 32: 100_000, 64: 40_000, 128: 20_000}


class Pair:
    """The same model in both libraries."""

    def __init__(self, n_states: int, n_steps: int, rng: np.random.Generator) -> None:
        self.start = rng.dirichlet(np.ones(n_states))
        self.matrix = rng.dirichlet(np.ones(n_states), n_states)
        self.emission = rng.dirichlet(np.ones(SYMBOLS), n_states)
        self.x = rng.integers(0, SYMBOLS, n_steps)
        self.rival = Rival(n_states, n_iter=1, implementation="scaling", init_params="", params="ste")
        self.rival.n_features = SYMBOLS
        self.ours = HMM(Categorical(SYMBOLS), n_states, n_iter=1, random_state=0).fit(self.x)
        self.reset()

    def reset(self) -> None:
        self.rival.startprob_, self.rival.transmat_, self.rival.emissionprob_ = self.start, self.matrix, self.emission
        self.ours.graph_ = topologies.from_matrix(self.matrix, self.start)
        self.ours.emission_.emissionprob_ = self.emission

    def check(self) -> None:
        assert abs(self.ours.score(self.x) * len(self.x) / self.rival.score(self.x[:, None]) - 1) < 1e-10
        theirs, ours = self.rival.decode(self.x[:, None])[0], self.ours.decode(self.x).score
        assert abs(ours / theirs - 1) < 1e-10

    def rival_iteration(self) -> None:
        self.reset()
        self.rival.fit(self.x[:, None])

    def rows(self) -> dict[str, tuple[float, float]]:
        ours, rival, x = self.ours, self.rival, self.x
        times = {"fit, 1 iteration": (best(lambda: ours.fit(x)), best(self.rival_iteration))}
        self.reset()
        times["score"] = best(lambda: ours.score(x)), best(lambda: rival.score(x[:, None]))
        times["predict"] = best(lambda: ours.predict(x)), best(lambda: rival.predict(x[:, None]))
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="folder for engine.json and engine.md")
    arguments = parser.parse_args()
    lines = ["| work | states | steps | hmmseq ns/step | hmmlearn ns/step | ratio |", "|---|---:|---:|---:|---:|---:|"]
    print("\n".join(lines))
    found = []
    for n_states, n_steps in SIZES.items():
        pair = Pair(n_states, n_steps, np.random.default_rng(n_states))
        pair.check()
        for work, (ours, rival) in pair.rows().items():
            found.append({"work": work, "states": n_states, "steps": n_steps, "hmmseq": ours, "hmmlearn": rival})
            per_step = f"{ours / n_steps * 1e9:.1f} | {rival / n_steps * 1e9:.1f} | {rival / ours:.1f}"
            lines.append(f"| {work} | {n_states} | {n_steps} | {per_step} |")
            print(lines[-1], flush=True)
    write(arguments.output, "engine", found, lines)


if __name__ == "__main__":
    main()
