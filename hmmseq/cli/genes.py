"""`hmmseq genes`: the genes of a genome."""

from __future__ import annotations

import argparse
from typing import Any

from hmmseq.cli.arguments import check_writable, positive, probability, table
from hmmseq.cli.messages import say


def add(commands: Any) -> None:
    parser = commands.add_parser("genes", help="find the genes of a bacterial or archaeal genome")
    parser.description = "Find protein-coding genes. The model trains itself on the genome; no annotation is needed."
    parser.add_argument("genome", metavar="GENOME.fna", help="FASTA, also gzipped; - for standard input")
    parser.add_argument("-o", "--output", metavar="GENES.gff3", default="-", help="default: standard output")
    parser.add_argument("--table", type=table, default=11, metavar="N", help="NCBI genetic code (default 11)")
    parser.add_argument("--min-posterior", type=probability, default=0.5, metavar="P", help="default 0.5")
    parser.add_argument("--min-length", type=positive, default=90, metavar="BASES", help="default 90")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="default 1")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    check_writable(arguments.output)
    from hmmseq.bio import DNA, read_fasta, write_gff3
    from hmmseq.bio.genes import GeneFinder

    records = list(read_fasta(arguments.genome, alphabet=DNA))
    finder = GeneFinder(
        arguments.table,
        min_length=arguments.min_length,
        min_posterior=arguments.min_posterior,
        n_jobs=arguments.threads,
        verbose=not arguments.quiet,
    )
    genes = finder.find(records)
    write_gff3(genes, arguments.output, sequence_lengths={record.id: len(record.sequence) for record in records})
    if not arguments.quiet:
        say(f"{len(genes)} genes in {sum(len(record.sequence) for record in records)} bases")
