"""Fitted models from and to hmmlearn and pomegranate: the same likelihoods, posteriors and paths on the other side.

`from_hmmlearn` also takes the models of `hmmseq.compat.hmmlearn`. The other library is needed to make its models only.
"""

from hmmseq.interop.of_hmmlearn import from_hmmlearn, to_hmmlearn
from hmmseq.interop.of_pomegranate import from_pomegranate, to_pomegranate

__all__ = ["from_hmmlearn", "from_pomegranate", "to_hmmlearn", "to_pomegranate"]
