"""What users see of the compiler: one line, once."""

import os
import subprocess
import sys
from types import SimpleNamespace

from hmmseq._jit import Notice

SCORE = """
import numpy as np
from hmmseq.kernels.codes import encode
encode(np.array([0, 1]), 2, np.empty(2, np.int32))
encode(np.array([0, 1], np.int32), 2, np.empty(2, np.int32))
"""
WORKERS = """
from joblib import Parallel, delayed
from hmmseq.kernels.logmath import log_add
Parallel(n_jobs=2)(delayed(log_add)(0.0, 1.0) for _ in range(2))
"""


def lines(code, cache, disabled="0"):
    """What a process with this cache writes to standard error."""
    env = os.environ | {"NUMBA_CACHE_DIR": str(cache), "NUMBA_DISABLE_JIT": disabled}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_one_line_says_that_kernels_are_compiled_and_the_next_process_says_nothing(tmp_path):
    (line,) = lines(SCORE, tmp_path)
    assert line.startswith("hmmseq: compiling kernels") and line.endswith("later runs start at once")
    assert lines(SCORE, tmp_path) == []


def test_nothing_is_said_without_the_compiler(tmp_path):
    assert lines(SCORE, tmp_path, disabled="1") == []


def test_workers_are_silent(tmp_path):
    assert lines(WORKERS, tmp_path) == []


def test_kernels_of_others_are_not_announced(tmp_path):
    assert lines("import hmmseq._jit, numba; numba.njit(lambda x: x + 1)(1)", tmp_path) == []


def test_without_a_cache_the_line_does_not_promise_one(capsys):
    kernel = SimpleNamespace(py_func=SimpleNamespace(__module__="hmmseq.any"), stats=SimpleNamespace(cache_path=None))
    notice = Notice()
    for _ in range(2):
        notice.on_start(SimpleNamespace(data={"dispatcher": kernel}))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("each run will, until NUMBA_CACHE_DIR names a writable folder")
