"""Descriptions and arrays in one file: safetensors, with JSON metadata and a checksum."""

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from hmmseq.errors import DataError
from hmmseq.files import atomic_write


def write(path: str | os.PathLike[str], kind: str, described: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a description and arrays. A reader sees the old file or the whole new one, also after a crash."""
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps(described)
    metadata = {"format": kind, "model": text, "sha256": _digest(text, arrays)}
    with atomic_write(path) as file:
        file.write(safetensors.numpy.save(arrays, metadata))


def read(name: str, kind: str) -> tuple[str, dict[str, np.ndarray]]:
    """Description and arrays of a file that `write` wrote for the same kind; DataError for anything else."""
    try:
        with safetensors.safe_open(name, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != kind:
                raise DataError(f"{name} has format {metadata.get('format')!r}; expected {kind!r}, as `save` writes it")
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    # AttributeError and TypeError: number types that NumPy does not have.
    except (safetensors.SafetensorError, AttributeError, TypeError, UnicodeDecodeError) as error:
        raise DataError(f"{name} is not a model file of hmmseq, or is damaged: {error}") from None
    text = metadata.get("model", "")
    if metadata.get("sha256") != _digest(text, arrays):
        raise DataError(f"{name} is damaged: its contents do not match their checksum; copy or save it again")
    return text, arrays


def _digest(text: str, arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for part in _sorted_bytes(arrays):
        digest.update(part)
    return digest.hexdigest()


def _sorted_bytes(arrays: dict[str, np.ndarray]) -> Iterator[bytes]:
    for name, array in sorted(arrays.items()):
        yield f"{name} {array.dtype} {array.shape}".encode()
        yield array.tobytes()
