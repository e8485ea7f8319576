"""scikit-learn's callbacks see every iteration, and may stop a fit."""

import numpy as np
import pytest

pytest.importorskip("sklearn.callback")

from sklearn.callback import ScoringMonitor
from sklearn.model_selection import GridSearchCV

from hmmseq import CRF, FactorialHMM, GaussianHMM, make_sequence_scorer

RNG = np.random.default_rng(0)
X = [RNG.normal(size=(n, 2)) + 3 * RNG.integers(0, 2, (n, 1)) for n in (20, 15, 30)]
SCORER = make_sequence_scorer("accuracy")
Y = [(x[:, 0] > 1.5).astype(int) for x in X]


class Log:
    """What happened, in order; stops after `stop` iterations."""

    def __init__(self, stop=10**9):
        self.stop, self.events, self.scores = stop, [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def on_fit_task_begin(self, estimator, context, *, X):
        self.events.append(f"begin {context.task_name} {len(X)}")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.events.append(f"end {context.task_name}")
        self.scores.append(fitted_estimator.score(X, y))
        return context.task_name in ("iteration", "epoch") and context.task_id + 1 >= self.stop

    def teardown(self, estimator, context):
        self.events.append("teardown")


def models():
    found = [(GaussianHMM(2, n_iter=6, tol=0, random_state=0), None, "n_iter"), (CRF(n_iter=6), Y, "n_iter")]
    found.append((FactorialHMM((2, 2), n_iter=6, tol=-np.inf, random_state=0), None, "n_iter"))
    try:
        from hmmseq.hybrid import SequenceTagger

        found.append((SequenceTagger(hidden_size=4, epochs=6, patience=9, random_state=0), Y, "epochs"))
    except ImportError:
        pass
    return found


@pytest.mark.parametrize("model, y, limit", models(), ids=lambda value: type(value).__name__)
def test_a_callback_sees_each_iteration_and_may_stop(model, y, limit):
    log = Log()
    plain = type(model)(**model.get_params(deep=False)).fit(X, y)
    model.set_callbacks(log).fit(X, y)
    inner = ["begin iteration 3", "end iteration"] * getattr(model, limit)
    assert log.events == ["setup", "begin fit 3", *inner, "end fit", "teardown"]
    assert log.scores[-1] == model.score(X, y) == plain.score(X, y)  # nothing changed by looking
    early = Log(stop=2)
    assert len(model.set_callbacks(early).fit(X, y).history_) == 2 + (type(model) is CRF)  # its first is before any
    assert early.events.count("end iteration") == 2


def test_scores_of_a_monitor_are_those_after_each_iteration():
    monitor = ScoringMonitor(scoring=SCORER)
    CRF(n_iter=4, tol=0).set_callbacks(monitor).fit(X, Y)
    scores = [row["score"] for row in monitor.get_logs().data if row["task_name"] == "iteration"]
    assert scores == [SCORER(CRF(n_iter=n, tol=0).fit(X, Y), X, Y) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "model", [GaussianHMM(2, tol=0), FactorialHMM((2, 2), tol=-np.inf)], ids=lambda m: type(m).__name__
)
def test_restarts_are_tasks_of_their_own(model):
    log = Log()
    model.set_params(n_init=3, n_iter=2, random_state=0, n_jobs=2).set_callbacks(log).fit(X)
    assert log.events.count("end restart") == 3
    assert log.events.count("end iteration") == 6
    assert log.events[-2:] == ["end fit", "teardown"]


def test_a_failed_fit_is_torn_down():
    log = Log()
    model = GaussianHMM(2).set_callbacks(log)
    with pytest.raises(ValueError, match="n_init"):
        model.set_params(n_init=0).fit(X)
    with pytest.raises(ValueError, match="dtype"):
        model.set_params(n_init=1).fit([["x"]])
    assert log.events.count("setup") == log.events.count("teardown")


def test_a_search_shows_its_progress():
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    search = GridSearchCV(GaussianHMM(n_iter=3, random_state=0), {"n_components": [1, 2]}, cv=2)
    search.set_callbacks(ProgressBar()).fit(X)
    assert search.best_params_
