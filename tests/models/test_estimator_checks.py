"""scikit-learn's own checks. What fails, fails for a reason that is written in expected_failures.py."""

import warnings

import numpy as np
from sklearn.exceptions import SkipTestWarning
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from expected_failures import expected_failures
from hmmseq import (
    CRF,
    GMMHMM,
    HMM,
    EachSequence,
    FactorialHMM,
    GaussianHMM,
    HMMTagger,
    InputHMM,
    SemiCRF,
    SemiMarkovHMM,
    VariationalHMM,
)
from hmmseq.bio import GeneFinder
from hmmseq.emissions import StudentT


class TwoChains(FactorialHMM):
    """Chains whose states are known together: scikit-learn's checks have one column of labels, this needs one for each."""

    def fit(self, X, y=None, *, lengths=None, sample_weight=None):
        all_of_them = None if y is None else np.repeat(np.reshape(y, (-1, 1)), np.size(self.n_components), axis=1)
        return super().fit(X, all_of_them, lengths=lengths, sample_weight=sample_weight)


# PoissonHMM and CategoricalHMM are HMM for data that the checks do not have: counts, symbols.
ESTIMATORS = [
    HMM(), GaussianHMM(2, "full"), GMMHMM(2, 2), HMM(StudentT(), 2, n_iter=5), CRF(n_iter=20),
    InputHMM(), FactorialHMM(2, n_iter=5), TwoChains(n_iter=5), VariationalHMM(), SemiMarkovHMM(), SemiCRF(n_iter=5),
    EachSequence(StandardScaler()),
]  # fmt: skip
with warnings.catch_warnings():  # they read words, and records; most checks have nothing to say about those
    warnings.simplefilter("ignore", SkipTestWarning)
    of_readers = parametrize_with_checks([HMMTagger(), GeneFinder()])


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_estimator(estimator, check):
    check(estimator)


@of_readers
def test_estimator_that_reads_no_numbers(estimator, check):
    check(estimator)
