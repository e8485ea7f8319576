"""From a path through the gene graph to genes with coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq.errors import DataError

from .alphabet import DNA, Codes, reverse_complement
from .gene_graph import FORWARD, REVERSE, GeneGraph
from .gene_model import usual_starts
from .genetic_code import GeneticCode


class Span(NamedTuple):
    """A gene at bases first ... last - 1 (from 0), or cut at an end of the sequence.

    inside, position  a base next to its 3' end at which the path is in the gene, and its codon position (from left)
    """

    strand: int
    first: int
    last: int
    cut_left: bool
    cut_right: bool
    phase: int
    inside: int
    position: int


class _Found(NamedTuple):
    """What a path says of a gene: its ends, None if hidden or cut, and the outermost bases where it is inside."""

    strand: int
    left: int | None
    right: int | None
    first: int
    last: int


class PathReader:
    """Finds the genes in paths through one graph."""

    def __init__(self, graph: GeneGraph, code: GeneticCode) -> None:
        self.code = code
        n = graph.graph.n_states
        self.strand, self.position = np.full(n, -1), np.zeros(n, np.int64)  # -1: not inside a gene
        for strand in (FORWARD, REVERSE):
            self.strand[graph.coding[strand]] = strand
            self.strand[graph.wait[strand]] = strand
        self.position[graph.coding] = np.arange(3)
        self.position[graph.wait] = np.arange(2)
        self.opens, self.closes = np.zeros(n, np.int64), np.zeros(n, bool)  # opens: so many bases back a gene begins
        self.opens[[*graph.open, graph.open_from]] = 3
        self.opens[[*graph.both, graph.converge]] = 4
        self.closes[[*graph.close, graph.close_into, *graph.both, graph.converge]] = True
        self.waits = np.zeros(n, bool)
        self.waits[graph.wait] = True

    def read(self, path: NDArray[np.int32], codes: Codes) -> list[Span]:
        """Genes of a sequence of DNA codes, from left to right.

        DataError if `path` holds no states, as where nothing explains the sequence.
        """
        if len(path) and path[0] < 0:
            raise DataError("no path through the gene model explains this sequence")
        frames = _Frames(codes, self.code)
        spans = [self._span(found, path, frames) for found in self._found(path)]
        return sorted(spans, key=lambda span: span.first)  # a hidden end can lie further left than its neighbour's

    def _found(self, path: NDArray[np.int32]) -> Iterator[_Found]:
        inside = self.strand[path] >= 0
        change = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
        for first, end in zip(change[::2], change[1::2]):
            last = end - 1
            before, after = path[first - 1] if first else -1, path[end] if end < len(path) else -1
            left = int(first - self.opens[before]) if before >= 0 and self.opens[before] else None
            right = int(end + 1) if after >= 0 and self.closes[after] else None
            while self.waits[path[last]] and last > first:
                last -= 1
            yield _Found(int(self.strand[path[first]]), left, right, int(first), int(last))

    def _span(self, found: _Found, path: NDArray[np.int32], frames: _Frames) -> Span:
        strand, left, right, first, last = found
        n, inside = len(path), last if strand == FORWARD else first
        cut_left, cut_right = left is None and first == 0, right is None and last >= n - 3
        if left is None:
            left = 0 if cut_left else frames.hidden_left(strand, first, self.position[path[first]])
        if right is None:
            right = n if cut_right else frames.hidden_right(strand, last, self.position[path[last]])
        cut_left, cut_right = cut_left or left < 0, cut_right or right > n
        phase = 0
        if strand == FORWARD and cut_left:
            phase = int(first - self.position[path[first]]) % 3
        if strand == REVERSE and cut_right:
            phase = int(n - 1 - last + self.position[path[last]] - 2) % 3
        position = int(self.position[path[inside]])
        return Span(strand, max(left, 0), min(right, n), cut_left, cut_right, phase, inside, position)


class _Frames:
    """Start and stop codons of a sequence by strand, to find an end that the path does not show."""

    def __init__(self, codes: Codes, code: GeneticCode) -> None:
        self.n = len(codes)
        strands = codes, reverse_complement(codes)
        self.stops = [_places(sequence, code.stops) for sequence in strands]
        self.starts = [_places(sequence, usual_starts(code)) for sequence in strands]

    def hidden_left(self, strand: int, base: int, position: int) -> int:
        """Left end of a gene that has `base` at this codon position; below 0 if the sequence ends first."""
        if strand == REVERSE:
            return self.n - self._stop(REVERSE, self.n - 1 - base - (2 - position))
        return self._start(FORWARD, base - position)

    def hidden_right(self, strand: int, base: int, position: int) -> int:
        """Right end, in the same way; above the length if the sequence ends first."""
        if strand == FORWARD:
            return self._stop(FORWARD, base - position)
        return self.n - self._start(REVERSE, self.n - 1 - base - (2 - position))

    def _stop(self, strand: int, codon: int) -> int:
        """End of the first stop codon in the frame of a codon, in its strand's own coordinates."""
        ahead = self.stops[strand][max(codon, codon % 3) :: 3]
        found = int(ahead.argmax()) if ahead.size else 0
        return max(codon, codon % 3) + 3 * found + 3 if ahead.size and ahead[found] else self.n + 1

    def _start(self, strand: int, codon: int) -> int:
        """The nearest start codon upstream, as long as no stop lies between; else the next one downstream."""
        upstream = slice(codon, None, -3)
        starts, stops = self.starts[strand][upstream], self.stops[strand][upstream]
        if starts.any() and not stops[: starts.argmax()].any():
            return codon - 3 * int(starts.argmax())
        downstream = self.starts[strand][codon::3]
        return codon + 3 * int(downstream.argmax()) if downstream.any() else codon


def _places(codes: Codes, codons: tuple[int, ...]) -> NDArray[np.bool_]:
    """(length,) whether one of these codons begins at each base."""
    chosen = np.zeros(64, bool)
    chosen[list(codons)] = True
    found = np.zeros(len(codes), bool)
    if len(codes) > 2:
        a, b, c = (codes[i : len(codes) - 2 + i].astype(np.int64) for i in range(3))
        known = np.maximum(np.maximum(a, b), c) < DNA.missing
        found[:-2] = known & chosen[np.where(known, 16 * a + 4 * b + c, 0)]
    return found
