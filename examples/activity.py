"""Standing, walking, running, badminton: which is which in one long recording of a wrist.

BasicMotions of the UEA archive (Bagnall et al., arXiv 1811.00075, 2018): ten seconds each of an accelerometer and a
gyroscope, one activity a recording. Half of its training recordings, labelled, teach an HMM; the others are joined to one
recording that it has to cut up. The archive's own task, to label recordings whose beginnings and ends are known, is easier.
"""

import gzip
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import series
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from hmmseq import HMM, EachSequence, SegmentGraph, Sequences, durations, topologies
from hmmseq.decoding import segments
from hmmseq.emissions import Gaussian, Mixture
from hmmseq.lattice import best_path

KINDS = 4


def main(folder: Path) -> tuple[float, int, int]:
    recordings, labels, names = read("ucr/BasicMotions_TRAIN.ts.gz")
    taught = np.array([k for own in range(len(names)) for k in np.flatnonzero(labels == own)[:5]])
    asked = np.setdiff1d(np.arange(len(labels)), taught)
    model = make_pipeline(
        EachSequence(StandardScaler()),
        HMM(Mixture(Gaussian("full", min_covar=1e-2), KINDS), len(names), random_state=0),
    )
    model.fit([recordings[k] for k in taught], [np.full(len(recordings[k]), labels[k]) for k in taught])
    order = np.random.default_rng(0).permutation(asked)
    long, truth = (
        np.concatenate([recordings[k] for k in order]),
        np.concatenate([np.full(len(recordings[k]), labels[k]) for k in order]),
    )
    path = cut(model, long)
    right = float(np.mean(path == truth))
    print(f"{100 * right:.1f} % of {len(truth)} steps have the right activity")
    print(f"{len(segments(path))} segments found, {len(segments(truth))} there")
    draw(long, path, truth, names, folder)
    return right, len(segments(path)), len(segments(truth))


def cut(model: Pipeline, long: np.ndarray) -> np.ndarray:
    """States that last: recordings of one activity say nothing of how long one goes on, so that is said here."""
    hmm, rows = model[-1], Sequences.pack(model[:-1].transform(long))
    n = hmm.graph_.n_states
    lasting = durations.Poisson(mean=[100.0] * n, shortest=50)  # ten steps a second
    graph = SegmentGraph(topologies.ergodic(n), lasting.log_weights(250), right_censored=True)
    scores = hmm.emission_.log_scores(hmm.emission_.observe(rows))
    return best_path(graph, scores.table[scores.code]).states


def read(name: str) -> tuple[list[np.ndarray], np.ndarray, list[str]]:
    """Recordings (n_steps, n_features), their labels as numbers, and the names of those."""
    with gzip.open(series.find(name), "rt") as file:
        lines = [line.strip() for line in file if line.strip() and line[0] not in "#@"]
    split = [line.split(":") for line in lines]
    names = sorted({parts[-1] for parts in split})
    recordings = [np.array([part.split(",") for part in parts[:-1]], dtype=np.float64).T for parts in split]
    return recordings, np.array([names.index(parts[-1]) for parts in split]), names


def draw(long: np.ndarray, path: np.ndarray, truth: np.ndarray, names: list[str], folder: Path) -> None:
    figure, axes = plt.subplots(2, figsize=(10, 4), sharex=True, layout="constrained", height_ratios=[2, 1])
    seconds = np.arange(len(long)) / 10
    axes[0].plot(seconds, long[:, :3], lw=0.5)
    axes[0].set(ylabel="acceleration")
    for row, states in enumerate((path, truth)):
        for start, stop, label in segments(states):
            axes[1].barh(row, (stop - start) / 10, left=start / 10, color=series.COLOURS[label])
    axes[1].set(yticks=(0, 1), yticklabels=("found", "true"), xlabel="seconds")
    patches = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in series.COLOURS]
    figure.legend(patches, names, ncols=4, loc="outside upper center")
    series.keep(figure, "activity.png", folder)
    plt.close(figure)


if __name__ == "__main__":
    main(series.folder())
