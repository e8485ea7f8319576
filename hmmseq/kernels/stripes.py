"""Edges that lie side by side: those into WIDTH neighbouring targets that come from as many neighbouring sources.

Where few edges exist they often go the same way: stay, go on, jump over one. All edges i -> j of one block of targets that
share j - i are a stripe: WIDTH weights that multiply WIDTH neighbours of a row, which is one load, wherever it begins. Any
graph can be written so. At worst each edge has a stripe of its own, which takes about as long as that edge in a list.

A stripe may reach beyond its row, with weights of zero: what lies there must be finite, so rows have neighbours.
"""

from typing import NamedTuple

import numpy as np

from hmmseq._jit import jit
from hmmseq.kernels.lanes import WIDTH, load, load_from, store

PAIR = 2  # stripes that are read together: each addition waits for the one before it


class Stripes(NamedTuple):
    """Edges of a graph by blocks of WIDTH targets."""

    first: np.ndarray  # (wide + 1,) those into block b are first[b]:first[b + 1], an even number
    begin: np.ndarray  # (n_stripes,) their first source, counted from one row before the row of sources
    weight: np.ndarray  # (n_stripes, WIDTH)


@jit(inner=True)
def along(stripes, around, at, b):
    """Block b of a row times the edges.   around[at]: where the row before the row begins."""
    low = stripes.first[b]
    a = load(stripes.weight, low) * load_from(around, at + stripes.begin[low])
    c = load(stripes.weight, low + 1) * load_from(around, at + stripes.begin[low + 1])
    for e in range(low + PAIR, stripes.first[b + 1], PAIR):
        a = a + load(stripes.weight, e) * load_from(around, at + stripes.begin[e])
        c = c + load(stripes.weight, e + 1) * load_from(around, at + stripes.begin[e + 1])
    return a + c


@jit(inner=True)
def count_along(stripes, around, at, ahead, steps, pairs):
    """pairs[i -> j] += sum over the steps of row[i] before the step times ahead[j] at it.   ahead: rows of lanes."""
    wide = stripes.first.size - 1
    n = wide * WIDTH
    for b in range(wide):
        for e in range(stripes.first[b], stripes.first[b + 1], PAIR):
            a, c = load(pairs, e), load(pairs, e + 1)
            left, right = at + stripes.begin[e], at + stripes.begin[e + 1]
            for k in range(steps):
                x = load(ahead, k * wide + b)
                a = a + x * load_from(around, left + k * n)
                c = c + x * load_from(around, right + k * n)
            store(pairs, e, a)
            store(pairs, e + 1, c)
