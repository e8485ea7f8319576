"""Questions about single paths through a lattice; `hmmseq.lattice` has them all."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from hmmseq import segments, spans, tiling
from hmmseq.graph import StateGraph
from hmmseq.kernels import batches
from hmmseq.kernels.logmath import NEVER
from hmmseq.scores import Densities, Packed, Scores, lattices, pack
from hmmseq.segment_graph import SegmentGraph
from hmmseq.shares import in_shares, run
from hmmseq.span_graph import SpanGraph


class Path(NamedTuple):
    """States in the order visited, silent ones included; -1 at every step where no path exists."""

    states: np.ndarray
    score: float


def best_path(graph: StateGraph | SegmentGraph | SpanGraph, scores: Scores, *, n_jobs: int | None = None) -> Any:
    """The path with the largest score, by the Viterbi recursion (Viterbi 1967).

    Of paths that differ by no more than rounding, any may be the answer; its score is exact to 1e-12.

    Returns one `Path` (of a SegmentGraph `SegmentPath`, of a SpanGraph `SpanPath`) for one sequence, a list for many.
    """
    if isinstance(graph, SegmentGraph):
        return segments.best_path(graph, scores, n_jobs)
    if isinstance(graph, SpanGraph):
        return spans.best_path(graph, scores, n_jobs)
    packed = scores if isinstance(scores, Densities) else pack(scores, graph.n_labels)
    if graph.silent_depth:
        found = _paths(graph, pack(packed, graph.n_labels), 1, True, np.random.default_rng(0), n_jobs)
        paths = [path for (path,) in found]
    else:
        states, totals = best_states(graph, packed, n_jobs)
        paths = list(map(Path, packed.steps.unpack(states), totals.tolist()))
    return paths[0] if packed.single else paths


def best_states(graph: StateGraph, packed: Packed | Densities, n_jobs: int | None) -> tuple[np.ndarray, np.ndarray]:
    """States of the best paths, (n_steps in all,), and their scores, where no state is silent.

    Python's garbage collector looks at each `Path` of many: 100,000 of them took ten times as long as the Viterbi
    recursion over 20 steps of four states (a profile, once, when it was done).
    """
    if not tiling.suits_best(graph, packed):
        return _exact_states(graph, packed, n_jobs)
    states, scores, left = tiling.best(graph, packed, n_jobs)
    if len(left):
        rest = packed.subset(left)
        own, scores[left] = _exact_states(graph, rest, n_jobs)
        for s, part in zip(left, rest.steps.unpack(own), strict=True):
            states[packed.offsets[s] : packed.offsets[s + 1]] = part
    return states, scores


def _exact_states(graph: StateGraph, packed: Packed | Densities, n_jobs: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The same by logarithms; -1 throughout a sequence that no path explains."""
    packed = pack(packed, graph.n_labels)
    _, (states,), _, totals = _trace(graph, packed, 1, True, np.random.default_rng(0), n_jobs)
    for s in np.flatnonzero(totals == NEVER):
        states[packed.offsets[s] : packed.offsets[s + 1]] = -1
    return states, totals


def best_paths(graph: StateGraph, scores: Scores, n_paths: int, *, n_jobs: int | None = None) -> Any:
    """The `n_paths` best paths, all different, best first; fewer where fewer exist, none for an impossible sequence.

    Paths differ in their states, so with tied labels or silent states several may read the same labels. Exact: one
    Viterbi pass, and one walk back that keeps the most promising partial paths (see `hmmseq.kernels.ranked`). Of paths
    that differ by no more than rounding, any may come first.

    Returns a list of `Path` for one sequence, a list of such lists for many.

    >>> from hmmseq import topologies
    >>> graph = topologies.from_matrix([[0.9, 0.1], [0.2, 0.8]], startprob=[0.5, 0.5])
    >>> scores = np.log([[0.7, 0.1], [0.2, 0.6], [0.1, 0.5]])
    >>> [path.states.tolist() for path in best_paths(graph, scores, 3)]
    [[1, 1, 1], [0, 1, 1], [0, 0, 0]]
    """
    if not isinstance(n_paths, Integral) or n_paths < 1:
        raise ValueError(f"n_paths is {n_paths!r}; expected a whole number, 1 or more")
    packed = pack(scores, graph.n_labels)
    room, states, lengths = _room(graph, packed, int(n_paths))
    lattice, totals = lattices(graph, packed), np.empty(lengths.shape)
    run(
        lambda share: batches.best_paths(
            lattice(), packed.table, packed.code, packed.offsets, room, share.first, share.last, states, lengths, totals
        ),
        in_shares(packed.offsets),
        n_jobs,
    )

    def ranked(s: int) -> list[Path]:
        if packed.offsets[s] == packed.offsets[s + 1]:
            return [Path(states[0, :0], 0.0)]
        order = [k for k in np.argsort(-totals[:, s], kind="stable") if totals[k, s] > NEVER]
        return [Path(states[k, room[s + 1] - lengths[k, s] : room[s + 1]], float(totals[k, s])) for k in order]

    results = [ranked(s) for s in range(len(packed))]
    return results[0] if packed.single else results


def sample_paths(
    graph: StateGraph | SegmentGraph | SpanGraph,
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
    if isinstance(graph, SpanGraph):
        return spans.sample_paths(graph, scores, n_paths, random_state, n_jobs)
    packed = pack(scores, graph.n_labels)
    drawn = _paths(graph, packed, n_paths, False, np.random.default_rng(random_state), n_jobs)
    for s, paths in enumerate(drawn):
        own = packed.subset(np.array([s]))
        drawn[s] = [path._replace(score=path_score(graph, own, path.states)) for path in paths]
    return drawn[0] if packed.single else drawn


def path_score(graph: StateGraph | SegmentGraph | SpanGraph, scores: Any, states: Any) -> float:
    """Log score of one path through one sequence: start, edges, scores and end; minus infinity if it cannot be taken.

    states : the states visited, silent ones included, as in `Path.states`; for a SegmentGraph `SegmentPath.segments`,
        for a SpanGraph the whole `SpanPath`
    """
    if isinstance(graph, SegmentGraph):
        return segments.path_score(graph, scores, states)
    if isinstance(graph, SpanGraph):
        return spans.path_score(graph, scores, states)
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
    passed = np.cumsum(label >= 0)  # steps before each move
    for k, pair in enumerate(zip(states[:-1].tolist(), states[1:].tolist(), strict=True)):
        if pair in known:
            edge[k] = _edge_weight(graph, packed, known[pair], passed[k])
    return float(
        graph.start[states[0]] + edge.sum() + packed.table[packed.code, emitting].sum() + graph.end[states[-1]]
    )


def _edge_weight(graph: StateGraph, packed: Packed, e: int, t: int) -> float:
    """Log weight of an edge on the way into step t."""
    if packed.edges is None or t == len(packed.code):
        return graph.edge[e]
    return graph.edge[e] + packed.edges.table[packed.edges.kind[packed.code[t]], e]


def _room(graph: StateGraph, packed: Packed, n_paths: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places for paths: sequence s has states[:, room[s]:room[s + 1]], and the lengths of its paths in lengths[:, s]."""
    steps = packed.steps.lengths
    room = np.concatenate([[0], np.cumsum(steps + (steps + 1) * graph.silent_depth)])
    return room, np.empty((n_paths, room[-1]), dtype=np.int32), np.empty((n_paths, len(packed)), dtype=np.int64)


def _paths(
    graph: StateGraph, packed: Packed, n_paths: int, maximise: bool, rng: np.random.Generator, n_jobs: int | None
) -> list[list[Path]]:
    steps = packed.steps.lengths
    room, states, lengths, totals = _trace(graph, packed, n_paths, maximise, rng, n_jobs)

    def path(k: int, s: int) -> Path:
        if totals[s] == NEVER:
            return Path(np.full(steps[s], -1, dtype=np.int32), NEVER)
        return Path(states[k, room[s + 1] - lengths[k, s] : room[s + 1]], float(totals[s]))

    return [[path(k, s) for k in range(n_paths)] for s in range(len(packed))]


def _trace(
    graph: StateGraph, packed: Packed, n_paths: int, maximise: bool, rng: np.random.Generator, n_jobs: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Best or sampled paths in the places of `_room`, and the totals of sequences."""
    totals = np.empty(len(packed))
    room, states, lengths = _room(graph, packed, n_paths)
    lattice, shares = lattices(graph, packed), in_shares(packed.offsets)
    streams = rng.spawn(len(shares))
    run(
        lambda share: batches.paths(
            lattice(), packed.table, packed.code, packed.offsets, room, share.first, share.last, maximise,
            streams[share.number], states, lengths, totals,
        ),
        shares,
        n_jobs,
    )  # fmt: skip
    return room, states, lengths, totals
