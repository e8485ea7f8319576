"""What a state can emit: the contract between models and distributions."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator

from hmmseq.scores import Packed
from hmmseq.sequences import Sequences

Statistics = dict[str, np.ndarray]


class Emission(BaseEstimator, ABC):
    """A distribution for each label. Implement these methods and every model can use it.

    The constructor only stores its arguments; whatever is learned ends in an underscore and has the labels on its first
    axis. `parameters_` names those arrays, for saving.
    """

    parameters_: tuple[str, ...] = ()
    lookback = 0  # how many earlier observations the score of one depends on: a stream keeps them

    @abstractmethod
    def observe(self, X: Sequences) -> Sequences:
        """Check data once and turn them into what the other methods read. ValueError says what is wrong and where."""

    @abstractmethod
    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        """A reasonable first guess from observed data."""

    @abstractmethod
    def log_scores(self, X: Sequences) -> Packed:
        """Log density of each observation under each label, dense or by symbol."""

    @abstractmethod
    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        """Additive summary of the data: adding two of them is summing over both sets of sequences.

        rows : (n_rows, n_labels) weight of each row of the score table under each label
        """

    @abstractmethod
    def update(self, statistics: Statistics) -> None:
        """Parameters of maximum likelihood (or posterior) for these statistics; labels of no weight stay as they are."""

    @abstractmethod
    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One observation for each label of a path: (n_steps,) or (n_steps, n_features)."""

    def check(self, n_labels: int) -> None:
        """ValueError unless the learned parameters fit together and `n_labels`. A model file can say anything."""

    def unconstrained(self) -> np.ndarray:
        """All learned parameters as one vector of numbers of any size, of scale 1 or so; of probabilities the roots."""
        raise ValueError(f"{type(self).__name__} emissions have no unconstrained form; leave out accelerate=True")

    def constrain(self, vector: np.ndarray) -> None:
        """Take the parameters from a vector like those of `unconstrained`. ValueError if it describes none."""
        raise NotImplementedError

    def reorder(self, order: np.ndarray) -> None:
        """Give label i the parameters of label order[i]; here, those are all arrays of `parameters_`."""
        for name in self.parameters_:
            value = getattr(self, name)
            if np.ndim(value):
                setattr(self, name, value[order])

    def n_parameters(self) -> int:
        """Degrees of freedom of what was learned; here, all numbers in `parameters_`."""
        return sum(np.size(getattr(self, name)) for name in self.parameters_)

    def log_prior(self) -> float:
        """Log prior density of the parameters up to a constant; what EM raises is log-likelihood plus this."""
        return 0.0


def add(a: Statistics, b: Statistics) -> Statistics:
    """Statistics of both sets of sequences."""
    return {name: a[name] + b[name] for name in a}
