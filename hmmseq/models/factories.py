"""Familiar names: hidden Markov models with hmmlearn's parameter names."""

from typing import Any

from hmmseq.emissions import Categorical, Gaussian
from hmmseq.models.hmm import HMM


def GaussianHMM(n_components: int = 1, covariance_type: str = "diag", min_covar: float = 1e-6, **options: Any) -> HMM:
    """`HMM(Gaussian(...))`; fitted attributes `means_`, `covars_`, `startprob_`, `transmat_`."""
    return HMM(Gaussian(covariance_type, min_covar=min_covar), n_components, **options)  # type: ignore[arg-type]


def CategoricalHMM(n_components: int = 1, *, n_features: int | None = None, **options: Any) -> HMM:
    """`HMM(Categorical(...))`, `n_features` symbols; fitted attributes `emissionprob_`, `startprob_`, `transmat_`."""
    return HMM(Categorical(n_features), n_components, **options)
