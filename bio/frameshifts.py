"""Genes whose frame shifts once, where a sequencing error has put in a base or left one out.

Two open frames of one strand are joined where the second explains the bases from there on best: the sum of both contents,
less what a shift costs. The joined candidates compete with all others on the same lattice.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmseq._jit import jit

from .coding import Floats, codon_word
from .gene_candidates import Genome
from .gene_durations import LONG, OVERLAP
from .gene_scores import Weights, mixed, total_score
from .gene_training import GeneModel
from .open_frames import BORDER

_LEAST = 8.0  # nats of content in either frame
_SHORTEST = 60  # bases of either part
_REACH = 600  # bases before the first frame's stop codon where the shift can lie
_BEHIND = 10.0  # how far a candidate may lag behind the best of its two frames


class Joined(NamedTuple):
    """Candidates in two frames of one strand, read in its own direction."""

    candidate: NDArray[np.int64]  # where it begins: a candidate of the first frame
    switch: NDArray[np.int64]  # base after the first part
    resume: NDArray[np.int64]  # first base of the second
    stop: NDArray[np.int64]  # base after its last sense codon
    score: Floats

    def of_both(self, other: Joined) -> Joined:
        return Joined(*(np.concatenate(pair) for pair in zip(self, other)))


def joined_frames(
    genome: Genome, strand: int, model: GeneModel, weights: Weights, rate: float, inside: Floats
) -> Joined:
    """Candidates of a strand that one shift repairs. rate: shifts a base; inside: (n_candidates,) their contents"""
    columns, score, n = _joined(
        genome.strands[strand], genome.marks, model.content, inside, model.signals, weights, -math.log(rate)
    )
    return Joined(*columns[:, :n], score[:n])


def places(genome: Genome, strand: int, joined: Joined) -> tuple[NDArray[np.int64], ...]:
    """Begin, end and kind of the spans, and where their parts end and begin, on the forward strand."""
    begin, end = genome.strands[strand].begin[joined.candidate].astype(np.int64), joined.stop + 3
    left, right = joined.switch, joined.resume
    if strand:
        begin, end, left, right = (len(genome) - place for place in (end, begin, right, left))
    return begin, end, strand + np.where(end - begin > OVERLAP, LONG, 0), np.stack([left, right], axis=1)


@jit
def _joined(frames, marks, content, inside, signals, weights, cost):
    n, n_classes = 0, content.table.shape[1]
    columns, score = np.empty((4, 64), np.int64), np.empty(64)
    head, tail, run, work = np.empty(n_classes), np.empty(n_classes), np.empty(n_classes), np.empty(n_classes)
    for f in range(frames.stop.size):
        low, high = frames.first[f], frames.first[f + 1]
        if frames.stop_kind[f] < 0 or inside[low:high].max() < _LEAST:
            continue
        for shift in range(1, 3):
            stop, kind = _next_stop(frames.codes, marks, frames.stop[f] + shift)
            if stop - frames.stop[f] < _SHORTEST:
                continue
            switch = _best_switch(frames, marks, content, f, shift, stop, tail, head, run)
            if switch < 0:
                continue
            outer, first = 0, n
            for c in range(low, high):
                outer += frames.start[c] == 0
            run[:] = tail
            p = switch - 3
            for c in range(low, high):
                outer -= frames.start[c] == 0
                begin = frames.begin[c] + (3 if frames.start[c] >= 0 else 0)
                while p >= begin:
                    _add(content.table, codon_word(frames.codes, p), 1.0, run)
                    p -= 3
                if frames.start[c] < 0 or switch - begin < _SHORTEST:
                    continue
                n_codons = (switch - frames.begin[c] + stop - switch) // 3 + 1
                value = total_score(
                    frames,
                    c,
                    n_codons,
                    kind,
                    mixed(content, run, work),
                    min(outer, weights.most_skipped),
                    signals,
                    weights,
                )
                if n == score.size:
                    columns, score = _doubled(columns, score)
                columns[0, n], columns[1, n], columns[2, n], columns[3, n] = c, switch, switch + shift, stop
                score[n] = value - cost
                n += 1
            n = _without_stragglers(columns, score, first, n)
    return columns, score, n


@jit(inner=True)
def _next_stop(codes, marks, p):
    """The first stop codon at p, p + 3, ...: where, and which; -1 where a border comes first."""
    while p + 2 < codes.size:
        a, b, c = codes[p], codes[p + 1], codes[p + 2]
        if a == BORDER or b == BORDER or c == BORDER:
            return -1, 0
        if a < 4 and b < 4 and c < 4 and marks[16 * a + 4 * b + c] < 0:
            return p, -marks[16 * a + 4 * b + c] - 1
        p += 3
    return -1, 0


@jit(inner=True)
def _best_switch(frames, marks, content, f, shift, stop, tail, head, run):
    """Where the second frame should take over, -1 if it has too little to say; tail: its odds from there on.

    head, run: room to work. At each place the second frame has gained a codon and the first has lost one.
    """
    codes, table = frames.codes, content.table
    outermost = frames.begin[frames.first[f + 1] - 1]
    run[:] = 0.0
    p = frames.stop[f]
    for q in range(p + shift, stop, 3):
        _add(table, codon_word(codes, q), 1.0, run)
    head[:] = 0.0
    best, switch, lowest = -np.inf, -1, max(outermost + _SHORTEST, p - _REACH)
    while p >= lowest:
        gain = (run - head).max()
        if gain > best:
            best, switch = gain, p
            tail[:] = run
        p -= 3
        a, b, c = codes[p + shift], codes[p + shift + 1], codes[p + shift + 2]
        if a > 3 or b > 3 or c > 3 or marks[16 * a + 4 * b + c] < 0:
            break
        _add(table, codon_word(codes, p + shift), 1.0, run)
        _add(table, codon_word(codes, p), 1.0, head)
    return switch if best >= _LEAST else -1


@jit(inner=True)
def _add(table, word, sign, run):
    if word >= 0:
        for k in range(run.size):
            run[k] += sign * table[word, k]


@jit
def _doubled(columns, score):
    return np.concatenate((columns, np.empty_like(columns)), axis=1), np.concatenate((score, np.empty_like(score)))


@jit(inner=True)
def _without_stragglers(columns, score, first, n):
    """The number of entries left when those far behind the best from `first` on, or no better than nothing, are dropped."""
    best, kept = 0.0, first
    for i in range(first, n):
        best = max(best, score[i])
    for i in range(first, n):
        if score[i] > max(0.0, best - _BEHIND):
            columns[:, kept] = columns[:, i]
            score[kept] = score[i]
            kept += 1
    return kept
