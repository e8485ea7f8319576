"""`hmmseq genes`: the genes of a genome."""

from __future__ import annotations

import argparse
from typing import Any

from hmmseq.cli.arguments import check_writable, positive, probability, table
from hmmseq.cli.messages import say


def add(commands: Any) -> None:
    parser = commands.add_parser("genes", help="find the genes of a bacterial or archaeal genome")
    parser.description = "Find protein-coding genes. The model trains itself on the genome; no annotation is needed."
    parser.add_argument("genome", metavar="GENOME.fna", help="FASTA or GenBank, also gzipped; - for standard input")
    parser.add_argument("-o", "--output", metavar="GENES.gff3", default="-", help="default: standard output")
    parser.add_argument("--format", choices=("gff3", "gtf", "bed", "genbank"), default="gff3", help="default gff3")
    parser.add_argument("--no-stop", action="store_true", help="leave stop codons out of the CDS")
    parser.add_argument("--faa", metavar="PROTEINS.faa", help="also write the proteins")
    parser.add_argument("--ffn", metavar="GENES.ffn", help="also write the coding sequences")
    parser.add_argument(
        "--table", type=table_or_auto, default=11, metavar="N", help="NCBI genetic code (default 11), or auto"
    )
    parser.add_argument("--circular", action="store_true", help="records are circular: find genes across their origins")
    parser.add_argument("--min-posterior", type=probability, default=0.35, metavar="P", help="default 0.35")
    parser.add_argument("--min-length", type=positive, default=90, metavar="BASES", help="default 90")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="default 1")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=run)


def table_or_auto(text: str) -> int | str:
    return text if text == "auto" else table(text)


def run(arguments: argparse.Namespace) -> None:
    for path in (arguments.output, arguments.faa, arguments.ffn):
        if path is not None:
            check_writable(path)
    if arguments.format == "genbank" and arguments.no_stop:
        raise argparse.ArgumentTypeError(
            "GenBank features always include the stop codon; leave out --no-stop or choose another --format"
        )
    from hmmseq.bio import read_sequences, write_coding_sequences, write_genes, write_proteins
    from hmmseq.bio.genes import GeneFinder

    records = read_sequences(arguments.genome)
    finder = GeneFinder(
        arguments.table,
        min_length=arguments.min_length,
        min_posterior=arguments.min_posterior,
        circular=arguments.circular,
        n_jobs=arguments.threads,
        verbose=not arguments.quiet,
    )
    genes = finder.find(records)
    stop = False if arguments.no_stop else None
    write_genes(genes, arguments.output, arguments.format, records=records, stop=stop)
    if arguments.faa is not None:
        write_proteins(genes, records, arguments.faa)
    if arguments.ffn is not None:
        write_coding_sequences(genes, records, arguments.ffn)
    if not arguments.quiet:
        say(f"{len(genes)} genes in {sum(len(record.sequence) for record in records)} bases")
