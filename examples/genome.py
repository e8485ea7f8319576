"""Find the genes of a bacterium from its sequence alone, compare them with its annotation, and draw a stretch of it.

Run it with `make demo`, or `python examples/genome.py`. The picture, genome.png, goes to the working directory.
"""

import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from hmmseq.bio import FastaRecord, Gene, GeneFinder, evaluate, read_cds_table, read_fasta
from hmmseq.bio.plot import plot_genes

DATA = Path(__file__).parent / "data"
FIRST, LAST = 441_000, 459_000  # the stretch to draw, in bases from 1
PICTURE = Path("genome.png")


def main() -> None:
    [genome] = read_fasta(DATA / "mycoplasma_genitalium_g37.fna.gz")
    annotated = read_cds_table(DATA / "mycoplasma_genitalium_g37.cds.tsv.gz")
    print(f"Mycoplasma genitalium G37, {len(genome.sequence):,} bases. Training on the sequence alone ...", flush=True)

    started = time.perf_counter()
    finder = GeneFinder(table=4, n_jobs=2, verbose=True)
    genes = finder.find([genome])
    print(f"{len(genes)} genes in {time.perf_counter() - started:.0f} s (the first run also compiles the kernels)\n")
    print("Compared with the annotation (L43967.2):")
    print(evaluate(genes, annotated).ends)

    draw(finder, genome, annotated, genes)
    print(f"\nPicture: {PICTURE.resolve()}")


def draw(finder: GeneFinder, genome: FastaRecord, annotated: list[Gene], genes: list[Gene]) -> None:
    """One stretch of the genome: annotated genes, found genes, and how sure the model is at every base."""
    coding = finder.coding_probability(genome, FIRST - 1, LAST)
    ax = plot_genes({"annotated": annotated, "found\n(paler: less sure)": genes}, FIRST, LAST, coding=coding)
    ax.set_title("Mycoplasma genitalium: genes found without any annotation", loc="right", fontsize="medium")
    ax.figure.savefig(PICTURE, dpi=150)
    plt.close(ax.figure)


if __name__ == "__main__":
    main()
