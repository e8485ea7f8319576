"""The choices inside a step: exponentials and logarithms of a row, and a matrix or diagonals beside the list of edges.

python -m benchmarks.primitives
"""

import math
from functools import partial

import numpy as np

from benchmarks.report import best
from hmmseq import topologies
from hmmseq._jit import jit
from hmmseq.kernels.edges import propagate, propagate_best
from hmmseq.kernels.logmath import exp_row, log_row

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
def logs_by_row(row, out, times):
    for _ in range(times):
        log_row(row, out)


@jit
def logs_one_by_one(row, out, times):
    for _ in range(times):
        for i in range(row.size):
            out[i] = math.log(row[i])


@jit
def best_often(edges, row, out, work, times):
    for _ in range(times):
        propagate_best(edges, row, out)


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
    for name, loop in (("log_row", logs_by_row), ("math.log", logs_one_by_one)):
        loop(-row, out, 1)
        print(f"{name}: {best(partial(loop, -row, out, REPEATS)) / REPEATS / row.size * 1e9:.2f} ns an element")
    chain = topologies.left_right(1000, skip=1).lattice.step
    listed = chain._replace(matrix=np.zeros((0, 0)), log_matrix=np.zeros((0, 0)), shift=chain.shift[:0])
    for sums, loop in (("sum", propagate_often), ("largest", best_often)):
        for name, edges in (("diagonals", chain), ("list", listed)):
            work = np.empty_like(row)
            loop(edges, row, out, work, 1)
            seconds = best(partial(loop, edges, row, out, work, REPEATS)) / REPEATS
            print(f"chain of 1000 states, {sums}, {name}: {seconds * 1e9:.0f} ns a step")
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
