"""scikit-learn estimators over the lattice."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hmmseq.models.crf import CRF
    from hmmseq.models.factories import GMMHMM, CategoricalHMM, GaussianHMM, PoissonHMM
    from hmmseq.models.files import load
    from hmmseq.models.hmm import HMM
    from hmmseq.models.hmm_tagger import HMMTagger
    from hmmseq.models.matching import canonical, match_states, reordered

__all__ = [
    "CRF", "GMMHMM", "HMM", "CategoricalHMM", "GaussianHMM", "HMMTagger", "PoissonHMM", "canonical", "load", "match_states",
    "reordered",
]  # fmt: skip

_HOMES = {
    "crf": ("CRF",),
    "factories": ("GMMHMM", "CategoricalHMM", "GaussianHMM", "PoissonHMM"),
    "files": ("load",),
    "hmm": ("HMM",),
    "hmm_tagger": ("HMMTagger",),
    "matching": ("canonical", "match_states", "reordered"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a model when it is first used: who fits an HMM waits for no tagger."""
    if name not in _HOME:
        raise AttributeError(f"module 'hmmseq.models' has no attribute {name!r}")
    return getattr(import_module(f"hmmseq.models.{_HOME[name]}"), name)
