"""The questions one can ask of a lattice: a weighted graph and the scores of one or many sequences.

    log_partition   total log score of all paths        (log-likelihood of an HMM, normaliser of a CRF)
    posteriors      probability of each label, edge, start and end   (the gradient of log_partition)
    best_path       the path with the largest score
    sample_paths    paths drawn from their posterior
    path_score      the score of a given path

`scores` is (n_steps, n_labels), a list of such arrays, or `Indexed`. Results mirror it: one sequence gives one result,
a list gives a list. A sequence that no path explains scores minus infinity. An empty sequence scores 0.

The graph is a `StateGraph`, or a `SegmentGraph` whose states last for explicit durations.

>>> import numpy as np
>>> from hmmseq import topologies
>>> graph = topologies.from_matrix([[0.9, 0.1], [0.2, 0.8]], startprob=[0.5, 0.5])
>>> scores = np.log([[0.7, 0.1], [0.2, 0.6], [0.1, 0.5]])
>>> best_path(graph, scores).states
array([1, 1, 1], dtype=int32)
>>> posteriors(graph, scores).labels.round(3)
array([[0.63 , 0.37 ],
       [0.325, 0.675],
       [0.241, 0.759]])
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from hmmseq import segments, tiling
from hmmseq.errors import ImpossibleSequenceError
from hmmseq.graph import StateGraph
from hmmseq.kernels import batches
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.paths import Tally
from hmmseq.kernels.traces import first_dead_step
from hmmseq.scores import Indexed, Packed, Scores, pack
from hmmseq.segment_graph import SegmentGraph
from hmmseq.segments import SegmentCounts, SegmentPath, SegmentPosteriors
from hmmseq.sequences import Sequences
from hmmseq.shares import Share, in_shares, one_row_a_step, run, slots_for

__all__ = [
    "Counts", "Indexed", "Path", "Posteriors", "SegmentCounts", "SegmentPath", "SegmentPosteriors", "best_path",
    "expected_counts", "label_posteriors", "log_partition", "path_score", "posteriors", "sample_paths",
]  # fmt: skip


class Posteriors(NamedTuple):
    """Posterior probabilities given one sequence; all zero where no path explains it."""

    log_partition: float
    labels: np.ndarray  # (n_steps, n_labels)
    edges: np.ndarray  # (n_edges,) expected number of uses
    start: np.ndarray  # (n_states,)
    end: np.ndarray  # (n_states,)


class Counts(NamedTuple):
    """Expected counts, added over sequences."""

    log_partition: np.ndarray  # (n_sequences,)
    rows: np.ndarray  # (n_rows, n_labels): by step for dense scores, by symbol (the last row: missing) for Indexed
    edges: np.ndarray  # (n_edges,)
    start: np.ndarray  # (n_states,)
    end: np.ndarray  # (n_states,)


class Path(NamedTuple):
    """States in the order visited, silent ones included; -1 at every step where no path exists."""

    states: np.ndarray
    score: float


def log_partition(graph: StateGraph | SegmentGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """Log of the summed exponential scores of all paths, by the forward recursion (Rabiner 1989, section III.A).

    Returns a float for one sequence, an array (n_sequences,) for many.
    """
    if isinstance(graph, SegmentGraph):
        return segments.log_partition(graph, scores, n_jobs)
    packed = pack(scores, graph.n_labels)
    out, left = tiling.totals(graph, packed, n_jobs) if tiling.suits(graph, packed) else _nothing(packed)
    rest, lattice, exact = _subset(packed, left), graph.lattice, np.empty(len(left))
    run(
        lambda share: batches.totals(lattice, rest.table, rest.code, rest.offsets, share.first, share.last, exact),
        in_shares(rest.offsets),
        n_jobs,
    )
    out[left] = exact
    return float(out[0]) if packed.single else out


def posteriors(graph: StateGraph | SegmentGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """Posterior of labels, edges, starts and ends, by forward-backward (Rabiner 1989, section III.B).

    These are the derivatives of `log_partition` with respect to scores, edge weights, start and end weights.
    States that share a label are added together; see `StateGraph.untied` to keep them apart.

    Returns one `Posteriors` for one sequence, a list for many.
    """
    if isinstance(graph, SegmentGraph):
        return segments.posteriors(graph, scores, n_jobs)
    packed = pack(scores, graph.n_labels)
    steps = np.arange(len(packed.code), dtype=np.int32)
    labels, tally = np.zeros((len(steps), graph.n_labels)), _Places(graph, len(packed))
    lattice, ones, out = graph.lattice, np.ones(len(packed)), np.empty(len(packed))
    run(
        lambda share: batches.marginals(
            lattice, packed.table, packed.code, steps, packed.offsets, share.first, share.last, ones, 1, out, labels,
            tally.arrays(0),
        ),
        in_shares(packed.offsets),
        n_jobs,
    )  # fmt: skip
    parts = zip(out, packed.steps.unpack(labels), tally.per_edge(), tally.starts, tally.ends, strict=True)
    results = [Posteriors(float(total), *rest) for total, *rest in parts]
    return results[0] if packed.single else results


def label_posteriors(graph: StateGraph | SegmentGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """(n_steps, n_labels) posterior of the labels alone, as in `posteriors`, which also keeps edges by sequence."""
    packed = pack(scores, graph.n_labels)
    steps = np.arange(len(packed.code), dtype=np.int32)
    one = np.ones(len(packed))
    if isinstance(graph, SegmentGraph):
        counts: Counts | SegmentCounts = segments.count(graph, packed, steps, len(steps), one, n_jobs)
    else:
        counts, _ = _count(graph, packed, steps, len(steps), one, n_jobs)
    return counts.rows if packed.single else packed.steps.unpack(counts.rows)


def expected_counts(
    graph: StateGraph | SegmentGraph, scores: Scores, weights: Any = None, *, n_jobs: int | None = None
) -> Any:
    """The E-step: expected uses of labels, edges, starts and ends, times the weight of each sequence, added up.

    Statistics of labels are gathered by row of the score table, so that for `Indexed` scores nothing of the length of
    the data is made. The result has the same bits for any `n_jobs`.

    Raises ImpossibleSequenceError, naming sequence and step, if no path explains a sequence.
    """
    packed = pack(scores, graph.n_labels)
    weight = np.ones(len(packed)) if weights is None else np.array(weights, dtype=np.float64)
    if weight.shape != (len(packed),) or not np.all(np.isfinite(weight)):
        raise ValueError(
            f"weights have shape {weight.shape}; expected one finite weight for each of {len(packed)} sequences"
        )
    if isinstance(graph, SegmentGraph):
        return segments.expected_counts(graph, packed, weight, n_jobs)
    counts, rest = _count(graph, packed, packed.code, len(packed.table), weight, n_jobs)
    for s in rest[counts.log_partition[rest] == NEVER]:
        code = packed.code[packed.offsets[s] : packed.offsets[s + 1]]
        raise ImpossibleSequenceError(int(s), int(first_dead_step(graph.lattice, packed.table, code)))
    return counts


def _count(
    graph: StateGraph, packed: Packed, slot: np.ndarray, n_rows: int, weight: np.ndarray, n_jobs: int | None
) -> tuple[Counts, np.ndarray]:
    """Expected counts, the posterior of step t in row slot[t]; and which sequences took the exact recursion.

    Tiles do what they can certify; the recursion in logarithms does the rest, and adds to the same counts.
    """
    if not tiling.suits(graph, packed):
        out, left = _nothing(packed)
        return _count_exactly(graph, packed, slot, n_rows, weight, n_jobs), left
    out, tally, left = tiling.counts(graph, packed, slot, n_rows, weight, n_jobs)
    rows = tally.rows if graph.is_untied else tally.rows @ np.eye(graph.n_labels)[graph.label]
    edges = tally.pairs[graph.source, graph.target]
    if len(left):
        low, high = packed.offsets[left], packed.offsets[left + 1]
        own = np.concatenate([slot[a:b] for a, b in zip(low, high, strict=True)])
        rest = _count_exactly(graph, _subset(packed, left), own, n_rows, weight[left], n_jobs)
        out[left] = rest.log_partition
        return Counts(out, rows + rest.rows, edges + rest.edges, tally.start + rest.start, tally.end + rest.end), left
    return Counts(out, rows, edges, tally.start, tally.end), left


def _count_exactly(
    graph: StateGraph, packed: Packed, slot: np.ndarray, n_rows: int, weight: np.ndarray, n_jobs: int | None
) -> Counts:
    out, lattice = np.empty(len(packed)), graph.lattice
    own_rows = one_row_a_step(slot, n_rows)  # then all shares can write to the same array
    shares = in_shares(packed.offsets, 16 if own_rows else slots_for(n_rows * graph.n_labels + 2 * graph.n_edges))
    rows = np.zeros((1 if own_rows else len(shares), n_rows, graph.n_labels))
    tally = _Places(graph, len(shares))

    def work(share: Share) -> None:
        batches.marginals(
            lattice, packed.table, packed.code, slot, packed.offsets, share.first, share.last, weight, 0, out,
            rows[0 if own_rows else share.number], tally.arrays(share.number),
        )  # fmt: skip

    run(work, shares, n_jobs)
    return Counts(out, rows.sum(0), tally.per_edge().sum(0), tally.starts.sum(0), tally.ends.sum(0))


def _nothing(packed: Packed) -> tuple[np.ndarray, np.ndarray]:
    """No totals yet, and all sequences left to do."""
    return np.zeros(len(packed)), np.arange(len(packed))


def _subset(packed: Packed, chosen: np.ndarray) -> Packed:
    """Some of the sequences, over the same table."""
    if len(chosen) == len(packed):
        return packed
    codes = [packed.code[packed.offsets[s] : packed.offsets[s + 1]] for s in chosen]
    code = np.concatenate([packed.code[:0], *codes])
    offsets = np.concatenate([[0], np.cumsum([len(c) for c in codes], dtype=np.int64)])
    return replace(packed, code=code, steps=Sequences(code, offsets))


def best_path(graph: StateGraph | SegmentGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """The path with the largest score, by the Viterbi recursion (Viterbi 1967).

    Of paths that differ by no more than rounding, any may be the answer; its score is exact to 1e-12.

    Returns one `Path` for one sequence, a list for many.
    """
    if isinstance(graph, SegmentGraph):
        return segments.best_path(graph, scores, n_jobs)
    packed = pack(scores, graph.n_labels)
    results: list[Path] = [Path(packed.code[:0], 0.0)] * len(packed)
    left = np.arange(len(packed))
    if tiling.suits_best(graph, packed):
        states, totals, left = tiling.best(graph, packed)
        results = [Path(path, float(total)) for path, total in zip(packed.steps.unpack(states), totals, strict=True)]
    found = _paths(graph, _subset(packed, left), 1, True, np.random.default_rng(0), n_jobs)
    for s, (path,) in zip(left, found, strict=True):
        results[s] = path
    return results[0] if packed.single else results


def sample_paths(
    graph: StateGraph | SegmentGraph,
    scores: Scores,
    n_paths: int = 1,
    *,
    random_state: Any = None,
    n_jobs: int | None = None,
) -> Any:
    """Paths drawn from their posterior, by forward filtering and backward sampling (Scott, JASA 97, 2002).

    Returns a list of `n_paths` paths for one sequence, a list of such lists for many. `Path.score` is the log score
    of each path. The same `random_state` (a seed or Generator) gives the same paths for any `n_jobs`.
    """
    if isinstance(graph, SegmentGraph):
        return segments.sample_paths(graph, scores, n_paths, random_state, n_jobs)
    packed = pack(scores, graph.n_labels)
    drawn = _paths(graph, packed, n_paths, False, np.random.default_rng(random_state), n_jobs)
    for s, paths in enumerate(drawn):
        own = packed.table[packed.code[packed.offsets[s] : packed.offsets[s + 1]]]
        drawn[s] = [path._replace(score=path_score(graph, own, path.states)) for path in paths]
    return drawn[0] if packed.single else drawn


def path_score(graph: StateGraph | SegmentGraph, scores: Any, states: Any) -> float:
    """Log score of one path through one sequence: start, edges, scores and end; minus infinity if it cannot be taken.

    states : the states visited, silent ones included, as in `Path.states`; for a SegmentGraph `SegmentPath.segments`
    """
    if isinstance(graph, SegmentGraph):
        return segments.path_score(graph, scores, states)
    packed = pack(scores, graph.n_labels)
    states = np.asarray(states)
    if len(packed) != 1 or states.ndim != 1 or (states.size and states.dtype.kind not in "iu"):
        raise ValueError(
            f"got scores of {len(packed)} sequences and states of shape {states.shape} and type {states.dtype}; "
            "expected one sequence and the state numbers of one path"
        )
    if not states.size or states.min() < 0 or states.max() >= graph.n_states:
        return 0.0 if states.size == 0 and len(packed.code) == 0 else NEVER
    label = graph.label[states]
    emitting = label[label >= 0]
    if len(emitting) != len(packed.code):
        raise ValueError(f"the path visits {len(emitting)} emitting states but there are {len(packed.code)} steps")
    edge = np.full(len(states) - 1, NEVER)
    known = {pair: e for e, pair in enumerate(zip(graph.source.tolist(), graph.target.tolist(), strict=True))}
    for k, pair in enumerate(zip(states[:-1].tolist(), states[1:].tolist(), strict=True)):
        if pair in known:
            edge[k] = graph.edge[known[pair]]
    return float(
        graph.start[states[0]] + edge.sum() + packed.table[packed.code, emitting].sum() + graph.end[states[-1]]
    )


class _Places:
    """Places for the kernels to count edges, starts and ends."""

    def __init__(self, graph: StateGraph, size: int) -> None:
        step, silent = graph.count_shapes()
        self.graph = graph
        self.edges, self.silent = np.zeros((size, *step)), np.zeros((size, *silent))
        self.starts, self.ends = np.zeros((size, graph.n_states)), np.zeros((size, graph.n_states))

    def arrays(self, k: int) -> Tally:
        """Places from number k on."""
        return Tally(self.edges[k:], self.silent[k:], self.starts[k:], self.ends[k:])

    def per_edge(self) -> np.ndarray:
        return self.graph.edge_counts(self.edges, self.silent)


def _paths(
    graph: StateGraph, packed: Packed, n_paths: int, maximise: bool, rng: np.random.Generator, n_jobs: int | None
) -> list[list[Path]]:
    steps = packed.steps.lengths
    capacity = steps + (steps + 1) * graph.silent_depth
    room = np.concatenate([[0], np.cumsum(capacity)])
    states = np.empty((n_paths, room[-1]), dtype=np.int32)
    lengths, totals = np.empty((n_paths, len(packed)), dtype=np.int64), np.empty(len(packed))
    lattice, shares = graph.lattice, in_shares(packed.offsets)
    streams = rng.spawn(len(shares))
    run(
        lambda share: batches.paths(
            lattice, packed.table, packed.code, packed.offsets, room, share.first, share.last, maximise,
            streams[share.number], states, lengths, totals,
        ),
        shares,
        n_jobs,
    )  # fmt: skip

    def path(k: int, s: int) -> Path:
        if totals[s] == NEVER:
            return Path(np.full(steps[s], -1, dtype=np.int32), NEVER)
        return Path(states[k, room[s + 1] - lengths[k, s] : room[s + 1]], float(totals[s]))

    return [[path(k, s) for k in range(n_paths)] for s in range(len(packed))]
