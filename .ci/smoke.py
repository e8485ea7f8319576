"""What a stranger meets first, tried on the installed package from outside the checkout.

usage: python -I smoke.py, in another folder
"""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

IMPORT_SECONDS = 1.0  # the promise for a warm import, best of five
TIMED_IMPORT = """
import sys, time
start = time.perf_counter()
import hmmseq
print(time.perf_counter() - start, "torch" in sys.modules)
"""


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_import() -> None:
    results = [run(sys.executable, "-I", "-c", TIMED_IMPORT).split() for _ in range(5)]
    fastest = min(float(seconds) for seconds, _ in results)
    print(f"import hmmseq: {fastest:.2f} s")
    assert fastest <= IMPORT_SECONDS, f"importing hmmseq takes {fastest:.2f} s, more than {IMPORT_SECONDS} s"
    assert all(torch == "False" for _, torch in results), "importing hmmseq imports torch"


def check_fit() -> None:
    import numpy as np

    import hmmseq

    assert not Path(hmmseq.__file__).is_relative_to(Path(__file__).parent.parent), "this is the checkout"
    symbols = np.array([0, 0, 1, 0, 0, 2, 2, 1, 2, 2] * 10)
    model = hmmseq.CategoricalHMM(n_components=2, random_state=0).fit([symbols, symbols[:30]])
    paths = model.predict([symbols, symbols[:30]])
    assert [len(path) for path in paths] == [100, 30], paths
    assert np.isfinite(model.score([symbols]))
    print("CategoricalHMM: fits, predicts and scores")


def check_command() -> None:
    answer = run(str(Path(sys.executable).with_name("hmmseq")), "--version")
    assert version("hmmseq") in answer, f"hmmseq --version says {answer!r}"
    print(answer.strip())


check_import()
check_fit()
check_command()
