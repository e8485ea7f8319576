"""GenBank records, read and written through Biopython: pip install "hmmseq[bio]"."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from hmmseq.errors import DataError
from hmmseq.files import Source, read_text, source_name

from ..gene import Gene, Piece, identifiers
from .fasta import FastaRecord
from .fields import whole
from .output import Target, check_place, number, wrapped, write_lines


def read_genbank(source: Source) -> list[Gene]:
    """CDS features of GenBank records, packed or not; those across the origin of a circular record end beyond its length.

    What lies on the other strand (trans-splicing) or in another record is left out, and the gene partial at both ends: no
    comparison counts it.
    """
    return _parsed(source, lambda record: list(_record_genes(record)))


def read_genbank_sequences(source: Source) -> list[FastaRecord]:
    """The sequences of GenBank records, packed or not. DataError for one without bases (a CON or WGS master record)."""
    return _parsed(source, _sequence)


def write_genbank(
    genes: Iterable[Gene], records: Iterable[FastaRecord], target: Target, *, circular: Collection[str] = ()
) -> None:
    """Write sequences with gene and CDS features, proteins as /translation, posteriors as notes.

    records : the sequences that genes lie on, all of them
    target : as in `write_gff3`
    circular : ids of circular sequences, on which a gene may end beyond the last base
    """
    seqio = _biopython("writing")
    genes, records = list(genes), list(records)
    lengths = {record.id: len(record.sequence) for record in records}
    for gene in genes:
        check_place(gene, lengths, circular)
    named: dict[str, list[tuple[Gene, str]]] = {}
    for gene, name in zip(genes, identifiers(genes)):
        named.setdefault(gene.seqid, []).append((gene, name))
    text = io.StringIO()
    made = (_made_record(record, named.get(record.id, []), record.id in circular) for record in records)
    seqio.write(made, text, "genbank")
    write_lines(text.getvalue().splitlines(), target)


def _biopython(what: str) -> Any:
    try:
        from Bio import SeqIO
    except ImportError:
        raise ImportError(f'{what} GenBank needs Biopython; pip install "hmmseq[bio]"') from None
    return SeqIO


def _parsed(source: Source, read: Any) -> list[Any]:
    """What `read` makes of each record, in one list."""
    seqio = _biopython("reading")
    text = io.StringIO(b"".join(read_text(source)).decode(errors="replace"))
    try:
        with warnings.catch_warnings(record=True) as complaints:
            warnings.simplefilter("always")
            found = [item for record in seqio.parse(text, "genbank") for item in read(record)]
    except Exception as error:  # on damaged records Biopython's parser fails in many ways, AttributeError among them
        raise DataError(f"{source_name(source)}: no readable GenBank record: {error}") from error
    if "LOCUS " not in text.getvalue():
        raise DataError(f'{source_name(source)}: no GenBank record; expected a line that begins with "LOCUS"')
    if complaints:  # of files by other programs there can be one for each record
        first = " ".join(str(complaints[0].message).split())
        warnings.warn(f"{source_name(source)}: {len(complaints)} oddities in GenBank, the first: {first}", stacklevel=3)
    return found


def _sequence(record: Any) -> list[FastaRecord]:
    try:
        return [FastaRecord(record.id, record.description, bytes(record.seq))]
    except Exception:  # UndefinedSequenceError is not public in every version
        raise ValueError(f"{record.id} has no sequence; fetch the record with its bases") from None


def _record_genes(record: Any) -> Iterator[Gene]:
    coding = [feature for feature in record.features if feature.type == "CDS"]
    if any(feature.location is None for feature in coding):
        raise ValueError(f"a CDS of {record.id} is at no place that Biopython can read")
    length = len(record.seq) if record.annotations.get("topology") == "circular" else 0
    shared = Counter(_tag(feature) for feature in coding)
    for feature in coding:
        if all(part.ref for part in feature.location.parts):
            continue  # wholly on another sequence
        isoform = len(feature.location.parts) > 1 or shared[_tag(feature)] > 1
        yield _feature_gene(record.id, feature, length, _tag(feature) if isoform else "")


def _tag(feature: Any) -> str:
    return feature.qualifiers.get("locus_tag", feature.qualifiers.get("gene", [""]))[0]


def _feature_gene(seqid: str, feature: Any, length: int, locus: str) -> Gene:
    location, qualifiers = feature.location, feature.qualifiers
    here = [part for part in location.parts if not part.ref]
    strand = "-" if here[-1].strand == -1 else "+"
    parts = [part for part in here if part.strand == here[-1].strand][:: 1 if strand == "+" else -1]
    torn = len(parts) < len(location.parts)
    return Gene.of_pieces(
        seqid,
        _unwrapped([(int(part.start) + 1, int(part.end)) for part in parts], length),
        strand,
        partial_left=torn or type(parts[0].start).__name__ == "BeforePosition",
        partial_right=torn or type(parts[-1].end).__name__ == "AfterPosition",
        phase=whole(qualifiers.get("codon_start", ["1"])[0], "codon_start") - 1,
        transl_table=whole(
            qualifiers.get("transl_table", ["1"])[0], "transl_table"
        ),  # GenBank leaves the standard code unsaid
        name=_tag(feature),
        pseudo="pseudo" in qualifiers or "pseudogene" in qualifiers,
        locus=locus,
    )


def _unwrapped(pieces: list[Piece], length: int) -> list[Piece]:
    """Pieces of a circular record of this length (0: a linear one), going on beyond its end where they pass the origin."""
    placed: list[Piece] = []
    for first, last in pieces:
        if length and placed and first < placed[-1][0]:
            first, last = first + length, last + length
        if length and placed and placed[-1][1] == length and first == length + 1:
            placed[-1] = placed[-1][0], last
        else:
            placed.append((first, last))
    return placed


def _made_record(record: FastaRecord, genes: list[tuple[Gene, str]], circular: bool) -> Any:
    from Bio.Seq import Seq
    from Bio.SeqRecord import SeqRecord

    annotations: dict[str, Any] = {"molecule_type": "DNA", "topology": "circular" if circular else "linear"}
    name = record.id.replace(" ", "_")[:16]  # as much as a LOCUS line holds; ACCESSION has all of it
    made = SeqRecord(Seq(record.sequence), record.id, name, record.description or record.id, annotations=annotations)
    codes = record.encode()
    for gene, identifier in genes:
        made.features += _features(gene, identifier, gene.protein(codes), len(codes))
    return made


def _features(gene: Gene, identifier: str, protein: str, length: int) -> list[Any]:
    from Bio.SeqFeature import SeqFeature

    table = gene.transl_table or 11
    qualifiers: dict[str, Any] = {"locus_tag": [gene.name or gene.locus or identifier]}
    coding = qualifiers | {"codon_start": [gene.phase + 1], "transl_table": [table], "protein_id": [identifier]}
    if gene.pseudo:
        coding["pseudo"] = [""]
    else:
        coding["translation"] = [protein]
    notes = {"posterior": gene.posterior, "start posterior": gene.start_posterior, "score": gene.score}
    coding["note"] = [f"{what} {number(value)}" for what, value in notes.items() if value is not None]
    whole = _location(gene, [(gene.start, gene.end)], length)
    return [
        SeqFeature(whole, "gene", qualifiers=qualifiers),
        SeqFeature(_location(gene, gene.coding_pieces, length), "CDS", qualifiers=coding),
    ]


def _location(gene: Gene, pieces: Iterable[Piece], length: int) -> Any:
    from Bio.SeqFeature import AfterPosition, BeforePosition, CompoundLocation, ExactPosition, SimpleLocation

    placed = wrapped(pieces, length)
    strand = 1 if gene.strand == "+" else -1
    ends: list[list[Any]] = [[ExactPosition(first - 1), ExactPosition(last)] for first, last in placed]
    if gene.partial_left:
        ends[0][0] = BeforePosition(placed[0][0] - 1)
    if gene.partial_right:
        ends[-1][1] = AfterPosition(placed[-1][1])
    parts = [SimpleLocation(first, last, strand) for first, last in ends][::strand]
    return CompoundLocation(parts) if len(parts) > 1 else parts[0]
