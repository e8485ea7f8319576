"""Recessions of the United States, 1952 to 1984: Hamilton's model of growth, on a lattice of 32 states.

Hamilton, Econometrica 57, 357, 1989. Growth is an autoregression of order four about a mean that switches between regimes,

    y[t] - mu[s[t]] = sum over k of phi[k] (y[t-k] - mu[s[t-k]]) + noise,

so that a state of the lattice is the regimes of five quarters. No model class has this; a graph and an array of scores do.
"""

from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import series
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import norm

from hmmseq import StateGraph
from hmmseq.lattice import log_partition, posteriors

LAGS = 4
PATHS = np.array(list(product((0, 1), repeat=LAGS + 1)))  # regimes of a quarter and of those before it, latest first
SOURCE, TARGET = np.array(
    [(i, j) for i, own in enumerate(PATHS) for j, new in enumerate(PATHS) if np.array_equal(new[1:], own[:-1])]
).T
GRAPH = StateGraph(len(PATHS), SOURCE, TARGET)
PUBLISHED = {  # Hamilton's table I; regime 0 is recession
    "stay": np.array([0.7550, 0.9049]),
    "mu": np.array([-0.3577, 1.1643]),
    "phi": np.array([0.014, -0.058, -0.247, -0.213]),
    "sigma": 0.7690,
}


def main(folder: Path) -> tuple[float, dict[str, np.ndarray]]:
    data = series.table("hamilton_rgnp_growth.csv")
    growth = data["growth"]
    first = {"stay": np.array([0.6, 0.8]), "mu": np.array([-1.0, 1.0]), "phi": np.zeros(LAGS), "sigma": 1.0}
    best = minimize(lambda vector: -likelihood(growth, **named(vector)), flat(**first), method="BFGS")
    found = named(best.x)
    print(f"log-likelihood with Hamilton's estimates, as published {likelihood(growth, **PUBLISHED):10.4f}")
    print(f"log-likelihood at the maximum found here               {-best.fun:10.4f}")
    for name, value in PUBLISHED.items():
        print(f"{name:6s} Hamilton {np.round(value, 4)!s:34s} here {np.round(found[name], 4)}")
    draw(growth, found, folder)
    return -float(best.fun), found


def likelihood(growth: np.ndarray, **parameters: np.ndarray) -> float:
    return log_partition(*lattice(growth, **parameters))


def lattice(
    growth: np.ndarray, stay: np.ndarray, mu: np.ndarray, phi: np.ndarray, sigma: float
) -> tuple[StateGraph, np.ndarray]:
    """The weighted graph, and the scores of quarters from the fifth on."""
    move = np.array([[stay[0], 1 - stay[0]], [1 - stay[1], stay[1]]])
    share = series.stationary(move)[PATHS[:, -1]]
    for k in range(LAGS):
        share = share * move[PATHS[:, k + 1], PATHS[:, k]]
    edge = np.log(move[PATHS[SOURCE, 0], PATHS[TARGET, 0]])
    lags = np.stack([growth[LAGS - k : len(growth) - k] for k in range(LAGS + 1)], axis=1)
    away = lags[:, None, :] - mu[PATHS]
    return GRAPH.weigh(edge=edge, start=np.log(share)), norm.logpdf(away[:, :, 0] - away[:, :, 1:] @ phi, scale=sigma)


def flat(stay: np.ndarray, mu: np.ndarray, phi: np.ndarray, sigma: float) -> np.ndarray:
    return np.concatenate([logit(stay), mu, phi, [np.log(sigma)]])


def named(vector: np.ndarray) -> dict[str, np.ndarray]:
    return {"stay": expit(vector[:2]), "mu": vector[2:4], "phi": vector[4:8], "sigma": np.exp(vector[8])}


def draw(growth: np.ndarray, found: dict[str, np.ndarray], folder: Path) -> None:
    share = posteriors(*lattice(growth, **found)).labels[:, PATHS[:, 0] == 0].sum(1)
    quarter = 1951.25 + np.arange(len(growth)) / 4
    figure, (upper, lower) = plt.subplots(2, figsize=(9, 4.5), sharex=True, layout="constrained")
    upper.plot(quarter, growth, color=series.COLOURS[0])
    upper.set(ylabel="growth, %", title="Growth of GNP, and the probability of a recession")
    lower.fill_between(quarter[LAGS:], share, color=series.COLOURS[1], alpha=0.6)
    lower.set(ylim=(0, 1), ylabel="probability", xlabel="year")
    series.keep(figure, "regimes.png", folder)
    plt.close(figure)


if __name__ == "__main__":
    main(series.folder())
