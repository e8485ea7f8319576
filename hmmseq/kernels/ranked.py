"""The k best paths, from the rows of an ordinary Viterbi pass.

A partial path is known from some state to the end; the rows say exactly what its best completion scores. Partial paths
of which none is part of another share all paths out among them, so keeping the k whose completions score most loses none
of the k best: a beam search with a perfect view of what lies ahead (Soong and Huang, ICASSP 1991, "tree-trellis"). The
lazy lists of Huang and Chiang (IWPT 2005) visit fewer states, but need every row at hand; this walks back through them
once, so that rows can be forgotten and made again.

Every partial path but the first left another one, its parent, at some state. It holds what it visits from there on; the
rest is copied from the parent at the end. A parent never scores less than its children and is never dropped before them.

Glossary
k       a place for a path            r     a row of the chart
"""

from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.logmath import NEVER, copy_row
from hmmseq.kernels.paths import forward, refill, weigh_row
from hmmseq.kernels.traces import FROM_START, best_source

DONE = -1  # where there is nothing left to walk through


class Partial(NamedTuple):
    """Partial paths, one a place."""

    states: np.ndarray  # (n_paths, capacity) filled from the right
    lengths: np.ndarray  # (n_paths,) states visited, those to be copied included
    scores: np.ndarray  # (n_paths,) of the best completion; minus infinity in an empty place
    parent: np.ndarray  # (n_paths,)
    shared: np.ndarray  # (n_paths,) how many states to copy from the parent
    born: np.ndarray  # (n_paths,) parents before children
    row: np.ndarray  # (n_paths,) the row reached, or DONE
    heap: np.ndarray  # (n_paths,) all places, the one to be given up first in front


@jit(inner=True)
def _worse(paths, a, b):
    if paths.scores[a] == paths.scores[b]:
        return paths.born[a] > paths.born[b]
    return paths.scores[a] < paths.scores[b]


@jit(inner=True)
def _replace_worst(paths, parent, shared, score, born):
    """A new path in the place of the worst one. Returns that place."""
    k, heap = paths.heap[0], paths.heap
    paths.parent[k], paths.shared[k], paths.lengths[k] = parent, shared, shared
    paths.scores[k], paths.born[k] = score, born
    i = 0
    while 2 * i + 1 < heap.size:
        below = 2 * i + 1
        if below + 1 < heap.size and _worse(paths, heap[below + 1], heap[below]):
            below += 1
        if not _worse(paths, heap[below], k):
            break
        heap[i] = heap[below]
        i = below
    heap[i] = k
    return k


@jit(inner=True)
def _go_to(paths, k, state, r):
    if state == FROM_START:
        paths.row[k] = DONE
    else:
        paths.lengths[k] += 1
        paths.states[k, paths.states.shape[1] - paths.lengths[k]] = state
        paths.row[k] = r


@jit(inner=True)
def _branch(paths, parent, shared, score, state, r, born):
    """A path that leaves its parent for `state`, if it is among the best. Returns how many were born so far."""
    if score > paths.scores[paths.heap[0]]:
        born += 1
        _go_to(paths, _replace_worst(paths, parent, shared, score, born), state, r)
    return born


@jit(inner=True)
def _ends(lattice, row, total, r, paths):
    """A path for each state to end in."""
    born, top = 0, NEVER
    for j in range(row.size):
        top = max(top, row[j] + lattice.end[j])
    for j in range(row.size):
        born = _branch(paths, 0, 0, total - (top - (row[j] + lattice.end[j])), j, r, born)
    return born


@jit(inner=True)
def _step_back(edges, start, row, r, paths, k, born):
    """Path k goes back the best way; every other way becomes a path of its own."""
    j = paths.states[k, paths.states.shape[1] - paths.lengths[k]]
    top, chosen = best_source(edges, row, j, start)
    score, shared = paths.scores[k], paths.lengths[k]
    if chosen != FROM_START:
        born = _branch(paths, k, shared, score - (top - start), FROM_START, r, born)
    for e in range(edges.first[j], edges.first[j + 1]):
        i = edges.source[e]
        if i != chosen:
            born = _branch(paths, k, shared, score - (top - (row[i] + edges.log_weight[e])), i, r, born)
    _go_to(paths, k, chosen, r)
    return born


@jit(inner=True)
def _through_row(lattice, row, r, paths, born):
    """All paths from row r + 1 into row r, and there back through silent states."""
    moved = True
    while moved:
        moved = False
        for k in range(paths.row.size):
            if paths.row[k] != r and paths.row[k] != r + 1:
                continue
            j = paths.states[k, paths.states.shape[1] - paths.lengths[k]]
            start = lattice.start[j] if r == 0 else NEVER
            if paths.row[k] == r + 1:
                born = _step_back(lattice.step, start, row, r, paths, k, born)
                moved = True
            elif lattice.label[j] < 0:
                born = _step_back(lattice.silent, start, row, r, paths, k, born)
                moved = True
    return born


@jit(inner=True)
def _copy_shared(paths, order):
    for k in order:
        for p in range(paths.states.shape[1] - paths.shared[k], paths.states.shape[1]):
            paths.states[k, p] = paths.states[paths.parent[k], p]


@jit
def ranked(lattice, table, code, block, states, lengths, scores):
    """Fill the rows of `states`, from their right ends, with the best paths, in no order.

    states: (n_paths, capacity).   lengths: (n_paths,) states written.   scores: (n_paths,) minus infinity in the rows
    that are left over because there are fewer paths.
    """
    n_states, n_steps, n_paths = lattice.label.size, code.size, len(scores)
    lengths[:], scores[:] = 0, NEVER
    saved = np.empty((n_steps // block + 2, n_states))
    total = forward(lattice, table, code, block, saved, True)
    if total == NEVER or n_steps == 0:
        return
    parent, shared, born = np.zeros(n_paths, np.int64), np.zeros(n_paths, np.int64), np.zeros(n_paths, np.int64)
    paths = Partial(states, lengths, scores, parent, shared, born, np.full(n_paths, DONE), np.arange(n_paths))
    chart, work = np.empty((min(block, n_steps + 1), n_states)), np.empty(n_states)
    count = _ends(lattice, saved[-1], total, n_steps, paths)
    for b in range(n_steps // block, -1, -1):
        low, high = b * block, min((b + 1) * block, n_steps + 1)
        copy_row(saved[b], chart[0])
        refill(lattice, table, code, low, high, chart, work, True)
        for r in range(high - 1, low - 1, -1):
            weigh_row(lattice, code, r)
            count = _through_row(lattice, chart[r - low], r, paths, count)
    _copy_shared(paths, np.argsort(born))
