"""pomegranate, on torch in single precision."""

from typing import Any

import numpy as np
import torch
from pomegranate import distributions
from pomegranate.hmm import DenseHMM

from benchmarks.suite.contenders.base import Contender
from benchmarks.suite.instances import Chain, Symbols


class Pomegranate(Contender):
    tolerance = 1e-2

    def __init__(self, chain: Chain) -> None:
        torch.set_num_threads(1)
        self.chain = chain
        shape = len(chain.lengths), chain.lengths[0], -1  # sequences of equal length are one tensor
        self.x = torch.as_tensor(chain.values.reshape(shape))
        self.x = self.x if isinstance(chain.emission, Symbols) else self.x.float()
        self.reset()

    def reset(self) -> None:
        e = self.chain.emission
        if isinstance(e, Symbols):
            parts = [distributions.Categorical(_single(p[None])) for p in e.probabilities]
        else:
            pairs = zip(e.means, e.variances)
            parts = [distributions.Normal(_single(m), _single(v), covariance_type="diag") for m, v in pairs]
        ends = np.ones(self.chain.n_states)  # it normalises nothing: probability 1 of ending anywhere
        matrix, start = _single(self.chain.transition), _single(self.chain.start)
        self.model = DenseHMM(parts, matrix, start, _single(ends), max_iter=self.chain.iterations, tol=1e-12)

    def iterate(self) -> Any:
        return self.model.fit(self.x)

    def score(self) -> torch.Tensor:
        return self.model.log_probability(self.x)

    def decode(self) -> torch.Tensor:
        return self.model.viterbi(self.x)

    def posteriors(self) -> torch.Tensor:
        return self.model.predict_proba(self.x)

    def plain(self, work: str, answer: Any) -> Any:
        if work == "score":
            return float(answer.double().sum())
        if work != "iterate":
            return answer.numpy().reshape(self.chain.n_steps, *answer.shape[2:])
        if self.chain.iterations > 1:
            return {}  # it learns where sequences end, so from the second iteration on its model is another
        # Those ends take their share of every row of the matrix.
        matrix = answer.edges.exp().numpy()
        return {"startprob_": answer.starts.exp().numpy(), "transmat_": matrix / matrix.sum(1, keepdims=True)}


def _single(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.array(values), dtype=torch.float32)
