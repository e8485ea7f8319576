"""Normal distributions of many features that move together in a few directions."""

import numpy as np

from hmmseq.emissions.base import Emission
from hmmseq.emissions.gaussian import Gaussian
from hmmseq.emissions.scales import Matrices, Scale, any_size, positive
from hmmseq.sequences import Sequences
from hmmseq.validation import check_whole

INNER_STEPS = 10  # of the EM for the factors, in each M-step


class LowRankGaussian(Gaussian):
    """Factor analysis in each label: covariance loadings @ loadings.T + diag(noises).

    Parameters
    ----------
    n_factors : columns of the loadings, fewer than there are features
    min_covar, missing, fixed : as in `Gaussian`; "means", "loadings" and "noises" can be fixed, loadings of a whole label

    Attributes: means_ (n_labels, n_features), loadings_ (n_labels, n_features, n_factors), noises_ (n_labels, n_features);
    covars_ is made of them. The loadings are known up to a rotation (Rubin and Thayer, Psychometrika 47, 1982).
    """

    parameters_ = ("means_", "loadings_", "noises_", "scale_")
    of_data = ("scale_",)
    _held_together = (("means_", (1,)), ("loadings_", (1, 2)))
    covariance = "full"  # how the rest of Gaussian treats it

    def __init__(
        self, n_factors: int = 1, *, min_covar: float = 1e-6, missing: str = "nan", fixed: dict | None = None
    ) -> None:
        self.n_factors = n_factors
        self.min_covar = min_covar
        self.missing = missing
        self.fixed = fixed

    @property
    def covars_(self) -> np.ndarray:  # type: ignore[override]
        """(n_labels, n_features, n_features) covariances: loadings @ loadings.T, and the noises on the diagonal."""
        matrices = self.loadings_ @ self.loadings_.transpose(0, 2, 1)
        return matrices + self.noises_[:, :, None] * np.eye(self.noises_.shape[1])

    def observe(self, X: Sequences) -> Sequences:
        check_whole("n_factors", self.n_factors, 1)
        return super().observe(X)

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        self._directions = rng.normal(size=(X.values.shape[1], self.n_factors)) * np.sqrt(0.3 / self.n_factors)
        super().initialise(X, n_labels, rng)

    def _set_covariances(self, full: np.ndarray) -> None:
        """Random loadings to begin with: at 0 they would stay."""
        variances = np.einsum("kdd->kd", full)
        self.settle("loadings_", self._directions * np.sqrt(variances)[:, :, None])
        self.settle("noises_", 0.7 * variances)

    def _update_matrices(self, squares: np.ndarray, mass: np.ndarray) -> None:
        covariances = squares / np.where(mass > 0, mass, 1.0)[:, None, None]
        for _ in range(INNER_STEPS):
            self._factor_step(covariances, mass > 0)

    def _factor_step(self, covariances: np.ndarray, learned: np.ndarray) -> None:
        """One EM step for covariances of data, with the factors as what is hidden."""
        to_factors = np.linalg.solve(self.covars_, self.loadings_).transpose(0, 2, 1)
        crossed = to_factors @ covariances  # (n_labels, n_factors, n_features)
        squares = np.eye(self.n_factors) - to_factors @ self.loadings_ + crossed @ to_factors.transpose(0, 2, 1)
        self.settle("loadings_", np.linalg.solve(squares, crossed).transpose(0, 2, 1), learned[:, None, None])
        explained = 2 * np.einsum("kdf,kfd->kd", self.loadings_, crossed)
        explained -= np.einsum("kdf,kfg,kdg->kd", self.loadings_, squares, self.loadings_)
        noises = np.maximum(np.einsum("kdd->kd", covariances) - explained, self.min_covar * self.scale_)
        self.settle("noises_", noises, learned[:, None])

    def scales(self) -> dict[str, Scale | Matrices]:
        own = any_size(np.sqrt(self.scale_))
        loadings = any_size(np.sqrt(self.scale_)[:, None])
        return {"means_": own, "loadings_": loadings, "noises_": positive(self.min_covar * self.scale_)}

    def n_parameters(self) -> int:
        n_labels, _, n_factors = self.loadings_.shape  # which can be rotated
        return Emission.n_parameters(self) - n_labels * n_factors * (n_factors - 1) // 2

    def check(self, n_labels: int) -> None:
        shape = n_labels, len(self.scale_)
        if self.noises_.shape != shape or self.loadings_.shape != (*shape, self.n_factors):
            raise ValueError(
                f"loadings_ and noises_ have shapes {self.loadings_.shape} and {self.noises_.shape}; "
                f"expected {(*shape, self.n_factors)} and {shape}"
            )
        if not np.all(self.noises_ > 0):
            raise ValueError("noises_ must be positive")
        super().check(n_labels)
