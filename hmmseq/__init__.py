"""Sequence models on one lattice: a graph of states, scores per step, and a few questions.

from hmmseq import HMM, GaussianHMM, PoissonHMM, GMMHMM     estimators, the scikit-learn way: see docs/models.md
from hmmseq import SemiMarkovHMM                            states that last for learned durations
from hmmseq import InputHMM                                 transitions that depend on covariates
from hmmseq import FactorialHMM                             several chains that emit together
from hmmseq import VariationalHMM                           distributions of the parameters: variational Bayes
from hmmseq import CRF, SemiCRF, HMMTagger                  the same for tagging
from hmmseq import EachSequence, make_sequence_scorer       scikit-learn's transformers and metrics for sequences
from hmmseq.emissions import Gaussian, Mixture, Product     what states emit: see docs/emissions.md
from hmmseq import topologies, StateGraph                   which states follow which
from hmmseq.lattice import log_partition, posteriors, best_path, sample_paths, path_score
from hmmseq.streaming import PosteriorStream, PathStream     the same while the steps arrive
from hmmseq import plot                                     pictures of series, models and fits (needs matplotlib)
from hmmseq.hybrid import SequenceTagger                    neural encoders on the same lattice (needs torch)
from hmmseq.bio import GeneFinder, read_fasta               genomes
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hmmseq import topologies
    from hmmseq.emissions import Categorical, Gaussian
    from hmmseq.errors import DataError, ImpossibleSequenceError
    from hmmseq.graph import StateGraph
    from hmmseq.model_selection import make_sequence_scorer
    from hmmseq.models import (
        CRF,
        GMMHMM,
        HMM,
        CategoricalHMM,
        FactorialHMM,
        GaussianHMM,
        HMMTagger,
        InputHMM,
        PoissonHMM,
        SemiCRF,
        SemiMarkovHMM,
        VariationalHMM,
    )
    from hmmseq.preprocessing import EachSequence
    from hmmseq.segment_graph import SegmentGraph
    from hmmseq.sequences import Sequences
    from hmmseq.span_graph import Gap, SpanGraph, Spans
    from hmmseq.storage import load

__version__ = "0.1.0"

__all__ = [
    "CRF", "GMMHMM", "HMM", "Categorical", "CategoricalHMM", "DataError", "EachSequence", "FactorialHMM", "Gap",
    "Gaussian", "GaussianHMM", "HMMTagger", "ImpossibleSequenceError", "InputHMM", "PoissonHMM", "SegmentGraph",
    "SemiCRF", "SemiMarkovHMM", "Sequences", "SpanGraph", "Spans", "StateGraph", "VariationalHMM", "load",
    "make_sequence_scorer", "topologies",
]  # fmt: skip

_HOMES = {
    "hmmseq.emissions": ("Categorical", "Gaussian"),
    "hmmseq.errors": ("DataError", "ImpossibleSequenceError"),
    "hmmseq.graph": ("StateGraph",),
    "hmmseq.model_selection": ("make_sequence_scorer",),
    "hmmseq.models": (
        "CRF",
        "FactorialHMM",
        "GMMHMM",
        "HMM",
        "CategoricalHMM",
        "GaussianHMM",
        "HMMTagger",
        "InputHMM",
        "PoissonHMM",
        "SemiCRF",
        "SemiMarkovHMM",
        "VariationalHMM",
    ),
    "hmmseq.preprocessing": ("EachSequence",),
    "hmmseq.segment_graph": ("SegmentGraph",),
    "hmmseq.sequences": ("Sequences",),
    "hmmseq.span_graph": ("Gap", "SpanGraph", "Spans"),
    "hmmseq.storage": ("load",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: scikit-learn and Numba take half a second to import."""
    if name == "topologies":
        return import_module("hmmseq.topologies")
    if name not in _HOME:
        raise AttributeError(f"module 'hmmseq' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
