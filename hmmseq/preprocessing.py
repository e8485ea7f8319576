"""scikit-learn's transformers in pipelines of sequences."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from hmmseq.sequences import Sequences, is_one
from hmmseq.validation import check_masks, one_array, sample_weights

__all__ = ["EachSequence"]


def _has(name: str) -> Any:
    return available_if(lambda self: hasattr(getattr(self, "transformer_", self.transformer), name))


class EachSequence(TransformerMixin, MetaEstimatorMixin, BaseEstimator):
    """A transformer of rows, such as `StandardScaler` or `PCA`, for sequences: fitted to all steps, applied to each sequence.

    transformer : any scikit-learn transformer that keeps rows; it is cloned, `transformer_` is the fitted one

    Sequences come back as they came, a list for a list. NaN are left to the transformer: `StandardScaler` keeps them. There
    is no `save`: the transformer is code of others, which skops or joblib keep.

    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from hmmseq import EachSequence, GaussianHMM
    >>> X = [np.array([[100.0], [900.0], [910.0]]), np.array([[110.0], [890.0]])]
    >>> [x.ravel().round(1) for x in EachSequence(StandardScaler()).fit_transform(X)]
    [array([-1.2,  0.8,  0.8]), array([-1.2,  0.8])]
    >>> make_pipeline(EachSequence(StandardScaler()), GaussianHMM(2, random_state=0)).fit(X).predict(X)
    [array([0, 1, 1], dtype=int32), array([0, 1], dtype=int32)]
    """

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer

    def fit(self, X: Any, y: Any = None, *, lengths: Any = None, sample_weight: Any = None) -> Self:
        """Fit to the steps of all sequences. y: a label per step, for transformers that look at it; lengths as in `HMM.fit`.

        sample_weight : (n_sequences,) each step has the weight of its sequence, for transformers that take weights
        """
        if not hasattr(self.transformer, "fit"):
            raise ValueError(f"transformer is {self.transformer!r}; expected a transformer, such as StandardScaler()")
        packed = self._packed(X, lengths, reset=True)
        weights = {}
        if sample_weight is not None:
            weights["sample_weight"] = np.repeat(sample_weights(sample_weight, len(packed)), packed.lengths)
        labels = None if y is None else self._labels(y, packed, lengths)
        self.transformer_ = clone(self.transformer).fit(packed.values, labels, **weights)
        return self

    @staticmethod
    def _labels(y: Any, X: Sequences, lengths: Any) -> np.ndarray:
        packed = Sequences.pack(y, lengths)
        if not np.array_equal(packed.lengths, X.lengths):
            raise ValueError(
                f"y has sequences of {packed.lengths[:9]} labels, but those of X have {X.lengths[:9]} steps; one label a step"
            )
        return packed.values

    def transform(self, X: Any, *, lengths: Any = None) -> Any:
        """Each sequence transformed."""
        return self._each("transform", X, lengths)

    def fit_transform(self, X: Any, y: Any = None, *, lengths: Any = None, sample_weight: Any = None) -> Any:
        """Fit, and the same sequences transformed."""
        return self.fit(X, y, lengths=lengths, sample_weight=sample_weight).transform(X, lengths=lengths)

    @_has("inverse_transform")
    def inverse_transform(self, X: Any, *, lengths: Any = None) -> Any:
        """Each sequence as it was before."""
        return self._each("inverse_transform", X, lengths)

    @_has("get_feature_names_out")
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the features that come out."""
        check_is_fitted(self, "transformer_")
        return self.transformer_.get_feature_names_out(input_features)

    def _each(self, method: str, X: Any, lengths: Any) -> Any:
        check_is_fitted(self, "transformer_")
        packed = self._packed(X, lengths, reset=False)
        rows = getattr(self.transformer_, method)(packed.values) if len(packed.values) else packed.values
        if np.ndim(rows) and rows.shape[0] != len(packed.values):
            raise ValueError(
                f"{type(self.transformer_).__name__} turned {len(packed.values)} steps into {rows.shape[0]}; "
                "EachSequence needs a transformer that keeps every row"
            )
        return rows if lengths is not None or is_one(X) else packed.unpack(rows)

    def _packed(self, X: Any, lengths: Any, reset: bool) -> Sequences:
        check_masks(X)
        if is_one(X) or lengths is not None or hasattr(X, "tocsr"):
            X = one_array(self, X, reset, ensure_all_finite="allow-nan")
        packed = Sequences.pack(X, lengths)
        if packed.values.ndim != 2:
            raise ValueError("X holds sequences of single numbers; expected (n_steps, n_features) each: reshape(-1, 1)")
        if reset:
            self.n_features_in_ = packed.values.shape[1]
        return packed

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
