"""Neural sequence models over the lattice (needs torch).

An encoder turns each sequence into features, a head turns features into scores per label, and a state graph
decodes them: the same graph, kernels and decoders as for hidden Markov models.
"""

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("hmmseq.hybrid needs torch: pip install 'hmmseq[hybrid]'", name=error.name) from None

from . import encoders, heads
from .encoders import BiLSTM, Encoder
from .heads import CRFHead, SoftmaxHead
from .lattice import log_partition, path_score
from .tagger import SequenceTagger

__all__ = [
    "BiLSTM",
    "CRFHead",
    "Encoder",
    "SequenceTagger",
    "SoftmaxHead",
    "encoders",
    "heads",
    "log_partition",
    "path_score",
]
