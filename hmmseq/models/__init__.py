"""scikit-learn estimators over the lattice."""

from hmmseq.models.crf import CRF
from hmmseq.models.factories import GMMHMM, CategoricalHMM, GaussianHMM, PoissonHMM
from hmmseq.models.files import load
from hmmseq.models.hmm import HMM
from hmmseq.models.hmm_tagger import HMMTagger
from hmmseq.models.information import standard_errors
from hmmseq.models.matching import canonical, match_states, reordered

__all__ = [
    "CRF", "GMMHMM", "HMM", "CategoricalHMM", "GaussianHMM", "HMMTagger", "PoissonHMM", "canonical", "load", "match_states",
    "reordered", "standard_errors",
]  # fmt: skip
