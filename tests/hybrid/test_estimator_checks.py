"""scikit-learn's own checks of the neural tagger."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from expected_failures import expected_failures

pytest.importorskip("torch")

from hmmseq.hybrid import SequenceTagger


@parametrize_with_checks(
    [SequenceTagger(hidden_size=4, epochs=2, random_state=0)], expected_failed_checks=expected_failures
)
def test_estimator(estimator, check):
    check(estimator)
