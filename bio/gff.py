"""Genes as GFF3, written and read."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, TypeAlias
from urllib.parse import quote, unquote

from hmmseq.errors import DataError
from hmmseq.files import Source, atomic_write, read_lines, source_name

from .gene import Gene

Target: TypeAlias = str | os.PathLike[str] | BinaryIO

# What GFF3 allows unescaped in a sequence id; in other columns only these characters have a meaning.
_SEQID_PLAIN = ".:^*$@!+_?-|"
# Beyond GFF3's control characters, those where str.splitlines would end a line.
_ESCAPED = {code: quote(chr(code), safe="") for code in [*range(32), *range(127, 160), 0x2028, 0x2029, *b"%;=&,"]}


def write_gff3(
    genes: Iterable[Gene],
    target: Target,
    *,
    sequence_lengths: Mapping[str, int] | None = None,
    source: str = "hmmseq",
) -> None:
    """Write one CDS row a gene, in the order given; the IDs are `seqid_1`, `seqid_2`, ... on each sequence.

    target            a path (complete or left alone), "-" for standard output, or a binary file
    sequence_lengths  gives the ##sequence-region lines; a gene must then lie on one of these sequences
    source            column 2

    ValueError if a gene lies outside its sequence, has a non-finite score, or comes in several pieces.
    """
    lengths = dict(sequence_lengths or {})
    # Everything is made before anything is written: standard output, too, is complete or absent.
    text = "".join(f"{line}\n" for line in _lines(genes, lengths, source)).encode()
    if not isinstance(target, (str, os.PathLike)):
        target.write(text)
    elif target == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    else:
        with atomic_write(target) as file:
            file.write(text)


def read_gff3(source: Source) -> list[Gene]:
    """CDS features of a GFF3 file, packed or not; rows that share an ID (or a Parent) are pieces of one gene.

    DataError, with the line, for a row that is no GFF3 and for a file without any line.
    """
    name, number, features = source_name(source), 0, _Features()
    for number, line in read_lines(source):
        if line == "##FASTA":
            break
        if line.strip() and not line.startswith("#"):
            try:
                features.add(line)
            except ValueError as error:
                raise DataError(f"{name}, line {number}: {error}") from None
        elif line:
            features.any_line = True
    if not features.any_line:
        raise DataError(f'{name}: empty; expected GFF3, which begins with "##gff-version 3"')
    return features.genes(name)


def _lines(genes: Iterable[Gene], lengths: Mapping[str, int], source: str) -> Iterator[str]:
    yield "##gff-version 3"
    for seqid, length in lengths.items():
        yield f"##sequence-region {_escape_seqid(seqid)} 1 {length}"
    count: dict[str, int] = {}
    for gene in genes:
        _check_place(gene, lengths)
        count[gene.seqid] = count.get(gene.seqid, 0) + 1
        yield _row(gene, f"{gene.seqid}_{count[gene.seqid]}", source)


def _check_place(gene: Gene, lengths: Mapping[str, int]) -> None:
    if len(gene.pieces) > 1:
        raise ValueError(f"{gene.seqid}: gene at {gene.start}..{gene.end} in pieces; only whole ones are written")
    if lengths and gene.seqid not in lengths:
        raise ValueError(f"gene on {gene.seqid!r}, which sequence_lengths does not name")
    if lengths and gene.end > lengths[gene.seqid]:
        raise ValueError(f"{gene.seqid}: gene at {gene.start}..{gene.end} of {lengths[gene.seqid]} bases")


def _row(gene: Gene, identifier: str, source: str) -> str:
    attributes = {"ID": identifier}
    if gene.name:
        attributes["Name"] = gene.name
    if gene.transl_table is not None:
        attributes["transl_table"] = str(gene.transl_table)
    if gene.partial_left or gene.partial_right:
        attributes["partial"] = f"{gene.partial_left:d}{gene.partial_right:d}"
    if gene.pseudo:
        attributes["pseudo"] = "true"
    if gene.posterior is not None:
        attributes["posterior"] = _number(gene.posterior)
    last = ";".join(f"{key}={_escape(value)}" for key, value in attributes.items())
    score = "." if gene.score is None else _number(gene.score)
    place = f"CDS\t{gene.start}\t{gene.end}\t{score}\t{gene.strand}\t{gene.phase}"
    return f"{_escape_seqid(gene.seqid)}\t{_escape(source)}\t{place}\t{last}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"a score or posterior is {value}; expected a finite number or None")
    return f"{value:.6g}"


def _escape(text: str) -> str:
    return text.translate(_ESCAPED)


def _escape_seqid(seqid: str) -> str:
    return quote(seqid, safe=_SEQID_PLAIN).replace("~", "%7E")  # quote leaves "~", GFF3 does not


class _Features:
    """CDS rows collected by feature, in the order of their first rows."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[list[str], dict[str, str]]]] = {}
        self.any_line = False

    def add(self, line: str) -> None:
        columns = line.split("\t")
        if len(columns) != 9:
            raise ValueError(f"{len(columns)} tab-separated columns, expected the 9 of GFF3")
        self.any_line = True
        if columns[2] == "CDS":
            attributes = _attributes(columns[8])
            key = attributes.get("ID") or attributes.get("Parent") or f"\t{len(self.rows)}"
            # Ensembl and NCBI reuse no ID between sequences, other writers do.
            self.rows.setdefault(f"{columns[0]}\t{key}", []).append((columns, attributes))
            _gene([(columns, attributes)])  # a bad row is refused where its line is known

    def genes(self, name: str) -> list[Gene]:
        try:
            return [_gene(rows) for rows in self.rows.values()]
        except ValueError as error:
            raise DataError(f"{name}: {error}") from None


def _gene(rows: list[tuple[list[str], dict[str, str]]]) -> Gene:
    rows = sorted(rows, key=lambda row: int(row[0][3]))
    columns, attributes = rows[-1] if rows[0][0][6] == "-" else rows[0]  # the 5' piece has the phase of the gene
    pieces = tuple((int(row[3]), int(row[4])) for row, _ in rows)
    partial = attributes.get("partial", "00")
    left, right = (True, True) if partial == "true" else (partial[:1] == "1", partial[1:] == "1")
    return Gene(
        seqid=unquote(columns[0]),
        start=pieces[0][0],
        end=max(end for _, end in pieces),
        strand=columns[6],
        score=None if columns[5] == "." else float(columns[5]),
        posterior=float(attributes["posterior"]) if "posterior" in attributes else None,
        partial_left=left,
        partial_right=right,
        phase=0 if columns[7] == "." else int(columns[7]),
        transl_table=int(attributes["transl_table"]) if "transl_table" in attributes else None,
        name=attributes.get("Name", ""),
        pseudo=attributes.get("pseudo") == "true" or "pseudogene" in attributes,
        pieces=pieces if len(pieces) > 1 else (),
    )


def _attributes(text: str) -> dict[str, str]:
    pairs = [field.strip().partition("=") for field in text.split(";") if field.strip() not in ("", ".")]
    for key, equals, _ in pairs:
        if not equals:
            raise ValueError(f"attribute {key!r} has no '='; expected GFF3 (key=value), is it GTF or GFF2?")
    return {unquote(key): unquote(value) for key, _, value in pairs}
