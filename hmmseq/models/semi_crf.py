"""The semi-Markov conditional random field: segments are labelled, and features may look at whole segments."""

from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np

from hmmseq import lattice
from hmmseq.decoding import Segment
from hmmseq.models import spans, tags
from hmmseq.models.conditional import Likelihood, Weights, packed_steps
from hmmseq.models.crf import CRF
from hmmseq.models.features import Features, Vocabulary, as_sequences, is_matrices
from hmmseq.models.segment_features import (
    Columns,
    SegmentFeatures,
    SegmentScores,
    by_step,
    every_segment,
    learn_vocabulary,
    linear,
    read_segments,
    segment_graph,
    weighed,
)  # fmt: skip
from hmmseq.models.segment_likelihood import SegmentLikelihood, barrier
from hmmseq.paths import Path
from hmmseq.scores import Packed


class SemiCRF(CRF):
    """Semi-Markov conditional random field: segments with labels (Sarawagi and Cohen, NIPS 2004).

    Parameters
    ----------
    segment_features : None, or a function of a sequence of X and the first step and last step + 1 of a segment that returns
        its features, a dict or names as in `CRF`. It is called for every segment that is short enough
    longest : the longest segment in steps: a number for all labels, a dict by label, or None: of each label the longest in
        the training data
    repeats : a segment may follow one of its own label
    c1, c2, min_frequency, unseen_pairs, ends, n_iter, tol, n_jobs, verbose : as in `CRF`

    Attributes
    ----------
    classes_, n_features_in_, feature_names_, history_, seconds_, n_iter_, converged_ : as in `CRF`
    longest_ (n_labels,) : the longest segment of each label
    segment_feature_names_ : names of the features of segments
    feature_weights_ : a row for each feature of steps, then of segments, then for each duration from 1; a column by label
    graph_ : StateGraph in which a path is a row of segments (see `models.segment_features.segment_graph`)

    A segment scores the weights of the features of all its steps, of its own features and of its duration; transitions join
    segments. X is as in `CRF`. y is a list of segments (start, stop, label) for each sequence, steps start ... stop - 1, in
    order; what lies between them is unknown, and training sums over all it may be. Or a label for each step, None where
    unknown: then equal labels side by side are one segment.

    >>> from hmmseq import SemiCRF
    >>> X = [["visit", "New", "York", "now"], ["from", "San", "Jose"]]
    >>> y = [[(0, 1, "O"), (1, 3, "PLACE"), (3, 4, "O")], [(0, 1, "O"), (1, 3, "PLACE")]]
    >>> def capitals(sequence, start, stop):
    ...     return ["all capitals"] if all(step[0].istitle() for step in sequence[start:stop]) else []
    >>> model = SemiCRF(segment_features=capitals, longest={"O": 1}, c2=0.01).fit([[[w] for w in x] for x in X], y)
    >>> model.predict([["in"], ["Palo"], ["Alto"]])
    [Segment(start=0, stop=1, label='O'), Segment(start=1, stop=3, label='PLACE')]
    """

    solver = "lbfgs"
    batch_size = 1
    learning_rate = None

    def __init__(
        self,
        *,
        segment_features: SegmentFeatures | None = None,
        longest: Any = None,
        repeats: bool = True,
        c1: float = 0.0,
        c2: float = 1.0,
        min_frequency: int = 1,
        unseen_pairs: bool = False,
        ends: bool = True,
        n_iter: int = 100,
        tol: float = 1e-5,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.segment_features = segment_features
        self.longest = longest
        self.repeats = repeats
        self.c1 = c1
        self.c2 = c2
        self.min_frequency = min_frequency
        self.unseen_pairs = unseen_pairs
        self.ends = ends
        self.n_iter = n_iter
        self.tol = tol
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _likelihood(self, X: Any, features: Features, y: Any, weights: np.ndarray) -> Likelihood:
        read = spans.read(y, features.offsets, features.single)
        self.classes_ = tags.learn([label for own in read for _, _, label in own])
        self._columns = Columns.up_to(self._longest(read))
        given = spans.encode(read, features.offsets, self.classes_, self._columns)
        if not self.repeats:
            spans.check_repeats(given, self.classes_)
        found = self._every_segment(X, features)
        self._segment_vocabulary = None if found is None else learn_vocabulary(found, self.min_frequency)
        return SegmentLikelihood(
            self._segment_scores(features, found), features.offsets, given, weights,
            c2=self.c2, unseen=self.unseen_pairs, ends=self.ends, repeats=self.repeats, n_jobs=self.n_jobs,
        )  # fmt: skip

    def _longest(self, read: list[list[spans.Span]]) -> np.ndarray:
        """(n_labels,) as asked for, or as seen."""
        longest = dict.fromkeys(self.classes_.tolist(), 1)
        for start, stop, label in (span for own in read for span in own):
            longest[label] = max(longest[label], stop - start)
        asked = {} if self.longest is None else self.longest
        asked = asked if isinstance(asked, Mapping) else dict.fromkeys(longest, asked)
        for label, steps in asked.items():
            if label not in longest or not isinstance(steps, Integral) or int(steps) < 1:
                raise ValueError(
                    f"longest is {self.longest!r}; expected None, a whole number from 1, or one for labels among "
                    f"{list(longest)[:9]}"
                )
        return np.array([int(steps) for steps in (longest | dict(asked)).values()])

    def _every_segment(self, X: Any, features: Features) -> list[list[Any]] | None:
        if self.segment_features is None:
            return None
        if not callable(self.segment_features):
            raise ValueError(f"segment_features is {self.segment_features!r}; expected a function, or None")
        sequences = ([X] if features.single else list(X)) if is_matrices(X) else as_sequences(X)[0]
        n_steps = np.diff(features.offsets).tolist()
        return every_segment(self.segment_features, sequences, n_steps, int(self._columns.longest.max()))

    def _segment_scores(self, features: Features, found: list[list[Any]] | None) -> SegmentScores:
        vocabulary = self._segment_vocabulary
        segments = [] if vocabulary is None or found is None else read_segments(vocabulary, found)
        return SegmentScores(self._columns, features.matrix, segments)

    def _take(self, weights: Weights) -> None:
        self.graph_ = weighed(segment_graph(self._columns), weights[1:], self.repeats)
        self.feature_weights_ = weights.features

    @property
    def longest_(self) -> np.ndarray:
        """(n_labels,) the longest segment of each label."""
        return self._columns.longest

    @property
    def segment_feature_names_(self) -> list[str]:
        """Names of the features of segments."""
        return [] if self._segment_vocabulary is None else list(self._segment_vocabulary.columns)

    def _scores(self, X: Any) -> Packed:
        features = self._read(X)
        found = self._every_segment(X, features)
        if self._segment_vocabulary is not None and found is None:
            raise ValueError(
                "this model has weights for features of segments, but segment_features is None: a function is not kept "
                "in a file; set model.segment_features to the one it was trained with"
            )
        table = self._segment_scores(features, found).table(self.feature_weights_)
        return packed_steps(table, features.offsets, features.single)

    def predict(self, X: Any) -> Any:
        """The segments of the best segmentation of each sequence, as `Segment(start, stop, label)` in order."""
        return super().predict(X)

    def predict_proba(self, X: Any) -> Any:
        """(n_steps, n_labels) marginal probability that a step lies in a segment of each label."""
        packed = self._scores(X)
        shares = by_step(self._columns, self._begin_proba(packed))
        return shares if packed.single else packed.steps.unpack(shares)

    def segment_proba(self, X: Any, segments: Any) -> Any:
        """The marginal probability of each of these segments, given as y in `fit` or as `predict` gives them."""
        packed = self._scores(X)
        read = spans.read(segments, packed.offsets, packed.single, "segments")
        given = spans.encode(read, packed.offsets, self.classes_, self._columns, "segments")
        found = self._begin_proba(packed)[given.start, given.column]
        return found if packed.single else np.split(found, np.cumsum([len(own) for own in read])[:-1])

    def _begin_proba(self, packed: Packed) -> np.ndarray:
        """(n_steps in all, n_columns) probability that a segment of each label and duration begins at each step."""
        return lattice.joined_posteriors(self.graph_, packed, n_jobs=self.n_jobs)

    def decode(self, X: Any) -> Any:
        """The best segmentation, `Path(segments, score)`; the score is its log probability given the features."""
        return super().decode(X)

    def score(self, X: Any, y: Any) -> float:
        """Share of the steps of known segments whose label is predicted."""
        packed = self._scores(X)
        labels: list[Any] = [None] * int(packed.offsets[-1])
        for own, first in zip(spans.read(y, packed.offsets, packed.single), packed.offsets.tolist(), strict=False):
            for start, stop, label in own:
                labels[first + start : first + stop] = [label] * (stop - start)
        paths = lattice.best_path(self.graph_, replace(packed, single=False), n_jobs=self.n_jobs)
        found = [label for path in paths for start, stop, label in self._answer(path) for _ in range(start, stop)]
        return tags.accuracy(labels, found)

    def _agreeing(self, packed: Packed, y: Any) -> Packed:
        read = spans.read(y, packed.offsets, packed.single)
        given = spans.encode(read, packed.offsets, self.classes_, self._columns)
        table = packed.table + barrier(given, packed.offsets, self._columns, packed.table.shape[1])
        return packed_steps(table, packed.offsets, False)

    def _linear_weights(self) -> Weights:
        return Weights(self.feature_weights_, *linear(self.graph_, len(self.classes_)))

    def _parts(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays, fitted = super()._parts()
        names = None if self._segment_vocabulary is None else self.segment_feature_names_
        return arrays | {"longest": self.longest_, "segment_names": tags.to_bytes(names)}, fitted

    def _restore_more(self, arrays: dict[str, np.ndarray]) -> int:
        longest, names = arrays["longest"], tags.from_bytes(arrays["segment_names"])
        if longest.shape != self.classes_.shape or longest.dtype.kind not in "iu" or not np.all(longest >= 1):
            raise ValueError(
                f"longest is {longest}; expected a whole number from 1 for each of {len(self.classes_)} labels"
            )
        if longest.max() > len(arrays["weights.indptr"]):
            raise ValueError(f"longest is {longest}, but there are no weights of such durations")
        self._columns = Columns.up_to(longest)
        self._segment_vocabulary = None if names is None else Vocabulary(names)
        if isinstance(self.longest, Mapping):  # keys of JSON are text
            self.longest = dict(zip(self.classes_.tolist(), longest.tolist(), strict=True))
        return len(names or ()) + int(longest.max())

    def _answer(self, path: Path) -> Any:
        labels = self.graph_.label[path.states]
        columns = labels[labels >= 0]
        begins = np.flatnonzero(columns < len(self._columns.label))
        classes = self.classes_.tolist()
        return [
            Segment(int(t), int(t + self._columns.duration[c]), classes[self._columns.label[c]])
            for t, c in zip(begins, columns[begins], strict=True)
        ]
