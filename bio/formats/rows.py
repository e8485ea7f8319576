"""Rows of nine columns, as GFF3 and GTF have them: cut into columns, and made a gene."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from ..gene import Gene, Piece
from .fields import probability, real, whole

Row: TypeAlias = tuple[list[str], dict[str, str]]  # columns and attributes


def columns_of(line: str, format: str) -> list[str]:
    """The nine columns of a line; ValueError for another number."""
    columns = line.split("\t")
    if len(columns) != 9:
        raise ValueError(f"{len(columns)} tab-separated columns, expected the 9 of {format}")
    return columns


class Coding(NamedTuple):
    """Coding rows of a transcript.

    rows    from left to right, on one strand; rows that repeat a piece are left out
    first   of them, as transcribed: its phase is that of the gene
    torn    whether there were rows on both strands (trans-splicing); those of the strand with fewer bases are left out
    """

    rows: list[Row]
    first: Row
    torn: bool


def coding_rows(rows: Iterable[Row]) -> Coding:
    """The coding rows of a transcript, which come in any order."""
    by_strand: dict[str, dict[Piece, Row]] = {}
    for row in rows:
        by_strand.setdefault(row[0][6], {}).setdefault(ends(row), row)
    strand = max(by_strand, key=lambda strand: sum(last - first + 1 for first, last in by_strand[strand]))
    kept = [row for _, row in sorted(by_strand[strand].items(), key=lambda item: item[0])]
    return Coding(kept, kept[-1 if strand == "-" else 0], len(by_strand) > 1)


def ends(row: Row) -> Piece:
    """First and last base."""
    return whole(row[0][3], "start"), whole(row[0][4], "end")


def gene_of_rows(coding: Coding, pieces: Iterable[Piece], attributes: Mapping[str, str], **own: Any) -> Gene:
    """The gene with these coding rows, pieces and attributes, and what a format alone has, by the names of `Gene`.

    A torn gene is partial at both ends: one strand cannot hold it, and no comparison may count it.
    """
    columns, partial = coding.first[0], attributes.get("partial", "00")
    unknown = coding.torn or partial == "true"  # at which end
    return Gene.of_pieces(
        own.pop("seqid", columns[0]),
        pieces,
        columns[6],
        score=None if columns[5] == "." else real(columns[5], "score"),
        posterior=own.pop("posterior", None),
        partial_left=unknown or partial[:1] == "1",
        partial_right=unknown or partial[1:] == "1",
        phase=0 if columns[7] == "." else whole(columns[7], "phase"),
        transl_table=whole(attributes["transl_table"], "transl_table") if "transl_table" in attributes else None,
        start_posterior=probability(attributes, "start_posterior"),
        **own,
    )


def warn_of_no_coding_rows(name: str) -> None:
    """Say that a file of that name has rows, but no genes as we know them."""
    warnings.warn(f"{name}: no CDS row, so no gene: exons and genes alone do not say what is coding", stacklevel=4)
