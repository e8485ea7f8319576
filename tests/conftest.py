"""Where compiled kernels are kept, set before anything imports Numba; how many examples hypothesis draws."""

import hashlib
import importlib
import os
import shutil
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
UNCOMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"
CHECKED = os.environ.get("NUMBA_BOUNDSCHECK", "0") != "0"


def kernel_cache() -> Path:
    """A folder of its own for every state of the sources.

    Numba keeps a caller's machine code when a function it calls changes in another file, and does not ask
    whether that code was compiled with bounds checks. So both name the folder.
    """
    digest = hashlib.sha256(os.environ.get("NUMBA_BOUNDSCHECK", "").encode())
    for path in sorted(path for part in ("hmmseq", "hybrid", "bio") for path in (ROOT / part).rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return ROOT / ".numba_cache" / digest.hexdigest()[:16]


def forget_old_caches(parent: Path, keep: int = 4) -> None:
    """Remove all but the last few used; those may belong to another run that is going on right now."""
    newest_first = sorted(parent.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in newest_first[keep:]:
        shutil.rmtree(folder, ignore_errors=True)


cache = kernel_cache()
os.environ["NUMBA_CACHE_DIR"] = str(cache)  # subprocesses inherit it
if "PYTEST_XDIST_WORKER" not in os.environ:
    cache.mkdir(parents=True, exist_ok=True)
    cache.touch()
    forget_old_caches(cache.parent)

_jit = importlib.import_module("hmmseq._jit")  # now that Numba knows the folder
_jit.NOTICE.due = False  # tests of the command line count lines of standard error, whether or not kernels are compiled

# Every run draws the same examples; `pytest --hypothesis-profile=default` explores.
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=15 if UNCOMPILED else 30 if CHECKED else 60
)
settings.load_profile("ci")
