"""Random fits: family x topology x missing x weights x partial labels x priors x ties x training."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from families import FAMILIES, JOINT, beside, symbols
from hmmseq import HMM, StateGraph, topologies
from hmmseq.emissions import Categorical

SYMBOLS = [Categorical(3), Categorical(3, order=1), Categorical(3, pseudocount=0.5)]
EMISSIONS: list[tuple[Any, Any]] = [(family.emission, family.data) for family in FAMILIES + JOINT]
EMISSIONS += [(emission, beside(symbols)) for emission in SYMBOLS]

# A silent state between two pairs of states that share labels; and two states that share theirs.
SILENT = StateGraph(
    5, [0, 0, 1, 1, 4, 4, 2, 2, 3, 3], [0, 1, 1, 4, 2, 3, 2, 3, 3, 0], label=[0, 1, 1, 0, -1], end=np.zeros(5)
)
SHARED = StateGraph(3, [0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 0], label=[0, 1, 0])
TOPOLOGIES = {"ergodic": None, "left to right": topologies.left_right, "cycle": topologies.cycle,
              "silent": SILENT, "shared": SHARED}  # fmt: skip


class Fit(NamedTuple):
    """What `HMM.fit` is called with, and in words what it is about."""

    model: HMM
    X: list[np.ndarray]
    y: list[np.ndarray] | None
    weights: np.ndarray | None
    what: str

    def run(self) -> HMM:
        return self.model.fit(self.X, self.y, sample_weight=self.weights)


def random_fit(rng: np.random.Generator, number: int, n_iter: int = 8) -> Fit:
    """The fit of that number: families take turns, everything else is drawn."""
    emission, draw = EMISSIONS[number % len(EMISSIONS)]
    name = list(TOPOLOGIES)[rng.integers(len(TOPOLOGIES))]
    lengths = [30, *rng.integers(0, 25, 3)]
    X = [draw(rng, (n, 2)) for n in lengths]
    if missing := rng.random() < 0.5:
        for x in X:
            x[rng.random(x.shape) < 0.15] = -1 if emission.symbols else np.nan
    if emission.symbols:
        X = [x[:, 0].astype(int) for x in X]
    options: dict[str, Any] = {
        "training": str(rng.choice(["em", "viterbi"], p=[0.8, 0.2])),
        "accelerate": bool(rng.random() < 0.3),
    }
    if rng.random() < 0.3:
        options |= {"sticky": 2.0, "transmat_pseudocount": 0.3, "startprob_pseudocount": 0.7}
    if name == "ergodic" and rng.random() < 0.3:
        options |= {"tied_transmat": np.where(np.eye(3) > 0, 0, -1), "fixed_startprob": [0.2, np.nan, np.nan]}
    labelled = name in ("ergodic", "shared") and rng.random() < 0.5
    y = [np.where(rng.random(n) < 0.1, rng.integers(0, 3), -1) for n in lengths] if labelled else None
    weights = rng.gamma(1.0, size=len(X)) if rng.random() < 0.5 else None
    model = HMM(
        clone(emission), 3, topology=TOPOLOGIES[name], n_iter=n_iter, tol=-np.inf, random_state=int(rng.integers(99)),
        **options,
    )  # fmt: skip
    asked = [
        text for text, there in (("missing", missing), ("labels", labelled), ("weights", weights is not None)) if there
    ]
    return Fit(model, X, y, weights, f"{emission}, {name}, {', '.join([*options, *asked])}")


def largest_fall(history: list[float]) -> float:
    """By how much, relative to its size, what EM monitors fell at most from one iteration to the next."""
    heights = np.array(history)
    falls = (heights[:-1] - heights[1:]) / np.maximum(np.abs(heights[:-1]), 1.0)
    return float(falls.max(initial=0.0))
