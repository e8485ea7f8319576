"""Genes with introns on a whole chromosome: memory and speed of `hmmseq genes --model` as the sequence grows.

    python -m benchmarks.chromosome [--megabases 5 20] [--neural] [--data DIR] [--output benchmarks/results]

The model is learned from the annotated sequences of one set of HMMSEQ_DATA, the chromosome is made of them, over and
over. Each length is a process of its own; memory is the largest that one had at once (maximum resident set size), of
which the sequence itself, as letters and as numbers, takes 2 MB for each megabase.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.eukaryotes import load
from benchmarks.report import write
from hmmseq.bio import GeneFinder

SET = "athaliana_1pct"


def chromosome(sequence: bytes, length: int, path: Path) -> None:
    """A sequence repeated up to a length, as FASTA."""
    repeated = (sequence * (length // len(sequence) + 1))[:length]
    path.write_bytes(b">chromosome\n" + repeated + b"\n")


def measure(model: Path, genome: Path, length: int) -> dict:
    """Seconds of processor time and memory of one run, with what came before it in the same process left out."""
    command = [
        sys.executable,
        "-m",
        "hmmseq.cli",
        "genes",
        str(genome),
        "--model",
        str(model),
        "-q",
        "-o",
        f"{genome}.gff3",
    ]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "megabases": length / 1e6,
        "peak_megabytes": after.ru_maxrss / 1024,  # of all children so far: lengths go up
        "seconds": seconds,
        "wall_seconds": time.perf_counter() - begun,
        "kb_per_second": length / seconds / 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(os.environ.get("HMMSEQ_DATA", "../shared/data")) / "eukaryotes"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--megabases", type=float, nargs="+", default=[5, 20])
    parser.add_argument("--neural", action="store_true", help="networks beside the hidden Markov model")
    parser.add_argument("--output", type=Path, help="folder for chromosome.json and chromosome.md")
    arguments = parser.parse_args()
    records, genes = load(arguments.data, SET)
    sequence = b"".join(record.sequence for record in records)
    lines = ["| Mb | peak memory, MB | kb/s |", "|---:|---:|---:|"]
    print("\n".join(lines))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model, genome = Path(folder) / "model", Path(folder) / "genome.fa"
        GeneFinder(kind="eukaryote", encoder="exons" if arguments.neural else None).fit(records, genes).save(model)
        for megabases in sorted(arguments.megabases):
            chromosome(sequence, int(megabases * 1e6), genome)
            rows.append(measure(model, genome, int(megabases * 1e6)))
            row = rows[-1]
            lines.append(f"| {row['megabases']:g} | {row['peak_megabytes']:.0f} | {row['kb_per_second']:.0f} |")
            print(lines[-1], flush=True)
    write(arguments.output, "chromosome", rows, lines)


if __name__ == "__main__":
    main()
