"""Choosing models of sequences with scikit-learn: scores of ragged labels, folds of one long series, out-of-fold answers.

Folds of whole sequences need nothing from here: `KFold`, and `GroupKFold` where sequences of one speaker or one species
belong together, split lists of sequences as they are.
"""

from collections.abc import Callable, Iterator
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn import metrics
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import BaseCrossValidator, check_cv
from sklearn.utils import indexable

from hmmseq.decoding import segments
from hmmseq.metrics import segment_scores, span_scores
from hmmseq.validation import check_whole

__all__ = ["BlockedKFold", "cross_val_predict", "make_sequence_scorer", "pieces"]

_averaged = {
    f"{name}_{average}": partial(function, average=average, zero_division=0)
    for name, function in (
        ("f1", metrics.f1_score),
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
    )
    for average in ("macro", "micro", "weighted")
}
STEPS: dict[str, Callable[..., float]] = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "cohen_kappa": metrics.cohen_kappa_score,
    "matthews_corrcoef": metrics.matthews_corrcoef,
    "adjusted_rand": metrics.adjusted_rand_score,
    **_averaged,
}  # of all labels end to end
SPANS = {"span_f1": "f1", "span_precision": "precision", "span_recall": "recall"}


def make_sequence_scorer(metric: str | Callable[..., float], *, flat: bool = True, **options: Any) -> Any:
    """A scorer for `GridSearchCV(scoring=)` and the like, where y is a list of sequences of labels.

    scikit-learn's own names, such as scoring="accuracy", are for one label a sample: on a list of sequences they fail, and
    a search turns failed scores into nan with a warning (error_score="raise" stops instead); on sequences of one length with
    labels 0 and 1 they are the share of whole sequences without an error. Here:

    metric : "accuracy", "balanced_accuracy", "cohen_kappa", "matthews_corrcoef", "adjusted_rand" (for states that nobody
        named), or "f1", "precision", "recall" with "_macro", "_micro" or "_weighted": over all steps;
        "span_f1", "span_precision", "span_recall": of whole spans of labels such as B-NP, I-NP, O (`metrics.span_scores`);
        "segment_f1": of runs of one label, which need `labels=` and `overlap=` (`metrics.segment_scores`);
        "log_likelihood": per step, of the sequences (HMM), or of their labels given the sequences (CRF);
        or a function of true and predicted labels, such as those of `sklearn.metrics`
    flat : whether that function takes the labels of all steps end to end, or two lists of sequences
    options : arguments of the metric, and of `make_scorer`, such as greater_is_better=False

    Steps of unknown label (-1 or None) do not count. `sample_weight` is one weight a sequence, and can be routed.

    >>> from sklearn.model_selection import cross_val_score
    >>> from hmmseq import CRF
    >>> X = [[["a"], ["b"]], [["b"], ["a"], ["a"]]] * 2
    >>> y = [["A", "B"], ["B", "A", "A"]] * 2
    >>> cross_val_score(CRF(c2=0.01), X, y, cv=2, scoring=make_sequence_scorer("f1_macro"))
    array([1., 1.])
    """
    if metric == "log_likelihood":
        return _LogLikelihood(**options)
    if metric == "segment_f1":
        return make_scorer(partial(_segment_f1, **options))
    if isinstance(metric, str) and metric in SPANS:
        return make_scorer(partial(_span_score, part=SPANS[metric], **options))
    if isinstance(metric, str):
        if metric not in STEPS:
            known = sorted([*STEPS, *SPANS, "segment_f1", "log_likelihood"])
            raise ValueError(f"metric is {metric!r}; expected a function or one of {known}")
        return make_scorer(_OverSteps(STEPS[metric]), **options)
    if not callable(metric):
        raise ValueError(f"metric is {metric!r}; expected a function of true and predicted labels, or a name")
    return make_scorer(_OverSteps(metric) if flat else metric, **options)


class _OverSteps:
    """A metric of two arrays of labels, for two lists of them."""

    def __init__(self, metric: Callable[..., float]) -> None:
        self.metric = metric
        self.__name__ = getattr(getattr(metric, "func", metric), "__name__", repr(metric))  # scorers show it

    def __call__(self, true: Any, predicted: Any, *, sample_weight: Any = None, **options: Any) -> float:
        labels = [np.asarray(own) for own in true]
        steps = [len(own) for own in labels]
        found = [len(own) for own in predicted]
        if steps != found:
            raise ValueError(
                f"the true sequences have {steps[:9]}... labels, the predicted ones {found[:9]}...; one label a step"
            )
        flat = [label for own in labels for label in own.tolist()]
        known = np.array([label is not None and label != -1 for label in flat], dtype=bool)
        if not known.any():
            raise ValueError("y has no known label to score")
        if sample_weight is not None:
            options["sample_weight"] = np.repeat(np.asarray(sample_weight, dtype=np.float64), steps)[known]
        ours = np.array([label for label, use in zip(flat, known) if use])
        theirs = np.concatenate([np.asarray(own) for own in predicted])[known]
        return float(self.metric(ours, theirs, **options))


def _segment_f1(true: Any, predicted: Any, **options: Any) -> float:
    if "labels" not in options:
        options["labels"] = {segment.label for own in true for segment in segments(own)} - {-1}
    return segment_scores(true, predicted, **options).f1


def _span_score(true: Any, predicted: Any, part: str) -> float:
    return float(getattr(span_scores(true, predicted), part))


class _LogLikelihood:
    """Log-likelihood per step: of the sequences, or of their labels if the estimator models those alone."""

    def __repr__(self) -> str:
        return "make_sequence_scorer('log_likelihood')"

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        own = getattr(estimator, "log_likelihood", None)
        if own is None:
            return float(estimator.score(X))
        n_known = sum(label is not None and label != -1 for labels in y for label in np.asarray(labels).tolist())
        return float(np.sum(own(X, y)) / max(n_known, 1))


def pieces(series: Any, n_pieces: int) -> list[Any]:
    """One long series as `n_pieces` sequences in order, of nearly equal length, for `BlockedKFold`.

    >>> pieces([1, 2, 3, 4, 5], 2)
    [[1, 2, 3], [4, 5]]
    """
    if not isinstance(n_pieces, Integral) or not 1 <= n_pieces <= len(series):
        raise ValueError(f"n_pieces is {n_pieces!r}; expected a whole number from 1 to the {len(series)} steps")
    return [series[part[0] : part[-1] + 1] for part in np.array_split(np.arange(len(series)), n_pieces)]


class BlockedKFold(BaseCrossValidator):
    """Folds of one long series that was cut into pieces: neighbours are held out together, with a gap on either side.

    n_splits : number of folds, each of neighbouring pieces
    gap : so many pieces on either side of a fold are not trained on, since what lies near is much the same
        (hv-block cross-validation: Racine, J. Econometrics 99, 39, 2000)

    `TimeSeriesSplit` is for forecasts, which are judged by the future alone.

    >>> [(train.tolist(), test.tolist()) for train, test in BlockedKFold(3, gap=1).split(range(6))]
    [([3, 4, 5], [0, 1]), ([0, 5], [2, 3]), ([0, 1, 2], [4, 5])]
    """

    def __init__(self, n_splits: int = 5, *, gap: int = 1) -> None:
        for name, value, least in (("n_splits", n_splits, 2), ("gap", gap, 0)):
            check_whole(name, value, least)
        self.n_splits = n_splits
        self.gap = gap

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """`n_splits`."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Numbers of the pieces to train on, and of those held out."""
        number = np.arange(len(X))
        if len(X) < self.n_splits:
            raise ValueError(f"n_splits is {self.n_splits} but there are {len(X)} pieces; cut the series into more")
        for test in np.array_split(number, self.n_splits):
            train = number[(number < test[0] - self.gap) | (number > test[-1] + self.gap)]
            if not len(train):
                raise ValueError(
                    f"gap is {self.gap} pieces, which leaves none of {len(X)} to train on; cut more pieces"
                )
            yield train, test


def cross_val_predict(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    cv: Any = None,
    method: str = "predict",
    params: Any = None,
) -> list[Any]:
    """What `method` answers for each sequence from a fit to the other folds: a list of arrays, in the order of X.

    scikit-learn's function of this name joins answers into one array, which ragged ones do not fit.

    cv : number of folds or a splitter, each sequence in one test fold; params : further arguments of `fit`, of which lists
    with an entry a sequence (sample_weight) are split

    >>> from hmmseq import GaussianHMM
    >>> X = [[[0.0], [5.0]], [[0.1], [5.1], [4.9]], [[0.2]]]
    >>> [len(path) for path in cross_val_predict(GaussianHMM(2, random_state=0), X, cv=3)]
    [2, 3, 1]
    """
    X, y, groups = indexable(X, y, groups)
    answers: list[Any] = [None] * len(X)
    seen = np.zeros(len(X), dtype=int)
    for train, test in check_cv(cv).split(X, y, groups):
        model = clone(estimator)
        arguments = {name: _take(value, train, len(X)) for name, value in (params or {}).items()}
        target = () if y is None else (_take(y, train, len(X)),)
        model.fit(_take(X, train, len(X)), *target, **arguments)
        seen[test] += 1
        for s, answer in zip(test, getattr(model, method)(_take(X, test, len(X))), strict=True):
            answers[s] = answer
    if np.any(seen != 1):
        s = int(np.flatnonzero(seen != 1)[0])
        raise ValueError(f"sequence {s} is in {seen[s]} test folds; cv must have each sequence in one")
    return answers


def _take(values: Any, chosen: np.ndarray, n_sequences: int) -> Any:
    """Those of `values` that belong to the chosen sequences; anything else as it is."""
    if not hasattr(values, "__len__") or len(values) != n_sequences:
        return values
    return values[chosen] if isinstance(values, np.ndarray) else [values[s] for s in chosen]
