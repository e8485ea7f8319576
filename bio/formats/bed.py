"""Genes as BED12: one line a transcript, its coding pieces as blocks, from 0, ends excluded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hmmseq.errors import DataError
from hmmseq.files import Source, read_lines, source_name

from ..gene import Gene, Piece, identifiers
from .fields import whole
from .output import Target, check_place, wrapped, write_lines


def write_bed(
    genes: Iterable[Gene],
    target: Target,
    *,
    sequence_lengths: Mapping[str, int] | None = None,
    stop: bool = True,
) -> None:
    """Write BED12 for genome browsers; the score is 1000 times the posterior, 0 where it is unknown.

    Pieces that overlap (frameshifts) become one block: BED knows no blocks that do.

    target, stop : as in `write_gff3`
    sequence_lengths : needed where genes go across the origin of a circular sequence, which BED must cut
    """
    genes, lengths = list(genes), dict(sequence_lengths or {})
    for gene in genes:
        check_place(gene, lengths, circular=lengths)
    names = identifiers(genes)
    shown = genes if stop else [gene.without_stop() for gene in genes]
    write_lines((_line(gene, name, lengths.get(gene.seqid)) for gene, name in zip(shown, names)), target)


def read_bed(source: Source) -> list[Gene]:
    """Transcripts of a BED file of 6 columns or more, packed or not: what lies in blocks and in the thick part is coding.

    A row whose thick part is empty codes for nothing and is left out; without thick parts (BED6) all is coding.

    DataError, with the line, for a row that is no BED.
    """
    name, genes = source_name(source), []
    for at, line in read_lines(source):
        if line.strip() and not line.startswith(("#", "track", "browser")):
            try:
                gene = _gene(line.split("\t") if "\t" in line else line.split())
            except ValueError as error:
                raise DataError(f"{name}, line {at}: {error}") from None
            if gene:
                genes.append(gene)
    return genes


def _line(gene: Gene, name: str, length: int | None) -> str:
    pieces = _parted(sorted(wrapped(gene.coding_pieces, length)))
    start, end = pieces[0][0] - 1, max(last for _, last in pieces)
    score = 0 if gene.posterior is None else round(1000 * min(max(gene.posterior, 0.0), 1.0))
    sizes = ",".join(str(last - first + 1) for first, last in pieces)
    begins = ",".join(str(first - 1 - start) for first, _ in pieces)
    columns = [gene.seqid, start, end, gene.name or name, score, gene.strand, start, end, 0, len(pieces), sizes, begins]
    if any("\t" in str(column) or "\n" in str(column) for column in columns):
        raise ValueError(f"{gene.seqid!r}: an id or a name has a tab or a line end, which BED cannot hold")
    return "\t".join(map(str, columns))


def _parted(pieces: list[Piece]) -> list[Piece]:
    parted: list[Piece] = []
    for first, last in pieces:
        if parted and first <= parted[-1][1]:
            parted[-1] = parted[-1][0], max(parted[-1][1], last)
        else:
            parted.append((first, last))
    return parted


def _gene(columns: list[str]) -> Gene | None:
    """The gene of a row; None where it has a thick part without bases, as transcripts that code for nothing have."""
    if len(columns) < 6:
        raise ValueError(f"{len(columns)} columns, expected 6 (BED6) to 12 (BED12)")
    start, end = whole(columns[1], "start"), whole(columns[2], "end")
    pieces: list[Piece] = [(start + 1, end)]
    if len(columns) >= 12:
        pieces = _blocks(columns, start, end)
    if len(columns) >= 8:
        first, last = whole(columns[6], "thickStart") + 1, whole(columns[7], "thickEnd")
        if first > last:
            return None
        pieces = [(max(a, first), min(b, last)) for a, b in pieces if a <= last and b >= first]
        if not pieces:
            raise ValueError(f"thick part {first - 1} {last} in no block; expected coding bases there")
    return Gene.of_pieces(columns[0], pieces, columns[5], name=columns[3] if columns[3] != "." else "")


def _blocks(columns: list[str], start: int, end: int) -> list[Piece]:
    sizes, begins = ([whole(n, "a block") for n in column.split(",") if n] for column in columns[10:12])
    if not len(sizes) == len(begins) == whole(columns[9], "blockCount"):
        raise ValueError(f"{columns[9]} blocks, {len(sizes)} sizes and {len(begins)} starts; expected as many of each")
    pieces = [(start + begin + 1, start + begin + size) for begin, size in zip(begins, sizes)]
    if any(first <= start or last > end for first, last in pieces):
        raise ValueError(f"blocks {columns[10]} at {columns[11]} go beyond {start} {end}; expected them within")
    return pieces
