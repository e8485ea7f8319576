"""Graphs with few edges: linear numbers beside rows of logarithms, the same sequence and one thread.

python -m benchmarks.sparse
"""

import os
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.report import best
from benchmarks.suite.instances import left_right
from hmmseq import StateGraph, lattice, serial
from hmmseq.bio.gene_graph import GeneGraph
from hmmseq.kernels import batches
from hmmseq.lattice import Indexed
from hmmseq.scores import Packed, pack

SYMBOLS = 8


def chain(n_states: int) -> StateGraph:
    """Stay, go on, or jump over one state, as in the benchmark suite; paths end anywhere."""
    moves = left_right(n_states, 1)
    source, target = np.nonzero(moves.transition)
    return StateGraph(n_states, source, target, edge=np.log(moves.transition[source, target]))


def scattered(n_states: int, n_edges: int) -> StateGraph:
    """Edges from anywhere to anywhere, and one from each state to itself."""
    rng = np.random.default_rng(0)
    number = np.union1d(
        rng.choice(n_states**2, n_edges - n_states, replace=False), np.arange(n_states) * (n_states + 1)
    )
    source, target = np.divmod(number, n_states)
    return StateGraph(n_states, source, target, edge=rng.normal(size=len(number)))


def main() -> None:
    graphs = {
        "chain": (chain(1000), 10_000),
        "genes": (GeneGraph(3).graph, 50_000),
        "scattered": (scattered(300, 1500), 5_000),
    }
    print("| graph | states | edges | question | linear ns/step | rows ns/step | ratio |")
    print("|---|---:|---:|---|---:|---:|---:|")
    for name, (graph, n_steps) in graphs.items():
        rng = np.random.default_rng(0)
        table = np.log(rng.dirichlet(np.full(SYMBOLS, 10.0), graph.n_labels).T)
        packed = pack(Indexed(table, rng.integers(0, SYMBOLS, n_steps)), graph.n_labels)
        for question, (linear, rows) in work(graph, packed).items():
            assert not len(linear()[-1]), "not certified"
            rows()  # compiled
            fast, slow = best(linear) / n_steps * 1e9, best(rows) / n_steps * 1e9
            size = f"{graph.n_states} | {graph.n_edges}"
            print(f"| {name} | {size} | {question} | {fast:.0f} | {slow:.0f} | {slow / fast:.1f} |", flush=True)


def work(graph: StateGraph, packed: Packed) -> dict[str, tuple[Callable[[], tuple], Callable[[], object]]]:
    """Each question, in linear numbers and by rows of logarithms."""
    one, lattice_, out = np.ones(1), graph.lattice, np.empty(1)
    rest = packed.code, len(packed.table), one, 1
    return {
        "total": (
            lambda: serial.totals(graph, packed, 1),
            lambda: batches.totals(lattice_, packed.table, packed.code, packed.offsets, 0, 1, out),
        ),
        "counts": (
            lambda: serial.counts(graph, packed, *rest),
            lambda: lattice._count_exactly(graph, packed, *rest),
        ),
    }


if __name__ == "__main__":
    main()
