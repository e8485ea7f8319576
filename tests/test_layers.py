"""Imports point down only: every import statement of every source file is checked against one table."""

import ast
import subprocess
import sys
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"hmmseq": "hmmseq", "hybrid": "hmmseq.hybrid", "bio": "hmmseq.bio"}

# Low to high. A unit is a module or sub-package of hmmseq; "hmmseq" is hmmseq/__init__.py, the public names.
# A unit may import its own layer and those below it.
LAYERS = [
    ["errors", "_jit", "_light", "files", "archive"],
    ["kernels"],
    ["graph", "segment_graph", "span_graph"],
    [
        "sequences",
        "storage",
        "validation",
        "callbacks",
        "scores",
        "shares",
        "plans",
        "kernel_models",
        "tiling",
        "serial",
        "topologies",
        "segments",
        "spans",
        "paths",
    ],
    ["lattice"],
    ["streaming"],
    ["emissions", "constraints", "decoding", "metrics", "durations"],
    ["models", "model_selection", "preprocessing"],
    ["compat", "interop"],
    ["hmmseq"],
    ["plot"],
    ["hybrid"],
    ["bio"],
    ["cli"],
]
RANK = {unit: rank for rank, layer in enumerate(LAYERS) for unit in layer}

# Below, and forbidden all the same.
FORBIDDEN = {
    ("kernels", "errors"): "kernels trust their callers; raise at the public edge",
    ("hybrid", "models"): "neural models stand beside the classical ones, over the same lattice",
    ("hybrid", "hmmseq"): "the public names bring the models along; import the module that defines it",
}
# Heavy: these may import them inside a function, and only units in the last column at the top of a file.
LAZY = {
    "hybrid": (["bio", "cli"], ["hybrid"]),
    "torch": (["bio", "cli"], ["hybrid"]),
}


def unit_of(module):
    """The unit that `hmmseq.a.b` belongs to, the package itself when `a` is one of its public names."""
    _, _, rest = module.partition(".")
    unit = rest.partition(".")[0]
    return unit if unit in RANK else "hmmseq"


def imported(tree, package):
    """(line, full name, whether inside a function) of everything that a file imports."""
    lazy = {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield node.lineno, name, node in lazy


def complaint(unit, name, lazy):
    """Why `unit` may not import `name`; None when it may."""
    top = name.partition(".")[0]
    if top in ("hybrid", "bio"):
        return f"these folders install as hmmseq.{top}"
    target = unit_of(name) if top == "hmmseq" else top
    if top == "hmmseq" and RANK[target] > RANK[unit]:
        return f"an upward arrow: {target} lies above {unit}"
    if target in LAZY and unit != target:
        inside, anywhere = LAZY[target]
        if unit not in anywhere and not (lazy and unit in inside):
            return f"{target} is heavy: only {anywhere} import it, and {inside} inside a function"
    return FORBIDDEN.get((unit, target)) if top == "hmmseq" else None


def violations(source, module, is_package=False):
    """Every import of one file that breaks a rule, in words."""
    package = module if is_package else module.rpartition(".")[0]
    if module != "hmmseq" and module.split(".")[1] not in RANK:
        return [f"{module} has no place yet: add it to LAYERS in {Path(__file__).name}"]
    unit = unit_of(module)
    found = []
    for line, name, lazy in imported(ast.parse(source), package):
        why = complaint(unit, name, lazy)
        if why:
            found.append(f"{module}, line {line}: import of {name}: {why}")
    return found


def sources():
    """(path, dotted name, whether a package) of every source file."""
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            yield path, ".".join((package, *(parts[:-1] if is_package else parts))), is_package


def test_imports_point_down():
    found = [v for path, *where in sources() for v in violations(path.read_text(encoding="utf-8"), *where)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("hmmseq.lattice", "from hmmseq.models import HMM"),
        ("hmmseq.lattice", "from hmmseq import HMM"),
        ("hmmseq.lattice", "from . import decoding"),
        ("hmmseq.lattice", "def f():\n    import hmmseq.models.hmm"),
        ("hmmseq.kernels.paths", "from ..graph import StateGraph"),
        ("hmmseq.kernels.paths", "from hmmseq.errors import InputError"),
        ("hmmseq.models.hmm", "import torch.nn"),
        ("hmmseq.models.hmm", "def f():\n    import torch"),
        ("hmmseq.hybrid.heads", "from hmmseq import HMM"),
        ("hmmseq.hybrid.heads", "from hmmseq.models.em import fit"),
        ("hmmseq.bio.prokaryotes.finder", "from hmmseq.hybrid import SequenceTagger"),
        ("hmmseq.bio.prokaryotes.finder", "import torch"),
        ("hmmseq.bio.prokaryotes.finder", "import hybrid.heads"),
        ("hmmseq.cli", "from bio import genes"),
        ("hmmseq.surprise", ""),
    ],
)
def test_a_broken_rule_is_noticed(module, source):
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("hmmseq.lattice", "from hmmseq import topologies"),
        ("hmmseq.lattice", "from hmmseq.graph import StateGraph"),
        ("hmmseq.kernels.paths", "from .edges import propagate"),
        ("hmmseq.kernels.paths", "from hmmseq._jit import jit"),
        ("hmmseq", "from .models import HMM"),
        ("hmmseq.hybrid.heads", "import torch"),
        ("hmmseq.hybrid.heads", "from hmmseq.lattice import best_path"),
        ("hmmseq.bio.prokaryotes.finder", "from hmmseq import HMM"),
        ("hmmseq.bio.prokaryotes.finder", "def f():\n    from hmmseq.hybrid import SequenceTagger"),
        ("hmmseq.cli", "def f():\n    import torch"),
    ],
)
def test_a_kept_rule_is_left_alone(module, source):
    assert violations(source, module, is_package=module == "hmmseq") == []


def test_importing_hmmseq_stays_light():
    heavy = ["torch", "matplotlib", "Bio", "hybrid", "bio"]
    code = f"import sys, hmmseq; print(*[name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
