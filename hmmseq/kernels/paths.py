"""One step of a lattice, and the two passes over it.

Row 0 lies before the first step: silent states that a path may start in. Row t + 1 belongs to step t. Within a row the
emitting states come first and then the silent ones, in the order of `Lattice.silent_order`.

Every row is kept near zero by taking out its largest score; what was taken out is summed exactly. Nothing in a row grows
with the length of the sequence, so no digits are lost at a million steps.
"""

from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.edges import Edges, count, gather, gather_best, propagate, propagate_best
from hmmseq.kernels.logmath import NEVER, add_exactly, exp_row, log_add, log_sum


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


@jit
def settle(edges, order, row, maximise):
    """Let scores flow on, within a row, along edges that consume no step."""
    for j in order:
        if maximise:
            row[j] = max(row[j], gather_best(edges, row, j))
        else:
            row[j] = log_add(row[j], gather(edges, row, j))


@jit
def lower(row):
    """Subtract the largest entry and return it; a row of nothing but minus infinity stays as it is."""
    top = row.max()
    if top > NEVER:
        for j in range(row.size):
            row[j] -= top
    return top


@jit
def before(lattice, row, maximise):
    """Row 0: silent states reached before the first step."""
    for j in range(row.size):
        row[j] = lattice.start[j] if lattice.label[j] < 0 else NEVER
    settle(lattice.silent, lattice.silent_order, row, maximise)


@jit
def advance(lattice, row, first, scores, out, work, maximise):
    """From one row to the next: move along the edges, take in the scores, settle. Returns what was taken out."""
    if maximise:
        propagate_best(lattice.step, row, out)
    else:
        propagate(lattice.step, row, out, work)
    for j in range(row.size):
        if lattice.label[j] >= 0:
            if first:
                start = lattice.start[j]
                out[j] = max(out[j], start) if maximise else log_add(out[j], start)
            out[j] += scores[lattice.label[j]]
    settle(lattice.silent, lattice.silent_order, out, maximise)
    return lower(out)


@jit
def forward(lattice, table, code, block, saved, maximise):
    """Total (or best) log score of all paths; keeps rows 0, block, 2 block ... in `saved`, or none if block is 0.

    alpha[t + 1, j] = score[t, j] + log sum_i exp(alpha[t, i] + w[i, j])
    """
    n_states = lattice.label.size
    row, out, work = np.empty(n_states), np.empty(n_states), np.empty(n_states)
    before(lattice, row, maximise)
    total = lost = 0.0
    for t in range(code.size):
        if block and t % block == 0:
            saved[t // block] = row
        taken = advance(lattice, row, t == 0, table[code[t]], out, work, maximise)
        if taken == NEVER:
            return NEVER
        total, lost = add_exactly(total, lost, taken)
        row, out = out, row
    if block and code.size % block == 0:
        saved[code.size // block] = row
    last = row + lattice.end
    return total + (lost + (last.max() if maximise else log_sum(last)))


@jit
def refill(lattice, table, code, low, high, chart, work, maximise):
    """Rows low + 1 ... high - 1 again from chart[0], which holds row `low`."""
    for r in range(low + 1, high):
        advance(lattice, chart[r - low - 1], r == 1, table[code[r - 1]], chart[r - low], work, maximise)


@jit
def _add_starts(lattice, beta, ahead, weight, work, edge_counts, silent_counts, starts):
    """What happens before the first step: starts, and edges that leave silent states."""
    row = np.empty(beta.size)
    before(lattice, row, False)
    total = NEVER
    for j in range(row.size):
        onward = ahead[j] if lattice.label[j] >= 0 else beta[j]
        total = log_add(total, lattice.start[j] + onward)
    for j in range(row.size):
        onward = ahead[j] if lattice.label[j] >= 0 else beta[j]
        starts[j] += weight * np.exp(lattice.start[j] + onward - total)
    if lattice.silent_order.size:
        count(lattice.step, row, ahead, total, weight, work, edge_counts)
        count(lattice.silent, row, beta, total, weight, work, silent_counts)


@jit
def _add_labels(label, alpha, beta, weight, work, marginals):
    """Posterior of the labels at one step. Returns log sum_j exp(alpha[j] + beta[j]): every path passes one emitting j."""
    top = NEVER
    for j in range(label.size):
        work[j] = alpha[j] + beta[j] if label[j] >= 0 else NEVER
        top = max(top, work[j])
    for j in range(label.size):
        work[j] -= top
    exp_row(work, work)
    total = work.sum()
    for j in range(label.size):
        if label[j] >= 0:
            marginals[label[j]] += weight * work[j] / total
    return top + np.log(total)


@jit
def forward_backward(lattice, table, code, slot, weight, block, marginals, edge_counts, silent_counts, starts, ends):
    """Total log score; adds the expected use of labels, edges, starts and ends to the other arguments.

    beta[t, i] = log sum_j exp(w[i, j] + score[t, j] + beta[t + 1, j])

    Rows of alpha are kept every `block` steps and made again block by block. The posterior of step t is added to
    marginals[slot[t]]: with slot = step these are posteriors, with slot = symbol they are counts.
    """
    n_states, n_steps = lattice.label.size, code.size
    saved = np.empty((n_steps // block + 1, n_states))
    log_total = forward(lattice, table, code, block, saved, False)
    if log_total == NEVER or n_steps == 0:
        return log_total
    chart = np.empty((min(block, n_steps + 1), n_states))
    work = np.empty((2, n_states))
    beta, ahead = lattice.end.copy(), np.empty(n_states)
    for b in range(n_steps // block, -1, -1):
        low, high = b * block, min((b + 1) * block, n_steps + 1)
        chart[0] = saved[b]
        refill(lattice, table, code, low, high, chart, work[0], False)
        for r in range(high - 1, low - 1, -1):
            alpha = chart[r - low]
            if r < n_steps:
                propagate(lattice.step_back, ahead, beta, work[0])
            settle(lattice.silent_back, lattice.silent_order_back, beta, False)
            if r == 0:
                _add_starts(lattice, beta, ahead, weight, work, edge_counts, silent_counts, starts)
                break
            total = _add_labels(lattice.label, alpha, beta, weight, work[0], marginals[slot[r - 1]])
            if lattice.silent_order.size:
                count(lattice.silent, alpha, beta, total, weight, work, silent_counts)
            if r < n_steps:
                count(lattice.step, alpha, ahead, total, weight, work, edge_counts)
            else:
                for j in range(n_states):
                    ends[j] += weight * np.exp(alpha[j] + lattice.end[j] - total)
            for j in range(n_states):
                ahead[j] = beta[j] + table[code[r - 1], lattice.label[j]] if lattice.label[j] >= 0 else NEVER
            lower(ahead)  # beta of the next row follows from it, so the same number leaves both
    return log_total
