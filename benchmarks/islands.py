"""CpG islands of a simulated chromosome: how fast each part of `hmmseq islands` is, and whether posteriors are calibrated.

    python -m benchmarks.islands [--bases 40000000] [--threads 1] [--output benchmarks/results]

Letters and islands are drawn from the textbook's tables, many chains side by side that are then joined. Seconds are those of
the clock; beside them, since other work on the machine slows the clock only, seconds of processor time.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.report import write
from hmmseq.bio import CpGIslands, FastaRecord, read_fasta, reliability, write_bedgraph
from hmmseq.bio.islands import TEXTBOOK

LETTERS = np.frombuffer(b"ACGT", np.uint8)
STEPS = 4_000  # of each chain
ROUNDS = 3


def simulated(
    seed: int, n_chains: int, n_steps: int = STEPS, lengths: tuple[float, float] = (1_000, 30_000)
) -> tuple[FastaRecord, np.ndarray]:
    """A sequence, and whether each base lies in an island; mean lengths of islands and of what lies between them."""
    rng = np.random.default_rng(seed)
    leave, cumulative = 1 / np.array(lengths), TEXTBOOK.cumsum(axis=-1)
    block = (rng.random(n_chains) > leave[1] / leave.sum()).astype(int)
    letter = rng.integers(0, 4, n_chains)
    letters, blocks = np.empty((2, n_chains, n_steps), np.uint8)
    for t in range(n_steps):
        block = np.where(rng.random(n_chains) < leave[block], 1 - block, block)
        letter = (cumulative[block, letter] < rng.random(n_chains)[:, None]).sum(axis=1).clip(max=3)
        letters[:, t], blocks[:, t] = letter, block
    return FastaRecord("simulated", "", LETTERS[letters.ravel()].tobytes()), blocks.ravel() == 0


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the processor, the least of a few rounds."""
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter(), time.process_time()
        work()
        seconds.append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
    return min(clock for clock, _ in seconds), min(processor for _, processor in seconds)


def parts(record: FastaRecord, folder: Path, threads: int) -> dict[str, Callable[[], object]]:
    fasta, bedgraph = folder / "genome.fna", folder / "posterior.bedgraph"
    fasta.write_bytes(b">simulated\n" + record.sequence + b"\n")
    finder = CpGIslands(n_iter=0, n_jobs=threads).fit([record])
    posterior = finder.posterior(record)

    def everything() -> None:
        [read] = read_fasta(fasta)
        found = finder.posterior(read)
        finder.islands(read, found)
        write_bedgraph([(read.id, found)], bedgraph)

    return {
        "read FASTA": lambda: list(read_fasta(fasta)),
        "an iteration of training": lambda: CpGIslands(n_iter=1, n_jobs=threads).fit([record]),
        "posteriors": lambda: finder.posterior(record),
        "islands": lambda: finder.islands(record, posterior),
        "write bedGraph": lambda: write_bedgraph([("simulated", posterior)], bedgraph),
        "all but training": everything,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bases", type=int, default=40_000_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="folder for islands.json and islands.md")
    arguments = parser.parse_args()
    record, truth = simulated(0, max(1, arguments.bases // STEPS))
    small = simulated(1, 100)[0]
    CpGIslands(n_iter=2).find([small])  # compiles the kernels
    lines = ["| part | Mbp/s | Mbp per second of processor |", "|---|---:|---:|"]
    print("\n".join(lines))
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        for what, work in parts(record, Path(folder), arguments.threads).items():
            speeds = [len(record.sequence) / 1e6 / seconds for seconds in timed(work)]
            rows.append({"part": what, "bases": len(record.sequence), "clock": speeds[0], "processor": speeds[1]})
            lines.append(f"| {what} | {speeds[0]:.1f} | {speeds[1]:.1f} |")
            print(lines[-1], flush=True)
    posterior = CpGIslands().fit([record]).posterior(record)
    error, right = reliability(posterior, truth).error, float(((posterior >= 0.5) == truth).mean())
    lines += [
        "",
        f"After training: posteriors off by {error:.5f} on average, {100 * right:.2f} % of bases on the right side.",
    ]
    print("\n".join(lines[-2:]))
    write(arguments.output, "islands", [*rows, {"calibration_error": error, "accuracy": right}], lines)


if __name__ == "__main__":
    main()
