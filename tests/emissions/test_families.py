"""Laws that every family of emissions keeps: densities of scipy, maxima, EM that never falls, what is missing or fixed."""

import warnings
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.base import clone

import hmmseq
from families import FAMILIES, JOINT, Family
from hmmseq import HMM, Sequences, StateGraph
from hmmseq.emissions import Gaussian, LogNormal
from hmmseq.emissions.base import add
from hmmseq.emissions.observed import POSITIVE, REAL, by_row
from hmmseq.models import reordered
from strategies import seeds

families = pytest.mark.parametrize("family", FAMILIES, ids=str)
all_families = pytest.mark.parametrize("family", FAMILIES + JOINT, ids=str)
few = settings(max_examples=3)
TIED = StateGraph(3, [0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 0], label=[0, 1, 0])


def data(family, rng, n_steps=40, missing=0.2):
    """Two sequences of two features, in part missing, and weights of each step under each label."""
    X = np.array(family.data(rng, (n_steps, 2)))
    X[rng.random(X.shape) < missing] = np.nan
    return Sequences.pack([X[:15], X[15:]]), rng.gamma(1.0, size=(n_steps, 2))


def step_scores(emission, X):
    found = emission.log_scores(emission.observe(X))
    return found.table[found.code]


def statistics(emission, X, weights):
    observed = emission.observe(X)
    scores = emission.log_scores(observed)
    return emission.statistics(observed, by_row(weights, scores.code, len(scores.table)))


def parameters(emission):
    return {name: np.array(value) for name, value in emission.state().items()}


def objective(emission, X, weights):
    return float(np.sum(weights * step_scores(emission, X))) + emission.log_prior()


def assert_never_falls(values):
    values = np.array(values)
    assert np.all(np.diff(values) >= -1e-8 * np.abs(values[:-1]) - 1e-9), values


@families
@given(seeds)
@few
def test_densities_are_those_of_scipy_and_what_is_missing_counts_nothing(family: Family, seed):
    rng = np.random.default_rng(seed)
    emission, (X, _) = family.random(rng), data(family, rng)
    values = [value for value in parameters(emission).values() if value.ndim == 2]
    found, filled = step_scores(emission, X), np.where(np.isnan(X.values), family.data(rng, (1, 1)), X.values)
    for label in range(2):
        each = family.log_density(filled, *(value[label] for value in values))
        expected = np.where(np.isnan(X.values), 0.0, each).sum(1)
        np.testing.assert_allclose(found[:, label], expected, rtol=1e-9, atol=1e-9)


def assert_updates_never_lower(emission, X, weights, n_updates):
    history = []
    for _ in range(n_updates):
        history.append(objective(emission, X, weights))
        emission.update(statistics(emission, X, weights))
        if len(history) > 1 and history[-1] - history[-2] < 1e-11:
            break
    assert_never_falls(history)


@pytest.mark.parametrize("family", JOINT, ids=str)
@given(seeds)
@settings(max_examples=3)
def test_an_update_never_lowers_the_expected_log_likelihood(family, seed):
    rng = np.random.default_rng(seed)
    X, weights = data(family, rng)
    assert_updates_never_lower(family.random(rng), X, weights, 6)


@families
@given(seeds)
@settings(max_examples=4)
def test_updates_end_in_a_maximum(family, seed):
    """No nearby parameters have a larger sum of weighted log densities, plus log prior."""
    rng = np.random.default_rng(seed)
    emission, (X, weights) = family.random(rng), data(family, rng)
    assert_updates_never_lower(emission, X, weights, 300)
    best, found = objective(emission, X, weights), parameters(emission)
    for name in set(found) - {"floor_", "scale_"}:
        for factor in (1 + 1e-2, 1 - 1e-2):
            moved = found[name] * factor
            setattr(emission, name, np.minimum(moved, 1.0) if name in ("probs_", "zeros_") else moved)
            assert objective(emission, X, weights) <= best + 1e-5 * abs(best), name
            setattr(emission, name, found[name])


@all_families
@given(seeds)
@few
def test_em_never_falls(family, seed):
    """With missing values, weights of sequences, known states and states that share a label."""
    rng = np.random.default_rng(seed)
    X, _ = data(family, rng)
    y = [np.where(rng.random(len(x)) < 0.1, rng.integers(0, 3), -1) for x in X] if rng.random() < 0.5 else None
    topology, weights = [None, TIED][rng.integers(2)], rng.gamma(1.0, size=2)
    y = None if topology is TIED else y
    model = HMM(family.emission, 3, topology=topology, n_iter=5, tol=-np.inf, random_state=int(rng.integers(99)))
    model.fit(X, y, sample_weight=weights)
    assert_never_falls(model.history_)
    assert all(np.all(np.isfinite(value)) for value in parameters(model.emission_).values())


@all_families
def test_steps_of_weight_zero_are_as_if_they_were_not_there_and_parts_add_up(family):
    rng = np.random.default_rng(0)
    emission, (X, weights) = family.random(rng), data(family, rng)
    weights[:15] = 0.0
    parts = [statistics(emission, Sequences.pack([x]), w) for x, w in zip(X, X.unpack(weights))]
    updates = []
    for found in (parts[1], add(*parts), add(*parts[::-1]), statistics(emission, X, weights)):
        updated = deepcopy(emission)
        updated.update(found)
        updates.append(parameters(updated))
    for other in updates[1:]:
        for name in other:
            np.testing.assert_allclose(other[name], updates[0][name], rtol=1e-7, atol=1e-9)


@families
def test_a_label_without_weight_stays_as_it_is(family):
    rng = np.random.default_rng(1)
    emission, (X, weights) = family.random(rng), data(family, rng)
    before = parameters(emission)
    weights[:, 1] = 0.0
    emission.update(statistics(emission, X, weights))
    for name, after in parameters(emission).items():
        if emission.log_prior() == 0.0 and name not in ("scale_",):
            np.testing.assert_array_equal(after[1], before[name][1])
        assert np.all(np.isfinite(after))


@families
def test_a_fit_of_what_was_drawn_finds_the_parameters(family):
    rng = np.random.default_rng(2)
    emission = family.random(rng)
    labels = rng.integers(0, 2, 40_000)
    X = Sequences.pack([emission.sample(labels, rng)])
    weights = np.eye(2)[labels]
    fitted = deepcopy(emission)
    for name in ("lambdas_", "means_", "probs_", "zeros_", "locs_", "a_", "b_"):
        if hasattr(fitted, name):
            setattr(fitted, name, 0.9 * getattr(fitted, name))
    for _ in range(60):
        fitted.update(statistics(fitted, X, weights))
    gain = objective(fitted, X, weights) - objective(emission, X, weights)
    # Twice the gain of the maximum over the truth is chi-squared, a degree of freedom a parameter (Wilks 1938).
    assert -0.1 <= gain < 20.0


@families
@given(seeds)
@few
def test_fixed_parameters_stay_bit_equal_while_the_rest_is_learned(family, seed):
    rng = np.random.default_rng(seed)
    given_values = family.random(rng)
    name = given_values.parameters_[rng.integers(len(family.draw(rng, (1, 1))))]
    if name == "scale_":
        return
    fixed = np.where(rng.random((2, 2)) < 0.5, getattr(given_values, name), np.nan)
    X, _ = data(family, rng)
    emission = type(family.emission)(**family.emission.get_params() | {"fixed": {name[:-1]: fixed}})
    model = HMM(emission, 2, n_iter=6, tol=-np.inf, random_state=0).fit(X)
    assert_never_falls(model.history_)
    found, held = getattr(model.emission_, name), ~np.isnan(fixed)
    np.testing.assert_array_equal(found[held], fixed[held])
    assert np.all(np.isfinite(found))


@all_families
def test_reordered_states_are_the_same_model(family):
    rng = np.random.default_rng(4)
    X, _ = data(family, rng)
    model = HMM(clone(family.emission), 2, n_iter=3, random_state=0).fit(X)
    swapped = reordered(model, [1, 0])
    assert swapped.score(X) == pytest.approx(model.score(X), rel=1e-12)
    emission = model.emission_
    assert swapped.emission_.n_parameters() == emission.n_parameters() >= 2
    if family.draw and not emission.sum_to_one:  # one number for each label and feature
        assert emission.n_parameters() == sum(
            getattr(emission, name).size for name in emission.parameters_ if name not in emission.of_data
        )


@all_families
def test_a_saved_model_comes_back(family, tmp_path):
    rng = np.random.default_rng(3)
    X, _ = data(family, rng)
    options, name = family.emission.get_params(deep=False), family.emission.parameters_[0] if family.draw else ""
    if name:
        options["fixed"] = {name[:-1]: np.where([[True], [False]], getattr(family.random(rng), name), np.nan)}
    model = HMM(type(family.emission)(**options), 2, n_iter=3, random_state=0).fit(X)
    model.save(tmp_path / "model")
    found = hmmseq.load(tmp_path / "model")
    assert found.score(X) == model.score(X)
    restored = parameters(found.emission_)
    for name, value in parameters(model.emission_).items():
        np.testing.assert_array_equal(restored[name], value)
    assert found.fit(X).score(X) == pytest.approx(model.score(X), rel=1e-12)


@families
def test_a_value_outside_the_support_is_refused_with_its_place(family):
    rng = np.random.default_rng(4)
    for value in (*family.outside, np.inf):
        X = [family.data(rng, (5, 2)) for _ in range(2)]
        X[1][3, 1] = value
        with pytest.raises(ValueError, match=r"X\[1\] contains .* at step 3, feature 1; "):
            HMM(family.emission, 2).fit(X)


@families
def test_wrong_fixed_parameters_are_refused(family):
    X = [family.data(np.random.default_rng(5), (5, 2))]
    kind, options = type(family.emission), family.emission.get_params()
    with pytest.raises(ValueError, match="fixed names 'colour'; the parameters of"):
        HMM(kind(**options | {"fixed": {"colour": 1.0}}), 2).fit(X)
    name = family.emission.parameters_[0][:-1]
    with pytest.raises(ValueError, match=rf"fixed has {name} of shape \(3,\); expected \(2, 2\)"):
        HMM(kind(**options | {"fixed": {name: [0.5] * 3}}), 2).fit(X)


@families
@pytest.mark.parametrize("size", [1e-300, 1e-8, 1e8, 1e300])
def test_finite_data_have_scores_that_are_numbers(family, size):
    rng = np.random.default_rng(6)
    x = family.data(rng, (6, 2))
    support = getattr(family.emission, "support", REAL if isinstance(family.emission, Gaussian) else POSITIVE)
    size = size if support.holds(np.array(size)) else 1.0 * (size > 1)
    x[2, 0] = size if support.holds(np.array(size)) else x[2, 0]
    scores = (
        family.random(rng)
        .log_scores(Sequences.pack([np.log(x) if isinstance(family.emission, LogNormal) else x]))
        .table
    )
    assert not np.isnan(scores).any() and np.all(scores < 1e301)


@families
def test_constant_data_and_features_that_are_never_seen_can_be_fitted(family):
    one = family.data(np.random.default_rng(7), (1, 1))[0, 0]
    X = np.column_stack([np.full(30, one), np.full(30, np.nan)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "features .* of X are constant")
        model = HMM(family.emission, 2, random_state=0, n_iter=5).fit(X)
    assert np.isfinite(model.score(X)) and np.all(np.isfinite(model.predict_proba(X)))
    assert all(np.all(np.isfinite(value)) for value in parameters(model.emission_).values())
