"""How much memory `hmmseq genes` takes, and how much of that is there before a genome is.

    python -m benchmarks.gene_memory [--data DIR] [--output benchmarks/results]

Each line is a process of its own: the most memory that it held, in MB of a million bytes, and its seconds of the processor
(POSIX only). The first lines only import, the others find genes through the command line, compiled code cached.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.report import write

READY = "import hmmseq.bio.prokaryotes.finder; from numba.core.registry import cpu_target; "
IMPORTS = {
    "Python with NumPy and Numba": "import numpy, numba",
    "the gene finder imported, Numba ready to run kernels": READY + "cpu_target.target_context.refresh()",
    "the same without BLAS and cffi, as on the command line": READY
    + "from hmmseq._jit import without_extras; without_extras()",
    "the same, and scikit-learn's BaseEstimator": READY
    + "from hmmseq._jit import without_extras; without_extras(); import sklearn.base",
}
GENOMES = ("mycoplasma_genitalium_g37", "bacillus_subtilis_best7003", "ecoli_k12_mg1655", "pseudomonas_fluorescens_uk4")
RIVAL = """
import gzip
import sys
import pyrodigal

_, *lines = gzip.open(sys.argv[1]).read().splitlines()  # these genomes have one sequence
sequence = b"".join(lines)
del lines
finder = pyrodigal.GeneFinder(meta=False)
finder.train(sequence)
genes = finder.find_genes(sequence)
"""


def measured(*arguments: str) -> tuple[float, float]:
    """Megabytes and seconds of the Python process with these arguments; the second run counts, with all code cached."""
    for _ in range(2):
        process = subprocess.Popen([sys.executable, *arguments])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(arguments)}: exit status {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1e6, usage.ru_utime + usage.ru_stime


def runs(data: Path) -> dict[str, tuple[str, ...]]:
    """Arguments of each process, by what it does."""
    found = {what: ("-c", code) for what, code in IMPORTS.items()}
    for name in GENOMES:
        path = str(data / f"{name}.fna.gz")
        found[f"hmmseq genes, {name}"] = ("-m", "hmmseq.cli", "genes", "-q", path, "-o", os.devnull)
    try:
        import pyrodigal  # noqa: F401
    except ImportError:
        return found
    return found | {f"pyrodigal, {name}": ("-c", RIVAL, str(data / f"{name}.fna.gz")) for name in GENOMES[-2:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("HMMSEQ_DATA", "../shared/data")) / "prokaryotes"
    )
    parser.add_argument("--output", type=Path, help="folder for gene_memory.json and gene_memory.md")
    arguments = parser.parse_args()
    lines, rows = ["| process | MB | CPU seconds |", "|---|---:|---:|"], []
    print("\n".join(lines))
    for what, given in runs(arguments.data).items():
        megabytes, seconds = measured(*given)
        rows.append({"process": what, "megabytes": megabytes, "seconds": seconds})
        lines.append(f"| {what} | {megabytes:.0f} | {seconds:.1f} |")
        print(lines[-1], flush=True)
    write(arguments.output, "gene_memory", rows, lines)


if __name__ == "__main__":
    main()
