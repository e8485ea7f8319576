"""Annotated coding genes from GenBank records and from plain tables."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from hmmseq.errors import DataError
from hmmseq.files import Source, read_blocks, read_lines, source_name

from .gene import Gene

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


def read_genbank(source: Source) -> list[Gene]:
    """CDS features of GenBank records, packed or not. Needs Biopython: pip install "hmmseq[bio]"."""
    try:
        from Bio import SeqIO
    except ImportError:
        raise ImportError('reading GenBank needs Biopython; pip install "hmmseq[bio]"') from None
    text = io.StringIO(b"".join(read_blocks(source)).decode(errors="replace"))
    try:
        genes = [gene for record in SeqIO.parse(text, "genbank") for gene in _record_genes(record)]
    except Exception as error:  # on damaged records Biopython's parser fails in many ways, AttributeError among them
        raise DataError(f"{source_name(source)}: no readable GenBank record: {error}") from error
    if "LOCUS " not in text.getvalue():
        raise DataError(f'{source_name(source)}: no GenBank record; expected a line that begins with "LOCUS"')
    return genes


def _table_gene(place: str, header: list[str], values: list[str]) -> Gene:
    if len(values) != len(header):
        raise DataError(f"{place}: {len(values)} columns; expected {len(header)} as in the first line")
    row = dict(zip(header, values))
    try:
        pieces = tuple(_piece(part) for part in row["parts"].split(","))
        return Gene(
            row["seqid"],
            int(row["start"]),
            int(row["end"]),
            row["strand"],
            partial_left=bool(int(row["partial"])),  # the table does not say at which end
            partial_right=bool(int(row["partial"])),
            transl_table=int(row["transl_table"]),
            name=row["locus_tag"],
            pseudo=bool(int(row["pseudo"])),
            pieces=pieces if len(pieces) > 1 else (),
        )
    except ValueError as error:
        raise DataError(f"{place}: {error}") from None


def _piece(text: str) -> tuple[int, int]:
    start, _, end = text.partition("-")
    return int(start), int(end)


def _record_genes(record: Any) -> Iterator[Gene]:
    for feature in record.features:
        if feature.type == "CDS":
            if feature.location is None:
                raise ValueError(f"a CDS of {record.id} is at no place that Biopython can read")
            yield _feature_gene(record.id, feature)


def _feature_gene(seqid: str, feature: Any) -> Gene:
    location, qualifiers = feature.location, feature.qualifiers
    pieces = tuple((int(part.start) + 1, int(part.end)) for part in location.parts)
    return Gene(
        seqid,
        int(location.start) + 1,
        int(location.end),
        "-" if location.parts[-1].strand == -1 else "+",  # trans-spliced pieces differ: the last has the stop
        partial_left=type(location.start).__name__ == "BeforePosition",
        partial_right=type(location.end).__name__ == "AfterPosition",
        phase=int(qualifiers.get("codon_start", ["1"])[0]) - 1,
        transl_table=int(qualifiers.get("transl_table", ["1"])[0]),  # GenBank leaves the standard code unsaid
        name=qualifiers.get("locus_tag", qualifiers.get("gene", [""]))[0],
        pseudo="pseudo" in qualifiers or "pseudogene" in qualifiers,
        pieces=pieces if len(pieces) > 1 else (),
    )
