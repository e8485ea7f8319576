"""`hmmseq info`: what a model file holds."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

# What models have to say, by where they keep it; each says what it has.
FACTS = {
    "emission": "emission_",
    "classes": "classes_",
    "states": "graph_.n_states",
    "edges": "graph_.n_edges",
    "iterations": "n_iter_",
    "converged": "converged_",
    "genes learned from": "n_genes_",
    "genetic code": "model_.code.name",
    "GC classes": "gc_classes",
    "bases between genes": "model_.between",
    "worth of hints": "hint_worth_",
    "networks": "networks_",
    "encoder": "encoder",
    "head": "head",
}


def add(commands: Any) -> None:
    """Add `hmmseq info` and its arguments."""
    parser = commands.add_parser("info", help="say what a model file holds")
    parser.description = "Any file that `save` or `hmmseq train-genes` wrote: one line for each fact, name and value."
    parser.add_argument("model", metavar="MODEL.safetensors", help="a file that `save` wrote")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print what a model file holds, one fact a line."""
    from hmmseq import load

    model = load(arguments.model)
    print(f"model\t{type(model).__name__}")
    for name, value in facts(model):
        print(f"{name}\t{value}")


def facts(model: Any) -> Iterator[tuple[str, str]]:
    """Name and value of all that a model has of FACTS."""
    for name, place in FACTS.items():
        try:
            value = attrgetter(place)(model)
        except AttributeError:
            continue
        if value is not None:
            yield name, _shown(value)


def _shown(value: Any) -> str:
    if type(value) is tuple:
        return " ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}"
    return " ".join(map(str, value)) if hasattr(value, "tolist") else str(value)
