"""Distributions of other libraries as emissions."""

from copy import deepcopy
from typing import Any, Self

import numpy as np
from scipy import optimize, stats

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.columns import Columns
from hmmseq.emissions.observed import REAL, Sample, Support, guessed_labels, numbers
from hmmseq.emissions.scales import Scale, any_size, positive
from hmmseq.kernels.logmath import LARGEST
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences

WHOLE = Support("whole numbers", lambda x: x == np.round(x), 1.0, whole=True)


class SciPy(Columns):
    """Any family of scipy.stats, by name, for each label and feature; features are independent.

    Parameters
    ----------
    name : such as "gumbel_r", "weibull_min" or "betabinom"
    start : parameters to begin with, {"c": 1.5}; without, scipy's fit of all data (which discrete families lack)
    fixed : parameters that stay as given, {"loc": 0.0}

    Its weighted likelihood is maximised numerically, over all data: slow beside the families that hmmseq knows. Attributes:
    the parameters under scipy's names, `c_`, `loc_`, `scale_`, (n_labels, n_features) each.

    >>> from hmmseq import HMM
    >>> X = stats.gumbel_r(loc=[[0.0], [9.0]]).rvs((2, 30), random_state=0).reshape(-1, 1)
    >>> HMM(SciPy("gumbel_r"), 2, random_state=0).fit(X).loc_.round().astype(int).ravel().tolist()
    [9, 0]
    """

    keeps_sample = True

    def __init__(self, name: str, *, start: dict | None = None, fixed: dict | None = None) -> None:
        self.name = name
        self.start = start
        self.fixed = fixed

    @property
    def _family(self) -> Any:
        family = getattr(stats, self.name, None) if isinstance(self.name, str) else None
        if not isinstance(family, (stats.rv_continuous, stats.rv_discrete)):
            raise ValueError(f"name is {self.name!r}; expected a univariate family of scipy.stats, such as 'gumbel_r'")
        return family

    @property
    def _continuous(self) -> bool:
        return isinstance(self._family, stats.rv_continuous)

    @property
    def _names(self) -> list[str]:
        shapes = self._family.shapes.split(", ") if self._family.shapes else []
        return [*shapes, "loc", "scale"] if self._continuous else [*shapes, "loc"]

    @property
    def parameters_(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(f"{name}_" for name in self._names)

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:  # type: ignore[override]
        return ((-np.inf, np.inf),) * len(self._names)

    @property
    def support(self) -> Support:  # type: ignore[override]
        return REAL if self._continuous else WHOLE

    def log_density(self, x: np.ndarray, *parameters: np.ndarray) -> np.ndarray:
        logs = self._family.logpdf if self._continuous else self._family.logpmf
        with np.errstate(all="ignore"):
            scores = logs(x, *parameters)
        return np.where(np.isnan(scores), -np.inf, scores)

    def sufficient(self, x: np.ndarray, *parameters: np.ndarray) -> dict[str, np.ndarray]:
        return {}

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        assert sample is not None
        learned = np.stack([np.isnan(self.given(name, mass.shape)) for name in self.parameters_])
        found = np.stack([getattr(self, name) for name in self.parameters_])
        for d, (x, weights) in enumerate(sample.columns()):
            for j in np.flatnonzero(mass[:, d] > 0):
                own = weights[:, j] > 0
                found[:, j, d] = self._best(x[own, 0], weights[own, j] / mass[j, d], found[:, j, d], learned[:, j, d])
        for name, values in zip(self.parameters_, found, strict=True):
            self.settle(name, values)

    def _best(self, x: np.ndarray, weights: np.ndarray, now: np.ndarray, learned: np.ndarray) -> np.ndarray:
        """Parameters at which the weighted log density is not lower than now (Nelder and Mead, Comput. J. 7, 1965)."""
        parameters = now.copy()

        def cost(free: np.ndarray) -> float:
            parameters[learned] = free
            value = -float(weights @ np.maximum(self.log_density(x, *parameters), -LARGEST))
            return min(value, LARGEST)

        if learned.any():
            before = cost(now[learned])
            result = optimize.minimize(cost, now[learned], method="Nelder-Mead", options={"maxiter": 200})
            parameters[learned] = result.x if result.fun < before else now[learned]
        return parameters

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        start = dict(self.start or {})
        if not self._continuous:
            missing = [name for name in self._names if name not in {**start, **(self.fixed or {}), "loc": 0}]
            if missing:
                raise ValueError(f"{self.name} is discrete, and scipy cannot guess its {missing}; pass start=")
            return tuple(float(np.nanmean(self._known(name, start.get(name, 0.0)))) for name in self._names)
        held = {
            f"f{name}": float(np.asarray(value)) for name, value in (self.fixed or {}).items() if np.ndim(value) == 0
        }
        all_held = len(held) == len(self._names)
        fitted = [0.0] * len(self._names) if all_held or len(start) == len(self._names) else self._fit(x, held)
        return tuple(float(start.get(name, value)) for name, value in zip(self._names, fitted, strict=True))

    def scales(self) -> dict[str, Scale]:
        """Shapes of other libraries can be anything; `constrain` asks scipy what cannot be."""
        return {name: positive(1e-300) if name == "scale_" else any_size() for name in self.parameters_}

    def constrain(self, vector: np.ndarray) -> None:
        super().constrain(vector)
        shapes = [getattr(self, name) for name in self.parameters_ if name not in ("loc_", "scale_")]
        if not np.all(self._family._argcheck(*shapes)):
            raise ValueError(f"shapes {shapes} are none of {self.name}")

    def _fit(self, x: np.ndarray, held: dict[str, float]) -> Any:
        try:
            return self._family.fit(x, **held)
        except (ArithmeticError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"scipy cannot fit {self.name} to all values of a feature ({error}); pass start="
            ) from None

    def _known(self, name: str, otherwise: float) -> np.ndarray:
        given = np.asarray((self.fixed or {}).get(name, np.nan), dtype=np.float64)
        return given if np.any(~np.isnan(given)) else np.asarray(otherwise)

    def distribution(self, *parameters: np.ndarray) -> Any:
        return self._family(*parameters)

    def draw(self, rng: np.random.Generator, *parameters: np.ndarray) -> np.ndarray:
        return np.asarray(self._family.rvs(*parameters, size=parameters[0].shape, random_state=rng))


class Pomegranate(Emission):
    """Any distribution of pomegranate (1.0 or later), of one or many features; each label has a copy of it.

    distribution : a pomegranate distribution, initialised or not

    A step with NaN in it is missing. Its numbers are those of pomegranate, of single precision, so near
    convergence the likelihood may fall by their rounding. Models with it cannot be saved by hmmseq.
    Attribute: parts_, the fitted distributions.
    """

    def __init__(self, distribution: Any) -> None:
        self.distribution = distribution

    def observe(self, X: Sequences) -> Sequences:
        if not (hasattr(self.distribution, "log_probability") and hasattr(self.distribution, "from_summaries")):
            raise ValueError(f"distribution is {self.distribution!r}; expected one of pomegranate.distributions")
        return numbers(X, "Pomegranate", REAL, self.n_features_ if hasattr(self, "n_features_") else None)

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        self.n_features_ = X.values.shape[1]
        self.parts_ = [deepcopy(self.distribution) for _ in range(n_labels)]
        self.update(self.statistics(X, guessed_labels(X.values, n_labels, rng)))

    def log_scores(self, X: Sequences) -> Packed:
        seen = ~np.isnan(X.values).any(axis=1)
        scores = np.zeros((len(X.values), len(self.parts_)))
        if seen.any():
            for j, part in enumerate(self.parts_):
                scores[seen, j] = np.asarray(part.log_probability(self._rows(X.values[seen])), dtype=np.float64)
        return Packed(np.clip(scores, -LARGEST, LARGEST), np.arange(len(scores), dtype=np.int32), X, False)

    def _rows(self, values: np.ndarray) -> np.ndarray:
        return values.astype(np.float32)

    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        seen = ~np.isnan(X.values).any(axis=1)
        return {"sample": Sample(X.values[seen], rows[seen], False)}

    def update(self, statistics: Statistics) -> None:
        sample = statistics["sample"]
        for part, weights in zip(self.parts_, sample.weights.T, strict=True):
            own = weights > 0
            if own.any():
                part.summarize(self._rows(sample.values[own]), sample_weight=weights[own].astype(np.float32)[:, None])
                part.from_summaries()

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Drawn by torch, with its own generator of random numbers."""
        out = np.empty((len(labels), self.n_features_))
        for j, part in enumerate(self.parts_):
            own = labels == j
            if own.any():
                out[own] = np.asarray(part.sample(int(own.sum())))
        return out

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        twin.__dict__ |= self.__dict__ | {"parts_": deepcopy(self.parts_)}
        return twin

    def state(self) -> dict[str, np.ndarray]:
        raise ValueError("a distribution of pomegranate cannot be written to a file of hmmseq; use a family of hmmseq")
