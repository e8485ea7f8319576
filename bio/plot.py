"""Pictures of genes along a genome. Needs matplotlib: pip install "hmmseq[plot]"."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from hmmseq.plot.style import FAINT, INK, PALETTE, QUIET, legend_above, new_axes, patches, quieten

from .gene import Gene, Piece

# Told apart by all kinds of colour vision; strands also differ by direction and height.
FORWARD_COLOUR, REVERSE_COLOUR = PALETTE[:2]

_HEAD = 0.012  # length of an arrow's head, in widths of the picture
_TALL = 0.36  # height of a gene; a strand of a track is 0.42 for each row of genes
_ROW = 0.42
_LETTER = 0.0085  # width of a letter, in widths of the picture
_TOUCH = 0.004  # genes that overlap by less, in widths of the picture, share a row


def plot_genes(
    tracks: Mapping[str, Iterable[Gene]],
    first: int,
    last: int,
    *,
    coding: np.ndarray | None = None,
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    ax: Any = None,
) -> Any:
    """Draw genes on bases first ... last (from 1), one track below the other: pieces as arrows, introns as lines between.

    Forward genes lie above the line of their track, reverse genes below, isoforms in rows of their own. The less probable a
    piece is, the paler. Names and posteriors are written where there is room.

    tracks  name and genes of each track, from the top; genes of other stretches are left out. All on one sequence
    coding  (last - first + 1, 2) probability by strand that a base is coding, drawn below: forward up, reverse down
    curves  name, and where its steps begin (n,) and their heights (n,), 0 to 1, of each curve to draw below that
    ax      where to draw; default: a new figure. Returned.
    """
    rows = {
        name: _rows([gene for gene in genes if gene.end >= first and gene.start <= last], last - first)
        for name, genes in tracks.items()
    }
    extra = [] if coding is None else ["coding\nprobability"]
    extra += list(curves or {})
    heights = {name: _ROW * (max(1, up) + max(1, down)) + 0.3 for name, (_, up, down) in rows.items()}
    total = sum(heights.values()) + 1.1 * len(extra)
    ax = new_axes(ax, 12, 0.95 * total + 0.9)
    ticks, top = [], total
    for k, (name, (placed, up, _)) in enumerate(rows.items()):
        middle = top - 0.15 - _ROW * max(1, up)
        top -= heights[name]
        ticks.append((middle, name))
        ax.axhline(middle, color=FAINT, linewidth=1.0, zorder=0)
        for i, (gene, row) in enumerate(placed):
            _gene(ax, gene, middle, row, (first, last), f"gene-{k}-{i}")
    for name in extra:
        top -= 1.1
        ticks.append((top + 0.5, name))
        if curves and name in curves:
            _curve(ax, *curves[name], top, (first, last))
        elif coding is not None:
            _probability(ax, coding, first, top + 0.5)
    ax.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    ax.set_xlim(first, last)
    ax.set_ylim(min(top, 0) - 0.1, total)
    ax.xaxis.set_major_formatter(lambda base, _: f"{base / 1000:g}")
    ax.set_xlabel("position (kb)")
    quieten(ax, keep=("bottom",))
    ax.tick_params(axis="y", length=0)
    legend_above(ax, patches([FORWARD_COLOUR, REVERSE_COLOUR]), ["forward strand", "reverse strand"])
    return ax


def posterior_curve(genes: Iterable[Gene], first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) where steps begin and (n,) their heights: the greatest posterior of the pieces on each base, of both strands."""
    pieces = [
        (max(low, first), min(high, last) + 1, p)
        for gene in genes
        for (low, high), p in zip(gene.coding_pieces, _chances(gene))
        if high >= first and low <= last
    ]
    edges = np.unique([first, last + 1, *(low for low, _, _ in pieces), *(end for _, end, _ in pieces)])
    heights = np.zeros(len(edges))
    for low, end, p in pieces:
        inside = (edges >= low) & (edges < end)
        heights[inside] = np.maximum(heights[inside], p)
    return edges, heights


_OWN = re.compile(r'<g id="(gene-\d+-\d+)-\d+">')  # what matplotlib writes before an artist with such a gid


def write_html(figure: Any, target: Any, titles: Mapping[str, str], heading: str = "Genes") -> None:
    """Write a figure as one HTML file that needs nothing else: hover for `titles`, scroll to zoom, drag to move.

    titles : what to show over each gene, as `gene_titles` gives them
    """
    from matplotlib import rc_context

    from .formats.output import write_lines

    svg = io.StringIO()
    with rc_context({"svg.hashsalt": "hmmseq", "svg.fonttype": "none"}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
    drawn = svg.getvalue()[svg.getvalue().index("<svg") :]
    drawn = _OWN.sub(lambda found: f"{found[0]}<title>{escape(titles.get(found[1], ''))}</title>", drawn)
    page = resources.files("hmmseq.bio").joinpath("data", "picture.html").read_text(encoding="utf-8")
    parts = {"heading": escape(heading), "picture": drawn}
    write_lines(re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], page).splitlines(), target)


def gene_titles(tracks: Mapping[str, Iterable[Gene]], first: int, last: int) -> dict[str, str]:
    """What there is to say about each gene that `plot_genes` draws, by the beginning of the gid of its artists."""
    titles = {}
    for k, (name, genes) in enumerate(tracks.items()):
        shown = [gene for gene in genes if gene.end >= first and gene.start <= last]
        for i, (gene, _) in enumerate(_rows(shown, last - first)[0]):
            titles[f"gene-{k}-{i}"] = _title(name, gene)
    return titles


def _title(track: str, gene: Gene) -> str:
    lines = [
        f"{gene.name or gene.id or 'gene'} ({' '.join(track.split())})",
        f"{gene.seqid}:{gene.start}-{gene.end} ({gene.strand})",
    ]
    if gene.pieces:
        lines.append(f"{len(gene.pieces)} pieces, {gene.coding_length} coding bases")
    for what, value in (("posterior", gene.posterior), ("start posterior", gene.start_posterior)):
        if value is not None:
            lines.append(f"{what} {value:.3f}")
    return "\n".join(lines + ["runs on beyond the sequence"] * (gene.partial_left or gene.partial_right))


def _chances(gene: Gene) -> Sequence[float]:
    whole = 1.0 if gene.posterior is None else gene.posterior
    return gene.piece_posteriors or [whole] * len(gene.coding_pieces)


def _rows(genes: Iterable[Gene], width: int) -> tuple[list[tuple[Gene, int]], int, int]:
    """Genes with the row they lie in, 0 next to the line of the track, and the number of rows of each strand."""
    placed: list[tuple[Gene, int]] = []
    reach: dict[str, list[float]] = {"+": [], "-": []}
    for gene in sorted(genes, key=lambda gene: (gene.start, -gene.end)):
        rows = reach[gene.strand]
        free = (k for k, end in enumerate(rows) if gene.start > end - _TOUCH * width)
        row = next(free, len(rows))
        rows[row : row + 1] = [gene.end]
        placed.append((gene, row))
    return placed, len(reach["+"]), len(reach["-"])


def _gene(ax: Any, gene: Gene, middle: float, row: int, view: Piece, gid: str) -> None:
    forward = gene.strand == "+"
    height = middle + (row + 0.5) * _ROW * (1 if forward else -1)
    colour = FORWARD_COLOUR if forward else REVERSE_COLOUR
    drawn = itertools.count()
    for low, high in gene.introns:
        own = f"{gid}-{next(drawn)}"
        ax.plot([low, high], [height, height], color=colour, linewidth=1.2, gid=own, solid_capstyle="butt")
    pointed = gene.coding_pieces[-1 if forward else 0]
    for piece, chance in zip(gene.coding_pieces, _chances(gene)):
        head = _HEAD * (view[1] - view[0]) if piece == pointed and not gene.partial_3 else 0.0
        outline = _outline(piece, height, forward, head)
        style = {"linestyle": ":"} if gene.pseudo else {}
        own = f"{gid}-{next(drawn)}"
        [field] = ax.fill(*zip(*outline), facecolor=_paler(colour, chance), edgecolor=INK, gid=own, **style)
        field.set(linewidth=0.7, zorder=3)
    _write_name(ax, gene, height, view)


def _paler(colour: str, chance: float) -> tuple[float, ...]:
    """The colour mixed with white; not made transparent, or lines behind would show."""
    from matplotlib.colors import to_rgb

    return tuple(1 - (1 - part) * (0.15 + 0.85 * chance) for part in to_rgb(colour))


def _write_name(ax: Any, gene: Gene, height: float, view: Piece) -> None:
    low, high = max(gene.start, view[0]), min(gene.end, view[1])
    texts = [gene.name] if gene.name else []
    if gene.posterior is not None:
        texts = [*(f"{name} {gene.posterior:.2f}" for name in texts), *texts, f"{gene.posterior:.2f}"]
    longest = max((b - a for a, b in gene.coding_pieces), default=0)
    for text in texts:
        if _LETTER * (len(text) + 2) * (view[1] - view[0]) < min(high - low, longest):
            a, b = max(gene.coding_pieces, key=lambda piece: piece[1] - piece[0])
            middle = (max(a, view[0]) + min(b, view[1])) / 2
            pale = gene.posterior is not None and gene.posterior < 0.5
            style = {"color": INK if pale else "white", "fontsize": "small", "clip_on": True, "zorder": 4}
            ax.text(middle, height, text, ha="center", va="center", **style)
            return


def _outline(piece: Piece, height: float, forward: bool, head: float) -> list[tuple[float, float]]:
    first, last = piece[0] - 0.5, piece[1] + 0.5
    tail, tip = (first, last) if forward else (last, first)
    neck = tip + (-1 if forward else 1) * min(head, last - first)
    low, high = height - _TALL / 2, height + _TALL / 2
    if not head:
        return [(tail, low), (tip, low), (tip, high), (tail, high)]
    return [(tail, low), (neck, low), (tip, height), (neck, high), (tail, high)]


def _probability(ax: Any, coding: np.ndarray, first: int, middle: float) -> None:
    base = np.arange(first, first + len(coding))
    for column, sign, colour in ((0, 0.45, FORWARD_COLOUR), (1, -0.45, REVERSE_COLOUR)):
        ax.fill_between(base, middle, middle + sign * coding[:, column], color=colour, linewidth=0)
    ax.axhline(middle, color=QUIET, linewidth=0.6)


def _curve(ax: Any, begins: np.ndarray, heights: np.ndarray, bottom: float, view: Piece) -> None:
    ends = np.append(begins, view[1] + 1.0)
    values = bottom + 0.95 * np.append(heights, heights[-1:])
    ax.fill_between(ends, bottom, values, step="post", color=PALETTE[2], alpha=0.7, linewidth=0)
    ax.axhline(bottom, color=QUIET, linewidth=0.6)
