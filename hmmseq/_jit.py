"""The one decorator for compiled kernels: flags are set here and nowhere else."""

import logging
from collections.abc import Callable
from typing import Any

import numba

# Sums may be reordered and fused into multiply-adds; infinities and NaN keep their meaning, because a log score
# of minus infinity ("impossible") is ordinary data here.
SUMS = {"reassoc", "contract", "arcp", "nsz"}


def jit(function: Callable | None = None, *, fastmath: Any = False) -> Any:
    """Compile `function` without the GIL and without `parallel=True` (a forked child that launches one is killed).

    The machine code is cached on disk. Where no folder is writable Numba refuses at decoration time, which would make
    the import fail; then the kernel is compiled anew in each process instead.
    """
    if function is None:
        return lambda inner: jit(inner, fastmath=fastmath)
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        logging.getLogger("hmmseq").debug("compiled code is not cached: %s", error)
        return numba.njit(**options)(function)
