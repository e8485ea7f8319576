"""scikit-learn estimators over the lattice."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hmmseq import _light  # noqa: F401  # before anything imports scikit-learn

if TYPE_CHECKING:
    from hmmseq.models.crf import CRF
    from hmmseq.models.factorial_hmm import FactorialHMM
    from hmmseq.models.factories import GMMHMM, CategoricalHMM, GaussianHMM, PoissonHMM
    from hmmseq.models.hmm import HMM
    from hmmseq.models.hmm_tagger import HMMTagger
    from hmmseq.models.information import standard_errors
    from hmmseq.models.input_hmm import InputHMM
    from hmmseq.models.matching import canonical, match_states, reordered
    from hmmseq.models.resampling import bootstrap
    from hmmseq.models.residuals import pseudo_residuals
    from hmmseq.models.selection import held_out_log_likelihood
    from hmmseq.models.semi_crf import SemiCRF
    from hmmseq.models.semi_markov import SemiMarkovHMM
    from hmmseq.models.variational import VariationalHMM

__all__ = [
    "CRF", "GMMHMM", "HMM", "CategoricalHMM", "FactorialHMM", "GaussianHMM", "HMMTagger", "InputHMM", "PoissonHMM",
    "SemiCRF", "SemiMarkovHMM", "VariationalHMM", "bootstrap", "canonical", "held_out_log_likelihood",
    "match_states", "pseudo_residuals", "reordered", "standard_errors",
]  # fmt: skip

_HOMES = {
    "crf": ("CRF",),
    "factorial_hmm": ("FactorialHMM",),
    "factories": ("GMMHMM", "CategoricalHMM", "GaussianHMM", "PoissonHMM"),
    "hmm": ("HMM",),
    "hmm_tagger": ("HMMTagger",),
    "information": ("standard_errors",),
    "input_hmm": ("InputHMM",),
    "matching": ("canonical", "match_states", "reordered"),
    "resampling": ("bootstrap",),
    "residuals": ("pseudo_residuals",),
    "selection": ("held_out_log_likelihood",),
    "semi_crf": ("SemiCRF",),
    "semi_markov": ("SemiMarkovHMM",),
    "variational": ("VariationalHMM",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a model when it is first used: who fits an HMM waits for no tagger."""
    if name not in _HOME:
        raise AttributeError(f"module 'hmmseq.models' has no attribute {name!r}")
    return getattr(import_module(f"hmmseq.models.{_HOME[name]}"), name)
