"""Numbers along sequences as bedGraph: one line a run of equal values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .output import Target, write_lines

_BLOCK = 1 << 18


def runs(values: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray]:
    """(n_runs,) where each run of equal values starts and ends (excluded), and its value."""
    values = np.asarray(values)
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), values
    starts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    return starts, np.append(starts[1:], len(values)), values[starts]


def write_bedgraph(
    tracks: Iterable[tuple[str, ArrayLike]], target: Target, *, step: int = 1, digits: int = 2, name: str = ""
) -> None:
    """Write values along sequences, rounded; equal neighbours share a line, and zeros have none.

    tracks : id of a sequence, and its values (n,), one a base or one a bin, all finite
    target : a path (complete or left alone), "-" for standard output, or a binary file
    step : bases a bin
    digits : decimals that are kept
    name : of the track, for browsers
    """
    write_lines(_lines(tracks, step, digits, name), target)


def _lines(tracks: Iterable[tuple[str, ArrayLike]], step: int, digits: int, name: str) -> Iterator[str]:
    if name:
        yield f'track type=bedGraph name="{name}"'
    for seqid, values in tracks:
        starts, ends, levels = _level_runs(np.asarray(values), digits, seqid)
        for start, end, level in zip(*(array[levels != 0].tolist() for array in (starts, ends, levels))):
            yield f"{seqid}\t{start * step}\t{end * step}\t{level / 10**digits:.{digits}f}"


def _level_runs(
    values: NDArray, digits: int, seqid: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Runs of equal whole numbers of the last decimal, compared exactly; a block at a time, since values are many."""
    starts, levels = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    for first in range(0, len(values), _BLOCK):
        scaled = values[first : first + _BLOCK] * 10.0**digits
        if not np.all(np.abs(scaled) < 2**31 - 1):  # NaN, too
            raise ValueError(
                f"{seqid}: values are not finite, or too large to keep {digits} decimals; expected numbers"
            )
        begins, _, heights = runs(np.rint(scaled).astype(np.int32))
        starts.append(begins + first)
        levels.append(heights)
    start = np.concatenate(starts)
    own, _, level = runs(np.concatenate(levels))  # a run may go on in the next block
    return start[own], np.append(start[own][1:], len(values))[: len(own)], level
