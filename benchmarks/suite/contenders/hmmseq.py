"""hmmseq, through its public estimators."""

from typing import Any

import numpy as np

from benchmarks.suite.contenders.base import Contender, joined
from benchmarks.suite.instances import Chain, Symbols
from hmmseq import HMM, topologies
from hmmseq.emissions import Categorical, Gaussian


class GivenSymbols(Categorical):
    """Categorical emissions that start EM where they are told to."""

    def __init__(self, n_symbols: int | None = None, *, order=0, pseudocount=0.0, begin=None) -> None:
        super().__init__(n_symbols, order=order, pseudocount=pseudocount)
        self.begin = begin

    def initialise(self, X, n_labels, rng) -> None:
        self.emissionprob_ = self.begin.probabilities


class GivenNormals(Gaussian):
    """Normal emissions that start EM where they are told to."""

    def __init__(self, covariance="diag", *, min_covar=1e-6, missing="nan", begin=None) -> None:
        super().__init__(covariance, min_covar=min_covar, missing=missing)
        self.begin = begin

    def initialise(self, X, n_labels, rng) -> None:
        self.means_, self.covars_, self.scale_ = self.begin.means, self.begin.variances, np.ones(X.values.shape[1])


class Hmmseq(Contender):
    """One thread. Data go in as other libraries take them: rows end to end, with lengths if there are many."""

    n_jobs = 1

    def __init__(self, chain: Chain) -> None:
        given = chain.emission
        emission = GivenSymbols(given.probabilities.shape[1], begin=given) if isinstance(given, Symbols) else None
        graph = topologies.from_matrix(chain.transition, chain.start)
        common = {"topology": graph, "tol": -np.inf, "n_jobs": self.n_jobs}
        self.trainee = HMM(emission or GivenNormals(begin=given), n_iter=chain.iterations, **common)
        self.lengths = None if len(chain.lengths) == 1 else chain.lengths
        self.x = chain.values
        self.model = HMM(self.trainee.emission, n_iter=0, **common).fit(self.x[:1000])  # no iteration: as given

    def iterate(self) -> HMM:
        return self.trainee.fit(self.x, lengths=self.lengths)

    def score(self) -> float:
        return self.model.score(self.x, lengths=self.lengths)

    def decode(self) -> Any:
        return self.model.predict(self.x, lengths=self.lengths)

    def posteriors(self) -> Any:
        return self.model.predict_proba(self.x, lengths=self.lengths)

    def plain(self, work: str, answer: Any) -> Any:
        if work == "score":
            return answer * len(self.x)
        if work != "iterate":
            return joined(answer)
        names = ("startprob_", "transmat_", "emissionprob_", "means_", "covars_")
        return {name: getattr(answer, name) for name in names if hasattr(answer, name)}


class TwoThreads(Hmmseq):
    n_jobs = 2
