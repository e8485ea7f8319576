"""Fits that end before their time: they go on to the same bits, and Ctrl-C leaves a model."""

import os
import signal

import numpy as np
import pytest
from sklearn.base import clone

from families import FAMILIES, JOINT
from hmmseq import (
    CRF,
    HMM,
    DataError,
    FactorialHMM,
    GaussianHMM,
    InputHMM,
    SemiMarkovHMM,
    Sequences,
    VariationalHMM,
    callbacks,
    topologies,
)
from hmmseq.emissions import Categorical, Gaussian
from hmmseq.models import checkpoints

SOME = [(family, k % 2 == 0) for k, family in enumerate(FAMILIES + JOINT) if k % 3 == 0]


@pytest.fixture(autouse=True)
def heeds_ctrl_c():
    """Shells start what runs in the background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def every_iteration(monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 0.0)


def dies_at(emission, update, when):
    """The emission, whose `update` runs into something at the call of that number."""
    kind = type(emission)

    class Dies(kind):
        calls = 0

        def update(self, statistics):
            Dies.calls += 1
            if Dies.calls == when:
                update()
            super().update(statistics)

    Dies.__name__ = kind.__name__
    return Dies(**emission.get_params(deep=False))


class Death(Exception):
    pass


def die():
    raise Death


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)  # to the process, as a terminal does: the main thread may be waiting for others


def data(family, rng):
    X = [np.array(family.data(rng, (n, 2))) for n in (40, 25)]
    X[0][3, 0] = np.nan
    return X


def assert_same_bits(one, other):
    assert one.history_ == other.history_ and one.histories_ == other.histories_
    assert (one.n_iter_, one.converged_) == (other.n_iter_, other.converged_)
    np.testing.assert_array_equal(one.transmat_, other.transmat_)
    np.testing.assert_array_equal(one.startprob_, other.startprob_)
    theirs = other.emission_.state()
    for name, value in one.emission_.state().items():
        np.testing.assert_array_equal(value, theirs[name])


@pytest.mark.parametrize(("family", "accelerate"), SOME, ids=str)
def test_a_fit_that_died_goes_on_to_the_same_bits(family, accelerate, tmp_path, every_iteration):
    rng, path = np.random.default_rng(0), tmp_path / "checkpoint"
    X, options = data(family, rng), {"n_components": 2, "n_iter": 9, "tol": -np.inf, "random_state": 0}
    straight = HMM(family.emission, accelerate=accelerate, **options).fit(X)
    calls = count_of_updates_before_em(family, X, options)
    dying = HMM(dies_at(family.emission, die, calls + 6), accelerate=accelerate, **options)
    with pytest.raises(Death):
        dying.fit(X, checkpoint=path)
    begun = path.stat().st_mtime_ns
    resumed = HMM(clone(family.emission), accelerate=accelerate, **options).fit(X, checkpoint=path)
    assert_same_bits(resumed, straight)
    assert path.stat().st_mtime_ns >= begun
    again = HMM(clone(family.emission), accelerate=accelerate, **options).fit(
        X, checkpoint=path
    )  # nothing is left to do
    assert_same_bits(again, straight)


def count_of_updates_before_em(family, X, options):
    """Some first guesses are updates, too."""
    emission = dies_at(family.emission, die, -1)
    HMM(emission, **options | {"n_iter": 0}).fit(X)
    return type(emission).calls


def test_a_checkpoint_of_restarts_in_threads(tmp_path, every_iteration):
    X = np.random.default_rng(1).normal(size=(80, 2))
    options = {"n_components": 3, "n_init": 4, "n_jobs": 2, "n_iter": 15, "random_state": 0}
    straight = GaussianHMM(**options).fit(X)
    dying = HMM(dies_at(Gaussian(), die, 20), **options)
    with pytest.raises(Death):
        dying.fit(X, checkpoint=tmp_path / "checkpoint")
    assert_same_bits(GaussianHMM(**options).fit(X, checkpoint=tmp_path / "checkpoint"), straight)


def test_a_fit_goes_on_with_more_iterations(tmp_path):
    X = np.random.default_rng(2).normal(size=(80, 2))
    options = {"n_components": 3, "tol": -np.inf, "random_state": 0, "accelerate": True}
    GaussianHMM(n_iter=7, **options).fit(X, checkpoint=tmp_path / "c")
    longer = GaussianHMM(n_iter=20, n_jobs=2, **options).fit(X, checkpoint=tmp_path / "c")
    assert_same_bits(longer, GaussianHMM(n_iter=20, **options).fit(X))


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    X, path = np.random.default_rng(3).normal(size=(30, 1)), tmp_path / "c"
    GaussianHMM(2, random_state=0, n_iter=3).fit(X, checkpoint=path)
    for model, other in ((GaussianHMM(2, random_state=0), X + 1), (GaussianHMM(2, random_state=1), X)):
        with pytest.raises(DataError, match=r"c is a checkpoint of another fit: other data, other parameters"):
            model.fit(other, checkpoint=path)
    content = path.read_bytes()
    for damaged in (content[:-9], content[:200] + b"x" + content[201:], b""):
        path.write_bytes(damaged)
        with pytest.raises(DataError):
            GaussianHMM(2, random_state=0).fit(X, checkpoint=path)
    model = GaussianHMM(2, random_state=0, n_iter=3).fit(X)
    model.save(path)
    with pytest.raises(DataError, match="expected 'hmmseq-checkpoint/1'"):
        GaussianHMM(2, random_state=0).fit(X, checkpoint=path)
    left_right, cycle = (
        GaussianHMM(2, topology=make, random_state=0) for make in (topologies.left_right, topologies.cycle)
    )
    left_right.fit(X, checkpoint=tmp_path / "d")
    with pytest.raises(DataError, match="another fit"):
        cycle.fit(X, checkpoint=tmp_path / "d")


OTHERS = [
    (SemiMarkovHMM, {"durations": "geometric"}),
    (SemiMarkovHMM, {"durations": "histogram", "longest": 5, "left_censored": True}),
    (InputHMM, {"inputs": [1]}),
    (InputHMM, {"inputs": [1], "start_inputs": True}),
    (VariationalHMM, {}),
]


@pytest.mark.parametrize(("kind", "options"), OTHERS, ids=lambda one: getattr(one, "__name__", str(one)))
@pytest.mark.parametrize("emission", [Gaussian("full"), Categorical(3)], ids=str)
def test_fits_of_other_chains_go_on_to_the_same_bits(kind, options, emission, tmp_path, every_iteration):
    rng, options = np.random.default_rng(0), options | {"n_init": 2, "tol": -np.inf, "random_state": 0}
    u = [rng.normal(size=n) for n in (30, 20)]
    own = [rng.integers(0, 3, len(x)) if emission.symbols else rng.normal(size=len(x)) for x in u]
    X = [np.column_stack([x, v]) for x, v in zip(own, u)] if kind is InputHMM else [x[:, None] for x in own]
    X = [x[:, 0] for x in X] if emission.symbols and kind is not InputHMM else X
    straight = kind(emission, 2, n_iter=8, **options).fit(X)
    kind(emission, 2, n_iter=3, **options).fit(X, checkpoint=tmp_path / "c")
    resumed = kind(emission, 2, n_iter=8, **options).fit(X, checkpoint=tmp_path / "c")
    assert_same_bits(resumed, straight)
    if kind is InputHMM:
        np.testing.assert_array_equal(resumed.transition_coefs_, straight.transition_coefs_)
        with pytest.raises(DataError, match="another fit"):
            other = [np.column_stack([x[:, :1], x[:, 1] + 1.0]) for x in X]
            kind(emission, 2, n_iter=8, **options).fit(other, checkpoint=tmp_path / "c")
    if kind is SemiMarkovHMM:
        assert repr(resumed.durations_) == repr(straight.durations_)


class Interrupts:
    """A callback that presses Ctrl-C in an iteration."""

    def __init__(self, when):
        self.when = when

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "iteration" and context.task_id == self.when:
            interrupt()

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass


@pytest.mark.skipif(not callbacks.SUPPORTED, reason="scikit-learn has no callbacks")
def test_ctrl_c_leaves_several_chains_as_the_last_finished_iteration_had_them():
    X = np.random.default_rng(4).normal(size=(60, 2))
    model = FactorialHMM((2, 2), n_iter=50, tol=-np.inf, random_state=0).set_callbacks(Interrupts(5))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    straight = FactorialHMM((2, 2), n_iter=5, tol=-np.inf, random_state=0).fit(X)
    assert model.history_ == straight.history_ and not model.converged_
    np.testing.assert_array_equal(model.predict_proba(X), straight.predict_proba(X))


@pytest.mark.skipif(not callbacks.SUPPORTED, reason="scikit-learn has no callbacks")
@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_ctrl_c_leaves_a_crf_as_the_last_finished_iteration_had_it(solver):
    X, y = [[["a"], ["b"], ["a"]], [["b"], ["c"]]] * 3, [["x", "y", "x"], ["y", "y"]] * 3
    model = CRF(n_iter=50, tol=0.0, solver=solver, random_state=0).set_callbacks(Interrupts(3))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    straight = CRF(n_iter=4, tol=0.0, solver=solver, random_state=0).fit(X, y)
    assert model.history_ == straight.history_ and model.n_iter_ == 4 and not model.converged_
    np.testing.assert_array_equal(model.feature_weights_, straight.feature_weights_)


@pytest.mark.parametrize("accelerate", [False, True])
def test_ctrl_c_leaves_the_last_finished_iteration(accelerate):
    X = np.random.default_rng(4).normal(size=(60, 2))
    options = {"n_components": 3, "tol": -np.inf, "random_state": 0, "accelerate": accelerate}
    model = HMM(dies_at(Gaussian(), interrupt, 6), n_iter=50, **options)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert_same_bits(model, HMM(Gaussian(), n_iter=5, **options).fit(X))
    assert not model.converged_ and model.predict(X).shape == (60,)


def test_ctrl_c_before_the_first_iteration_leaves_the_first_guess():
    X = np.random.default_rng(5).normal(size=(60, 2))
    model = HMM(dies_at(Gaussian(), interrupt, 1), 2, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert model.history_ == [] and np.isfinite(model.score(X))


def test_ctrl_c_stops_restarts_in_threads():
    X = np.random.default_rng(6).normal(size=(60, 2))
    model = HMM(dies_at(Gaussian(), interrupt, 50), 2, n_init=4, n_jobs=2, n_iter=3000, tol=-np.inf, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert model.n_iter_ >= 1 and [len(history) < 3000 for history in model.histories_] == [True] * 4
    assert np.isfinite(model.emission_.log_scores(Sequences.pack([X])).table).all()
