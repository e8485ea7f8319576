"""How well predicted prokaryotic genes agree with an annotation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from hmmseq.errors import DataError

from .gene import Gene

Stop: TypeAlias = tuple[str, str, int]  # sequence, strand, coordinate of the 3' end


@dataclass(frozen=True)
class GeneScores:
    """Counts, and the shares made from them (0 to 1; 0 where there is nothing to count).

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
        return _share(self.n_found, self.n_annotated)

    @property
    def precision(self) -> float:
        return _share(self.n_found, self.n_found + self.n_false)

    @property
    def f1(self) -> float:
        return _share(2 * self.n_found, self.n_annotated + self.n_found + self.n_false)

    @property
    def exact_recall(self) -> float:
        return _share(self.n_exact, self.n_annotated)

    @property
    def exact_precision(self) -> float:
        return _share(self.n_exact, self.n_found + self.n_false)

    @property
    def exact_f1(self) -> float:
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


def evaluate(predicted: Iterable[Gene], annotated: Iterable[Gene]) -> GeneScores:
    """Compare predicted with annotated genes by (sequence, strand, 3' end), and by their starts.

    DataError if no predicted gene lies on an annotated sequence: the two name their sequences differently.
    """
    predicted, annotated = list(predicted), list(annotated)
    _check_same_sequences(predicted, annotated)
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
            f"predictions lie on {_some(ours)}, annotated genes on {_some(theirs)}; "
            "the sequence ids must be the same, rename one side"
        )


def _some(names: set[str]) -> str:
    first = sorted(names)[:3]
    return ", ".join(map(repr, first)) + (", ..." if len(names) > 3 else "")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
