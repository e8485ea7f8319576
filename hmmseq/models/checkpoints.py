"""Where a long fit stands, in a file: what ends before its time goes on from there, to the same bits."""

import hashlib
import json
import os
import threading
import time
from copy import copy
from typing import Any

import numpy as np

from hmmseq import archive
from hmmseq.emissions import Emission
from hmmseq.errors import DataError
from hmmseq.graph import StateGraph
from hmmseq.models import em
from hmmseq.models.restarts import Climb
from hmmseq.storage import named

FORMAT = "hmmseq-checkpoint/1"
EVERY = 1.0  # seconds between two writes, at least; the last is always written
OF_INPUTS = ("inputs", "kind")  # what the chain of an `InputHMM` reads of the data
MAY_DIFFER = ("n_iter", "n_jobs", "verbose")  # parameters of a fit that goes on
Path = str | os.PathLike[str]


class Checkpoint:
    """The file of one fit, of all its restarts; without a path it does nothing.

    After each iteration, but not more often than every second, and when the fit ends, the file is written anew; readers see
    the old or the new one, also after a crash.
    """

    def __init__(self, path: Path | None, model: Any, task: em.Task, climbs: list[Climb]) -> None:
        self._path, self._written, self._lock = path, time.monotonic(), threading.Lock()
        if path is None:
            return
        self._fit = fingerprint(model, task, climbs[0])
        self._number = {id(climb): k for k, climb in enumerate(climbs)}
        if os.path.exists(path):
            self._restore(climbs)
        self._parts = [_kept(climb) for climb in climbs]

    def keep(self, climb: Climb, last: bool = False) -> None:
        """A climb has come to the end of an iteration; `last`: there will be no other."""
        if self._path is None:
            return
        part = _kept(climb)
        with self._lock:
            self._parts[self._number[id(climb)]] = part
            if last or time.monotonic() - self._written >= EVERY:
                self._write(self._path)
                self._written = time.monotonic()

    def _write(self, path: Path) -> None:
        arrays = {f"{k}.{name}": a for k, (_, found) in enumerate(self._parts) for name, a in found.items()}
        archive.write(path, {"fit": self._fit, "climbs": [plain for plain, _ in self._parts]}, arrays, FORMAT)

    def _restore(self, climbs: list[Climb]) -> None:
        assert self._path is not None
        name = os.fspath(self._path)
        text, arrays = archive.read(name, FORMAT)
        try:
            described = json.loads(text)
            if described["fit"] != self._fit:
                raise DataError(
                    f"{name} is a checkpoint of another fit: other data, other parameters, or another model; remove it or "
                    "name another file"
                )
            for k, (climb, plain) in enumerate(zip(climbs, described["climbs"], strict=True)):
                own = {key[len(f"{k}.") :]: array for key, array in arrays.items() if key.startswith(f"{k}.")}
                _take(climb, plain, own)
        except archive.MISFITS as error:
            raise DataError(f"{name} is no checkpoint of a fit: {error}") from None


def fingerprint(model: Any, task: em.Task, climb: Climb) -> str:
    """What a fit is about: model, parameters, states and data."""
    params = {name: value for name, value in model.get_params().items() if name not in MAY_DIFFER}
    digest = hashlib.sha256(f"{type(model).__name__} {params}".encode())
    graph, chain = climb.graph, climb.chain
    data = task.X.values, task.X.offsets, task.states, task.weights, *(getattr(chain, name, None) for name in OF_INPUTS)
    for array in (*data, graph.source, graph.target, graph.label):
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _kept(climb: Climb) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Numbers and arrays from which a climb goes on."""
    arrays = _place("", climb, climb.graph, climb.emission) | {"history": np.array(climb.history, dtype=np.float64)}
    plain: dict[str, Any] = {"converged": bool(climb.converged), "n_expectations": climb.n_expectations}
    plain |= {name: list(getattr(climb, name).items()) for name in ("idle", "revived")}
    if climb.leaps is not None:
        plain |= {
            "farthest": climb.leaps.farthest,
            "points": len(climb.leaps.points),
            "safe": climb.leaps.safe is not None,
        }
        arrays |= {f"point.{i}": point for i, point in enumerate(climb.leaps.points)}
        arrays |= _place("safe.", climb, *climb.leaps.safe) if climb.leaps.safe else {}
    return plain, arrays


def _place(prefix: str, climb: Climb, graph: StateGraph, emission: Emission) -> dict[str, np.ndarray]:
    found = {f"{prefix}chain.{name}": array for name, array in climb.chain.kept(graph).items()}
    for name, array in emission.state().items():
        # Sums of products have other last bits where arrays lie in memory in another order.
        turned = array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous
        found[f"{prefix}emission.{name}{'.T' if turned else ''}"] = array.T if turned else array
    return found


def _take(climb: Climb, plain: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    climb.graph, climb.emission = _placed("", climb, arrays)
    climb.history = arrays["history"].tolist()
    climb.converged, climb.n_expectations = plain["converged"], plain["n_expectations"]
    climb.idle, climb.revived = ({int(k): int(i) for k, i in plain[name]} for name in ("idle", "revived"))
    if climb.leaps is not None:
        climb.leaps.farthest = plain["farthest"]
        climb.leaps.points = [arrays[f"point.{i}"] for i in range(plain["points"])]
        climb.leaps.safe = _placed("safe.", climb, arrays) if plain["safe"] else None


def _placed(prefix: str, climb: Climb, arrays: dict[str, np.ndarray]) -> tuple[StateGraph, Emission]:
    start, state = f"{prefix}emission.", {}
    for key, array in arrays.items():
        if key.startswith(start):
            name = key[len(start) :]
            state[name.removesuffix(".T")] = array.T if name.endswith(".T") else array
    emission = copy(climb.emission)
    emission.restore(state)
    emission.check(climb.graph.n_labels)
    return climb.chain.placed(climb.graph, named(f"{prefix}chain", arrays)), emission
