"""Gene models of some genomes, for sequences that are too short to learn from.

Each was learned by `GeneFinder` from the sequence of one genome, without annotation, and is kept as counts, so that it
serves any genetic code. `python -m benchmarks.pretrain` makes the file and says which genomes are in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq._jit import jit

from . import coding, durations
from .average_protein import codon_usage, word_usage
from .candidates import Genome
from .coding import WIDTH
from .scores import Weights
from .start_sites import StartSites
from .training import GeneModel, codon_odds, decode, open_and, random_frame, start_prior

Floats = NDArray[np.float64]

FILE = Path(__file__).parent.parent / "data" / "prokaryotes.safetensors"
_ROOM = 30_000.0  # the largest count, so that half precision holds it
_AVERAGE = 2_000.0  # words of average protein, for codons that the genome's own code does not have
_STRENGTH = (30.0, 30.0, 100.0, 1000.0, 1000.0, 1000.0)
# How G and C at the three codon positions, and between genes, follow those of the genome (Muto and Osawa, PNAS 84, 1987).
_SLOPES, _SLOPE_BETWEEN = np.array([0.75, 0.45, 1.7]), 1.0
_STEPS = (0.0, 0.5, 1.0)  # of the way from a genome's share of G and C to that of the contigs
_CODING = 0.88  # share of a genome that is coding


class Pretrained(NamedTuple):
    """What one genome has taught, whatever the genetic code."""

    name: str
    inside: Floats  # (3, 4096) words in genes by codon position
    outside: Floats  # (4096,) words elsewhere
    sites: StartSites  # of ATG, GTG and TTG
    stops: Floats  # (64,) how often each codon ended a gene
    gaps: durations.GapSizes

    def arrays(self) -> dict[str, NDArray[np.float16]]:
        """What a file keeps, by name; half the digits are enough for what stands in for a genome."""
        parts = {"inside": self.inside, "outside": self.outside, "stops": self.stops}
        parts |= {f"sites.{key}": np.atleast_1d(part) for key, part in self.sites._asdict().items()}
        parts |= {f"gaps.{key}": np.log(part) for key, part in self.gaps._asdict().items()}
        for key in ("inside", "outside"):
            parts[key] = parts[key] * min(1.0, _ROOM / parts[key].max())
        return {f"{self.name}/{key}": np.ascontiguousarray(part, dtype=np.float16) for key, part in parts.items()}

    @classmethod
    def from_arrays(cls, name: str, arrays: dict[str, NDArray[np.float16]]) -> Pretrained:
        """The model of that name among the arrays of a file."""
        own = {
            key.removeprefix(f"{name}/"): part.astype(np.float64)
            for key, part in arrays.items()
            if key.startswith(f"{name}/")
        }
        sites = {key.removeprefix("sites."): part for key, part in own.items() if key.startswith("sites.")}
        no_motif = float(sites.pop("no_motif")[0])
        gaps = {key.removeprefix("gaps."): np.exp(part) for key, part in own.items() if key.startswith("gaps.")}
        return cls(
            name, own["inside"], own["outside"], StartSites(**sites, no_motif=no_motif), own["stops"],
            durations.GapSizes(**gaps),
        )  # fmt: skip

    def adapted(self, composition: Floats, step: float) -> Pretrained:
        """As if the genome had gone a step, 0 to 1, of the way to this composition (4,) of letters."""
        shift = step * (_log_odds_of_gc(composition) - _log_odds_of_gc(self.composition))
        slopes = np.array([_SLOPES[(phase - np.arange(WIDTH)[::-1]) % 3] for phase in range(3)])
        return self._replace(
            inside=_with_more_gc(self.inside, shift * slopes),
            outside=_with_more_gc(self.outside[None], np.full((1, WIDTH), shift * _SLOPE_BETWEEN))[0],
        )

    @property
    def composition(self) -> Floats:
        """(4,) share of each letter in such a genome, alike on both strands."""
        letters = _CODING * _letters(self.inside.sum(0)) + (1 - _CODING) * _letters(self.outside)
        return (letters + letters[::-1]) / 2

    def model(self, genome: Genome, weights: Weights) -> GeneModel:
        """As the starting point for a genome, with its genetic code."""
        code = genome.code
        composition = self.outside.reshape(-1, 4).sum(0)
        average = word_usage(codon_usage(code, (composition + composition[::-1]) / (2 * composition.sum())))
        inside = self.inside + _AVERAGE * average
        background = coding.conditionals(self.outside, 30.0)
        learned = coding.without_stops(coding.conditionals(inside, _STRENGTH), code)[None]
        start, stop = codon_odds(genome, self.outside)
        used = self.stops[list(code.stops)] + 0.01 * self.stops.sum() + 1.0
        sites = self.sites
        if len(start_prior(code)) != len(sites.codon):
            sites = sites._replace(codon=np.log(start_prior(code)))
        return GeneModel(
            open_and(learned, background, code, weights), sites, start, np.log(used / used.sum()) - stop,
            durations.learn_lengths(np.empty(0, dtype=np.int64)), self.gaps, inside / inside.sum(1)[:, None], 0,
            random_frame(code, self.composition), self.outside / self.outside.sum(),
        )  # fmt: skip

    def likelihood(self, genome: Genome, weights: Weights) -> float:
        """Log likelihood of a genome: its background, and the best path against it."""
        background = log_background(genome.codes, self.log_background())
        return background + decode(genome, self.model(genome, weights), weights)[3]

    def log_background(self) -> Floats:
        """(4096,) log probability of the last letter of each word, between genes."""
        return np.log(coding.conditionals(self.outside, 30.0))


@cache
def pretrained() -> tuple[Pretrained, ...]:
    """The models that come with the package."""
    from safetensors.numpy import load_file

    arrays = load_file(FILE)
    names = sorted({key.partition("/")[0] for key in arrays})
    return tuple(Pretrained.from_arrays(name, arrays) for name in names)


def best_prior(genome: Genome, weights: Weights, priors: tuple[Pretrained, ...]) -> GeneModel:
    """The model of the genome that is most like this one, or would be if it were as rich in G and C."""
    adapted = adapted_priors(priors, genome.composition)
    return max(adapted, key=lambda prior: prior.likelihood(genome, weights)).model(genome, weights)


def adapted_priors(priors: tuple[Pretrained, ...], composition: Floats) -> Iterator[Pretrained]:
    """Each as it is, and on its way to a composition (4,) of letters."""
    return (prior.adapted(composition, step) for prior in priors for step in _STEPS)


def _letters(words: Floats) -> Floats:
    """(4,) share of each letter at the end of words."""
    return words.reshape(-1, 4).sum(0) / words.sum()


def _log_odds_of_gc(composition: Floats) -> float:
    return float(np.log((composition[1] + composition[2]) / (composition[0] + composition[3])))


def _with_more_gc(words: Floats, shift: Floats) -> Floats:
    """(n, 4096) as many words, the log odds of G and C moved by shift (n, 6), a letter each."""
    is_gc = np.array([0.0, 1.0, 1.0, 0.0])
    exponent = np.zeros((len(words), 1))
    for letter in range(WIDTH):
        exponent = (exponent[..., None] + shift[:, letter, None, None] * is_gc).reshape(len(words), -1)
    moved = words * np.exp(exponent)
    return moved * (words.sum(1) / moved.sum(1))[:, None]


@jit
def log_background(codes, log_p):
    """Log probability of the letters that have five known ones before them."""
    word, known, total = 0, 0, 0.0
    for p in range(codes.size):
        if codes[p] > 3:
            known = 0
            continue
        word = ((word << 2) | codes[p]) & (log_p.size - 1)
        known += 1
        if known >= WIDTH:
            total += log_p[word]
    return total
