"""Pictures of genes along a genome. Needs matplotlib: pip install "hmmseq[plot]"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .gene import Gene

# Okabe and Ito's palette, told apart by all kinds of colour vision; strands also differ by direction and height.
FORWARD_COLOUR, REVERSE_COLOUR = "#0072B2", "#D55E00"

_HEAD = 0.012  # length of an arrow's head, in widths of the picture
_LANE = 0.36  # height of a gene


def plot_genes(
    tracks: Mapping[str, Iterable[Gene]],
    first: int,
    last: int,
    *,
    coding: np.ndarray | None = None,
    ax: Any = None,
) -> Any:
    """Draw genes on bases first ... last (from 1) as arrows, one track below the other.

    tracks  name and genes of each track, from the top; genes of other stretches are left out. All on one sequence
    coding  (last - first + 1, 2) probability by strand that a base is coding, drawn below: forward up, reverse down
    ax      where to draw; default: a new figure. Returned.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(12, 1.2 * len(tracks) + 2))[1]
    heights = [float(len(tracks) - i) for i in range(len(tracks))]
    for height, genes in zip(heights, tracks.values()):
        ax.axhline(height, color="0.8", linewidth=0.8, zorder=0)
        for gene in genes:
            if gene.end >= first and gene.start <= last:
                _arrow(ax, gene, height, head=_HEAD * (last - first))
    names = list(tracks)
    if coding is not None:
        _probability(ax, coding, first)
        heights, names = [*heights, 0.0], [*names, "coding\nprobability"]
    ax.set_yticks(heights, names)
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(first, last)
    ax.set_ylim(-0.55 if coding is not None else 0.4, len(tracks) + 0.6)
    ax.xaxis.set_major_formatter(lambda base, _: f"{base / 1000:g}")
    ax.set_xlabel("position (kb)")
    ax.spines[["left", "right", "top"]].set_visible(False)
    return ax


def _arrow(ax: Any, gene: Gene, height: float, head: float) -> None:
    forward = gene.strand == "+"
    middle = height + (0.21 if forward else -0.21)
    head = min(head, gene.end - gene.start)
    neck = gene.end - head if forward else gene.start + head
    tail, tip = gene.five_prime, gene.three_prime
    low, high = middle - _LANE / 2, middle + _LANE / 2
    outline = [(tail, low), (neck, low), (tip, middle), (neck, high), (tail, high)]
    colour = FORWARD_COLOUR if forward else REVERSE_COLOUR
    alpha = 1.0 if gene.posterior is None else 0.3 + 0.7 * gene.posterior
    ax.fill(*zip(*outline), facecolor=colour, alpha=alpha, edgecolor="black", linewidth=0.7)


def _probability(ax: Any, coding: np.ndarray, first: int) -> None:
    base = np.arange(first, first + len(coding))
    for column, sign, colour in ((0, 0.45, FORWARD_COLOUR), (1, -0.45, REVERSE_COLOUR)):
        ax.fill_between(base, 0, sign * coding[:, column], color=colour, linewidth=0)
    ax.axhline(0, color="black", linewidth=0.6)
