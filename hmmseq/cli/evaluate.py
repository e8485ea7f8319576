"""`hmmseq evaluate`: predicted genes beside annotated ones."""

from __future__ import annotations

import argparse
import json
import warnings
from typing import Any

from hmmseq.cli.arguments import check_files, positive


def add(commands: Any) -> None:
    """Arguments of `hmmseq evaluate`."""
    parser = commands.add_parser("evaluate", help="compare predicted genes with annotated ones")
    parser.description = (
        "Compare the coding pieces of two annotations: GFF3, GTF, BED12, GenBank or a table of CDS, packed or not, each "
        "known by its content. Annotated genes that are cut, and pseudogenes, count neither for nor against."
    )
    parser.add_argument("predicted", metavar="PRED.gff3", help="predicted genes; - for standard input")
    parser.add_argument("annotated", metavar="TRUTH.gff3", help="annotated genes")
    parser.add_argument("--bootstrap", type=positive, metavar="N", help="95 %% intervals from N resamplings")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    for side, stands in (("predicted", "PRED"), ("annotated", "TRUTH")):
        option = f"--{side}-without-stop"
        parser.add_argument(option, action="store_true", help=f"genes of {stands} end before their stop codons")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the comparison."""
    check_files([arguments.predicted, arguments.annotated], [])
    from hmmseq.bio import evaluate, read_genes

    predicted = read_genes(arguments.predicted, stop=not arguments.predicted_without_stop)
    annotated = read_genes(arguments.annotated, stop=not arguments.annotated_without_stop)
    _warn_of_stop_codons(predicted, annotated)
    _warn_of_other_sequences(predicted, annotated)
    found = evaluate(predicted, annotated, n_bootstrap=arguments.bootstrap or 0)
    print(json.dumps(found.as_dict(), indent=1) if arguments.json else found)


def _warn_of_stop_codons(predicted: list[Any], annotated: list[Any]) -> None:
    """Say so where one side ends its genes before their stop codons and the other does not: nothing would agree."""
    exact = _shared_ends(predicted, annotated)
    if _shared_ends([gene.with_stop() for gene in predicted], annotated) > exact:
        warnings.warn("genes of PRED end three bases before those of TRUTH: try --predicted-without-stop", stacklevel=2)
    elif _shared_ends(predicted, [gene.with_stop() for gene in annotated]) > exact:
        warnings.warn("genes of TRUTH end three bases before those of PRED: try --annotated-without-stop", stacklevel=2)


def _warn_of_other_sequences(predicted: list[Any], annotated: list[Any]) -> None:
    known = {gene.seqid for gene in annotated}
    others = [gene for gene in predicted if gene.seqid not in known]
    if known and 0 < len(others) < len(predicted):
        what = f"{len(others)} of {len(predicted)} predicted genes"
        warnings.warn(f"{what} lie on sequences without annotated genes, and count as wrong", stacklevel=2)


def _shared_ends(predicted: list[Any], annotated: list[Any]) -> int:
    ours, theirs = ({(gene.seqid, gene.strand, gene.three_prime) for gene in genes} for genes in (predicted, annotated))
    return len(ours & theirs)
