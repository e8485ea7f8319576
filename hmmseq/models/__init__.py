"""scikit-learn estimators over the lattice."""

from hmmseq.models.factories import CategoricalHMM, GaussianHMM
from hmmseq.models.files import load
from hmmseq.models.hmm import HMM
from hmmseq.models.matching import canonical, match_states, reordered

__all__ = ["HMM", "CategoricalHMM", "GaussianHMM", "canonical", "load", "match_states", "reordered"]
