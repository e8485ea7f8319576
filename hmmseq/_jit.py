"""The one decorator for compiled kernels: flags are set here and nowhere else."""

import logging
from collections.abc import Callable
from typing import Any

import numba

# Sums may be reordered and fused into multiply-adds; infinities and NaN keep their meaning, because a log score
# of minus infinity ("impossible") is ordinary data here.
SUMS = {"reassoc", "contract", "arcp", "nsz"}


def jit(function: Callable | None = None, *, fastmath: Any = False, inner: bool = False, inline: bool = True) -> Any:
    """Compile a kernel without the GIL and without `parallel=True` (a forked child that launches one is killed).

    The machine code is cached on disk. Where no folder is writable Numba refuses at decoration time, which would make
    the import fail; then the kernel is compiled anew in each process instead.

    inner : for what is called at every step. It is inlined and does not count references to its arguments, so it must
        neither allocate nor return arrays. A lattice is a tuple of thirty arrays; counting them at each call took 290 of
        305 ns a step (Viterbi, 2 states).
    inline : False for an inner kernel that few callers need, so that the others do not compile it many times
    """
    if function is None:
        return lambda kernel: jit(kernel, fastmath=fastmath, inner=inner, inline=inline)
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    if inner:
        options |= {"_nrt": False, "forceinline": inline}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        logging.getLogger("hmmseq").debug("compiled code is not cached: %s", error)
        return numba.njit(**options)(function)
