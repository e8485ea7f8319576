"""Genes as GFF3, written and read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from urllib.parse import quote, unquote

from hmmseq.errors import DataError
from hmmseq.files import Source, read_lines, source_name

from ..gene import Gene, identifiers
from .fields import probability
from .output import Target, check_place, number, write_lines
from .rows import Row, coding_rows, columns_of, ends, gene_of_rows, warn_of_no_coding_rows

# What GFF3 allows unescaped in a sequence id; in other columns only these characters have a meaning.
_SEQID_PLAIN = ".:^*$@!+_?-|"
# Beyond GFF3's control characters, those where str.splitlines would end a line.
_ESCAPED = {code: quote(chr(code), safe="") for code in [*range(32), *range(127, 160), 0x2028, 0x2029, *b"%;=&,"]}
_PRODUCTS = ("protein", "polypeptide")  # of a transcript: TAIR names them as a second parent


def write_gff3(
    genes: Iterable[Gene],
    target: Target,
    *,
    sequence_lengths: Mapping[str, int] | None = None,
    circular: Collection[str] = (),
    source: str = "hmmseq",
    stop: bool = True,
) -> None:
    """Write one CDS row a coding piece, in the order given.

    Genes that all come in one piece have no other rows; where one has several pieces or names its locus, all have gene,
    mRNA and CDS rows. IDs are the genes' own, or `seqid_1`, `seqid_2`, ... on each sequence, and unique.

    target            a path (complete or left alone), "-" for standard output, or a binary file
    sequence_lengths  gives the ##sequence-region lines; a gene must then lie on one of these sequences
    circular          ids of circular sequences, on which a gene may end beyond the last base
    source            column 2
    stop              False: leave stop codons out of the CDS

    ValueError if a gene lies outside its sequence or has a non-finite score.
    """
    write_lines(_lines(list(genes), dict(sequence_lengths or {}), circular, source, stop), target)


def read_gff3(source: Source, *, stop: bool = True) -> list[Gene]:
    """Coding transcripts of a GFF3 file, packed or not: CDS rows that share a Parent and an ID are pieces of one.

    stop : False if the CDS of this file leave stop codons out; they are added

    A transcript with pieces on both strands (trans-splicing) has those of one strand, and is partial at both ends. A CDS row
    without a phase has phase 0.

    DataError, with the line, for a row that is no GFF3 and for a file without any line.
    """
    name, features, any_line = source_name(source), _Features(), False
    for at, line in read_lines(source):
        if line.rstrip() == "##FASTA" or (any_line and line.startswith(">")):  # both begin sequences
            break
        if line.strip() and not line.startswith("#"):
            try:
                features.add(line)
            except ValueError as error:
                raise DataError(f"{name}, line {at}: {error}") from None
        any_line = any_line or bool(line.strip())
    if not any_line:
        raise DataError(f'{name}: empty; expected GFF3, which begins with "##gff-version 3"')
    try:
        genes = features.genes()
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None
    if not features.rows and features.passed_over - {"region"}:
        warn_of_no_coding_rows(name)
    return genes if stop else [gene.with_stop() for gene in genes]


def _lines(
    genes: list[Gene], lengths: Mapping[str, int], circular: Collection[str], source: str, stop: bool
) -> Iterator[str]:
    yield "##gff-version 3"
    for seqid, length in lengths.items():
        yield f"##sequence-region {_escape_seqid(seqid)} 1 {length}"
    for seqid in lengths:
        if seqid in circular:
            whole = Gene(seqid, 1, lengths[seqid], "+")
            attributes = {"ID": f"{seqid}.sequence", "Is_circular": "true"}
            yield _row(whole, source, "region", (1, lengths[seqid]), attributes)
    names = identifiers(genes)
    flat = not any(len(gene.pieces) > 1 or gene.locus for gene in genes)
    taken = set(names)
    loci = [] if flat else _loci(genes, names, taken)
    for i, gene in enumerate(genes):
        check_place(gene, lengths, circular)
        shown = gene if stop else gene.without_stop()
        if flat:
            yield _row(
                shown, source, "CDS", (shown.start, shown.end), {"ID": names[i]} | _attributes_of(gene), gene.phase
            )
            continue
        locus, ends = loci[i]
        if ends:
            yield _row(gene, source, "gene", ends, {"ID": locus}, scored=False)
        yield from _transcript(shown, names[i], locus, _unused(f"{names[i]}.cds", taken), source)


def _loci(genes: list[Gene], names: list[str], taken: set[str]) -> list[tuple[str, tuple[int, int] | None]]:
    """For each gene the ID of its locus, and at the first of its transcripts the ends of the locus."""
    members: dict[tuple[str, str, int], list[int]] = {}
    for i, gene in enumerate(genes):
        members.setdefault((gene.seqid, gene.locus, -1 if gene.locus else i), []).append(i)
    loci: list[tuple[str, tuple[int, int] | None]] = [("", None)] * len(genes)
    for (_, locus, _), own in members.items():
        name = _unused(locus or f"{names[own[0]]}.gene", taken)
        for i in own:
            loci[i] = name, None
        loci[own[0]] = name, (min(genes[i].start for i in own), max(genes[i].end for i in own))
    return loci


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _transcript(gene: Gene, name: str, locus: str, cds: str, source: str) -> Iterator[str]:
    """Rows of a transcript and its coding pieces."""
    attributes = {"ID": name, "Parent": locus} | _attributes_of(gene)
    yield _row(gene, source, "mRNA", (gene.start, gene.end), attributes)
    for k, (piece, phase) in enumerate(zip(gene.coding_pieces, gene.phases)):
        own = {"ID": cds, "Parent": name}
        if gene.piece_posteriors:
            own["posterior"] = number(gene.piece_posteriors[k])
        yield _row(gene, source, "CDS", piece, own, phase)


def _attributes_of(gene: Gene) -> dict[str, str]:
    attributes = {"Name": gene.name} if gene.name else {}
    if gene.transl_table is not None:
        attributes["transl_table"] = str(gene.transl_table)
    if gene.partial_left or gene.partial_right:
        attributes["partial"] = f"{gene.partial_left:d}{gene.partial_right:d}"
    if gene.pseudo:
        attributes["pseudo"] = "true"
    if gene.posterior is not None:
        attributes["posterior"] = number(gene.posterior)
    if gene.start_posterior is not None:
        attributes["start_posterior"] = number(gene.start_posterior)
    return attributes


def _row(
    gene: Gene,
    source: str,
    kind: str,
    ends: tuple[int, int],
    attributes: Mapping[str, str],
    phase: int | str = ".",
    scored: bool = True,
) -> str:
    last = ";".join(f"{key}={_escape(value)}" for key, value in attributes.items())
    score = number(gene.score) if scored and gene.score is not None else "."
    place = f"{_escape_seqid(gene.seqid)}\t{_escape(source)}\t{kind}\t{ends[0]}\t{ends[1]}"
    return f"{place}\t{score}\t{gene.strand}\t{phase}\t{last}"


def _escape(text: str) -> str:
    return text.translate(_ESCAPED)


def _escape_seqid(seqid: str) -> str:
    return quote(seqid, safe=_SEQID_PLAIN).replace("~", "%7E")  # quote leaves "~", GFF3 does not


class _Features:
    """CDS rows by transcript, in the order of their first rows, and the attributes of everything else with an ID."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str, int], list[Row]] = {}
        self.kinds: dict[str, str] = {}
        self.attributes: dict[str, dict[str, str]] = {}
        self.passed_over: set[str] = set()  # types of rows

    def add(self, line: str) -> None:
        columns = columns_of(line, "GFF3")
        attributes = _attributes(columns[8])
        if columns[2] != "CDS":
            self.passed_over.add(columns[2])
            if "ID" in attributes:
                self.kinds[attributes["ID"]], self.attributes[attributes["ID"]] = columns[2], attributes
            return
        _gene([(columns, attributes)], {}, "", "")  # a bad row is refused where its line is known
        own = attributes.get("ID", "")
        # Isoforms of equal proteins share rows: each parent has its own transcript. Rows of neither are alone.
        for parent in _parents(attributes) or [""]:
            alone = -1 if own or parent else len(self.rows)
            # Ensembl and NCBI reuse no ID between sequences, other writers do.
            self.rows.setdefault((columns[0], parent, own, alone), []).append((columns, attributes))

    def genes(self) -> list[Gene]:
        return [
            self._transcript(parent, own, rows)
            for (_, parent, own, _), rows in self.rows.items()
            if self.kinds.get(parent) not in _PRODUCTS
        ]

    def _transcript(self, parent: str, own: str, rows: list[Row]) -> Gene:
        above, kind = self.attributes.get(parent, {}), self.kinds.get(parent, "")
        pseudo = kind.startswith("pseudogen") or above.get("pseudo") == "true"
        if kind in ("gene", "pseudogene"):  # no transcript between
            return _gene(rows, {}, own, parent, pseudo)
        return _gene(rows, above, parent if kind else own or parent, "".join(_parents(above)[:1]), pseudo)


def _gene(rows: list[Row], above: dict[str, str], name: str, locus: str, pseudo: bool = False) -> Gene:
    """The transcript of these rows; `above` are the attributes of its own row, which come before those of its CDS."""
    coding = coding_rows(rows)
    own = coding.first[1]
    attributes = own | above
    pieces = [probability(row, "posterior") for _, row in coding.rows if "posterior" in row] if above else []
    return gene_of_rows(
        coding,
        map(ends, coding.rows),
        attributes,
        seqid=unquote(coding.first[0][0]),
        posterior=probability(above or own, "posterior"),
        name=attributes.get("Name", ""),
        pseudo=pseudo or attributes.get("pseudo") == "true" or "pseudogene" in attributes,
        piece_posteriors=tuple(pieces) if len(pieces) == len(coding.rows) else (),
        id=name,
        locus=locus,
    )


def _attributes(text: str) -> dict[str, str]:
    pairs = [field.strip().partition("=") for field in text.split(";") if field.strip() not in ("", ".")]
    for key, equals, _ in pairs:
        if not equals:
            raise ValueError(f"attribute {key!r} has no '='; expected GFF3 (key=value), is it GTF or GFF2?")
    return {unquote(key): value if key == "Parent" else unquote(value) for key, _, value in pairs}


def _parents(attributes: Mapping[str, str]) -> list[str]:
    """IDs in `Parent`, which is split before it is unescaped: an ID may hold a comma."""
    return [unquote(parent) for parent in attributes.get("Parent", "").split(",") if parent]
