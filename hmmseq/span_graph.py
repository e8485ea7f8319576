"""A graph of candidate spans joined by gaps: what may lie between which spans, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hmmseq.kernels.logmath import LARGEST, NEVER
from hmmseq.kernels.spans import Candidates, Gaps, Table
from hmmseq.segment_graph import log_survival

__all__ = ["Gap", "SpanGraph", "Spans"]


@dataclass(frozen=True)
class Gap:
    """One kind of gap between two spans.

    before, after : kinds of span that may stand before and after it, with a log weight each: {kind: weight}; a plain list
        of kinds gives each the weight 0
    durations : log weights of shortest, shortest + 1, ... steps, minus infinity for what cannot be
    shortest : the first duration of the table; negative where neighbours may overlap
    tail : log weight, below 0, of each step beyond the last possible duration; minus infinity: none
    label : score column that the steps of the gap read; -1 for none. Steps that two spans share are in no gap.
    start, end : log weight of a sequence that begins, or ends, inside such a gap. The part of it that is seen then weighs
        log P(duration >= what is seen), the sum over all ways to have begun before, or to go on.
    """

    before: Mapping[int, float] | Iterable[int]
    after: Mapping[int, float] | Iterable[int]
    durations: Any
    shortest: int = 0
    tail: float = NEVER
    label: int = -1
    start: float = NEVER
    end: float = NEVER


@dataclass(frozen=True)
class Spans:
    """The candidate spans of one sequence, in any order.

    n_steps : length of the sequence
    begin, end : (n_spans,) steps begin ... end - 1
    kind : (n_spans,) kind of each
    score : (n_spans,) in nats; minus infinity for one that cannot be
    opens, closes : (n_spans,) whether the sequence begins inside the span (`begin` is then 0), and whether it ends inside
        it (`end` is then n_steps); default: none
    steps : (n_steps, n_labels) scores that gaps read, finite; may be left out where no gap reads any

    Raises ValueError for shapes that do not fit, spans outside the sequence or without steps, and scores that are NaN.
    """

    n_steps: int
    begin: Any
    end: Any
    kind: Any
    score: Any
    opens: Any = None
    closes: Any = None
    steps: Any = None

    def __len__(self) -> int:
        return len(self.begin)

    def __post_init__(self) -> None:
        number = np.shape(self.begin)
        for name, kind in (("begin", np.int64), ("end", np.int64), ("kind", np.int64), ("score", np.float64)):
            object.__setattr__(self, name, _column(name, getattr(self, name), number, kind))
        for name in ("opens", "closes"):
            given = getattr(self, name)
            flags = np.zeros(number, dtype=np.bool_) if given is None else given
            object.__setattr__(self, name, _column(name, flags, number, np.bool_))
        self._check()

    def _check(self) -> None:
        self._refuse((self.begin < 0) | (self.begin >= self.end) | (self.end > self.n_steps), "lie inside the sequence")
        self._refuse(self.opens & (self.begin != 0), "begin at step 0 where they open the sequence")
        self._refuse(self.closes & (self.end != self.n_steps), "end with the sequence where they close it")
        self._refuse(
            ~(self.score < LARGEST) | ((self.score < -LARGEST) & (self.score > NEVER)), "have finite scores or -inf"
        )
        if self.steps is not None:
            steps = np.asarray(self.steps, dtype=np.float64)
            if steps.ndim != 2 or len(steps) != self.n_steps or not np.all(np.abs(steps) < LARGEST):
                raise ValueError(
                    f"steps have shape {steps.shape}; expected ({self.n_steps}, n_labels) finite log scores, because gaps "
                    "add them up; give a step that no gap may read a large negative score"
                )
            object.__setattr__(self, "steps", steps)

    def _refuse(self, wrong: np.ndarray, law: str) -> None:
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"span {i} covers steps {self.begin[i]} to {self.end[i]} of {self.n_steps} with score {self.score[i]}; "
                f"spans have a step at least and {law}"
            )


class SpanGraph:
    """Kinds of spans, and the gaps that join them: the structure under gene finders.

    A path is a row of candidate spans, each with its own score, and of gaps between them. A gap of d steps weighs what its
    table says of d, which may be negative: neighbours overlap. The sequence begins and ends inside a gap, or inside a span
    that is marked to open or close it.

    Parameters
    ----------
    n_kinds : number of kinds of span
    gaps : the kinds of `Gap`
    opening, closing : (n_kinds,) log weight of a sequence that begins, or ends, inside a span of each kind

    A span must be longer than any overlap that the gaps beside its kind allow, except where it opens or closes the
    sequence. So no two spans of a path begin in an order other than they end, and one sweep over the sequence is enough.

    Raises ValueError for kinds out of range and weights that are NaN or plus infinity.

    >>> from hmmseq.lattice import best_path
    >>> gap = Gap(before=[0], after=[0], durations=np.log([0.1, 0.1, 0.4, 0.2]), shortest=-1, tail=-0.5, start=0.0, end=0.0)
    >>> spans = Spans(20, begin=[2, 6, 9], end=[7, 10, 14], kind=[0, 0, 0], score=[4.0, 3.0, 5.0])
    >>> best_path(SpanGraph(1, [gap]), spans).spans
    array([0, 1, 2])
    """

    def __init__(self, n_kinds: int, gaps: Sequence[Gap], *, opening: Any = None, closing: Any = None) -> None:
        self.n_kinds, self.gaps = int(n_kinds), tuple(gaps)
        self.opening, self.closing = _border(opening, n_kinds, "opening"), _border(closing, n_kinds, "closing")
        self.before = np.array([_weights(gap.before, n_kinds) for gap in self.gaps]).reshape(-1, n_kinds)
        self.after = np.array([_weights(gap.after, n_kinds) for gap in self.gaps]).reshape(-1, n_kinds)
        self._tables = [_durations(gap, g) for g, gap in enumerate(self.gaps)]
        overlap = np.array([max(0, -gap.shortest) for gap in self.gaps], dtype=np.int64)[:, None]
        self._overlap = np.maximum.reduce(
            [np.where(self.before > NEVER, overlap, 0), np.where(self.after > NEVER, overlap, 0)]
        ).max(axis=0, initial=0)

    n_gaps = property(lambda self: len(self.gaps), doc="Number of kinds of gap.")
    n_labels = property(
        lambda self: max((gap.label for gap in self.gaps), default=-1) + 1, doc="Number of score columns."
    )

    @cached_property
    def timed(self) -> Gaps:
        """The graph as the kernels read it."""
        inner = _table(self._tables, [gap.shortest for gap in self.gaps])
        seen = [
            log_survival(table[None, max(0, -gap.shortest) :], gap.tail)[0]
            if len(table) > -gap.shortest
            else np.array([NEVER])
            for gap, table in zip(self.gaps, self._tables)
        ]
        early = [np.concatenate([np.full(max(gap.shortest, 0), part[0]), part]) for gap, part in zip(self.gaps, seen)]
        return Gaps(
            self.before,
            self.after,
            np.array([gap.label for gap in self.gaps], dtype=np.int64),
            np.array([gap.tail for gap in self.gaps], dtype=np.float64),
            inner,
            _table(early, [0] * self.n_gaps),
            np.array([gap.start for gap in self.gaps], dtype=np.float64),
            np.array([gap.end for gap in self.gaps], dtype=np.float64),
            self.opening,
            self.closing,
            np.where(self.after > NEVER, np.maximum(0, -inner.shortest)[:, None], 0).max(axis=0, initial=0),
        )

    def whole(self, n_steps: int) -> np.ndarray:
        """(n_gaps,) log weight of a sequence that is all one gap: the sum over all ways to have begun before and go on."""
        out = np.full(self.n_gaps, NEVER)
        border, tail = self.timed.border, self.timed.tail
        for g, survival in self._survivals.items():
            beyond = max(0, n_steps - int(border.longest[g]))
            if not beyond or tail[g] > NEVER:
                out[g] = survival[n_steps - beyond] + (beyond * tail[g] if beyond else 0.0)
        return self.timed.start + self.timed.end + out

    @cached_property
    def _survivals(self) -> dict[int, np.ndarray]:
        """Of gaps that a sequence may begin in, by number: log weight of going on for so many steps after some before."""
        border, tail = self.timed.border, self.timed.tail
        rows = {g: border.weight[g, : border.longest[g] + 1] for g in range(self.n_gaps)}
        return {g: log_survival(row[None], tail[g])[0] for g, row in rows.items() if row.max() > NEVER}

    def candidates(self, spans: Spans) -> Candidates:
        """The spans as the kernels read them; ValueError if they do not belong to this graph."""
        if len(spans) and not 0 <= spans.kind.min() <= spans.kind.max() < self.n_kinds:
            raise ValueError(f"spans have kinds {spans.kind.min()} to {spans.kind.max()}; the graph has {self.n_kinds}")
        short = np.flatnonzero((spans.end - spans.begin <= self._overlap[spans.kind]) & ~spans.opens & ~spans.closes)
        if short.size:
            i = short[0]
            raise ValueError(
                f"span {i} covers steps {spans.begin[i]} to {spans.end[i]}, but neighbours of its kind {spans.kind[i]} may "
                f"overlap by {self._overlap[spans.kind[i]]}; spans must be longer than that, or the overlap shorter"
            )
        given = 0 if spans.steps is None else spans.steps.shape[1]
        if given < self.n_labels:
            raise ValueError(f"spans have steps with {given} columns; the gaps of the graph read {self.n_labels}")
        content = np.zeros((self.n_labels, spans.n_steps + 1 if self.n_labels else 1))
        for label in range(self.n_labels):
            np.cumsum(spans.steps[:, label], out=content[label, 1:])
        return Candidates(
            spans.n_steps, spans.begin, spans.end, spans.kind, spans.score, spans.opens, spans.closes, content
        )

    def __repr__(self) -> str:
        return f"<SpanGraph: {self.n_kinds} kinds of span, {self.n_gaps} kinds of gap>"


def _weights(kinds: Mapping[int, float] | Iterable[int], n_kinds: int) -> np.ndarray:
    """(n_kinds,) log weights, minus infinity for kinds that are not named."""
    pairs = kinds if isinstance(kinds, Mapping) else dict.fromkeys(kinds, 0.0)
    out = np.full(n_kinds, NEVER)
    for kind, weight in pairs.items():
        if not 0 <= kind < n_kinds or not weight < LARGEST:
            raise ValueError(
                f"a gap names kind {kind} with weight {weight}; kinds are 0 ... {n_kinds - 1}, weights finite"
            )
        out[kind] = weight
    return out


def _border(values: Any, n_kinds: int, name: str) -> np.ndarray:
    out = np.full(n_kinds, NEVER) if values is None else np.array(values, dtype=np.float64)
    if out.shape != (n_kinds,) or not np.all(out < LARGEST):
        raise ValueError(
            f"{name} is {out}; expected a log weight for each of {n_kinds} kinds, minus infinity for never"
        )
    return out


def _durations(gap: Gap, number: int) -> np.ndarray:
    """Log weights from `shortest` to the last possible duration."""
    table = np.array(gap.durations, dtype=np.float64)
    if table.ndim != 1 or not np.any(table > NEVER) or not np.all(table < LARGEST):
        raise ValueError(
            f"gap {number} has durations of shape {table.shape}; expected log weights of {gap.shortest}, "
            f"{gap.shortest + 1}, ... steps, finite or -inf, one of them possible"
        )
    if not gap.tail < 0 or not (gap.start < LARGEST and gap.end < LARGEST):
        raise ValueError(
            f"gap {number} has tail {gap.tail}, start {gap.start} and end {gap.end}; expected a tail below 0, so that all "
            "durations together have a finite weight, and finite weights or -inf"
        )
    table = table[: np.flatnonzero(table > NEVER)[-1] + 1]
    missing = 1 - gap.shortest - len(table) if gap.tail > NEVER else 0  # a tail begins no earlier than after 0 steps
    return np.append(table, table[-1] + gap.tail * np.arange(1, missing + 1))


def _table(rows: list[np.ndarray], shortest: list[int]) -> Table:
    """Rows of different lengths in one array."""
    weight = np.full((len(rows), max(map(len, rows), default=1)), NEVER)
    for g, row in enumerate(rows):
        weight[g, : len(row)] = row
    first = np.array(shortest, dtype=np.int64)
    return Table(weight, first, first + np.array([len(row) for row in rows], dtype=np.int64) - 1)


def _column(name: str, values: Any, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    array = np.asarray(values)
    if len(shape) != 1 or array.shape != shape or (dtype is np.int64 and array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} has shape {array.shape} and type {array.dtype}; begin has {shape}: one entry per span"
        )
    return np.ascontiguousarray(array, dtype=dtype)
