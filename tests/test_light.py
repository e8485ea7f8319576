"""What is imported late works when it is asked for, and nothing is left standing in for it."""

import subprocess
import sys

from hmmseq._light import later

USES = """
import sys
from hmmseq import PoissonHMM, Sequences
assert type(sys.modules.get("scipy.stats")).__name__ in ("NoneType", "module"), "something stands in for it still"

import numpy as np
from sklearn.utils import fixes
assert fixes._mode([1, 1, 2]).mode == 1  # what scikit-learn imports it for

import scipy.stats.qmc
scipy.stats.qmc.Sobol(1)
from scipy.stats import norm
assert norm.cdf(0.0) == scipy.stats.norm.cdf(0.0) == 0.5

from sklearn.model_selection import GridSearchCV
from hmmseq.emissions import Poisson
emission = Poisson()
emission.lambdas_ = np.array([[1.0], [2.0]])
assert np.isfinite(emission.cumulative(emission.observe(Sequences.pack(np.array([[1.0], [3.0]]))))).all()
"""


def test_statistics_are_there_when_they_are_used():
    run = subprocess.run([sys.executable, "-c", USES], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_what_is_asked_of_a_stand_in_loads_the_module(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with later("colorsys"):
        import colorsys as stand_in

        assert type(stand_in).__name__ == "_Later"
        assert stand_in.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
        assert type(sys.modules["colorsys"]).__name__ == "module"
    assert type(sys.modules["colorsys"]).__name__ == "module"


def test_a_stand_in_leaves_and_a_module_that_is_there_stays(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with later("colorsys"):
        pass
    assert "colorsys" not in sys.modules
    with later("json"):
        assert type(sys.modules["json"]).__name__ == "module"
