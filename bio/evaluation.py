"""How well predicted genes agree with an annotation: in one piece or several, on any number of sequences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hmmseq.errors import DataError, some

from .calibration import Reliability, reliability
from .gene import Gene
from .matching import ANNOTATED, FOUND, PREDICTED, RIGHT, Counts, count

Stop: TypeAlias = tuple[str, str, int]  # sequence, strand, coordinate of the 3' end


@dataclass(frozen=True)
class GeneScores:
    """Genes in one piece by their ends: counts, and the shares made from them (0 to 1; 0 where there is nothing to count).

    n_annotated      usable annotated genes: complete, in one piece, no pseudogene
    n_predicted      predicted genes
    n_found          usable genes whose 3' end was predicted
    n_exact          those whose start is right as well
    n_false          predictions whose 3' end is not annotated at all, and second ones at the same 3' end

    A prediction at the 3' end of an annotated gene that is not usable counts neither for nor against.
    """

    n_annotated: int
    n_predicted: int
    n_found: int
    n_exact: int
    n_false: int

    @property
    def recall(self) -> float:
        """Share of the annotated genes whose 3' end was predicted."""
        return _share(self.n_found, self.n_annotated)

    @property
    def precision(self) -> float:
        """Share of the predictions that count whose 3' end is annotated."""
        return _share(self.n_found, self.n_found + self.n_false)

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        return _share(2 * self.n_found, self.n_annotated + self.n_found + self.n_false)

    @property
    def exact_recall(self) -> float:
        """As `recall`, of genes with the right start, too."""
        return _share(self.n_exact, self.n_annotated)

    @property
    def exact_precision(self) -> float:
        """As `precision`, of genes with the right start, too."""
        return _share(self.n_exact, self.n_found + self.n_false)

    @property
    def exact_f1(self) -> float:
        """Harmonic mean of the two."""
        return _share(2 * self.n_exact, self.n_annotated + self.n_found + self.n_false)

    @property
    def start_accuracy(self) -> float:
        """Share of the found genes whose start is right."""
        return _share(self.n_exact, self.n_found)

    def __str__(self) -> str:
        shares = {
            "3' end": (self.recall, self.precision, self.f1),
            "3' end and start": (self.exact_recall, self.exact_precision, self.exact_f1),
        }
        rows = [f"{what:<18}" + "".join(f"{100 * x:>10.2f}%" for x in row) for what, row in shares.items()]
        return "\n".join(
            [
                f"{self.n_predicted} genes predicted, {self.n_annotated} annotated and usable",
                f"{'':<18}{'recall':>11}{'precision':>11}{'F1':>11}",
                *rows,
            ]
        )


@dataclass(frozen=True)
class Level:
    """Agreement at one level: counts, and shares from 0 to 1 (0 where there is nothing to count).

    n_annotated, n_found     what is annotated, and how much of it was predicted
    n_predicted, n_right     what was predicted, and how much of it is annotated
    intervals                95 % bootstrap intervals of "sensitivity", "precision" and "f1"; empty if not asked for
    """

    n_annotated: int
    n_found: int
    n_predicted: int
    n_right: int
    intervals: dict[str, tuple[float, float]]

    @property
    def sensitivity(self) -> float:
        """Share of what is annotated that was predicted."""
        return _share(self.n_found, self.n_annotated)

    @property
    def precision(self) -> float:
        """Share of what was predicted that is annotated."""
        return _share(self.n_right, self.n_predicted)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        both = self.sensitivity + self.precision
        return 2 * self.sensitivity * self.precision / both if both else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Counts, shares and intervals, for JSON."""
        counts = {key: getattr(self, key) for key in ("n_annotated", "n_found", "n_predicted", "n_right")}
        return counts | {key: getattr(self, key) for key in FIGURES} | {"intervals": self.intervals}


FIGURES = ("sensitivity", "precision", "f1")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` found; figures of `ends` (recall, precision, f1, exact_f1, ...) are there on the evaluation, too.

    ends         genes in one piece by their 3' and 5' ends, as finders of prokaryotic genes are compared
    levels       by name: "base", "exon", "intron", "intron chain", "transcript", "gene", "3' end", "5' end", "both ends"
    calibration  by name: "gene", "start", "exon", of the posteriors that predictions have
    """

    ends: GeneScores
    levels: dict[str, Level]
    calibration: dict[str, Reliability]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "ends":
            raise AttributeError(name)
        return getattr(self.ends, name)

    def as_dict(self) -> dict[str, Any]:
        """Everything as numbers, lists and dictionaries, for JSON."""
        return {
            "levels": {name: level.as_dict() for name, level in self.levels.items()},
            "calibration": {name: found.as_dict() for name, found in self.calibration.items()},
        }

    def __str__(self) -> str:
        rows = [f"{'':<14}{'annotated':>10}{'predicted':>10}" + "".join(f"{name:>{_width(self)}}" for name in FIGURES)]
        for name, level in self.levels.items():
            if level.n_annotated or level.n_predicted:
                figures = "".join(f"{_figure(level, figure):>{_width(self)}}" for figure in FIGURES)
                rows.append(f"{name:<14}{level.n_annotated:>10}{level.n_predicted:>10}{figures}")
        for name, found in self.calibration.items():
            rows.append(f"{name} posteriors: off by {found.error:.3f} on average ({found.n.sum()} of them)")
        return "\n".join(rows)


def evaluate(
    predicted: Iterable[Gene], annotated: Iterable[Gene], *, n_bootstrap: int = 0, random_state: int = 0
) -> Evaluation:
    """Compare predicted with annotated genes, coding bases only, strand by strand, stop codons included on both sides.

    n_bootstrap : resample neighbourhoods of overlapping genes so often for 95 % intervals (percentiles; Efron, Ann.
        Statist. 7, 1979); 0: no intervals
    random_state : seed of it

    Levels, each counting distinct things: coding bases; coding exons with both ends right; introns; intron chains (all
    introns of a transcript and no other); transcripts (all pieces equal); genes (one transcript of the locus right), a
    locus being transcripts that share coding bases in one frame; 3' and 5' ends. Base, exon, intron, intron chain and
    transcript are gffcompare's with `-e 0 --strict-match` on coding exons (Pertea and Pertea, F1000Research 9:304, 2020),
    whose loci overlap in any frame. Sensitivity is the share of what is annotated that was found, precision the share of
    what was predicted that is annotated: the "specificity" of Burset and Guigó (Genomics 34, 1996).

    Annotated genes that are cut at an end, and pseudogenes, count neither for nor against, nor do predictions that overlap
    them on their strand and are not right. Calibration compares posteriors of genes with "the 3' end is annotated", of
    starts with "the 5' end is, too", and of pieces with "both ends of the exon are".

    DataError if no predicted gene lies on an annotated sequence: the two name their sequences differently.
    """
    predicted, annotated = list(predicted), list(annotated)
    _check_same_sequences(predicted, annotated)
    counts = count(predicted, annotated)
    intervals = _intervals(counts, n_bootstrap, random_state)
    levels = {}
    for name, own in counts.items():
        n_annotated, n_found, n_predicted, n_right = own.sum(axis=0).tolist()
        levels[name] = Level(n_annotated, n_found, n_predicted, n_right, intervals.get(name, {}))
    order = ["base", "exon", "intron", "intron chain", "transcript", "gene", "3' end", "5' end", "both ends"]
    return Evaluation(_ends(predicted, annotated), {k: levels[k] for k in order}, _calibration(predicted, annotated))


def _ends(predicted: list[Gene], annotated: list[Gene]) -> GeneScores:
    starts = _starts([gene for gene in annotated if gene.usable])
    known = {_stop(gene) for gene in annotated}
    first = {_stop(gene): gene for gene in reversed(predicted)}  # of those that share a 3' end
    return GeneScores(
        n_annotated=len(starts),
        n_predicted=len(predicted),
        n_found=sum(stop in starts for stop in first),
        n_exact=sum(gene.five_prime in starts.get(stop, ()) for stop, gene in first.items()),
        n_false=sum(stop not in known for stop in first) + len(predicted) - len(first),
    )


def _intervals(counts: dict[str, Counts], n: int, seed: int) -> dict[str, dict[str, tuple[float, float]]]:
    n_places = len(next(iter(counts.values())))
    if not n or not n_places:
        return {}
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([rng.multinomial(n_places, np.full(n_places, 1 / n_places), 1) for _ in range(n)])
    return {name: _spread(drawn @ own) for name, own in counts.items()}


def _spread(totals: Counts) -> dict[str, tuple[float, float]]:
    whole = np.maximum(totals, 1)
    sensitivity, precision = totals[:, FOUND] / whole[:, ANNOTATED], totals[:, RIGHT] / whole[:, PREDICTED]
    both = sensitivity + precision
    f1 = np.divide(2 * sensitivity * precision, both, out=np.zeros(len(both)), where=both > 0)
    ends = (np.quantile(figure, [0.025, 0.975]).tolist() for figure in (sensitivity, precision, f1))
    return {name: (low, high) for name, (low, high) in zip(FIGURES, ends)}


def _calibration(predicted: list[Gene], annotated: list[Gene]) -> dict[str, Reliability]:
    starts = _starts([gene for gene in annotated if gene.complete])
    open_ends = {_stop(gene) for gene in annotated if not gene.complete} - set(starts)
    exons = {(g.seqid, g.strand, *piece) for g in annotated if g.complete for piece in g.coding_pieces}
    judged = [gene for gene in predicted if _stop(gene) not in open_ends]
    stated: dict[str, list[tuple[float, bool]]] = {
        "gene": [(g.posterior, _stop(g) in starts) for g in judged if g.posterior is not None],
        "start": [
            (gene.start_posterior, gene.five_prime in starts[_stop(gene)])
            for gene in judged
            if gene.start_posterior is not None and _stop(gene) in starts
        ],
        "exon": [
            (p, (gene.seqid, gene.strand, *piece) in exons)
            for gene in judged
            for piece, p in zip(gene.coding_pieces, gene.piece_posteriors)
        ],
    }
    return {
        name: reliability([p for p, _ in pairs], [true for _, true in pairs]) for name, pairs in stated.items() if pairs
    }


def _width(evaluation: Evaluation) -> int:
    return 22 if any(level.intervals for level in evaluation.levels.values()) else 13


def _figure(level: Level, name: str) -> str:
    value = f"{100 * getattr(level, name):.2f}%"
    if name not in level.intervals:
        return value
    low, high = level.intervals[name]
    return f"{value} {100 * low:.1f}-{100 * high:.1f}"


def _stop(gene: Gene) -> Stop:
    return gene.seqid, gene.strand, gene.three_prime


def _starts(genes: Iterable[Gene]) -> dict[Stop, set[int]]:
    """Annotated starts of each 3' end: more than one where isoforms are annotated."""
    starts: dict[Stop, set[int]] = {}
    for gene in genes:
        starts.setdefault(_stop(gene), set()).add(gene.five_prime)
    return starts


def _check_same_sequences(predicted: list[Gene], annotated: list[Gene]) -> None:
    ours, theirs = {gene.seqid for gene in predicted}, {gene.seqid for gene in annotated}
    if ours and theirs and not ours & theirs:
        raise DataError(
            f"predictions lie on {some(ours)}, annotated genes on {some(theirs)}; "
            "the sequence ids must be the same, rename one side"
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
