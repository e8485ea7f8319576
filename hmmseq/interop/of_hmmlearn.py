"""hmmlearn's models: Gaussian, Gaussian mixture, categorical, multinomial, Poisson, and what variational ones expect."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from hmmseq.emissions import Categorical, Emission, Gaussian, Mixture, Multinomial, Poisson
from hmmseq.interop.states import refused, set_parameters, states_of
from hmmseq.models import HMM
from hmmseq.models.assembled import assembled, markov_graph


def from_hmmlearn(model: Any) -> HMM:
    """The fitted model of hmmlearn (or of `hmmseq.compat.hmmlearn`) as an `HMM`, to use and to fit on.

    Raises ValueError for a class that it does not know, and for parameters that do not fit together.
    """
    name = next((base.__name__ for base in type(model).__mro__ if base.__name__ in READERS), type(model).__name__)
    if name not in READERS:
        raise ValueError(f"model is a {name}; expected one of {sorted(READERS)}")
    if not hasattr(model, "startprob_"):
        raise ValueError(f"this {name} is not fitted: it has no startprob_")
    model._check()
    emission, n_features = READERS[name](model)
    return assembled(emission, markov_graph(np.array(model.startprob_), np.array(model.transmat_)), n_features)


def to_hmmlearn(model: HMM, module: str = "hmmlearn.hmm") -> Any:
    """The fitted HMM as a model of hmmlearn; module : "hmmseq.compat.hmmlearn.hmm" makes one without hmmlearn.

    Raises ValueError for what hmmlearn does not have: other emissions, probabilities of ending, silent states. Of symbols
    with missing ones, and of NaN, it cannot read the data.
    """
    states = states_of(model, "hmmlearn")
    if not np.all(states.end == 1):
        raise refused("a model that ends in some states rather than in others", "hmmlearn")
    family = type(states.emission)
    if family not in WRITERS:
        raise refused(f"{family.__name__} emission", "hmmlearn")
    made = WRITERS[family](import_module(module), states.emission, len(states.start))
    made.startprob_, made.transmat_ = states.start, states.transmat
    return made


def _read_gaussian(model: Any) -> tuple[Emission, int]:
    kind = model.covariance_type
    covars = np.array(model._covars_, dtype=np.float64)
    if kind == "spherical" and covars.ndim == 2:
        covars = covars[:, 0].copy()
    return normal(kind, np.array(model.means_), covars), model.means_.shape[1]


def normal(kind: Any, means: np.ndarray, covars: np.ndarray) -> Gaussian:
    """Its floor of variances is relative to those of data that nobody has any more: to the mean variance of states."""
    diagonal = covars if kind in ("spherical", "diag") else np.diagonal(covars, axis1=-2, axis2=-1)
    axes = tuple(range(diagonal.ndim - 1)) if kind != "spherical" else None
    scale = np.broadcast_to(diagonal.mean(axis=axes), means.shape[-1:]) + means.var(axis=0)
    return set_parameters(Gaussian(kind), means_=means, covars_=covars, scale_=np.array(scale))


def _read_mixture(model: Any) -> tuple[Emission, int]:
    kind, (n, m, d) = model.covariance_type, model.means_.shape
    covars = np.array(model.covars_, dtype=np.float64)
    if kind == "tied":  # one matrix for the components of a state: full ones that happen to be equal
        kind, covars = "full", np.repeat(covars, m, axis=0)
    else:
        covars = covars.reshape(n * m, *covars.shape[2:])
    part = normal(kind, np.array(model.means_).reshape(n * m, d), covars)
    return set_parameters(Mixture(Gaussian(kind), m), weights_=np.array(model.weights_), parts_=[part]), d


def _read_symbols(model: Any) -> tuple[Emission, int]:
    table = np.array(model.emissionprob_)
    return set_parameters(Categorical(table.shape[1]), emissionprob_=table, n_symbols_=table.shape[1]), 1


def _read_counts(model: Any) -> tuple[Emission, int]:
    table = np.array(model.emissionprob_)
    return set_parameters(Multinomial(), emissionprob_=table), table.shape[1]


def _read_poisson(model: Any) -> tuple[Emission, int]:
    rates = np.array(model.lambdas_)
    return set_parameters(Poisson(), lambdas_=rates), rates.shape[1]


READERS: dict[str, Callable[[Any], tuple[Emission, int]]] = {
    "GaussianHMM": _read_gaussian,
    "GMMHMM": _read_mixture,
    "CategoricalHMM": _read_symbols,
    "MultinomialHMM": _read_counts,
    "PoissonHMM": _read_poisson,
    "VariationalCategoricalHMM": _read_symbols,
    "VariationalGaussianHMM": _read_gaussian,
}


def _write_gaussian(hmm: Any, emission: Any, n: int) -> Any:
    made = hmm.GaussianHMM(n, covariance_type=emission.covariance)
    made.n_features = emission.means_.shape[1]
    return set_parameters(made, means_=emission.means_, covars_=emission.covars_)


def _write_mixture(hmm: Any, emission: Any, n: int) -> Any:
    part, m = emission.parts_[0], emission.weights_.shape[1]
    if len(emission.parts_) > 1 or type(part) is not Gaussian:
        raise refused("a mixture of anything but normal distributions of one kind", "hmmlearn")
    kind, covars = part.covariance, part.covars_
    if kind == "tied":
        covars = np.tile(covars, (n, 1, 1))
    else:
        covars = covars.reshape(n, m, *covars.shape[1:])
    made = hmm.GMMHMM(n, m, covariance_type=kind)
    made.n_features = part.means_.shape[1]
    return set_parameters(made, weights_=emission.weights_, means_=part.means_.reshape(n, m, -1), covars_=covars)


def _write_symbols(hmm: Any, emission: Any, n: int) -> Any:
    if emission.order:
        raise refused("a Categorical emission with context", "hmmlearn")
    return set_parameters(hmm.CategoricalHMM(n, n_features=emission.n_symbols_), emissionprob_=emission.emissionprob_)


def _write_counts(hmm: Any, emission: Any, n: int) -> Any:
    return set_parameters(hmm.MultinomialHMM(n, n_trials=1), emissionprob_=emission.emissionprob_, n_trials=None)


def _write_poisson(hmm: Any, emission: Any, n: int) -> Any:
    return set_parameters(hmm.PoissonHMM(n), lambdas_=emission.lambdas_)


WRITERS: dict[type, Callable[[Any, Any, int], Any]] = {
    Gaussian: _write_gaussian,
    Mixture: _write_mixture,
    Categorical: _write_symbols,
    Multinomial: _write_counts,
    Poisson: _write_poisson,
}
