"""Finding the protein-coding genes of bacteria and archaea."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from hmmseq.errors import DataError

from ..alphabet import DNA
from ..contigs import MARGIN, Part, parts_of
from ..formats.fasta import FastaRecord
from ..gene import Gene
from ..genetic_code import GeneticCode
from ..spliced import SplicedGeneFinder
from .candidates import Genome
from .decoding import coding_cover, find_genes
from .pretrained import Pretrained, best_prior, pretrained
from .scores import Weights
from .training import GeneModel, decode, first_model, train

KINDS = "prokaryote", "eukaryote"
ENOUGH_TO_TRAIN = 20_000  # bases; as many as Prodigal asks for
ENOUGH_ALONE = 300_000  # bases; with fewer, training starts from the most similar pre-trained genome
_PRETRAINED_BONUS = 2.0  # nats
AUTO = (11, 4)  # what TGA means is all that most bacteria and archaea differ in


class GeneFinder(BaseEstimator):
    """Gene finder that trains itself on the genome it is given: a semi-Markov model of genes and the gaps between them.

    GeneFinder(kind="eukaryote", ...) is a `SplicedGeneFinder`, for genes with introns, with parameters of its own.

    Parameters
    ----------
    table : NCBI number of the genetic code, a GeneticCode, or "auto": 11 or 4, whichever explains the genome better
    kind : "prokaryote"
    min_length : bases of the shortest gene to report, stop codon included
    min_posterior : genes less probable than this are not reported
    circular : whether records are circular: True for all, or the ids of those that are. A gene across the origin ends beyond
        the length of its record. Records with long runs of unknown letters count as linear
    n_rounds : rounds of training
    priors : pre-trained genomes (`pretrained.py`) for sequences of less than 300 kb; default: those of the package. With
        none, (), average proteins are where training begins
    n_jobs : threads; results are the same for any number
    verbose : progress on standard error

    Attributes
    ----------
    model_ : GeneModel, all that was learned
    code_ : GeneticCode
    pretrained_ : whether a pre-trained model was where training began, or stands in for it
    history_ : score a base of the best path, genes against background, in each round of training
    trained_ : False if there was too little sequence to train on; then a pre-trained model stands in, and a warning says so

    Genes are candidate spans on both strands, scored as wholes (`scores.py`): codons in several classes, start sites,
    stop codons, lengths. Gaps, which may be overlaps, join them (`durations.py`); training is unsupervised
    (`training.py`). Upper and lower case are the same; letters other than A, C, G, T and U are unknown, and 30 or
    more of them in a row end a contig. A gene that runs on beyond an end of its contig is partial.

    >>> from hmmseq.bio import GeneFinder, read_fasta
    >>> finder = GeneFinder(table=4)
    >>> genes = finder.find(read_fasta("genome.fna.gz"))  # doctest: +SKIP
    """

    def __new__(cls, *args: Any, kind: str = "prokaryote", **params: Any) -> Any:
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; choose one of {', '.join(map(repr, KINDS))}")
        return super().__new__(cls) if kind == "prokaryote" else SplicedGeneFinder(*args, **params)

    def __init__(
        self,
        table: int | str | GeneticCode = 11,
        *,
        kind: str = "prokaryote",
        min_length: int = 90,
        min_posterior: float = 0.35,
        circular: bool | Collection[str] = False,
        n_rounds: int = 5,
        priors: Collection[Pretrained] | None = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.table = table
        self.kind = kind
        self.min_length = min_length
        self.min_posterior = min_posterior
        self.circular = circular
        self.n_rounds = n_rounds
        self.priors = priors
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, records: Iterable[FastaRecord], y: Any = None) -> Self:
        """Learn from the sequences of a genome; no annotation is used.

        DataError if there is no known base, or for letters that are not DNA.
        """
        return self._fit([part for record in records for part in parts_of(record)])

    def predict(self, records: Iterable[FastaRecord]) -> list[Gene]:
        """Genes by record and position, with their posterior probabilities (also as score); `fit` comes first."""
        check_is_fitted(self)
        return self._predict([part for record in records for part in parts_of(record)])

    def find(self, records: Iterable[FastaRecord]) -> list[Gene]:
        """Train on a genome and give its genes."""
        parts = [part for record in records for part in parts_of(record)]
        return self._fit(parts)._predict(parts)

    def coding_probability(self, record: FastaRecord, first: int = 0, last: int | None = None) -> NDArray[np.float64]:
        """(last - first, 2) posterior probability, by strand, that a base lies inside a gene.

        Only the stretch from base `first` (from 0) to `last` and what lies near it is looked at.
        """
        check_is_fitted(self)
        last = len(record.sequence) if last is None else last
        low = max(0, first - MARGIN)
        stretch = FastaRecord(record.id, "", record.sequence[low : last + MARGIN])
        probability = np.zeros((len(stretch.sequence), 2))
        parts = list(parts_of(stretch))
        if parts:
            genome = self._genome(parts)
            cover = coding_cover(genome, self.model_, self._weights)
            for part, offset in zip(parts, genome.offsets):
                probability[part.offset : part.offset + len(part.codes)] = cover[offset : offset + len(part.codes)]
        return probability[first - low : last - low]

    def _genome(self, parts: list[Part], code: GeneticCode | None = None) -> Genome:
        return Genome([part.codes for part in parts], code or self.code_, self.min_length, self.n_jobs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False  # records with names and letters
        return tags

    def _fit(self, parts: list[Part]) -> Self:
        known = sum(int((part.codes < DNA.missing).sum()) for part in parts)
        if not known:
            raise DataError("no sequence: not one known base to look for genes in")
        codes = self._codes()
        self.trained_ = known >= ENOUGH_TO_TRAIN
        self.pretrained_ = known < ENOUGH_ALONE and bool(self._priors())
        if not self.trained_:
            warnings.warn(
                f"{known} bases are too few to train on (at least {ENOUGH_TO_TRAIN}); using a model made before",
                stacklevel=3,
            )
        learned = [self._learn(parts, code) for code in codes]
        _, self.code_, self.model_, self.history_ = max(learned, key=lambda each: each[0])
        return self

    @property
    def _weights(self) -> Weights:
        """Genes of another genome's model fit less well, and so get a larger bonus."""
        return Weights(bonus=_PRETRAINED_BONUS) if self.pretrained_ else Weights()

    def _priors(self) -> tuple[Pretrained, ...]:
        return pretrained() if self.priors is None else tuple(self.priors)

    def _codes(self) -> list[GeneticCode]:
        """The genetic codes to try."""
        if isinstance(self.table, GeneticCode):
            return [self.table]
        tables = AUTO if isinstance(self.table, str) else (self.table,)
        if self.table not in ("auto", *tables):
            raise ValueError(f"table is {self.table!r}; expected the number of a genetic code, a GeneticCode or 'auto'")
        return [GeneticCode.from_table(table) for table in tables]

    def _learn(self, parts: list[Part], code: GeneticCode) -> tuple[float, GeneticCode, GeneModel, list[float]]:
        """How well the code explains the genome, and what was learned with it."""
        genome, history = self._genome(parts, code), list[float]()
        prior = best_prior(genome, self._weights, self._priors()) if self.pretrained_ else None
        model = prior or first_model(genome, self._weights)
        if self.trained_:
            model, history = train(genome, self._weights, self.n_rounds, self._say, prior)
        one = len(self._codes()) == 1
        return 0.0 if one else decode(genome, model, self._weights)[3], code, model, history

    def _predict(self, parts: list[Part]) -> list[Gene]:
        if not parts:
            return []
        self._say("decoding ...")
        found = find_genes(self._genome(parts), self.model_, self._weights)
        turns = [found.widest_gap(k) or 0 if self._is_circular(part) else 0 for k, part in enumerate(parts)]
        if any(turns):  # begin between two genes, so that none is cut
            turned = [part._replace(codes=np.roll(part.codes, -turn)) for part, turn in zip(parts, turns)]
            found = find_genes(self._genome(turned), self.model_, self._weights)
        return [
            gene
            for number, (part, turn) in enumerate(zip(parts, turns))
            for gene in _turned(found.genes(number, part.seqid, part.offset, self.code_.table), turn, len(part.codes))
            if (gene.posterior or 0.0) >= self.min_posterior
        ]

    def _is_circular(self, part: Part) -> bool:
        if isinstance(self.circular, bool):
            return part.whole and self.circular
        return part.whole and part.seqid in self.circular

    def _say(self, line: str) -> None:
        if self.verbose:
            print(line, file=sys.stderr, flush=True)


def _turned(genes: Iterable[Gene], turn: int, length: int) -> list[Gene]:
    """Genes of a circular contig that was read from base `turn` on, in its own coordinates and order."""
    if not turn:
        return list(genes)
    back = [(gene, (gene.start - 1 + turn) % length + 1) for gene in genes]
    moved = [replace(gene, start=start, end=start + len(gene) - 1) for gene, start in back]
    return sorted(moved, key=lambda gene: gene.start)
