"""Sequence models on one lattice: a graph of states, scores per step, and a few questions.

from hmmseq import HMM, GaussianHMM, CategoricalHMM        estimators, the scikit-learn way
from hmmseq.emissions import Gaussian, Categorical          what states emit
from hmmseq import topologies, StateGraph                   which states follow which
from hmmseq.lattice import log_partition, posteriors, best_path, sample_paths, path_score
from hmmseq.hybrid import SequenceTagger                    neural encoders on the same lattice (needs torch)
from hmmseq.bio import GeneFinder, read_fasta               genomes
"""

__version__ = "0.1.0"

from hmmseq import topologies
from hmmseq.emissions import Categorical, Gaussian
from hmmseq.errors import DataError, ImpossibleSequenceError
from hmmseq.graph import StateGraph
from hmmseq.models import HMM, CategoricalHMM, GaussianHMM, load
from hmmseq.sequences import Sequences

__all__ = [
    "HMM", "Categorical", "CategoricalHMM", "DataError", "Gaussian", "GaussianHMM", "ImpossibleSequenceError",
    "Sequences", "StateGraph", "load", "topologies",
]  # fmt: skip
