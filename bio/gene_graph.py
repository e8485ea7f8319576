"""The state graph of genes on two strands: what may follow what.

Outside genes, a path waits in `outside` or, between two genes of one strand, in that strand's `gap`. It enters and
leaves genes through signals: chains of states that read a start codon, a stop codon, or both where two genes overlap.
Inside, it goes round the three codon positions of one of several coding classes. Everything is read from left to right;
genes of the reverse strand are entered at their stop codon.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hmmseq.graph import StateGraph

FORWARD, REVERSE = 0, 1
OUTSIDE, WAITING = 0, 1  # labels; `outside` and gaps read the first, signals up to their last base the second

# Expected lengths in bases, only to begin with.
_GENE, _GAP, _OUTSIDE = 900.0, 30.0, 200.0


@dataclass(frozen=True)
class Signal:
    """A short stretch that begins a gene, ends one, or does both.

    width         bases
    closes, opens  (strand, boundary): a gene ends before, another one begins at, this base of the stretch
    """

    width: int
    closes: tuple[int, int] | None = None
    opens: tuple[int, int] | None = None

    def mirrored(self) -> Signal:
        """The same signal as the other strand sees it."""
        return Signal(self.width, self._flip(self.opens), self._flip(self.closes))

    def _flip(self, place: tuple[int, int] | None) -> tuple[int, int] | None:
        return None if place is None else (1 - place[0], self.width - place[1])


def overlap(first: int, second: int, bases: int) -> Signal:
    """A gene on strand `first` and, further right, one on `second`, which share so many bases."""
    if bases == 1:
        return Signal(5, (first, 3), (second, 2))
    return Signal(bases, (first, bases), (second, 0))


# Overlaps of 4 bases (ATGA, TTAA) and of 1 (TAATG) are most of all overlaps in bacteria.
SIGNALS = (
    Signal(3, opens=(FORWARD, 0)),
    Signal(3, closes=(FORWARD, 3)),
    Signal(3, opens=(REVERSE, 0)),
    Signal(3, closes=(REVERSE, 3)),
    overlap(FORWARD, FORWARD, 4),
    overlap(REVERSE, REVERSE, 4),
    overlap(FORWARD, FORWARD, 1),
    overlap(REVERSE, REVERSE, 1),
    overlap(FORWARD, REVERSE, 4),
)


class GeneGraph:
    """States, labels and edges for `n_classes` coding classes, and how one strand's states map to the other's.

    graph    StateGraph with first guesses of all weights
    mirror   (n_states,) the state that stands for the same thing on the other strand
    """

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes
        self._labels: list[int] = []
        self._edges: dict[tuple[int, int], float] = {}
        self.outside = self._add(OUTSIDE)
        self.gaps = [self._add(OUTSIDE), self._add(OUTSIDE)]
        self.coding = np.array(  # (strand, class, position)
            [[[self._add(self.coding_label(s, k, p)) for p in range(3)] for k in range(n_classes)] for s in (0, 1)]
        )
        self.signals = [self._add_chain(self.signal_label(i), signal.width) for i, signal in enumerate(SIGNALS)]
        self._connect()
        source, target = np.array(list(self._edges)).T
        weights = np.log(np.array(list(self._edges.values())))
        self.graph = StateGraph(len(self._labels), source, target, label=self._labels, edge=weights)

    def coding_label(self, strand: int, coding_class: int, position: int) -> int:
        """Label of a codon position (0 to 2, from left to right)."""
        return 2 + (strand * self.n_classes + coding_class) * 3 + position

    def signal_label(self, signal: int) -> int:
        """Label read at the last base of a signal."""
        return 2 + 6 * self.n_classes + signal

    def _add(self, label: int) -> int:
        self._labels.append(label)
        return len(self._labels) - 1

    def _add_chain(self, label: int, width: int) -> list[int]:
        chain = [self._add(WAITING) for _ in range(width - 1)] + [self._add(label)]
        for a, b in zip(chain[:-1], chain[1:]):
            self._edges[a, b] = 1.0
        return chain

    def _connect(self) -> None:
        self._edges[self.outside, self.outside] = 1 - 1 / _OUTSIDE
        for state in self.gaps:
            self._edges[state, state] = 1 - 1 / _GAP
        for a, b in zip(self.coding.reshape(-1, 3), np.roll(self.coding.reshape(-1, 3), -1, axis=1)):
            self._edges.update({(int(i), int(j)): 1 - 1 / _GENE for i, j in zip(a, b)})
        for signal, chain in zip(SIGNALS, self.signals):
            for state in self._before(signal):
                self._edges[state, chain[0]] = 1 / _GENE
            for state in self._after(signal):
                self._edges[chain[-1], state] = 1.0
        closing = [c for s, c in zip(SIGNALS, self.signals) if s.opens is None]
        opening = [c for s, c in zip(SIGNALS, self.signals) if s.closes is None]
        self._edges.update({(a[-1], b[0]): 0.1 for a in closing for b in opening})

    def _before(self, signal: Signal) -> list[int]:
        """States from which a signal is entered."""
        if signal.closes is None:
            assert signal.opens is not None
            return [self.outside, self.gaps[signal.opens[0]]]
        strand, boundary = signal.closes
        return [int(state) for state in self.coding[strand, :, (2 - boundary) % 3]]

    def _after(self, signal: Signal) -> list[int]:
        """States to which a signal leads."""
        if signal.opens is None:
            assert signal.closes is not None
            return [self.outside, self.gaps[signal.closes[0]]]
        strand, boundary = signal.opens
        return [int(state) for state in self.coding[strand, :, (signal.width - boundary) % 3]]

    @cached_property
    def mirror(self) -> NDArray[np.int64]:
        mirror = np.arange(len(self._labels))
        mirror[self.gaps] = self.gaps[::-1]
        mirror[self.coding] = self.coding[::-1, :, ::-1]
        for signal, chain in zip(SIGNALS, self.signals):
            mirror[chain] = self.signals[SIGNALS.index(signal.mirrored())][::-1]
        return mirror

    @cached_property
    def mirror_edge(self) -> NDArray[np.int64]:
        """(n_edges,) the edge that the other strand's path takes where one strand's takes this one."""
        n = self.graph.n_states
        key = self.graph.source * n + self.graph.target
        other = self.mirror[self.graph.target] * n + self.mirror[self.graph.source]
        order = np.argsort(key)
        return order[np.searchsorted(key[order], other)]
