"""`hmmseq info`: what a model file holds."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    parser = commands.add_parser("info", help="say what a model file holds")
    parser.add_argument("model", metavar="MODEL.safetensors", help="a file that `save` wrote")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from hmmseq import load

    model = load(arguments.model)
    graph = model.graph_
    print(f"model\t{type(model).__name__}")
    print(f"emission\t{model.emission_}")
    print(f"states\t{graph.n_states}")
    print(f"edges\t{graph.n_edges}")
    print(f"iterations\t{model.n_iter_}")
    print(f"converged\t{'yes' if model.converged_ else 'no'}")
