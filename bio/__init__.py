"""Genes, proteins and the formats they come in."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .alphabet import DNA, PROTEIN, Alphabet, reverse_complement
    from .calibration import Reliability, reliability
    from .evaluation import Evaluation, GeneScores, evaluate
    from .formats.any import (
        check_sequences,
        read_genes,
        read_sequences,
        write_coding_sequences,
        write_genes,
        write_proteins,
    )
    from .formats.bed import read_bed, write_bed
    from .formats.bedgraph import write_bedgraph
    from .formats.cds_table import read_cds_table
    from .formats.fasta import FastaRecord, read_fasta
    from .formats.genbank import read_genbank, write_genbank
    from .formats.gff import read_gff3, write_gff3
    from .formats.gtf import read_gtf, write_gtf
    from .gene import Gene
    from .genetic_code import GeneticCode, codons
    from .islands import CpGIslands, Island, write_islands
    from .prokaryotes.finder import GeneFinder
    from .spliced import Hint, SplicedGeneFinder, read_hints

__all__ = [
    "DNA",
    "PROTEIN",
    "Alphabet",
    "CpGIslands",
    "Evaluation",
    "FastaRecord",
    "Gene",
    "GeneFinder",
    "GeneScores",
    "GeneticCode",
    "Hint",
    "Island",
    "Reliability",
    "SplicedGeneFinder",
    "check_sequences",
    "codons",
    "evaluate",
    "read_bed",
    "read_cds_table",
    "read_fasta",
    "read_genbank",
    "read_genes",
    "read_gff3",
    "read_gtf",
    "read_hints",
    "read_sequences",
    "reliability",
    "reverse_complement",
    "write_bed",
    "write_bedgraph",
    "write_coding_sequences",
    "write_genbank",
    "write_genes",
    "write_gff3",
    "write_gtf",
    "write_islands",
    "write_proteins",
]

_HOMES = {
    "alphabet": ("DNA", "PROTEIN", "Alphabet", "reverse_complement"),
    "calibration": ("Reliability", "reliability"),
    "evaluation": ("Evaluation", "GeneScores", "evaluate"),
    "formats.any": (
        "check_sequences", "read_genes", "read_sequences", "write_coding_sequences", "write_genes", "write_proteins",
    ),
    "formats.bed": ("read_bed", "write_bed"),
    "formats.bedgraph": ("write_bedgraph",),
    "formats.cds_table": ("read_cds_table",),
    "formats.fasta": ("FastaRecord", "read_fasta"),
    "formats.genbank": ("read_genbank", "write_genbank"),
    "formats.gff": ("read_gff3", "write_gff3"),
    "formats.gtf": ("read_gtf", "write_gtf"),
    "gene": ("Gene",),
    "genetic_code": ("GeneticCode", "codons"),
    "islands": ("CpGIslands", "Island", "write_islands"),
    "prokaryotes.finder": ("GeneFinder",),
    "spliced": ("Hint", "SplicedGeneFinder", "read_hints"),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: what finds genes in bacteria needs neither scikit-learn nor its 70 MB."""
    if name not in _HOME:
        raise AttributeError(f"module 'hmmseq.bio' has no attribute {name!r}")
    return getattr(import_module(f"hmmseq.bio.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
