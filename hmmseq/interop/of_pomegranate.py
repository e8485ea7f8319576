"""pomegranate's models (1.0 and later): DenseHMM and SparseHMM over the families that both libraries have."""

from collections.abc import Callable
from typing import Any

import numpy as np

from hmmseq.emissions import (
    Bernoulli,
    Categorical,
    Emission,
    Exponential,
    Gamma,
    Gaussian,
    Mixture,
    Poisson,
    Pomegranate,
)
from hmmseq.graph import StateGraph
from hmmseq.interop.of_hmmlearn import normal
from hmmseq.interop.states import refused, set_parameters, states_of
from hmmseq.models import HMM
from hmmseq.models.assembled import assembled

COVARIANCES = {"full": "full", "diag": "diag", "sphere": "spherical"}


def from_pomegranate(model: Any) -> HMM:
    """The DenseHMM or SparseHMM as an `HMM`, in double precision; edges it does not have are none here either.

    States of normal, categorical (one feature), Bernoulli, Poisson, exponential and gamma distributions, or of mixtures of
    normal ones, become families of hmmseq; others stay distributions of pomegranate (`emissions.Pomegranate`). Weights of
    ending come along, and have no part in what is learned later.
    """
    parts = list(getattr(model, "distributions", None) or [])
    if not parts or not hasattr(model, "starts"):
        raise ValueError(f"model is a {type(model).__name__}; expected a DenseHMM or SparseHMM with its distributions")
    names = {type(part).__name__ for part in parts}
    name = names.pop() if len(names) == 1 else ""
    emission = READERS.get(name, _keep)(parts)
    return assembled(emission, _graph(model, len(parts)), _n_features(emission))


def _graph(model: Any, n: int) -> StateGraph:
    if hasattr(model, "_edge_idx_starts"):
        source, target = (_double(ends).astype(int) for ends in (model._edge_idx_starts, model._edge_idx_ends))
        weights = _double(model._edge_log_probs)
    else:
        matrix = _double(model.edges)
        source, target = np.nonzero(matrix > -np.inf)
        weights = matrix[source, target]
    end = None if model.ends is None else _double(model.ends)
    return StateGraph(n, source, target, edge=weights, start=_double(model.starts), end=end)


def _double(tensor: Any) -> np.ndarray:
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float64)


def _column(parts: list[Any], name: str) -> np.ndarray:
    return np.stack([_double(getattr(part, name)) for part in parts])


def _n_features(emission: Any) -> int:
    if isinstance(emission, Categorical):
        return 1
    if isinstance(emission, Pomegranate):
        return int(emission.n_features_)
    part = emission.parts_[0] if isinstance(emission, Mixture) else emission
    return int(getattr(part, part.parameters_[0]).shape[1])


def _keep(parts: list[Any]) -> Emission:
    sizes = {int(part.d) for part in parts}
    if len(sizes) > 1:
        raise ValueError(f"distributions of {sorted(sizes)} features; all states need the same")
    return set_parameters(Pomegranate(parts[0]), parts_=parts, n_features_=sizes.pop())


def _read_normal(parts: list[Any]) -> Emission:
    kinds = {part.covariance_type for part in parts}
    if len(kinds) > 1:
        return _keep(parts)
    kind = COVARIANCES[kinds.pop()]
    covars = _column(parts, "covs")
    return normal(kind, _column(parts, "means"), covars.reshape(len(parts)) if kind == "spherical" else covars)


def _read_symbols(parts: list[Any]) -> Emission:
    tables = [_double(part.probs) for part in parts]
    if {table.shape for table in tables} != {(1, tables[0].shape[-1])}:
        return _keep(parts)
    table = np.concatenate(tables)
    table /= table.sum(1, keepdims=True)  # single precision
    return set_parameters(Categorical(table.shape[1]), emissionprob_=table, n_symbols_=table.shape[1])


def _read_gamma(parts: list[Any]) -> Emission:
    shapes, rates = _column(parts, "shapes"), _column(parts, "rates")
    return set_parameters(Gamma(), shapes_=shapes, means_=shapes / rates)


def _read_mixture(parts: list[Any]) -> Emission:
    inner = [list(part.distributions) for part in parts]
    flat = [one for own in inner for one in own]
    sizes, kinds = {len(own) for own in inner}, {str(getattr(one, "covariance_type", "")) for one in flat}
    if len(sizes) > 1 or len(kinds) > 1 or not kinds < set(COVARIANCES):
        return _keep(parts)
    weights = np.exp(_column(parts, "_log_priors"))
    weights /= weights.sum(1, keepdims=True)
    emission = Mixture(Gaussian(COVARIANCES[kinds.pop()]), sizes.pop())  # type: ignore[arg-type]
    return set_parameters(emission, weights_=weights, parts_=[_read_normal(flat)])


READERS: dict[str, Callable[[list[Any]], Emission]] = {
    "Normal": _read_normal,
    "Categorical": _read_symbols,
    "Bernoulli": lambda parts: set_parameters(Bernoulli(), probs_=_column(parts, "probs")),
    "Poisson": lambda parts: set_parameters(Poisson(), lambdas_=_column(parts, "lambdas")),
    "Exponential": lambda parts: set_parameters(Exponential(), means_=_column(parts, "scales")),
    "Gamma": _read_gamma,
    "GeneralMixtureModel": _read_mixture,
}


def to_pomegranate(model: HMM) -> Any:
    """The fitted HMM as a DenseHMM, or a SparseHMM where edges are missing, in pomegranate's single precision.

    Raises ValueError for emissions of other families than `from_pomegranate` names, and for silent states.
    """
    from pomegranate.hmm import DenseHMM, SparseHMM

    states = states_of(model, "pomegranate")
    family = type(states.emission)
    if family not in WRITERS:
        raise refused(f"{family.__name__} emission", "pomegranate")
    parts = WRITERS[family](states.emission, len(states.start))
    start, end = states.start.astype(np.float32), states.end.astype(np.float32)
    graph = model.graph_
    if graph.n_edges == graph.n_states**2:
        return DenseHMM(parts, states.transmat.astype(np.float32), start, end)
    weights = states.transmat[graph.source, graph.target].tolist()
    edges = [(parts[i], parts[j], w) for i, j, w in zip(graph.source, graph.target, weights, strict=True) if w > 0]
    return SparseHMM(parts, edges, start, end)


def _single(array: Any) -> np.ndarray:
    return np.array(array, dtype=np.float32)


def _write_normal(emission: Any, n: int) -> list[Any]:
    from pomegranate.distributions import Normal

    kind, covars = emission.covariance, emission.covars_
    if kind == "tied":
        kind, covars = "full", np.tile(covars, (n, 1, 1))
    if kind == "spherical":  # its own "sphere" cannot be asked for a likelihood
        kind, covars = "diag", np.repeat(covars[:, None], emission.means_.shape[1], axis=1)
    return [
        Normal(_single(mean), _single(own), covariance_type=kind)
        for mean, own in zip(emission.means_, covars, strict=True)
    ]


def _write_symbols(emission: Any, n: int) -> list[Any]:
    from pomegranate.distributions import Categorical as Symbols

    if emission.order:
        raise refused("a Categorical emission with context", "pomegranate")
    return [Symbols(_single(row[None])) for row in emission.emissionprob_]


def _write_mixture(emission: Any, n: int) -> list[Any]:
    from pomegranate.gmm import GeneralMixtureModel

    part, m = emission.parts_[0], emission.weights_.shape[1]
    if len(emission.parts_) > 1 or type(part) is not Gaussian:
        raise refused("a mixture of anything but normal distributions of one kind", "pomegranate")
    flat = _write_normal(part, n * m)
    return [
        GeneralMixtureModel(flat[k * m : (k + 1) * m], priors=_single(own)) for k, own in enumerate(emission.weights_)
    ]


def _write(name: str, *columns: Callable[[Any], np.ndarray]) -> Callable[[Any, int], list[Any]]:
    """Distributions of `name`, with a parameter for each column."""

    def write(emission: Any, n: int) -> list[Any]:
        from pomegranate import distributions

        arrays = [_single(column(emission)) for column in columns]
        return [getattr(distributions, name)(*own) for own in zip(*arrays, strict=True)]

    return write


WRITERS: dict[type, Callable[[Any, int], list[Any]]] = {
    Gaussian: _write_normal,
    Categorical: _write_symbols,
    Mixture: _write_mixture,
    Bernoulli: _write("Bernoulli", lambda emission: emission.probs_),
    Poisson: _write("Poisson", lambda emission: emission.lambdas_),
    Exponential: _write("Exponential", lambda emission: emission.means_),
    Gamma: _write("Gamma", lambda emission: emission.shapes_, lambda emission: emission.shapes_ / emission.means_),
    Pomegranate: lambda emission, n: list(emission.parts_),
}
