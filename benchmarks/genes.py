"""Gene finding on the annotated genomes of HMMSEQ_DATA, beside pyrodigal where it is installed.

    python -m benchmarks.genes [--data DIR] [--output benchmarks/results] [--fragments 40]

Each finder trains on the genome itself; seconds, of the processor, include training: the fastest of three runs that
take turns. Then come posteriors: their calibration error, as the finder states them and when its constants are fitted
on the other genomes.
Then genes called in random letters, and the time for many contigs, in metagenomic mode.
Fragments are random pieces of the genomes, each searched without the pre-trained model of its own genome; pyrodigal is
asked in its metagenomic mode, whose fifty models hold some of these genomes, and from 20 kb on in its single mode too.
Settings of hmmseq were chosen on these five genomes; nothing of the annotations is seen in training.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.report import write
from hmmseq.bio import GeneFinder, evaluate, read_cds_table, read_fasta
from hmmseq.bio.calibration import Reliability, reliability
from hmmseq.bio.confidence import fit_confidence
from hmmseq.bio.formats.fasta import FastaRecord
from hmmseq.bio.gene import Gene
from hmmseq.bio.prokaryotes.pretrained import pretrained

GENOMES = {
    "mycoplasma_genitalium_g37": 4,
    "chlamydia_trachomatis_duw3": 11,
    "bacillus_subtilis_best7003": 11,
    "ecoli_k12_mg1655": 11,
    "pseudomonas_fluorescens_uk4": 11,
}
SIZES = (1, 2, 5, 20, 100, 250)  # kb
FEWEST = 20  # pieces of each size
TRAINABLE = 20_000  # bases that pyrodigal's single mode asks for
REPEATS = 3
LEAST_PART = 60  # bases of a cut gene that a finder should find
Finder = Callable[[list[FastaRecord], int], list[Gene]]


def ours(records: list[FastaRecord], table: int) -> list[Gene]:
    return GeneFinder(table).find(records)


def pyrodigal(records: list[FastaRecord], table: int) -> list[Gene]:
    import pyrodigal as rival

    finder = rival.GeneFinder(meta=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it would like more sequence than some pieces have
        finder.train(*[bytes(record.sequence) for record in records], translation_table=table)
    return _genes(finder, records)


def ours_without(records: list[FastaRecord], name: str) -> list[Gene]:
    """Without the pre-trained model of the genome itself."""
    priors = tuple(prior for prior in pretrained() if prior.name != name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # too short to train on: that is the point
        return GeneFinder(GENOMES[name], priors=priors).find(records)


def pyrodigal_meta(records: list[FastaRecord]) -> list[Gene]:
    import pyrodigal as rival

    return _genes(rival.GeneFinder(meta=True), records)


def _genes(finder, records: list[FastaRecord]) -> list[Gene]:
    return [
        Gene(
            record.id,
            gene.begin,
            gene.end,
            "+" if gene.strand > 0 else "-",
            partial_left=gene.partial_begin,
            partial_right=gene.partial_end,
        )
        for record in records
        for gene in finder.find_genes(bytes(record.sequence))
    ]


def rivals() -> dict[str, Finder]:
    try:
        import pyrodigal as rival
    except ImportError:
        print("pyrodigal is not installed; measuring hmmseq alone")
        return {}
    return {f"pyrodigal {rival.__version__}": pyrodigal}


def load(data: Path, name: str) -> tuple[list[FastaRecord], list[Gene]]:
    return list(read_fasta(data / f"{name}.fna.gz")), list(read_cds_table(data / f"{name}.cds.tsv.gz"))


# Whole genomes


def rows(data: Path) -> Iterator[dict]:
    for name, table in GENOMES.items():
        records, truth = load(data, name)
        bases = sum(len(record.sequence) for record in records)
        finders, seconds = {"hmmseq": ours} | rivals(), {}
        for _ in range(REPEATS):
            for finder, find in finders.items():
                begun = time.process_time()
                genes = find(records, table)
                seconds.setdefault(finder, []).append(time.process_time() - begun)
        for finder, find in finders.items():
            scores = evaluate(find(records, table), truth)
            figures = {f: getattr(scores, f) for f in ("recall", "precision", "f1", "exact_f1", "start_accuracy")}
            least = min(seconds[finder])
            yield {"genome": name, "finder": finder, "seconds": least, "speed": bases / least / 1e6} | figures
        del genes


def line(row: dict) -> str:
    shares = [row[key] for key in ("recall", "precision", "f1", "exact_f1", "start_accuracy")]
    figures = " | ".join(f"{100 * share:.2f}" for share in shares)
    return f"| {row['genome']} | {row['finder']} | {figures} | {row['seconds']:.1f} | {row['speed']:.1f} |"


def means(found: list[dict]) -> Iterator[str]:
    for finder in dict.fromkeys(row["finder"] for row in found):
        own = [row for row in found if row["finder"] == finder]
        keys = ("recall", "precision", "f1", "exact_f1", "start_accuracy")
        figures = " | ".join(f"{100 * np.mean([row[key] for row in own]):.2f}" for key in keys)
        yield f"| mean | {finder} | {figures} | | |"


# Calibration


def posteriors(data: Path) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """For genes and for starts of real genes: raw posteriors, and whether the annotation agrees, by genome."""
    from hmmseq.bio.prokaryotes.decoding import find_genes
    from hmmseq.bio.prokaryotes.scores import Weights

    out: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {"gene": {}, "start": {}}
    for name, table in GENOMES.items():
        [record], truth = load(data, name)
        known = {(gene.strand, gene.three_prime): gene for gene in truth}
        finder = GeneFinder(table, min_posterior=0.0).fit([record])
        found = find_genes(finder._genome(list(_parts(record))), finder.model_, Weights())
        genes = list(found.genes(0, record.id, 0, table))
        match = [known.get((gene.strand, gene.three_prime)) for gene in genes]
        usable = np.array([gene is not None and gene.usable for gene in match])
        counts = np.array([gene is None or gene.usable for gene in match])
        right = np.array([gene is not None and gene.five_prime == own.five_prime for gene, own in zip(match, genes)])
        out["gene"][name] = found.posterior[counts], usable[counts]
        out["start"][name] = found.start[usable], right[usable]
    return out


def _parts(record: FastaRecord):
    from hmmseq.bio.contigs import parts_of

    return parts_of(record)


def calibration_lines(data: Path, output: Path | None) -> Iterator[str]:
    """Expected calibration errors; the last column fits the constants of a genome on the other four.

    With an output folder, genes_calibration.png shows those probabilities, of all genomes, beside how often they came true.
    """
    from hmmseq.bio.prokaryotes.decoding import GENES, STARTS

    yield "| posterior of a | genome | model alone | as stated | constants from the others |"
    yield "|---|---|---:|---:|---:|"
    pooled, every_posterior = {}, posteriors(data)
    for what, constants in (("gene", GENES), ("start", STARTS)):
        found, left_out = every_posterior[what], {}
        for name in found:
            fitted = fit_confidence(*(np.concatenate(c) for c in zip(*(found[o] for o in found if o != name))))
            left_out[name] = fitted(found[name][0])
        for name, (p, right) in found.items():
            errors = [reliability(q, right).error for q in (np.clip(p, 0, 1), constants(p), left_out[name])]
            yield f"| {what} | {name} | " + " | ".join(f"{e:.4f}" for e in errors) + " |"
        p, right = (np.concatenate(column) for column in zip(*found.values()))
        every = np.concatenate([left_out[name] for name in found])
        pooled[what] = reliability(every, right)
        errors = [reliability(q, right).error for q in (np.clip(p, 0, 1), constants(p), every)]
        yield f"| {what} | all together | " + " | ".join(f"{e:.4f}" for e in errors) + " |"
        fitted = fit_confidence(p, right)
        yield f"| {what} | constants from all: {', '.join(f'{x:.3f}' for x in fitted)} | | | |"
    if output is not None:
        draw_calibration(pooled, output / "genes_calibration.png")


def draw_calibration(found: dict[str, Reliability], path: Path) -> None:
    from matplotlib import pyplot

    from hmmseq.plot import reliability as draw

    figure, axes = pyplot.subplots(1, len(found), figsize=(4.2 * len(found), 4.2), layout="constrained")
    for ax, (what, bins) in zip(axes, found.items()):
        draw(bins.stated, bins.observed, bins.n, ax=ax).set_title(f"{what}s: off by {bins.error:.3f} on average")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


# Sequence without genes

RANDOM = 1_000_000  # bases


def random_lines() -> Iterator[str]:
    """Genes called in random letters, at several shares of G and C: every one is false."""
    finders = {"hmmseq": ours} | rivals()
    yield "| G and C in a million random bases | " + " | ".join(f"genes of {finder}" for finder in finders) + " |"
    yield "|---:|" + "---:|" * len(finders)
    for gc in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        letters = np.random.default_rng(0).choice(list(b"ACGT"), RANDOM, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
        record = FastaRecord("random", "", letters.astype(np.uint8).tobytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no genes to learn from: that is the point
            found = [len(find([record], 11)) for find in finders.values()]
        yield f"| {100 * gc:.0f} % | " + " | ".join(map(str, found)) + " |"


# Contigs of many genomes

CONTIGS, CONTIG = 2_000, 5_000  # how many, and bases of each


def contig_lines(data: Path) -> Iterator[str]:
    """Seconds for contigs of all genomes in one file; each finder chooses among its models, contig by contig."""
    rng, records = np.random.default_rng(0), []
    for name in GENOMES:
        [record], _ = load(data, name)
        for first in rng.integers(0, len(record.sequence) - CONTIG, CONTIGS // len(GENOMES)).tolist():
            records.append(FastaRecord(str(len(records)), "", record.sequence[first : first + CONTIG]))
    finders: dict[str, Callable[[list[FastaRecord]], list[Gene]]] = {"hmmseq": GeneFinder(metagenome=True).find}
    if rivals():
        finders["pyrodigal, metagenomic"] = pyrodigal_meta
    seconds: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        for finder, find in finders.items():
            begun = time.process_time()
            find(records)
            seconds.setdefault(finder, []).append(time.process_time() - begun)
    yield f"| {len(records)} contigs of {CONTIG} bases | CPU seconds | milliseconds a contig |"
    yield "|---|---:|---:|"
    for finder, each in seconds.items():
        yield f"| {finder} | {min(each):.1f} | {1000 * min(each) / len(records):.1f} |"


# Fragments


def fragments(data: Path, size: int, n: int) -> Iterator[tuple[FastaRecord, set, dict, str]]:
    """Pieces of each genome: what should be found, its starts, and the genome's name."""
    rng = np.random.default_rng(size)
    for name in GENOMES:
        [record], truth = load(data, name)
        for first in rng.integers(0, len(record.sequence) - size, n).tolist():
            piece = FastaRecord(record.id, "", record.sequence[first : first + size])
            inside = [cut(gene, first, size) for gene in truth if gene.usable or len(gene.pieces) > 1 or gene.pseudo]
            inside = [gene for gene in inside if gene is not None]
            yield piece, {key(g) for g in inside if not g.pseudo}, {key(g): g.five_prime for g in inside}, name


def cut(gene: Gene, first: int, size: int) -> Gene | None:
    """A gene as seen in a piece, None if next to nothing of it lies there; one that cannot be judged is a pseudogene."""
    start, end = gene.start - first, gene.end - first
    if min(end, size) - max(start, 1) + 1 < LEAST_PART:
        return None
    low, high = max(start, 1), min(end, size)
    skipped = start - low if gene.strand == "+" else high - end
    return Gene(
        gene.seqid, low, high, gene.strand, partial_left=start < 1, partial_right=end > size, phase=skipped % 3,
        pseudo=not gene.usable,
    )  # fmt: skip


def key(gene: Gene) -> tuple:
    """The 3' end, or where that is cut off, the frame."""
    if gene.partial_right if gene.strand == "+" else gene.partial_left:
        step = 1 if gene.strand == "+" else -1
        return gene.strand, "cut", (gene.five_prime + step * gene.phase) % 3
    return gene.strand, "stop", gene.three_prime


def fragment_lines(data: Path, n: int) -> Iterator[str]:
    yield "| kb | finder | recall | precision | F1 | exact F1 |"
    yield "|---:|---|---:|---:|---:|---:|"
    for kb in SIZES:
        finders: dict[str, Callable[[list[FastaRecord], str], list[Gene]]] = {"hmmseq": ours_without}
        if rivals():
            finders["pyrodigal, metagenomic"] = lambda records, name: pyrodigal_meta(records)
            if kb * 1000 >= TRAINABLE:
                finders["pyrodigal, single"] = lambda records, name: pyrodigal(records, GENOMES[name])
        counts = {finder: np.zeros(4, dtype=np.int64) for finder in finders}
        for piece, wanted, starts, name in fragments(data, kb * 1000, max(FEWEST, n // kb)):
            for finder, find in finders.items():
                counts[finder] += judge(find([piece], name), wanted, starts)
        for finder, (found, exact, false, wanted_n) in counts.items():
            figures = found / wanted_n, found / max(found + false, 1), 2 * found / (wanted_n + found + false)
            shares = " | ".join(f"{100 * x:.1f}" for x in (*figures, 2 * exact / (wanted_n + found + false)))
            yield f"| {kb} | {finder} | {shares} |"


def judge(genes: list[Gene], wanted: set, starts: dict) -> np.ndarray:
    """Genes found, those with the right start (or the same cut), false ones, and those there are."""
    seen = {key(gene): gene.five_prime for gene in genes}
    exact = sum(k in wanted and abs(starts[k] - five) < (3 if five <= 3 else 1) for k, five in seen.items())
    return np.array([sum(k in wanted for k in seen), exact, sum(k not in starts for k in seen), len(wanted)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("HMMSEQ_DATA", "../shared/data")) / "prokaryotes"
    )
    parser.add_argument("--output", type=Path, help="folder for genes.json and genes.md")
    parser.add_argument(
        "--fragments", type=int, default=400, help="kb of each genome, at least 20 pieces of a size; 0: none"
    )
    arguments = parser.parse_args()
    ours(list(read_fasta(arguments.data / "mycoplasma_genitalium_g37.fna.gz")), 4)  # compiles the kernels
    lines: list[str] = []

    def show(text: str) -> None:
        lines.append(text)
        print(text, flush=True)

    show("| genome | finder | 3' recall | precision | F1 | exact F1 | starts right | CPU seconds | Mbp a CPU second |")
    show("|---|---|" + "---:|" * 7)
    found = []
    for row in rows(arguments.data):
        found.append(row)
        show(line(row))
    for text in (*means(found), ""):
        show(text)
    for text in calibration_lines(arguments.data, arguments.output):
        show(text)
    show("")
    for text in (*random_lines(), "", *contig_lines(arguments.data), ""):
        show(text)
    for text in fragment_lines(arguments.data, arguments.fragments) if arguments.fragments else ():
        show(text)
    write(arguments.output, "genes", found, lines)


if __name__ == "__main__":
    main()
