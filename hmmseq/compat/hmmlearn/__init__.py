"""hmmlearn's classes over hmmseq's lattice: `from hmmseq.compat.hmmlearn import hmm, vhmm`, not `from hmmlearn import ...`.

Signatures, attributes, first guesses, priors, updates and samples are those of hmmlearn 0.3.3, which need not be installed;
the same seed gives the same model. It differs where hmmlearn is wrong or silent:

- an impossible sequence is an `ImpossibleSequenceError` in `fit` and -inf in `score`, where posteriors are 0, never NaN;
- negative lengths, another number of features and negative or unseen symbols are errors;
- `params="c"` without "m" updates covariances about the means as they are (hmmlearn forgets to count, and of variational
  models takes sums that belong to other means);
- degrees of freedom that are those of no Wishart distribution are an error (a cluster of too few rows makes them);
- `covars_` of spherical covariance has one matrix a state; degrees of freedom of `GMMHMM` count the weights of every state;
- `implementation` is accepted and has no effect: there is one, and it certifies its digits;
- `random_state` is left as it was given.

`algorithm="map"` is as there: the best state at each step, and the sum of their posteriors as its "log probability".
Everything else that hmmseq has is in the model that `hmmseq.interop.from_hmmlearn` makes of one.
"""

from hmmseq.compat.hmmlearn import base, hmm, vhmm
from hmmseq.compat.hmmlearn.hmm import GMMHMM, CategoricalHMM, GaussianHMM, MultinomialHMM, PoissonHMM
from hmmseq.compat.hmmlearn.vhmm import VariationalCategoricalHMM, VariationalGaussianHMM

__all__ = [
    "GMMHMM", "CategoricalHMM", "GaussianHMM", "MultinomialHMM", "PoissonHMM", "VariationalCategoricalHMM",
    "VariationalGaussianHMM", "base", "hmm", "vhmm",
]  # fmt: skip
