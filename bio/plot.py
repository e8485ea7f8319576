"""Pictures of genes along a genome. Needs matplotlib: pip install "hmmseq[plot]"."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from hmmseq.plot.style import FAINT, INK, PALETTE, QUIET, legend_above, new_axes, patches, quieten

from . import labels
from .gene import Gene, Piece

_Tick: TypeAlias = tuple[float, str]  # height and what is written there

# Told apart by all kinds of colour vision; strands also differ by direction and height.
FORWARD_COLOUR, REVERSE_COLOUR = PALETTE[:2]

_HEAD = 0.012  # length of an arrow's head, in widths of the picture
_TALL = 0.36  # height of a gene; a strand of a track is 0.42 for each row of genes
_ROW = 0.42
_BESIDE = 0.2  # height of names beside genes
_CURVE = 1.1  # height of a curve and what parts it from the next
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
    piece is, the paler. Names and posteriors are written in the arrows, or beside them, where there is room.

    tracks  name and genes of each track, from the top; genes of other stretches are left out. All on one sequence
    coding  (last - first + 1, 2) probability by strand that a base is coding, drawn below: forward up, reverse down
    curves  name, and where its steps begin (n,) and their heights (n,), 0 to 1, of each curve to draw below that
    ax      where to draw; default: a new figure. Returned.
    """
    view = first, last
    laid_out = {name: _track(_shown(genes, view), view) for name, genes in tracks.items()}
    below = ([] if coding is None else ["coding\nprobability"]) + list(curves or {})
    total = sum(track.height for track in laid_out.values()) + _CURVE * len(below)
    ax = new_axes(ax, 12, 0.95 * total + 0.9)
    names, scale, top = [], [], total
    for k, (name, track) in enumerate(laid_out.items()):
        names.append((top - track.rise, name))
        _draw_track(ax, track, top - track.rise, view, f"gene-{k}")
        top -= track.height
    for name in below:
        top -= _CURVE
        names.append((top + 0.5, name))
        if curves and name in curves:
            scale += _curve(ax, *curves[name], top, view)
        elif coding is not None:
            scale += _probability(ax, coding, first, top + 0.5)
    _dress(ax, names, scale, view, (min(top, 0) - 0.1, total))
    return ax


def _dress(ax: Any, names: list[_Tick], scale: list[_Tick], view: Piece, heights: tuple[float, float]) -> None:
    """Names of tracks and the ends of scales on the left, positions below, strands above."""
    ax.set_yticks([place for place, _ in names], [name for _, name in names])
    ax.set_yticks([place for place, _ in scale], [end for _, end in scale], minor=True)
    ax.set_xlim(*view)
    ax.set_ylim(*heights)
    ax.xaxis.set_major_formatter(lambda base, _: f"{base / 1000:g}")
    ax.set_xlabel("position (kb)")
    quieten(ax, keep=("bottom",))
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="y", which="minor", length=2, color=QUIET, labelsize="x-small", labelcolor=QUIET)
    legend_above(ax, patches([FORWARD_COLOUR, REVERSE_COLOUR]), ["forward strand", "reverse strand"])


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
        for i, (gene, _) in enumerate(_rows(_shown(genes, (first, last)), last - first)[0]):
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


def _shown(genes: Iterable[Gene], view: Piece) -> list[Gene]:
    return [gene for gene in genes if gene.end >= view[0] and gene.start <= view[1]]


class _Track(NamedTuple):
    """Genes and their rows, 0 next to the line of the track; rows of each strand; names in genes, and beside them, by row."""

    placed: list[tuple[Gene, int]]
    up: int
    down: int
    inside: list[labels.Label | None]
    above: list[tuple[labels.Label, int]]
    below: list[tuple[labels.Label, int]]

    @property
    def rise(self) -> float:
        """Height of its top over its line."""
        return 0.15 + _ROW * max(1, self.up) + _BESIDE * any(row == self.up - 1 for _, row in self.above)

    @property
    def height(self) -> float:
        fall = 0.15 + _ROW * max(1, self.down) + _BESIDE * any(row == self.down - 1 for _, row in self.below)
        return self.rise + fall


def _track(genes: list[Gene], view: Piece) -> _Track:
    placed, up, down = _rows(genes, view[1] - view[0])
    inside = [labels.inside(gene, view, _HEAD * (view[1] - view[0])) for gene, _ in placed]
    above, below = (_beside(placed, inside, strand, view) for strand in "+-")
    return _Track(placed, up, down, inside, above, below)


def _beside(
    placed: list[tuple[Gene, int]], inside: list[labels.Label | None], strand: str, view: Piece
) -> list[tuple[labels.Label, int]]:
    own = [(one, label) for one, label in zip(placed, inside) if one[0].strand == strand]
    return labels.beside([one for one, _ in own], [i for i, (_, label) in enumerate(own) if label is None], view)


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


def _draw_track(ax: Any, track: _Track, middle: float, view: Piece, gid: str) -> None:
    ax.axhline(middle, color=FAINT, linewidth=1.0, zorder=0)
    for i, ((gene, row), label) in enumerate(zip(track.placed, track.inside)):
        height = middle + (row + 0.5) * _ROW * (1 if gene.strand == "+" else -1)
        _gene(ax, gene, height, view, f"{gid}-{i}")
        if label:
            pale = gene.posterior is not None and gene.posterior < 0.5
            _write(ax, label, height, labels.IN, INK if pale else "white")
    for sign, beside in ((1, track.above), (-1, track.below)):
        for name, row in beside:
            _write(ax, name, middle + sign * (_ROW * (row + 1) + _BESIDE / 2), labels.BESIDE, INK)


def _write(ax: Any, label: labels.Label, height: float, size: str, colour: str) -> None:
    ax.text(
        label.base, height, label.text, ha="center", va="center", color=colour, fontsize=size, clip_on=True, zorder=4
    )


def _gene(ax: Any, gene: Gene, height: float, view: Piece, gid: str) -> None:
    forward, width = gene.strand == "+", view[1] - view[0]
    colour = FORWARD_COLOUR if forward else REVERSE_COLOUR
    drawn = itertools.count()
    for low, high in gene.introns:
        own = f"{gid}-{next(drawn)}"
        ax.plot([low, high], [height, height], color=colour, linewidth=1.2, gid=own, solid_capstyle="butt")
    pointed = gene.coding_pieces[-1 if forward else 0]
    for piece, chance in zip(gene.coding_pieces, _chances(gene)):
        head = _HEAD * width if piece == pointed and not gene.partial_3 else 0.0
        style = {"linestyle": ":"} if gene.pseudo else {}
        own = f"{gid}-{next(drawn)}"
        outline = zip(*_outline(piece, height, forward, head))
        [field] = ax.fill(*outline, facecolor=_paler(colour, chance), edgecolor=INK, gid=own, **style)
        # Outlines of small pieces are thin, or they would hide the colour.
        field.set(linewidth=min(0.7, 0.15 + 40 * (piece[1] - piece[0]) / width), zorder=3)


def _paler(colour: str, chance: float) -> tuple[float, ...]:
    """The colour mixed with white; not made transparent, or lines behind would show."""
    from matplotlib.colors import to_rgb

    return tuple(1 - (1 - part) * (0.15 + 0.85 * chance) for part in to_rgb(colour))


def _outline(piece: Piece, height: float, forward: bool, head: float) -> list[tuple[float, float]]:
    first, last = piece[0] - 0.5, piece[1] + 0.5
    tail, tip = (first, last) if forward else (last, first)
    neck = tip + (-1 if forward else 1) * min(head, last - first)
    low, high = height - _TALL / 2, height + _TALL / 2
    if not head:
        return [(tail, low), (tip, low), (tip, high), (tail, high)]
    return [(tail, low), (neck, low), (tip, height), (neck, high), (tail, high)]


def _probability(ax: Any, coding: np.ndarray, first: int, middle: float) -> list[_Tick]:
    base = np.arange(first, first + len(coding))
    for column, sign, colour in ((0, 0.45, FORWARD_COLOUR), (1, -0.45, REVERSE_COLOUR)):
        ax.fill_between(base, middle, middle + sign * coding[:, column], color=colour, linewidth=0)
    ax.axhline(middle, color=QUIET, linewidth=0.6)
    return [(middle + 0.45, "1"), (middle - 0.45, "1")]


def _curve(ax: Any, begins: np.ndarray, heights: np.ndarray, bottom: float, view: Piece) -> list[_Tick]:
    ends = np.append(begins, view[1] + 1.0)
    values = bottom + 0.95 * np.append(heights, heights[-1:])
    ax.fill_between(ends, bottom, values, step="post", color=PALETTE[2], alpha=0.7, linewidth=0)
    ax.axhline(bottom, color=QUIET, linewidth=0.6)
    return [(bottom, "0"), (bottom + 0.95, "1")]
