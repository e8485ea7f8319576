"""One step of a lattice, and the two passes over it.

Row 0 lies before the first step: silent states that a path may start in. Row t + 1 belongs to step t. Within a row the
emitting states come first and then the silent ones, in the order of `Lattice.silent_order`.

Weights of edges may differ from step to step. Edges that leave row r, into silent states of the same row or into step r,
then have the weights of step r; edges in the row after the last step have those of the graph. They are weighed anew,
in place, before a row is left or made: each thread needs a lattice of its own.

Every row is kept near zero by taking out its largest score; what was taken out is summed exactly. Nothing in a row grows
with the length of the sequence, so no digits are lost at a million steps.
"""

from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.edges import Edges, count, gather, gather_best, propagate, propagate_best, weigh
from hmmseq.kernels.logmath import NEVER, add_exactly, copy_row, exp_row, largest, log_add, log_sum


class Changes(NamedTuple):
    """Weights that differ from step to step; all empty where they do not."""

    table: np.ndarray  # (n_kinds + 1, n_edges) log weights of the edges of the graph; the last row: after the last step
    kind: np.ndarray  # (n_rows,) row of this table for each row of the table of scores
    step: np.ndarray  # (n_step_edges,) column of `table` for each edge in `Lattice.step`
    silent: np.ndarray  # and so on
    step_back: np.ndarray
    silent_back: np.ndarray


class Lattice(NamedTuple):
    """A weighted graph as the kernels read it."""

    step: Edges  # edges that consume a step
    silent: Edges  # edges that do not: into silent states
    step_back: Edges  # both, reversed
    silent_back: Edges
    silent_order: np.ndarray  # silent states, each after those it is reached from
    silent_order_back: np.ndarray  # states with an edge into a silent one, each after those it leads to
    label: np.ndarray  # (n_states,) score column, -1 for silent states
    start: np.ndarray  # (n_states,) log weight of starting there
    end: np.ndarray  # (n_states,) log weight of ending there
    changes: Changes


@jit(inner=True)
def _weights(changes, code, r):
    """Which weights the edges have that leave row r."""
    return changes.kind[code[r]] if r < code.size else changes.table.shape[0] - 1


@jit(inner=True)
def weigh_row(lattice, code, r):
    """Weigh all edges that leave row r, if weights change."""
    changes = lattice.changes
    if changes.kind.size:
        k = _weights(changes, code, r)
        weigh(lattice.step, changes.step, changes.table[k])
        weigh(lattice.silent, changes.silent, changes.table[k])


@jit(inner=True)
def _weigh_back(lattice, code, r):
    """The same for the reversed edges."""
    changes = lattice.changes
    if changes.kind.size:
        k = _weights(changes, code, r)
        weigh(lattice.step_back, changes.step_back, changes.table[k])
        weigh(lattice.silent_back, changes.silent_back, changes.table[k])


@jit(inner=True)
def weigh_move(lattice, code, r):
    """Weigh what leads into row r: step edges that leave row r - 1, silent edges within row r."""
    changes = lattice.changes
    if changes.kind.size:
        weigh(lattice.step, changes.step, changes.table[_weights(changes, code, r - 1)])
        weigh(lattice.silent, changes.silent, changes.table[_weights(changes, code, r)])


@jit(inner=True)
def settle(edges, order, row, maximise):
    """Let scores flow on, within a row, along edges that consume no step."""
    for j in order:
        if maximise:
            row[j] = max(row[j], gather_best(edges, row, j))
        else:
            row[j] = log_add(row[j], gather(edges, row, j))


@jit(inner=True)
def lower(row):
    """Subtract the largest entry and return it; a row of nothing but minus infinity stays as it is."""
    top = largest(row)
    if top > NEVER:
        for j in range(row.size):
            row[j] -= top
    return top


@jit(inner=True)
def highest(scores):
    """The largest score of a step, to be taken out before adding: an outlier of -1e200 must not drown what was known."""
    top = largest(scores)
    return top if top > NEVER else 0.0


@jit(inner=True)
def before(lattice, row, maximise):
    """Row 0: silent states reached before the first step."""
    for j in range(row.size):
        row[j] = lattice.start[j] if lattice.label[j] < 0 else NEVER
    settle(lattice.silent, lattice.silent_order, row, maximise)


@jit(inner=True)
def advance(lattice, row, first, scores, out, work, maximise):
    """From one row to the next: move along the edges, take in the scores, settle. Returns what was taken out."""
    if maximise:
        propagate_best(lattice.step, row, out)
    else:
        propagate(lattice.step, row, out, work)
    top = highest(scores)
    for j in range(row.size):
        if lattice.label[j] >= 0:
            if first:
                start = lattice.start[j]
                out[j] = max(out[j], start) if maximise else log_add(out[j], start)
            out[j] += scores[lattice.label[j]] - top
    settle(lattice.silent, lattice.silent_order, out, maximise)
    return lower(out) + top


@jit(inner=True)
def _sweep(lattice, table, code, block, saved, maximise, row, out, work):
    """All steps of the forward recursion. Returns what was taken out of the rows; the last row is in `saved[-1]`."""
    total = lost = 0.0
    for t in range(code.size):
        if block and t % block == 0:
            copy_row(row, saved[t // block])
        weigh_move(lattice, code, t + 1)
        taken = advance(lattice, row, t == 0, table[code[t]], out, work, maximise)
        if taken == NEVER:
            return NEVER
        total, lost = add_exactly(total, lost, taken)
        row, out = out, row
    if block and code.size % block == 0:
        copy_row(row, saved[code.size // block])
    copy_row(row, saved[-1])
    return total + lost


@jit
def forward(lattice, table, code, block, saved, maximise):
    """Total (or best) log score of all paths; keeps rows 0, block, 2 block ... and at the end the last one in `saved`.

    block = 0 keeps the last row alone.

    alpha[t + 1, j] = score[t, j] + log sum_i exp(alpha[t, i] + w[i, j])
    """
    n_states = lattice.label.size
    row, out, work = np.empty(n_states), np.empty(n_states), np.empty(n_states)
    weigh_row(lattice, code, 0)
    before(lattice, row, maximise)
    taken = _sweep(lattice, table, code, block, saved, maximise, row, out, work)
    if taken == NEVER:
        return NEVER
    last = saved[-1] + lattice.end
    return taken + (largest(last) if maximise else log_sum(last))


@jit(inner=True)
def refill(lattice, table, code, low, high, chart, work, maximise):
    """Rows low + 1 ... high - 1 again from chart[0], which holds row `low`."""
    for r in range(low + 1, high):
        weigh_move(lattice, code, r)
        advance(lattice, chart[r - low - 1], r == 1, table[code[r - 1]], chart[r - low], work, maximise)


@jit(inner=True)
def _add_starts(lattice, row, beta, ahead, weight, work, tally):
    """What happens before the first step: starts, and edges that leave silent states."""
    before(lattice, row, False)
    for j in range(row.size):
        work[0, j] = lattice.start[j] + (ahead[j] if lattice.label[j] >= 0 else beta[j])
    total = log_sum(work[0])
    for j in range(row.size):
        tally.starts[j] += weight * np.exp(work[0, j] - total)
    if lattice.silent_order.size:
        count(lattice.step, row, ahead, total, weight, work, tally.edges[0])
        count(lattice.silent, row, beta, total, weight, work, tally.silent_edges[0])


@jit(inner=True)
def add_labels(label, alpha, beta, weight, work, marginals):
    """Posterior of the labels at one step. Returns log sum_j exp(alpha[j] + beta[j]): every path passes one emitting j."""
    top = NEVER
    for j in range(label.size):
        work[j] = alpha[j] + beta[j] if label[j] >= 0 else NEVER
        top = max(top, work[j])
    for j in range(label.size):
        work[j] -= top
    exp_row(work, work)
    total = 0.0
    for j in range(label.size):
        total += work[j]
    for j in range(label.size):
        if label[j] >= 0:
            marginals[label[j]] += weight * work[j] / total
    return top + np.log(total)


@jit(inner=True)
def retreat(lattice, last, ahead, beta, work):
    """beta of a row from what it sees ahead; the last row holds the ending weights and sees nothing.

    beta[t, i] = log sum_j exp(w[i, j] + score[t + 1, j] + beta[t + 1, j])
    """
    if not last:
        propagate(lattice.step_back, ahead, beta, work)
    settle(lattice.silent_back, lattice.silent_order_back, beta, False)


@jit(inner=True)
def look_ahead(lattice, beta, scores, ahead):
    """What the row before sees: beta with the scores of its own step."""
    top = highest(scores)
    for j in range(beta.size):
        ahead[j] = beta[j] + (scores[lattice.label[j]] - top) if lattice.label[j] >= 0 else NEVER
    lower(ahead)  # beta of the next row follows from it, so the same number leaves both


@jit(inner=True)
def _backward_row(lattice, alpha, scores, last, place, weight, beta, ahead, work, marginals, tally):
    """One row of beta and what it adds to the counts (of edges: at `place`); leaves in `ahead` what the row before sees."""
    retreat(lattice, last, ahead, beta, work[0])
    total = add_labels(lattice.label, alpha, beta, weight, work[0], marginals)
    if lattice.silent_order.size:
        count(lattice.silent, alpha, beta, total, weight, work, tally.silent_edges[place])
    if not last:
        count(lattice.step, alpha, ahead, total, weight, work, tally.edges[place])
    else:
        for j in range(beta.size):
            tally.ends[j] += weight * np.exp(alpha[j] + lattice.end[j] - total)
    look_ahead(lattice, beta, scores, ahead)


class Tally(NamedTuple):
    """Where expected uses are added.

    n_places is 1, or n_steps + 1 to keep apart the edges that leave each row.
    """

    edges: np.ndarray  # (n_places, *shape of the matrix of weights), (n_places, 1, n_edges) where there is none
    silent_edges: np.ndarray  # (n_places, 1, n_edges) those that consume no step
    starts: np.ndarray  # (n_states,)
    ends: np.ndarray  # (n_states,)


@jit
def forward_backward(lattice, table, code, slot, weight, block, marginals, tally):
    """Total log score; adds `weight` times the expected use of labels to `marginals`, of all else to `tally`.

    Rows of alpha are kept every `block` steps and made again block by block. The posterior of step t is added to
    marginals[slot[t]]: with slot = step these are posteriors, with slot = symbol they are counts.
    """
    n_states, n_steps = lattice.label.size, code.size
    saved = np.empty((n_steps // block + 2, n_states))
    log_total = forward(lattice, table, code, block, saved, False)
    if log_total == NEVER or n_steps == 0:
        return log_total
    chart = np.empty((min(block, n_steps + 1), n_states))
    work = np.empty((2, n_states))
    beta, ahead = lattice.end.copy(), np.empty(n_states)
    for b in range(n_steps // block, -1, -1):
        low, high = b * block, min((b + 1) * block, n_steps + 1)
        copy_row(saved[b], chart[0])
        refill(lattice, table, code, low, high, chart, work[0], False)
        _backward_rows(lattice, chart, table, code, slot, low, high, weight, beta, ahead, work, marginals, tally)
    weigh_row(lattice, code, 0)
    _weigh_back(lattice, code, 0)
    retreat(lattice, False, ahead, beta, work[0])
    _add_starts(lattice, chart[0], beta, ahead, weight, work, tally)
    return log_total


@jit(inner=True)
def _backward_rows(lattice, chart, table, code, slot, low, high, weight, beta, ahead, work, marginals, tally):
    for r in range(high - 1, max(low, 1) - 1, -1):
        scores, posterior = table[code[r - 1]], marginals[slot[r - 1]]
        place = r if len(tally.edges) > 1 else 0
        weigh_row(lattice, code, r)
        _weigh_back(lattice, code, r)
        _backward_row(
            lattice, chart[r - low], scores, r == code.size, place, weight, beta, ahead, work, posterior, tally
        )  # fmt: skip
