"""What a state can emit: the contract between models and distributions."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from hmmseq.archive import plain
from hmmseq.emissions.scales import LARGEST, Matrices, Scale
from hmmseq.kernels.gaussian import Normals
from hmmseq.scores import Densities, Packed
from hmmseq.sequences import Sequences

Statistics = dict[str, Any]  # arrays, or whatever else `+` joins, such as a Sample


class Emission(BaseEstimator, ABC):
    """A distribution for each label. Implement these methods and every model can use it.

    The constructor only stores its arguments; whatever is learned ends in an underscore and has the labels on its first
    axis. `parameters_` names those arrays, for saving.

    An emission that takes the argument `fixed` gives its parameters their values through `settle`: entries that the user
    has fixed stay as given. Labels are the unit of tying: states that share a label share their emission.
    """

    parameters_: tuple[str, ...] = ()
    fixed: Any = None  # {"means": [[0.0], [None]]}: values of parameters; None or NaN marks what is learned
    of_data: tuple[str, ...] = ()  # those of them that describe the data, not a label
    sum_to_one: tuple[str, ...] = ()  # those of them whose rows are probabilities: one degree of freedom less
    symbols = False  # whether it reads whole numbers with -1 for missing, not numbers with NaN
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

    def scores(self, X: Sequences) -> Packed | Densities:
        """The same in the form that is the least work to answer questions from."""
        normals = self.normals(X)
        return self.log_scores(X) if normals is None else Densities(normals, X, False)

    def grouping(self, X: Sequences) -> tuple[np.ndarray, int]:
        """(n_steps,) the row of the table of scores that each step reads, and how many rows it has; default: one a step."""
        return np.arange(len(X.values), dtype=np.int32), len(X.values)

    @abstractmethod
    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        """Additive summary of the data: adding two of them is summing over both sets of sequences.

        rows : (n_rows, n_labels) weight of each row of the score table under each label
        """

    def normals(self, X: Sequences) -> Normals | None:
        """Scores in a form that kernels can make from the data as they need them (then `statistics_of` is, too); or None."""
        return None

    def statistics_of(self, moments: np.ndarray) -> Statistics:
        """Statistics from (3 n_features, n_labels) sums: weights, deviations and squares of each feature."""
        raise NotImplementedError

    def rebased(self, statistics: Statistics, before: "Emission") -> Statistics:
        """Statistics that were taken with the parameters of `before`, as if with these: averages over time need that.

        ValueError if they cannot be had without the data.
        """
        raise ValueError(
            f"{type(self).__name__} emissions cannot learn in parts (partial_fit): what they sum up is not enough to go on; "
            "use fit"
        )

    @abstractmethod
    def update(self, statistics: Statistics) -> None:
        """Parameters of maximum likelihood (or posterior) for these statistics; labels of no weight stay as they are."""

    @abstractmethod
    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One observation for each label of a path: (n_steps,) or (n_steps, n_features)."""

    def cumulative(self, X: Sequences) -> np.ndarray:
        """(4, n_steps, n_labels, n_features) log probability of less, at most, at least and more than what was observed.

        Of each feature alone; anything where it is missing. ValueError if what is emitted has no order.
        """
        raise ValueError(f"{type(self).__name__} emissions have no cumulative distribution, which residuals need")

    def described(self) -> dict[str, Any]:
        """Class and arguments as a file keeps them; `emissions.from_description` is the inverse."""
        return {"class": type(self).__name__, "params": plain(self.get_params(deep=False))}

    def redraw(self, values: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A sample for a path in the place of data as they were given: missing where they are, with their covariates."""
        drawn = self.sample(labels, rng).reshape(values.shape)
        return np.where(values == -1, -1, drawn) if self.symbols else np.where(np.isnan(values), np.nan, drawn)

    def settle(self, name: str, value: Any, learned: Any = True) -> None:
        """Set the parameter `name` where `learned` (a mask), except for the entries that are fixed."""
        value = np.where(learned, value, getattr(self, name)) if hasattr(self, name) else np.array(value)
        given = self.given(name, value.shape)
        setattr(self, name, np.where(np.isnan(given), value, given))

    def given(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """The fixed values of a parameter, NaN where it is learned. One number a label holds for all its features."""
        if not isinstance(self.fixed, Mapping | None):
            raise ValueError(f"fixed is {self.fixed!r}; expected parameters and their values by name, or None")
        known = dict(self.fixed or {})
        unknown = [key for key in known if f"{key}_" not in self.parameters_]
        if unknown:
            names = [parameter.rstrip("_") for parameter in self.parameters_]
            raise ValueError(f"fixed names {unknown[0]!r}; the parameters of {type(self).__name__} are {names}")
        try:
            given = np.asarray(known.get(name.rstrip("_"), np.nan), dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"fixed has {name.rstrip('_')} that are no numbers of shape {shape}") from None
        try:
            return np.broadcast_to(given.reshape(given.shape + (1,) * (len(shape) - given.ndim)), shape)
        except ValueError:
            raise ValueError(f"fixed has {name.rstrip('_')} of shape {given.shape}; expected {shape}") from None

    def state(self) -> dict[str, np.ndarray]:
        """Everything that was learned, by name, as a model file keeps it."""
        return {name: np.asarray(getattr(self, name)) for name in self.parameters_}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take what `state` gave; `check` says whether it fits together."""
        for name in self.parameters_:
            setattr(self, name, state[name] if state[name].ndim else state[name].item())

    def hold_fixed(self) -> None:
        """Give fixed parameters their values, whatever they were."""
        for name in self.parameters_:
            if name not in self.of_data:
                self.settle(name, getattr(self, name))

    def check(self, n_labels: int) -> None:
        """ValueError unless the learned parameters fit together and `n_labels`. A model file can say anything."""

    def scales(self) -> Mapping[str, Scale | Matrices]:
        """For each learned parameter how it becomes numbers of any size. ValueError if the family does not say."""
        raise ValueError(
            f"{type(self).__name__} emissions have no unconstrained form, which leaps (accelerate=True) and standard "
            "errors need"
        )

    def _free(self) -> list[tuple[str, Scale | Matrices, np.ndarray]]:
        """Name, scale, and which of its numbers are learned, of each parameter."""
        return [
            (name, scale, scale.learned(self.given(name, np.shape(getattr(self, name)))))
            for name, scale in self.scales().items()
        ]

    def unconstrained(self) -> np.ndarray:
        """All that is learned as one vector of numbers of any size, of scale 1 or so; of probabilities the roots."""
        parts = [scale.free(getattr(self, name))[learned] for name, scale, learned in self._free()]
        return np.concatenate([*parts, np.zeros(0)])

    def constrain(self, vector: np.ndarray) -> None:
        """Take the parameters from a vector like those of `unconstrained`. ValueError if it describes none."""
        if not np.all(np.abs(vector) < LARGEST):
            raise ValueError("parameters must be finite")
        for name, scale, learned in self._free():
            own, vector = np.split(vector, [int(learned.sum())])
            free = scale.free(getattr(self, name))
            free[learned] = own
            self.settle(name, scale.value(free))

    def owners(self) -> np.ndarray:
        """The label that each number of `unconstrained` belongs to, -1 for all of them."""
        parts = [
            np.full(learned.sum(), -1) if scale.shared else np.nonzero(learned)[0] for _, scale, learned in self._free()
        ]
        return np.concatenate([*parts, np.zeros(0, dtype=np.int64)])

    def learned(self) -> dict[str, np.ndarray]:
        """What was learned of the labels, by name, without what describes the data."""
        return {
            name.rstrip("_"): np.asarray(getattr(self, name)) for name in self.parameters_ if name not in self.of_data
        }

    def limits(self) -> dict[str, tuple[Any, Any]]:
        """The least and the largest value of what `learned` names."""
        return {name.rstrip("_"): (scale.low, scale.high) for name, scale in self.scales().items()}

    def known(self) -> np.ndarray:
        """(n,) which of all numbers in `learned`, in their order, are fixed."""
        given = [~np.isnan(self.given(name, array.shape)) for name, array in self.learned().items()]
        return np.concatenate([array.ravel() for array in given])

    def reorder(self, order: np.ndarray) -> None:
        """Give label i the parameters of label order[i]."""
        for name in self.parameters_:
            if name not in self.of_data:
                setattr(self, name, getattr(self, name)[order])

    def n_parameters(self) -> int:
        """Degrees of freedom of what was learned: all numbers in `parameters_` but those that are fixed."""
        total = 0
        for name in self.parameters_:
            if name in self.of_data:
                continue
            free = np.isnan(self.given(name, np.shape(getattr(self, name))))
            total += int(free.sum()) - (int(free.any(axis=-1).sum()) if name in self.sum_to_one else 0)
        return total

    def log_prior(self) -> float:
        """Log prior density of the parameters up to a constant; what EM raises is log-likelihood plus this."""
        return 0.0


def add(a: Statistics, b: Statistics) -> Statistics:
    """Statistics of both sets of sequences."""
    return {name: a[name] + b[name] for name in a}
