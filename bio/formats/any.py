"""Any of the formats: known by content when read, by name when written."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from hmmseq.errors import DataError, some
from hmmseq.files import Source, read_text, source_name

from ..alphabet import DNA
from ..gene import Gene, identifiers
from ..genetic_code import GeneticCode
from .bed import read_bed, write_bed
from .cds_table import read_cds_table
from .fasta import FastaRecord, read_fasta
from .genbank import read_genbank, read_genbank_sequences, write_genbank
from .gff import read_gff3, write_gff3
from .gtf import read_gtf, write_gtf
from .output import Target, write_lines

FORMATS = ("gff3", "gtf", "bed", "genbank")
_WIDTH = 60  # letters a line of FASTA
_GFF3_ATTRIBUTES = re.compile(r"\s*(\.?\s*$|[^=;\"]*[^=;\"\s]=)")  # key=value; GTF has key "value"


class _Opened:
    """A text whose beginning was looked at and can still be read, unpacked."""

    def __init__(self, source: Source) -> None:
        self.name = source_name(source)
        self._blocks = (block for block in read_text(source) if block)
        first = next(self._blocks, b"")
        self.beginning, self._held = first.lstrip(), [first]

    def read(self, size: int = -1, /) -> bytes:
        return self._held.pop() if self._held else next(self._blocks, b"")


def read_genes(source: Source, *, stop: bool = True) -> list[Gene]:
    """Genes of a GFF3, GTF, BED, GenBank or CDS table file, packed or not, whichever it is.

    stop : False if the genes of this file end before their stop codons

    DataError if it is none of them, or as the reader of the format says.
    """
    opened = _Opened(source)
    genes = _reader(opened.beginning, opened.name)(opened)
    return genes if stop else [gene.with_stop() for gene in genes]


def read_sequences(source: Source) -> list[FastaRecord]:
    """Sequences of a FASTA or GenBank file, packed or not, whichever it is."""
    opened = _Opened(source)
    if opened.beginning.startswith(b"LOCUS "):
        return read_genbank_sequences(opened)
    return list(read_fasta(opened, alphabet=DNA))


class Placed(Protocol):
    """What lies on a sequence, as genes and hints do: bases start ... end (from 1)."""

    @property
    def seqid(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def check_sequences(genes: Iterable[Placed], records: Iterable[FastaRecord], *, what: str = "genes") -> None:
    """DataError if no gene lies on any of the sequences, or one begins beyond the end of its sequence.

    what : how to call them; hints can be checked in the same way
    """
    genes, lengths = list(genes), {record.id: len(record.sequence) for record in records}
    ours = {gene.seqid for gene in genes}
    if ours and not ours & lengths.keys():
        raise DataError(
            f"{what} lie on {some(ours)}, sequences are {some(set(lengths))}; the ids must be the same, rename one side"
        )
    for gene in genes:
        length = lengths.get(gene.seqid, gene.end)
        if gene.start > length:
            raise DataError(
                f"{gene.seqid} has {length} bases, and one of the {what} is at {gene.start}..{gene.end}; "
                "are they of another version of the sequence?"
            )


def write_genes(
    genes: Iterable[Gene],
    target: Target,
    format: str = "gff3",
    *,
    records: Sequence[FastaRecord] = (),
    circular: Collection[str] = (),
    stop: bool | None = None,
) -> None:
    """Write genes in one of FORMATS.

    records : the sequences; needed for "genbank", otherwise genes are checked against their lengths
    stop : whether stop codons are part of the CDS; default: as is usual in the format, not in "gtf", in all others
    """
    lengths = {record.id: len(record.sequence) for record in records}
    if format == "gff3":
        write_gff3(genes, target, sequence_lengths=lengths, circular=circular, stop=stop is not False)
    elif format == "gtf":
        write_gtf(genes, target, stop=bool(stop))
    elif format == "bed":
        write_bed(genes, target, sequence_lengths=lengths, stop=stop is not False)
    elif format == "genbank":
        if stop is False:
            raise ValueError("GenBank features always include the stop codon; choose another format to leave it out")
        write_genbank(genes, records, target, circular=circular)
    else:
        raise ValueError(f"format is {format!r}; expected one of {', '.join(FORMATS)}")


def write_proteins(
    genes: Iterable[Gene], records: Iterable[FastaRecord], target: Target, *, code: GeneticCode | None = None
) -> None:
    """Write the proteins as FASTA, each under the ID that `write_gff3` gives its gene; a cut codon at an end is left out.

    code : the genetic code; default: that of each gene's `transl_table`
    """
    codes = {record.id: record.encode() for record in records}
    write_lines(_entries(list(genes), lambda gene: gene.protein(codes[gene.seqid], code)), target)


def write_coding_sequences(genes: Iterable[Gene], records: Iterable[FastaRecord], target: Target) -> None:
    """Write the coding sequences as FASTA, introns left out, stop codons included, each under the ID of its gene."""
    sequences = {record.id: record.sequence for record in records}
    write_lines(_entries(list(genes), lambda gene: _letters(gene, sequences[gene.seqid])), target)


def _letters(gene: Gene, sequence: bytes) -> str:
    """As the file has them, IUPAC codes too."""
    whole = sequence + sequence[: max(0, gene.end - len(sequence))]
    joined = b"".join(whole[first - 1 : last] for first, last in gene.coding_pieces)
    return (joined if gene.strand == "+" else joined[::-1].translate(_COMPLEMENT)).decode()


_COMPLEMENT = bytes.maketrans(b"ACGTURYKMBVDHacgturykmbvdh", b"TGCAAYRMKVBHDtgcaayrmkvbhd")


def _entries(genes: list[Gene], letters: Callable[[Gene], str]) -> Iterable[str]:
    for gene, name in zip(genes, identifiers(genes)):
        pieces = ",".join(f"{first}-{last}" for first, last in gene.coding_pieces)
        cut = f" partial={gene.partial_left:d}{gene.partial_right:d}" if not gene.complete else ""
        yield f">{'_'.join(name.split())} {gene.seqid}:{pieces}({gene.strand}){cut}"
        text = letters(gene)
        yield from (text[i : i + _WIDTH] for i in range(0, len(text), _WIDTH))


def _reader(beginning: bytes, name: str) -> Callable[[Source], list[Gene]]:
    if beginning.startswith(b"LOCUS "):
        return read_genbank
    lines = (line for line in beginning[:65536].decode(errors="replace").splitlines() if line.strip())
    row = next((line for line in lines if not line.startswith(("#", "track", "browser"))), "")
    columns = row.split("\t") if "\t" in row else row.split()
    if "seqid" in columns:
        return read_cds_table
    if len(columns) == 9 and columns[3].isdigit():
        return read_gff3 if _GFF3_ATTRIBUTES.match(columns[8]) else read_gtf
    if len(columns) >= 6 and columns[1].isdigit() and columns[2].isdigit():
        return read_bed
    if not row or beginning.startswith(b"##gff-version 3"):
        return read_gff3  # which says what an empty file lacks
    raise DataError(
        f"{name}: begins with {row[:40]!r}; expected GFF3, GTF, BED (6 columns or more), GenBank or a table of CDS"
    )
