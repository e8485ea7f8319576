"""Counts with more zeros than their family explains."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmmseq.emissions.columns import Columns
from hmmseq.emissions.cumulative import Inflated
from hmmseq.emissions.negative_binomial import NegativeBinomial
from hmmseq.emissions.observed import Sample
from hmmseq.emissions.poisson import Poisson


class _ZeroInflated(Columns):
    """With probability `zeros` nothing, otherwise a count of the family that comes next in the order of classes.

    An EM within the EM: which zeros are extra is expected at the present parameters (Lambert, Technometrics 34, 1992).
    """

    def log_density(self, x: np.ndarray, zero: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        counted = np.log1p(-zero) + super().log_density(x, *rest)  # type: ignore[safe-super]
        return np.where(x == 0, np.logaddexp(np.log(zero), counted), counted)

    def sufficient(self, x: np.ndarray, zero: np.ndarray, *rest: np.ndarray) -> dict[str, np.ndarray]:
        extra = np.where(x == 0, self._extra(zero, *rest), 0.0)
        terms = super().sufficient(x, *rest)  # type: ignore[safe-super]
        return {"extra": extra} | {name: (1 - extra) * term for name, term in terms.items()}

    def _extra(self, zero: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        """(n_labels,) probability that a zero is none of the counts."""
        with np.errstate(divide="ignore"):
            counted = super().log_density(np.zeros((1, 1)), *rest)[0]  # type: ignore[safe-super]
        total = zero + (1 - zero) * np.exp(counted)
        return zero / np.where(total > 0, total, 1.0)

    def maximise(self, mass: np.ndarray, average: dict[str, np.ndarray], sample: Sample | None) -> None:
        extra = np.stack([self._extra(*self.feature(d)) for d in range(mass.shape[1])], axis=1)
        zero = np.clip(average.pop("extra"), 0.0, 1.0)  # sums of weights are rounded
        self.settle("zeros_", zero, mass > 0)
        counted = mass * (1 - zero)
        average = {name: term * mass / np.where(counted > 0, counted, 1.0) for name, term in average.items()}
        thinned = None if sample is None else _Thinned(sample.values, sample.weights, sample.whole, extra)
        super().maximise(counted, average, thinned)  # type: ignore[safe-super]

    def typical(self, x: np.ndarray) -> tuple[float, ...]:
        zero = 0.5 * float(np.mean(x == 0))
        return zero, *super().typical(x[x > 0] if x.any() else x)  # type: ignore[safe-super]

    def distribution(self, zero: np.ndarray, *rest: np.ndarray) -> Any:
        return Inflated(zero, super().distribution(*rest))

    def draw(self, rng: np.random.Generator, zero: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        return np.where(rng.random(zero.shape) < zero, 0, super().draw(rng, *rest))  # type: ignore[safe-super]


@dataclass(frozen=True)
class _Thinned(Sample):
    """A sample without its extra zeros."""

    extra: np.ndarray  # (n_labels, n_features) the share of the zeros that goes

    def columns(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for (x, weights), extra in zip(super().columns(), self.extra.T, strict=True):
            yield x, weights * np.where(x == 0, 1 - extra, 1.0)


class ZeroInflatedPoisson(_ZeroInflated, Poisson):
    """With probability `zeros` nothing, otherwise a Poisson count; parameters as in `Poisson`.

    Attributes: zeros_ and lambdas_ (n_labels, n_features).
    """

    parameters_ = ("zeros_", "lambdas_")
    bounds = ((0.0, 1.0), *Poisson.bounds)


class ZeroInflatedNegativeBinomial(_ZeroInflated, NegativeBinomial):
    """With probability `zeros` nothing, otherwise a negative binomial count.

    Attributes: zeros_, means_ and sizes_ (n_labels, n_features).
    """

    parameters_ = ("zeros_", "means_", "sizes_")
    bounds = ((0.0, 1.0), *NegativeBinomial.bounds)
