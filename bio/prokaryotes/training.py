"""Training without labels: from average proteins to the genome's own genes, round by round.

The first genes are those that look like any protein at some GC content. Each round scores all candidates, takes the best
path through them, and learns everything from the genes on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hmmseq import spans as lattice  # spans alone; the kernels of all the others take memory
from hmmseq.span_graph import Spans

from ..genetic_code import GeneticCode
from . import coding, durations
from .average_protein import codon_usage, tilted, word_usage
from .candidates import BORDER_SCORE, Chosen, Genome
from .coding import N_WORDS, Floats
from .durations import GapSizes, Lengths, SpanGraph
from .open_frames import CUT, OpenFrames, start_codons
from .scores import Content, Scored, Signals, Weights, score_candidates, with_lengths
from .start_sites import StartSites, first_sites, learn_sites

TILTS = (-1.0, -0.5, 0.0, 0.5, 1.0)  # GC content of synonymous codons, on the logit scale, beside the genome's own
N_CLASSES = 3
_SPLIT = (0.2, 0.85)  # quantiles of content a codon that part the classes at first
_OPEN_CLASS = 0.03  # share of genes that are open and nothing else, to begin with
_LEAST_SHARE = 0.01
_CODING_STRENGTH = (30.0, 30.0, 100.0, 1000.0, 1000.0, 1000.0)  # of back-off, in words, by order
_BACKGROUND_STRENGTH, _SEED_STRENGTH = 30.0, 30.0
_PROTEIN, _GENOME = 2000.0, 20000.0  # words of average protein, or of a genome that is alike
_POOL, _WHOLE = (
    10000.0,
    2000.0,
)  # words of all classes, of the whole genome (or of what lies between genes of a like one)
_ENOUGH_STARTS = 300  # to learn start sites where those of a like genome are known
_SEED_LENGTH = 500  # bases of the shortest gene of the first round to learn from


@dataclass(frozen=True)
class GeneModel:
    """Everything that is learned."""

    content: Content
    sites: StartSites
    start: Floats
    stop: Floats
    lengths: Lengths
    gaps: GapSizes
    protein: Floats  # (3, 4096) words of proteins like these, by codon position
    n_learned: int  # classes of genes; those after them are fixed
    random_frame: float  # see `random_frame`
    between: Floats | None = None  # (4096,) share of each word between genes, if words and start sites are of a genome

    @property
    def from_genome(self) -> bool:
        """Whether words and start sites were learned from a genome."""
        return self.between is not None

    @cached_property
    def graph(self) -> SpanGraph:
        """Genes and the gaps between them."""
        return durations.gene_graph(self.lengths, self.gaps)

    @cached_property
    def signals(self) -> Signals:
        """Scores of start sites, stops and lengths, as kernels read them."""
        return with_lengths(self.sites, self.start, self.stop, self.lengths)


def candidates(genome: Genome, model: GeneModel, weights: Weights) -> tuple[Scored, Spans]:
    """Candidates worth a look, also as spans, with the borders behind them."""
    scored = score_candidates(genome.strands, model.content, model.signals, in_codons(weights, model), genome.n_jobs)
    return scored, genome.spans(scored)


def in_codons(weights: Weights, model: GeneModel) -> Weights:
    """Weights as kernels take them: how short is short in codons."""
    return weights._replace(short_below=weights.short_below * model.random_frame)


def random_frame(code: GeneticCode, composition: Floats) -> float:
    """Mean number of codons of an open frame in random letters of this composition: stop codons are rich in A and T.

    What is short for a gene follows from it: of 50 codons chance makes many more in a genome rich in G and C.
    """
    stops = np.array(code.stops)
    return float(1.0 / composition[[stops // 16, stops // 4 % 4, stops % 4]].prod(0).sum())


def decode(genome: Genome, model: GeneModel, weights: Weights) -> tuple[Scored, Spans, Chosen, float]:
    """Candidates, as spans, the genes of the best path, and its score."""
    scored, spans = candidates(genome, model, weights)
    path = lattice.best_path(model.graph, spans, None)
    genes = path.spans[path.spans < len(scored.score)]
    chosen = Chosen(
        scored.strand[genes], scored.candidate[genes], spans.begin[genes], spans.end[genes], spans.kind[genes]
    )
    return scored, spans, chosen, path.score - BORDER_SCORE * len(genome.borders)


def first_model(genome: Genome, weights: Weights) -> GeneModel:
    """Average proteins at several GC contents, against the words of the whole genome."""
    code, composition = genome.code, genome.composition
    proteins = [codon_usage(code, tilted(composition, shift)) for shift in TILTS]
    classes = np.stack([coding.independent_codons(usage) for usage in proteins])
    background = coding.conditionals(_first_order(genome.words), _SEED_STRENGTH)
    content = _content(classes, background, np.full(len(TILTS), 1.0), np.full(len(TILTS), weights.content))
    start, stop = codon_odds(genome, genome.words)
    lengths = durations.learn_lengths(np.empty(0, dtype=np.int64))
    sites = first_sites(start_prior(code), composition)
    return GeneModel(
        content, sites, start, np.full(len(stop), 3.0), lengths, durations.first_gaps(), word_usage(proteins[2]), 0,
        random_frame(code, composition),
    )  # fmt: skip


def start_prior(code: GeneticCode) -> Floats:
    """Share of each start codon before any is seen: ATG mostly."""
    usual = {14: 0.8, 46: 0.12, 62: 0.08}
    prior = np.array([usual.get(codon, 0.02) for codon in start_codons(code)])
    return prior / prior.sum()


def codon_odds(genome: Genome, words: Floats) -> tuple[Floats, Floats]:
    """Log probability of each start codon, and of each stop codon, among the words of a background."""
    three = words.reshape(64, 64).sum(0) + 1e-3
    log_p = np.log(three / three.sum())
    return log_p[list(start_codons(genome.code))], log_p[list(genome.code.stops)]


def _first_order(words: Floats) -> Floats:
    """Counts of words as a first-order chain would have them."""
    pairs = words.reshape(-1, 4, 4).sum(0) + 1.0
    after = pairs / pairs.sum(1, keepdims=True)
    joint = pairs / pairs.sum()
    for _ in range(coding.WIDTH - 2):
        joint = joint[..., None] * after
    return joint.ravel() * words.sum()


def _content(classes: Floats, background: Floats, weight: Floats, temper: Floats) -> Content:
    share = np.maximum(weight / max(weight.sum(), 1e-300), _LEAST_SHARE)
    return Content(coding.codon_table(classes, background), temper, np.log(share / share.sum()))


def seeds(genome: Genome, model: GeneModel, chosen: Chosen) -> tuple[Chosen, Floats]:
    """Long genes of the first round, extended to their outermost start; and the protein whose GC content suits them."""
    long = chosen.where(chosen.end - chosen.begin >= _SEED_LENGTH)
    raw = class_odds(genome, model, long)
    best = TILTS[int(raw.sum(0).argmax())] if len(raw) else 0.0
    protein = word_usage(codon_usage(genome.code, tilted(genome.composition, best)))
    candidate = long.candidate.copy()
    for s, frames in enumerate(genome.strands):
        own = long.strand == s
        candidate[own] = frames.first[frames.frame[candidate[own]] + 1] - 1
    scored = Scored(long.strand, candidate, np.zeros(len(candidate)))
    order = np.argsort(scored.strand, kind="stable")
    sorted_ = Scored(scored.strand[order], scored.candidate[order], scored.score)
    spans = genome.spans(sorted_)
    n = len(order)
    out = Chosen(sorted_.strand, sorted_.candidate, spans.begin[:n], spans.end[:n], spans.kind[:n])
    back = np.argsort(out.begin, kind="stable")
    return out.where(back), protein


def class_odds(genome: Genome, model: GeneModel, chosen: Chosen) -> Floats:
    """(n_genes, n_classes) log odds of the codons of each gene."""
    out = np.zeros((len(chosen.strand), model.content.table.shape[1]))
    for s, frames in enumerate(genome.strands):
        candidate = chosen.of_strand(s)
        own = np.zeros((len(candidate), out.shape[1]))
        coding.class_scores(
            frames.codes, sense(frames, candidate), stops_of(frames, candidate), model.content.table, own
        )
        out[chosen.strand == s] = own
    return out


def sense(frames: OpenFrames, candidate: NDArray[np.int64]) -> NDArray[np.int64]:
    """First base behind the start codon."""
    return frames.begin[candidate].astype(np.int64) + np.where(frames.start[candidate] == CUT, 0, 3)


def stops_of(frames: OpenFrames, candidate: NDArray[np.int64]) -> NDArray[np.int64]:
    """Base after the last sense codon."""
    return frames.stop[frames.frame[candidate]].astype(np.int64)


def responsibilities(genome: Genome, model: GeneModel, chosen: Chosen) -> Floats:
    """(n_genes, n_classes) share of each class in each gene."""
    raw, content = class_odds(genome, model, chosen), model.content
    if model.n_learned == 0:
        return np.ones((len(raw), 1))
    log_p = raw * content.temper + content.log_weight
    share = np.exp(log_p - log_p.max(1, keepdims=True)) if len(raw) else log_p
    share /= share.sum(1, keepdims=True)
    if model.n_learned > 1:
        return share
    per_codon = raw[:, 0] / (chosen.end - chosen.begin)
    rank = np.argsort(np.argsort(per_codon, kind="stable")) / max(len(raw), 1)
    own = np.searchsorted(_SPLIT, rank, side="right")
    first = (0.9 * np.eye(N_CLASSES)[own] + 0.1 / N_CLASSES) * share[:, :1]
    return np.column_stack([first, share[:, 1:]])


def train(
    genome: Genome, weights: Weights, n_rounds: int, say: Callable[[str], None], prior: GeneModel | None = None
) -> tuple[GeneModel, list[float]]:
    """The model after so many rounds, and the score a base of the best path of each round but the last.

    Where genes explain the sequence no better than none after the first round, there are none to learn from: going on would
    make genes of what open frames chance has left. What training began with is the model then.

    prior : what to begin with; default: average proteins
    """
    beginning, history = prior or first_model(genome, weights), list[float]()
    model = beginning
    _, _, chosen, _ = decode(genome, model, weights)
    if prior is None:
        chosen, protein = seeds(genome, model, chosen)
        model = replace(model, protein=protein)
    for number in range(n_rounds):
        model = learn(genome, model, chosen, weights)
        if number + 1 < n_rounds:
            _, _, chosen, score = decode(genome, model, weights)
            history.append(score / len(genome))
            say(f"round {number + 1} of {n_rounds}: {len(chosen.strand)} genes, {history[-1]:.4f} nats a base")
        if history and history[0] <= 0:
            return beginning, history
    return model, history


def learn_content(
    genome: Genome,
    chosen: Chosen,
    everything: Chosen,
    share: Floats,
    model: GeneModel,
    weights: Weights,
    n_learned: int,
) -> tuple[Content, Floats, Floats]:
    """Content from genes; and the words of the background and of all genes (3, 4096)."""
    counts, taken = np.zeros((n_learned, 3, N_WORDS)), np.zeros(len(genome), dtype=np.bool_)
    coding.mark_taken(taken, everything.begin, everything.end)
    background = coding.background_words(genome.codes, taken)
    for s, frames in enumerate(genome.strands):
        own = chosen.of_strand(s)
        weight = np.ascontiguousarray(share[chosen.strand == s, :n_learned])
        coding.count_coding(frames.codes, sense(frames, own), stops_of(frames, own), weight, counts)
    pool = counts.sum(0) + (_GENOME if model.from_genome else _PROTEIN) * model.protein
    counts += _POOL * pool / pool[2].sum()
    if model.between is None:
        background += _WHOLE * _first_order(genome.words) / max(genome.words.sum(), 1.0)
    else:
        background += _WHOLE * model.between
    null = coding.conditionals(background, _BACKGROUND_STRENGTH)
    learned = coding.without_stops(coding.conditionals(counts, _CODING_STRENGTH), genome.code)
    weight = share.sum(0)
    if len(weight) == n_learned:
        weight = np.append(weight / max(weight.sum(), 1.0) * (1 - _OPEN_CLASS), _OPEN_CLASS)
    return open_and(learned, null, genome.code, weights, weight), background, pool


def open_and(
    learned: Floats, null: Floats, code: GeneticCode, weights: Weights, share: Floats | None = None
) -> Content:
    """Learned classes, and a last one of frames that are open and nothing else."""
    if share is None:
        share = np.array([1 - _OPEN_CLASS, _OPEN_CLASS])
    classes = np.concatenate([learned, coding.open_background(null, code)[None]])
    return _content(classes, null, share, np.append(np.full(len(learned), weights.content), 1.0))


def learn(genome: Genome, model: GeneModel, chosen: Chosen, weights: Weights) -> GeneModel:
    """The model that the genes of a path make."""
    everything = chosen
    if model.n_learned:
        chosen = chosen.where(chosen.end - chosen.begin >= weights.train_from)
    share = responsibilities(genome, model, chosen)
    n_learned = 1 if model.n_learned == 0 else N_CLASSES
    content, background, pool = learn_content(genome, chosen, everything, share, model, weights, n_learned)
    start, stop = codon_odds(genome, background)
    whole = chosen.where(durations.is_whole(chosen.kind))
    used = np.bincount(_stop_kinds(genome, whole), minlength=len(stop)) + 1.0
    gaps, lengths, sites = model.gaps, model.lengths, model.sites
    if model.n_learned:
        complete = everything.where(durations.is_whole(everything.kind))
        lengths = durations.learn_lengths((complete.end - complete.begin) // 3)
        gaps = _learn_gaps(genome, everything)
        if not model.from_genome or len(whole.strand) >= _ENOUGH_STARTS:
            sites = _learn_sites(genome, model, whole, background, pool)
    return GeneModel(
        content,
        sites,
        start,
        np.log(used / used.sum()) - stop,
        lengths,
        gaps,
        model.protein,
        n_learned,
        random_frame(genome.code, genome.composition),
        model.between,
    )


def _stop_kinds(genome: Genome, whole: Chosen) -> NDArray[np.int64]:
    kinds = [frames.stop_kind[frames.frame[whole.of_strand(s)]] for s, frames in enumerate(genome.strands)]
    return np.concatenate(kinds).astype(np.int64)


def _learn_gaps(genome: Genome, chosen: Chosen) -> GapSizes:
    """Gaps between neighbours of one contig."""
    contig = np.searchsorted(genome.borders, chosen.begin)
    together = contig[1:] == contig[:-1]
    size = (chosen.begin[1:] - chosen.end[:-1])[together]
    strand = np.stack([chosen.strand[:-1], chosen.strand[1:]], axis=1)[together]
    return durations.learn_gaps(size, strand)


def _learn_sites(genome: Genome, model: GeneModel, whole: Chosen, background: Floats, pool: Floats) -> StartSites:
    strands, prior = [], start_prior(genome.code)
    used = np.zeros(len(prior))
    for s, frames in enumerate(genome.strands):
        own = whole.of_strand(s)
        strands.append((frames.codes, frames.begin[own].astype(np.int64)))
        used += np.bincount(frames.start[own], minlength=len(prior))
    between = background.reshape(-1, 4, 4).sum(0) + 1.0
    inside = pool.reshape(3, -1, 4, 4).sum(1) + 1.0
    return learn_sites(model.sites, strands, used, prior, between, inside)
