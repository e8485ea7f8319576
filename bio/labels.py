"""Where the names of genes are written in a picture: in their arrows, beside them, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .gene import Gene, Piece

IN, BESIDE = "small", "x-small"  # sizes of letters
_WIDTH = {IN: 0.0075, BESIDE: 0.006}  # of a letter, in widths of the picture
_MARGIN = 0.005  # what the border of an arrow, or the next name, keeps clear


class Label(NamedTuple):
    """A text and the base that it is centred on."""

    text: str
    base: float


def inside(gene: Gene, view: Piece, head: float) -> Label | None:
    """As much of name and posterior as its longest piece in view has room for, beside the head of the arrow (bases)."""
    pieces = [(max(a, view[0]), min(b, view[1])) for a, b in gene.coding_pieces if b >= view[0] and a <= view[1]]
    low, high = max(pieces, key=lambda piece: piece[1] - piece[0])
    shift = head / 4 if gene.strand == "-" else -head / 4
    room = high - low - head / 2
    fitting = (text for text in _texts(gene) if _bases(text, IN, view) < room)
    return next((Label(text, (low + high) / 2 + shift) for text in fitting), None)


def beside(placed: Sequence[tuple[Gene, int]], chosen: Sequence[int], view: Piece) -> list[tuple[Label, int]]:
    """Names, or posteriors, of the chosen ones among genes of one strand, and the row that each is written beyond.

    Left out is what would stand on a gene of a row further out, run into the name before, or cover the middle of a neighbour:
    nobody could tell whose name that is.
    """
    row = np.array([row for _, row in placed])
    first = np.array([max(gene.start, view[0]) for gene, _ in placed])
    last = np.array([min(gene.end, view[1]) for gene, _ in placed])
    middle, written, reach = (first + last) / 2, [], float(view[0])
    for i in chosen:
        for text in _texts(placed[i][0])[-1:]:
            half = _bases(text, BESIDE, view) / 2
            low, high = middle[i] - half, middle[i] + half
            hidden = (row > row[i]) & (first <= high) & (last >= low)
            crowded = (row == row[i]) & (middle >= low) & (middle <= high)
            if low >= reach and high <= view[1] and not hidden.any() and crowded.sum() == 1:
                written.append((Label(text, middle[i]), int(row[i])))
                reach = high
    return written


def _texts(gene: Gene) -> list[str]:
    """What could be written, the longest first, the most telling last."""
    chance = [] if gene.posterior is None else [f"{gene.posterior:.2f}"]
    if not gene.name:
        return chance
    return [*(f"{gene.name} {one}" for one in chance), gene.name]


def _bases(text: str, size: str, view: Piece) -> float:
    return (_WIDTH[size] * len(text) + _MARGIN) * (view[1] - view[0])
