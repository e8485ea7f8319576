"""Gene models of some genomes, for sequences that are too short to learn from.

Each was learned by `GeneFinder` from the sequence of one genome, without annotation, and is kept as counts, so that it
serves any genetic code. `python -m benchmarks.pretrain` makes the file and says which genomes are in it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from hmmseq._jit import jit

from . import coding, durations
from .average_protein import codon_usage, word_usage
from .candidates import Genome
from .coding import WIDTH
from .scores import Weights
from .start_sites import StartSites
from .training import GeneModel, codon_odds, decode, open_and, start_prior

Floats = NDArray[np.float64]

FILE = Path(__file__).parent.parent / "data" / "prokaryotes.safetensors"
_ROOM = 30_000.0  # the largest count, so that half precision holds it
_AVERAGE = 2_000.0  # words of average protein, for codons that the genome's own code does not have
_STRENGTH = (30.0, 30.0, 100.0, 1000.0, 1000.0, 1000.0)


class Pretrained(NamedTuple):
    """What one genome has taught, whatever the genetic code."""

    name: str
    inside: Floats  # (3, 4096) words in genes by codon position
    outside: Floats  # (4096,) words elsewhere
    sites: StartSites  # of ATG, GTG and TTG
    stops: Floats  # (64,) how often each codon ended a gene
    gaps: durations.GapSizes

    def arrays(self) -> dict[str, NDArray[np.float16]]:
        parts = {"inside": self.inside, "outside": self.outside, "stops": self.stops}
        parts |= {f"sites.{key}": np.atleast_1d(part) for key, part in self.sites._asdict().items()}
        parts |= {f"gaps.{key}": np.log(part) for key, part in self.gaps._asdict().items()}
        for key in ("inside", "outside"):
            parts[key] = parts[key] * min(1.0, _ROOM / parts[key].max())
        return {f"{self.name}/{key}": np.ascontiguousarray(part, dtype=np.float16) for key, part in parts.items()}

    @classmethod
    def from_arrays(cls, name: str, arrays: dict[str, NDArray[np.float16]]) -> Pretrained:
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
            durations.learn_lengths(np.empty(0, dtype=np.int64)), self.gaps, inside / inside.sum(1)[:, None], 0, True,
        )  # fmt: skip

    def likelihood(self, genome: Genome, weights: Weights) -> float:
        """Log likelihood of a genome: its background, and the best path against it."""
        background = np.log(coding.conditionals(self.outside, 30.0))
        return log_background(genome.codes, background) + decode(genome, self.model(genome, weights), weights)[3]


@cache
def pretrained() -> tuple[Pretrained, ...]:
    """The models that come with the package."""
    arrays = load_file(FILE)
    names = sorted({key.partition("/")[0] for key in arrays})
    return tuple(Pretrained.from_arrays(name, arrays) for name in names)


def best_prior(genome: Genome, weights: Weights, priors: tuple[Pretrained, ...]) -> GeneModel:
    """The model of the genome that is most like this one."""
    return max(priors, key=lambda prior: prior.likelihood(genome, weights)).model(genome, weights)


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
