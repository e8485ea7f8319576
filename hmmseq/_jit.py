"""The one decorator for compiled kernels: flags are set here and nowhere else."""

import logging
import multiprocessing
import sys
from collections.abc import Callable
from typing import Any

import numba
from numba.core import event
from numba.core.registry import cpu_target

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


def without_extras() -> None:
    """Keep Numba from loading what no kernel calls, in a process whose kernels are all ours: not for use in a library.

    When the first kernel runs, Numba imports scipy.linalg and cffi to see whether they are there, which takes memory and
    time (`python -m benchmarks.gene_memory` prints how much). Kernels that need them cannot be compiled afterwards.
    """
    extras = [name for name in ("scipy.linalg.cython_blas", "cffi") if name not in sys.modules]
    for name in extras:
        sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails as if it were not there
    try:
        cpu_target.target_context.refresh()
    finally:
        for name in extras:
            del sys.modules[name]


class Notice(event.Listener):
    """One line on standard error when the first kernel is compiled: it takes long enough to look like a hang.

    Code that comes from the cache is not compiled. Worker processes leave it to the one that started them.
    """

    def __init__(self) -> None:
        self.due = multiprocessing.parent_process() is None

    def on_start(self, event: Any) -> None:
        kernel = event.data["dispatcher"]
        if not (self.due and kernel.py_func.__module__.startswith("hmmseq.") and sys.stderr):
            return
        self.due = False
        kept = kernel.stats.cache_path is not None  # else no folder was writable
        again = "later runs start at once" if kept else "each run will, until NUMBA_CACHE_DIR names a writable folder"
        print(f"hmmseq: compiling kernels, which takes 10 to 60 seconds in all; {again}", file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        pass


NOTICE = Notice()
event.register("numba:compile", NOTICE)
