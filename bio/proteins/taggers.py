"""`hmmseq bench taggers`: a hidden Markov model beside neural taggers on membrane topology.

All get the same proteins, folds, label graph, decoder and metrics. What differs is who scores the
residues: counts for the HMM; for the others a BiLSTM, trained residue by residue (softmax) or by whole
paths (CRF).

The decoder is `decoding.mea_path`. With `lattice.best_path`, HMM and CRF miss segments, as the weight
of one is spread over all the places where it may begin and end: on fold 0 of the shipped data they find
63 % and 50 % of them, not 77 % and 74 %.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from hmmseq import HMM, decoding, metrics
from hmmseq.emissions import Categorical
from hmmseq.errors import DataError

from ..alphabet import PROTEIN
from ..formats.three_line import read_three_line
from . import membrane
from .report import Row, table, write

# Beside the package only in a checkout.
EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples" / "data" / "topology"


class Protein(NamedTuple):
    """A training example."""

    fold: int
    codes: np.ndarray  # (length,) residues
    labels: np.ndarray  # (length,) of `membrane`
    states: np.ndarray  # (length,) of `membrane.topology_graph`


class Model(NamedTuple):
    """What the benchmark needs of a model."""

    fit: Callable[[Sequence[Protein]], Any]
    posteriors: Callable[[Any, list[np.ndarray]], list[np.ndarray]]  # (length, 5) of the labels of `membrane`
    n_parameters: Callable[[Any], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `hmmseq bench taggers`."""
    add = parser.add_argument
    add(
        "--data",
        nargs="+",
        metavar="PATH",
        help="3-line files, a fold each, or a folder (default: shipped ones)",
    )
    add("--folds", type=int, metavar="K", help="test on the first K folds only (default: all)")
    add("--epochs", type=int, default=20, metavar="N", help="most epochs for networks (default: %(default)s)")
    add("--seed", type=int, default=0, help="random state of the networks (default: %(default)s)")
    add("--output", metavar="DIR", help="also write taggers.json, taggers.md and taggers.png to this folder")
    add("--verbose", action="store_true", help="show every epoch")


def run(args: argparse.Namespace) -> int:
    """Train, test, print the table; the exit status."""
    if args.epochs < 1 or (args.folds is not None and args.folds < 1):
        raise DataError("--epochs and --folds are 1 or more")
    import hmmseq.hybrid  # noqa: F401  where torch is missing it says so, before any work is done

    proteins, left_out = load(args.data)
    n_folds = 1 + max(p.fold for p in proteins)
    if n_folds < 2:
        raise DataError("testing the only fold leaves nothing to train on; pass two files or more with --data")
    tested = range(min(n_folds, args.folds or n_folds))
    n_residues = sum(len(p.codes) for p in proteins)
    note = f"{len(proteins)} membrane proteins, {n_residues} residues, {len(tested)} of {n_folds} folds tested"
    if left_out:
        note += f"; {left_out} left out, as their labels follow no path of the graph"
    print(note, file=sys.stderr)
    rows = []
    for name, model in models(args):
        compile_kernels(model, proteins)
        rows.append(compare(name, model, proteins, tested))
    print(table(rows))
    if args.output is not None:
        settings = {"folds": len(tested), "epochs": args.epochs, "seed": args.seed, "data": note}
        write(Path(args.output), rows, settings)
    return 0


def load(paths: Sequence[str] | None) -> tuple[list[Protein], int]:
    """Proteins with a membrane segment, a fold for each file, and how many the graph cannot follow."""
    proteins, left_out = [], 0
    for fold, file in enumerate(_files(paths)):
        for record in read_three_line(file):
            labels = membrane.labels_of(record.letters, f"{file}, protein {record.id!r}")
            if not np.isin(labels, membrane.SEGMENTS).any():
                continue
            states = membrane.states_of(labels)
            if states is None:
                left_out += 1
            else:
                proteins.append(Protein(fold, record.codes(), labels, states))
    if not proteins:
        raise DataError("no protein with a membrane segment (labels H or B) in the data")
    return proteins, left_out


def _files(paths: Sequence[str] | None) -> list[Path]:
    if paths is None:
        if not EXAMPLES.is_dir():
            raise DataError("example data come with the source checkout only; name 3-line files with --data")
        paths = [str(EXAMPLES)]
    parts = (sorted(p.glob("*.3line*")) if p.is_dir() else [p] for p in map(Path, paths))
    files = [file for part in parts for file in part]
    if not files:
        raise DataError(f"no file *.3line or *.3line.gz in {', '.join(paths)}")
    return files


def compile_kernels(model: Model, proteins: list[Protein]) -> None:
    """Once, on two short proteins, so that the clock does not count it."""
    short = sorted(proteins, key=lambda p: len(p.codes))[:2]
    decode(model.posteriors(model.fit(short), [p.codes for p in short]))


def compare(name: str, model: Model, proteins: list[Protein], tested: Sequence[int]) -> Row:
    """Train and test one model on each fold; scores are over all tested proteins together."""
    true, found, seconds, waiting, n_parameters = [], [], 0.0, 0.0, 0
    for fold in tested:
        train, test = ([p for p in proteins if (p.fold == fold) == side] for side in (False, True))
        began = time.perf_counter()
        fitted = model.fit(train)
        seconds, began = seconds + time.perf_counter() - began, time.perf_counter()
        found += decode(model.posteriors(fitted, [p.codes for p in test]))
        waiting += time.perf_counter() - began
        true += [p.labels for p in test]
        n_parameters = model.n_parameters(fitted)
        print(f"{name}: fold {fold} done, {seconds:.0f} s of training so far", file=sys.stderr)
    return Row(
        model=name,
        residue_accuracy=metrics.residue_accuracy(true, found),
        segment_f1=metrics.segment_scores(true, found, membrane.SEGMENTS).f1,
        topology_correct=metrics.topology_accuracy(true, found, membrane.SEGMENTS, membrane.SIDES),
        train_seconds=seconds / len(tested),
        residues_per_second=sum(map(len, true)) / waiting,
        parameters=n_parameters,
    )


def decode(posteriors: list[np.ndarray]) -> list[np.ndarray]:
    """The labels of the best topology for each protein."""
    graph = membrane.topology_graph()
    return [decoding.labels(graph, path) for path in decoding.mea_path(graph, posteriors)]


def models(args: argparse.Namespace) -> Iterator[tuple[str, Model]]:
    """The models, in the order of the table."""
    yield "HMM", hidden_markov_model()
    yield "BiLSTM + softmax", tagger("softmax", args)
    yield "BiLSTM + CRF", tagger("crf", args)


def hidden_markov_model() -> Model:
    """States of the fine graph with tied residue frequencies: known states are counted, others come by EM."""
    graph = membrane.topology_graph(fine=True)
    label_of_state = np.eye(len(membrane.NAMES))[membrane.COARSE[graph.label]]

    def fit(train: Sequence[Protein]) -> HMM:
        emission = Categorical(n_symbols=len(PROTEIN.symbols), pseudocount=1.0)
        model = HMM(emission, topology=graph, n_iter=3)
        with warnings.catch_warnings():  # known proteins need not have segments of every length that the graph has
            warnings.filterwarnings("ignore", "no expected visits", ConvergenceWarning)
            return model.fit([p.codes for p in train], [p.states for p in train])

    def posteriors(model: HMM, X: list[np.ndarray]) -> list[np.ndarray]:
        return [by_state @ label_of_state for by_state in model.predict_proba(X)]

    def n_parameters(model: HMM) -> int:
        weights = [model.graph_.edge, model.graph_.start, model.graph_.end]
        return model.emissionprob_.size + int(np.isfinite(np.concatenate(weights)).sum())

    return Model(fit, posteriors, n_parameters)


def tagger(head: str, args: argparse.Namespace) -> Model:
    """A `SequenceTagger` over the graph whose columns are the labels."""
    import torch

    from hmmseq.hybrid import SequenceTagger

    def fit(train: Sequence[Protein]) -> SequenceTagger:
        model = SequenceTagger(
            head=head,
            epochs=args.epochs,
            topology=membrane.topology_graph(),
            n_symbols=len(PROTEIN.symbols),
            random_state=args.seed,
            verbose=args.verbose,
        )
        return model.fit([p.codes for p in train], [p.labels for p in train])

    def n_parameters(model: SequenceTagger) -> int:
        return sum(int(torch.isfinite(p).sum()) for p in model.network_.parameters())

    return Model(fit, SequenceTagger.predict_proba, n_parameters)
