"""The questions of `hmmseq.lattice`, asked of candidate spans joined by gaps (`SpanGraph`).

`lattice` hands them over. What stands for the scores is a `Spans`, or a list of them, one for each sequence.
"""

from typing import Any, NamedTuple

import numpy as np

from hmmseq.kernels import span_counts, span_traces
from hmmseq.kernels import spans as kernels
from hmmseq.kernels.logmath import NEVER
from hmmseq.shares import in_shares, run
from hmmseq.span_graph import SpanGraph, Spans

__all__ = ["SpanCounts", "SpanPath", "SpanPosteriors"]


class SpanPath(NamedTuple):
    """The chosen spans, in order; no spans and a score of minus infinity where no path exists."""

    spans: np.ndarray  # (n_chosen,) indices into the candidates
    gaps: (
        np.ndarray
    )  # (n_chosen + 1,) the gap before each, and the last one; -1 where a span opens or closes the sequence
    score: float


class SpanPosteriors(NamedTuple):
    """Posterior probabilities given one sequence; all zero where no path explains it."""

    log_partition: float
    spans: np.ndarray  # (n_spans,)


class SpanCounts(NamedTuple):
    """Expected counts, added over sequences; derivatives of their total log score."""

    log_partition: np.ndarray  # (n_sequences,)
    before: np.ndarray  # (n_gaps, n_kinds) gaps after a span of each kind
    after: np.ndarray  # (n_gaps, n_kinds) spans of each kind after a gap
    durations: (
        np.ndarray
    )  # (n_gaps, width) of gaps between two spans, by duration from the shortest; the last: or longer
    tail: np.ndarray  # (n_gaps,) steps of those gaps beyond the last possible duration
    start: np.ndarray  # (n_gaps,) sequences that begin in each gap
    end: np.ndarray  # (n_gaps,)
    opening: np.ndarray  # (n_kinds,) sequences that begin inside a span of each kind
    closing: np.ndarray  # (n_kinds,)


def _each(graph: SpanGraph, scores: Any, n_jobs: int | None, answer: Any) -> Any:
    """The answer for each sequence, in threads; for one sequence without a list around it."""
    single = isinstance(scores, Spans)
    sequences = [scores] if single else list(scores)
    for spans in sequences:
        if not isinstance(spans, Spans):
            raise ValueError(f"got {type(spans).__name__} beside a SpanGraph; expected Spans, or a list of them")
    results: list[Any] = [None] * len(sequences)

    def work(share: Any) -> None:
        for s in range(share.first, share.last):
            spans = sequences[s]
            results[s] = answer(s, spans, graph.candidates(spans), graph.whole(spans.n_steps))

    run(
        work,
        in_shares(np.cumsum([0, *(1 + len(spans) for spans in sequences)]), len(sequences)) if sequences else [],
        n_jobs,
    )
    return results[0] if single else results


def log_partition(graph: SpanGraph, scores: Any, n_jobs: int | None) -> Any:
    """As lattice.log_partition."""

    def answer(s: int, spans: Spans, candidates: Any, whole: np.ndarray) -> float:
        return float(kernels.forward(graph.timed, candidates, whole, False)[1]) if spans.n_steps else 0.0

    found = _each(graph, scores, n_jobs, answer)
    return found if isinstance(scores, Spans) else np.array(found)


def posteriors(graph: SpanGraph, scores: Any, n_jobs: int | None) -> Any:
    """As lattice.posteriors: of each span, the derivative of the log partition with respect to its score."""

    def answer(s: int, spans: Spans, candidates: Any, whole: np.ndarray) -> SpanPosteriors:
        out = np.zeros(len(spans))
        if not spans.n_steps:
            return SpanPosteriors(0.0, out)
        total, _, _ = kernels.marginals(graph.timed, candidates, whole, out)
        return SpanPosteriors(float(total), out)

    return _each(graph, scores, n_jobs, answer)


def best_path(graph: SpanGraph, scores: Any, n_jobs: int | None) -> Any:
    """As lattice.best_path."""

    def answer(s: int, spans: Spans, candidates: Any, whole: np.ndarray) -> SpanPath:
        return _paths(graph, spans, candidates, whole, 1, True, np.random.default_rng(0))[0]

    return _each(graph, scores, n_jobs, answer)


def sample_paths(graph: SpanGraph, scores: Any, n_paths: int, random_state: Any, n_jobs: int | None) -> Any:
    """As lattice.sample_paths."""
    streams = np.random.default_rng(random_state).spawn(1 if isinstance(scores, Spans) else len(scores))

    def answer(s: int, spans: Spans, candidates: Any, whole: np.ndarray) -> list[SpanPath]:
        drawn = _paths(graph, spans, candidates, whole, n_paths, False, streams[s])
        return [path._replace(score=path_score(graph, spans, path)) if len(path.gaps) else path for path in drawn]

    return _each(graph, scores, n_jobs, answer)


def _paths(
    graph: SpanGraph, spans: Spans, candidates: Any, whole: np.ndarray, n_paths: int, maximise: bool, rng: Any
) -> list[SpanPath]:
    """The best path, or some that are drawn, all with the total score."""
    chosen, between = np.empty(len(spans), dtype=np.int64), np.empty(len(spans) + 1, dtype=np.int64)
    if not spans.n_steps:
        return [SpanPath(chosen, between[:0], 0.0)] * n_paths
    chart, total = kernels.forward(graph.timed, candidates, whole, maximise)

    def path() -> SpanPath:
        n = span_traces.trace(graph.timed, candidates, chart, whole, maximise, rng, chosen, between)
        return SpanPath(chosen[: max(n, 0)][::-1].copy(), between[: n + 1][::-1].copy(), float(total))

    return [path() for _ in range(n_paths)]


def path_score(graph: SpanGraph, spans: Spans, path: Any) -> float:
    """As lattice.path_score, of a `SpanPath` or a pair (spans, gaps) as in one; minus infinity if it is no path."""
    chosen, between = np.asarray(path[0], dtype=np.int64), np.asarray(path[1], dtype=np.int64)
    if len(between) != len(chosen) + 1 or np.any((chosen < 0) | (chosen >= len(spans))):
        raise ValueError(
            f"got {len(chosen)} spans and {len(between)} gaps; expected indices of spans, and one gap more than spans"
        )
    candidates = graph.candidates(spans)
    if not len(chosen):
        own = graph.whole(spans.n_steps)[between[0]] + _content(graph, candidates, int(between[0]), 0, spans.n_steps)
        return float(own) if spans.n_steps else 0.0
    total = float(spans.score[chosen].sum())
    total += _border(graph, candidates, int(between[0]), int(chosen[0]), True)
    for s, g, t in zip(chosen[:-1], between[1:-1], chosen[1:]):
        total += _between(graph, candidates, int(s), int(g), int(t))
    return total + _border(graph, candidates, int(between[-1]), int(chosen[-1]), False)


def label_posteriors(graph: SpanGraph, scores: Any, n_jobs: int | None) -> Any:
    """As lattice.label_posteriors: (n_steps, n_gaps) probability that a step lies in a gap of each kind."""

    def answer(s: int, spans: Spans, candidates: Any, whole: np.ndarray) -> np.ndarray:
        return _counts(graph, spans, candidates, whole, spans.n_steps + 1)[1]

    return _each(graph, scores, n_jobs, answer)


def expected_counts(graph: SpanGraph, scores: Any, n_jobs: int | None) -> SpanCounts:
    """As lattice.expected_counts; sequences that no path explains add nothing."""

    def answer(s: int, spans: Spans, candidates: Any, whole: np.ndarray) -> SpanCounts:
        return _counts(graph, spans, candidates, whole, 0)[0]

    found = _each(graph, [scores] if isinstance(scores, Spans) else scores, n_jobs, answer)
    totals = np.array([counts.log_partition for counts in found])
    return SpanCounts(totals, *(sum(parts) for parts in list(zip(*found, strict=True))[1:]))


def _counts(
    graph: SpanGraph, spans: Spans, candidates: Any, whole: np.ndarray, n_places: int
) -> tuple[SpanCounts, np.ndarray]:
    """Expected counts of one sequence, and the probability of each gap at each step if there are places."""
    gaps, posterior = graph.timed, np.zeros(len(spans))
    total, chart, back = kernels.marginals(gaps, candidates, whole, posterior)
    if total == NEVER or not spans.n_steps:
        empty = span_counts.tally_for(gaps, 0)
        parts = (empty.after, empty.after, empty.durations, empty.far, *[np.zeros(graph.n_gaps)] * 2)
        return SpanCounts(total, *parts, *[np.zeros(graph.n_kinds)] * 2), np.zeros((max(n_places - 1, 0), graph.n_gaps))
    turned, others = kernels.mirrored(gaps, candidates)
    left = span_counts.count(gaps, candidates, chart, back, total, n_places)
    entered = span_counts.count(turned, others, back, chart, total, n_places)
    alone = np.exp(whole + [_content(graph, candidates, g, 0, spans.n_steps) for g in range(graph.n_gaps)] - total)
    longest, n = gaps.inner.longest, spans.n_steps
    steps = left.far_places - (n * entered.far - entered.far_places) - longest * left.far
    durations = left.durations.copy()
    durations[np.arange(graph.n_gaps), longest - gaps.inner.shortest] += left.far
    border = [np.bincount(spans.kind[at], posterior[at], graph.n_kinds) for at in (spans.opens, spans.closes)]
    counts = SpanCounts(
        total, entered.after, left.after, durations, steps, left.start + alone, entered.start + alone, *border
    )
    return counts, _coverage(left, entered, alone) if n_places else np.zeros((0, graph.n_gaps))


def _coverage(left: Any, entered: Any, alone: np.ndarray) -> np.ndarray:
    """(n_steps, n_gaps): gaps entered so far less gaps left so far; the mirrored tally knows where they are entered."""
    change = entered.places[:, :0:-1] - left.places[:, :-1]
    return np.clip(np.cumsum(change, axis=1) + alone[:, None], 0.0, 1.0).T.copy()


def _content(graph: SpanGraph, candidates: Any, g: int, a: int, b: int) -> float:
    label = graph.timed.label[g]
    return float(candidates.content[label, b] - candidates.content[label, a]) if label >= 0 and b > a else 0.0


def _duration(table: Any, g: int, d: int, tail: float) -> float:
    late = max(0, d - int(table.longest[g]))
    if d < table.shortest[g] or (late and tail == NEVER):
        return NEVER
    return float(table.weight[g, d - late - table.shortest[g]] + (late * tail if late else 0.0))


def _between(graph: SpanGraph, candidates: Any, s: int, g: int, t: int) -> float:
    a, b = int(candidates.end[s]), int(candidates.begin[t])
    if g < 0 or candidates.closes[s] or candidates.opens[t]:
        return NEVER
    weight = graph.before[g, candidates.kind[s]] + graph.after[g, candidates.kind[t]]
    duration = _duration(graph.timed.inner, g, b - a, graph.timed.tail[g])
    return float(weight + duration + _content(graph, candidates, g, a, b))


def _border(graph: SpanGraph, candidates: Any, g: int, s: int, first: bool) -> float:
    """The gap before the first span, or after the last; or what a span weighs that begins or ends with the sequence."""
    cut, kind, gaps = candidates.opens if first else candidates.closes, candidates.kind[s], graph.timed
    if (g < 0) != cut[s]:
        return NEVER
    if cut[s]:
        return float((graph.opening if first else graph.closing)[kind])
    a, b = (0, int(candidates.begin[s])) if first else (int(candidates.end[s]), candidates.n_steps)
    weight = gaps.start[g] + graph.after[g, kind] if first else gaps.end[g] + graph.before[g, kind]
    return float(weight + _duration(gaps.border, g, b - a, gaps.tail[g]) + _content(graph, candidates, g, a, b))
