"""Short records that are pieces of genomes of their own: those of like composition are read together.

Each gets the pre-trained model that explains it best, as if it had been read alone: which records lie beside it in a group
makes no difference.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq.kernels import spans as kernels

from ..formats.fasta import FastaRecord
from .candidates import BORDER_SCORE, Genome
from .coding import Floats
from .pretrained import Pretrained, adapted_priors, log_background
from .scores import Weights
from .training import GeneModel, candidates

_ALIKE = 0.1  # log odds of G and C that one adapted model serves
_EXTREME = 30  # groups on either side of even odds
_BASES = 2_000_000  # of a group, about


class Group(NamedTuple):
    """Records of about the same share of G and C."""

    composition: Floats  # (4,) that stands for all
    numbers: list[int]
    records: list[FastaRecord]


class Waiting:
    """Records that wait until there are enough like them."""

    def __init__(self) -> None:
        self._groups: dict[int, Group] = {}
        self._bases = Counter[int]()

    def add(self, number: int, record: FastaRecord) -> Iterator[Group]:
        """The group that this record completes, if it does."""
        alike = _alike(record.sequence)
        group = self._groups.setdefault(alike, Group(_composition(alike), [], []))
        group.numbers.append(number)
        group.records.append(record)
        self._bases[alike] += len(record.sequence)
        if self._bases[alike] >= _BASES:
            del self._bases[alike]
            yield self._groups.pop(alike)

    def rest(self) -> Iterator[Group]:
        while self._groups:
            yield self._groups.popitem()[1]


def _alike(sequence: bytes) -> int:
    gc, at = (1 + sum(sequence.count(bytes([letter])) for letter in letters) for letters in (b"GCgc", b"ATUatu"))
    return min(max(round(math.log(gc / at) / _ALIKE), -_EXTREME), _EXTREME)


def _composition(alike: int) -> Floats:
    gc = 1.0 / (1.0 + math.exp(-alike * _ALIKE))
    return np.array([1 - gc, gc, gc, 1 - gc]) / 2


def best_models(
    genome: Genome, owner: NDArray[np.int64], composition: Floats, weights: Weights, priors: tuple[Pretrained, ...]
) -> Iterator[tuple[GeneModel, NDArray[np.int64]]]:
    """The models that explain some record best, and which records those are. owner: (n_contigs,) record of each contig"""
    models, scores = list[GeneModel](), list[Floats]()
    for prior in adapted_priors(priors, composition):
        models.append(prior.model(genome, weights))
        own = log_backgrounds(genome, prior) + path_scores(genome, models[-1], weights)
        scores.append(np.bincount(owner, own).astype(np.float64))
    best = np.argmax(scores, axis=0)
    for k in np.unique(best):
        yield models[k], np.flatnonzero(best == k)


def log_backgrounds(genome: Genome, prior: Pretrained) -> Floats:
    """(n_contigs,) log probability of the letters of each contig as what lies between genes."""
    log_p = prior.log_background()
    pairs = zip(genome.offsets.tolist(), genome.borders[1:].tolist(), strict=True)
    return np.array([log_background(genome.codes[first:last], log_p) for first, last in pairs])


def path_scores(genome: Genome, model: GeneModel, weights: Weights) -> Floats:
    """(n_contigs,) score of the best path through each contig: paths meet at the borders between them."""
    _, spans = candidates(genome, model, weights)
    given = model.graph.candidates(spans)
    chart, _ = kernels.forward(model.graph.timed, given, model.graph.whole(spans.n_steps), True)
    return np.diff(chart.before[len(spans) - len(genome.borders) :]) - BORDER_SCORE
