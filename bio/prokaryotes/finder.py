"""Finding the protein-coding genes of bacteria and archaea."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hmmseq.errors import DataError

from ..alphabet import DNA
from ..contigs import MARGIN, Part, is_whole, parts_of
from ..formats.fasta import FastaRecord, checked
from ..gene import Gene
from ..genetic_code import GeneticCode
from ..parameters import Parameters
from ..windows import WINDOW, batches, by_window, first_bases
from .candidates import Genome
from .code_choice import codons_of, group_by_frames, likeliest
from .decoding import Found, coding_cover, find_genes
from .pretrained import Pretrained, best_prior, pretrained
from .scores import Weights
from .together import Group, Waiting, best_models
from .training import GeneModel, decode, first_model, train

KINDS = "prokaryote", "eukaryote"
ENOUGH_TO_TRAIN = 20_000  # bases; as many as Prodigal asks for
ENOUGH_ALONE = 300_000  # bases; with fewer, training starts from the most similar pre-trained genome
NOTHING = "no sequence: not one known base to look for genes in"
_PRETRAINED_BONUS = 2.0  # nats
AUTO = (11, 4, 25, 15)  # bacteria and archaea differ in what TGA means (4: W, 25: G), or TAG (15: Q)


class GeneFinder(Parameters):
    """Gene finder that trains itself on the genome it is given: a semi-Markov model of genes and the gaps between them.

    GeneFinder(kind="eukaryote", ...) is a `SplicedGeneFinder`, for genes with introns, with parameters of its own.

    Parameters
    ----------
    table : NCBI number of the genetic code, a GeneticCode, or "auto": 11, 4, 25 or 15, whichever explains the genome best
    kind : "prokaryote"
    min_length : bases of the shortest gene to report, stop codon included
    min_posterior : genes less probable than this are not reported
    circular : whether records are circular: True for all, or the ids of those that are. A gene across the origin ends beyond
        the length of its record. Records with long runs of unknown letters count as linear
    frameshift_rate : sequencing errors a base that put in a letter or leave one out, 1e-4 say: genes may then change their
        frame once, and come in two pieces; default: none do
    mask_lower_case : whether lower-case letters, with which repeats are masked, are unknown
    metagenome : whether `find` searches each record by itself, as a piece of a genome of its own
    n_rounds : rounds of training
    n_training : bases to learn from at most, the first of the records
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
    trained_ : False if there was too little sequence to train on, or there were no genes in it to learn from; then a model
        made before stands in, and a warning says so

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
        if kind == "prokaryote":
            return super().__new__(cls)
        from ..spliced import SplicedGeneFinder

        return SplicedGeneFinder(*args, **params)

    def __init__(
        self,
        table: int | str | GeneticCode = 11,
        *,
        kind: str = "prokaryote",
        min_length: int = 90,
        min_posterior: float = 0.25,
        circular: bool | Collection[str] = False,
        frameshift_rate: float = 0.0,
        mask_lower_case: bool = False,
        metagenome: bool = False,
        n_rounds: int = 5,
        n_training: int = 20_000_000,
        priors: Collection[Pretrained] | None = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.table = table
        self.kind = kind
        self.min_length = min_length
        self.min_posterior = min_posterior
        self.circular = circular
        self.frameshift_rate = frameshift_rate
        self.mask_lower_case = mask_lower_case
        self.metagenome = metagenome
        self.n_rounds = n_rounds
        self.n_training = n_training
        self.priors = priors
        self.n_jobs = n_jobs
        self.verbose = verbose

    def set_params(self, **params: Any) -> Self:
        """Change parameters; ValueError for a name that is none, and for another `kind`, which is another class."""
        kind = params.get("kind", self.kind)
        if kind != self.kind:
            raise ValueError(
                f"a finder of kind {self.kind!r} cannot become one of kind {kind!r}; make a new GeneFinder"
            )
        return super().set_params(**params)

    def fit(self, records: Iterable[FastaRecord], y: Any = None) -> Self:
        """Learn from the sequences of a genome; no annotation is used.

        DataError if there is no known base, or for letters that are not DNA.
        """
        self._check_parameters()
        self._fit(self._parts(first_bases(records, self.n_training)))
        return self

    def predict(self, records: Iterable[FastaRecord]) -> list[Gene]:
        """Genes by record and position, with their posterior probabilities (also as score); `fit` comes first.

        Long records are read a window at a time, so that memory does not grow with them.
        """
        self._check_fitted("model_")
        genes = list[Gene]()
        for batch in batches(records):
            whole = len(batch) > 1 or len(batch[0].sequence) <= WINDOW
            genes += self._predict(self._parts(batch)) if whole else self._predict_long(batch[0])
        return genes

    def find(self, records: Iterable[FastaRecord]) -> list[Gene]:
        """Train on a genome and give its genes; with `metagenome` on each record alone."""
        if not self.metagenome:
            records = list(checked(records))
            if sum(len(record.sequence) for record in records) > min(WINDOW, self.n_training):
                return self.fit(records).predict(records)
            self._check_parameters()
            parts = self._parts(records)
            return self._predict(parts, genome=self._fit(parts))
        self._check_parameters()
        found = dict(self._find_each(checked(records)))
        if not found:
            raise DataError(NOTHING)
        return [gene for number in sorted(found) for gene in found[number]]

    def _find_each(self, records: Iterable[FastaRecord]) -> Iterator[tuple[int, list[Gene]]]:
        """Numbers of records with a known base, and their genes. The short ones are read together, the others one by one."""
        alike, waiting = len(self._codes()) == 1 and bool(self._priors()), Waiting()
        for number, record in enumerate(records):
            known = _n_known(self._parts([record]))
            if alike and 0 < known < ENOUGH_TO_TRAIN:
                for group in waiting.add(number, record):
                    yield from self._find_group(group)
            elif known:
                yield number, self._find_alone(record)
        for group in waiting.rest():
            yield from self._find_group(group)

    def _find_alone(self, record: FastaRecord) -> list[Gene]:
        with warnings.catch_warnings():
            for message in ("[0-9]+ bases are too few to train on", "no genes to learn from"):
                warnings.filterwarnings("ignore", message, UserWarning)
            return self.fit([record]).predict([record])

    def _find_group(self, group: Group) -> Iterator[tuple[int, list[Gene]]]:
        """The same for short records of like composition: each with the pre-trained model that explains it best."""
        [self.code_], self.trained_, self.pretrained_ = self._codes(), False, True
        self.history_ = list[float]()
        by_record = [self._parts([record]) for record in group.records]
        parts = [part for own in by_record for part in own]
        owner = np.repeat(np.arange(len(by_record)), [len(own) for own in by_record])
        chosen = best_models(self._genome(parts), owner, group.composition, self._weights, self._priors())
        for self.model_, mine in chosen:
            found = iter(self._predict_parts([part for k in mine for part in by_record[k]]))
            yield from ((group.numbers[k], [gene for _ in by_record[k] for gene in next(found)]) for k in mine)

    def coding_probability(self, record: FastaRecord, first: int = 0, last: int | None = None) -> NDArray[np.float64]:
        """(last - first, 2) posterior probability, by strand, that a base lies inside a gene.

        Only the stretch from base `first` (from 0) to `last` and what lies near it is looked at.
        """
        self._check_fitted("model_")
        last = len(record.sequence) if last is None else last
        low = max(0, first - MARGIN)
        stretch = FastaRecord(record.id, "", record.sequence[low : last + MARGIN])
        probability = np.zeros((len(stretch.sequence), 2))
        parts = self._parts([stretch])
        if parts:
            genome = self._genome(parts)
            cover = coding_cover(genome, self.model_, self._weights)
            for part, offset in zip(parts, genome.offsets):
                probability[part.offset : part.offset + len(part.codes)] = cover[offset : offset + len(part.codes)]
        return probability[first - low : last - low]

    def _parts(self, records: Iterable[FastaRecord]) -> list[Part]:
        return [part for record in records for part in parts_of(record, self.mask_lower_case)]

    def _genome(self, parts: list[Part], code: GeneticCode | None = None) -> Genome:
        """The parts side by side; from then on they look into it, so that there is one copy of their letters."""
        genome = Genome([part.codes for part in parts], code or self.code_, self.min_length, self.n_jobs)
        parts[:] = [
            part._replace(codes=genome.codes[first : first + len(part.codes)])
            for part, first in zip(parts, genome.offsets.tolist())
        ]
        return genome

    def _fit(self, parts: list[Part]) -> Genome:
        """Learns, and gives back what was learned from."""
        known = _n_known(parts)
        if not known:
            raise DataError(NOTHING)
        codes = self._codes()
        self.trained_ = known >= ENOUGH_TO_TRAIN
        self.pretrained_ = known < ENOUGH_ALONE and bool(self._priors())
        if not self.trained_:
            warnings.warn(
                f"{known} bases are too few to train on (at least {ENOUGH_TO_TRAIN}); using a model made before",
                stacklevel=3,
            )
        learned = (self._learn(parts, group) for group in group_by_frames(codes))
        _, genome, self.code_, self.model_, self.history_ = max(learned, key=lambda each: each[0])
        if self.history_ and self.history_[0] <= 0:
            self.trained_ = False
            warnings.warn("no genes to learn from in this sequence; using a model made before", stacklevel=3)
        return genome

    def _check_parameters(self) -> None:
        if not 0.0 <= self.frameshift_rate < 0.1:
            raise ValueError(f"frameshift_rate is {self.frameshift_rate}; expected errors a base, 0 to below 0.1")
        for name in ("min_length", "n_rounds", "n_training"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a whole number from 1")

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

    def _learn(
        self, parts: list[Part], codes: list[GeneticCode]
    ) -> tuple[float, Genome, GeneticCode, GeneModel, list[float]]:
        """How well codes with the same open frames explain the genome, the likeliest of them, and what was learned."""
        genome = self._genome(parts, codes[0])
        prior = best_prior(genome, self._weights, self._priors()) if self.pretrained_ else None
        if self.trained_:
            model, history = train(genome, self._weights, self.n_rounds, self._say, prior)
        else:
            model, history = prior or first_model(genome, self._weights), []
        if len(self._codes()) == 1:
            return 0.0, genome, codes[0], model, history
        _, _, chosen, score = decode(genome, model, self._weights)
        return score, genome, likeliest(codes, codons_of(genome, chosen)), model, history

    def _predict(self, parts: list[Part], turn: bool = True, genome: Genome | None = None) -> list[Gene]:
        """genome: of these parts, if it is there already"""
        return [gene for genes in self._predict_parts(parts, turn, genome) for gene in genes]

    def _predict_parts(self, parts: list[Part], turn: bool = True, genome: Genome | None = None) -> list[list[Gene]]:
        if not parts:
            return []
        self._say("decoding ...")
        found = self._found(parts, genome)
        turns = [found.widest_gap(k) or 0 if turn and self._is_circular(part) else 0 for k, part in enumerate(parts)]
        if any(turns):  # begin between two genes, so that none is cut
            turned = [part._replace(codes=np.roll(part.codes, -turn)) for part, turn in zip(parts, turns)]
            found = self._found(turned)
        return [
            [
                gene
                for gene in _turned(
                    found.genes(number, part.seqid, part.offset, self.code_.table), turn, len(part.codes)
                )
                if (gene.posterior or 0.0) >= self.min_posterior
            ]
            for number, (part, turn) in enumerate(zip(parts, turns))
        ]

    def _found(self, parts: list[Part], genome: Genome | None = None) -> Found:
        self._check_parameters()  # set since `fit`, perhaps
        return find_genes(
            self._genome(parts) if genome is None else genome, self.model_, self._weights, self.frameshift_rate
        )

    def _predict_long(self, record: FastaRecord) -> list[Gene]:
        """The same for one record, a window at a time. A circular one begins between two genes of its first window."""

        def genes_of(piece: FastaRecord) -> list[Gene]:
            return self._predict(self._parts([piece]), turn=False)

        if not self._is_circular(Part(record.id, 0, np.empty(0, np.uint8), is_whole(record))):
            return by_window(record, genes_of)
        first = self._parts([FastaRecord(record.id, "", record.sequence[:WINDOW])])
        turn = self._found(first).widest_gap(0) or 0
        turned = FastaRecord(record.id, "", record.sequence[turn:] + record.sequence[:turn])
        return _turned(by_window(turned, genes_of), turn, len(record.sequence))

    def _is_circular(self, part: Part) -> bool:
        if isinstance(self.circular, bool):
            return part.whole and self.circular
        return part.whole and part.seqid in self.circular

    def _say(self, line: str) -> None:
        if self.verbose:
            print(line, file=sys.stderr, flush=True)


def _n_known(parts: Iterable[Part]) -> int:
    return sum(int((part.codes < DNA.missing).sum()) for part in parts)


def _turned(genes: Iterable[Gene], turn: int, length: int) -> list[Gene]:
    """Genes of a circular contig that was read from base `turn` on, in its own coordinates and order."""
    if not turn:
        return list(genes)
    moved = [gene.moved((gene.start - 1 + turn) % length + 1 - gene.start) for gene in genes]
    return sorted(moved, key=lambda gene: gene.start)
