"""Open reading frames: every place where a gene could start, on one strand, and where it would then end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq._jit import jit
from hmmseq.kernels.sorting import order

from ..alphabet import DNA, Codes
from ..genetic_code import GeneticCode

BORDER = 5  # a code of its own between contigs: no gene crosses it, but one may be cut by it
BORDER_WIDTH = 48  # every frame meets it, and a start does not see the letters of another contig
CUT = -1  # what stands for a start or stop codon that lies beyond a border

_USUAL_STARTS = (14, 46, 62)  # ATG, GTG, TTG


class OpenFrames(NamedTuple):
    """Candidate genes of one strand, read in its own direction: frame by frame, in each from the innermost start outwards."""

    codes: Codes  # (n,) of the strand
    begin: NDArray[np.int32]  # (n_candidates,) first base of the first whole codon
    start: NDArray[np.int8]  # (n_candidates,) which start codon, or CUT
    frame: NDArray[np.int32]  # (n_candidates,) the open frame
    first: NDArray[np.int64]  # (n_frames + 1,) the first candidate of each
    stop: NDArray[np.int32]  # (n_frames,) base after the last sense codon
    stop_kind: NDArray[np.int8]  # (n_frames,) which stop codon, or CUT


def start_codons(code: GeneticCode) -> tuple[int, ...]:
    """The start codons to look for: of NCBI's codes those that are not rare, of a code of one's own all."""
    allowed = [codon for codon in code.starts if codon not in code.stops]
    usual = [codon for codon in _USUAL_STARTS if codon in allowed]
    return tuple(usual if usual and code.table is not None else allowed)


def codon_marks(code: GeneticCode) -> NDArray[np.int8]:
    """(64,) k + 1 for start codon number k, -k - 1 for stop codon number k, else 0."""
    marks = np.zeros(64, dtype=np.int8)
    for k, codon in enumerate(start_codons(code)):
        marks[codon] = k + 1
    for k, codon in enumerate(code.stops):
        marks[codon] = -k - 1
    return marks


def other_strand(codes: Codes) -> Codes:
    """Codes of the other strand in its own direction; borders stay borders."""
    turned = codes[::-1].copy()
    np.subtract(DNA.missing - 1, turned, out=turned, where=turned < DNA.missing)  # a look-up takes eight bytes a base
    return turned


def open_frames(codes: Codes, marks: NDArray[np.int8], min_length: int, min_cut: int) -> OpenFrames:
    """All candidates of a strand.

    marks : see `codon_marks`
    min_length : bases of the shortest complete gene, stop codon included
    min_cut : bases of the shortest part of a gene that a border has cut
    """
    begin, start, frame, stop, stop_kind = _candidates(codes, marks, min_length, min_cut)
    by_frame = order(frame)
    first = np.concatenate([[0], np.cumsum(np.bincount(frame, minlength=len(stop)))])
    return OpenFrames(codes, begin[by_frame], start[by_frame], frame[by_frame], first, stop, stop_kind)


@jit
def _candidates(codes, marks, min_length, min_cut):
    """From right to left, the frames side by side."""
    room = codes.size + 16
    begin, start, frame = np.empty(room, np.int32), np.empty(room, np.int8), np.empty(room, np.int32)
    stop, stop_kind = np.empty(room, np.int32), np.empty(room, np.int8)
    ends, kinds, own = np.full(3, -1, np.int64), np.zeros(3, np.int64), np.full(3, -1, np.int64)
    n, n_frames = 0, 0
    for p in range(codes.size - 3, -1, -1):
        a, b, c = codes[p], codes[p + 1], codes[p + 2]
        f = p % 3
        at_border = a == BORDER or b == BORDER or c == BORDER
        if at_border:
            mark, at = 1, p + 3
        elif a > 3 or b > 3 or c > 3:
            continue
        else:
            mark, at = marks[16 * a + 4 * b + c], p
        if mark > 0 and ends[f] >= 0:
            cut = at_border or kinds[f] < 0
            length = ends[f] + (3 if kinds[f] >= 0 else 0) - at
            if length >= (min_cut if cut else min_length):
                if own[f] < 0:
                    own[f] = n_frames
                    stop[n_frames], stop_kind[n_frames] = ends[f], kinds[f]
                    n_frames += 1
                begin[n], start[n], frame[n] = at, (CUT if at_border else mark - 1), own[f]
                n += 1
        if at_border or mark < 0:
            ends[f], kinds[f], own[f] = p, (CUT if at_border else -mark - 1), -1
    return begin[:n].copy(), start[:n].copy(), frame[:n].copy(), stop[:n_frames].copy(), stop_kind[:n_frames].copy()
