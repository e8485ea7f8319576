"""Annotated coding genes from plain tables."""

from __future__ import annotations

from hmmseq.errors import DataError
from hmmseq.files import Source, read_lines, source_name

from ..gene import Gene
from .fields import whole

_COLUMNS = (
    "seqid",
    "start",
    "end",
    "strand",
    "locus_tag",
    "gene",
    "partial",
    "pseudo",
    "transl_table",
    "parts",
)


def read_cds_table(source: Source) -> list[Gene]:
    """Genes of a tab-separated table, packed or not, whose first line names its columns.

    Columns, in any order: seqid start end strand locus_tag gene partial (0, 1) pseudo (0, 1) transl_table
    parts (comma-separated a-b). DataError, with the line, for a missing column or a value that does not fit.
    """
    name = source_name(source)
    lines = ((number, line.split("\t")) for number, line in read_lines(source) if line.strip())
    _, header = next(lines, (0, [""]))
    missing = [column for column in _COLUMNS if column not in header]
    if missing:
        raise DataError(f"{name}: no column {', '.join(missing)}; the first line names {' '.join(_COLUMNS)}")
    return [_table_gene(f"{name}, line {number}", header, values) for number, values in lines]


def _table_gene(place: str, header: list[str], values: list[str]) -> Gene:
    if len(values) != len(header):
        raise DataError(f"{place}: {len(values)} columns; expected {len(header)} as in the first line")
    row = dict(zip(header, values))
    try:
        pieces = tuple(_piece(part) for part in row["parts"].split(","))
        return Gene(
            row["seqid"],
            whole(row["start"], "start"),
            whole(row["end"], "end"),
            row["strand"],
            partial_left=bool(whole(row["partial"], "partial")),  # the table does not say at which end
            partial_right=bool(whole(row["partial"], "partial")),
            transl_table=whole(row["transl_table"], "transl_table"),
            name=row["locus_tag"],
            pseudo=bool(whole(row["pseudo"], "pseudo")),
            pieces=pieces if len(pieces) > 1 else (),
        )
    except ValueError as error:
        raise DataError(f"{place}: {error}") from None


def _piece(text: str) -> tuple[int, int]:
    start, _, end = text.partition("-")
    return whole(start, "start of a part"), whole(end, "end of a part")
