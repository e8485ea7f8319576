"""The examples on series run, find what textbooks and papers report, and end in a picture."""

import runpy
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """What `main` of an example returns; skipped where its data are not here."""
    monkeypatch.syspath_prepend(str(EXAMPLES))

    def run(name):
        module = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="example")
        try:
            found = module["main"](tmp_path)
        except module["series"].NoData as error:
            pytest.skip(str(error))
        picture = tmp_path / f"{name}.png"
        assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 5000
        return found, module.get("PUBLISHED")

    return run


def test_earthquakes(run):
    found, published = run("earthquakes")
    assert found == pytest.approx(published, abs=1e-4)


def test_regimes(run):
    (height, found), published = run("regimes")
    assert height == pytest.approx(-181.26339, abs=1e-4)  # statsmodels has this maximum, too
    for name, value in published.items():
        np.testing.assert_allclose(found[name], value, atol=2e-3, err_msg=name)


def test_old_faithful(run):
    (height, transmat), published = run("old_faithful")
    assert height == pytest.approx(published["log-likelihood"], abs=1e-3)
    assert transmat[0, 1] > 0.999  # no short eruption follows a short one


def test_elk(run):
    found, published = run("elk")
    for name in ("mean step, km", "its sd"):
        np.testing.assert_allclose(found[name], published[name], rtol=0.2, err_msg=name)
    assert found["mean step, km"][1] > 5 * found["mean step, km"][0]


def test_activity(run):
    right, n_found, n_true = run("activity")[0]
    assert right > 0.95 and n_found == n_true


def test_stocks(run):
    found = run("stocks")[0]
    assert found["normal", 2] < found["normal", 1] - 500  # one normal distribution is far off
    assert found["Student", 2] < found["normal", 2]
