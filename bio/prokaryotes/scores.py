"""Scores of candidate genes, in nats, and the candidates that are worth keeping.

    log sum over classes of weight * exp(content)  +  start codon, motif and surroundings  +  stop codon  +  length

all against the background, less a cost for each ATG farther out that was passed over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq._jit import jit
from hmmseq.shares import Share, run

from .coding import codon_before
from .durations import Lengths
from .open_frames import OpenFrames
from .start_sites import StartSites, motif_odds, surroundings

Floats = NDArray[np.float64]

_HOPELESS, _FRAME_HOPELESS = -8.0, -2.0  # content of a candidate alone, and of the best of a frame
_BEHIND, _NEIGHBOURS = 25.0, 600  # how far it may lag behind others: those inside it, and so many bases farther out


class Weights(NamedTuple):
    """How much each part counts. What is not independent says less than it seems to: below 1.

    Chosen on the five genomes of `benchmarks.genes`; `python -m benchmarks.gene_settings` leaves each of them out.
    """

    content: float = 0.8
    surroundings: float = 0.8
    skipped: float = 1.0  # cost of each of up to `most_skipped` ATGs farther out
    most_skipped: int = 3
    least: float = 0.0  # candidates that score no more are dropped
    bonus: float = 1.75  # for every gene
    short: float = 0.1  # cost of each codon that a gene has less than `short_below`
    short_below: float = 2.8  # in open frames of random letters of such a genome, see `training.random_frame`
    train_from: int = 300  # bases of the shortest gene that teaches content and starts


class Content(NamedTuple):
    """What genes are made of, as log odds against the background."""

    table: NDArray[np.float32]  # (65536, n_classes) of a codon, see `coding.codon_table`
    temper: Floats  # (n_classes,) how much each class's odds count
    log_weight: Floats  # (n_classes,)


class Signals(NamedTuple):
    """The rest of a gene."""

    sites: StartSites
    start: Floats  # (n_starts,) log probability of each start codon's letters in the background
    stop: Floats  # (n_stops,) log odds of each stop codon
    whole: Floats  # log weight of each number of codons, stop codon included
    cut: Floats
    both: Floats


def with_lengths(sites: StartSites, start: Floats, stop: Floats, lengths: Lengths) -> Signals:
    """Signals of genes that are as long as these."""
    return Signals(sites, start, stop, lengths.whole, lengths.cut, lengths.both)


@jit(inner=True)
def mixed(content, run, work):
    """log sum_k weight_k exp(temper_k * run_k)."""
    top = -np.inf
    for k in range(run.size):
        work[k] = content.temper[k] * run[k] + content.log_weight[k]
        top = max(top, work[k])
    total = 0.0
    for k in range(run.size):
        total += np.exp(work[k] - top)
    return top + np.log(total)


@jit
def content_scores(frames, content, out):
    """out: (n_candidates,) mixed log odds of the codons between start and stop codon."""
    codes, n_classes = frames.codes, content.table.shape[1]
    run, work = np.empty(n_classes), np.empty(n_classes)
    for f in range(frames.stop.size):
        for k in range(n_classes):
            run[k] = 0.0
        p, word = frames.stop[f] - 3, -1
        for c in range(frames.first[f], frames.first[f + 1]):
            at = frames.begin[c] + (3 if frames.start[c] >= 0 else 0)
            while p >= at:
                word = codon_before(codes, p, word)
                if word >= 0:
                    for k in range(n_classes):
                        run[k] += content.table[word, k]
                p -= 3
            out[c] = mixed(content, run, work)


@jit
def total_scores(frames, content, signals, weights, out):
    """out: (n_candidates,) in all; minus infinity for what is not worth a look."""
    for f in range(frames.stop.size):
        low, high, outer = frames.first[f], frames.first[f + 1], 0
        best, inside = -np.inf, -np.inf
        for c in range(low, high):
            best = max(best, content[c])
            outer += frames.start[c] == 0
        for c in range(low, high):
            outer -= frames.start[c] == 0
            inside = max(inside, content[c])
            out[c] = -np.inf
            if best > _FRAME_HOPELESS and content[c] > _HOPELESS and not _is_behind(frames, content, c, high, inside):
                skipped = min(outer, weights.most_skipped)
                kind = frames.stop_kind[f]
                n = (frames.stop[f] - frames.begin[c]) // 3 + (1 if kind >= 0 else 0)
                score = total_score(frames, c, n, kind, content[c], skipped, signals, weights)
                if score > weights.least:
                    out[c] = score


@jit(inner=True)
def _is_behind(frames, content, c, high, inside):
    """Whether a path would rather take another candidate of the frame, which hardly reaches farther out, or not as far.

    The best of a frame is no measure: opposite a gene a frame can stay open, and look good, far beyond its own gene.
    """
    best = inside
    for other in range(c + 1, high):
        if frames.begin[other] < frames.begin[c] - _NEIGHBOURS:
            break
        best = max(best, content[other])
    return content[c] < best - _BEHIND


@jit(inner=True)
def total_score(frames, c, n, kind, content, skipped, signals, weights):
    """Score of one candidate of n codons.

    kind : which stop codon, or CUT; skipped : start codons of the first kind that lie farther out
    """
    first, n = frames.start[c], min(n, signals.whole.size - 1)
    score = content + weights.bonus - weights.short * max(0, weights.short_below - n)
    if kind >= 0:
        score += signals.stop[kind]
    if first >= 0:
        sites = signals.sites
        score += sites.codon[first] - signals.start[first] - weights.skipped * skipped
        score += np.log(motif_odds(sites, frames.codes, frames.begin[c]))
        score += weights.surroundings * surroundings(sites, frames.codes, frames.begin[c])
    if kind >= 0 and first >= 0:
        return score + signals.whole[n]
    return score + (signals.cut[n] if kind >= 0 or first >= 0 else signals.both[n])


class Scored(NamedTuple):
    """Candidates of both strands that are worth a look."""

    strand: NDArray[np.int64]
    candidate: NDArray[np.int64]  # number within its strand
    score: Floats


def score_candidates(
    strands: tuple[OpenFrames, OpenFrames],
    content: Content,
    signals: Signals,
    weights: Weights,
    n_jobs: int | None = None,
) -> Scored:
    """The candidates of both strands that may be genes, with their scores."""
    found: list[tuple[NDArray[np.int64], Floats]] = [(np.empty(0, np.int64), np.empty(0))] * len(strands)

    def work(share: Share) -> None:
        frames = strands[share.number]
        inside, score = np.empty((2, len(frames.begin)))
        content_scores(frames, content, inside)
        total_scores(frames, inside, signals, weights, score)
        kept = np.flatnonzero(score > -np.inf)
        found[share.number] = kept, score[kept]

    run(work, [Share(s, s, s + 1) for s in range(len(strands))], n_jobs)
    return Scored(
        np.repeat([0, 1], [len(kept) for kept, _ in found]),
        np.concatenate([kept for kept, _ in found]),
        np.concatenate([score for _, score in found]),
    )
