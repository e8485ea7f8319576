"""Genes of one long simulated contig: how much memory that takes, and how long.

    python -m benchmarks.long_contig [--bases 250000000] [--output benchmarks/results]

Genes of random codons lie on both strands with random letters between them. Seconds are those of the processor. Memory, in
MB, is the peak of the process while it looks for genes (Linux only), beside what it held before, with the sequence.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.report import write
from hmmseq.bio import FastaRecord, GeneFinder, GeneticCode
from hmmseq.bio.prokaryotes.average_protein import codon_usage

LETTERS = np.frombuffer(b"ACGT", np.uint8)
ATG = 14


def simulated(n_bases: int, seed: int = 0) -> tuple[FastaRecord, set[tuple[str, int]]]:
    """A contig, and strand and 3' end of each gene."""
    rng, code = np.random.default_rng(seed), GeneticCode.from_table(11)
    usage = codon_usage(code, np.full(4, 0.25)) * rng.gamma(2.0, size=64)
    cumulative = np.cumsum(usage / usage.sum())
    codes, ends, at = rng.integers(4, size=n_bases, dtype=np.uint8), set(), 0
    while True:
        at += int(rng.integers(30, 200))
        n = int(rng.integers(60, 600))
        if at + 3 * n + 6 > n_bases:
            break
        body = np.searchsorted(cumulative, rng.random(n)).clip(max=63)
        codons = np.concatenate([[ATG], body, [rng.choice(code.stops)]])
        gene = np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).ravel().astype(np.uint8)
        forward = rng.random() < 0.5
        codes[at : at + len(gene)] = gene if forward else 3 - gene[::-1]
        ends.add(("+", at + len(gene)) if forward else ("-", at + 1))
        at += len(gene)
    return FastaRecord("simulated", "", LETTERS[codes].tobytes()), ends


def memory(field: str) -> float:
    """MB: VmRSS, what the process holds now, or VmHWM, the most it held since `forget_peak`."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) * 1024 / 1e6


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bases", type=int, default=250_000_000)
    parser.add_argument("--output", type=Path, help="folder for long_contig.json and long_contig.md")
    arguments = parser.parse_args()
    record, planted = simulated(arguments.bases)
    forget_peak()
    before, begun = memory("VmRSS"), time.process_time()
    finder = GeneFinder(priors=(), n_training=5_000_000).fit([record])
    trained = time.process_time()
    genes = finder.predict([record])
    decoded = time.process_time()
    found = {(gene.strand, gene.end if gene.strand == "+" else gene.start) for gene in genes}
    row = {
        "bases": arguments.bases,
        "training_seconds": trained - begun,
        "decoding_seconds": decoded - trained,
        "memory_before": before,
        "memory_peak": memory("VmHWM"),
        "planted": len(planted),
        "found": len(found & planted),
        "false": len(found - planted),
    }
    lines = ["| | |", "|---|---:|", *(f"| {what.replace('_', ' ')} | {value:,.0f} |" for what, value in row.items())]
    print("\n".join(lines))
    write(arguments.output, "long_contig", [row], lines)


if __name__ == "__main__":
    main()
