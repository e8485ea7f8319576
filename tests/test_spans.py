"""Every question, asked of candidate spans joined by gaps, against the list of all rows of spans."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from hmmseq import lattice
from hmmseq.span_graph import Gap, SpanGraph, Spans
from oracle import NEVER, log_sum
from span_oracle import possible_rows
from strategies import seeds, span_lattices

EXACT = {"rtol": 1e-9, "atol": 1e-9}
GAP = Gap([0], [0], np.log([0.1, 0.2, 0.4, 0.3]), -1, math.log(0.5), start=0.0, end=0.0)


@given(span_lattices())
def test_log_partition_sums_every_row(case):
    graph, spans = case
    expected = log_sum(score for *_, score in possible_rows(graph, spans))
    np.testing.assert_allclose(lattice.log_partition(graph, spans), expected, **EXACT)


@given(span_lattices())
def test_posteriors_are_shares_of_rows(case):
    graph, spans = case
    found, rows = lattice.posteriors(graph, spans), possible_rows(graph, spans)
    expected = np.zeros(len(spans))
    total = log_sum(score for *_, score in rows)
    for row, _, score in rows:
        expected[list(row)] += math.exp(score - total)
    np.testing.assert_allclose(found.spans, expected, **EXACT)


@given(span_lattices())
def test_posteriors_of_steps_are_shares_of_rows(case):
    graph, spans = case
    rows = possible_rows(graph, spans)
    total = log_sum(score for *_, score in rows)
    expected = np.zeros((spans.n_steps, graph.n_gaps))
    for row, between, score in rows:
        ends = [0, *(int(spans.end[s]) for s in row)]
        begins = [*(int(spans.begin[s]) for s in row), spans.n_steps]
        for g, a, b in zip(between, ends, begins, strict=True):
            if g >= 0 and b > a:
                expected[a:b, g] += math.exp(score - total)
    np.testing.assert_allclose(lattice.label_posteriors(graph, spans), expected, **EXACT)


@given(span_lattices())
def test_best_path_beats_every_other(case):
    graph, spans = case
    best = max((score for *_, score in possible_rows(graph, spans)), default=NEVER)
    path = lattice.best_path(graph, spans)
    np.testing.assert_allclose(path.score, best, **EXACT)
    if best > NEVER:
        np.testing.assert_allclose(lattice.path_score(graph, spans, path), best, **EXACT)
    else:
        assert not len(path.spans)


@given(span_lattices())
def test_path_score_agrees_with_the_list(case):
    graph, spans = case
    for row, between, score in possible_rows(graph, spans)[:20]:
        np.testing.assert_allclose(lattice.path_score(graph, spans, (row, between)), score, **EXACT)


def variations(graph):
    """(name of the count, its index, a function that gives the graph with that weight moved)."""

    def with_gap(g, **parts):
        gaps = [replace(gap, **parts) if h == g else gap for h, gap in enumerate(graph.gaps)]
        return SpanGraph(graph.n_kinds, gaps, opening=graph.opening, closing=graph.closing)

    def with_border(name, weights):
        return SpanGraph(
            graph.n_kinds, graph.gaps, **{"opening": graph.opening, "closing": graph.closing, name: weights}
        )

    for g, gap in enumerate(graph.gaps):
        for name in ("start", "end"):
            yield name, g, lambda h, g=g, gap=gap, name=name: with_gap(g, **{name: getattr(gap, name) + h})
        for name in ("before", "after"):
            for k, w in getattr(gap, name).items():
                yield (
                    name,
                    (g, k),
                    lambda h, g=g, gap=gap, name=name, k=k, w=w: with_gap(
                        g, **{name: {**getattr(gap, name), k: w + h}}
                    ),
                )
    for name in ("opening", "closing"):
        for k in range(graph.n_kinds):
            one = np.arange(graph.n_kinds) == k
            yield name, k, lambda h, name=name, one=one: with_border(name, getattr(graph, name) + h * one)


@given(span_lattices(max_spans=4))
def test_expected_counts_are_derivatives(case):
    graph, spans = case
    counts = lattice.expected_counts(graph, spans)
    if counts.log_partition[0] == NEVER:
        return
    for name, index, moved in variations(graph):
        up, down = (lattice.log_partition(moved(h), spans) for h in (1e-5, -1e-5))
        assert (up - down) / 2e-5 == pytest.approx(getattr(counts, name)[index], abs=2e-5)


@given(span_lattices())
def test_expected_durations_are_shares_of_rows(case):
    graph, spans = case
    counts, rows = lattice.expected_counts(graph, spans), possible_rows(graph, spans)
    total = log_sum(score for *_, score in rows)
    durations, tail = np.zeros_like(counts.durations), np.zeros(graph.n_gaps)
    for row, between, score in rows:
        for s, g, t in zip(row[:-1], between[1:-1], row[1:]):
            longest = graph.timed.inner.longest[g]
            d = int(spans.begin[t] - spans.end[s])
            durations[g, min(d, longest) - graph.gaps[g].shortest] += math.exp(score - total)
            tail[g] += math.exp(score - total) * max(0, d - longest)
    np.testing.assert_allclose(counts.durations, durations, **EXACT)
    np.testing.assert_allclose(counts.tail, tail, rtol=1e-8, atol=1e-8)


@given(span_lattices(max_spans=4), seeds)
def test_drawn_rows_have_their_posterior(case, seed):
    graph, spans = case
    rows = {(row, between): score for row, between, score in possible_rows(graph, spans)}
    n, total = 400, log_sum(rows.values())
    drawn = lattice.sample_paths(graph, spans, n, random_state=seed)
    if not rows:
        assert all(path.score == NEVER for path in drawn)
        return
    seen = dict.fromkeys(rows, 0)
    for path in drawn:
        key = tuple(path.spans.tolist()), tuple(path.gaps.tolist())
        np.testing.assert_allclose(path.score, rows[key], **EXACT)
        seen[key] += 1
    for key, score in rows.items():
        p = math.exp(score - total)
        assert abs(seen[key] - n * p) <= 6 * math.sqrt(n * p * (1 - p)) + 6


def random_case(n_steps, n, seed=0):
    rng = np.random.default_rng(seed)
    begin = rng.integers(0, n_steps - 300, n)
    gap = Gap([0, 1], [0, 1], rng.normal(-5, 1, 80), -20, -0.01, label=0, start=0.0, end=-1.0)
    far = Gap({0: -1.0}, {1: -2.0}, rng.normal(-6, 1, 5), 30, -0.002, label=-1, start=-1.0, end=0.0)
    end = begin + rng.integers(21, 300, n)
    spans = Spans(
        n_steps, begin, end, rng.integers(0, 2, n), rng.normal(2, 4, n), steps=rng.normal(0, 0.05, (n_steps, 1))
    )
    return SpanGraph(2, [gap, far]), spans


def test_one_long_sequence_is_consistent():
    """Thousands of spans: the posterior is a share of what is left when a span is made impossible."""
    graph, spans = random_case(20_000, 3_000)
    found = lattice.posteriors(graph, spans)
    path = lattice.best_path(graph, spans)
    assert lattice.path_score(graph, spans, path) == pytest.approx(path.score, rel=1e-12)
    assert path.score < found.log_partition == pytest.approx(lattice.log_partition(graph, spans), rel=1e-12)
    for i in [*path.spans[:3], *np.argsort(-found.spans)[:3], 0, 1]:
        score = spans.score.copy()
        score[i] = NEVER
        without = lattice.log_partition(graph, replace(spans, score=score))
        assert found.spans[i] == pytest.approx(-math.expm1(without - found.log_partition), abs=1e-7)


def test_any_number_of_threads_gives_the_same_bits():
    graph = random_case(2_000, 10)[0]
    cases = [random_case(2_000, 200, seed)[1] for seed in range(5)]
    one, two = (lattice.posteriors(graph, cases, n_jobs=n) for n in (1, 2))
    assert all(np.array_equal(a.spans, b.spans) for a, b in zip(one, two))
    drawn = [lattice.sample_paths(graph, cases, 2, random_state=1, n_jobs=n) for n in (1, 2)]
    assert all(np.array_equal(p.spans, q.spans) for a, b in zip(*drawn) for p, q in zip(a, b))


def test_no_candidates_and_no_steps():
    graph = SpanGraph(1, [GAP])
    none = np.empty(0, dtype=np.int64)
    path = lattice.best_path(graph, Spans(7, none, none, none, none))
    assert len(path.spans) == 0 and path.gaps.tolist() == [0]
    assert path.score == pytest.approx(lattice.log_partition(graph, Spans(7, none, none, none, none)))
    empty = Spans(0, none, none, none, none)
    assert lattice.log_partition(graph, empty) == 0.0 == lattice.best_path(graph, empty).score
    assert lattice.posteriors(graph, []) == []


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"begin": [3], "end": [3]}, "a step at least"),
        ({"begin": [3], "end": [30]}, "inside the sequence"),
        ({"begin": [-1], "end": [5]}, "inside the sequence"),
        ({"score": [np.nan]}, "finite scores"),
        ({"score": [np.inf]}, "finite scores"),
        ({"kind": [1]}, "kinds 1 to 1; the graph has 1"),
        ({"kind": [0.0]}, "type float64"),
        ({"opens": [True]}, "begin at step 0"),
        ({"closes": [True]}, "end with the sequence"),
        ({"begin": [3], "end": [4]}, "overlap by 1"),
        ({"score": [1.0, 2.0]}, "one entry per span"),
        ({"steps": np.full((20, 1), NEVER)}, "large negative score"),
    ],
)
def test_candidates_that_cannot_be(parts, message):
    given = {"begin": [2], "end": [9], "kind": [0], "score": [1.0], **parts}
    with pytest.raises(ValueError, match=message):
        lattice.best_path(SpanGraph(1, [GAP]), Spans(20, **given))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"before": [1]}, "names kind 1"),
        ({"after": {0: np.nan}}, "names kind 0"),
        ({"durations": [NEVER]}, "one of them possible"),
        ({"durations": [[0.0]]}, "shape"),
        ({"tail": 0.0}, "below 0"),
        ({"start": np.inf}, "finite weights"),
    ],
)
def test_graphs_that_cannot_be(parts, message):
    with pytest.raises(ValueError, match=message):
        SpanGraph(1, [replace(GAP, **parts)])


def test_gaps_that_read_steps_ask_for_them():
    spans = Spans(20, [2], [9], [0], [1.0])
    with pytest.raises(ValueError, match="the gaps of the graph read 1"):
        lattice.log_partition(SpanGraph(1, [replace(GAP, label=0)]), spans)
