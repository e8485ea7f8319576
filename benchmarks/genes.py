"""Gene finding on the annotated genomes of HMMSEQ_DATA, beside pyrodigal where it is installed.

    python -m benchmarks.genes [--data DIR] [--output benchmarks/results]

Each finder trains on the genome itself; seconds include training. The defaults of hmmseq were chosen on
M. genitalium and Chlamydia; nothing of the other annotations was seen.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.report import write
from hmmseq.bio import GeneFinder, evaluate, read_cds_table, read_fasta
from hmmseq.bio.fasta import FastaRecord
from hmmseq.bio.gene import Gene

GENOMES = {
    "mycoplasma_genitalium_g37": 4,
    "chlamydia_trachomatis_duw3": 11,
    "bacillus_subtilis_best7003": 11,
    "ecoli_k12_mg1655": 11,
    "pseudomonas_fluorescens_uk4": 11,
}
Finder = Callable[[list[FastaRecord], int], list[Gene]]


def ours(records: list[FastaRecord], table: int) -> list[Gene]:
    return GeneFinder(table).find(records)


def pyrodigal(records: list[FastaRecord], table: int) -> list[Gene]:
    import pyrodigal as rival

    finder = rival.GeneFinder(meta=False)
    finder.train(*[bytes(record.sequence) for record in records], translation_table=table)
    return [
        Gene(record.id, gene.begin, gene.end, "+" if gene.strand > 0 else "-")
        for record in records
        for gene in finder.find_genes(bytes(record.sequence))
    ]


def finders() -> dict[str, Finder]:
    found: dict[str, Finder] = {"hmmseq": ours}
    try:
        import pyrodigal as rival

        found[f"pyrodigal {rival.__version__}"] = pyrodigal
    except ImportError:
        print("pyrodigal is not installed; measuring hmmseq alone")
    return found


def rows(data: Path) -> Iterator[dict]:
    for name, table in GENOMES.items():
        records = list(read_fasta(data / f"{name}.fna.gz"))
        truth = list(read_cds_table(data / f"{name}.cds.tsv.gz"))
        for finder, find in finders().items():
            begun = time.perf_counter()
            scores = evaluate(find(records, table), truth)
            seconds = time.perf_counter() - begun
            figures = ("recall", "precision", "f1", "exact_f1", "start_accuracy")
            yield {"genome": name, "finder": finder, "seconds": seconds} | {f: getattr(scores, f) for f in figures}


def line(row: dict) -> str:
    shares = [row[key] for key in ("recall", "precision", "f1", "exact_f1", "start_accuracy")]
    figures = " | ".join(f"{100 * share:.2f}" for share in shares)
    return f"| {row['genome']} | {row['finder']} | {figures} | {row['seconds']:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("HMMSEQ_DATA", "../shared/data")) / "prokaryotes"
    )
    parser.add_argument("--output", type=Path, help="folder for genes.json and genes.md")
    arguments = parser.parse_args()
    ours(list(read_fasta(arguments.data / "mycoplasma_genitalium_g37.fna.gz")), 4)  # compiles the kernels
    lines = [
        "| genome | finder | 3' recall | precision | F1 | exact F1 | starts right | seconds |",
        "|---|---|" + "---:|" * 6,
    ]
    print("\n".join(lines))
    found = []
    for row in rows(arguments.data):
        found.append(row)
        lines.append(line(row))
        print(lines[-1], flush=True)
    write(arguments.output, "genes", found, lines)


if __name__ == "__main__":
    main()
