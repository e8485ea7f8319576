"""Emissions whose parameters have distributions of their own: what variational Bayes learns."""

from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.special import digamma, gammaln, multigammaln

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.categorical import Categorical
from hmmseq.emissions.gaussian import Covariance, Gaussian, mean_and_variance
from hmmseq.emissions.scales import Matrices, Scale
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences


class Posterior(Emission):
    """An emission that keeps a distribution of its parameters.

    To the E-step its score is the expected log density; `log_prior` is minus the divergence of the distribution from the
    prior, so that what EM raises is the bound.
    """

    def distribution(self) -> dict[str, np.ndarray]:
        """The parameters of that distribution, by name."""
        raise NotImplementedError

    def believe(self, distribution: dict[str, np.ndarray]) -> None:
        """Take a distribution as `distribution` describes it; ValueError if it is of other labels or features."""
        raise NotImplementedError

    def expected(self) -> Emission:
        """The emission with the expected parameters."""
        raise NotImplementedError

    def normals(self, X: Sequences) -> None:
        """An expected log density is not that of any normal."""


class VariationalCategorical(Posterior, Categorical):
    """`Categorical` with a Dirichlet distribution of the probabilities of each label (and context).

    concentration : of the prior, for each symbol; default 1 / n_symbols. n_symbols, order : as in `Categorical`
    """

    concentrations_: np.ndarray

    def __init__(self, n_symbols: int | None = None, *, order: int = 0, concentration: float | None = None) -> None:
        self.n_symbols = n_symbols
        self.order = order
        self.concentration = concentration

    pseudocount = 0.0

    def observe(self, X: Sequences) -> Sequences:
        check_concentration("concentration", self.concentration)
        return super().observe(X)

    @property
    def _prior(self) -> float:
        return 1.0 / self.n_symbols_ if self.concentration is None else float(self.concentration)

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        super().initialise(X, n_labels, rng)
        self._believe(self._prior + len(X.values) / n_labels * self.emissionprob_)

    def update(self, statistics: Statistics) -> None:
        self._believe(self._prior + statistics["counts"].reshape(self.emissionprob_.shape))

    def _believe(self, concentrations: np.ndarray) -> None:
        self.concentrations_ = concentrations
        self.emissionprob_ = np.exp(expected_logs(concentrations))

    def believe(self, distribution: dict[str, np.ndarray]) -> None:
        _check_alike(self.distribution(), distribution)
        self._believe(distribution["emissionprob"])

    def state(self) -> dict[str, np.ndarray]:
        return super().state() | {"concentrations_": self.concentrations_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.concentrations_ = state["concentrations_"]

    def check(self, n_labels: int) -> None:
        self.expected().check(n_labels)

    def log_prior(self) -> float:
        return -float(np.sum(dirichlet_divergence(self.concentrations_, self._prior)))

    def distribution(self) -> dict[str, np.ndarray]:
        return {"emissionprob": self.concentrations_}

    def expected(self) -> Categorical:
        point = Categorical(self.n_symbols, order=self.order)
        point.n_symbols_ = self.n_symbols_
        point.emissionprob_ = self.concentrations_ / self.concentrations_.sum(-1, keepdims=True)
        return point


class VariationalGaussian(Posterior, Gaussian):
    """`Gaussian` with a normal-Wishart distribution of mean and precision of each label; normal-gamma for "diag".

    Parameters
    ----------
    covariance : "diag" or "full"
    mean, mean_steps : of the prior of the means: as if seen in so many steps at `mean`, by default that of all data
    covar, covar_steps : of the prior of the precisions: as if so many steps had had these variances, or this matrix, by
        default the variances of all data and as many steps as there are features (1 for "diag")
    missing : as in `Gaussian`

    Beal, Variational Algorithms for Approximate Bayesian Inference, PhD thesis, London 2003, chapter 3; the formulas are
    those of Bishop, Pattern Recognition and Machine Learning, 2006, section 10.2.
    """

    belief_: "NormalWisharts"
    prior_: "NormalWisharts"
    min_covar = 1e-12
    fixed = None

    def __init__(
        self,
        covariance: Covariance = "diag",
        *,
        mean: Any = None,
        mean_steps: float = 1.0,
        covar: Any = None,
        covar_steps: float | None = None,
        missing: str = "nan",
    ) -> None:
        self.covariance = covariance
        self.mean = mean
        self.mean_steps = mean_steps
        self.covar = covar
        self.covar_steps = covar_steps
        self.missing = missing

    def observe(self, X: Sequences) -> Sequences:
        if self.covariance not in ("diag", "full"):
            raise ValueError(f"covariance is {self.covariance!r}; variational Gaussians are 'diag' or 'full'")
        return super().observe(X)

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        """As if each label had been seen in its share of the steps, at the means that k-means finds."""
        super().initialise(X, n_labels, rng)
        mean, variance, _ = mean_and_variance(X.values)
        self.prior_ = NormalWisharts.prior(self, mean, variance)
        steps = len(X.values) / n_labels
        squares = np.broadcast_to(np.diag(self.scale_), (n_labels, *2 * self.scale_.shape))
        mass = np.full((n_labels, 1), steps)
        self._believe(mass, steps * (self.means_ - self.prior_.mean), steps * squares, about_prior=True)

    def update(self, statistics: Statistics) -> None:
        """Sums come about the present means; the distribution is about those of the prior."""
        mass, first, second = statistics["mass"], statistics["first"], statistics["second"]
        mass = mass[:, None] if mass.ndim == 1 else mass
        shift = self.means_ - self.prior_.mean
        if self.covariance == "diag":
            squares = second + 2 * shift * first + mass * shift**2
        else:
            crossed = shift[:, :, None] * first[:, None, :]
            squares = (
                second + crossed + crossed.transpose(0, 2, 1) + mass[:, :, None] * shift[:, :, None] * shift[:, None, :]
            )
        self._believe(mass, first + mass * shift, squares)

    def _believe(self, mass: np.ndarray, first: np.ndarray, squares: np.ndarray, about_prior: bool = False) -> None:
        """Sums about the mean of the prior; `about_prior`: of squares, about the means instead."""
        if self.covariance == "diag" and squares.ndim == 3:
            squares = np.einsum("kdd->kd", squares)
            mass = np.broadcast_to(mass, squares.shape)
        if about_prior:
            apart = first / mass
            squares = squares + (
                mass * apart**2 if squares.ndim == 2 else mass[:, :, None] * apart[:, :, None] * apart[:, None, :]
            )
        self.belief_ = self.prior_.given(mass, first, squares)
        self.means_, self.covars_ = self.belief_.mean, self.belief_.covariances()

    def believe(self, distribution: dict[str, np.ndarray]) -> None:
        _check_alike(self.distribution(), distribution)
        dof, covar = distribution["covar_steps"], distribution["covar"]
        inverse = covar * (dof if covar.ndim == 2 else dof[:, :, None])
        self.belief_ = NormalWisharts(distribution["mean"], distribution["mean_steps"], dof, inverse)
        self.means_, self.covars_ = self.belief_.mean, self.belief_.covariances()

    def state(self) -> dict[str, np.ndarray]:
        both = {"belief": self.belief_, "prior": self.prior_}
        return super().state() | {f"{k}.{name}": a for k, own in both.items() for name, a in own._asdict().items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.belief_, self.prior_ = (
            NormalWisharts(*(state[f"{k}.{name}"] for name in NormalWisharts._fields)) for k in ("belief", "prior")
        )

    def log_scores(self, X: Sequences) -> Packed:
        """Normal densities of the expected precision, less what is lost because it is not known exactly."""
        scores, loss = super().log_scores(X), self.belief_.loss()
        if self.covariance == "full":
            return replace(scores, table=scores.table + loss[:, 0])
        return replace(scores, table=scores.table + ~np.isnan(X.values) @ loss.T)

    def log_prior(self) -> float:
        return -float(self.belief_.divergence(self.prior_).sum())

    def distribution(self) -> dict[str, np.ndarray]:
        return self.belief_.arrays()

    def expected(self) -> Gaussian:
        point = Gaussian(self.covariance, missing=self.missing)
        point.means_, point.covars_, point.scale_ = self.means_, self.covars_, self.scale_
        return point

    def reorder(self, order: np.ndarray) -> None:
        super().reorder(order)
        self.belief_ = self.belief_._replace(**{name: a[order] for name, a in self.belief_._asdict().items()})

    def scales(self) -> dict[str, Scale | Matrices]:
        return dict(Emission.scales(self))  # a distribution has no standard errors


class NormalWisharts(NamedTuple):
    """Normal-Wishart distributions of means and precisions: one for each label; for "diag", for each label and feature.

    The precision has the inverse scale `inverse` and `dof` degrees of freedom, the mean that of the precision times `steps`.
    """

    mean: np.ndarray  # (n_labels, n_features); of the prior (n_features,)
    steps: np.ndarray  # (n_labels, 1), or (n_labels, n_features)
    dof: np.ndarray  # the same
    inverse: np.ndarray  # (n_labels, n_features, n_features), or (n_labels, n_features)

    @classmethod
    def prior(cls, options: VariationalGaussian, mean: np.ndarray, variance: np.ndarray) -> Self:
        """One for all labels, as the options of the emission ask for."""
        d, full = len(mean), options.covariance == "full"
        least = float(d if full else 1)
        dof = least if options.covar_steps is None else float(options.covar_steps)
        if not (0 < options.mean_steps < np.inf and least - 1 < dof < np.inf):
            raise ValueError(
                f"mean_steps and covar_steps are {options.mean_steps!r} and {options.covar_steps!r}; "
                f"expected more than 0 and more than {least - 1:g}"
            )
        centre = mean if options.mean is None else np.broadcast_to(np.asarray(options.mean, dtype=np.float64), d)
        covar = np.asarray(variance if options.covar is None else options.covar, dtype=np.float64)
        matrix = covar if covar.ndim == 2 else np.diag(np.broadcast_to(covar, d))
        if matrix.shape != (d, d) or not np.allclose(matrix, matrix.T) or not np.linalg.eigvalsh(matrix).min() > 0:
            raise ValueError(
                f"covar has shape {covar.shape}; expected positive variances or a covariance of {d} features"
            )
        wide = (1,) if full else (d,)
        inverse = dof * (matrix if full else np.diag(matrix))
        return cls(centre, np.full(wide, float(options.mean_steps)), np.full(wide, dof), inverse)

    def given(self, mass: np.ndarray, first: np.ndarray, squares: np.ndarray) -> "NormalWisharts":
        """The posterior for sums about the mean of this prior."""
        steps = self.steps + mass
        away = first / steps
        taken = steps * away**2 if squares.ndim == 2 else steps[:, :, None] * away[:, :, None] * away[:, None, :]
        inverse = self.inverse + squares - taken
        return NormalWisharts(self.mean + away, steps, self.dof + mass, inverse)

    def covariances(self) -> np.ndarray:
        """The inverse of the expected precision."""
        return self.inverse / (self.dof if self.inverse.ndim == 2 else self.dof[:, :, None])

    @property
    def _single(self) -> bool:
        """Whether each is about one feature."""
        return self.inverse.ndim == self.steps.ndim

    @property
    def _size(self) -> int:
        """How many features each is about."""
        return 1 if self._single else self.mean.shape[-1]

    def _log_determinant(self) -> np.ndarray:
        """Of the inverse scale."""
        return np.log(self.inverse) if self._single else np.linalg.slogdet(self.inverse)[1][..., None]

    def _expected_log_precision(self) -> np.ndarray:
        each = np.arange(self._size)
        return digamma((self.dof[..., None] - each) / 2).sum(-1) + self._size * np.log(2) - self._log_determinant()

    def loss(self) -> np.ndarray:
        """What the expected log density is below the log density of the expected precision."""
        log_precision = self._size * np.log(self.dof) - self._log_determinant()
        return 0.5 * (self._expected_log_precision() - log_precision) - self._size / (2 * self.steps)

    def _log_normaliser(self) -> np.ndarray:
        d = self._size
        log_gamma = multigammaln(self.dof / 2, d) if d > 1 else gammaln(self.dof / 2)
        return self.dof * d / 2 * np.log(2) - self.dof / 2 * self._log_determinant() + log_gamma

    def divergence(self, prior: "NormalWisharts") -> np.ndarray:
        """Kullback-Leibler divergence of each from the prior: one for all, or one for each."""
        d, away = self._size, self.mean - prior.mean
        ratio = prior.steps / self.steps
        if self._single:
            distance, trace = away**2 * self.dof / self.inverse, self.dof * prior.inverse / self.inverse
        else:
            precision = self.dof[:, :, None] * np.linalg.inv(self.inverse)
            distance = np.einsum("kd,kde,ke->k", away, precision, away)[:, None]
            trace = np.trace(precision @ prior.inverse, axis1=-2, axis2=-1)[:, None]
        means = 0.5 * (d * (ratio - 1 - np.log(ratio)) + prior.steps * distance)
        precisions = 0.5 * ((self.dof - prior.dof) * self._expected_log_precision() - self.dof * d + trace)
        found: np.ndarray = means + precisions - self._log_normaliser() + prior._log_normaliser()
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """By the names that they have in `VariationalGaussian`."""
        return {"mean": self.mean, "mean_steps": self.steps, "covar": self.covariances(), "covar_steps": self.dof}


def _check_alike(own: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    shapes = {name: array.shape for name, array in own.items()}
    found = {name: array.shape for name, array in other.items() if name in own}
    if shapes != found:
        raise ValueError(f"init has distributions of shapes {found}, but this model {shapes}")


def expected_logs(concentrations: np.ndarray) -> np.ndarray:
    """Expected log probabilities of rows with Dirichlet distributions."""
    found: np.ndarray = digamma(concentrations) - digamma(concentrations.sum(-1, keepdims=True))
    return found


def dirichlet_divergence(concentrations: np.ndarray, prior: Any) -> np.ndarray:
    """Kullback-Leibler divergence of each row from a Dirichlet prior of these concentrations."""
    prior = np.broadcast_to(prior, concentrations.shape)
    own = gammaln(concentrations.sum(-1)) - gammaln(concentrations).sum(-1)
    other = gammaln(prior.sum(-1)) - gammaln(prior).sum(-1)
    found: np.ndarray = own - other + ((concentrations - prior) * expected_logs(concentrations)).sum(-1)
    return found


def check_concentration(name: str, value: Any) -> None:
    """ValueError unless it is None or a positive number."""
    if value is not None and not 0 < value < np.inf:
        raise ValueError(f"{name} is {value!r}; expected a positive number, or None")
