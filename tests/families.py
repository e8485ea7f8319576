"""The families of emissions with, for each, random parameters, and its density as scipy or a formula has it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.base import clone

from hmmseq import Sequences, emissions


@dataclass
class Family:
    emission: Any
    draw: Callable | None  # (rng, shape) -> parameters in the order of `parameters_`, arrays of that shape
    log_density: Callable | None  # (x, *parameters) -> log density, elementwise
    data: Callable  # (rng, shape) -> observations that its support allows
    outside: tuple = ()  # values that it does not allow

    def __str__(self):
        return str(self.emission)

    def random(self, rng, n_labels=2, n_features=2):
        """The emission with random parameters; without `draw`, its first guess from other data."""
        emission = clone(self.emission)
        if self.draw is None:
            X = emission.observe(Sequences.pack([self.data(rng, (60, 2))]))
            emission.initialise(X, n_labels, rng)
            return emission
        drawn = self.draw(rng, (n_labels, n_features))
        for name, array in zip(emission.parameters_, drawn, strict=False):
            setattr(emission, name, array)
        return emission


def zero_inflated(logpmf):
    def log_density(x, zero, *rest):
        return np.log(zero * (x == 0) + (1 - zero) * np.exp(logpmf(x, *rest)))

    return log_density


def nbinom(x, mean, size):
    return stats.nbinom.logpmf(x, size, size / (size + mean))


def positive(rng, shape):
    return rng.gamma(2.0, size=shape) + 0.1


def share(rng, shape):
    return rng.uniform(0.1, 0.9, shape)


def real(rng, shape):
    return 2 * rng.normal(size=shape)


def counts(rng, shape):
    return rng.poisson(rng.gamma(1.0, 3.0, shape)).astype(float)


def several(*draws):
    return lambda rng, shape: [draw(rng, shape) for draw in draws]


FAMILIES = [
    Family(emissions.Bernoulli(), several(share), stats.bernoulli.logpmf,
           lambda rng, shape: rng.integers(0, 2, shape).astype(float), (-1.0, 2.0, 0.5)),
    Family(emissions.Bernoulli(pseudocount=0.5), several(share), stats.bernoulli.logpmf,
           lambda rng, shape: rng.integers(0, 2, shape).astype(float)),
    Family(emissions.Poisson(), several(positive), stats.poisson.logpmf, counts, (-1.0, 0.5)),
    Family(emissions.Poisson(prior_count=2.0, prior_steps=1.0), several(positive), stats.poisson.logpmf, counts),
    Family(emissions.Geometric(), several(share), stats.geom.logpmf, lambda rng, shape: counts(rng, shape) + 1, (0.0, 1.5)),
    Family(emissions.NegativeBinomial(), several(positive, positive), nbinom, counts, (-1.0, 0.5)),
    Family(emissions.ZeroInflatedPoisson(), several(share, positive), zero_inflated(stats.poisson.logpmf), counts, (-2.0,)),
    Family(emissions.ZeroInflatedNegativeBinomial(), several(share, positive, positive), zero_inflated(nbinom), counts,
           (-2.0,)),
    Family(emissions.Exponential(), several(positive), lambda x, m: stats.expon.logpdf(x, scale=m), positive, (0.0, -1.0)),
    Family(emissions.Gamma(), several(positive, positive),
           lambda x, m, a: stats.gamma.logpdf(x, a, scale=m / a), positive, (0.0, -1.0)),
    Family(emissions.LogNormal(), several(real, positive, lambda rng, shape: np.ones(shape[1])),
           lambda x, m, v: stats.lognorm.logpdf(x, np.sqrt(v), scale=np.exp(m)), positive, (0.0, -1.0)),
    Family(emissions.Gaussian(), several(real, positive, lambda rng, shape: np.ones(shape[1])),
           lambda x, m, v: stats.norm.logpdf(x, m, np.sqrt(v)), real),
    Family(emissions.Gaussian(prior_mean=[0.5, -1.0], prior_mean_steps=3.0, prior_covar=[2.0, 0.5], prior_covar_steps=4.0),
           several(real, positive, lambda rng, shape: np.ones(shape[1])),
           lambda x, m, v: stats.norm.logpdf(x, m, np.sqrt(v)), real),
    Family(emissions.Geometric(prior_successes=2.0, prior_trials=7.0), several(share), stats.geom.logpmf,
           lambda rng, shape: counts(rng, shape) + 1),
    Family(emissions.Exponential(prior_sum=4.0, prior_steps=3.0), several(positive),
           lambda x, m: stats.expon.logpdf(x, scale=m), positive),
    Family(emissions.StudentT(), several(real, positive, positive, lambda rng, shape: np.full(shape, 1e-6)),
           lambda x, loc, scale, dof, _=None: stats.t.logpdf(x, dof, loc, scale),
           lambda rng, shape: rng.standard_t(2.0, shape)),
    Family(emissions.VonMises(), several(real, positive), lambda x, loc, kappa: stats.vonmises.logpdf(x, kappa, loc), real),
    Family(emissions.Beta(), several(positive, positive), stats.beta.logpdf, share, (0.0, 1.0, 1.5)),
]  # fmt: skip


def beside(*draws):
    return lambda rng, shape: np.column_stack([draw(rng, (shape[0], 1)) for draw in draws])


def symbols(rng, shape):
    return rng.integers(0, 3, shape).astype(float)


def flags(rng, shape):
    return rng.integers(0, 2, shape).astype(float)


def joint(emission, *draws):
    return Family(emission, None, None, beside(*draws))


JOINT = [
    joint(emissions.Multinomial(), counts, counts, counts),
    joint(emissions.Multinomial(pseudocount=1.0), counts, counts, counts),
    *[joint(emissions.Gaussian(kind), real, positive, counts) for kind in ("spherical", "full", "tied")],
    *[joint(emissions.Gaussian(kind, prior_mean=[0.5, 1.0, 2.0], prior_mean_steps=2.0, prior_covar_steps=5.0),
            real, positive, counts) for kind in ("spherical", "full", "tied")],
    joint(emissions.LowRankGaussian(1), real, positive, counts, real),
    joint(emissions.LinearRegression(), real, positive, counts),
    joint(emissions.LinearRegression(2), real, positive, counts),
    joint(emissions.AutoregressiveGaussian(2), real, positive),
    joint(emissions.LogisticRegression(), flags, positive, real),
    joint(emissions.PoissonRegression(), counts, positive, real),
    joint(emissions.SciPy("gumbel_r"), real, positive),
    joint(emissions.SciPy("betabinom", start={"n": 40, "a": 2.0, "b": 9.0}, fixed={"n": 40, "loc": 0}), counts, counts),
    joint(emissions.Mixture(emissions.Gaussian(), 3), real, positive),
    joint(emissions.Mixture(emissions.Poisson()), counts, counts),
    joint(emissions.Mixture([emissions.Gamma(), emissions.LogNormal(), emissions.Exponential()]), positive, positive),
    joint(emissions.Mixture(emissions.Product([emissions.Gaussian(), emissions.Categorical(3)])), real, symbols),
    joint(emissions.Product([emissions.Poisson(), emissions.Categorical(3, order=1)]), counts, symbols),
    joint(emissions.Product([emissions.Mixture(emissions.StudentT()), emissions.Bernoulli(), emissions.VonMises()],
                            [[0, 1], [2], [3]]), real, real, flags, real),
]  # fmt: skip
