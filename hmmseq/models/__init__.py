"""scikit-learn estimators over the lattice."""

from hmmseq.models.factories import CategoricalHMM, GaussianHMM
from hmmseq.models.files import load
from hmmseq.models.hmm import HMM

__all__ = ["HMM", "CategoricalHMM", "GaussianHMM", "load"]
