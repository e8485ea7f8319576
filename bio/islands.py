"""CpG islands: the textbook pair of hidden blocks over first-order letters, trained on the sequence it is given.

Durbin, Eddy, Krogh and Mitchison, Biological Sequence Analysis (1998), chapter 3. The eight states of the book, a letter and
its block each, are two states whose letters depend on the letter before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from hmmseq import HMM, StateGraph, lattice, topologies
from hmmseq.emissions import Categorical
from hmmseq.errors import DataError
from hmmseq.sequences import Sequences

from .alphabet import DNA, Codes
from .formats.bedgraph import runs
from .formats.fasta import FastaRecord
from .formats.output import Target, write_lines
from .windows import first_bases

ISLAND, SEA = 0, 1
# The book's tables, from human islands and what lies around them: rows are the letter before, A, C, G, T.
_IN_ISLANDS = [[180, 274, 426, 120], [171, 368, 274, 188], [161, 339, 375, 125], [79, 355, 384, 182]]
_IN_THE_SEA = [[300, 205, 285, 210], [322, 298, 78, 302], [248, 246, 298, 208], [177, 239, 292, 292]]
TEXTBOOK = np.array([_IN_ISLANDS, _IN_THE_SEA], dtype=np.float64)
TEXTBOOK = TEXTBOOK / TEXTBOOK.sum(axis=2, keepdims=True)  # not all add up to 1000

_WINDOW, _MARGIN = 1 << 18, 10_000  # small enough to stay in cache; what lies further away than a margin hardly counts
_C, _G = 1, 2


class Island(NamedTuple):
    """Bases start ... end (from 1) of a sequence, with what makes an island of them.

    posterior : mean probability of the island block
    gc : share of G and C
    ratio : CpG pairs beside those expected from the numbers of C and G (Gardiner-Garden and Frommer, J. Mol. Biol. 196, 1987)
    """

    seqid: str
    start: int
    end: int
    posterior: float
    gc: float
    ratio: float


class _Blocks(Categorical):
    """Starts from the book's tables instead of chance."""

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        self.emissionprob_ = TEXTBOOK.copy()


class CpGIslands(BaseEstimator):
    """Finder of CpG islands that begins with the tables of the textbook and learns from the sequences it is given.

    Parameters
    ----------
    island_length, sea_length : mean lengths that training begins with, in bases
    n_iter : iterations of EM; 0: the book's tables and these lengths as they are
    n_training : bases to learn from at most, the first of the records: training needs some ten bytes a base
    threshold : bases whose posterior is at least this can be part of an island
    min_length : bases of the shortest island to report
    n_jobs : threads

    Attributes
    ----------
    emissionprob_ : (2, 4, 4) probability of a letter given the one before, in islands and in the sea
    graph_ : StateGraph of the two blocks
    history_ : log-likelihood before each iteration

    A pair with an unknown letter tells nothing. Training uses no annotation: on genomes without islands the two blocks
    come to mean something else, which `emissionprob_` shows.

    >>> from hmmseq.bio import CpGIslands, FastaRecord
    >>> sea, island = b"TTATTGAACATTGATTTCAA" * 40, b"CGGCGCCGCGGCGACGCGGG" * 20
    >>> record = FastaRecord("c", "", sea + island + sea)
    >>> [(island.start, island.end) for island in CpGIslands(n_iter=0).find([record])]
    [(801, 1200)]
    """

    def __init__(
        self,
        *,
        island_length: float = 1_000.0,
        sea_length: float = 100_000.0,
        n_iter: int = 10,
        n_training: int = 50_000_000,
        threshold: float = 0.5,
        min_length: int = 200,
        n_jobs: int | None = None,
    ) -> None:
        self.island_length = island_length
        self.sea_length = sea_length
        self.n_iter = n_iter
        self.n_training = n_training
        self.threshold = threshold
        self.min_length = min_length
        self.n_jobs = n_jobs

    def fit(self, records: Iterable[FastaRecord], y: Any = None) -> Self:
        """Learn tables and lengths from the sequences.

        DataError if there is no known base, or for letters that are not DNA.
        """
        if self.n_iter == 0:
            self.graph_, self.emissionprob_, self.history_ = self._start(), TEXTBOOK.copy(), []
            return self
        learned = first_bases(records, self.n_training)
        sequences = [_with_missing(record.encode()) for record in learned if record.sequence]
        if not any((codes >= 0).any() for codes in sequences):
            raise DataError("no sequence: not one known base to look for islands in")
        emission = _Blocks(len(DNA.symbols), order=1, pseudocount=1.0)
        model = HMM(emission, topology=self._start(), n_iter=self.n_iter, n_jobs=self.n_jobs)
        model.fit(sequences)
        self.graph_, self.emissionprob_, self.history_ = model.graph_, model.emissionprob_, model.history_
        return self

    def find(self, records: Iterable[FastaRecord]) -> list[Island]:
        """Train on the sequences and give their islands."""
        records = list(records)
        return self.fit(records).predict(records)

    def predict(self, records: Iterable[FastaRecord]) -> list[Island]:
        """Islands by record and position."""
        return [island for record in records for island in self.islands(record, self.posterior(record))]

    def posterior(self, record: FastaRecord) -> NDArray[np.float32]:
        """(length,) probability that each base lies in an island, a window at a time."""
        check_is_fitted(self)
        codes = record.encode()
        found = np.empty(len(codes), np.float32)
        for first, probabilities in self._by_window(codes):
            found[first : first + len(probabilities)] = probabilities
        return found

    def islands(self, record: FastaRecord, posterior: NDArray[np.float32]) -> list[Island]:
        """Stretches of at least `min_length` bases whose posterior is `threshold` or more."""
        codes = record.encode()
        starts, ends, inside = runs(posterior >= self.threshold)
        chosen = inside.astype(bool) & (ends - starts >= self.min_length)
        return [
            _described(record.id, int(first), codes[first:end], posterior[first:end])
            for first, end in zip(starts[chosen], ends[chosen])
        ]

    def _start(self) -> StateGraph:
        leave = 1 / np.array([self.island_length, self.sea_length])
        if not np.all((leave > 0) & (leave < 1)):
            raise ValueError(
                f"island_length and sea_length are {self.island_length}, {self.sea_length}; expected above 1"
            )
        share = leave[SEA] / leave.sum()
        matrix = np.array([[1 - leave[ISLAND], leave[ISLAND]], [leave[SEA], 1 - leave[SEA]]])
        return topologies.from_matrix(matrix, np.array([share, 1 - share]))

    def _by_window(self, codes: Codes) -> Iterator[tuple[int, NDArray[np.float64]]]:
        by_pair = np.zeros((5, 5, 2))  # the letter before and the letter, the fifth unknown
        by_pair[:4, :4] = np.log(self.emissionprob_).transpose(1, 2, 0)
        table = by_pair.reshape(25, 2)
        for first in range(0, len(codes), _WINDOW):
            low, end = max(0, first - _MARGIN), min(first + _WINDOW, len(codes))
            pairs = _pairs(codes[max(0, low - 1) : end + _MARGIN])[0 if low == 0 else 1 :]
            scores = lattice.Indexed(table, pairs)
            probabilities = lattice.label_posteriors(self.graph_, scores, n_jobs=self.n_jobs)
            yield first, probabilities[first - low : end - low, ISLAND]


def write_islands(islands: Iterable[Island], target: Target) -> None:
    """Write islands as BED6 and two columns more: the share of G and C, and observed over expected CpG."""
    write_lines(
        (
            f"{island.seqid}\t{island.start - 1}\t{island.end}\tCpG_{k}\t{round(1000 * island.posterior)}\t.\t"
            f"{island.gc:.3f}\t{island.ratio:.3f}"
            for k, island in enumerate(islands, 1)
        ),
        target,
    )


def _pairs(codes: Codes) -> NDArray[np.uint8]:
    """(length,) each letter with the one before as one byte; nothing is known of the letter before the first."""
    pairs = codes.copy()
    pairs[:1] += 5 * DNA.missing
    pairs[1:] += 5 * codes[:-1]
    return pairs


def _with_missing(codes: Codes) -> NDArray[np.int8]:
    symbols = codes.astype(np.int8)
    symbols[codes == DNA.missing] = -1
    return symbols


def _described(seqid: str, first: int, codes: Codes, posterior: NDArray[np.float32]) -> Island:
    n_c, n_g = int((codes == _C).sum()), int((codes == _G).sum())
    pairs = int(((codes[:-1] == _C) & (codes[1:] == _G)).sum())
    known = max(int((codes < DNA.missing).sum()), 1)
    ratio = pairs * len(codes) / (n_c * n_g) if n_c and n_g else 0.0
    return Island(
        seqid, first + 1, first + len(codes), float(posterior.mean(dtype=np.float64)), (n_c + n_g) / known, ratio
    )
