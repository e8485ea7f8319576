"""The choices inside a step: the exponential of a row, and a matrix beside the list of edges.

python -m benchmarks.primitives
"""

import math
from functools import partial

import numpy as np

from benchmarks.report import best
from hmmseq import topologies
from hmmseq._jit import jit
from hmmseq.kernels.edges import propagate
from hmmseq.kernels.logmath import exp_row

REPEATS = 2_000


@jit
def by_row(row, out, times):
    for _ in range(times):
        exp_row(row, out)


@jit
def one_by_one(row, out, times):
    for _ in range(times):
        for i in range(row.size):
            out[i] = math.exp(row[i])


@jit
def propagate_often(edges, row, out, work, times):
    for _ in range(times):
        propagate(edges, row, out, work)


def main() -> None:
    rng = np.random.default_rng(0)
    row, out = -40 * rng.random(1000), np.empty(1000)
    for name, loop in (("exp_row", by_row), ("math.exp", one_by_one)):
        loop(row, out, 1)
        print(f"{name}: {best(partial(loop, row, out, REPEATS)) / REPEATS / row.size * 1e9:.2f} ns an element")
    for n_states in (4, 16, 64, 256):
        both = topologies.from_matrix(rng.dirichlet(np.ones(n_states), n_states)).lattice.step
        listed = both._replace(matrix=np.zeros((0, 0)), log_matrix=np.zeros((0, 0)))
        row, out, work = rng.normal(size=n_states), np.empty(n_states), np.empty(n_states)
        times = 10 + 2_000_000 // n_states**2
        for name, edges in (("matrix", both), ("list", listed)):
            propagate_often(edges, row, out, work, 1)
            seconds = best(partial(propagate_often, edges, row, out, work, times)) / times
            print(f"{n_states} states, {name}: {seconds * 1e9:.0f} ns a step")


if __name__ == "__main__":
    main()
