"""Major earthquakes a year, 1900 to 2006: Poisson models of one to four states.

The textbook example of Zucchini and MacDonald, Hidden Markov Models for Time Series, 2009, section 3.5. There the chain is
stationary: it begins with the shares of time that its transitions imply. EM leaves the start free, which takes the likelihood
a little higher; from its result, a general optimiser over the same lattice finds the stationary maximum.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import series
from scipy.optimize import minimize
from scipy.special import softmax

from hmmseq import HMM, PoissonHMM
from hmmseq.emissions import Poisson
from hmmseq.lattice import log_partition
from hmmseq.models.assembled import markov_graph
from hmmseq.sequences import Sequences

PUBLISHED = {1: 391.9189, 2: 342.3183, 3: 329.4603, 4: 327.8316}  # minus log-likelihoods of stationary models


def main(folder: Path) -> dict[int, float]:
    data = series.table("earthquakes.csv")
    counts = data["count"].astype(int)[:, None]
    found, models = {}, {}
    print("states  free start  stationary  Zucchini and MacDonald")
    for n in PUBLISHED:
        models[n] = PoissonHMM(n, n_init=5, n_iter=1000, tol=1e-7, random_state=0).fit(counts)
        found[n] = stationary_maximum(models[n], counts)
        free = -models[n].score(counts) * len(counts)
        print(f"{n:6d}  {free:10.4f}  {found[n]:10.4f}  {PUBLISHED[n]:22.4f}")
    draw(data["year"], counts[:, 0], models[3], folder)
    return found


def stationary_maximum(model: HMM, counts: np.ndarray) -> float:
    """Minus the largest log-likelihood of stationary chains, near a fitted model."""
    n, emission, X = model.n_components, Poisson(), Sequences.pack(counts)

    def height(vector: np.ndarray) -> float:
        emission.lambdas_ = np.exp(vector[:n, None])
        transmat = softmax(vector[n:].reshape(n, n), axis=1)
        graph = markov_graph(series.stationary(transmat), transmat)
        return -float(log_partition(graph, emission.log_scores(emission.observe(X)))[0])

    first = np.concatenate([np.log(model.lambdas_[:, 0]), np.log(np.maximum(model.transmat_, 1e-4)).ravel()])
    return float(minimize(height, first, method="BFGS", options={"gtol": 1e-4}).fun)


def draw(years: np.ndarray, counts: np.ndarray, model: HMM, folder: Path) -> None:
    figure, ax = plt.subplots(figsize=(9, 3.5), layout="constrained")
    ax.bar(years, counts, color="#cbd5e0", width=0.9)
    ax.step(years, model.lambdas_[model.predict(counts[:, None]), 0], where="mid", color=series.COLOURS[1])
    ax.set(
        xlabel="year", ylabel="earthquakes of magnitude 7 or more", title="Mean counts of the best path, three states"
    )
    series.keep(figure, "earthquakes.png", folder)
    plt.close(figure)


if __name__ == "__main__":
    main(series.folder())
