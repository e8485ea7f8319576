"""Many pieces of sequences side by side: one matrix product per step for all of them.

The rows of a tile are pieces: whole short sequences, or chunks of a long one. All rows of the tile take their u-th step
together, `row @ matrix`, so that the inner loop is a BLAS product instead of a chain of dependent additions.
Numbers are linear, scaled back every `every` steps.

A chunk does not know the row before it. It starts `warmup` steps early from a uniform row (forward), and late from ones
(backward). Positive matrices never increase the projective distance between two rows, so where a chunk's row agrees with
its neighbour's at the seam, all that follows agrees as well: `tiling.py` compares the seams.

Glossary
p             piece, a row of a tile
u             step of a tile; the core of every piece, the steps it answers for, begins at u = warmup
alpha, beta   as in paths.py, but linear and scaled: sum_j alpha[j] beta[j] is the weight of the sequence
"""

import math
from typing import NamedTuple

import numpy as np

from hmmseq._jit import SUMS, jit
from hmmseq.kernels.logmath import NEVER


class Model(NamedTuple):
    """A graph in which every state leads to every state, in linear numbers."""

    start: np.ndarray  # (n_states,)
    matrix: np.ndarray  # (n_states, n_states)
    back: np.ndarray  # its transpose
    end: np.ndarray  # (n_states,)
    table: np.ndarray  # (n_rows, n_states) scores of states, each row divided by its largest entry ...
    shift: np.ndarray  # (n_rows,) ... whose logarithm is kept here
    every: int  # steps between rescalings; so few that nothing underflows in between


class Pieces(NamedTuple):
    """Pieces of sequences, those of one tile in a run, the longest first."""

    first: np.ndarray  # where in `code` the core of the piece begins
    length: np.ndarray  # steps in the core
    before: np.ndarray  # steps of its sequence before the core, at most `warmup`
    after: np.ndarray  # steps of its sequence after the core, at most `warmup`
    opens: np.ndarray  # whether the sequence begins with this piece
    closes: np.ndarray  # whether no step of the sequence is left after `after`
    weight: np.ndarray  # weight of its sequence


class Seams(NamedTuple):
    """Rows at the ends of each piece, as computed on either side, each summing to one."""

    alpha_before: np.ndarray  # (n_pieces, n_states) at the step before the core
    alpha_last: np.ndarray  # at the last step of the core
    beta_before: np.ndarray
    beta_last: np.ndarray
    lowest: np.ndarray  # (n_pieces,) smallest sum of a row where starts or ends can make it small


@jit
def log(x):
    """Logarithm with log(0) = minus infinity, also where Python would raise."""
    return math.log(x) if x > 0.0 else NEVER


@jit(fastmath=SUMS)
def _weigh(rows, table, code, shift, first, offset, logs):
    """Take in the scores of one step: rows[p] *= table[code[first[p] + offset]]."""
    for p in range(rows.shape[0]):
        symbol = code[first[p] + offset]
        logs[p] += shift[symbol]
        for j in range(rows.shape[1]):
            rows[p, j] *= table[symbol, j]


@jit(fastmath=SUMS)
def _rescale(rows, logs, factors):
    """Make every row sum to one; the logarithms of the sums go to `logs`, the factors to `factors`."""
    for p in range(rows.shape[0]):
        total = 0.0
        for j in range(rows.shape[1]):
            total += rows[p, j]
        logs[p] += log(total)
        factors[p] = 1.0 / total if total > 0.0 else 0.0
        for j in range(rows.shape[1]):
            rows[p, j] *= factors[p]


@jit
def _normalised(row, out):
    total = row.sum()
    for j in range(row.size):
        out[j] = row[j] / total if total > 0.0 else 0.0


@jit
def _warm_forward(model, code, pieces, low, high, warmup, alpha, logs, factors):
    """alpha before the core: uniform, `warmup` steps early; what lies before the sequence scores nothing."""
    rows, n_states = high - low, model.start.size
    alpha[0] = 1.0 / n_states
    here = alpha[0].copy()
    for u in range(warmup):
        if u:
            np.dot(alpha[0], model.matrix, here)
        for p in range(rows):
            if warmup - u <= pieces.before[low + p]:
                symbol = code[pieces.first[low + p] + u - warmup]
                for j in range(n_states):
                    here[p, j] *= model.table[symbol, j]
        if u % model.every == model.every - 1 or u == warmup - 1:
            _rescale(here, logs, factors)
        alpha[0] = here
    logs[:] = 0.0


@jit
def forward_tile(model, code, pieces, low, high, warmup, alpha, factors, logs, seams):
    """alpha of the cores of pieces low ... high - 1 into alpha[1:] (in turn if it is short), log totals into `logs`."""
    depth = alpha.shape[0]
    first, length = pieces.first[low:high], pieces.length[low:high]
    _warm_forward(model, code, pieces, low, high, warmup, alpha, logs, factors[0])
    for p in range(high - low):
        seams.alpha_before[low + p] = alpha[0, p]
    active = high - low
    for u in range(length[0]):
        while length[active - 1] <= u:
            active -= 1
        here = alpha[(u + 1) % depth, :active]
        np.dot(alpha[u % depth, :active], model.matrix, here)
        if u == 0:
            for p in range(active):
                if pieces.opens[low + p]:
                    here[p] = model.start
        _weigh(here, model.table, code, model.shift, first, u, logs)
        if u == 0:
            for p in range(active):
                if pieces.opens[low + p]:
                    seams.lowest[low + p] = here[p].sum()
        if u % model.every == model.every - 1:
            _rescale(here, logs, factors[u // model.every])
        for p in range(active - 1, -1, -1):
            if length[p] > u + 1:
                break
            _close(model, pieces, low + p, here[p], logs, p, seams)


@jit
def _close(model, pieces, piece, row, logs, p, seams):
    """The last step of a piece: what its row sums to, ending weights included where the sequence ends."""
    total = 0.0
    ending = pieces.closes[piece] and pieces.after[piece] == 0
    for j in range(row.size):
        total += row[j] * (model.end[j] if ending else 1.0)
    logs[p] += log(total)
    seams.lowest[piece] = min(seams.lowest[piece], total)
    _normalised(row, seams.alpha_last[piece])


@jit
def _warm_backward(model, code, pieces, low, high, warmup, beta, work):
    """beta at the last step of the core, from ones `warmup` steps late, or exactly from the end of the sequence."""
    for p in range(high - low):
        if pieces.closes[low + p]:
            beta[p] = model.end
        else:
            beta[p] = 1.0
    ignored = np.zeros(high - low)
    for v in range(warmup, 0, -1):
        work[:] = beta
        for p in range(high - low):
            if v <= pieces.after[low + p]:
                symbol = code[pieces.first[low + p] + pieces.length[low + p] + v - 1]
                for j in range(beta.shape[1]):
                    work[p, j] *= model.table[symbol, j]
        ahead = np.dot(work, model.back)
        for p in range(high - low):
            if v <= pieces.after[low + p]:
                beta[p] = ahead[p]
        if v % model.every == 0:
            _rescale(beta, ignored, np.empty(high - low))


@jit
def _open_beta(pieces, piece, alpha, beta):
    """Scale beta so that the posterior sums to the weight of the sequence."""
    total = 0.0
    for j in range(beta.size):
        total += alpha[j] * beta[j]
    for j in range(beta.size):
        beta[j] *= pieces.weight[piece] / total if total > 0.0 else 0.0


@jit(fastmath=SUMS)
def _count_step(model, code, slot, first, u, rescaled, factors, alpha, beta, ahead, labels):
    """Posterior of a step to `labels`; table * beta, what the step before sees, to `ahead`."""
    for p in range(beta.shape[0]):
        t = first[p] + u
        symbol = code[t]
        factor = factors[p] if rescaled else 1.0
        for j in range(beta.shape[1]):
            labels[slot[t], j] += alpha[p, j] * beta[p, j]
            ahead[p, j] = beta[p, j] * model.table[symbol, j] * factor


@jit
def count_tile(model, code, slot, pieces, low, high, warmup, alpha, factors, seams, labels, pairs, starts, ends):
    """After `forward_tile`: add the expected use of labels, pairs of states (not yet times the matrix), starts and ends."""
    n_rows, n_states, every = high - low, model.start.size, model.every
    first, length = pieces.first[low:high], pieces.length[low:high]
    beta, work = np.empty((n_rows, n_states)), np.empty((n_rows, n_states))
    ahead = np.zeros((every, n_rows, n_states))
    product = np.empty((n_states, n_states))
    flat_alpha, flat_ahead = alpha.reshape(-1, n_states), ahead.reshape(-1, n_states)
    _warm_backward(model, code, pieces, low, high, warmup, beta, work)
    for p in range(n_rows):
        _normalised(beta[p], seams.beta_last[low + p])
    active = 0
    for block in range((length[0] - 1) // every, -1, -1):
        ahead[:] = 0.0
        for k in range(every - 1, -1, -1):
            u = block * every + k
            while active < n_rows and length[active] > u:
                _open_beta(pieces, low + active, alpha[u + 1, active], beta[active])
                if pieces.closes[low + active] and pieces.after[low + active] == 0:
                    ends += alpha[u + 1, active] * beta[active]
                active += 1
            if active == 0:
                continue
            now = ahead[k, :active]
            _count_step(
                model, code, slot, first, u, k == every - 1, factors[block],
                alpha[u + 1, :active], beta[:active], now, labels,
            )  # fmt: skip
            if u == 0:
                for p in range(active):
                    if pieces.opens[low + p]:
                        starts += alpha[1, p] * beta[p]
            np.dot(now, model.back, work[:active])
            beta[:active] = work[:active]
            if u == 0:
                for p in range(active):
                    _normalised(beta[p], seams.beta_before[low + p])
                    if pieces.opens[low + p]:
                        now[p] = 0.0
        at = block * every * n_rows
        np.dot(flat_alpha[at : at + every * n_rows].T, flat_ahead, product)
        pairs += product
