"""Fits that end before their time: they go on to the same bits, and Ctrl-C leaves a model."""

import os
import signal

import numpy as np
import pytest
from sklearn.base import clone

from families import FAMILIES, JOINT
from hmmseq import HMM, DataError, GaussianHMM, Sequences
from hmmseq.emissions import Gaussian
from hmmseq.models import VariationalHMM, checkpoints

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
    with pytest.raises(ValueError, match="checkpoint is for HMM; a VariationalHMM does not keep one"):
        VariationalHMM(Gaussian(), 2).fit(X, checkpoint=tmp_path / "d")


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
