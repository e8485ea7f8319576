"""`hmmseq genes`: the genes of a genome."""

from __future__ import annotations

import argparse
import os
from typing import Any

from hmmseq.cli.arguments import check_files, error_rate, hints_on, positive, probability, table
from hmmseq.cli.messages import say

_ENDINGS = {".gtf": "gtf", ".bed": "bed", ".gb": "genbank", ".gbk": "genbank", ".gbff": "genbank"}


def add(commands: Any) -> None:
    """Arguments of `hmmseq genes`."""
    parser = commands.add_parser("genes", help="find the genes of a genome")
    parser.description = (
        "Find protein-coding genes. For bacteria and archaea the model trains itself on the genome; for eukaryotes, whose "
        "genes have introns, give one that `hmmseq train-genes` made."
    )
    parser.add_argument("genome", metavar="GENOME.fna", help="FASTA or GenBank, also gzipped; - for standard input")
    parser.add_argument("-o", "--output", metavar="GENES.gff3", default="-", help="default: standard output")
    parser.add_argument(
        "--format", choices=("gff3", "gtf", "bed", "genbank"), help="default: by the ending of the output, else gff3"
    )
    parser.add_argument("--no-stop", action="store_true", help="leave stop codons out of the CDS")
    parser.add_argument("--faa", metavar="PROTEINS.faa", help="also write the proteins")
    parser.add_argument("--ffn", metavar="GENES.ffn", help="also write the coding sequences")
    parser.add_argument("--table", type=table_or_auto, metavar="N", help="NCBI genetic code (default 11), or auto")
    parser.add_argument("--circular", action="store_true", help="records are circular: find genes across their origins")
    parser.add_argument("--metagenome", action="store_true", help="each record is a piece of a genome of its own")
    parser.add_argument("--mask", action="store_true", help="lower-case letters are masked: no gene lies there")
    parser.add_argument(
        "--frameshifts",
        type=error_rate,
        metavar="RATE",
        help="sequencing errors a base, 1e-3 say: genes may shift frame there",
    )
    parser.add_argument("--min-posterior", type=probability, metavar="P", help="default 0.25, with --model 0")
    parser.add_argument("--min-length", type=positive, metavar="BASES", help="default 90")
    parser.add_argument("--model", metavar="MODEL", help="genes with introns, by a model from `hmmseq train-genes`")
    parser.add_argument(
        "--hints", metavar="HINTS.gff", help="with --model: known exons (CDS) and introns, score: reads"
    )
    parser.add_argument(
        "--complete",
        action="store_true",
        help="with --model: sequences were cut out around whole genes; default: genes may run on beyond the ends",
    )
    parser.add_argument("--alternatives", type=positive, metavar="N", help="with --model: all genes of N sampled paths")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="default 1")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=run)


def table_or_auto(text: str) -> int | str:
    """The number of a genetic code, or "auto"."""
    return text if text == "auto" else table(text)


def run(arguments: argparse.Namespace) -> None:
    """Find the genes and write them, their proteins and coding sequences."""
    check_files((arguments.genome, arguments.model, arguments.hints), (arguments.output, arguments.faa, arguments.ffn))
    format = arguments.format or _ENDINGS.get(os.path.splitext(arguments.output)[1].lower(), "gff3")
    if format == "genbank" and arguments.no_stop:
        raise argparse.ArgumentTypeError(
            "GenBank features always include the stop codon; leave out --no-stop or choose another --format"
        )
    _check_together(arguments)
    from hmmseq.bio import read_sequences, write_coding_sequences, write_genes, write_proteins

    records = read_sequences(arguments.genome)
    genes = _spliced(arguments, records) if arguments.model else _prokaryotic(arguments, records)
    stop = False if arguments.no_stop else None
    circular = [record.id for record in records if arguments.circular]
    write_genes(genes, arguments.output, format, records=records, circular=circular, stop=stop)
    if arguments.faa is not None:
        write_proteins(genes, records, arguments.faa)
    if arguments.ffn is not None:
        write_coding_sequences(genes, records, arguments.ffn)
    if not arguments.quiet:
        say(f"{len(genes)} genes in {sum(len(record.sequence) for record in records)} bases")


def _check_together(arguments: argparse.Namespace) -> None:
    own, others = (
        ("table", "min_length", "circular", "metagenome", "mask", "frameshifts"),
        ("hints", "complete", "alternatives"),
    )
    wrong = [name for name in (own if arguments.model else others) if getattr(arguments, name)]
    if wrong:
        how = "does not go with" if arguments.model else "needs"
        raise argparse.ArgumentTypeError(f"--{wrong[0].replace('_', '-')} {how} --model")


def _prokaryotic(arguments: argparse.Namespace, records: list[Any]) -> list[Any]:
    from hmmseq._jit import without_extras
    from hmmseq.bio.prokaryotes.finder import GeneFinder

    if arguments.alone:
        without_extras()
    chosen = {name: getattr(arguments, name) for name in ("table", "min_posterior", "min_length")}
    finder = GeneFinder(
        circular=arguments.circular,
        metagenome=arguments.metagenome,
        mask_lower_case=arguments.mask,
        frameshift_rate=arguments.frameshifts or 0.0,
        n_jobs=arguments.threads,
        verbose=not arguments.quiet,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    return list(finder.find(records))


def _spliced(arguments: argparse.Namespace, records: list[Any]) -> list[Any]:
    from hmmseq.bio import SplicedGeneFinder

    finder = SplicedGeneFinder.load(arguments.model).set_params(
        min_posterior=arguments.min_posterior or 0.0,
        partial=not arguments.complete,
        n_jobs=arguments.threads,
        verbose=not arguments.quiet,
    )
    hints = hints_on(arguments.hints, records)
    if arguments.alternatives:
        return list(finder.sample(records, arguments.alternatives, hints))
    return list(finder.predict(records, hints))
