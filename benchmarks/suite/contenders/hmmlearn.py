"""hmmlearn, in the faster of its implementations and in the one that it chooses by itself."""

import logging
from typing import Any

import numpy as np
from hmmlearn import hmm

from benchmarks.suite.contenders.base import Contender
from benchmarks.suite.instances import Chain, Symbols

logging.getLogger("hmmlearn").setLevel(logging.ERROR)  # it remarks on every fit that stops at n_iter


class Scaling(Contender):
    implementation = "scaling"

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        options = {"n_iter": chain.iterations, "tol": -np.inf, "implementation": self.implementation, "init_params": ""}
        if isinstance(chain.emission, Symbols):
            self.model = hmm.CategoricalHMM(chain.n_states, **options)
            self.model.n_features = chain.emission.probabilities.shape[1]
            self.x = chain.values[:, None]
        else:  # without the prior that it otherwise adds to variances
            self.model = hmm.GaussianHMM(chain.n_states, "diag", 1e-9, covars_prior=0.0, covars_weight=1.0, **options)
            self.x = chain.values
        self.lengths = None if len(chain.lengths) == 1 else chain.lengths
        self.reset()

    def reset(self) -> None:
        self.model.startprob_, self.model.transmat_ = self.chain.start, self.chain.transition
        if isinstance(self.chain.emission, Symbols):
            self.model.emissionprob_ = self.chain.emission.probabilities
        else:
            self.model.means_, self.model.covars_ = self.chain.emission.means, self.chain.emission.variances

    def iterate(self) -> Any:
        return self.model.fit(self.x, self.lengths)

    def score(self) -> float:
        return self.model.score(self.x, self.lengths)

    def decode(self) -> np.ndarray:
        return self.model.predict(self.x, self.lengths)

    def posteriors(self) -> np.ndarray:
        return self.model.predict_proba(self.x, self.lengths)

    def plain(self, work: str, answer: Any) -> Any:
        if work != "iterate":
            return answer
        found = {"startprob_": answer.startprob_, "transmat_": answer.transmat_}
        if isinstance(self.chain.emission, Symbols):
            return found | {"emissionprob_": answer.emissionprob_}
        return found | {"means_": answer.means_, "covars_": answer._covars_}  # the public one writes out matrices


class Log(Scaling):
    implementation = "log"
