"""`hmmseq plot`: pictures."""

from __future__ import annotations

import argparse
import os
from typing import Any

from hmmseq.cli.arguments import check_files, region, table
from hmmseq.errors import DataError

_LONGEST = 5_000_000  # bases in one picture; genes in more would be thinner than a dot


def add(commands: Any) -> None:
    parser = commands.add_parser("plot", help="draw a picture")
    parser.set_defaults(parser=parser)
    inner = parser.add_subparsers(title="pictures", metavar="PICTURE")
    genes = inner.add_parser("genes", help="annotated and found genes along a stretch of genome")
    genes.description = (
        "Draw one track a file: GFF3, GTF, BED12, GenBank or a table of CDS. With --genome, genes are found there, too, and "
        "drawn with the probability that each base is coding."
    )
    genes.add_argument("tracks", metavar="[NAME=]GENES.gff3", nargs="*", help="a track; - for standard input")
    genes.add_argument("--genome", metavar="GENOME.fna", help="find genes in this sequence, trained on itself")
    genes.add_argument("--table", type=table, default=11, metavar="N", help="its genetic code (default 11)")
    genes.add_argument(
        "--region", type=region, metavar="ID:FIRST-LAST", help="what to draw; default: the first 20 kb with genes"
    )
    genes.add_argument(
        "--bedgraph", metavar="[NAME=]FILE", action="append", default=[], help="a curve from 0 to 1 below"
    )
    genes.add_argument(
        "-o", "--output", metavar="PICTURE", default="genes.png", help=".png, .svg, .pdf or .html (default genes.png)"
    )
    genes.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    ending = os.path.splitext(arguments.output)[1].lower()
    if ending not in (".png", ".svg", ".pdf", ".html"):
        raise argparse.ArgumentTypeError(f"{arguments.output!r} ends in {ending!r}; expected .png, .svg, .pdf or .html")
    if not (arguments.tracks or arguments.genome):
        raise argparse.ArgumentTypeError("nothing to draw; name a file of genes, or --genome to find some")
    track_files, curve_files = _named(arguments.tracks), _named(arguments.bedgraph)
    check_files([arguments.genome, *track_files.values(), *curve_files.values()], [arguments.output])
    from hmmseq.bio.browser import Stretch, draw, read_curve
    from hmmseq.bio.formats.any import read_genes, read_sequences

    tracks = {name: read_genes(path) for name, path in track_files.items()}
    records = read_sequences(arguments.genome) if arguments.genome else []
    stretch = Stretch(*arguments.region) if arguments.region else Stretch.first_of(tracks, records)
    if stretch.last - stretch.first >= _LONGEST:
        raise DataError(f"{stretch} is longer than {_LONGEST} bases; draw a part of it with --region")
    curves = {name: read_curve(path, stretch) for name, path in curve_files.items()}
    draw(stretch, tracks, records, arguments.table, curves, arguments.output)


def _named(texts: list[str]) -> dict[str, str]:
    """Paths by name, of NAME=PATH or PATH: that one is called by its file, or as it is written where files share a name."""
    pairs = [_pair(text) for text in texts]
    files = [os.path.basename(path).split(".")[0] or path for _, path in pairs]
    names = [name or (path if files.count(file) > 1 else file) for (name, path), file in zip(pairs, files)]
    for name in names:
        if names.count(name) > 1:
            raise argparse.ArgumentTypeError(f"two tracks are called {name!r}; give them names, NAME=FILE")
    return {name: path for name, (_, path) in zip(names, pairs)}


def _pair(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    return (name, path) if equals and not os.path.exists(text) else ("", text)
