"""A stretch of genome drawn from files: which stretch, which tracks, and where the picture goes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hmmseq.errors import DataError, some
from hmmseq.files import Source, atomic_write, read_lines, source_name

from .formats.any import check_sequences
from .formats.fasta import FastaRecord
from .gene import Gene
from .plot import gene_titles, plot_genes, posterior_curve, write_html

Curve = tuple[np.ndarray, np.ndarray]
_USUAL = 20_000  # bases drawn where nobody says how many


class Stretch(NamedTuple):
    """Bases first ... last (from 1) of a sequence."""

    seqid: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.seqid}:{self.first}-{self.last}"

    @classmethod
    def first_of(cls, tracks: Mapping[str, list[Gene]], records: list[FastaRecord]) -> Stretch:
        """Where the genes of the first track begin, or the first sequence does."""
        genes = next((own for own in tracks.values() if own), [])
        if genes:
            start = min(gene.start for gene in genes if gene.seqid == genes[0].seqid)
            return cls(genes[0].seqid, max(1, start - 500), start + _USUAL - 501)
        longest = next((record for record in records if len(record.sequence) > 1), None)
        if longest is None:
            raise DataError("nothing to draw: no genes, and no sequence of two bases or more")
        return cls(longest.id, 1, min(len(longest.sequence), _USUAL))


def draw(
    stretch: Stretch,
    tracks: Mapping[str, list[Gene]],
    records: list[FastaRecord],
    table: int,
    curves: Mapping[str, Curve],
    target: str,
) -> None:
    """Draw tracks of genes to a .png, .svg, .pdf or .html file, with those found in `records` (if any).

    DataError if no gene lies on the sequence of the stretch, or the genes lie on others than `records`.
    """
    tracks, coding = dict(tracks), None
    for genes in tracks.values():
        if records:
            check_sequences(genes, records)
    if records:
        name = "found" if "found" not in tracks else "found here"
        tracks[name], coding = _found(stretch, records, table)
    known = {gene.seqid for genes in tracks.values() for gene in genes} | {record.id for record in records}
    if stretch.seqid not in known:
        raise DataError(f"no genes on {stretch.seqid!r}; they lie on {some(known) or 'no sequence at all'}")
    shown = {name: [gene for gene in genes if gene.seqid == stretch.seqid] for name, genes in tracks.items()}
    curves = dict(curves)
    if coding is None:
        curves |= {f"{name}\nposterior": _posterior(genes, stretch) for name, genes in shown.items() if _stated(genes)}
    _save(shown, stretch, coding, curves, target)


def read_curve(source: Source, stretch: Stretch) -> Curve:
    """Where steps begin and their heights from a bedGraph file, packed or not; 0 where it says nothing. Values from 0 to 1.

    DataError, with the line, for a row that is no bedGraph.
    """
    name, begins, heights = source_name(source), [stretch.first], [0.0]
    for at, line in read_lines(source):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        columns = line.split()
        try:
            start, end, value = int(columns[1]) + 1, int(columns[2]) + 1, float(columns[3])
        except (ValueError, IndexError):
            raise DataError(f"{name}, line {at}: {line[:40]!r}; expected bedGraph: id, start, end, value") from None
        if columns[0] == stretch.seqid and start <= stretch.last and end > stretch.first:
            begins += [max(start, stretch.first), min(end, stretch.last + 1)]
            heights += [value, 0.0]
    if not (min(heights) >= 0 and max(heights) <= 1):
        raise DataError(f"{name}: values from {min(heights):g} to {max(heights):g}; expected probabilities, 0 to 1")
    order = np.argsort(begins, kind="stable")
    return np.array(begins)[order], np.array(heights)[order]


def _found(stretch: Stretch, records: list[FastaRecord], table: int) -> tuple[list[Gene], np.ndarray | None]:
    from .prokaryotes.finder import GeneFinder

    finder = GeneFinder(table)
    genes = finder.find(records)
    record = next((record for record in records if record.id == stretch.seqid), None)
    if record is None or stretch.last > len(record.sequence):
        return genes, None
    return genes, finder.coding_probability(record, stretch.first - 1, stretch.last)


def _stated(genes: list[Gene]) -> bool:
    return any(gene.posterior is not None or gene.piece_posteriors for gene in genes)


def _posterior(genes: list[Gene], stretch: Stretch) -> Curve:
    return posterior_curve(genes, stretch.first, stretch.last)


def _save(
    tracks: Mapping[str, list[Gene]],
    stretch: Stretch,
    coding: np.ndarray | None,
    curves: Mapping[str, Curve],
    target: str,
) -> None:
    ax = plot_genes(tracks, stretch.first, stretch.last, coding=coding, curves=curves)
    figure = ax.figure
    ax.set_title(str(stretch), loc="right", fontsize="medium")
    ending = os.path.splitext(target)[1].lower()
    try:
        if ending == ".html":
            write_html(figure, target, gene_titles(tracks, stretch.first, stretch.last), f"Genes of {stretch}")
        else:
            with atomic_write(target) as file:
                figure.savefig(file, format=ending[1:], dpi=150)
    finally:
        from matplotlib import pyplot

        pyplot.close(figure)
