"""Bootstrap: how estimates vary when the data are drawn again."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.utils import check_random_state

from hmmseq import lattice
from hmmseq.models import inputs
from hmmseq.models.estimates import as_text, check_level, named_parameters
from hmmseq.models.hmm import HMM
from hmmseq.models.input_hmm import InputHMM
from hmmseq.models.matching import match_states, reordered
from hmmseq.models.variational import VariationalHMM
from hmmseq.scores import pack
from hmmseq.sequences import Sequences
from hmmseq.validation import sample_weights


@dataclass(frozen=True)
class Resampled:
    """Estimates from data that were drawn again.

    names : (n,) as in `Estimates`
    values : (n,) the estimates from the data themselves
    draws : (n_resamples, n) the estimates from each resample
    """

    names: list[str]
    values: np.ndarray
    draws: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """(n,) standard errors."""
        return self.draws.std(axis=0, ddof=1)

    @property
    def covariance(self) -> np.ndarray:
        """(n, n) of the estimates."""
        return np.cov(self.draws.T).reshape(len(self.names), len(self.names))

    def interval(self, level: float = 0.95) -> np.ndarray:
        """(n, 2) percentile intervals (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13)."""
        check_level(level)
        return np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=0).T

    def __str__(self) -> str:
        return as_text(self.names, self.values, self.errors, self.interval())


def bootstrap(
    model: HMM,
    X: Any,
    y: Any = None,
    *,
    lengths: Any = None,
    sample_weight: Any = None,
    n_resamples: int = 200,
    method: str = "parametric",
    n_jobs: int | None = None,
    random_state: Any = None,
) -> Resampled:
    """Fit again to data drawn again, and see how the estimates vary.

    model : fitted; what it was fitted to are X, y, lengths and sample_weight
    method : "parametric", sequences of the same lengths drawn from the model, missing where the data are and with the same
        covariates; or "sequences", as many sequences drawn from the data with replacement, which also tells of what the model
        leaves out, and needs many of them
    n_jobs : fits at a time; results are the same for any number

    Each fit starts from the estimates, and its states get the numbers of the states they match (`match_states`) where any
    number would do. Raises ValueError for y with "parametric": known states say nothing about other paths.

    >>> from hmmseq import PoissonHMM
    >>> X = np.random.default_rng(0).poisson(np.repeat([2.0, 9.0, 2.0, 9.0], 50))[:, None]
    >>> found = bootstrap(PoissonHMM(2, random_state=0).fit(X), X, n_resamples=20, random_state=0)
    >>> low, high = found.interval()[found.names.index("lambdas[1, 0]")]
    >>> bool(low < 9.0 < high)
    True
    """
    inputs.check_emits(model, "bootstrap")
    if isinstance(model, VariationalHMM):
        raise ValueError("bootstrap is for estimates; how sure a VariationalHMM is, its posterior_ says")
    _check(method, n_resamples, y)
    sequences = inputs.sequences(model, X, lengths, reset=False)
    weights = sample_weights(sample_weight, len(sequences))
    known = None if y is None else Sequences(inputs.states(y, sequences, lengths), sequences.offsets)
    if method == "sequences" and np.count_nonzero(weights) < 2:
        raise ValueError("X holds one sequence; resampling needs many: use method='parametric'")
    names, values = named_parameters(model)
    options = {"init": model, "n_init": 1, "n_jobs": 1, "verbose": False}
    seeds = np.random.SeedSequence(check_random_state(random_state).randint(2**31)).spawn(n_resamples)

    def again(seed: np.random.SeedSequence) -> np.ndarray:
        rng, base = np.random.default_rng(seed), clone(model).set_params(**options)
        if method == "parametric":
            fitted = base.fit(drawn_again(model, sequences, rng), sample_weight=weights)
        else:
            counts = rng.multinomial(len(weights), np.full(len(weights), 1 / len(weights)))
            fitted = base.fit(sequences, known, sample_weight=weights * counts)
        return named_parameters(_matched(model, fitted, sequences))[1]

    draws = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(again)(seed) for seed in seeds)
    return Resampled(names, values, np.stack(list(draws)))


def _check(method: str, n_resamples: int, y: Any) -> None:
    if method not in ("parametric", "sequences"):
        raise ValueError(f"method is {method!r}; expected 'parametric' or 'sequences'")
    if not isinstance(n_resamples, (int, np.integer)) or n_resamples < 2:
        raise ValueError(f"n_resamples is {n_resamples!r}; expected a whole number, 2 or more")
    if y is not None and method == "parametric":
        raise ValueError("y names states of these data, not of those a model draws; use method='sequences'")


def drawn_again(model: HMM, X: Sequences, rng: np.random.Generator) -> list[np.ndarray]:
    """Sequences from a fitted model of the lengths of others, missing where those are, with their covariates."""
    free = pack([np.zeros((n, model.graph_.n_labels)) for n in X.lengths])
    paths = lattice.sample_paths(model.graph_, model._driven(free, X), random_state=rng)
    out = []
    for values, observed, drawn in zip(X, model._observed(X), paths, strict=True):
        states = drawn[0].states
        labels = model.graph_.label[states[model.graph_.label[states] >= 0]]
        again = model.emission_.redraw(observed, labels, rng)
        out.append(model._beside_inputs(values, again) if isinstance(model, InputHMM) else again)
    return out


def _matched(model: HMM, other: HMM, X: Sequences) -> HMM:
    """The other model with the states of the first; where a topology tells them apart they keep their numbers."""
    graph = other.graph_
    every = graph.n_states**2 - (0 if np.any(graph.source == graph.target) else graph.n_states)
    if not (graph.is_untied and len(graph.source) == every):
        return other
    return reordered(other, match_states(model, other, X))
