"""How often each of several things happened in a step."""

import numpy as np
from scipy.special import gammaln, xlogy

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.observed import COUNTS, guessed_labels, numbers
from hmmseq.emissions.scales import Scale, rows
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences
from hmmseq.validation import check_not_negative


class Multinomial(Emission):
    """Counts (n_steps, n_features) of categories, given their total in each step, which may differ from step to step.

    pseudocount : added to the count of each category (a symmetric Dirichlet prior, MAP estimate); 0 is maximum likelihood
    fixed : {"emissionprob": ...}, for all categories of a label or for none

    A step with NaN among its counts is missing. Attribute: emissionprob_ (n_labels, n_features), probabilities of categories.
    """

    parameters_ = ("emissionprob_",)
    sum_to_one = ("emissionprob_",)

    def __init__(self, *, pseudocount: float = 0.0, fixed: dict | None = None) -> None:
        self.pseudocount = pseudocount
        self.fixed = fixed

    def observe(self, X: Sequences) -> Sequences:
        check_not_negative("pseudocount", self.pseudocount)
        n_features = self.emissionprob_.shape[1] if hasattr(self, "emissionprob_") else None
        return numbers(X, "Multinomial", COUNTS, n_features)

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        """Maximum likelihood for labels guessed from the shares of categories, one event more in each."""
        n_features = X.values.shape[1]
        self.settle("emissionprob_", np.full((n_labels, n_features), 1 / n_features))
        if self.fixed:
            self.check(n_labels)
        shares = X.values / np.maximum(X.values.sum(1, keepdims=True), 1.0)
        weights = guessed_labels(shares, n_labels, rng)
        counts = self.statistics(X, weights)["counts"] + 1.0
        self.update({"counts": counts})

    def log_scores(self, X: Sequences) -> Packed:
        seen = ~np.isnan(X.values).any(axis=1)
        counts = X.values[seen]
        scores = np.zeros((len(X.values), len(self.emissionprob_)))
        arrangements = gammaln(counts.sum(1) + 1) - gammaln(counts + 1).sum(1)
        scores[seen] = arrangements[:, None] + xlogy(counts[:, None], self.emissionprob_).sum(2)
        return Packed(scores, np.arange(len(scores), dtype=np.int32), X, False)

    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        seen = ~np.isnan(X.values).any(axis=1)
        return {"counts": rows[seen].T @ X.values[seen]}

    def rebased(self, statistics: Statistics, before: Emission) -> Statistics:
        return statistics

    def update(self, statistics: Statistics) -> None:
        counts = statistics["counts"] + self.pseudocount
        total = counts.sum(1, keepdims=True)
        self.settle("emissionprob_", counts / np.where(total > 0, total, 1.0), total > 0)

    def scales(self) -> dict[str, Scale]:
        return {"emissionprob_": rows()}

    def log_prior(self) -> float:
        return float(xlogy(self.pseudocount, self.emissionprob_).sum())

    def sample(self, labels: np.ndarray, rng: np.random.Generator, n_events: int = 100) -> np.ndarray:
        """Counts of `n_events` events in each step."""
        return rng.multinomial(n_events, self.emissionprob_[labels]).astype(np.float64)

    def redraw(self, values: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        seen = ~np.isnan(values).any(axis=1)
        out = np.array(values)
        out[seen] = rng.multinomial(values[seen].sum(1).astype(np.int64), self.emissionprob_[labels[seen]])
        return out

    def check(self, n_labels: int) -> None:
        table = self.emissionprob_
        if table.ndim != 2 or len(table) != n_labels:
            raise ValueError(f"emissionprob_ has shape {table.shape}; expected a row for each of {n_labels} labels")
        if not (np.all(table >= 0) and np.allclose(table.sum(1), 1.0)):
            raise ValueError(
                "emissionprob_ are no probabilities that sum to 1 for each label; fix all of a label or none"
            )
