"""scikit-learn estimators over the lattice."""

from hmmseq.models.bootstrap import bootstrap
from hmmseq.models.crf import CRF
from hmmseq.models.factorial_hmm import FactorialHMM
from hmmseq.models.factories import GMMHMM, CategoricalHMM, GaussianHMM, PoissonHMM
from hmmseq.models.files import load
from hmmseq.models.hmm import HMM
from hmmseq.models.hmm_tagger import HMMTagger
from hmmseq.models.information import standard_errors
from hmmseq.models.input_hmm import InputHMM
from hmmseq.models.matching import canonical, match_states, reordered
from hmmseq.models.residuals import pseudo_residuals
from hmmseq.models.selection import held_out_log_likelihood
from hmmseq.models.semi_crf import SemiCRF
from hmmseq.models.semi_markov import SemiMarkovHMM
from hmmseq.models.variational import VariationalHMM

__all__ = [
    "CRF", "FactorialHMM", "GMMHMM", "HMM", "CategoricalHMM", "GaussianHMM", "HMMTagger", "InputHMM", "PoissonHMM", "SemiCRF",
    "SemiMarkovHMM", "VariationalHMM", "bootstrap", "canonical", "held_out_log_likelihood", "load", "match_states",
    "pseudo_residuals", "reordered", "standard_errors",
]  # fmt: skip
