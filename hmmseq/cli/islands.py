"""`hmmseq islands`: CpG islands of a genome."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from hmmseq.cli.arguments import check_files, not_negative, positive, probability
from hmmseq.cli.messages import say


def add(commands: Any) -> None:
    parser = commands.add_parser("islands", help="find the CpG islands of a genome")
    parser.description = (
        "Find CpG islands with the textbook pair of hidden blocks (Durbin et al. 1998), trained on the genome itself. Writes "
        "BED: id, start, end, name, 1000 times the mean posterior, strand, share of G and C, observed over expected CpG."
    )
    parser.add_argument("genome", metavar="GENOME.fna", help="FASTA or GenBank, also gzipped; - for standard input")
    parser.add_argument("-o", "--output", metavar="ISLANDS.bed", default="-", help="default: standard output")
    parser.add_argument("--bedgraph", metavar="FILE", help="also write the posterior of every base")
    parser.add_argument(
        "--iterations", type=not_negative, default=10, metavar="N", help="of training; 0: the book's tables"
    )
    parser.add_argument("--threshold", type=probability, default=0.5, metavar="P", help="default 0.5")
    parser.add_argument("--min-length", type=positive, default=200, metavar="BASES", help="default 200")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="default 1")
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    check_files([arguments.genome], [arguments.output, arguments.bedgraph])
    from hmmseq.bio import CpGIslands, read_sequences, write_bedgraph, write_islands

    records = read_sequences(arguments.genome)
    finder = CpGIslands(
        n_iter=arguments.iterations,
        threshold=arguments.threshold,
        min_length=arguments.min_length,
        n_jobs=arguments.threads,
    ).fit(records)
    islands: list[Any] = []

    def tracks() -> Iterator[tuple[str, Any]]:
        """One posterior in memory at a time: a genome of them would be four bytes a base."""
        for record in records:
            posterior = finder.posterior(record)
            islands.extend(finder.islands(record, posterior))
            yield record.id, posterior

    if arguments.bedgraph is not None:
        write_bedgraph(tracks(), arguments.bedgraph, name="CpG island")
    else:
        for _ in tracks():
            pass
    write_islands(islands, arguments.output)
    if not arguments.quiet:
        say(f"{len(islands)} islands in {sum(len(record.sequence) for record in records)} bases")
