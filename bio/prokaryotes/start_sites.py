"""Where genes start: start codon, a motif upstream with its distance, and what lies on either side.

The motif, a ribosome-binding site in most genomes, is learned by EM over motifs and distances (in the spirit of MEME,
Bailey and Elkan 1994, and of GeneMarkS-2's start models, Lomsadze et al., Genome Research 28, 2018). What else sets the
surroundings apart, promoters of leaderless genes or A-rich starts, is in first-order tables by position.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq._jit import jit

Floats = NDArray[np.float64]

UPSTREAM, DOWNSTREAM = 36, 45  # bases looked at
_MOTIF, _NEAREST, _N_SPACERS = 6, 3, 12  # width; shortest distance from motif to start codon, and how many distances
_SEEDS = ("AGGAGG", "GGAGGT")  # the end of 16S rRNA, reversed and complemented, at two shifts
_SEED_MATCH = 0.7
_NO_MOTIF = 0.5  # share of genes to begin with
_EM_ROUNDS = 10
_SEED_WEIGHT = 10.0  # genes that a motif's seed counts for
_SHRINK = 100.0  # genes that the letters' shares count for at each position
_PAIRS = 100.0  # and genes that these count for in each context
_BEFORE_START = 4  # positions next to the start codon that are not smoothed over their neighbours
_START_GENES = 20.0  # genes that the prior of start codons counts for


class StartSites(NamedTuple):
    """Log odds of the surroundings of a start, and of its codon."""

    codon: Floats  # (n_starts,)
    upstream: Floats  # (UPSTREAM, 5, 4) by position, letter before (4: unknown) and letter
    downstream: Floats  # (DOWNSTREAM, 5, 4)
    motif: Floats  # (n_motifs, _MOTIF, 4) probability of each letter
    place: Floats  # (n_motifs, _N_SPACERS)
    no_motif: float
    composition: Floats  # (UPSTREAM, 4) of letters, what a motif is compared with


@jit
def windows(codes, begin):
    """(n, UPSTREAM + DOWNSTREAM) letters before and after start codons, 4 for those that are not known."""
    out = np.full((begin.size, UPSTREAM + DOWNSTREAM), 4, np.uint8)
    for i in range(begin.size):
        for j in range(out.shape[1]):
            p = begin[i] - UPSTREAM + j + (3 if j >= UPSTREAM else 0)
            if 0 <= p < codes.size:
                out[i, j] = min(codes[p], 4)
    return out


@jit(inner=True)
def motif_ratio(sites, codes, begin, m, k):
    """How much likelier the letters are under motif m at spacer k than under the composition."""
    at = UPSTREAM - (_NEAREST + k) - _MOTIF
    ratio = 1.0
    for j in range(_MOTIF):
        p = begin - UPSTREAM + at + j
        if p >= 0 and codes[p] < 4:
            ratio *= sites.motif[m, j, codes[p]] / sites.composition[at + j, codes[p]]
    return ratio


@jit(inner=True)
def _row(table, codes, first):
    """Log odds of the letters from `first` on."""
    total, before = 0.0, 4
    for j in range(table.shape[0]):
        p = first + j
        letter = 4
        if 0 <= p < codes.size and codes[p] < 4:
            letter = codes[p]
            total += table[j, before, letter]
        before = letter
    return total


@jit(inner=True)
def motif_odds(sites, codes, begin):
    """Odds of the letters upstream, with or without a motif."""
    total = sites.no_motif
    for m in range(sites.place.shape[0]):
        for k in range(sites.place.shape[1]):
            total += sites.place[m, k] * motif_ratio(sites, codes, begin, m, k)
    return total


@jit(inner=True)
def surroundings(sites, codes, begin):
    """Log odds of what lies upstream and downstream of a start codon, the motif left out."""
    return _row(sites.upstream, codes, begin - UPSTREAM) + _row(sites.downstream, codes, begin + 3)


@jit
def _expect(sites, codes, begin, motif, place):
    """The E-step of the motifs; returns the expected number of starts without one."""
    without = 0.0
    ratio = np.empty(sites.place.shape)
    for i in range(begin.size):
        total = sites.no_motif
        for m in range(ratio.shape[0]):
            for k in range(ratio.shape[1]):
                ratio[m, k] = sites.place[m, k] * motif_ratio(sites, codes, begin[i], m, k)
                total += ratio[m, k]
        without += sites.no_motif / total
        for m in range(ratio.shape[0]):
            for k in range(ratio.shape[1]):
                share = ratio[m, k] / total
                place[m, k] += share
                first = begin[i] - _NEAREST - k - _MOTIF
                for j in range(_MOTIF):
                    if first + j >= 0 and codes[first + j] < 4:
                        motif[m, j, codes[first + j]] += share
    return without


def first_sites(prior: Floats, composition: Floats) -> StartSites:
    """Before any gene is known: the seeds of the motifs, and nothing about the rest.

    prior : (n_starts,) probability of each start codon
    composition : (4,) of letters between genes
    """
    letters = np.array([["ACGT".index(letter) for letter in seed] for seed in _SEEDS])
    motif = np.where(letters[..., None] == np.arange(4), _SEED_MATCH, (1 - _SEED_MATCH) / 3)
    place = np.full((len(_SEEDS), _N_SPACERS), (1 - _NO_MOTIF) / (len(_SEEDS) * _N_SPACERS))
    flat = np.zeros((2, max(UPSTREAM, DOWNSTREAM), 5, 4))
    return StartSites(
        np.log(prior), flat[0, :UPSTREAM].copy(), flat[1, :DOWNSTREAM].copy(), motif, place, _NO_MOTIF,
        np.tile(composition, (UPSTREAM, 1)),
    )  # fmt: skip


def learn_sites(
    sites: StartSites, strands: list[tuple], starts: Floats, prior: Floats, between: Floats, coding: Floats
) -> StartSites:
    """Re-estimated from the starts of genes.

    strands : (codes, positions of start codons) of each strand
    starts : (n_starts,) how often each start codon was used; prior: (n_starts,) what is expected
    between : (4, 4) letters after letters between genes; coding: (3, 4, 4) the same in genes by codon position
    """
    seen = np.concatenate([windows(codes, begin) for codes, begin in strands])
    alone = between.sum(0) / between.sum()
    in_codons = coding[np.arange(DOWNSTREAM) % 3]
    upstream, downstream = np.split(seen, [UPSTREAM], axis=1)
    share_up = _shares(upstream, np.tile(alone, (UPSTREAM, 1)))
    smooth = share_up.copy()
    for j in range(UPSTREAM - _BEFORE_START):
        smooth[j] = share_up[max(0, j - 2) : min(UPSTREAM - _BEFORE_START, j + 3)].mean(0)
    alone_down = in_codons.sum(1) / in_codons.sum((1, 2))[:, None]
    share_down = _shares(downstream, alone_down)
    sites = _learn_motifs(sites._replace(composition=smooth), strands, alone, len(seen))
    return sites._replace(
        codon=np.log((starts + _START_GENES * prior) / (len(seen) + _START_GENES)),
        upstream=_log_odds(upstream, smooth, np.tile(between, (UPSTREAM, 1, 1))),
        downstream=_log_odds(downstream, share_down, in_codons),
    )


def _learn_motifs(sites: StartSites, strands: list[tuple], alone: Floats, n: int) -> StartSites:
    letters = np.array([["ACGT".index(letter) for letter in seed] for seed in _SEEDS])
    seeds = np.where(letters[..., None] == np.arange(4), _SEED_MATCH, (1 - _SEED_MATCH) / 3)
    for _ in range(_EM_ROUNDS):
        motif, place, without = np.zeros_like(sites.motif), np.zeros_like(sites.place), 0.0
        for codes, begin in strands:
            without += _expect(sites, codes, begin, motif, place)
        motif += 2.0 * alone + _SEED_WEIGHT * seeds
        beside = np.pad(place, ((0, 0), (1, 1)), mode="edge")
        place = 0.25 * beside[:, :-2] + 0.5 * place + 0.25 * beside[:, 2:] + 0.1
        total = place.sum() + without + 1.0
        sites = sites._replace(
            motif=motif / motif.sum(-1, keepdims=True), place=place / total, no_motif=(without + 1.0) / total
        )
    return sites


def _shares(letters: NDArray[np.uint8], prior: Floats) -> Floats:
    """(n_positions, 4) share of each letter, towards the prior."""
    counts = np.stack([(letters == b).sum(0) for b in range(4)], axis=1)
    shares = counts + _SHRINK * prior
    return shares / shares.sum(1, keepdims=True)


def _log_odds(letters: NDArray[np.uint8], shares: Floats, null: Floats) -> Floats:
    """(n_positions, 5, 4) log odds of a letter after another. null: (n_positions, 4, 4) counts or joint probabilities."""
    out = np.empty((letters.shape[1], 5, 4))
    alone = null.sum(1) / null.sum((1, 2))[:, None]
    out[:, 4] = np.log(shares) - np.log(alone)
    out[0, :4] = out[0, 4]
    after = null / null.sum(2, keepdims=True)
    for j in range(1, letters.shape[1]):
        known = (letters[:, j - 1] < 4) & (letters[:, j] < 4)
        pairs = np.bincount(letters[known, j - 1] * 4 + letters[known, j], minlength=16).reshape(4, 4)
        p = (pairs + _PAIRS * shares[j]) / (pairs.sum(1, keepdims=True) + _PAIRS)
        out[j, :4] = np.log(p) - np.log(after[j])
    return out
