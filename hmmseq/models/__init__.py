"""scikit-learn estimators over the lattice."""

from hmmseq.models.factories import GMMHMM, CategoricalHMM, GaussianHMM, PoissonHMM
from hmmseq.models.files import load
from hmmseq.models.hmm import HMM

__all__ = ["GMMHMM", "HMM", "CategoricalHMM", "GaussianHMM", "PoissonHMM", "load"]
