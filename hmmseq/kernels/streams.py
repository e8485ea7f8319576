"""Sequences that arrive block by block: a row of scores is carried from call to call.

Glossary
row       scores of all ways into each state after the last step; `taken` holds what was taken out of it
node      (r, j): the best path into state j of row r; its children continue it
root      the last node that all surviving paths share
"""

from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.logmath import NEVER, add_exactly, copy_row, largest
from hmmseq.kernels.paths import add_labels, advance, before, look_ahead, retreat
from hmmseq.kernels.traces import FROM_START, best_source

NONE = -1  # not a node, or one that is cut


@jit(inner=True)
def _take(lattice, first, scores, row, taken, ahead, work, maximise):
    """The row after one more step, into `ahead`. False where no path survives it, or survived an earlier one."""
    lowered = advance(lattice, row, first, scores, ahead, work, maximise)
    if lowered == NEVER:
        taken[0], taken[1] = NEVER, 0.0
    else:
        taken[0], taken[1] = add_exactly(taken[0], taken[1], lowered)
    return lowered > NEVER


@jit
def posterior_block(lattice, end, table, code, first, lag, row, taken, scores, alpha, out):
    """Take in the steps of a block, then answer the oldest steps that wait, as many as `out` has rows.

    alpha, scores: a row for each step that waits, those of the block at the end, filled in here (without a lag scores
    are not needed).   out[k] = P(label at step k | steps up to k + lag, or all of them), the last row ending by `end`.
    """
    ahead, beta, work = np.empty(row.size), np.empty(row.size), np.empty(row.size)
    waiting = len(alpha) - code.size
    if first:
        before(lattice, row, False)
    _take_all(lattice, table, code, first, row, taken, alpha[waiting:], ahead, work)
    for t in range(code.size if lag else 0):
        copy_row(table[code[t]], scores[waiting + t])
    out[:] = 0.0
    _answer(lattice, end, scores, alpha, lag, beta, ahead, work, out)


@jit(inner=True)
def _take_all(lattice, table, code, first, row, taken, alpha, ahead, work):
    """The rows of a block. A loop stands in an inner kernel, or each step counts the references to the lattice again."""
    for t in range(code.size):
        _take(lattice, first and t == 0, table[code[t]], row, taken, ahead, work, False)
        copy_row(ahead, row)
        copy_row(row, alpha[t])


@jit(inner=True)
def _answer(lattice, end, scores, alpha, lag, beta, ahead, work, out):
    for k in range(len(out)):
        _posterior(lattice, end, scores, alpha, k, min(k + lag, len(alpha) - 1), beta, ahead, work, out[k])


@jit(inner=True)
def _posterior(lattice, end, scores, alpha, k, last, beta, ahead, work, out):
    """Posterior of row k when row `last` is the last one; zeros where no path reaches that end."""
    for j in range(beta.size):
        work[j] = alpha[last, j] + end[j]
    if largest(work) == NEVER:
        return
    copy_row(end, beta)
    for r in range(last, k - 1, -1):
        retreat(lattice, r == last, ahead, beta, work)
        if r > k:
            look_ahead(lattice, beta, scores[r], ahead)
    add_labels(lattice.label, alpha[k], beta, 1.0, work, out)


class Tree(NamedTuple):
    """Best paths that may still win, from the row of the root to the present one: (n_rows, n_states + 1) each.

    A node of an emitting state was reached from the row before, one of a silent state from its own row. The start is a
    silent state of row 0, the last column (-1, FROM_START).
    """

    back: np.ndarray  # state from which each node was reached
    children: np.ndarray  # nodes reached from it, or NONE


@jit
def path_block(lattice, longest, table, code, first, row, taken, tree, root, now, out):
    """Take in the steps of a block; states that all survivors share go to `out`.

    root: its row and state, and the number of states written to `out`.   now: present row of the tree.
    longest: steps that may stay open, or -1.

    Šrámek, Brejová and Vinař (2007): a node without children is cut, with all above it that lose their last child. So
    each node is made once and cut once, and paths agree up to where the root has more than one child.
    """
    ahead, work, starts = np.empty(row.size), np.empty(row.size), np.full(row.size, NEVER)
    if first:
        before(lattice, row, True)
        copy_row(lattice.start, starts)
        _open_row(row, tree, 0)
        tree.children[0, FROM_START] = 0
        _join_silent(lattice, starts, row, tree, now)
    _grow(lattice, longest, table, code, first, row, taken, tree, root, now, out, ahead, work, starts)


@jit(inner=True)
def _grow(lattice, longest, table, code, first, row, taken, tree, root, now, out, ahead, work, starts):
    for t in range(code.size):
        survived = _take(lattice, first and t == 0, table[code[t]], row, taken, ahead, work, True)
        if survived:
            _join(lattice, starts, row, ahead, tree, now)
        copy_row(ahead, row)
        if not survived:
            return
        starts[:] = NEVER
        now += 1
        _prune(lattice, tree, row, now - 1, now)
        _agree(lattice, tree, now, root, out)
        if longest >= 0 and now - root[0] > longest:
            _force(lattice, tree, row, now, now - longest // 2)
            _prune(lattice, tree, row, now, now)
            _agree(lattice, tree, now, root, out)


@jit
def path_rest(lattice, row, tree, root, now, out):
    """All that is open, along the best path by `row`. Row now + 1 of the tree is free."""
    best = np.argmax(row)
    for j in range(row.size):
        tree.children[now + 1, j] = NONE
        if j != best:
            row[j] = NEVER
    _prune(lattice, tree, row, now, now)
    _agree(lattice, tree, now + 1, root, out)


@jit(inner=True)
def _join(lattice, starts, row, ahead, tree, r):
    """Nodes of row r + 1, whose scores are `ahead`."""
    _open_row(ahead, tree, r + 1)
    for j in range(row.size):
        if lattice.label[j] >= 0 and ahead[j] > NEVER:
            _, i = best_source(lattice.step, row, j, starts[j])
            tree.back[r + 1, j] = i
            tree.children[r, i] += 1
    starts[:] = NEVER
    _join_silent(lattice, starts, ahead, tree, r + 1)


@jit(inner=True)
def _open_row(row, tree, r):
    for j in range(row.size):
        tree.children[r, j] = 0 if row[j] > NEVER else NONE
    tree.children[r, FROM_START] = NONE


@jit(inner=True)
def _join_silent(lattice, starts, row, tree, r):
    for j in lattice.silent_order:
        if row[j] > NEVER:
            _, i = best_source(lattice.silent, row, j, starts[j])
            tree.back[r, j] = i
            tree.children[r, i] += 1


@jit(inner=True)
def _prune(lattice, tree, row, r, now):
    """Cut the nodes of row r that lead nowhere, and what is above them up to another branch.

    Paths go on from the present row, `now`, wherever it has a score.
    """
    for j in range(row.size):
        at, state = r, j
        while tree.children[at, state] == 0 and (at < now or row[state] == NEVER):
            tree.children[at, state] = NONE
            source = tree.back[at, state]
            if lattice.label[state] >= 0:
                at -= 1
            state = source
            tree.children[at, state] -= 1


@jit(inner=True)
def _ancestor(lattice, tree, r, j, top):
    """The emitting state of row `top` on the path to (r, j)."""
    while r > top or lattice.label[j] < 0:
        source = tree.back[r, j]
        if lattice.label[j] >= 0:
            r -= 1
        j = source
    return j


@jit(inner=True)
def _force(lattice, tree, row, now, middle):
    """Take their scores from all states whose path differs, in row `middle`, from the best path as it stands."""
    kept = _ancestor(lattice, tree, now, np.argmax(row), middle)
    for j in range(row.size):
        if row[j] > NEVER and _ancestor(lattice, tree, now, j, middle) != kept:
            row[j] = NEVER


@jit(inner=True)
def _agree(lattice, tree, now, root, out):
    """Move the root on while it has one child and lies before row `now`; its states go to `out`."""
    while root[0] < now and tree.children[root[0], root[1]] == 1:
        _move(lattice, tree, root)
        out[root[2]] = root[1]
        root[2] += 1


@jit(inner=True)
def _move(lattice, tree, root):
    """To the only child of the root: a silent state of its row, or an emitting one of the next."""
    for j in range(lattice.label.size):
        r = root[0] if lattice.label[j] < 0 else root[0] + 1
        if tree.children[r, j] >= 0 and tree.back[r, j] == root[1]:
            root[0], root[1] = r, j
            return
