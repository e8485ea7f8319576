"""Laws of learning over random fits of every family; `python -m benchmarks.statistics` draws many more of them."""

import numpy as np
import pytest

from random_fits import EMISSIONS, largest_fall, random_fit


@pytest.mark.filterwarnings("ignore:no expected visits")
@pytest.mark.parametrize("number", range(len(EMISSIONS)), ids=lambda number: str(EMISSIONS[number][0])[:40])
def test_em_never_falls(number):
    fit = random_fit(np.random.default_rng(number), number, n_iter=5)
    assert max(map(largest_fall, fit.run().histories_)) <= 1e-8, fit.what


def test_a_fall_is_noticed():
    assert largest_fall([-10.0, -9.0, -9.0 - 1e-6, -8.0]) == pytest.approx(1e-6 / 9)
    assert largest_fall([-3.0]) == 0.0
