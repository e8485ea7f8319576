"""Which model to choose: the likelihood of data that it was not fitted to."""

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import DensityMixin, clone
from sklearn.model_selection import check_cv

from hmmseq import lattice
from hmmseq.sequences import Sequences


def held_out_log_likelihood(
    model: Any, X: Any, y: Any = None, *, lengths: Any = None, cv: Any = 5, n_jobs: int | None = None
) -> np.ndarray:
    """(n_sequences,) log-likelihood of each sequence under a model fitted without it.

    The sum compares models, without counting parameters; the differences of two models, sequence by sequence, say how sure
    that is (Celeux and Durand, Comput. Stat. 23, 2008). No fold cuts a sequence.

    model : not fitted, or fitted: copies are
    y : known states, for fitting; held-out sequences are scored without them
    cv : number of folds, or any splitter of scikit-learn; `LeaveOneOut()` for few sequences
    n_jobs : folds at a time

    Minus infinity where a sequence is impossible to the model that has not seen it: pseudocounts help.

    >>> from hmmseq import PoissonHMM
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.poisson(np.repeat([2.0, 9.0, 2.0], 20))[:, None] for _ in range(10)]
    >>> two, one = (held_out_log_likelihood(PoissonHMM(n, random_state=0), X) for n in (2, 1))
    >>> bool((two - one).mean() > 3 * (two - one).std() / 10**0.5)
    True
    """
    if not isinstance(model, DensityMixin):
        raise ValueError(f"a {type(model).__name__} has no likelihood of sequences; expected an HMM of some kind")
    sequences = Sequences.pack(X, lengths)
    known = None if y is None else list(Sequences.pack(y, lengths))
    folds = list(check_cv(cv).split(np.arange(len(sequences))))

    def fold(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        states = None if known is None else [known[s] for s in train]
        fitted = clone(model).fit([sequences[s] for s in train], states)
        held = [sequences[s] for s in test]
        if not hasattr(fitted, "graph_"):
            return np.array([fitted.score([own]) * len(own) for own in held])  # by mean field, a lower bound
        return np.asarray(lattice.log_partition(fitted.graph_, fitted._scores(held, None)))

    out = np.full(len(sequences), np.nan)
    found = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(fold)(*parts) for parts in folds)
    for (_, test), values in zip(folds, found, strict=True):
        out[test] = values
    return out
