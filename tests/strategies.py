"""Random graphs and scores for hypothesis: dense, sparse and with silent states, with and without impossible parts."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from hmmseq.graph import StateGraph
from hmmseq.segment_graph import SegmentGraph
from hmmseq.span_graph import Gap, SpanGraph, Spans

NEVER = -np.inf
seeds = st.integers(0, 2**32 - 1)


@st.composite
def graphs(draw, max_states=4, silent=True):
    """A random graph: about a third dense, a third sparse, a third with silent states (numbered anywhere)."""
    rng = np.random.default_rng(draw(seeds))
    n = draw(st.integers(1, max_states))
    quiet = draw(st.integers(0, 2)) if silent else 0
    chance = draw(st.sampled_from([0.2, 0.5, 1.0]))
    emitting = np.arange(n + quiet) < n
    rank = rng.permutation(n + quiet)  # silent states lead only to silent states of higher rank: no cycles
    source, target = np.nonzero(rng.random((n + quiet, n + quiet)) < chance)
    loops = ~emitting[source] & ~emitting[target] & (rank[source] >= rank[target])
    source, target = source[~loops], target[~loops]
    label = np.where(emitting, rng.integers(0, n, n + quiet), -1)
    label[emitting] = np.unique(label[emitting], return_inverse=True)[1]
    order = rng.permutation(n + quiet)  # new numbers, so that silent states are not always last
    weights = [_weights(draw, rng, size) for size in (len(source), n + quiet, n + quiet)]
    new_label = np.empty_like(label)
    new_label[order] = label
    return StateGraph(
        n + quiet,
        order[source],
        order[target],
        label=new_label,
        edge=weights[0],
        start=weights[1],
        end=weights[2],
    )


@st.composite
def banded(draw):
    """All edges on two diagonals of so many states that their weights are kept by diagonal."""
    n, rng = draw(st.integers(9, 11)), np.random.default_rng(draw(seeds))
    shifts = draw(st.lists(st.integers(-5, 5), min_size=1, max_size=2, unique=True))
    ends = np.array([(i, i + shift) for i in range(n) for shift in shifts if 0 <= i + shift < n])
    weights = [_weights(draw, rng, size) for size in (len(ends), n, n)]
    return StateGraph(n, *rng.permutation(ends).T, edge=weights[0], start=weights[1], end=weights[2])


def _weights(draw, rng, size):
    values = rng.normal(0, draw(st.sampled_from([1.0, 30.0])), size)
    values[rng.random(size) < draw(st.sampled_from([0.0, 0.2]))] = NEVER
    return values


@st.composite
def scores_for(draw, graph, max_steps=5, min_steps=1):
    rng = np.random.default_rng(draw(seeds))
    scores = rng.normal(
        0, draw(st.sampled_from([1.0, 100.0])), (draw(st.integers(min_steps, max_steps)), graph.n_labels)
    )
    scores[rng.random(scores.shape) < draw(st.sampled_from([0.0, 0.1]))] = NEVER
    return scores


@st.composite
def lattices(draw, max_states=4, max_steps=5, silent=True):
    graph = draw(st.one_of(graphs(max_states, silent), banded()) if max_states >= 4 else graphs(max_states, silent))
    return graph, draw(scores_for(graph, max_steps))


@st.composite
def segment_graphs(draw, max_states=3, max_longest=4, silent=True, censored=True):
    """A random graph whose states last: minimum durations, impossible ones, tails, censoring."""
    graph = draw(graphs(max_states, silent))
    rng = np.random.default_rng(draw(seeds))
    n, longest = graph.n_states, draw(st.integers(1, max_longest))
    durations = rng.normal(0, draw(st.sampled_from([1.0, 30.0])), (n, longest))
    durations[rng.random(durations.shape) < draw(st.sampled_from([0.0, 0.3]))] = NEVER
    durations[np.arange(longest) + 1 < rng.integers(1, longest + draw(st.integers(1, 2)), n)[:, None]] = NEVER
    tail = np.where(rng.random(n) < draw(st.sampled_from([0.0, 0.5, 1.0])), -rng.gamma(1.0, 1.0, n) - 0.02, NEVER)
    left, right = draw(st.tuples(st.booleans(), st.booleans())) if censored else (False, False)
    return SegmentGraph(graph, durations, tail=tail, left_censored=left, right_censored=right)


@st.composite
def segment_lattices(draw, max_states=3, max_steps=5, silent=True, censored=True):
    graph = draw(segment_graphs(max_states, silent=silent, censored=censored))
    return graph, draw(scores_for(graph, max_steps))


@st.composite
def span_lattices(draw, max_spans=6, reads=True):
    """Candidate spans and a graph for them: overlaps, short and long gaps, tails, ties, spans cut by the ends."""
    rng = np.random.default_rng(draw(seeds))
    n_kinds, n_gaps, n_steps = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(4, 25))
    gaps = [_gap(draw, rng, n_kinds, reads and draw(st.booleans())) for _ in range(n_gaps)]
    if not any(gap.label == 0 for gap in gaps):
        gaps = [replace(gap, label=-1) for gap in gaps]
    n = draw(st.integers(0, max_spans))
    kind, lengths = rng.integers(0, n_kinds, n), rng.integers(4, 9, n)
    begin = rng.integers(0, max(1, n_steps - 8), n)
    end = np.minimum(begin + lengths, n_steps)
    keep = end - begin >= 4
    begin, end, kind = begin[keep], end[keep], kind[keep]
    opens, closes = rng.random(len(begin)) < 0.2, rng.random(len(begin)) < 0.2
    begin[opens], end[closes] = 0, n_steps
    score = rng.integers(-2, 4, len(begin)) * draw(st.sampled_from([0.5, 30.0]))
    score[rng.random(len(begin)) < draw(st.sampled_from([0.0, 0.2]))] = NEVER
    border = _weights(draw, rng, 2 * n_kinds).reshape(2, n_kinds)
    steps = rng.normal(0, 1, (n_steps, 2)) if gaps[0].label >= -1 else None
    spans = Spans(n_steps, begin, end, kind, score, opens=opens, closes=closes, steps=steps)
    return SpanGraph(n_kinds, gaps, opening=border[0], closing=border[1]), spans


def _gap(draw, rng, n_kinds, reads):
    shortest, size = draw(st.integers(-3, 3)), draw(st.integers(1, 6))
    durations = _weights(draw, rng, size)
    if not np.any(durations > NEVER):
        durations[0] = 0.0
    tail = draw(st.sampled_from([NEVER, -0.3, -5.0]))
    kinds = [dict(zip(range(n_kinds), _weights(draw, rng, n_kinds))) for _ in range(2)]
    start, end = _weights(draw, rng, 2)
    return Gap(*kinds, durations, shortest, tail, label=int(rng.integers(0, 2)) if reads else -1, start=start, end=end)
