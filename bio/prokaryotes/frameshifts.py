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

from .candidates import Genome
from .coding import Floats, codon_word
from .durations import LONG, OVERLAP
from .open_frames import BORDER, OpenFrames
from .scores import Weights, content_scores, mixed, total_score
from .training import GeneModel, in_codons

_LEAST = 8.0  # nats of content in either frame
_SHORTEST = 60  # bases of either part
_REACH = 600  # bases before the first frame's stop codon where the shift can lie
_BEHIND = 10.0  # how far a candidate may lag behind the best of its two frames


class Joined(NamedTuple):
    """Candidates in two frames, as spans of the gene graph."""

    strand: NDArray[np.int64]
    candidate: NDArray[np.int64]  # where it starts: a candidate of the first frame
    frame: NDArray[np.int64]  # in which it ends
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    kind: NDArray[np.int64]
    parts: NDArray[np.int64]  # (n, 2) end of the part on the left, and begin of that on the right
    score: Floats


def joined_frames(genome: Genome, strand: int, model: GeneModel, weights: Weights, rate: float) -> Joined:
    """Candidates of a strand that one shift repairs. rate: shifts a base"""
    frames, weights = genome.strands[strand], in_codons(weights, model)
    inside = np.empty(len(frames.begin))
    content_scores(frames, model.content, inside)
    columns, score, n = _joined(frames, genome.marks, model.content, inside, model.signals, weights, -math.log(rate))
    candidate, switch, resume, stop = columns[:, :n]
    begin, end = frames.begin[candidate].astype(np.int64), stop + 3
    if strand:
        begin, end, switch, resume = (len(genome) - place for place in (end, begin, resume, switch))
    kind = strand + np.where(end - begin > OVERLAP, LONG, 0)
    parts = np.stack([switch, resume], axis=1)
    return Joined(np.full(n, strand), candidate, _frames_of(frames, stop), begin, end, kind, parts, score[:n])


def _frames_of(frames: OpenFrames, stop: NDArray[np.int64]) -> NDArray[np.int64]:
    """The frames that end at these stop codons; those without a candidate get new numbers."""
    whole = np.flatnonzero(frames.stop_kind >= 0)
    whole = whole[np.argsort(frames.stop[whole])]
    at = np.searchsorted(frames.stop[whole], stop)
    new = len(frames.stop) + np.unique(stop, return_inverse=True)[1]
    known = np.append(whole, 0)[at]
    return np.where((at < len(whole)) & (frames.stop[known] == stop), known, new) if len(frames.stop) else new


@jit
def _joined(frames, marks, content, inside, signals, weights, cost):
    """Candidate, switch, resume and stop of each that is joined, as columns; their scores; and how many there are."""
    n, columns, score = 0, np.empty((4, 64), np.int64), np.empty(64)
    room = np.empty((4, content.table.shape[1]))
    for f in range(frames.stop.size):
        low, high = frames.first[f], frames.first[f + 1]
        if frames.stop_kind[f] < 0 or inside[low:high].max() < _LEAST:
            continue
        while n + 2 * (high - low) > score.size:
            columns, score = _doubled(columns, score)
        for shift in range(1, 3):
            stop, kind = _next_stop(frames.codes, marks, frames.stop[f] + shift)
            if stop - frames.stop[f] < _SHORTEST:
                continue
            switch = _best_switch(frames, marks, content, f, shift, stop, room)
            if switch >= 0:
                last = _join(frames, content, signals, weights, f, switch, shift, stop, kind, room, columns, score, n)
                score[n:last] -= cost
                n = _without_stragglers(columns, score, n, last)
    return columns, score, n


@jit
def _join(frames, content, signals, weights, f, switch, shift, stop, kind, room, columns, score, n):
    """Entries from n on for the starts of a frame that is left at `switch` for one that ends at `stop`; the number of all.

    room : its second row has the odds of the second frame's codons
    """
    run, work, outer, p = room[2], room[3], 0, switch - 3
    run[:] = room[1]
    for c in range(frames.first[f], frames.first[f + 1]):
        outer += frames.start[c] == 0
    for c in range(frames.first[f], frames.first[f + 1]):
        outer -= frames.start[c] == 0
        begin = frames.begin[c] + (3 if frames.start[c] >= 0 else 0)
        while p >= begin:
            _add(content.table, codon_word(frames.codes, p), run)
            p -= 3
        if frames.start[c] >= 0 and switch - begin >= _SHORTEST:
            n_codons, skipped = (stop - shift - frames.begin[c]) // 3 + 1, min(outer, weights.most_skipped)
            inside = mixed(content, run, work)
            score[n] = total_score(frames, c, n_codons, kind, inside, skipped, signals, weights)
            columns[0, n], columns[1, n], columns[2, n], columns[3, n] = c, switch, switch + shift, stop
            n += 1
    return n


@jit
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


@jit
def _best_switch(frames, marks, content, f, shift, stop, room):
    """Where the second frame should take over, -1 if it has too little to say; its odds from there on go to room[1].

    At each place the second frame has gained a codon and the first has lost one.
    """
    codes, table, head, tail, run = frames.codes, content.table, room[0], room[1], room[2]
    outermost = frames.begin[frames.first[f + 1] - 1]
    run[:] = 0.0
    p = frames.stop[f]
    for q in range(p + shift, stop, 3):
        _add(table, codon_word(codes, q), run)
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
        _add(table, codon_word(codes, p + shift), run)
        _add(table, codon_word(codes, p), head)
    return switch if best >= _LEAST else -1


@jit(inner=True)
def _add(table, word, run):
    if word >= 0:
        for k in range(run.size):
            run[k] += table[word, k]


@jit
def _doubled(columns, score):
    return np.concatenate((columns, np.empty_like(columns)), axis=1), np.concatenate((score, np.empty_like(score)))


@jit
def _without_stragglers(columns, score, first, n):
    """The number of entries left when those far behind the best from `first` on, or no better than nothing, are dropped."""
    best, kept = 0.0, first
    for i in range(first, n):
        best = max(best, score[i])
    for i in range(first, n):
        if score[i] > max(0.0, best - _BEHIND):
            columns[:, kept], score[kept] = columns[:, i], score[i]
            kept += 1
    return kept
