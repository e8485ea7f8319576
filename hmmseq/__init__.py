"""hmmseq: sequence models on one lattice."""

__version__ = "0.1.0"

from hmmseq import topologies
from hmmseq.errors import DataError, ImpossibleSequenceError
from hmmseq.graph import StateGraph
from hmmseq.sequences import Sequences

__all__ = ["DataError", "ImpossibleSequenceError", "Sequences", "StateGraph", "topologies"]
