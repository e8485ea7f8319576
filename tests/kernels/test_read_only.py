"""Arrays that cannot be written to, as memory maps and joblib's workers have them, run the kernels that all others run."""

import pkgutil
from importlib import import_module

import joblib
import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import hmmseq.kernels
from conftest import UNCOMPILED
from hmmseq import CategoricalHMM, GaussianHMM, SegmentGraph, lattice, topologies

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled")
NAMES = [f"hmmseq.kernels.{module.name}" for module in pkgutil.iter_modules(hmmseq.kernels.__path__)]


def compiled():
    """How many times each kernel has been compiled, or loaded."""
    found = {}
    for module in map(import_module, NAMES):
        kernels = [kernel for kernel in vars(module).values() if isinstance(kernel, Dispatcher)]
        found |= {
            f"{kernel.py_func.__module__}.{kernel.py_func.__name__}": len(kernel.signatures) for kernel in kernels
        }
    return found


def frozen(array, folder):
    """The same numbers in a file that is mapped."""
    path = folder / f"{array.dtype}-{array.size}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def every_question(model, X):
    return model.score(X), model.predict(X)[0], model.predict_proba(X)[0], model.fit(X).history_


def of_lattice(scores):
    graph = topologies.from_matrix([[0.9, 0.1], [0.2, 0.8]])
    answers = lattice.expected_counts(graph, scores), lattice.posteriors(graph, scores)
    return lattice.log_partition(graph, scores), lattice.best_path(graph, scores).states, *(a.edges for a in answers)


@pytest.mark.parametrize("n_steps", [40, 700])
@pytest.mark.parametrize("kind", ["symbols", "features", "scores"])
def test_nothing_is_compiled_for_them(kind, n_steps, tmp_path):
    rng = np.random.default_rng(n_steps)
    if kind == "scores":
        x, ask = rng.normal(size=(n_steps, 2)), of_lattice
    elif kind == "symbols":
        x, model = rng.integers(0, 4, n_steps), CategoricalHMM(2, n_iter=2, random_state=0)
    else:
        x, model = rng.normal(size=(n_steps, 3)), GaussianHMM(2, n_iter=2, random_state=0)
    if kind != "scores":
        model.fit([x])
        ask = lambda data: every_question(model, [data])  # noqa: E731
    mapped = frozen(x, tmp_path)
    kept, expected, before = x.copy(), ask(x), compiled()
    if kind != "scores":
        model.fit([x])
    found = ask(mapped)
    assert compiled() == before
    np.testing.assert_array_equal(x, kept)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_graphs_mapped_from_a_file_are_made_again(tmp_path):
    """As joblib's workers get models: what kernels read of them can be written to, as that of any other graph."""
    graph = SegmentGraph(topologies.from_matrix([[0.0, 1.0], [1.0, 0.0]]), np.log([[0.5, 0.5], [0.2, 0.8]]))
    scores = np.log([[0.7, 0.1], [0.2, 0.6], [0.1, 0.5]])
    expected = lattice.log_partition(graph, scores)
    joblib.dump(graph, tmp_path / "graph")
    mapped = joblib.load(tmp_path / "graph", mmap_mode="r")
    assert lattice.log_partition(mapped, scores) == expected
    arrays = [
        *mapped.timed[1:],
        *mapped.graph.lattice.step,
        *mapped.graph.lattice.step_back,
        mapped.graph.lattice.label,
    ]
    assert len(arrays) > 20 and all(array.flags.writeable for array in arrays)
