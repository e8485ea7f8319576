"""scikit-learn's callbacks (1.9 and later; experimental there, so all of it is here): progress bars, scores, early stops.

>>> from hmmseq import GaussianHMM
>>> class Stop:                                      # any object with these four methods
...     def setup(self, estimator, context): pass
...     def on_fit_task_begin(self, estimator, context): pass
...     def on_fit_task_end(self, estimator, context):
...         return context.task_name == "iteration" and context.task_id == 2
...     def teardown(self, estimator, context): pass
>>> model = GaussianHMM(2, tol=0, random_state=0)
>>> if hasattr(model, "set_callbacks"):
...     model = model.set_callbacks(Stop()).fit([[[0.0], [1.0], [5.0]], [[6.0], [0.0]]])
...     assert model.n_iter_ == 3
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    SUPPORTED = True
except ImportError:  # scikit-learn before 1.9
    SUPPORTED = False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""

    def with_callbacks(method: Any) -> Any:
        """The method as it is."""
        return method


Result = TypeVar("Result")


class Watched:
    """A fit, or one of its restarts, as callbacks see it: a task of at most `n_iter` iterations.

    attributes : of an estimator that is fitted as far as the last iteration went
    """

    def __init__(self, estimator: Any, context: Any, X: Any, y: Any) -> None:
        self.estimator, self.context = estimator, context
        self.data = {"X": X, "y": y}
        self.stopped = False  # a callback asked to stop

    def begin(self) -> None:
        """Tell callbacks that the task begins."""
        if self.context is not None:
            self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end(self, attributes: Callable[[], dict[str, Any]]) -> None:
        """Tell callbacks that it has ended; `attributes` are those of the estimator as it then is."""
        if self.context is not None:
            self.context.call_on_fit_task_end(
                estimator=self.estimator, reconstruction_attributes=attributes, **self.data
            )

    def restart(self, number: int, n_iter: int) -> Watched:
        """One of several restarts."""
        context = self.context and self.context.subcontext("restart", number, n_iter)
        return Watched(self.estimator, context, **self.data)

    def iteration(self, work: Callable[[], Result], attributes: Callable[[], dict[str, Any]]) -> Result:
        """Do the work of one iteration; `stopped` says whether to do another."""
        if self.context is None:
            return work()
        task = self.context.subcontext("iteration")
        task.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        result = work()
        self.stopped = task.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=attributes, **self.data
        )
        return result


def watch(estimator: Any, X: Any, y: Any, n_iter: int, n_restarts: int = 1) -> Watched:
    """Begin to watch a fit; its method must be decorated `with_callbacks`."""
    context = None
    if SUPPORTED and (getattr(estimator, "_skl_callbacks", None) or hasattr(estimator, "_parent_callback_ctx")):
        several = n_restarts > 1
        context = estimator._init_callback_context(
            max_subtasks=n_restarts if several else n_iter, sequential_subtasks=not several
        )
    watched = Watched(estimator, context, X, y)
    watched.begin()
    return watched
