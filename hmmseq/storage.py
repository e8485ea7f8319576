"""Fitted models as files and back, all in one way, through a fixed list. Nothing in a file is ever executed."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, Self, TypeAlias

import numpy as np
from sklearn.utils.validation import check_is_fitted

from hmmseq import archive
from hmmseq.errors import DataError
from hmmseq.files import Source, source_name
from hmmseq.graph import StateGraph

Arrays: TypeAlias = dict[str, np.ndarray]

# Every class a file may name, and where it is imported from when a file does.
HOMES = {
    "CRF": "hmmseq.models",
    "FactorialHMM": "hmmseq.models",
    "HMM": "hmmseq.models",
    "HMMTagger": "hmmseq.models",
    "InputHMM": "hmmseq.models",
    "SemiCRF": "hmmseq.models",
    "SemiMarkovHMM": "hmmseq.models",
    "SequenceTagger": "hmmseq.hybrid",
    "SplicedGeneFinder": "hmmseq.bio.spliced",
    "VariationalHMM": "hmmseq.models",
}
GRAPH = ("source", "target", "label", "edge", "start", "end")


class Stored(ABC):
    """An estimator that can be a file. It says what it has learned, and learns it back; the rest is here."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to one file (safetensors with JSON metadata); `hmmseq.load` reads it back.

        A reader sees the old file or the whole new one, also after a crash.
        """
        check_is_fitted(self)
        arrays, fitted = self._parts()
        params = archive.plain(self._kept_params())
        archive.write(path, {"class": type(self).__name__, "params": params, "fitted": fitted}, arrays)

    @classmethod
    def load(cls, source: Source) -> Self:
        """Read what `save` of this class wrote, as `hmmseq.load` does; DataError for a file of another class too."""
        model = load(source)
        if not isinstance(model, cls):
            raise DataError(f"{source_name(source)} holds a {type(model).__name__}, not a {cls.__name__}")
        return model

    def _kept_params(self) -> dict[str, Any]:
        """Arguments of the constructor as the file has them; values that no file can hold are left out."""
        params: dict[str, Any] = self.get_params(deep=False)  # type: ignore[attr-defined]
        return params

    @abstractmethod
    def _parts(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays, and values that JSON can hold, which say all that was learned."""

    @abstractmethod
    def _restore(self, arrays: Arrays, fitted: dict[str, Any]) -> None:
        """Take both back; one of `archive.MISFITS`, ValueError with a reason at best, if they do not make a model."""


def load(source: Source) -> Any:
    """Read a model that `save` wrote: a path, or a file opened for reading bytes.

    Raises DataError, in one clear line, for anything else: another format, a damaged or a hostile file. No code in the
    file runs and no class is looked up by a name outside a fixed list.
    """
    text, arrays = archive.read(source)
    try:
        described = json.loads(text)
        model = _class(described["class"])(**described["params"])
        model._restore(arrays, described["fitted"])
    except archive.MISFITS as error:
        reason = " ".join(str(error).split())  # arrays print on several lines
        raise DataError(f"{source_name(source)} does not describe a model of {archive.FORMAT}: {reason}") from None
    return model


def _class(name: str) -> type[Any]:
    if name not in HOMES:
        raise ValueError(f"{name!r} is none of {sorted(HOMES)}")
    found: type[Any] = getattr(import_module(HOMES[name]), name)
    return found


def graph_arrays(graph: StateGraph) -> Arrays:
    """The arrays that make a graph again."""
    return {f"graph.{name}": getattr(graph, name) for name in GRAPH}


def graph_from(arrays: Arrays) -> StateGraph:
    """The inverse; ValueError, IndexError or KeyError for arrays that make no graph."""
    source, target, *rest = (arrays[f"graph.{name}"] for name in GRAPH)
    return StateGraph(len(rest[0]), source, target, **dict(zip(GRAPH[2:], rest, strict=True)))


def named(prefix: str, arrays: Arrays) -> Arrays:
    """The arrays whose names begin with `prefix` and a dot, under the rest of their names."""
    return {name[len(prefix) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}
