"""Scores of candidate genes, in nats, and the candidates that are worth keeping.

    log sum over classes of weight * exp(content)  +  start codon, motif and surroundings  +  stop codon  +  length

all against the background, less a cost for each ATG farther out that was passed over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq._jit import jit

from .gene_durations import Lengths
from .open_frames import BORDER, OpenFrames
from .start_sites import StartSites, motif_odds, surroundings

Floats = NDArray[np.float64]

_HOPELESS, _BEHIND = -8.0, 25.0  # content of a candidate alone; and how far it may lag behind its frame's best
_FRAME_HOPELESS = -2.0


class Weights(NamedTuple):
    """How much each part counts. What is not independent says less than it seems to: below 1."""

    content: float = 0.8
    surroundings: float = 0.8
    skipped: float = 1.0  # cost of each of up to `most_skipped` ATGs farther out
    most_skipped: int = 3
    least: float = 0.0  # candidates that score no more are dropped
    bonus: float = 0.0  # for every gene
    short: float = 0.0  # cost of each codon that a gene has less than `short_below`
    short_below: int = 50
    train_from: int = 0  # bases of the shortest gene that teaches content and starts


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
def content_scores(frames, marks, content, out, best):
    """out: (n_candidates,) mixed log odds of the codons behind the start codon; best: (n_frames,) of each frame.

    Walks as `open_frames` does, so that candidates come in the same order.
    """
    codes, n_classes = frames.codes, content.table.shape[1]
    run, work = np.zeros((3, n_classes)), np.empty(n_classes)
    best[:] = -np.inf
    n = 0
    for p in range(codes.size - 3, -1, -1):
        a, b, c = codes[p], codes[p + 1], codes[p + 2]
        f = p % 3
        at_border = a == BORDER or b == BORDER or c == BORDER
        mark = 0
        if not at_border:
            if a > 3 or b > 3 or c > 3:
                continue
            mark = marks[16 * a + 4 * b + c]
        at = p + 3 if at_border else p
        if n < out.size and frames.begin[n] == at and (frames.start[n] < 0) == at_border and (at_border or mark > 0):
            out[n] = mixed(content, run[f], work)
            best[frames.frame[n]] = max(best[frames.frame[n]], out[n])
            n += 1
        if at_border or mark < 0:
            for k in range(n_classes):
                run[f, k] = 0.0
        elif p >= 5:
            word, known = 0, True
            for q in range(p - 5, p + 3):
                known = known and codes[q] < 4
                word = (word << 2) | (codes[q] & 3)
            if known:
                for k in range(n_classes):
                    run[f, k] += content.table[word, k]


@jit
def total_scores(frames, content, best, signals, weights, out):
    """out: (n_candidates,) in all; minus infinity for what is not worth a look. Outer starts come last, so go backwards."""
    outer = np.zeros(best.size, np.int64)
    for c in range(out.size - 1, -1, -1):
        f, first = frames.frame[c], frames.start[c]
        skipped = min(outer[f], weights.most_skipped)
        if first == 0:
            outer[f] += 1
        out[c] = -np.inf
        if best[f] <= _FRAME_HOPELESS or content[c] <= max(best[f] - _BEHIND, _HOPELESS):
            continue
        has_stop = frames.stop_kind[f] >= 0
        n = min((frames.stop[f] - frames.begin[c]) // 3 + (1 if has_stop else 0), signals.whole.size - 1)
        score = content[c] + weights.bonus - weights.short * max(0, weights.short_below - n)
        if has_stop:
            score += signals.stop[frames.stop_kind[f]]
        if first >= 0:
            sites = signals.sites
            score += sites.codon[first] - signals.start[first] - weights.skipped * skipped
            score += np.log(motif_odds(sites, frames.codes, frames.begin[c]))
            score += weights.surroundings * surroundings(sites, frames.codes, frames.begin[c])
        if has_stop and first >= 0:
            score += signals.whole[n]
        elif has_stop or first >= 0:
            score += signals.cut[n]
        else:
            score += signals.both[n]
        if score > weights.least:
            out[c] = score


class Scored(NamedTuple):
    """Candidates of both strands that are worth a look."""

    strand: NDArray[np.int64]
    candidate: NDArray[np.int64]  # number within its strand
    score: Floats


def score_candidates(
    strands: tuple[OpenFrames, OpenFrames],
    marks: NDArray[np.int8],
    content: Content,
    signals: Signals,
    weights: Weights,
) -> Scored:
    found = []
    for frames in strands:
        inside, score, best = np.empty(len(frames.begin)), np.empty(len(frames.begin)), np.empty(len(frames.stop))
        content_scores(frames, marks, content, inside, best)
        total_scores(frames, inside, best, signals, weights, score)
        kept = np.flatnonzero(score > -np.inf)
        found.append((kept, score[kept]))
    return Scored(
        np.repeat([0, 1], [len(kept) for kept, _ in found]),
        np.concatenate([kept for kept, _ in found]),
        np.concatenate([score for _, score in found]),
    )
