"""What people pass by mistake: each gives an error that says where and what, or an answer that is right."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from conftest import UNCOMPILED
from hmmseq import (
    CRF,
    HMM,
    CategoricalHMM,
    EachSequence,
    FactorialHMM,
    GaussianHMM,
    ImpossibleSequenceError,
    InputHMM,
    SemiCRF,
    SemiMarkovHMM,
    VariationalHMM,
    topologies,
)
from hmmseq.emissions import (
    AutoregressiveGaussian,
    Categorical,
    Exponential,
    Gamma,
    Gaussian,
    Geometric,
    LogNormal,
    Multinomial,
    NegativeBinomial,
    Poisson,
    PoissonRegression,
    Product,
    StudentT,
    VonMises,
    ZeroInflatedPoisson,
)
from hmmseq.models import reordered

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


# Forms that scientists pass, one by one; what is no sequence of numbers is refused where it comes in.


@pytest.mark.parametrize("model", [GaussianHMM(2, n_iter=2), FactorialHMM((2, 2), n_iter=2), CRF(n_iter=2)], ids=repr)
def test_features_that_are_none_are_refused(model):
    y = [[0, 1, 0]] if isinstance(model, CRF) else None
    with pytest.raises(ValueError, match=r"0 feature\(s\)|of shape \(3, 0\)"):
        model.fit([np.zeros((3, 0))], y)


@pytest.mark.parametrize(
    "emission", [Multinomial(), PoissonRegression(), AutoregressiveGaussian(), Product([Poisson()])]
)
def test_no_emission_meets_features_that_are_none(emission):
    with pytest.raises(ValueError, match=r"X has 0 feature\(s\) \(shape=\(3, 0\)\)"):
        HMM(emission, 2).fit([np.zeros((3, 0))])


def test_masked_entries_are_not_taken_for_data():
    """numpy joins masked arrays without their masks, so what was under them used to be learned."""
    masked = np.ma.masked_array(GOOD[0], mask=np.abs(GOOD[0]) > 1)
    for use in (GaussianHMM(2).fit, fitted().predict):
        for X in (masked, [masked, GOOD[1]]):
            with pytest.raises(ValueError, match=r"masked entries; give what is missing as NaN"):
                use(X)
    for model in (CRF(), EachSequence(StandardScaler())):
        with pytest.raises(ValueError, match="masked entries"):
            model.fit([masked, GOOD[1]], TWO)
    fitted().predict([np.ma.masked_array(GOOD[0]), GOOD[1]])
    fitted().predict([masked.astype(float).filled(np.nan)])


@pytest.mark.parametrize("emission", [Poisson(), NegativeBinomial(), ZeroInflatedPoisson(), Geometric(), Multinomial()])
@pytest.mark.parametrize("count", [1e16, 1e200, 1e308])
def test_counts_that_no_double_can_count_are_refused(emission, count):
    X = [RNG.integers(1, 9, (9, 2)).astype(float)]
    model = HMM(emission, 2, n_iter=2, random_state=0).fit(X)
    X[0][4, 1] = count
    for use in (HMM(emission, 2).fit, model.predict):
        with pytest.raises(ValueError, match=re.escape(f"X[0] contains {count:g} at step 4, feature 1; ") + ".*2"):
            use(X)


def test_covariates_whose_squares_are_no_numbers_are_refused():
    X = np.column_stack([RNG.poisson(3.0, 20), RNG.normal(size=20) * 1e150])
    with pytest.raises(ValueError, match=r"X\[0\] has a value of size .* rescale"):
        HMM(PoissonRegression(), 2).fit(X)


@pytest.mark.parametrize("emission", [Gamma(), Exponential(), StudentT(), VonMises(), LogNormal()])
def test_the_largest_numbers_have_an_answer(emission):
    X = [RNG.gamma(2.0, size=(20, 2))]
    model = HMM(emission, 2, n_iter=2, random_state=0).fit(X)
    X[0][3, 0] = 1.7e308
    assert np.all(model.predict(X)[0] >= 0) and np.isfinite(model.score(X))
    np.testing.assert_allclose(model.predict_proba(X)[0].sum(1), 1.0)


def test_chains_that_never_see_a_whole_step_say_so():
    X = np.column_stack([RNG.normal(size=9), np.full(9, np.nan)])
    with pytest.raises(ValueError, match="every step of X has NaN in it"):
        FactorialHMM((2, 2)).fit(X)


TWO = [[0, 1, 1, 0, 1, 0, 0, 1, 0], [1, 0, 0, 1]]


@pytest.mark.parametrize("form", [">f8", "f2", "f4", "i8", object], ids=str)
def test_matrices_of_any_numbers_are_features(form):
    X = [(x * 4).round() for x in GOOD]
    plain, other = (CRF(n_iter=5).fit(data, TWO) for data in (X, [x.astype(form) for x in X]))
    np.testing.assert_array_equal(plain.feature_weights_, other.feature_weights_)
    np.testing.assert_array_equal(plain.predict(X)[0], other.predict([x.astype(form) for x in X])[0])


def test_an_object_array_of_matrices_is_a_list_of_them():
    X = np.empty(2, dtype=object)
    X[:] = GOOD
    model = CRF(n_iter=5).fit(X, TWO)
    np.testing.assert_array_equal(model.feature_weights_, CRF(n_iter=5).fit(GOOD, TWO).feature_weights_)
    assert [len(own) for own in model.predict([GOOD[0], [], np.zeros((0, 2))])] == [9, 0, 0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x.astype(complex), r"X\[0\] does not hold numbers: dtype complex128"),
        (lambda x: x.astype(str), r"X\[0\] does not hold numbers: dtype <U"),
        (lambda x: (10 * x).astype("datetime64[s]"), r"X\[0\] does not hold numbers: dtype datetime64"),
        (lambda x: np.where(x > 0, "a", x.astype(object)), r"X\[0\] does not hold numbers: could not convert"),
        (lambda x: x[:, 0], r"X\[0\] is of shape \(9,\); expected a matrix \(n_steps, n_features\)"),
    ],
)
def test_matrices_that_hold_no_numbers_are_refused(spoil, message):
    with pytest.raises(ValueError, match=message):
        CRF().fit([spoil(x) for x in GOOD], TWO)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"emission": "gaussian"}, "emission is 'gaussian'; expected one of hmmseq.emissions, such as Gaussian()"),
        ({"emission": [Gaussian(), Gaussian()]}, "expected one of hmmseq.emissions"),
        ({"emission": Gaussian(min_covar="x")}, "min_covar is 'x'"),
        ({"emission": Gaussian(prior_mean_steps="x")}, "prior_mean_steps is 'x'"),
        ({"emission": PoissonRegression(penalty="x")}, "penalty is 'x'"),
        ({"emission": Poisson(prior_steps="x")}, "prior_steps is 'x'"),
        ({"emission": Gaussian(fixed=[1, 2])}, "fixed is [1, 2]; expected parameters and their values by name"),
        ({"emission": Gaussian(fixed={"means": {}})}, "fixed has means that are no numbers of shape (2, 2)"),
        ({"n_iter": 2.5}, "n_iter is 2.5; expected a whole number, 0 or more"),
        ({"n_iter": None}, "n_iter is None"),
        ({"n_iter": -1}, "n_iter is -1"),
        ({"tol": None}, "tol is None; expected a number"),
        ({"tol": np.nan}, "tol is nan"),
        ({"n_init": "2"}, "n_init is '2'"),
    ],
)
def test_arguments_of_another_kind_are_named(options, message):
    """They used to end in a comparison of text with numbers, somewhere inside."""
    X = [np.abs(x).round() for x in GOOD]
    with pytest.raises(ValueError, match=re.escape(message)):
        HMM(**options | {"n_components": 2}).fit(X)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (FactorialHMM((2, 2), n_iter="x"), "n_iter is 'x'"),
        (FactorialHMM((2, 2), min_covar=None), "min_covar is None"),
        (FactorialHMM((2, 2), tol=[]), "tol is []"),
        (InputHMM(penalty="x"), "penalty is 'x'"),
        (InputHMM(inputs=np.inf), "inputs is inf"),
        (VariationalHMM(transmat_concentration="x"), "transmat_concentration is 'x'"),
        (VariationalHMM(emission="gaussian"), "emission is 'gaussian'"),
        (SemiMarkovHMM(left_censored="x"), "left_censored is 'x'; expected True or False"),
        (CRF(ends=None), "ends is None; expected True or False"),
        (CRF(unseen_pairs="no"), "unseen_pairs is 'no'"),
        (CRF(learning_rate="fast"), "learning_rate is 'fast'"),
        (SemiCRF(segment_features={"a": 1}), "segment_features is {'a': 1}; expected a function"),
        (EachSequence(3), "transformer is 3; expected a transformer"),
        (EachSequence([]), "transformer is []"),
    ],
    ids=repr,
)
def test_arguments_of_other_models_are_named(model, message):
    y = TWO if type(model) is CRF else [[(0, 9, "a")], [(0, 4, "b")]] if type(model) is SemiCRF else None
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit(GOOD, y)


@pytest.mark.parametrize("weights", [[1.0, 2j], {"a": 1.0}, [[1.0], [1.0, 2.0]], ["a", "b"], [None, {}]])
def test_weights_that_are_no_numbers_are_refused(weights):
    for model in (GaussianHMM(2), CRF()):
        with pytest.raises(ValueError, match=r"sample_weight is .*; expected a number for each of 2 sequences"):
            model.fit(GOOD, TWO, sample_weight=weights)


def test_labels_that_are_no_labels_are_refused():
    dates = [np.zeros(len(x), dtype="datetime64[s]") for x in GOOD]
    with pytest.raises(ValueError, match=r"y does not hold labels of one kind|Unknown label type"):
        GaussianHMM(2).fit(GOOD, [dates[0], TWO[1]])
    with pytest.raises(ValueError, match="y is 1; expected a list of labels for each sequence"):
        CRF().fit(GOOD, 1)
    with pytest.raises(ValueError, match=r"y has sequences of \[4 9\] labels, but those of X have \[9 4\] steps"):
        EachSequence(StandardScaler()).fit(GOOD, TWO[::-1])


@pytest.mark.parametrize(
    ("kind", "options"), [(HMM, {}), (SemiMarkovHMM, {"durations": "geometric"}), (InputHMM, {"inputs": [1]})]
)
def test_a_sequence_of_weight_0_is_as_if_it_were_not_there(kind, options):
    """It used to make a fit fail where it was impossible; an impossible one after it is still named by its number."""
    X = [[[0, 0.5], [1, 1.0], [1, 0.2], [0, 2.0]], [[2, 0.1], [2, 0.3]], [[1, 0.0], [0, 1.0], [1, 3.0]]]
    X = [np.array(x) for x in X] if kind is InputHMM else [np.array(x, dtype=int)[:, 0] for x in X]
    build = lambda: kind(Categorical(3), 2, n_iter=6, tol=-np.inf, random_state=0, init=None, **options)  # noqa: E731
    start = build().fit(X)
    one, other = (build().set_params(init=start) for _ in range(2))
    one.fit(X, sample_weight=[1.0, 0.0, 2.0]), other.fit([X[0], X[2]], sample_weight=[1.0, 2.0])
    np.testing.assert_allclose(one.history_, other.history_, rtol=1e-12)
    assert np.all(one.emissionprob_[:, 2] == 0)
    with pytest.raises(ImpossibleSequenceError, match="sequence 1 is impossible"):
        build().set_params(init=one).fit(X, sample_weight=[0.0, 1.0, 1.0])


def test_inputs_whose_squares_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match=r"X\[0\] has a value of size 1e\+300 at step 0"):
        InputHMM(inputs=[1], n_components=2).fit([np.column_stack([np.arange(5.0), np.full(5, 1e300)])])


@pytest.mark.parametrize("n", [-1, 2.5, "x", None])
def test_a_number_of_samples_that_is_none_is_refused(n):
    for model in (GaussianHMM(2, n_iter=1), FactorialHMM((2, 2), n_iter=1)):
        with pytest.raises(ValueError, match=rf"n_samples is {n!r}; expected a whole number, 0 or more"):
            model.fit(GOOD).sample(n)


@pytest.mark.parametrize("order", ["ab", [0.0, 1.0], None, [[0, 1]]])
def test_an_order_that_is_none_is_refused(order):
    with pytest.raises(ValueError, match="expected each of the 2 states once"):
        reordered(fitted(), order)


def test_many_sequences_at_once_are_no_block_of_a_stream():
    """They used to be taken for one block, end to end."""
    for stream in (fitted().stream_predict(), fitted().stream_predict_proba()):
        with pytest.raises(ValueError, match=r"X has shape \(2, 3, 2\); expected an observation, or a block of them"):
            stream.push(np.zeros((2, 3, 2)))


SMALL = "from hmmseq import CategoricalHMM; print(CategoricalHMM(2, n_iter=2).fit([[0, 1, 1]]).n_iter_)"


@pytest.mark.slow
@pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled, so nothing is cached")
def test_without_a_folder_to_write_to_import_and_fit_still_work():
    """Numba then raises where a kernel is decorated, which is at import. /proc is unwritable even for root."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": "/proc/nowhere", "HOME": "/proc/nowhere"}
    done = subprocess.run([sys.executable, "-c", SMALL], capture_output=True, text=True, env=environment, cwd=ROOT)
    assert (done.returncode, done.stdout.strip()) == (0, "2"), done.stderr
