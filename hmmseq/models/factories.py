"""Familiar names: hidden Markov models with hmmlearn's parameter names."""

from typing import Any

from hmmseq.emissions import Categorical, Gaussian, Mixture, Poisson
from hmmseq.models.hmm import HMM


def GaussianHMM(n_components: int = 1, covariance_type: str = "diag", min_covar: float = 1e-6, **options: Any) -> HMM:
    """`HMM(Gaussian(...))`; fitted attributes `means_`, `covars_`, `startprob_`, `transmat_`."""
    return HMM(Gaussian(covariance_type, min_covar=min_covar), n_components, **options)  # type: ignore[arg-type]


def CategoricalHMM(n_components: int = 1, *, n_features: int | None = None, **options: Any) -> HMM:
    """`HMM(Categorical(...))`, `n_features` symbols; fitted attributes `emissionprob_`, `startprob_`, `transmat_`."""
    return HMM(Categorical(n_features), n_components, **options)


def PoissonHMM(
    n_components: int = 1, *, lambdas_prior: float = 0.0, lambdas_weight: float = 0.0, **options: Any
) -> HMM:
    """`HMM(Poisson(...))`; fitted attributes `lambdas_`, `startprob_`, `transmat_`."""
    return HMM(Poisson(prior_count=lambdas_prior, prior_steps=lambdas_weight), n_components, **options)


def GMMHMM(
    n_components: int = 1, n_mix: int = 1, covariance_type: str = "diag", min_covar: float = 1e-6, **options: Any
) -> HMM:
    """`HMM(Mixture(Gaussian(...), n_mix))`; fitted attributes `weights_` (n_components, n_mix), `means_`, `covars_`.

    covariance_type : "spherical", "diag" or "full", of each component; "tied" is one matrix for all of them
    """
    emission = Mixture(Gaussian(covariance_type, min_covar=min_covar), n_mix)  # type: ignore[arg-type]
    return HMM(emission, n_components, **options)
