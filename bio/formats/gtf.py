"""Genes as GTF (GTF 2.2): the stop codon is a feature of its own, outside the CDS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hmmseq.errors import DataError
from hmmseq.files import Source, read_lines, source_name

from ..gene import Gene, Piece, identifiers
from .fields import probability
from .output import Target, number, write_lines
from .rows import Row, coding_rows, columns_of, ends, gene_of_rows, warn_of_no_coding_rows

_ATTRIBUTE = re.compile(r'\s*(\w+)\s+(?:"((?:[^"\\]|\\.)*)"|([^;"]*))\s*(?:;|$)')


def write_gtf(genes: Iterable[Gene], target: Target, *, source: str = "hmmseq", stop: bool = False) -> None:
    """Write transcript, exon, CDS, start_codon and stop_codon rows. Only coding parts are known: exons are coding pieces.

    target : as in `write_gff3`
    stop : True: stop codons are part of the CDS, too
    """
    genes = list(genes)
    names = identifiers(genes)
    write_lines((line for gene, name in zip(genes, names) for line in _rows(gene, name, source, stop)), target)


def read_gtf(source: Source) -> list[Gene]:
    """Coding transcripts of a GTF file, packed or not; stop_codon rows become part of the CDS beside them.

    DataError, with the line, for a row that is no GTF. What lies on both strands, or has
    no phase, is read as in `read_gff3`.
    """
    name, transcripts, any_row = source_name(source), dict[tuple[str, str], list[Row]](), False
    for at, line in read_lines(source):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            columns, any_row = columns_of(line, "GTF"), True
            if columns[2] in ("CDS", "stop_codon"):  # AUGUSTUS writes other rows with names alone
                attributes = _attributes(columns[8])
                _gene([(columns, attributes)])  # a bad row is refused where its line is known
                key = columns[0], attributes.get("transcript_id") or attributes["gene_id"]
                transcripts.setdefault(key, []).append((columns, attributes))
        except (ValueError, KeyError) as error:
            what = "neither transcript_id nor gene_id; expected GTF" if isinstance(error, KeyError) else error
            raise DataError(f"{name}, line {at}: {what}") from None
    try:
        genes = [_gene(rows) for rows in transcripts.values() if any(columns[2] == "CDS" for columns, _ in rows)]
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None
    if any_row and not genes:
        warn_of_no_coding_rows(name)
    return genes


def _rows(gene: Gene, name: str, source: str, stop: bool) -> Iterator[str]:
    attributes = {"gene_id": gene.locus or name, "transcript_id": name}
    if gene.name:
        attributes["gene_name"] = gene.name
    if gene.transl_table is not None:
        attributes["transl_table"] = str(gene.transl_table)
    if gene.partial_left or gene.partial_right:
        attributes["partial"] = f"{gene.partial_left:d}{gene.partial_right:d}"
    if gene.posterior is not None:
        attributes["posterior"] = number(gene.posterior)
    last = " ".join(f'{key} "{_escape(value)}";' for key, value in attributes.items())

    def rows(kind: str, pieces: Iterable[Piece], phases: Iterable[object]) -> Iterator[str]:
        score = "." if gene.score is None else number(gene.score)
        for (first, end), phase in zip(pieces, phases):
            place = f"{_plain(gene.seqid)}\t{source}\t{kind}\t{first}\t{end}\t{score}"
            yield f"{place}\t{gene.strand}\t{phase}\t{last}"

    coding, dots = gene if stop else gene.without_stop(), ["."] * len(gene.coding_pieces)
    yield from rows("transcript", [(gene.start, gene.end)], dots)
    yield from rows("exon", gene.coding_pieces, dots)
    yield from rows("CDS", coding.coding_pieces, coding.phases)
    for kind, codon in (("start_codon", gene.start_codon()), ("stop_codon", gene.stop_codon())):
        if codon:
            yield from rows(kind, codon, Gene.of_pieces(gene.seqid, codon, gene.strand).phases)


def _plain(seqid: str) -> str:
    if not seqid or any(letter.isspace() for letter in seqid):
        raise ValueError(f"sequence id {seqid!r} has blanks, which GTF cannot hold; rename it or write GFF3")
    return seqid


def _escape(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace('"', '\\"').split())


def _attributes(text: str) -> dict[str, str]:
    found = _ATTRIBUTE.findall(text)
    if not found:
        raise ValueError(f'attributes {text[:40]!r}; expected GTF (key "value";), is it GFF3?')
    return {key: re.sub(r"\\(.)", r"\1", quoted) or plain.strip() for key, quoted, plain in found}


def _gene(rows: list[Row]) -> Gene:
    coding = coding_rows([row for row in rows if row[0][2] == "CDS"] or rows)
    columns, attributes = coding.first
    stops = [ends(row) for row in rows if row[0][2] == "stop_codon" and row[0][6] == columns[6]]
    return gene_of_rows(
        coding,
        _with_stops([ends(row) for row in coding.rows], stops),
        attributes,
        posterior=probability(attributes, "posterior"),
        name=attributes.get("gene_name", ""),
        id=attributes.get("transcript_id", ""),
        locus=attributes.get("gene_id", ""),
    )


def _with_stops(pieces: list[Piece], stops: Iterable[Piece]) -> list[Piece]:
    """Coding pieces and stop codons: a stop codon that overlaps a piece, or touches it, is a part of it."""
    joined = list(pieces)
    for first, last in stops:
        beside = [k for k, (begin, end) in enumerate(joined) if first <= end + 1 and begin <= last + 1]
        if beside:
            k = beside[0]
            joined[k] = min(first, joined[k][0]), max(last, joined[k][1])
        else:
            joined.append((first, last))
    return joined
