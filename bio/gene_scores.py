"""Scores of words that follow from what genes are made of: log odds against the background."""

from __future__ import annotations

import numpy as np

from .gene_graph import BOTH, CLOSE, CONVERGE, FORWARD, OPEN, REVERSE, GeneGraph
from .gene_model import OTHER_CODON, OTHER_STRAND, Usage, last_position
from .genetic_code import GeneticCode
from .words import LENGTH, N_WORDS, NUMBER, Floats, conditionals, log_joint, without_last

# A context seen n times weighs n / (n + strength) against the next shorter one.
_CODING_STRENGTH, _BACKGROUND_STRENGTH = 1000.0, 100.0

# Neighbouring words share what they say. With this exponent on the odds of coding words, 3'-end F1 of M. genitalium is
# 1.5 points higher; 0.7 and 0.6 do as well there, and lose 0.1 and 0.2 points on Chlamydia.
_TEMPER = 0.8


def score_table(graph: GeneGraph, usage: Usage, code: GeneticCode) -> Floats:
    """(N_WORDS, n_labels) log odds of each symbol's last letter (for codons: last letters) against the background."""
    background = np.log(conditionals(usage.background, _BACKGROUND_STRENGTH))
    table = np.zeros((N_WORDS, graph.graph.n_labels))
    for k, position in np.ndindex(graph.n_classes, 3):
        forward, reverse = graph.coding_labels[:, k, position]
        own, other = usage.coding[k, position], usage.coding[k, last_position(position), OTHER_STRAND]
        table[:, forward] = _coding_scores(own, background, _chosen(code.stops), position)
        table[:, reverse] = _coding_scores(other, background, _chosen(code.stops)[OTHER_CODON], position)
    joint = log_joint(background)
    for label, motif in motifs(usage).items():
        table[:, label] = _motif_scores(motif, joint)
    return table


def _coding_scores(words: Floats, background: Floats, stops: np.ndarray, position: int) -> Floats:
    probability = conditionals(words, _CODING_STRENGTH)
    if position == 2:
        probability = _without(probability, stops)
    with np.errstate(divide="ignore"):
        return _TEMPER * (np.log(probability) - background)


def _chosen(codons: tuple[int, ...]) -> np.ndarray:
    chosen = np.zeros(64, bool)
    chosen[list(codons)] = True
    return chosen


def _without(conditional: Floats, stop: np.ndarray) -> Floats:
    """Conditional probabilities where no word may end with a stop codon."""
    allowed = np.where((LENGTH >= 3) & stop[NUMBER % 64], 0.0, conditional)
    by_context = allowed[1:].reshape(-1, 4)
    return np.concatenate([[1.0], (by_context / by_context.sum(axis=1, keepdims=True)).ravel()])


def motifs(usage: Usage) -> dict[int, Floats]:
    """Probability of the letters (4**width,) that each codon label reads: one codon, or two that share two letters."""
    start, stop = usage.starts, usage.stops
    back_start, back_stop = start[OTHER_CODON], stop[OTHER_CODON]
    found = {
        OPEN[FORWARD]: start,
        OPEN[REVERSE]: back_stop,
        CLOSE[FORWARD]: stop,
        CLOSE[REVERSE]: back_start,
        BOTH[FORWARD]: _overlapping(start, stop),
        BOTH[REVERSE]: _overlapping(back_stop, back_start),
        CONVERGE: _overlapping(back_stop, stop),
    }
    return {label: weights / max(weights.sum(), 1e-300) for label, weights in found.items()}


def _overlapping(first: Floats, second: Floats) -> Floats:
    """(256,) weight of four letters that begin with a codon of `first` and end with one of `second`."""
    letters = np.arange(256)
    return first[letters >> 2] * second[letters & 63]


def _motif_scores(motif: Floats, joint: Floats) -> Floats:
    """(N_WORDS,) log odds that the letters up to here are a motif; letters of it that are unknown are summed over."""
    width = (len(motif).bit_length() - 1) // 2
    known = np.minimum(LENGTH, width)
    likelihood = np.ones(N_WORDS)
    for letters in range(1, width + 1):
        suffix = motif.reshape(-1, 4**letters).sum(axis=0)
        own = known == letters
        likelihood[own] = suffix[NUMBER[own] % 4**letters]
    with np.errstate(divide="ignore"):
        return np.where(known > 0, np.log(likelihood) - (joint - joint[without_last(width)]), 0.0)
