"""How the settings of the gene finder are chosen, and how well they carry over to a genome that had no say.

    python -m benchmarks.gene_settings [--data DIR] [--output benchmarks/results] [bonus=1,2 short_below=2,3 ...]

Each argument names a field of `hmmseq.bio.prokaryotes.scores.Weights` and the values to try, `min_posterior` those of
GeneFinder; all combinations are tried. What is chosen falls least short of what a gene finder should reach on each
genome: the F1 by stop codons of pyrodigal, and its recall less 0.2 points; of those that are equal in that, it has the
largest mean of F1 by stop codons and F1 with the right start, which is all that counts where pyrodigal is not installed.
The last table chooses on all genomes but one, fits on the same ones what a posterior is worth, and judges on that one.
"""

import argparse
import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.genes import GENOMES, load, rivals
from hmmseq.bio import GeneFinder, GeneticCode, evaluate
from hmmseq.bio.confidence import fit_confidence
from hmmseq.bio.evaluation import GeneScores
from hmmseq.bio.formats.fasta import FastaRecord
from hmmseq.bio.gene import Gene
from hmmseq.bio.prokaryotes.candidates import Genome
from hmmseq.bio.prokaryotes.decoding import find_genes
from hmmseq.bio.prokaryotes.scores import Weights
from hmmseq.bio.prokaryotes.training import train

ROUNDS = 5
FIELDS = ["bonus=1,1.5,1.75,2", "short_below=2.3,2.8,3.3"]
LESS_RECALL = 0.2  # points that may be missing
CUT = "min_posterior"


class Called(NamedTuple):
    """Genes of the best path through a genome, as the model has them."""

    genes: list[Gene]
    posterior: np.ndarray
    right: np.ndarray  # 1: annotated, 0: not, -1: nobody can say


def called(record: FastaRecord, truth: list[Gene], table: int, weights: Weights) -> Called:
    genome = Genome([record.encode()], GeneticCode.from_table(table), 90)
    model, _ = train(genome, weights, ROUNDS, lambda line: None)
    found = find_genes(genome, model, weights)
    genes = list(found.genes(0, record.id, 0, table))
    usable = {(gene.strand, gene.three_prime): gene.usable for gene in truth}
    right = [usable.get((gene.strand, gene.three_prime)) for gene in genes]
    return Called(genes, found.posterior, np.array([{None: 0, True: 1, False: -1}[each] for each in right]))


def scored(truth: list[Gene], own: Called, others: list[Called], least: float) -> GeneScores:
    """Genes at least so probable, by a confidence fitted on others."""
    judged = [each.right >= 0 for each in others]
    posterior = np.concatenate([each.posterior[k] for each, k in zip(others, judged)])
    right = np.concatenate([each.right[k] for each, k in zip(others, judged)])
    sure = fit_confidence(posterior, right)(own.posterior)
    return evaluate([gene for gene, p in zip(own.genes, sure) if p >= least], truth)


def settings_of(fields: list[str]) -> list[tuple[Weights, float]]:
    """Weights and least posterior of each combination."""
    values = {name: [float(x) for x in text.split(",")] for name, _, text in (field.partition("=") for field in fields)}
    cuts = values.pop(CUT, [GeneFinder().min_posterior])
    kinds = {name: type(getattr(Weights(), name)) for name in values}
    chosen = [Weights(**{n: kinds[n](v) for n, v in zip(values, each)}) for each in product(*values.values())]
    return list(product(chosen, cuts))


def tables(data: Path, fields: list[str]) -> Iterator[str]:
    settings, truths = settings_of(fields), {name: load(data, name) for name in GENOMES}
    found = {
        weights: [called(*(r[0], truth), GENOMES[name], weights) for name, (r, truth) in truths.items()]
        for weights in dict.fromkeys(weights for weights, _ in settings)
    }
    named = [_named(*each, [field.partition("=")[0] for field in fields]) for each in settings]
    shape = len(settings), len(truths)
    scores = [
        [
            scored(truth, own, [each for each in found[w] if each is not own], cut)
            for own, (_, truth) in _pairs(found[w], truths)
        ]
        for w, cut in settings
    ]
    figures = np.array([_figures(s) for row in scores for s in row]).reshape(*shape, 3)
    beside = {
        name: np.array([_figures(evaluate(find(r, GENOMES[genome]), truth)) for genome, (r, truth) in truths.items()])
        for name, find in rivals().items()
    }
    short = shortfall(figures, *beside.values())
    yield "| settings | 3' recall | F1 | exact F1 | points short |"
    yield "|---|---:|---:|---:|---:|"
    for name, row, missing in zip(named, figures.mean(1), short.sum(1)):
        yield f"| {name} | " + " | ".join(f"{x:.2f}" for x in (*row, missing)) + " |"
    yield from _left_out(figures, short, named, list(truths), beside)


def shortfall(figures: np.ndarray, *beside: np.ndarray) -> np.ndarray:
    """(n_settings, n_genomes) points of F1 and of recall that are missing. figures: (n_settings, n_genomes, 3)"""
    missing = np.zeros(figures.shape[:2])
    for rival in beside:
        missing += np.maximum(rival[:, 1] - figures[..., 1], 0)
        missing += np.maximum(rival[:, 0] - LESS_RECALL - figures[..., 0], 0)
    return missing


def _figures(scores: GeneScores) -> tuple[float, float, float]:
    return 100 * scores.recall, 100 * scores.f1, 100 * scores.exact_f1


def _pairs(found: list[Called], truths: dict) -> Iterator[tuple[Called, tuple]]:
    return zip(found, truths.values(), strict=True)


def _left_out(
    figures: np.ndarray, short: np.ndarray, named: list[str], genomes: list[str], beside: dict[str, np.ndarray]
) -> Iterator[str]:
    columns = "".join(f" {name}: recall | F1 | exact F1 |" for name in beside)
    yield ""
    yield "| left out | chosen on the others | 3' recall | F1 | exact F1 |" + columns
    yield "|---|---|---:|---:|---:|" + "---:|" * (3 * len(beside))
    for k, genome in enumerate(genomes):
        missing, merit = (np.delete(own, k, axis=1) for own in (short, figures[..., 1:].sum(2)))
        best = np.lexsort((-merit.sum(1), missing.sum(1).round(9)))[0]
        row = [*figures[best, k], *(x for rival in beside.values() for x in rival[k])]
        yield f"| {genome} | {named[best]} | " + " | ".join(f"{x:.2f}" for x in row) + " |"


def _named(weights: Weights, cut: float, names: list[str]) -> str:
    return ", ".join(f"{name} {cut if name == CUT else getattr(weights, name):g}" for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("HMMSEQ_DATA", "../shared/data")) / "prokaryotes"
    )
    parser.add_argument("--output", type=Path, help="folder for gene_settings.md")
    parser.add_argument("fields", nargs="*", default=FIELDS)
    arguments = parser.parse_args()
    lines = []
    for line in tables(arguments.data, arguments.fields):
        lines.append(line)
        print(line, flush=True)
    if arguments.output is not None:
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / "gene_settings.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
