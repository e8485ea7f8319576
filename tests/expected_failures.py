"""Checks of scikit-learn that an estimator of sequences fails, each for a reason."""

from hmmseq import EachSequence, InputHMM, SemiCRF
from hmmseq.emissions import StudentT

ONE_SEQUENCE = "a 2-D array is one sequence: its rows are steps in time, not samples"
NESTED = "a list of lists of numbers is a list of sequences, not of rows"
PARTS = "partial_fit refuses emissions whose statistics do not add up over parts"
INPUTS = "NaN is missing where it is observed; inputs, the other columns, must be known at every step"
SEGMENTS = "its answer is a list of segments, not a row for each step"
SPARSE = ["check_estimator_sparse_array", "check_estimator_sparse_matrix"]
INPUTS = "NaN is missing where it is observed; inputs, the other columns, must be known"
ORDER = ["check_methods_sample_order_invariance", "check_methods_subset_invariance"]
WEIGHTS = [
    "check_sample_weights_pandas_series",
    "check_sample_weights_not_an_array",
    "check_sample_weights_list",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_shape",
    "check_all_zero_sample_weights_error",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
]


def expected_failures(estimator):
    """A transformer treats each row by itself; its rows have the weight of their sequence all the same."""
    expected = dict.fromkeys(WEIGHTS, ONE_SEQUENCE + ", and it has one weight")
    if isinstance(estimator, EachSequence):
        return expected | {"check_transformer_data_not_an_array": NESTED}
    if isinstance(getattr(estimator, "emission", None), StudentT):
        expected |= dict.fromkeys(["check_fit_score_takes_y", "check_n_features_in_after_fitting"], PARTS)
    if isinstance(estimator, InputHMM):
        expected["check_estimators_nan_inf"] = INPUTS
    if isinstance(estimator, SemiCRF):
        expected |= dict.fromkeys(SPARSE, SEGMENTS)
    if isinstance(estimator, InputHMM):
        expected["check_estimators_nan_inf"] = INPUTS
    return expected | dict.fromkeys(ORDER, ONE_SEQUENCE)
