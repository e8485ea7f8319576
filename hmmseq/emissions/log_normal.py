"""Positive numbers whose logarithms are normal."""

from dataclasses import replace

import numpy as np

from hmmseq.emissions.gaussian import Gaussian
from hmmseq.emissions.observed import POSITIVE, numbers
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences


class LogNormal(Gaussian):
    """The logarithms of the observations have a normal distribution for each label; parameters as in `Gaussian`.

    Attributes: means_ and covars_ of the logarithms.
    """

    def observe(self, X: Sequences) -> Sequences:
        values = numbers(X, "LogNormal", POSITIVE, self._n_features()).values
        return super().observe(Sequences(np.log(values), X.offsets))

    def log_scores(self, X: Sequences) -> Packed:
        scores = super().log_scores(X)
        stretched = np.nansum(X.values, axis=1, keepdims=True)  # log |d log x / d x|, of the seen features
        return replace(scores, table=scores.table - stretched)

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.exp(super().sample(labels, rng))
