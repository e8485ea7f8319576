"""What all formats share: text complete or absent, places that exist, numbers that can be read back."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import BinaryIO, TypeAlias

from hmmseq.errors import DataError
from hmmseq.files import atomic_write

from ..gene import Gene, Piece

Target: TypeAlias = str | os.PathLike[str] | BinaryIO


def write_lines(lines: Iterable[str], target: Target) -> None:
    """Write lines to a path (complete or left alone), "-" for standard output, or a binary file."""
    # Everything is made before anything is written: standard output, too, is complete or absent.
    text = "".join(f"{line}\n" for line in lines).encode()
    if not isinstance(target, (str, os.PathLike)):
        target.write(text)
    elif target == "-" and sys.stdout is None:
        raise DataError("standard output is closed; name a file to write")
    elif target == "-" and not hasattr(sys.stdout, "buffer"):
        sys.stdout.write(text.decode())  # a notebook's, which takes text only
    elif target == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    else:
        with atomic_write(target) as file:
            file.write(text)


def check_place(gene: Gene, lengths: Mapping[str, int], circular: Collection[str] = ()) -> None:
    """ValueError unless the gene lies on a sequence of these lengths; beyond the end only on a circular one."""
    if lengths and gene.seqid not in lengths:
        raise ValueError(f"gene on {gene.seqid!r}, which sequence_lengths does not name")
    if lengths and gene.end > lengths[gene.seqid] * (2 if gene.seqid in circular else 1):
        raise ValueError(f"{gene.seqid}: gene at {gene.start}..{gene.end} of {lengths[gene.seqid]} bases")


def wrapped(pieces: Iterable[Piece], length: int | None) -> list[Piece]:
    """Pieces cut at the origin of a circular sequence, what lies beyond its end coming first on it; order is kept."""
    cut = []
    for first, last in pieces:
        if length is None or last <= length:
            cut.append((first, last))
        elif first > length:
            cut.append((first - length, last - length))
        else:
            cut += [(first, length), (1, last - length)]
    return cut


def number(value: float) -> str:
    """Six digits; ValueError for what is not finite."""
    if not math.isfinite(value):
        raise ValueError(f"a score or posterior is {value}; expected a finite number or None")
    return f"{value:.6g}"
