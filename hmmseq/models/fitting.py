"""A fit from its first guesses to its end: restarts in threads, callbacks, checkpoints, and what Ctrl-C leaves behind."""

from copy import deepcopy
from threading import Event
from typing import Any

from sklearn.utils import check_random_state

from hmmseq import callbacks
from hmmseq.models import em, restarts
from hmmseq.models.checkpoints import Checkpoint


def climb(model: Any, base: restarts.Climb, task: em.Task, data: tuple[Any, Any], checkpoint: Any) -> None:
    """Let EM climb from each first guess of a model; the model takes over the best end, or where they are at Ctrl-C."""
    counting = model._is_counting(task)
    n_iter, n_init = (1, 1) if counting else (model.n_iter, restarts.check_n_init(model.n_init))
    watched = callbacks.watch(model, *data, n_iter, n_init)
    if n_init > 1:
        task = task._replace(n_jobs=1)  # threads are busy with restarts
    seeds, stopped = check_random_state(model.random_state), Event()
    bases = [*(base.copy() for _ in range(n_init - 1)), base]
    climbs = [model._first_guess(one, task, seeds) for one in bases]
    saved = Checkpoint(checkpoint, model, task, climbs)

    def run(number: int, one: restarts.Climb) -> None:
        own = watched if n_init == 1 else watched.restart(number, n_iter)

        def step() -> float:
            height = own.iteration(lambda: one.step(task), lambda: deepcopy(model._learned(one)))
            saved.keep(one)
            return height

        def asked() -> bool:
            return stopped.is_set() or own.stopped

        if not one.converged:
            steps, before = len(task.X.values), one.history
            one.converged = em.iterate(step, n_iter, model.tol, steps, model.verbose, asked, before)[1]
            saved.keep(one, last=True)
        if own is not watched:
            own.end(lambda: deepcopy(model._learned(one)))

    try:
        restarts.climb_all(climbs, run, model.n_jobs, stopped.set)
    except KeyboardInterrupt:
        _conclude(model, climbs, counting)
        raise
    best = _conclude(model, climbs, counting)
    if not counting:  # states that nobody named were not lost
        model._warn_of_idle_states(best)
    watched.end(lambda: model._learned(best))


def _conclude(model: Any, climbs: list[restarts.Climb], counting: bool) -> restarts.Climb:
    """Take over what the best of the restarts has learned so far."""
    for one in climbs:
        one.land()
    best = restarts.highest(climbs)
    model.__dict__.pop("_stepwise", None)  # what parts said is not what this fit says
    model.n_parameters_ = best.chain.n_free(best.graph) + best.emission.n_parameters()
    model._keep(best)
    model.history_, model.histories_ = best.history, [one.history for one in climbs]
    model.n_expectations_ = best.n_expectations
    model.converged_, model.n_iter_ = best.converged or counting, len(best.history)
    return best
