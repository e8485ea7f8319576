"""Libraries by the name of their column."""

from importlib import import_module
from typing import Any

from benchmarks.suite.contenders.base import Contender

HOMES = {
    "hmmseq": "hmmseq.Hmmseq",
    "hmmseq, 2 threads": "hmmseq.TwoThreads",
    "hmmlearn": "hmmlearn.Scaling",
    "hmmlearn log": "hmmlearn.Log",
    "pomegranate": "pomegranate.Pomegranate",
    "dynamax": "dynamax.Dynamax",
    "hmmseq lattice": "frames.Lattice",
    "librosa": "frames.Librosa",
    "hmmseq segments": "durations.Segments",
    "expanded states": "durations.Expanded",
    "hmmseq.hybrid": "labels.Ours",
    "pytorch-crf": "labels.TorchCRF",
    "hmmseq.hybrid CTC": "alignments.Ours",
    "torch CTC": "alignments.TorchCTC",
}


def contender(name: str, instance: Any) -> Contender:
    """Raises ModuleNotFoundError, naming the library, where it is not installed."""
    module, kind = HOMES[name].split(".")
    return getattr(import_module(f"benchmarks.suite.contenders.{module}"), kind)(instance)


__all__ = ["HOMES", "Contender", "contender"]
