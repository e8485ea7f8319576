"""`hmmseq train-genes`: a model of genes with introns, from a genome and its annotation."""

from __future__ import annotations

import argparse
from typing import Any

from hmmseq.cli.arguments import check_files, hints_on, positive, table
from hmmseq.cli.messages import say

_SHOWN = 10  # genes left out, unless --left-out names a file for all


def add(commands: Any) -> None:
    parser = commands.add_parser("train-genes", help="learn the genes of a eukaryote from annotated ones")
    parser.description = "Learn signals, content and lengths of genes with introns; `hmmseq genes --model` uses them."
    parser.add_argument("genome", metavar="GENOME.fa", help="FASTA or GenBank, also gzipped")
    parser.add_argument("annotation", metavar="ANNOTATION", nargs="?", help="GFF3, GTF or GenBank; default: GENOME")
    parser.add_argument("-o", "--output", metavar="MODEL", required=True, help="the model, for `hmmseq genes --model`")
    parser.add_argument("--table", type=table, default=1, metavar="N", help="NCBI genetic code (default 1)")
    parser.add_argument(
        "--hints", metavar="HINTS.gff", help="hints of the kind that `genes` will get: learn their worth"
    )
    parser.add_argument(
        "--neural", action="store_true", help="neural networks score exons and their ends, too (training needs torch)"
    )
    parser.add_argument("--left-out", metavar="FILE.tsv", help="write which genes were not learned from, and why")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="default 1")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    check_files((arguments.genome, arguments.annotation, arguments.hints), (arguments.output, arguments.left_out))
    if "-" in (arguments.output, arguments.annotation):
        raise argparse.ArgumentTypeError("the annotation and the model are files; name them, without -")
    from hmmseq.bio import SplicedGeneFinder, read_genes, read_sequences

    encoder = "exons" if arguments.neural else None
    finder = SplicedGeneFinder(arguments.table, encoder=encoder, n_jobs=arguments.threads, verbose=not arguments.quiet)
    annotation = arguments.annotation or arguments.genome
    records = read_sequences(arguments.genome)
    finder.fit(records, read_genes(annotation), hints_on(arguments.hints, records))
    _report(finder.left_out_, arguments)
    finder.save(arguments.output)
    if not arguments.quiet:
        say(f"learned from {finder.n_genes_} genes, {len(finder.left_out_)} left out")


def _report(left_out: list[Any], arguments: argparse.Namespace) -> None:
    if arguments.left_out is not None:
        from hmmseq.files import atomic_write

        rows = ["seqid\tstart\tend\tstrand\tname\treason"]
        for gene, reason in left_out:
            rows.append("\t".join(map(str, (gene.seqid, gene.start, gene.end, gene.strand, gene.name, reason))))
        with atomic_write(arguments.left_out) as file:
            file.write("".join(f"{row}\n" for row in rows).encode())
    elif not arguments.quiet:
        for one in left_out[:_SHOWN]:
            say(f"left out: {one}")
        if len(left_out) > _SHOWN:
            say(f"and {len(left_out) - _SHOWN} more; --left-out FILE.tsv has them all")
