"""Parameters of a fitted model under one name each, with how far from the truth they may be."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from hmmseq.models.hmm import HMM
from hmmseq.models.input_hmm import InputHMM
from hmmseq.models.semi_markov import SemiMarkovHMM
from hmmseq.models.variational import VariationalHMM


@dataclass(frozen=True)
class Estimates:
    """Estimates with their covariance, as `standard_errors` finds them.

    names : (n,) "startprob[0]", "transmat[0, 1]", "means[1, 0]", ...: the attributes of a model without their underscore
    values : (n,) the estimates
    covariance : (n, n) of the estimates
    limits : (n, 2) between which each parameter lies
    """

    names: list[str]
    values: np.ndarray
    covariance: np.ndarray
    limits: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """(n,) standard errors: 0 of what was given, NaN of what is at its limit, infinite of what the data leave open."""
        return np.sqrt(np.diag(self.covariance))

    def interval(self, level: float = 0.95) -> np.ndarray:
        """(n, 2) confidence intervals: symmetric in the logit of probabilities and the logarithm of what is positive.

        That keeps them between the limits, and the likelihood is closer to a parabola there.
        """
        check_level(level)
        away = norm.ppf((1 + level) / 2) * self.errors[:, None] * [-1.0, 1.0]
        x, (low, high) = self.values[:, None], self.limits.T[:, :, None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            share = expit(logit(x) + away / (x * (1 - x)))
            positive = x * np.exp(away / x)
        ends = np.where((low >= 0) & (high <= 1), share, np.where(low >= 0, positive, x + away))
        return np.where(away == 0, x, ends)

    def __str__(self) -> str:
        return as_text(self.names, self.values, self.errors, self.interval())


def as_text(names: list[str], values: np.ndarray, errors: np.ndarray, interval: np.ndarray) -> str:
    """A line for each parameter."""
    width = max(map(len, names), default=0)
    lines = [f"{'':{width}} {'estimate':>12} {'error':>12}   95 % interval"]
    for name, value, error, (low, high) in zip(names, values, errors, interval):
        lines.append(f"{name:{width}} {value:12.6g} {error:12.3g}   {low:.6g} ... {high:.6g}")
    return "\n".join(lines)


def check_level(level: float) -> None:
    """ValueError unless it is the level of an interval."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}; expected a number between 0 and 1, such as 0.95")


def named_parameters(model: HMM) -> tuple[list[str], np.ndarray]:
    """All parameters of a fitted model: starts, the edges that there are, what else its chain has, and what states emit."""
    graph = model.graph_
    names = [f"startprob[{i}]" for i in range(graph.n_states)]
    names += [f"transmat[{i}, {j}]" for i, j in zip(graph.source, graph.target)]
    more = model._chain_parameters() if isinstance(model, (InputHMM, SemiMarkovHMM)) else {}
    learned = more | model.emission_.learned()
    names += [name for array in learned.items() for name in _entries(*array)]
    values = [np.exp(graph.start), np.exp(graph.edge), *(array.ravel() for array in learned.values())]
    return names, np.concatenate(values)


def check_plain(model: HMM) -> None:
    """ValueError for models whose chains have parameters beyond starts and transitions: they have no standard errors yet."""
    if isinstance(model, VariationalHMM):
        raise ValueError("a VariationalHMM has distributions in the place of estimates: posterior_ says how sure it is")
    if type(model)._chain is not HMM._chain:
        raise ValueError(
            f"standard_errors is for HMM; how estimates of a {type(model).__name__} vary, models.bootstrap says"
        )


def limits(model: HMM) -> np.ndarray:
    """(n, 2) the least and the largest value of each parameter."""
    shapes = {name: array.shape for name, array in model.emission_.learned().items()}
    ends = model.emission_.limits()
    pairs = [np.stack([np.broadcast_to(end, shape).ravel() for end in ends[name]], 1) for name, shape in shapes.items()]
    return np.concatenate([np.tile([0.0, 1.0], (model.graph_.n_states + model.graph_.n_edges, 1)), *pairs])


def _entries(name: str, array: np.ndarray) -> Iterator[str]:
    for place in np.ndindex(array.shape):
        yield f"{name}{list(place)}"
