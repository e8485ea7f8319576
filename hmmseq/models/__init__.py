"""scikit-learn estimators over the lattice."""

from hmmseq.models.crf import CRF
from hmmseq.models.factories import CategoricalHMM, GaussianHMM
from hmmseq.models.files import load
from hmmseq.models.hmm import HMM
from hmmseq.models.hmm_tagger import HMMTagger

__all__ = ["CRF", "HMM", "CategoricalHMM", "GaussianHMM", "HMMTagger", "load"]
