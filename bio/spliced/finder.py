"""Finding the genes of eukaryotes, with their introns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from hmmseq import lattice
from hmmseq.span_graph import Spans

from ..contigs import Part, parts_of
from ..fasta import FastaRecord
from ..gene import Gene
from ..genetic_code import GeneticCode
from .candidates import INITIAL, SINGLE, TERMINAL, Places
from .examples import LeftOut, training_regions
from .graph import ExonKinds, as_spans, span_graph
from .model import Candidates
from .phases import SplitCodons
from .training import train

WINDOW = 1_000_000  # bases decoded at a time
_SEAM = 200_000  # the next window begins between two genes, this far or further before the end of the last one


class Structure(NamedTuple):
    """A gene as a row of candidates, in ascending order, and its place in its part."""

    strand: int
    exons: tuple[tuple[int, int], ...]  # start, stop
    chosen: tuple[int, ...]


class SplicedGeneFinder(BaseEstimator):
    """Gene finder for genomes whose genes have introns: a generalised hidden Markov model, trained on annotated genes.

    Parameters
    ----------
    table : NCBI number of the genetic code, or a GeneticCode; genes begin with ATG
    min_posterior : genes less probable than this are not reported
    random_state : deals training regions into folds
    n_jobs : threads; results are the same for any number
    verbose : progress on standard error

    Attributes
    ----------
    model_ : SplicedModel, what was learned
    left_out_ : list of LeftOut, annotated genes that were not learned from, and why
    n_genes_ : genes that were
    history_ : expected F1 of exons, on folds held back, by round of learning how much each score weighs

    Single, initial, internal and terminal exons on both strands, split by phase and by the bases of the codons that introns
    cut, so that no stop codon arises across a splice site; weight arrays for start and stop codons, donors, and acceptors
    with the region of the branch point; inhomogeneous Markov chains of order five; explicit lengths of exons and introns
    with geometric tails (Burge and Karlin, J. Mol. Biol. 268, 1997; Stanke and Waack, Bioinformatics 19, 2003).

    >>> from hmmseq.bio import GeneFinder, read_fasta, read_gff3
    >>> finder = GeneFinder(kind="eukaryote")
    >>> finder.fit(read_fasta("genome.fa"), read_gff3("genes.gff3")).predict(read_fasta("contigs.fa"))  # doctest: +SKIP
    """

    def __init__(
        self,
        table: int | GeneticCode = 1,
        *,
        min_posterior: float = 0.0,
        random_state: int = 0,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.table = table
        self.min_posterior = min_posterior
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, records: Iterable[FastaRecord], genes: Iterable[Gene]) -> Self:
        """Learn from sequences and the genes annotated on them; all that is not annotated counts as without genes.

        DataError if the annotation does not name the sequences, or has no gene to learn from.
        """
        code = self.table if isinstance(self.table, GeneticCode) else GeneticCode.from_table(self.table)
        regions, self.left_out_ = training_regions(records, genes, code)
        self.n_genes_ = sum(len(region.genes) for region in regions)
        if self.verbose:
            print(f"learning from {self.n_genes_} genes, {len(self.left_out_)} left out", file=sys.stderr, flush=True)
        self.model_, self.history_ = train(
            regions, code, random_state=self.random_state, n_jobs=self.n_jobs, verbose=self.verbose
        )
        return self

    def predict(self, records: Iterable[FastaRecord]) -> list[Gene]:
        """Genes by record and position, the best structure of each; `score` is in nats, above no gene at all."""
        check_is_fitted(self)
        return [gene for record in records for part in parts_of(record) for gene in self._part_genes(part)]

    def _part_genes(self, part: Part) -> Iterator[Gene]:
        first = 0
        while first < len(part.codes):
            window = part._replace(offset=part.offset + first, codes=part.codes[first : first + WINDOW])
            last = first + WINDOW >= len(part.codes)
            end, genes = self._window_genes(window, last)
            yield from genes
            first += end

    def _window_genes(self, window: Part, last: bool) -> tuple[int, list[Gene]]:
        """Where the next window begins, and the genes before that."""
        kinds = ExonKinds(SplitCodons(self.model_.code))
        graph = span_graph(kinds, self.model_.intron_lengths, self.model_.between)
        candidates = self.model_.candidates(window.codes)
        spans = as_spans(self.model_, kinds, window.codes, candidates)
        path = lattice.best_path(graph, spans)
        structures = list(structures_of(candidates, path.spans))
        end = len(window.codes) if last else _seam(structures, len(window.codes))
        posterior = lattice.posteriors(graph, spans).spans
        kept = [one for one in structures if one.exons[-1][1] <= end]
        genes = [_gene(window, one, spans, posterior, self.model_.code.table) for one in kept]
        return end, [gene for gene in genes if (gene.posterior or 0.0) >= self.min_posterior]


def structures_of(candidates: Candidates, chosen: Places) -> Iterator[Structure]:
    """Genes along a path: rows of exons between two ends."""
    row: list[int] = []
    for k in chosen.tolist():
        row.append(k)
        strand, kind = int(candidates.strand[k]), candidates.type[k]
        if kind == SINGLE or kind == (TERMINAL if strand == 0 else INITIAL):
            exons = tuple((int(candidates.start[i]), int(candidates.stop[i])) for i in row)
            yield Structure(strand, exons, tuple(row))
            row = []


def _seam(structures: list[Structure], length: int) -> int:
    """Middle of the last stretch between two genes that lies well before the end; the end, if there is none."""
    edges = [(0, 0), *((one.exons[0][0], one.exons[-1][1]) for one in structures)]
    middles = [(before[1] + after[0]) // 2 for before, after in zip(edges, edges[1:])]
    good = [middle for middle in middles if 0 < middle <= length - _SEAM]
    if good:
        return good[-1]
    return length - _SEAM if not structures or edges[1][0] > length - _SEAM else length


def _gene(part: Part, one: Structure, spans: Spans, posterior: np.ndarray, table: int | None) -> Gene:
    pieces = tuple((part.offset + a + 1, part.offset + b) for a, b in one.exons)
    chosen = list(one.chosen)
    return Gene(
        part.seqid,
        pieces[0][0],
        pieces[-1][1],
        "+-"[one.strand],
        score=float(spans.score[chosen].sum()),
        posterior=float(min(1.0, posterior[chosen].min())),
        transl_table=table,
        pieces=pieces if len(pieces) > 1 else (),
    )
