"""scikit-learn's own checks. What fails, fails for a reason that is written here."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from hmmseq import HMM, GaussianHMM
from hmmseq.models import VariationalHMM

ONE_SEQUENCE = "a 2-D array is one sequence: its rows are steps in time, not samples"
EXPECTED = {
    "check_methods_sample_order_invariance": ONE_SEQUENCE,
    "check_methods_subset_invariance": ONE_SEQUENCE,
    "check_sample_weights_pandas_series": ONE_SEQUENCE + ", and it has one weight",
    "check_sample_weights_not_an_array": ONE_SEQUENCE + ", and it has one weight",
    "check_sample_weights_list": ONE_SEQUENCE + ", and it has one weight",
    "check_sample_weights_not_overwritten": ONE_SEQUENCE + ", and it has one weight",
    "check_sample_weights_shape": ONE_SEQUENCE + ", and it has one weight",
    "check_all_zero_sample_weights_error": ONE_SEQUENCE + ", and it has one weight",
    "check_sample_weight_equivalence_on_dense_data": ONE_SEQUENCE + ", and it has one weight",
}


@parametrize_with_checks(
    [HMM(), GaussianHMM(2, "full"), VariationalHMM()], expected_failed_checks=lambda estimator: EXPECTED
)
def test_estimator(estimator, check):
    check(estimator)
