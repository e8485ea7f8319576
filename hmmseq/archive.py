"""Named arrays with a description, as one file: safetensors, JSON metadata and a checksum. Nothing in it is ever executed."""

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import safetensors
import safetensors.numpy

from hmmseq.errors import DataError
from hmmseq.files import Source, atomic_write, source_name

FORMAT = "hmmseq/1"
# What a description or arrays that lie about themselves may raise where they are made into something.
MISFITS = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, RuntimeError, TypeError, ValueError)


def write(
    path: str | os.PathLike[str], described: dict[str, Any], arrays: dict[str, np.ndarray], kind: str = FORMAT
) -> None:
    """Write both. A reader sees the old file or the whole new one, also after a crash. kind: the format by name."""
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps(described)
    metadata = {"format": kind, "model": text, "sha256": digest(text, arrays)}
    with atomic_write(path) as file:
        file.write(safetensors.numpy.save(arrays, metadata))


def read(source: Source, kind: str = FORMAT) -> tuple[str, dict[str, np.ndarray]]:
    """The description, not yet parsed, and the arrays, of a path or of a file opened for reading bytes.

    Raises DataError, in one line, for another format and for a file that is damaged anywhere.
    """
    name = source_name(source)
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            data = file.read()
    elif hasattr(source, "read"):
        data = source.read(-1)
    else:
        raise TypeError(f"the source is {source!r}; expected a path, or a file opened for reading bytes")
    try:
        arrays = safetensors.numpy.load(data)
        # What safetensors has accepted begins with the length of its JSON header.
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    # The others are of number types that NumPy does not have.
    except (safetensors.SafetensorError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{name} is not a model file of hmmseq, or is damaged: {error}") from None
    metadata = header.get("__metadata__", {})
    if metadata.get("format") != kind:
        raise DataError(f"{name} has format {metadata.get('format')!r}; expected {kind!r}, as `save` writes it")
    text = metadata.get("model", "")
    if metadata.get("sha256") != digest(text, arrays):
        raise DataError(f"{name} is damaged: its contents do not match their checksum; copy or save it again")
    return text, arrays


def digest(text: str, arrays: dict[str, np.ndarray]) -> str:
    """The checksum of a description and its arrays."""
    total = hashlib.sha256(text.encode())
    for part in _sorted_bytes(arrays):
        total.update(part)
    return total.hexdigest()


def _sorted_bytes(arrays: dict[str, np.ndarray]) -> Iterator[bytes]:
    for name, array in sorted(arrays.items()):
        yield f"{name} {array.dtype} {array.shape}".encode()
        yield array.tobytes()


@runtime_checkable
class SelfDescribing(Protocol):
    """An argument of a constructor that is an object with arguments of its own."""

    def described(self) -> dict[str, Any]:
        """What JSON can hold, from which the object can be made again."""


def plain(params: dict[str, Any]) -> dict[str, Any]:
    """Constructor arguments that JSON can hold: arrays as lists, objects as their descriptions; others are left out."""
    return {name: _listed(value) for name, value in params.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(part) for part in value)
    return value is None or isinstance(value, (bool, int, float, str, dict, np.ndarray, np.number, SelfDescribing))


def _listed(value: Any) -> Any:
    if isinstance(value, SelfDescribing):
        return value.described()
    if isinstance(value, dict):
        return {name: _listed(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_listed(part) for part in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.number)) else value
