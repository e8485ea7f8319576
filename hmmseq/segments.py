"""The questions of `hmmseq.lattice`, asked of a graph whose states last (`SegmentGraph`).

`lattice` hands them over; results are like its own, with durations besides.
"""

from typing import Any, NamedTuple

import numpy as np

from hmmseq.errors import ImpossibleSequenceError
from hmmseq.kernels import segment_counts, segment_traces
from hmmseq.kernels import segments as kernels
from hmmseq.kernels.logmath import NEVER
from hmmseq.kernels.paths import Tally
from hmmseq.kernels.segment_counts import DurationTally
from hmmseq.kernels.windows import Timed, Window, empty_window
from hmmseq.scores import Packed, Scores, pack
from hmmseq.segment_graph import SegmentGraph
from hmmseq.shares import Share, in_shares, one_row_a_step, run, slots_for

__all__ = ["SegmentCounts", "SegmentPath", "SegmentPosteriors"]


class SegmentPosteriors(NamedTuple):
    """Posterior probabilities given one sequence; all zero where no path explains it."""

    log_partition: float
    labels: np.ndarray  # (n_steps, n_labels)
    edges: np.ndarray  # (n_edges,) expected number of uses
    start: np.ndarray  # (n_states,)
    end: np.ndarray  # (n_states,)
    durations: np.ndarray  # (n_states, longest) expected number of segments; with a tail, the last possible: or longer
    tail: np.ndarray  # (n_states,) expected number of steps beyond the last possible duration


class SegmentCounts(NamedTuple):
    """Expected counts, added over sequences."""

    log_partition: np.ndarray  # (n_sequences,)
    rows: np.ndarray  # (n_rows, n_labels): by step for dense scores, by symbol (the last row: missing) for Indexed
    edges: np.ndarray
    start: np.ndarray
    end: np.ndarray
    durations: np.ndarray
    tail: np.ndarray


class SegmentPath(NamedTuple):
    """States in the order visited, one per step and silent ones between; -1 at every step where no path exists."""

    states: np.ndarray
    score: float
    segments: np.ndarray  # (n_segments, 3) state, start, stop: steps start ... stop - 1; silent states take none


def _pack(scores: Scores, graph: SegmentGraph) -> Packed:
    packed = pack(scores, graph.n_labels)
    if packed.edges is not None:
        raise ValueError("got TimeVarying scores; the edges of a SegmentGraph stay the same at all steps")
    return packed


def log_partition(graph: SegmentGraph, scores: Scores, n_jobs: int | None) -> Any:
    """As lattice.log_partition. Needs no memory of the length of the data."""
    packed = _pack(scores, graph)
    out, timed = np.empty(len(packed)), graph.timed
    run(
        lambda share: kernels.totals(
            timed, packed.table, packed.code, packed.offsets, share.first, share.last, *_room(timed), out
        ),
        in_shares(packed.offsets),
        n_jobs,
    )
    return float(out[0]) if packed.single else out


def posteriors(graph: SegmentGraph, scores: Scores, n_jobs: int | None) -> Any:
    """As lattice.posteriors, and the expected number of segments by duration."""
    packed = _pack(scores, graph)
    slot, ones = np.arange(len(packed.code), dtype=np.int32), np.ones(len(packed))
    labels, places, out = np.zeros((len(slot), graph.n_labels)), _Places(graph, len(packed)), np.empty(len(packed))
    timed = graph.timed
    run(
        lambda share: segment_counts.marginals(
            timed, packed.table, packed.code, slot, packed.offsets, share.first, share.last, ones, 1,
            *_room(timed, packed, share), out, labels,
            *places.arrays(0),
        ),
        in_shares(packed.offsets),
        n_jobs,
    )  # fmt: skip
    parts = zip(out, packed.steps.unpack(labels), *places.results(), strict=True)
    results = [SegmentPosteriors(float(total), *rest) for total, *rest in parts]
    return results[0] if packed.single else results


def expected_counts(graph: SegmentGraph, packed: Packed, weight: np.ndarray, n_jobs: int | None) -> SegmentCounts:
    """As lattice.expected_counts, and the expected number of segments by duration."""
    packed = _pack(packed, graph)
    counts = count(graph, packed, packed.code, len(packed.table), weight, n_jobs)
    for s in np.flatnonzero(counts.log_partition == NEVER):
        code = packed.code[packed.offsets[s] : packed.offsets[s + 1]]
        raise ImpossibleSequenceError(
            int(s), int(kernels.first_dead_step(graph.timed, packed.table, code, *_room(graph.timed)))
        )
    return counts


def count(
    graph: SegmentGraph, packed: Packed, slot: np.ndarray, n_rows: int, weight: np.ndarray, n_jobs: int | None
) -> SegmentCounts:
    """Expected counts, the posterior of step t in row slot[t]; sequences that no path explains add nothing."""
    own_rows = one_row_a_step(slot, n_rows)  # then all shares can write to the same array
    numbers = n_rows * graph.n_labels + 2 * graph.n_edges + 4 * graph.durations.size
    shares = in_shares(packed.offsets, 16 if own_rows else slots_for(numbers))
    rows = np.zeros((1 if own_rows else len(shares), n_rows, graph.n_labels))
    places, out, timed = _Places(graph, len(shares)), np.empty(len(packed)), graph.timed

    def work(share: Share) -> None:
        segment_counts.marginals(
            timed, packed.table, packed.code, slot, packed.offsets, share.first, share.last, weight, 0,
            *_room(timed, packed, share), out,
            rows[0 if own_rows else share.number], *places.arrays(share.number),
        )  # fmt: skip

    run(work, shares, n_jobs)
    return SegmentCounts(out, rows.sum(0), *(part.sum(0) for part in places.results()))


def paths(
    graph: SegmentGraph, scores: Scores, n_paths: int, maximise: bool, rng: np.random.Generator, n_jobs: int | None
) -> tuple[Packed, list[list[SegmentPath]]]:
    """Best or sampled paths of each sequence."""
    packed = _pack(scores, graph)
    steps = packed.steps.lengths
    room = np.concatenate([[0], np.cumsum(steps + (steps + 1) * graph.graph.silent_depth)])
    states, durations = np.empty((2, n_paths, room[-1]), dtype=np.int32)
    lengths, totals = np.empty((n_paths, len(packed)), dtype=np.int64), np.empty(len(packed))
    timed, shares = graph.timed, in_shares(packed.offsets)
    streams = rng.spawn(len(shares))
    run(
        lambda share: segment_traces.paths(
            timed, packed.table, packed.code, packed.offsets, room, share.first, share.last, maximise,
            streams[share.number], *_room(timed, packed, share), states, durations, lengths, totals,
        ),
        shares,
        n_jobs,
    )  # fmt: skip

    def path(k: int, s: int) -> SegmentPath:
        if totals[s] == NEVER:
            return SegmentPath(np.full(steps[s], -1, dtype=np.int32), NEVER, np.empty((0, 3), dtype=np.int64))
        own = slice(room[s + 1] - lengths[k, s], room[s + 1])
        return as_path(states[k, own], durations[k, own], float(totals[s]))

    return packed, [[path(k, s) for k in range(n_paths)] for s in range(len(packed))]


def best_path(graph: SegmentGraph, scores: Scores, n_jobs: int | None) -> Any:
    """As lattice.best_path: the best segmentation."""
    packed, found = paths(graph, scores, 1, True, np.random.default_rng(0), n_jobs)
    return found[0][0] if packed.single else [path for (path,) in found]


def sample_paths(graph: SegmentGraph, scores: Scores, n_paths: int, random_state: Any, n_jobs: int | None) -> Any:
    """As lattice.sample_paths."""
    packed, drawn = paths(graph, scores, n_paths, False, np.random.default_rng(random_state), n_jobs)
    for s, own in enumerate(drawn):
        dense = packed.table[packed.code[packed.offsets[s] : packed.offsets[s + 1]]]
        drawn[s] = [path._replace(score=path_score(graph, dense, path.segments)) for path in own]
    return drawn[0] if packed.single else drawn


def as_path(states: np.ndarray, durations: np.ndarray, score: float) -> SegmentPath:
    """A path from its segments in order; silent states last 0 steps."""
    stop = np.cumsum(durations, dtype=np.int64)
    steps = np.repeat(states, np.maximum(durations, 1))
    return SegmentPath(steps, score, np.column_stack([states, stop - durations, stop]).astype(np.int64))


def path_score(graph: SegmentGraph, scores: Any, segments: Any) -> float:
    """As lattice.path_score, of one row of segments (state, start, stop) as in `SegmentPath.segments`."""
    packed, segments = _pack(scores, graph), np.asarray(segments)
    if len(packed) != 1 or segments.shape[1:] != (3,) or (segments.size and segments.dtype.kind not in "iu"):
        raise ValueError(
            f"got scores of {len(packed)} sequences and segments of shape {segments.shape} and type {segments.dtype}; "
            "expected one sequence and (n_segments, 3) whole numbers: state, start, stop"
        )
    n_steps, (states, starts, stops) = len(packed.code), segments.T
    if not len(segments):
        return 0.0 if n_steps == 0 else NEVER
    if states.min() < 0 or states.max() >= graph.n_states:
        return NEVER
    if starts[0] != 0 or stops[-1] != n_steps or np.any(starts[1:] != stops[:-1]) or np.any(stops < starts):
        raise ValueError(f"the segments must follow one another from step 0 to {n_steps}; got {segments.tolist()}")
    label = graph.label[states]
    if np.any((stops > starts) != (label >= 0)):
        return NEVER  # an emitting state lasts for a step at least, a silent one for none
    weights = graph.graph.matrix(graph.graph.edge, NEVER)
    total = graph.graph.start[states[0]] + weights[states[:-1], states[1:]].sum() + graph.graph.end[states[-1]]
    read = np.repeat(label, stops - starts)
    total += packed.table[packed.code, read].sum()
    last = len(segments) - 1 if label[-1] >= 0 else -1
    for k in np.flatnonzero(label >= 0):
        total += _duration_weight(graph, states[k], stops[k] - starts[k], starts[k] == 0, k == last)
    return float(total)


def _duration_weight(graph: SegmentGraph, state: int, duration: int, first: bool, last: bool) -> float:
    """Log weight of one segment, censored if it opens or closes the path."""
    timed = graph.timed
    table = (timed.whole if last else timed.first) if first else (timed.last if last else timed.inner)
    beyond = max(0, duration - int(timed.longest[state]))
    if timed.longest[state] == 0 or (beyond and timed.tail[state] == NEVER):
        return NEVER
    return float(table[state, duration - beyond - 1] + (beyond * timed.tail[state] if beyond else 0.0))


def _room(timed: Timed, packed: Packed | None = None, share: Share | None = None) -> tuple[Window, kernels.Charts]:
    """A window, and charts for the longest sequence of a share: none, unless asked for."""
    most = packed.steps.lengths[share.first : share.last].max() if packed and share else 0
    return empty_window(timed), kernels.charts_for(timed, int(most))


class _Places:
    """Places for the kernels to count edges, starts, ends and durations."""

    def __init__(self, graph: SegmentGraph, size: int) -> None:
        step, silent = graph.graph.count_shapes()
        one, table = (size, graph.n_states), (size, *graph.durations.shape)
        self.graph = graph
        self.tally = Tally(np.zeros((size, *step)), np.zeros((size, *silent)), np.zeros(one), np.zeros(one))
        inner, first, last, whole = np.zeros((4, *table))
        self.durations = DurationTally(inner, first, last, whole, np.zeros(one))

    def arrays(self, k: int) -> tuple[Tally, DurationTally]:
        """Places from number k on."""
        return Tally(*(part[k:] for part in self.tally)), DurationTally(*(part[k:] for part in self.durations))

    def results(self) -> tuple[np.ndarray, ...]:
        """Edges, starts, ends, durations and steps of tails, for each place."""
        edges = self.graph.graph.edge_counts(self.tally.edges, self.tally.silent_edges)
        durations, unseen = self.graph.duration_counts(*self.durations[:4])
        return edges, self.tally.starts, self.tally.ends, durations, self.durations.tail + unseen
