"""Genes with introns: cross-validation on the annotated sequences of HMMSEQ_DATA.

    python -m benchmarks.eukaryotes [--data DIR] [--sets NAME ...] [--folds 5] [--output benchmarks/results]

Each fold trains on the others and finds the genes of its own sequences, on one thread. Records with one gene each are
dealt into folds whole; chromosomes are cut half-way between two genes, about every 50 kb. Sensitivity and precision of
bases, exons and genes are those of `hmmseq evaluate`, over all folds together; any annotated isoform counts as right.
kb/s is per second of processor time for finding genes with their posteriors; training, in the last column, is processor
time for all folds. The first row of a set is the hidden Markov model alone, the second has neural networks beside it
(`encoder="exons"`), which were trained in the same call on the same folds: the model of the first row is that of the
second without its networks. Behind its F1 stands what the networks gain, as a 95 % bootstrap interval over neighbourhoods
of genes, the same ones for both rows. A third row, where a set comes with introns from RNA sequencing, is with these as
hints. The last column but one is the expected calibration error of exon posteriors, of the finder as it was trained, and
in brackets what it would be on average for as many posteriors that are exactly right.
"""

import argparse
import gzip
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.report import write
from hmmseq.bio import FastaRecord, Gene, GeneFinder, Hint, evaluate, read_fasta, read_hints, reliability
from hmmseq.bio.matching import count

SETS = ("dmelanogaster_chr2L_augustus", "athaliana_1pct", "celegans_1pct")
LOCI = ("dmelanogaster_chr2L_augustus",)  # records cut out for one gene each: none runs on beyond the ends
BLOCK = 50_000
LEVELS, GAINS = ("base", "exon", "gene"), ("exon", "gene")
N_BOOTSTRAP = 1000


def load(data: Path, name: str) -> tuple[list[FastaRecord], list[Gene]]:
    """Sequences and every annotated transcript with a complete reading frame."""
    with gzip.open(data / f"{name}.genes.tsv.gz", "rt") as file:
        header, *lines = (line.rstrip("\n").split("\t") for line in file)
    rows = [dict(zip(header, line)) for line in lines]
    return list(read_fasta(data / f"{name}.fa.gz")), [_gene(row) for row in rows if row["complete"] == "1"]


def _gene(row: dict[str, str]) -> Gene:
    pieces = [tuple(map(int, part.split("-"))) for part in row["cds_parts"].split(",")]
    return Gene.of_pieces(row["seqid"], pieces, row["strand"], name=row["transcript"], locus=row["gene"])


def blocks(records: list[FastaRecord], genes: list[Gene]) -> Iterator[tuple[FastaRecord, list[Gene]]]:
    """Records cut half-way between two genes, and their genes."""
    for record in records:
        own = sorted((gene for gene in genes if gene.seqid == record.id), key=lambda gene: gene.start)
        first, reach, cuts = 0, 0, []
        for gene in own:
            middle = (reach + gene.start) // 2
            if gene.start > reach and middle - first >= BLOCK:
                cuts.append(middle)
                first = middle
            reach = max(reach, gene.end)
        edges = [0, *cuts, len(record.sequence)]
        for low, high in itertools.pairwise(edges):
            inside = [_moved(gene, low, f"{record.id}:{low}") for gene in own if low < gene.start and gene.end <= high]
            yield FastaRecord(f"{record.id}:{low}", "", record.sequence[low:high]), inside


def _moved(gene: Gene, low: int, seqid: str) -> Gene:
    pieces = [(a - low, b - low) for a, b in gene.coding_pieces]
    return replace(Gene.of_pieces(seqid, pieces, gene.strand), name=gene.name, locus=gene.locus)


def introns(data: Path, name: str) -> list[Hint]:
    """Introns that reads span, with their number."""
    path = data / f"{name}.gff3.gz"
    return [hint for hint in read_hints(path) if hint.kind == "intron" and hint.reads > 0] if path.exists() else []


def hints_of(record: FastaRecord, hints: list[Hint]) -> list[Hint]:
    """Hints in a block, in its coordinates."""
    seqid, low = record.id.rsplit(":", 1)
    low, high = int(low), int(low) + len(record.sequence)
    own = (hint for hint in hints if hint.seqid == seqid and low < hint.start and hint.end <= high)
    return [replace(hint, seqid=record.id, start=hint.start - low, end=hint.end - low) for hint in own]


def cross_validate(data: Path, name: str, n_folds: int, seed: int) -> Iterator[dict]:
    """Rows of the table: counts over all folds, seconds, and bases a second."""
    parts = list(blocks(*load(data, name)))
    fold = np.random.default_rng(seed).permutation(len(parts)) % n_folds
    hints, training = introns(data, name), 0.0
    rows = {name: (False, False), f"{name}, networks": (True, False)}
    if hints:
        rows[f"{name}, networks, RNA-seq introns"] = (True, True)
    found: dict[str, list[Gene]] = {label: [] for label in rows}
    finding = dict.fromkeys(found, 0.0)
    for k in range(n_folds):
        train, test = ([part for part, own in zip(parts, fold) if (own == k) == side] for side in (False, True))
        begun = time.process_time()
        known = [hint for record, _ in train for hint in hints_of(record, hints)]
        finder = GeneFinder(kind="eukaryote", partial=name not in LOCI, encoder="exons")
        finder.fit([record for record, _ in train], [gene for _, own in train for gene in own], known)
        training += time.process_time() - begun
        trained = finder.model_
        for label, (networks, hinted) in rows.items():
            finder.model_ = trained if networks else replace(trained, networks=None)
            begun = time.process_time()
            for record, _ in test:
                found[label] += finder.predict([record], hints_of(record, hints) if hinted else ())
            finding[label] += time.process_time() - begun
    annotated, bases = [gene for _, own in parts for gene in own], sum(len(record.sequence) for record, _ in parts)
    for label, genes in found.items():
        scores = evaluate(genes, annotated, n_bootstrap=200)
        row = {"set": label, "folds": n_folds, "genes": len({gene.locus for gene in annotated}), "bases": bases}
        row |= {level: scores.levels[level].as_dict() for level in LEVELS}
        if rows[label] == (True, False):
            row |= {"calibration": {key: one.error for key, one in scores.calibration.items()}}
            row |= {
                "calibration_by_chance": calibration_by_chance(genes),
                "gains": gains(genes, found[name], annotated),
            }
        yield row | {"kb_per_second": bases / finding[label] / 1e3, "training_seconds": training}


def gains(ours: list[Gene], theirs: list[Gene], annotated: list[Gene]) -> dict[str, tuple[float, float]]:
    """Intervals of F1 of `ours` less that of `theirs`, by level: neighbourhoods of genes are resampled for both at once."""
    parts = [places(genes, neighbourhoods([*ours, *theirs, *annotated])) for genes in (ours, theirs, annotated)]
    numbers = sorted(set().union(*parts))
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)), N_BOOTSTRAP)
    f1: dict[str, list[np.ndarray]] = {level: [] for level in GAINS}
    for found in parts[:2]:
        counted = [count(found.get(number, []), parts[2].get(number, [])) for number in numbers]
        for level, own in f1.items():
            n_annotated, n_found, n_predicted, n_right = (drawn @ [one[level].sum(0) for one in counted]).T
            sensitivity, precision = n_found / np.maximum(n_annotated, 1), n_right / np.maximum(n_predicted, 1)
            own.append(2 * sensitivity * precision / np.maximum(sensitivity + precision, 1e-9))
    return {level: tuple(np.quantile(own - other, [0.025, 0.975]).tolist()) for level, (own, other) in f1.items()}


def neighbourhoods(genes: list[Gene]) -> dict[tuple[str, int], int]:
    """Number of the neighbourhood of overlapping genes that each sequence and start belongs to."""
    number, last, reach, found = -1, "", 0, {}
    for gene in sorted(genes, key=lambda gene: (gene.seqid, gene.start)):
        if gene.seqid != last or gene.start > reach:
            number, last, reach = number + 1, gene.seqid, 0
        found[gene.seqid, gene.start] = number
        reach = max(reach, gene.end)
    return found


def places(genes: list[Gene], number: dict[tuple[str, int], int]) -> dict[int, list[Gene]]:
    """Genes by the number of their neighbourhood."""
    found: dict[int, list[Gene]] = {}
    for gene in genes:
        found.setdefault(number[gene.seqid, gene.start], []).append(gene)
    return found


def calibration_by_chance(genes: list[Gene]) -> float:
    """Mean calibration error of posteriors of exons that are exactly right, with so many of them."""
    stated = np.concatenate([gene.piece_posteriors for gene in genes])
    rng = np.random.default_rng(0)
    return float(np.mean([reliability(stated, rng.random(len(stated)) < stated).error for _ in range(N_BOOTSTRAP)]))


def line(row: dict) -> str:
    figures = " | ".join(f"{row[level]['sensitivity']:.3f}/{row[level]['precision']:.3f}" for level in LEVELS)
    f1 = " | ".join(f"{row[level]['f1']:.3f}{_gain(row, level)}" for level in GAINS)
    calibration = ""
    if "calibration" in row:
        calibration = f"{row['calibration']['exon']:.3f} ({row['calibration_by_chance']:.3f})"
    seconds = f"{row['kb_per_second']:.0f} | {calibration} | {row['training_seconds']:.0f}"
    return f"| {row['set']} | {figures} | {f1} | {seconds} |"


def _gain(row: dict, level: str) -> str:
    if "gains" not in row:
        return ""
    low, high = row["gains"][level]
    return f" ({low:+.3f} to {high:+.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(os.environ.get("HMMSEQ_DATA", "../shared/data")) / "eukaryotes"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="deals records into folds")
    parser.add_argument("--output", type=Path, help="folder for eukaryotes.json and eukaryotes.md")
    arguments = parser.parse_args()
    lines = [
        "| set | base | exon | gene | exon F1 | gene F1 | kb/s | calibration | training s |",
        "|---|" + "---:|" * 8,
    ]
    print("\n".join(lines))
    rows = []
    for name in arguments.sets:
        for row in cross_validate(arguments.data, name, arguments.folds, arguments.seed):
            rows.append(row)
            lines.append(line(row))
            print(lines[-1], flush=True)
        write(arguments.output, "eukaryotes", rows, lines)  # after each set: they take minutes


if __name__ == "__main__":
    main()
