"""The state graph of genes on two strands: what may follow what.

Read from left to right, so a gene of the reverse strand is entered at its stop codon and left at its start codon.

    outside, gap+, gap-     between genes; a gap lies between two genes of one strand
    coding                  round the three codon positions, on either strand, in one of several classes
    open+, open-            the last base of a codon that opens a gene (start or reversed stop)
    wait, wait, close       the three bases of a codon that closes a gene (stop or reversed start)
    both                    a close that is an open as well: overlaps of four bases, such as ATGA

A state scores the word that ends at its base. So one state reads a whole codon once its bases have passed, as
background before an open and as waiting before a close, and an overlap of one base (TAATG) is simply a short gap. In
longer overlaps one end of one gene is hidden: the second gene goes on in its frame where the first one has closed
(`close_into`), or the first one is cut where the second one opens (`open_from`). Where it really ends is then read off
its frame (gene_path.py). With these two states M. genitalium's 3' recall rises from 95 to 99 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmseq.graph import StateGraph

FORWARD, REVERSE = 0, 1

# Labels. Outside and gaps read BACKGROUND; codons and overlaps follow; coding comes last, see `coding_label`.
BACKGROUND, WAITING, OPEN, CLOSE, BOTH, CONVERGE, CODING = 0, 1, (2, 3), (4, 5), (6, 7), 8, 9

# Expected bases in a gene, a gap and outside, and the share of closes that go into an overlap: only to begin with.
_GENE, _GAP, _OUTSIDE, _OVERLAP = 900.0, 30.0, 200.0, 0.02


class GeneGraph:
    """The graph for `n_classes` coding classes; `graph` holds first guesses of the edge weights, not normalised.

    States: outside, gap (2,), wait (2, 2), open (2,), close (2,), both (2,), converge, open_from, close_into and
    coding (2, n_classes, 3); the first axis is the strand, the last one of coding the position from left to right.
    """

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes
        self._labels: list[int] = []
        self._edges: dict[tuple[int, int], float] = {}
        self.outside = self._add(BACKGROUND)
        self.gap = [self._add(BACKGROUND) for _ in range(2)]
        self.wait = [[self._add(WAITING) for _ in range(2)] for _ in range(2)]
        self.open, self.close, self.both = ([self._add(label) for label in pair] for pair in (OPEN, CLOSE, BOTH))
        self.converge = self._add(CONVERGE)
        self.open_from, self.close_into = self._add(OPEN[REVERSE]), self._add(CLOSE[FORWARD])
        self.coding = np.array([self._add(label) for label in self.coding_labels.ravel()])
        self.coding = self.coding.reshape(self.coding_labels.shape)
        self._join_coding()
        self._join_closes()
        source, target = np.array(list(self._edges)).T
        weights = np.log(np.array(list(self._edges.values())))
        self.graph = StateGraph(len(self._labels), source, target, label=self._labels, edge=weights)

    @property
    def coding_labels(self) -> np.ndarray:
        """(2, n_classes, 3) label of each strand, class and codon position from left to right."""
        return CODING + np.arange(6 * self.n_classes).reshape(2, self.n_classes, 3)

    def _add(self, label: int) -> int:
        self._labels.append(int(label))
        return len(self._labels) - 1

    def _join(self, sources: Any, targets: Any, weight: float) -> None:
        for i in np.ravel(sources):
            self._edges.update({(int(i), int(j)): weight for j in np.ravel(targets)})

    def _join_coding(self) -> None:
        self._join(self.outside, self.outside, 1 - 1 / _OUTSIDE)
        for strand in (FORWARD, REVERSE):
            first, second, third = self.coding[strand].T
            for sources, targets in ((first, second), (second, third), (third, first)):
                for i, j in zip(sources, targets):
                    self._join(i, j, 1 - 1 / _GENE)
            self._join(third, self.wait[strand][0], 1 / _GENE)
            self._join(self.gap[strand], self.gap[strand], 1 - 1 / _GAP)
            self._join([self.outside, self.gap[strand]], self.open[strand], 1 / _OUTSIDE)
            self._join(self.open[strand], first, 1.0)
        self._join(self.coding, self.open_from, _OVERLAP / _GENE)
        self._join(self.open_from, self.coding[REVERSE, :, 0], 1.0)

    def _join_closes(self) -> None:
        for strand in (FORWARD, REVERSE):
            ready = self.wait[strand][1]
            self._join(self.wait[strand][0], ready, 1.0)
            self._join(ready, self.close[strand], 1.0)
            self._join(self.close[strand], [self.outside, self.gap[strand]], 1.0)
            self._join(ready, self.both[strand], _OVERLAP)
            self._join(self.both[strand], self.coding[strand, :, 1], 1.0)
        self._join(self.wait[FORWARD][1], [self.converge, self.close_into], _OVERLAP)
        self._join(self.converge, self.coding[REVERSE, :, 1], 1.0)
        self._join(self.close_into, self.coding, 1.0)
