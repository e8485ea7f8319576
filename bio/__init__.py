"""Genes, proteins and the formats they come in."""

from .alphabet import DNA, PROTEIN, Alphabet, reverse_complement
from .annotation import read_cds_table, read_genbank
from .evaluate import GeneScores, evaluate
from .fasta import FastaRecord, read_fasta
from .gene import Gene
from .genes import GeneFinder
from .genetic_code import GeneticCode, codons
from .gff import read_gff3, write_gff3
from .spliced import Hint, SplicedGeneFinder, read_hints

__all__ = [
    "DNA",
    "PROTEIN",
    "Alphabet",
    "FastaRecord",
    "Gene",
    "GeneFinder",
    "GeneScores",
    "GeneticCode",
    "Hint",
    "SplicedGeneFinder",
    "codons",
    "evaluate",
    "read_cds_table",
    "read_fasta",
    "read_genbank",
    "read_gff3",
    "read_hints",
    "reverse_complement",
    "write_gff3",
]
