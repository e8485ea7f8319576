"""A spliced-gene model as named arrays and plain values, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..confidence import Confidence
from ..genetic_code import GeneticCode
from ..words import N_WORDS
from .candidates import TYPES
from .content import Content
from .lengths import Lengths
from .model import FEATURES, SplicedModel
from .networks import KINDS, Networks, RowNetworks, row_width
from .signals import Signal

SIGNALS = ("start", "stop", "donor", "acceptor")


def describe(model: SplicedModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Plain values and arrays that say all there is to say about a model."""
    lengths = {**dict(zip(TYPES, model.exon_lengths)), "intron": model.intron_lengths}
    code = model.code
    plain = {
        "code": {"amino_acids": code.amino_acids, "marks": code.marks, "table": code.table, "name": code.name},
        "before": {name: getattr(model, name).before for name in SIGNALS},
        "tails": {name: own.log_tail for name, own in lengths.items()},
        "between": model.between,
        "features": list(FEATURES),
        "confidence": {"exon": model.exon_confidence, "gene": model.gene_confidence},
    }
    arrays = {f"signal.{name}": getattr(model, name).log_odds for name in SIGNALS}
    arrays |= {f"lengths.{name}": own.log_table for name, own in lengths.items()}
    arrays |= {"content.coding": model.content.coding, "content.intron": model.content.intron}
    for kind, own in (model.networks or {}).items():
        arrays |= {f"network.{kind}.{name}": array for name, array in own._asdict().items()}
    return plain, arrays | {
        "least": model.least,
        "shares": model.shares,
        "gc_edges": model.gc_edges,
        "weights": model.weights,
    }


def restore(plain: dict[str, Any], arrays: dict[str, np.ndarray]) -> SplicedModel:
    """The model that `describe` described; ValueError or KeyError if the parts do not make one."""
    if plain["features"] != list(FEATURES):
        raise ValueError(f"the model weighs {plain['features']}, this version {list(FEATURES)}; train it again")
    lengths = {
        name: Lengths(_finite(arrays, f"lengths.{name}", 1, low=True), float(plain["tails"][name]))
        for name in (*TYPES, "intron")
    }
    signals = {name: Signal(int(plain["before"][name]), _finite(arrays, f"signal.{name}", 3)) for name in SIGNALS}
    if any(signal.log_odds.shape[1:] != (5, 5) or signal.before < 0 for signal in signals.values()):
        raise ValueError("a signal is no weight array")
    content = Content(_finite(arrays, "content.coding", 3), _finite(arrays, "content.intron", 2))
    edges = arrays["gc_edges"].astype(np.float64)
    if content.coding.shape != (len(edges) + 1, 3, N_WORDS) or content.intron.shape != (len(edges) + 1, N_WORDS):
        raise ValueError("the word tables have the wrong size")
    weights = _finite(arrays, "weights", 2)
    if weights.shape != (len(TYPES), len(FEATURES)) or arrays["least"].shape != (3,):
        raise ValueError("weights or least scores have the wrong shape")
    return SplicedModel(
        code=GeneticCode(**plain["code"]),
        **signals,
        least=arrays["least"].astype(np.float64),
        gc_edges=edges,
        content=content,
        exon_lengths=tuple(lengths[name] for name in TYPES),
        intron_lengths=lengths["intron"],
        between=float(plain["between"]),
        shares=_finite(arrays, "shares", 1),
        weights=weights,
        networks=_networks(arrays, signals) if any(name.startswith("network.") for name in arrays) else None,
        exon_confidence=_confidence(plain["confidence"]["exon"]),
        gene_confidence=_confidence(plain["confidence"]["gene"]),
    )


def _networks(arrays: dict[str, np.ndarray], signals: dict[str, Signal]) -> Networks:
    networks = {}
    for kind in (kind for kind in KINDS if f"network.{kind}.mean" in arrays):
        axes = zip(RowNetworks._fields, (2, 2, 3, 2, 2, 2, 1))
        own = RowNetworks(*(_finite(arrays, f"network.{kind}.{name}", n) for name, n in axes))
        n, n_hidden, width = own.hidden.shape
        shapes = [(n, width), (n, width), (n, n_hidden, width), (n, n_hidden), (n, n_hidden), (n, width), (n,)]
        if [array.shape for array in own] != shapes or width != row_width(kind, signals) or not (own.scale > 0).all():
            raise ValueError(f"the networks of {kind} have the wrong shape, or a scale that is not above 0")
        networks[kind] = own
    return networks


def _confidence(given: Any) -> Confidence:
    found = Confidence(*map(float, given))
    if not (0 < found.slope < np.inf and abs(found.offset) < np.inf and 0 < found.ceiling <= 1):
        raise ValueError(f"a confidence is {given!r}; expected a slope above 0, an offset, and a ceiling from 0 to 1")
    return found


def _finite(arrays: dict[str, np.ndarray], name: str, n_axes: int, low: bool = False) -> np.ndarray:
    """An array of so many axes, without NaN or infinities; `low`: minus infinity is fine."""
    array = arrays[name].astype(np.float64)
    bad = np.isnan(array) | (array == np.inf) | ((array == -np.inf) & (not low))
    if array.ndim != n_axes or not array.size or bad.any():
        raise ValueError(f"{name} has shape {array.shape}, or numbers that are not finite")
    return array
