"""Finding the protein-coding genes of bacteria and archaea."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from hmmseq import lattice
from hmmseq.errors import DataError
from hmmseq.scores import Indexed

from .alphabet import DNA
from .contigs import MARGIN, Part, Window, parts_of, windows
from .fasta import FastaRecord
from .gene import Gene
from .gene_graph import FORWARD
from .gene_path import PathReader, Span
from .gene_training import first_model, train
from .genetic_code import GeneticCode
from .spliced import SplicedGeneFinder
from .words import encode_words

KINDS = "prokaryote", "eukaryote"
ENOUGH_TO_TRAIN = 20_000  # bases; as many as Prodigal asks for


class GeneFinder(BaseEstimator):
    """Gene finder that trains itself on the genome it is given: a hidden Markov model over codon positions.

    GeneFinder(kind="eukaryote", ...) is a `SplicedGeneFinder`, for genes with introns, with parameters of its own.

    Parameters
    ----------
    table : NCBI number of the genetic code, or a GeneticCode
    kind : "prokaryote"
    min_length : bases of the shortest gene to report, stop codon included
    min_posterior : genes less probable than this are not reported
    n_rounds : rounds of training
    n_jobs : threads; results are the same for any number
    verbose : progress on standard error

    Attributes
    ----------
    model_ : GeneModel, the learned graph and scores
    code_ : GeneticCode
    history_ : log odds a base of the best paths, gene model against background, before each round of training
    trained_ : False if there was too little sequence to train on; then average proteins stand in, and a warning says so

    States are codon positions on both strands in three coding classes, with fifth-order words in the spirit of GeneMark
    (Borodovsky and McIninch, Computers Chem. 17, 1993) and overlapping genes (`gene_graph.py`); training is unsupervised
    (`gene_training.py`). Letters other than A, C, G, T and U are unknown and summed over; 30 or more in a row end a
    contig. A gene that runs on beyond an end of its contig is partial. Ribosome binding sites are not modelled.

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
        table: int | GeneticCode = 11,
        *,
        kind: str = "prokaryote",
        min_length: int = 90,
        min_posterior: float = 0.5,
        n_rounds: int = 6,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.table = table
        self.kind = kind
        self.min_length = min_length
        self.min_posterior = min_posterior
        self.n_rounds = n_rounds
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
        words = encode_words(record.encode()[low : last + MARGIN])
        probability = self._posteriors([words])[0][first - low : last - low]
        return probability[:, self.model_.structure.coding_labels].sum(axis=(2, 3))

    def _fit(self, parts: list[Part]) -> Self:
        self.code_ = self.table if isinstance(self.table, GeneticCode) else GeneticCode.from_table(self.table)
        words = [encode_words(part.codes) for part in parts]
        known = sum(int((part.codes < DNA.missing).sum()) for part in parts)
        if not known:
            raise DataError("no sequence: not one known base to look for genes in")
        first = first_model(self.code_, words)
        self.trained_ = known >= ENOUGH_TO_TRAIN
        if not self.trained_:
            warnings.warn(
                f"{known} bases are too few to train on (at least {ENOUGH_TO_TRAIN}); looking for average proteins",
                stacklevel=3,
            )
        rounds = self.n_rounds if self.trained_ else 0
        self.model_, self.history_ = train(first, self.code_, words, rounds, self.n_jobs, self.verbose)
        return self

    def _predict(self, parts: list[Part]) -> list[Gene]:
        if not parts:
            return []
        words = [encode_words(part.codes) for part in parts]
        if self.verbose:
            _report("decoding ...")
        paths = lattice.best_path(self.model_.graph, Indexed(self.model_.scores, words), n_jobs=self.n_jobs)
        reader = PathReader(self.model_.structure, self.code_)
        spans = [self._long_enough(reader.read(path.states, part.codes)) for part, path in zip(parts, paths)]
        return [
            _gene(part, span, probability, self.code_.table)
            for part, own, chances in zip(parts, spans, self._chances(words, spans))
            for span, probability in zip(own, chances)
            if probability >= self.min_posterior
        ]

    def _long_enough(self, spans: list[Span]) -> list[Span]:
        return [span for span in spans if span.last - span.first >= self.min_length]

    def _chances(self, words: list[NDArray[np.int32]], spans: list[list[Span]]) -> list[NDArray[np.float64]]:
        """Posterior of each span: of being in its frame next to its 3' end, and so of ending at its stop codon."""
        chances = [np.zeros(len(own)) for own in spans]
        labels = self.model_.structure.coding_labels
        for window, posterior in self._by_window(words):
            for i, span in enumerate(spans[window.part]):
                if window.first <= span.inside < window.last:
                    row = posterior[span.inside - window.low]
                    chances[window.part][i] = min(1.0, row[labels[span.strand, :, span.position]].sum())
        return chances

    def _by_window(self, words: list[NDArray[np.int32]]) -> Iterator[tuple[Window, NDArray[np.float64]]]:
        """Posteriors of the labels, a few windows at a time: for a whole genome they would need a gigabyte."""
        ahead = list(windows([len(w) for w in words]))
        at_once = max(1, effective_n_jobs(self.n_jobs))
        done = 0
        for k in range(0, len(ahead), at_once):
            group = ahead[k : k + at_once]
            yield from zip(group, self._posteriors([words[w.part][w.low : w.high] for w in group]))
            done += sum(window.last - window.first for window in group)
            if self.verbose:
                _report(f"posteriors: {done:,} of {sum(map(len, words)):,} bases")

    def _posteriors(self, words: list[NDArray[np.int32]]) -> list[NDArray[np.float64]]:
        found = lattice.posteriors(self.model_.graph, Indexed(self.model_.scores, words), n_jobs=self.n_jobs)
        return [posterior.labels for posterior in found]


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _gene(part: Part, span: Span, probability: float, table: int | None) -> Gene:
    return Gene(
        part.seqid,
        part.offset + span.first + 1,
        part.offset + span.last,
        "+" if span.strand == FORWARD else "-",
        score=float(probability),
        posterior=float(probability),
        partial_left=span.cut_left,
        partial_right=span.cut_right,
        phase=span.phase,
        transl_table=table,
    )
