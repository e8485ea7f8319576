"""Best paths through dense scores: hmmseq's lattice and librosa."""

from typing import Any

import librosa
import numpy as np

from benchmarks.suite.contenders.base import Contender
from benchmarks.suite.frames import Frames
from hmmseq import topologies
from hmmseq.lattice import best_path


class Lattice(Contender):
    """Logarithms are taken in the timed call, because librosa takes them too."""

    def __init__(self, frames: Frames) -> None:
        self.graph, self.probabilities = topologies.from_matrix(frames.transition, frames.start), frames.probabilities

    def decode(self) -> Any:
        return best_path(self.graph, np.log(self.probabilities), n_jobs=1)

    def plain(self, work: str, answer: Any) -> np.ndarray:
        return answer.states


class Librosa(Contender):
    def __init__(self, frames: Frames) -> None:
        self.frames, self.probabilities = frames, np.ascontiguousarray(frames.probabilities.T)

    def decode(self) -> np.ndarray:
        return librosa.sequence.viterbi(self.probabilities, self.frames.transition, p_init=self.frames.start)
