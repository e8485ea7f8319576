"""What people pass by mistake: each gives an error that says where and what, or an answer that is right."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import UNCOMPILED
from hmmseq import HMM, CategoricalHMM, GaussianHMM, topologies
from hmmseq.emissions import Categorical, Gaussian

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(0)
GOOD = [RNG.normal(size=(n, 2)) for n in (9, 4)]
CODES = [[0, 1, 1, 0, 2], [2, 1]]


def fitted(**options):
    return GaussianHMM(2, n_iter=3, random_state=0, **options).fit(GOOD)


def spoilt(value):
    X = [x.copy() for x in GOOD]
    X[1][2, 1] = value
    return X


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused_with_its_place(value):
    for use in (GaussianHMM().fit, fitted().predict):
        with pytest.raises(ValueError, match=r"X\[1\] contains infinity at step 2, feature 1"):
            use(spoilt(value))


def test_nan_is_marginalised_or_refused_as_asked():
    scores = fitted().predict_proba(spoilt(np.nan))
    np.testing.assert_allclose(scores[1].sum(1), 1.0, rtol=1e-9)
    strict = HMM(Gaussian(missing="error"), 2)
    with pytest.raises(ValueError, match=r"X\[1\] contains NaN at step 2, feature 1; pass missing='nan'"):
        strict.fit(spoilt(np.nan))


@pytest.mark.parametrize("gap", [0.0, np.nan])
def test_an_outlier_in_fit_is_refused_with_its_place(gap):
    """With NaN beside it, the place used to be that of another row."""
    X = spoilt(1e200)
    X[1][2, 0], X[0][0, 0] = gap, np.nan
    with pytest.raises(ValueError, match=r"X\[1\] has a value of size 1e\+200 at step 2"):
        GaussianHMM(2).fit(X)


def test_another_number_of_features_is_refused():
    for X in (np.zeros((5, 3)), [np.zeros((5, 3))], [np.zeros((5, 2)), np.zeros((2, 3))], [np.zeros(5)]):
        with pytest.raises(ValueError, match=r"features"):
            fitted().predict(X)


@pytest.mark.parametrize("symbol", [3, 7, -2, 2**40])
def test_an_unknown_symbol_is_refused_with_its_place(symbol):
    model = CategoricalHMM(2, random_state=0).fit(CODES)
    with pytest.raises(ValueError, match=rf"X\[1\] has symbol {symbol} at position 1; n_symbols is 3"):
        model.predict([[0, 1], [2, symbol]])
    with pytest.raises(ValueError, match=f"symbol {symbol}"):
        CategoricalHMM(2, n_features=3).fit([[0, symbol]])


@pytest.mark.parametrize("codes", [[[0.0, 1.0]], [["A", "C"]], [[True, False]], [[None, 1]]])
def test_symbols_that_are_no_whole_numbers_are_refused(codes):
    with pytest.raises(ValueError, match="expected whole numbers"):
        CategoricalHMM(2).fit(codes)


@pytest.mark.parametrize(
    "lengths, message",
    [([-10, 23], "0 or more"), ([5, 5], "lengths sum to 10 but X has 13 rows"), (13, "one per sequence"),
     ([6.5, 6.5], "whole numbers"), ([2**63 - 1, 2**63 - 1, 15], "lengths sum to")],
)  # fmt: skip
def test_bad_lengths_are_refused(lengths, message):
    for use in (GaussianHMM().fit, fitted().predict, fitted().score):
        with pytest.raises(ValueError, match=message):
            use(np.concatenate(GOOD), lengths=lengths)


def test_an_empty_sequence_has_an_empty_answer_and_counts_for_nothing():
    with_empty = [GOOD[0], np.zeros((0, 2)), GOOD[1], []]
    model = GaussianHMM(2, n_iter=3, random_state=0).fit(with_empty)
    np.testing.assert_array_equal(model.means_, fitted().means_)
    assert [len(p) for p in model.predict(with_empty)] == [9, 0, 4, 0]
    assert [p.shape for p in model.predict_proba([[], GOOD[1]])] == [(0, 2), (4, 2)]
    assert model.predict(np.zeros((0, 2))).shape == (0,)
    assert model.score([np.zeros((0, 2))]) == 0.0
    assert [path.score for path in model.decode([[]], method="mea")] == [0.0]


@pytest.mark.parametrize("X", [[], [[]], [[], []], [np.zeros((0, 2))], np.zeros((0, 2))])
def test_nothing_to_fit_is_an_error(X):
    with pytest.raises(ValueError, match=r"no sequence|0 sample\(s\)"):
        GaussianHMM().fit(X)


@pytest.mark.parametrize(
    "y, message",
    [
        ([[0, 1, 1, 0], [1, 1]], r"y\[0\] has 4 labels but X\[0\] has 5 steps"),
        ([[0, 1, 1, 0, 1]], "y has 1 sequences but X has 2"),
        ([[0, 1, 1, 0, 1], [1, 1], [0]], "y has 3 sequences but X has 2"),
        ([[0, 1, 1, 0, 9], [1, 1]], "y has state 9 but the topology has 2 states"),
        ([[0, 1, 1, 0, 0.5], [1, 1]], "y must be whole numbers"),
        ([[0, 1, 1, 0, np.nan], [1, 1]], "y must be whole numbers"),
        ([[0, 1, 1, 0, np.inf], [1, 1]], "y must be whole numbers"),
        ([[0, 1, 1, 0, 1e18], [1, 1]], "y must be whole numbers"),
        ([[0, 1, 1, 0, -2], [1, 1]], "y must be whole numbers"),
        ([["a", "b", "b", "a", "a"], ["b", "b"]], "Unknown label type"),
    ],
)
def test_labels_that_do_not_fit_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        HMM(Categorical(3), topology=topologies.ergodic(2)).fit(CODES, y)


@pytest.mark.parametrize("weight", [1.0, [1.0], [1.0, -1.0], [1.0, np.nan], [np.inf, 1.0], [0.0, 0.0], [[1.0, 1.0]]])
def test_weights_that_weigh_nothing_are_refused(weight):
    with pytest.raises(ValueError, match="one finite weight, 0 or more and not all 0, for each of 2 sequences"):
        CategoricalHMM(2).fit(CODES, sample_weight=weight)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_components": 0}, "n_components is 0"),
        ({"n_components": 2.5}, "n_components is 2.5"),
        ({"n_components": "2"}, "n_components is '2'"),
        ({"topology": "left_right"}, "topology is 'left_right'; expected None, a StateGraph, or a function"),
        ({"topology": lambda n: n}, "a function that makes one"),
        ({"emission": Gaussian("round")}, "covariance is 'round'"),
        ({"emission": Gaussian(missing="skip")}, "missing is 'skip'"),
        ({"emission": Gaussian(min_covar=0)}, "min_covar is 0"),
    ],
)
def test_options_that_make_no_model_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        HMM(**options).fit(GOOD)


def test_a_sample_of_a_length_that_no_path_has_is_refused():
    """The path -1, -1 used to be taken for states, and its symbols came from the last one."""
    pinned = topologies.left_right(3, pinned=True)
    model = HMM(Categorical(3), topology=pinned, random_state=0).fit([[0, 1, 1, 2]])
    assert len(model.sample(3)[0]) == 3 == len(set(model.sample(3)[1].tolist()))
    with pytest.raises(ValueError, match="no path through the model has 2 steps"):
        model.sample(2)


@pytest.mark.parametrize("as_given", [np.asfortranarray, lambda x: x.astype(np.float32), lambda x: x.tolist()])
def test_the_form_of_an_array_does_not_matter(as_given):
    X = [x.astype(np.float32).astype(float) for x in GOOD]
    frozen = [x.copy() for x in X]
    for x in frozen:
        x.flags.writeable = False  # as joblib hands large arrays to its workers
    plain, other = (GaussianHMM(2, n_iter=3, random_state=0).fit(form) for form in (X, [as_given(x) for x in X]))
    np.testing.assert_array_equal(plain.means_, other.means_)
    np.testing.assert_array_equal(plain.predict(frozen)[0], other.predict([as_given(frozen[0])])[0])


SMALL = "from hmmseq import CategoricalHMM; print(CategoricalHMM(2, n_iter=2).fit([[0, 1, 1]]).n_iter_)"


@pytest.mark.slow
@pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled, so nothing is cached")
def test_without_a_folder_to_write_to_import_and_fit_still_work():
    """Numba then raises where a kernel is decorated, which is at import. /proc is unwritable even for root."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": "/proc/nowhere", "HOME": "/proc/nowhere"}
    done = subprocess.run([sys.executable, "-c", SMALL], capture_output=True, text=True, env=environment, cwd=ROOT)
    assert (done.returncode, done.stdout.strip()) == (0, "2"), done.stderr
