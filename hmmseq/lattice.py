"""The questions one can ask of a lattice: a weighted graph and the scores of one or many sequences.

    log_partition   total log score of all paths        (log-likelihood of an HMM, normaliser of a CRF)
    path_entropy    how uncertain the path is
    edge_posteriors probability of each edge at each step
    posteriors      probability of each label, edge, start and end   (the gradient of log_partition)
    best_path       the path with the largest score
    best_paths      the k paths with the largest scores
    sample_paths    paths drawn from their posterior
    path_score      the score of a given path

`scores` is (n_steps, n_labels), a list of such arrays, or `Indexed`; `TimeVarying` adds weights of edges that differ from
step to step. Results mirror it: one sequence gives one result,
a list gives a list. A sequence that no path explains scores minus infinity. An empty sequence scores 0.

The graph is a `StateGraph`, or a `SegmentGraph` whose states last for explicit durations, or a `SpanGraph` of candidate
spans joined by gaps, whose scores are `Spans`.

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

from itertools import pairwise
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from hmmseq import segments, serial, spans, tiling
from hmmseq.errors import ImpossibleSequenceError
from hmmseq.graph import StateGraph
from hmmseq.kernels import batches
from hmmseq.kernels.entropy import entropies
from hmmseq.kernels.gaussian import Normals
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.paths import Tally
from hmmseq.kernels.traces import first_dead_step
from hmmseq.paths import Path, best_path, best_paths, path_score, sample_paths
from hmmseq.scores import Densities, Indexed, Packed, Scores, TimeVarying, lattices, pack
from hmmseq.segment_graph import SegmentGraph
from hmmseq.segments import SegmentCounts, SegmentPath, SegmentPosteriors
from hmmseq.sequences import Sequences, read_only
from hmmseq.shares import Share, in_shares, one_row_a_step, run, slots_for
from hmmseq.span_graph import SpanGraph
from hmmseq.spans import SpanCounts, SpanPath, SpanPosteriors

__all__ = [
    "Counts", "Indexed", "Path", "Posteriors", "SegmentCounts", "SegmentPath", "SegmentPosteriors",
    "SpanCounts", "SpanPath", "SpanPosteriors", "TimeVarying",
    "best_path", "best_paths", "edge_posteriors", "expected_counts", "label_posteriors", "log_partition", "path_entropy",
    "path_score", "posteriors", "sample_paths",
]  # fmt: skip


FAST = (tiling, serial)  # tried in this order, before logarithms
ALL: Any = slice(None)  # sequences: no numbers of 100,000 are made, which nobody would read


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


def log_partition(graph: StateGraph | SegmentGraph | SpanGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """Log of the summed exponential scores of all paths, by the forward recursion (Rabiner 1989, section III.A).

    Returns a float for one sequence, an array (n_sequences,) for many.
    """
    if isinstance(graph, SegmentGraph):
        return segments.log_partition(graph, scores, n_jobs)
    if isinstance(graph, SpanGraph):
        return spans.log_partition(graph, scores, n_jobs)
    packed = _ready(graph, scores)
    out, left = np.zeros(len(packed)), ALL
    for way in FAST:
        rest = _subset(packed, left) if way is tiling else pack(_subset(packed, left))
        if way.suits(graph, rest):
            out[left], more = way.totals(graph, rest, n_jobs)
            left = _of(left, more)
        if left is not ALL and not len(left):
            break
    rest = _subset(packed, left)
    if len(rest):
        rest, exact = pack(rest), np.empty(len(rest))
        lattice = lattices(graph, rest)
        run(
            lambda share: batches.totals(
                lattice(), rest.table, rest.code, rest.offsets, share.first, share.last, exact
            ),
            in_shares(rest.offsets),
            n_jobs,
        )
        out[left] = exact
    return float(out[0]) if packed.single else out


def _subset(packed: Any, left: Any) -> Any:
    return packed if left is ALL else packed.subset(left)


def _of(left: Any, more: np.ndarray) -> np.ndarray:
    """Numbers of sequences among all, given those among the ones that were left."""
    return more if left is ALL else left[more]


def _ready(graph: StateGraph, scores: Scores) -> Packed | Densities:
    """Checked, and as a table unless tiles make the scores."""
    made = isinstance(scores, Densities) and scores.normals.means.shape[1] == graph.n_labels
    return (
        scores
        if isinstance(scores, Densities) and made and tiling.suits(graph, scores)
        else pack(scores, graph.n_labels)
    )


def posteriors(graph: StateGraph | SegmentGraph | SpanGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """Posterior of labels, edges, starts and ends, by forward-backward (Rabiner 1989, section III.B).

    These are the derivatives of `log_partition` with respect to scores, edge weights, start and end weights.
    States that share a label are added together; see `StateGraph.untied` to keep them apart.

    Returns one `Posteriors` for one sequence, a list for many.
    """
    if isinstance(graph, SegmentGraph):
        return segments.posteriors(graph, scores, n_jobs)
    if isinstance(graph, SpanGraph):
        return spans.posteriors(graph, scores, n_jobs)
    packed = pack(scores, graph.n_labels)
    if len(packed) == 1:  # edges of all sequences are those of one
        counts = _by_step(graph, packed, n_jobs, FAST)
        result = Posteriors(float(counts.log_partition[0]), *counts[1:])
        return result if packed.single else [result]
    steps = read_only(np.arange(len(packed.code), dtype=np.int32))
    labels, tally = np.zeros((len(steps), graph.n_labels)), _Places(graph, len(packed))
    lattice, ones, out = lattices(graph, packed), np.ones(len(packed)), np.empty(len(packed))
    run(
        lambda share: batches.marginals(
            lattice(), packed.table, packed.code, steps, packed.offsets, share.first, share.last, ones, 1, out, labels,
            tally.arrays(0),
        ),
        in_shares(packed.offsets),
        n_jobs,
    )  # fmt: skip
    parts = zip(out, packed.steps.unpack(labels), tally.per_edge(), tally.starts, tally.ends, strict=True)
    results = [Posteriors(float(total), *rest) for total, *rest in parts]
    return results[0] if packed.single else results


def label_posteriors(graph: StateGraph | SegmentGraph | SpanGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """(n_steps, n_labels) posterior of the labels alone, as in `posteriors`, which also keeps edges by sequence."""
    if isinstance(graph, SpanGraph):
        return spans.label_posteriors(graph, scores, n_jobs)
    packed = pack(scores, graph.n_labels) if isinstance(graph, SegmentGraph) else _ready(graph, scores)
    rows = joined_posteriors(graph, packed, n_jobs=n_jobs)
    return rows if packed.single else packed.steps.unpack(rows)


def joined_posteriors(
    graph: StateGraph | SegmentGraph, scores: Packed | Densities, *, n_jobs: int | None = None
) -> np.ndarray:
    """`label_posteriors` of many sequences end to end: (n_steps in all, n_labels). A list of 100,000 views takes time."""
    if isinstance(graph, SegmentGraph):
        packed = pack(scores, graph.n_labels)
        steps, ones = read_only(np.arange(len(packed.code), dtype=np.int32)), np.ones(len(packed))
        return segments.count(graph, packed, steps, len(steps), ones, n_jobs).rows
    ready = _ready(graph, scores)
    if tiling.suits(graph, ready):
        rows, left = tiling.posteriors(graph, ready, n_jobs)
        rows = rows if graph.is_untied else rows @ np.eye(graph.n_labels)[graph.label]
        if len(left):
            rest = pack(ready.subset(left))
            found = rest.steps.unpack(_by_step(graph, rest, n_jobs, FAST[1:]).rows)
            for s, part in zip(left, found, strict=True):
                rows[ready.offsets[s] : ready.offsets[s + 1]] = part
    else:
        rows = _by_step(graph, pack(ready), n_jobs, FAST[1:]).rows
    return rows


def _by_step(graph: StateGraph, packed: Packed, n_jobs: int | None, ways: tuple[ModuleType, ...]) -> Counts:
    """Counts in which every step has a row of its own."""
    steps = read_only(np.arange(len(packed.code), dtype=np.int32))
    return _count(graph, packed, steps, len(steps), np.ones(len(packed)), n_jobs, ways)[0]


def path_entropy(graph: StateGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """Entropy, in nats, of the posterior over paths: how uncertain the path is.

    Zero where only one path is possible, the log of the number of paths where all are equally probable; zero, too,
    for an empty sequence and for one that no path explains: there is nothing to be uncertain about. Hernando, Crespi
    and Cybenko (IEEE Trans. Inf. Theory 51, 2005) give a recursion; here it is log_partition less the expected score
    of a path, which follows from the posteriors.

    Returns a float for one sequence, an array (n_sequences,) for many.

    >>> from hmmseq import topologies
    >>> round(path_entropy(topologies.ergodic(2), np.zeros((10, 2))), 6)  # 10 log 2
    6.931472
    """
    packed = pack(scores, graph.n_labels)
    top = packed.table.max(axis=1, keepdims=True)
    table = packed.table - np.where(top > NEVER, top, 0.0)  # the entropy stays, and fewer digits cancel
    lattice, out = lattices(graph, packed), np.empty(len(packed))
    run(
        lambda share: entropies(lattice(), table, packed.code, packed.offsets, share.first, share.last, out),
        in_shares(packed.offsets),
        n_jobs,
    )
    return float(out[0]) if packed.single else out


def edge_posteriors(graph: StateGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """(n_steps, n_edges) expected uses of each edge on the way into each step (Rabiner 1989, equation 37).

    The derivative of `log_partition` with respect to the edges of `TimeVarying` scores, whose rows these are: row t
    holds the edges between step t - 1 and step t. Edges into silent states after the last step are in no row.

    Returns one array for one sequence, a list for many.
    """
    packed = pack(scores, graph.n_labels)
    step, silent = (np.zeros((len(packed.code) + len(packed), *shape)) for shape in graph.count_shapes())
    lattice = lattices(graph, packed)
    run(
        lambda share: batches.edge_marginals(
            lattice(), packed.table, packed.code, packed.offsets, share.first, share.last, step, silent
        ),
        in_shares(packed.offsets),
        n_jobs,
    )
    rows, first = graph.edge_counts(step, silent), packed.offsets + np.arange(len(packed) + 1)
    results = [rows[a : b - 1] for a, b in pairwise(first)]
    return results[0] if packed.single else results


def expected_counts(
    graph: StateGraph | SegmentGraph | SpanGraph, scores: Scores, weights: Any = None, *, n_jobs: int | None = None
) -> Any:
    """The E-step: expected uses of labels, edges, starts and ends, times the weight of each sequence, added up.

    Statistics of labels are gathered by row of the score table, so that for `Indexed` scores nothing of the length of
    the data is made. The result has the same bits for any `n_jobs`.

    Raises ImpossibleSequenceError, naming sequence and step, if no path explains a sequence.
    """
    if isinstance(graph, SpanGraph):
        return spans.expected_counts(graph, scores, n_jobs)
    packed = pack(scores, graph.n_labels)
    weight = np.ones(len(packed)) if weights is None else np.array(weights, dtype=np.float64)
    if weight.shape != (len(packed),) or not np.all(np.isfinite(weight)):
        raise ValueError(
            f"weights have shape {weight.shape}; expected one finite weight for each of {len(packed)} sequences"
        )
    if isinstance(graph, SegmentGraph):
        return segments.expected_counts(graph, packed, weight, n_jobs)
    slot, n_rows = packed.code, len(packed.table)
    if packed.edges is not None:
        slot, n_rows = packed.edges.slot, packed.edges.n_rows
    counts, rest = _count(graph, packed, slot, n_rows, weight, n_jobs)
    for s in rest[counts.log_partition[rest] == NEVER]:
        code = packed.code[packed.offsets[s] : packed.offsets[s + 1]]
        raise ImpossibleSequenceError(int(s), int(first_dead_step(lattices(graph, packed)(), packed.table, code)))
    return counts


def expected_moments(
    graph: StateGraph, normals: Normals, steps: Sequences, weights: np.ndarray, n_jobs: int | None
) -> tuple[Counts | None, np.ndarray]:
    """`expected_counts` where kernels make the scores from observations themselves, so that no table is needed.

    normals : a column for each label
    steps : the observations as sequences

    Returns counts, their rows being the sums of weights, deviations and squares of each feature; and the sequences that
    are not in them (their log_partition is 0), for which a table of scores is the way: all, where the graph does not suit.
    """
    densities = Densities(normals, steps, False)
    if not tiling.suits(graph, densities):
        return None, np.arange(len(steps))
    out, tally, left = tiling.moments(graph, densities, weights, n_jobs)
    out[left] = 0.0
    rows = tally.rows if graph.is_untied else tally.rows @ np.eye(graph.n_labels)[graph.label]
    return Counts(out, rows, tally.edges, tally.start, tally.end), left


def _count(
    graph: StateGraph, packed: Packed, slot: np.ndarray, n_rows: int, weight: np.ndarray, n_jobs: int | None,
    ways: tuple[ModuleType, ...] = FAST,
) -> tuple[Counts, np.ndarray]:  # fmt: skip
    """Expected counts, the posterior of step t in row slot[t]; and which sequences took the exact recursion.

    Linear numbers do what they can certify; the recursion in logarithms does the rest, and adds to the same counts.
    """
    left, parts = ALL, []
    out = np.zeros(len(packed))
    for way in ways:
        rest = _subset(packed, left)
        if way.suits(graph, rest):
            own = slot if rest is packed else packed.cut(slot, left)
            out[left], tally, more = way.counts(graph, rest, own, n_rows, weight[left], n_jobs)
            rows = tally.rows if graph.is_untied else tally.rows @ np.eye(graph.n_labels)[graph.label]
            parts.append(Counts(out, rows, tally.edges, tally.start, tally.end))
            left = _of(left, more)
        if left is not ALL and not len(left):
            break
    rest = _subset(packed, left)
    if len(rest) or not parts:
        own = slot if rest is packed else packed.cut(slot, left)
        parts.append(_count_exactly(graph, rest, own, n_rows, weight[left], n_jobs))
        out[left] = parts[-1].log_partition
    total = parts[0]
    for part in parts[1:]:
        total = Counts(out, *(a + b for a, b in zip(total[1:], part[1:], strict=True)))
    return total._replace(log_partition=out), np.arange(len(packed)) if left is ALL else left


def _count_exactly(
    graph: StateGraph, packed: Packed, slot: np.ndarray, n_rows: int, weight: np.ndarray, n_jobs: int | None
) -> Counts:
    out, lattice = np.empty(len(packed)), lattices(graph, packed)
    own_rows = one_row_a_step(slot, n_rows)  # then all shares can write to the same array
    shares = in_shares(packed.offsets, 16 if own_rows else slots_for(n_rows * graph.n_labels + 2 * graph.n_edges))
    rows = np.zeros((1 if own_rows else len(shares), n_rows, graph.n_labels))
    tally = _Places(graph, len(shares))

    def work(share: Share) -> None:
        batches.marginals(
            lattice(), packed.table, packed.code, slot, packed.offsets, share.first, share.last, weight, 0, out,
            rows[0 if own_rows else share.number], tally.arrays(share.number),
        )  # fmt: skip

    run(work, shares, n_jobs)
    return Counts(out, rows.sum(0), tally.per_edge().sum(0), tally.starts.sum(0), tally.ends.sum(0))


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
