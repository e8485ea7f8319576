"""What a file keeps of a fitted HMM, whatever its chain: graph, emission, and how the fit went."""

from typing import Any

from hmmseq import emissions, storage
from hmmseq.storage import Arrays

FITTED = ("n_features_in_", "converged_", "history_", "histories_", "n_iter_", "n_parameters_", "n_expectations_")


def parts(model: Any) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and plain values."""
    arrays = storage.graph_arrays(model.graph_)
    arrays |= {f"emission.{name}": array for name, array in model.emission_.state().items()}
    fitted = {name: getattr(model, name) for name in FITTED}
    fitted["own_topology"] = model.topology is not None
    fitted["asked"] = None if model.emission is None else model.emission.described()
    return arrays, fitted | {"emission": model.emission_.described()}


def restore(model: Any, arrays: Arrays, fitted: dict[str, Any]) -> None:
    """Give a new model both."""
    graph = storage.graph_from(arrays)
    model.topology = graph if fitted["own_topology"] else None
    model.emission = None if fitted["asked"] is None else emissions.from_description(fitted["asked"])
    model.emission_ = emissions.from_description(fitted["emission"])
    model.emission_.restore(storage.named("emission", arrays))
    model._restore_graph(graph, arrays)
    model.emission_.check(model.graph_.n_labels)
    for part in FITTED:
        setattr(model, part, fitted[part])
