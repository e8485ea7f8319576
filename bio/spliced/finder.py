"""Finding the genes of eukaryotes, with their introns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from hmmseq.storage import Arrays, Stored

from ..contigs import Part, parts_of
from ..formats.fasta import FastaRecord, checked
from ..gene import Gene
from ..genetic_code import GeneticCode
from .examples import shares_at_ends, training_regions
from .hints import Hint, Worth
from .networks import ENCODERS
from .storage import describe, restore
from .stretches import Stretch, stretches
from .training import train


class SplicedGeneFinder(Stored, BaseEstimator):
    """Gene finder for genomes whose genes have introns: a generalised hidden Markov model, trained on annotated genes.

    Parameters
    ----------
    table : NCBI number of the genetic code, or a GeneticCode; genes begin with ATG
    gc_classes : classes of G+C in which content is learned, of equal numbers of genes
    encoder : "exons" for small neural networks that score exons by their content and what lies around them, and their ends,
        beside the hidden Markov model (`networks.py`); "sites" for networks of the ends alone. Training them needs torch,
        using them does not. None for none
    min_posterior : genes less probable than this are not reported
    partial : whether genes may run on beyond the ends of a sequence, as they do on contigs and chromosomes. How often they
        do is learned from the ends of the records that `fit` is given; False for loci that were cut out around whole genes
    hint_weight : nats for each log(1 + reads) on either side of an intron, where `fit` had no hints to learn from
    random_state : deals training regions into folds, and draws samples
    n_jobs : threads; results are the same for any number
    verbose : progress on standard error

    Attributes
    ----------
    model_ : SplicedModel, what was learned
    left_out_ : list of LeftOut, annotated genes that were not learned from, and why
    n_genes_ : genes that were
    hint_worth_ : what hints are worth, see `Worth`; None if `fit` had none
    networks_ : kinds of exons and of their ends that networks score: none without `encoder`, with too few genes, or if they
        do not help
    history_ : expected F1 of exons, on folds held back, by round of learning how much each score weighs

    Single, initial, internal and terminal exons on both strands, split by phase and by the bases of the codons that introns
    cut, so that no stop codon arises across a splice site; weight arrays for start and stop codons, donors, and acceptors
    with the region of the branch point; inhomogeneous Markov chains of order five; explicit lengths of exons and introns
    with geometric tails (Burge and Karlin, J. Mol. Biol. 268, 1997; Stanke and Waack, Bioinformatics 19, 2003). Untranslated
    regions are not modelled: a gene here is its coding sequence, and what lies beyond it counts as between genes.

    >>> from hmmseq.bio import GeneFinder, read_fasta, read_gff3
    >>> finder = GeneFinder(kind="eukaryote")
    >>> finder.fit(read_fasta("genome.fa"), read_gff3("genes.gff3")).predict(read_fasta("contigs.fa"))  # doctest: +SKIP
    """

    def __init__(
        self,
        table: int | GeneticCode = 1,
        *,
        gc_classes: int = 2,
        encoder: str | None = None,
        min_posterior: float = 0.0,
        partial: bool = True,
        hint_weight: float = 0.5,
        random_state: int = 0,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.table = table
        self.gc_classes = gc_classes
        self.encoder = encoder
        self.min_posterior = min_posterior
        self.partial = partial
        self.hint_weight = hint_weight
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def set_params(self, **params: Any) -> Self:
        """Change parameters; ValueError for a name that is none, and for another `kind` than "eukaryote"."""
        if params.pop("kind", "eukaryote") != "eukaryote":
            raise ValueError("a finder of kind 'eukaryote' cannot become one of another kind; make a new GeneFinder")
        return super().set_params(**params)

    def fit(self, records: Iterable[FastaRecord], genes: Iterable[Gene], hints: Iterable[Hint] = ()) -> Self:
        """Learn from sequences and the genes annotated on them; all that is not annotated counts as without genes.

        hints : evidence of the kind that `predict` will be given, to learn from the annotation what reads are worth

        DataError if the annotation does not name the sequences, or has no gene to learn from.
        """
        if self.encoder is not None and self.encoder not in ENCODERS:
            raise ValueError(f"encoder is {self.encoder!r}; choose one of None, {', '.join(map(repr, ENCODERS))}")
        code = self.table if isinstance(self.table, GeneticCode) else GeneticCode.from_table(self.table)
        records, genes, hints = list(records), list(genes), list(hints)
        regions, self.left_out_ = training_regions(records, genes, code)
        self.n_genes_ = sum(len(region.genes) for region in regions)
        if self.verbose:
            print(f"learning from {self.n_genes_} genes, {len(self.left_out_)} left out", file=sys.stderr, flush=True)
        model, self.history_, self.hint_worth_ = train(
            regions,
            code,
            hints=hints,
            gc_classes=self.gc_classes,
            encoder=self.encoder,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )
        self.model_ = replace(model, shares=shares_at_ends(model.shares, records, genes))
        return self

    def predict(self, records: Iterable[FastaRecord], hints: Iterable[Hint] = ()) -> list[Gene]:
        """Genes by record and position, from the best path through each stretch of sequence.

        hints  evidence to add; see `Hint`

        A gene's `score` is in nats. Posteriors are probabilities of being annotated, learned on sequence held back: that
        an exon is (`piece_posteriors`), and that a gene ends there (`posterior`), by its least probable exon.
        DataError for a hard hint that no gene can fit.
        """
        genes = self._each_part(records, hints, lambda stretch, stream: stretch.genes())
        return [gene for gene in genes if (gene.posterior or 0.0) >= self.min_posterior]

    def sample(self, records: Iterable[FastaRecord], n_samples: int = 100, hints: Iterable[Hint] = ()) -> list[Gene]:
        """Alternative structures: every gene of `n_samples` sampled paths, by place; `posterior` is its share of the paths.

        Genes overlap where structures differ. The paths are drawn with `random_state`.
        """
        return self._each_part(records, hints, lambda stretch, stream: stretch.alternatives(n_samples, stream))

    @property
    def networks_(self) -> tuple[str, ...]:
        """The kinds of exons and of their ends that networks score."""
        return tuple(self.model_.networks or ())

    def _kept_params(self) -> dict[str, Any]:
        return super()._kept_params() | {"table": 1}  # the code is among the parts

    def _parts(self) -> tuple[Arrays, dict[str, Any]]:
        plain, arrays = describe(self.model_)
        fitted = {"n_genes": self.n_genes_, "history": self.history_, "hint_worth": self.hint_worth_, "model": plain}
        return arrays, fitted

    def _restore(self, arrays: Arrays, fitted: dict[str, Any]) -> None:
        self.model_ = restore(fitted["model"], arrays)
        self.table = self.model_.code if self.model_.code.table is None else self.model_.code.table
        self.n_genes_, self.history_ = fitted["n_genes"], fitted["history"]
        self.hint_worth_ = fitted["hint_worth"] and Worth(*map(float, fitted["hint_worth"]))
        self.left_out_ = []  # a file does not keep which genes were left out

    def _each_part(
        self,
        records: Iterable[FastaRecord],
        hints: Iterable[Hint],
        answer: Callable[[Stretch, np.random.Generator], list[Gene]],
    ) -> list[Gene]:
        """Answers for all stretches, in order; parts of records go to threads."""
        check_is_fitted(self)
        of_record: dict[str, list[Hint]] = {}
        for hint in hints:
            of_record.setdefault(hint.seqid, []).append(hint)

        worth = (self.hint_worth_ or Worth(self.hint_weight)) if of_record else None

        def genes_of(part: Part, stream: np.random.Generator) -> list[Gene]:
            own = of_record.get(part.seqid, [])
            found = stretches(self.model_, part, self.partial, own, worth)
            genes = [gene for stretch in found for gene in answer(stretch, stream)]
            if self.verbose:
                end = part.offset + len(part.codes)
                print(f"{part.seqid}, to base {end:,}: {len(genes)} genes", file=sys.stderr, flush=True)
            return genes

        parts = [part for record in checked(records) for part in parts_of(record)]
        streams = np.random.default_rng(self.random_state).spawn(len(parts))
        tasks = (delayed(genes_of)(part, stream) for part, stream in zip(parts, streams))
        return [gene for genes in Parallel(self.n_jobs, require="sharedmem")(tasks) for gene in genes]
