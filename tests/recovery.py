"""Models of known parameters, one for each family, and whether a fit to what they draw finds the parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from hmmseq import HMM, Sequences, emissions, topologies
from hmmseq.emissions import Emission
from hmmseq.models import match_states, reordered, standard_errors

TRANSMAT = np.array([[0.9, 0.1], [0.2, 0.8]])
STARTPROB = np.array([0.6, 0.4])
ONE_ERROR, TWO_ERRORS, THREE_ERRORS = 0.6827, 0.9545, 0.9973  # the levels of intervals of so many standard errors


class Truth(NamedTuple):
    emission: Emission  # with its parameters
    draw: Callable  # (emission, labels, rng) -> observations

    def __str__(self) -> str:
        return str(self.emission)

    def model(self) -> HMM:
        """An HMM with the true parameters."""
        model = HMM(self.emission, 2)
        model.emission_, model.graph_ = self.emission, topologies.from_matrix(TRANSMAT, startprob=STARTPROB)
        model.n_features_in_ = 1
        return model


def plain(emission: Any, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return emission.sample(labels, rng)


def with_covariates(emission: Any, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return emission.sample(labels, rng, rng.normal(size=(len(labels), 1)))


def of(emission: Any, draw: Callable = plain, **parameters: Any) -> Truth:
    """An emission with parameters."""
    for name, value in parameters.items():
        setattr(emission, f"{name}_", np.array(value) if name != "n_symbols" else value)
    return Truth(emission, draw)


def joined(emission: Any, *parts: Truth, **parameters: Any) -> Truth:
    emission.parts_ = [part.emission for part in parts]
    return of(emission, **parameters)


E = emissions
ONE, TWO = [1.0], [1.0, 1.0]
NORMAL = {"means": [[0.0, 0.0], [3.0, 1.0]], "scale": TWO}
MATRICES = [[[1.0, 0.5], [0.5, 1.5]], [[2.0, -0.3], [-0.3, 1.0]]]
TRUTHS = [
    of(E.Bernoulli(), probs=[[0.15, 0.6], [0.8, 0.3]]),
    of(E.Poisson(), lambdas=[[2.0], [9.0]]),
    of(E.Geometric(), probs=[[0.6], [0.12]]),
    of(E.NegativeBinomial(), means=[[2.0], [15.0]], sizes=[[3.0], [6.0]]),
    of(E.ZeroInflatedPoisson(), zeros=[[0.3], [0.2]], lambdas=[[2.0], [9.0]]),
    of(E.ZeroInflatedNegativeBinomial(), zeros=[[0.3], [0.2]], means=[[4.0], [20.0]], sizes=[[5.0], [8.0]]),
    of(E.Exponential(), means=[[1.0], [8.0]]),
    of(E.Gamma(), means=[[2.0], [9.0]], shapes=[[3.0], [5.0]]),
    of(E.LogNormal(), means=[[0.0], [2.0]], covars=[[0.4], [0.6]], scale=ONE),
    of(E.Beta(), a=[[2.0], [6.0]], b=[[6.0], [2.5]]),
    of(E.VonMises(), locs=[[-1.0], [1.5]], kappas=[[3.0], [5.0]]),
    of(E.StudentT(), locs=[[0.0], [7.0]], scales=[[1.0], [1.5]], dofs=[[3.0], [5.0]], floor=[[1e-6], [1e-6]]),
    of(E.Gaussian("spherical"), covars=[1.0, 2.0], **NORMAL),
    of(E.Gaussian("diag"), covars=[[1.0, 0.5], [2.0, 1.0]], **NORMAL),
    of(E.Gaussian("full"), covars=MATRICES, **NORMAL),
    of(E.Gaussian("tied"), covars=MATRICES[0], **NORMAL),
    of(E.LowRankGaussian(1), means=[[0.0] * 4, [4.0] * 4],
       loadings=[[[1.0], [2.0], [-1.0], [1.5]], [[2.0], [1.0], [1.0], [1.0]]],
       noises=[[1.0] * 4, [0.5] * 4], scale=[1.0] * 4),
    of(E.Categorical(3), emissionprob=[[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], n_symbols=3),
    of(E.Categorical(2, order=1), emissionprob=[[[0.9, 0.1], [0.2, 0.8]], [[0.1, 0.9], [0.8, 0.2]]], n_symbols=2),
    of(E.Multinomial(), lambda emission, labels, rng: emission.sample(labels, rng, 8),
       emissionprob=[[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]),
    of(E.AutoregressiveGaussian(), coefs=[[[0.0, 0.8]], [[3.0, -0.5]]], covars=[[[0.5]], [[1.0]]], scale=ONE, origin=[0.0]),
    of(E.LinearRegression(), with_covariates, coefs=[[[0.0, 1.0]], [[3.0, -1.0]]], covars=[[[0.5]], [[1.0]]], scale=ONE,
       origin=[0.0]),
    of(E.PoissonRegression(), with_covariates, coefs=[[0.5, 0.5], [2.5, -0.2]]),
    of(E.LogisticRegression(), with_covariates, coefs=[[-2.0, 2.0], [1.5, -1.5]]),
    joined(E.Product([E.Poisson(), E.Gaussian()]), of(E.Poisson(), lambdas=[[2.0], [6.0]]),
           of(E.Gaussian(), means=[[0.0], [2.0]], covars=[[1.0], [2.0]], scale=ONE)),
    joined(E.Mixture(E.Gaussian()), of(E.Gaussian(), means=[[-3.0], [1.0], [6.0], [12.0]],
           covars=[[1.0], [0.5], [1.0], [2.0]], scale=ONE), weights=[[0.4, 0.6], [0.7, 0.3]]),
    of(E.SciPy("gumbel_r"), loc=[[0.0], [7.0]], scale=[[1.0], [2.0]]),
]  # fmt: skip


def drawn(truth: Truth, rng: np.random.Generator, n_sequences: int, n_steps: int) -> list[np.ndarray]:
    """Sequences from the true model."""
    return [truth.draw(truth.emission, states(n_steps, rng), rng) for _ in range(n_sequences)]


def states(n_steps: int, rng: np.random.Generator) -> np.ndarray:
    path = [rng.choice(2, p=STARTPROB)]
    while len(path) < n_steps:
        path.append(rng.choice(2, p=TRANSMAT[path[-1]]))
    return np.array(path)


class Recovery(NamedTuple):
    within: bool  # whether every parameter is within three standard errors
    n_parameters: int
    names: list[str]  # (n,) of all parameters
    away: np.ndarray  # (n,) errors that each estimate is above the truth
    inside: np.ndarray  # (3, n) whether the truth is within one, two and three errors


def recovered(truth: Truth, rng: np.random.Generator, n_sequences: int = 50, n_steps: int = 60) -> Recovery:
    """Fit what a true model draws, from the truth on, so that the maximum beside it is found."""
    X = drawn(truth, rng, n_sequences, n_steps)
    true = truth.model()
    true.n_features_in_ = X[0].shape[1] if X[0].ndim == 2 else 1
    true.emission_.observe(Sequences.pack(X))
    model = HMM(clone(truth.emission), 2, init=true, n_iter=2000, tol=1e-7, accelerate=True, random_state=0).fit(X)
    model = reordered(model, match_states(true, model, X))  # leaps can exchange states
    found = standard_errors(model, X)
    starts, edges = true.graph_.start, true.graph_.edge
    values = np.concatenate([np.exp(starts), np.exp(edges), *(a.ravel() for a in true.emission_.learned().values())])
    ends = np.stack([found.interval(level) for level in (ONE_ERROR, TWO_ERRORS, THREE_ERRORS)])
    with np.errstate(divide="ignore", invalid="ignore"):
        away = (found.values - values) / found.errors
    inside = (ends[:, :, 0] <= values) & (values <= ends[:, :, 1])
    return Recovery(bool(np.all(inside[2])), model.n_parameters_, found.names, away, inside)
