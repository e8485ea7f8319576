"""Streams of observations: a fitted model between a sensor and `hmmseq.streaming`."""

from collections.abc import Callable
from copy import copy
from typing import Any, Self

import numpy as np

from hmmseq.emissions import Emission
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences
from hmmseq.streaming import Stream


class ModelStream:
    """One sequence of observations that is still going on. `stream` is what it feeds: ask it for scores and counts.

    `HMM.stream_predict` and `HMM.stream_predict_proba` make it. It keeps the parameters of that moment.
    """

    def __init__(
        self,
        emission: Emission,
        n_features: int,
        stream: Stream,
        columns: Callable[[Packed], Packed],
        read: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self.stream = stream
        self._emission, self._n_features, self._columns, self._read = emission, n_features, columns, read
        self._earlier: np.ndarray | None = None  # observations that the scores of the next ones depend on

    def push(self, X: Any) -> np.ndarray:
        """Take in one observation, or a block (n_steps, n_features) or (n_steps,); return what has become known."""
        X = np.asarray(X)
        if X.ndim > 2:
            raise ValueError(
                f"X has shape {X.shape}; expected an observation, or a block of them: (n_steps, n_features)"
            )
        if X.ndim == 0 or (X.ndim == 1 and self._n_features > 1):
            X = X[None]
        n_earlier = 0 if self._earlier is None else len(self._earlier)
        if self._earlier is not None:
            X = np.concatenate([self._earlier, X])
        scores = self._emission.log_scores(self._emission.observe(Sequences.pack(X)))
        code = scores.code[n_earlier:]
        block = Packed(scores.table, code, Sequences(code, np.array([0, len(code)])), True)
        known = self._read(self.stream.push(self._columns(block)))
        if self._emission.lookback:
            self._earlier = X[-self._emission.lookback :].copy()
        return known

    def close(self) -> np.ndarray:
        """The sequence ends here: what was still open."""
        return self._read(self.stream.close())

    def copy(self) -> Self:
        """A second stream that goes on from here on its own."""
        twin = copy(self)
        twin.stream = self.stream.copy()
        return twin
