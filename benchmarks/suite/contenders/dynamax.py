"""dynamax, compiled before it is timed. Not in the `bench` extra: pip install dynamax."""

import os
from typing import Any

os.environ.setdefault("NPROC", "1")  # before JAX starts its threads
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import numpy as np
from dynamax.hidden_markov_model import CategoricalHMM, DiagonalGaussianHMM

from benchmarks.suite.contenders.base import Contender
from benchmarks.suite.instances import Chain, Symbols

jax.config.update("jax_enable_x64", True)


class Dynamax(Contender):
    """Sequences of equal length, side by side."""

    tolerance = 1e-6
    tolerances = {"iterate": 0.05}  # its priors move the parameters

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        shape = len(chain.lengths), chain.lengths[0], -1
        self.x = jax.numpy.asarray(chain.values.reshape(shape))
        given = {"initial_probs": chain.start, "transition_matrix": chain.transition}
        if isinstance(chain.emission, Symbols):
            n_symbols = chain.emission.probabilities.shape[1]
            self.hmm = CategoricalHMM(chain.n_states, 1, n_symbols)
            given["emission_probs"] = chain.emission.probabilities[:, None]
        else:
            self.hmm = DiagonalGaussianHMM(chain.n_states, chain.emission.n_features)
            given |= {"emission_means": chain.emission.means, "emission_scale_diags": np.sqrt(chain.emission.variances)}
        self.params, self.props = self.hmm.initialize(**{k: jax.numpy.asarray(v) for k, v in given.items()})
        each = {
            "score": self.hmm.marginal_log_prob,
            "decode": self.hmm.most_likely_states,
            "posteriors": lambda params, x: self.hmm.smoother(params, x).smoothed_probs,
        }
        self.asked = {work: jax.jit(jax.vmap(ask, in_axes=(None, 0))) for work, ask in each.items()}
        self.asked["iterate"] = jax.jit(self._fit)

    def _fit(self, params: Any, x: Any) -> Any:
        return self.hmm.fit_em(params, self.props, x, num_iters=self.chain.iterations, verbose=False)

    def _ask(self, work: str) -> Any:
        return jax.block_until_ready(self.asked[work](self.params, self.x))

    def score(self) -> Any:
        return self._ask("score")

    def decode(self) -> Any:
        return self._ask("decode")

    def posteriors(self) -> Any:
        return self._ask("posteriors")

    def iterate(self) -> Any:
        return self._ask("iterate")

    def plain(self, work: str, answer: Any) -> Any:
        if work == "score":
            return float(answer.sum())
        if work == "iterate":
            return {"transmat_": np.asarray(answer[0].transitions.transition_matrix)}
        return np.asarray(answer).reshape(self.chain.n_steps, *answer.shape[2:])
