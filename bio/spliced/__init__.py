"""Genes with introns: a generalised hidden Markov model, trained on annotated genes."""

from .finder import SplicedGeneFinder
from .hints import Hint, read_hints

__all__ = ["Hint", "SplicedGeneFinder", "read_hints"]
