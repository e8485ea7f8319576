"""Genes, proteins and the formats they come in."""

from .alphabet import DNA, PROTEIN, Alphabet, reverse_complement
from .calibration import Reliability, reliability
from .evaluate import Evaluation, GeneScores, evaluate
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
