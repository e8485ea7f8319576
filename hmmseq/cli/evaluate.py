"""`hmmseq evaluate`: predicted genes beside annotated ones."""

from __future__ import annotations

import argparse
import json
from typing import Any

from hmmseq.cli.arguments import check_files, positive


def add(commands: Any) -> None:
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
    check_files([arguments.predicted, arguments.annotated], [])
    from hmmseq.bio import evaluate, read_genes

    predicted = read_genes(arguments.predicted, stop=not arguments.predicted_without_stop)
    annotated = read_genes(arguments.annotated, stop=not arguments.annotated_without_stop)
    found = evaluate(predicted, annotated, n_bootstrap=arguments.bootstrap or 0)
    print(json.dumps(found.as_dict(), indent=1) if arguments.json else found)
