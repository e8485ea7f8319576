"""What states emit. Each is a small file with the methods of `Emission`; docs/emissions.md shows how to write one."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hmmseq import _light  # noqa: F401  # before anything imports scikit-learn
from hmmseq.emissions.base import Emission

if TYPE_CHECKING:
    from hmmseq.emissions.adaptors import Pomegranate, SciPy
    from hmmseq.emissions.bernoulli import Bernoulli
    from hmmseq.emissions.beta import Beta
    from hmmseq.emissions.categorical import Categorical
    from hmmseq.emissions.exponential import Exponential
    from hmmseq.emissions.gamma import Gamma
    from hmmseq.emissions.gaussian import Gaussian
    from hmmseq.emissions.generalised import LogisticRegression, PoissonRegression
    from hmmseq.emissions.geometric import Geometric
    from hmmseq.emissions.linear import AutoregressiveGaussian, LinearRegression
    from hmmseq.emissions.log_normal import LogNormal
    from hmmseq.emissions.low_rank import LowRankGaussian
    from hmmseq.emissions.mixture import Mixture
    from hmmseq.emissions.multinomial import Multinomial
    from hmmseq.emissions.negative_binomial import NegativeBinomial
    from hmmseq.emissions.poisson import Poisson
    from hmmseq.emissions.product import Product
    from hmmseq.emissions.student import StudentT
    from hmmseq.emissions.variational import VariationalCategorical, VariationalGaussian
    from hmmseq.emissions.von_mises import VonMises
    from hmmseq.emissions.zero_inflated import ZeroInflatedNegativeBinomial, ZeroInflatedPoisson

__all__ = [
    "AutoregressiveGaussian",
    "Bernoulli",
    "Beta",
    "Categorical",
    "Emission",
    "Exponential",
    "Gamma",
    "Gaussian",
    "Geometric",
    "LinearRegression",
    "LogNormal",
    "LogisticRegression",
    "LowRankGaussian",
    "Mixture",
    "Multinomial",
    "NegativeBinomial",
    "Poisson",
    "PoissonRegression",
    "Pomegranate",
    "Product",
    "SciPy",
    "StudentT",
    "VariationalCategorical",
    "VariationalGaussian",
    "VonMises",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
]

# The module of each family; a model file may name these and no others.
FAMILIES = {
    "AutoregressiveGaussian": "linear",
    "Bernoulli": "bernoulli",
    "Beta": "beta",
    "Categorical": "categorical",
    "Exponential": "exponential",
    "Gamma": "gamma",
    "Gaussian": "gaussian",
    "Geometric": "geometric",
    "LinearRegression": "linear",
    "LogNormal": "log_normal",
    "LogisticRegression": "generalised",
    "LowRankGaussian": "low_rank",
    "Mixture": "mixture",
    "Multinomial": "multinomial",
    "NegativeBinomial": "negative_binomial",
    "Poisson": "poisson",
    "PoissonRegression": "generalised",
    "Pomegranate": "adaptors",
    "Product": "product",
    "SciPy": "adaptors",
    "StudentT": "student",
    "VariationalCategorical": "variational",
    "VariationalGaussian": "variational",
    "VonMises": "von_mises",
    "ZeroInflatedNegativeBinomial": "zero_inflated",
    "ZeroInflatedPoisson": "zero_inflated",
}


def __getattr__(name: str) -> Any:
    """Load a family when it is first used."""
    if name not in FAMILIES:
        raise AttributeError(f"module 'hmmseq.emissions' has no attribute {name!r}")
    return getattr(import_module(f"hmmseq.emissions.{FAMILIES[name]}"), name)


def from_description(kind: dict[str, Any]) -> Emission:
    """A new emission as its `described` says; ValueError for a class that is not one of the families."""
    if kind["class"] not in FAMILIES:
        raise ValueError(f"emission {kind['class']!r} is none of {sorted(FAMILIES)}")
    made: Emission = __getattr__(kind["class"])(**{name: _made(value) for name, value in kind["params"].items()})
    return made


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return [_made(part) for part in value]
    return from_description(value) if isinstance(value, dict) and "class" in value else value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
