"""Leaps of EM: never down, and fewer passes over the data."""

from copy import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families import FAMILIES, JOINT, Family, symbols
from hmmseq import HMM, Sequences
from hmmseq.emissions import Categorical, Emission, Gaussian
from hmmseq.models.acceleration import leap
from strategies import seeds

SYMBOLS, WORDS = (Family(Categorical(3, order=order), None, None, symbols) for order in (0, 1))


@pytest.mark.parametrize("family", [*FAMILIES, *JOINT, SYMBOLS, WORDS], ids=str)
def test_a_vector_describes_the_parameters(family):
    rng = np.random.default_rng(0)
    X = [family.data(rng, (n, 2)) for n in (40, 20)]
    X = [x[:, 0].astype(int) for x in X] if family.emission.symbols else X
    model = HMM(family.emission, 3, n_iter=3, random_state=0).fit(X)
    emission, before = model.emission_, model.emission_.state()
    vector, labels = emission.unconstrained(), emission.owners()
    emission.constrain(vector)
    for name, value in emission.state().items():
        np.testing.assert_allclose(value, before[name], rtol=1e-9, atol=1e-12)
    observed = emission.observe(Sequences.pack(X))
    scores = emission.log_scores(observed).table
    moved = copy(emission)
    moved.constrain(vector + 0.01 * rng.normal(size=len(vector)))
    moved.check(3)
    np.testing.assert_array_equal(emission.log_scores(observed).table, scores)  # a copy is one
    assert np.all(np.isfinite(moved.log_scores(observed).table))
    for label in range(3):  # numbers of a label change its scores alone
        moved = copy(emission)
        moved.constrain(vector + 0.01 * (labels == label))
        changed = (moved.log_scores(observed).table != scores).any(axis=0)
        assert changed.tolist() == [j == label for j in range(3)]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_fixed_parameters_are_not_in_the_vector(family):
    rng = np.random.default_rng(1)
    name = family.emission.parameters_[0]
    fixed = np.where([[True], [False]], getattr(family.random(rng), name), np.nan)
    options = family.emission.get_params() | {"fixed": {name[:-1]: fixed}}
    model = HMM(type(family.emission)(**options), 2, n_iter=3, random_state=0).fit([family.data(rng, (40, 2))])
    vector = model.emission_.unconstrained()
    assert len(vector) == model.emission_.n_parameters()
    model.emission_.constrain(vector + 0.1)
    np.testing.assert_array_equal(getattr(model, name)[0], fixed[0])


@given(seeds, st.floats(0.01, 0.999))
def test_a_leap_ends_where_steps_that_shrink_alike_lead(seed, share):
    rng = np.random.default_rng(seed)
    start, end = rng.normal(size=(2, 4))
    first, second = (end + (start - end) * share**k for k in (1, 2))
    np.testing.assert_allclose(leap(start, first, second, np.inf)[0], end, atol=1e-9)


def test_no_step_is_no_leap_and_a_leap_is_cut_short():
    here = np.array([0.0, 2.0])
    assert leap(here, here, here, 9.0)[1] == 1.0
    start, first, second = np.zeros(1), np.array([1.0]), np.array([1.999])
    np.testing.assert_allclose(leap(start, first, second, 3.0)[0], 2 * 3 - 0.001 * 9)


def slow_data(kind):
    """States that are hard to tell apart: EM creeps."""
    rng = np.random.default_rng(3)
    states = [np.repeat(rng.integers(0, 2, 40), 5) for _ in range(3)]
    if kind == "categorical":
        return Categorical(3), [
            np.where(rng.random(len(s)) < 0.45 + 0.2 * s, 0, rng.integers(1, 3, len(s))) for s in states
        ]
    return Gaussian(), [rng.normal(1.2 * s[:, None], 1.0, (len(s), 1)) for s in states]


def passes(model, height):
    """How many iterations it took to come so high."""
    return int(np.argmax(np.array(model.history_) >= height))


@pytest.mark.parametrize("kind", ["categorical", "gaussian"])
def test_a_slow_climb_takes_fewer_passes_over_the_data(kind):
    emission, X = slow_data(kind)
    options = {"n_components": 2, "n_iter": 400, "tol": -np.inf, "random_state": 0}
    plain, fast = (HMM(emission, accelerate=leaps, **options).fit(X) for leaps in (False, True))
    top = plain.history_[-1] - 1e-3
    fast = HMM(emission, accelerate=True, **options | {"n_iter": passes(fast, top) + 1}).fit(X)
    print(f"{kind}: {passes(plain, top) + 1} passes, accelerated {fast.n_expectations_}")
    assert 2 * fast.n_expectations_ < passes(plain, top) and fast.history_[-1] >= top
    assert np.all(np.diff(fast.history_) >= -1e-8 * abs(top))
    assert plain.n_expectations_ == plain.n_iter_


def test_a_fit_does_not_end_on_a_leap_that_nothing_has_checked():
    emission, X = slow_data("gaussian")
    for n_iter in range(1, 12):
        model = HMM(emission, 2, n_iter=n_iter, tol=-np.inf, random_state=0, accelerate=True).fit(X)
        assert model.score(X) * 600 >= model.history_[-1] - 1e-8


class Plain(Categorical):
    scales = Emission.scales


def test_an_emission_without_a_vector_is_refused():
    with pytest.raises(ValueError, match="Plain emissions have no unconstrained form"):
        HMM(Plain(2), 2, accelerate=True).fit([[0, 1, 1]])
