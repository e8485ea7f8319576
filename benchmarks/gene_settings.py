"""How well the settings of the gene finder carry over: chosen on all genomes but one, judged on that one.

    python -m benchmarks.gene_settings [--data DIR] [bonus=0.5,1 short=0,0.1 ...]

Each argument names a field of `hmmseq.bio.prokaryotes.scores.Weights` and the values to try; all combinations are tried.
What is chosen is the largest sum of F1 by stop codons and F1 with the right start.
"""

import argparse
import os
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.genes import GENOMES, load
from hmmseq.bio import GeneticCode, evaluate
from hmmseq.bio.prokaryotes.candidates import Genome
from hmmseq.bio.prokaryotes.decoding import find_genes
from hmmseq.bio.prokaryotes.scores import Weights
from hmmseq.bio.prokaryotes.training import train

ROUNDS = 5


def figures(data: Path, name: str, settings: list[Weights]) -> list[tuple[float, float, float]]:
    """Recall, F1 and exact F1 in percent, for each of the settings."""
    [record], truth = load(data, name)
    genome = Genome([record.encode()], GeneticCode.from_table(GENOMES[name]), 90)
    out = []
    for weights in settings:
        model, _ = train(genome, weights, ROUNDS, lambda line: None)
        found = find_genes(genome, model, weights).genes(0, record.id, 0, None)
        scores = evaluate(found, truth)
        out.append((100 * scores.recall, 100 * scores.f1, 100 * scores.exact_f1))
    return out


def settings_of(fields: list[str]) -> list[Weights]:
    names = [field.partition("=")[0] for field in fields]
    values = [[float(value) for value in field.partition("=")[2].split(",")] for field in fields]
    return [
        Weights()._replace(**{n: type(getattr(Weights(), n))(v) for n, v in zip(names, chosen)})
        for chosen in product(*values)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("HMMSEQ_DATA", "../shared/data")) / "prokaryotes"
    )
    parser.add_argument("fields", nargs="*", default=["bonus=0.5,1", "short=0,0.1"])
    arguments = parser.parse_args()
    settings = settings_of(arguments.fields)
    varied = [field.partition("=")[0] for field in arguments.fields]
    results = np.array([figures(arguments.data, name, settings) for name in GENOMES])  # (n_genomes, n_settings, 3)
    print("| settings | 3' recall | F1 | exact F1 |\n|---|---:|---:|---:|")
    for weights, row in zip(settings, results.mean(0)):
        print(f"| {_named(weights, varied)} | " + " | ".join(f"{x:.2f}" for x in row) + " |")
    print("\n| left out | chosen on the others | 3' recall | F1 | exact F1 |\n|---|---|---:|---:|---:|")
    for k, name in enumerate(GENOMES):
        best = int(np.delete(results, k, axis=0)[..., 1:].sum((0, 2)).argmax())
        print(
            f"| {name} | {_named(settings[best], varied)} | " + " | ".join(f"{x:.2f}" for x in results[k, best]) + " |"
        )


def _named(weights: Weights, names: list[str]) -> str:
    return ", ".join(f"{name} {getattr(weights, name):g}" for name in names)


if __name__ == "__main__":
    main()
