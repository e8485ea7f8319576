"""Where the scores of a step of a tile come from: looked up in a table, or made from observations (`Normals`).

Scores that are made lie in `room.scores`, where statistics find the posteriors in their place. So nothing of the length of
the data is kept. Each function here has one body a source, chosen by its type.
"""

from numba import types
from numba.extending import overload

from hmmseq._jit import jit
from hmmseq.kernels.gaussian import GROUP, Moments, Normals, add_moments, enter_step, normal_scores
from hmmseq.kernels.lanes import BLOCK, WIDTH, add_columns, columns, larger, load, store, whole
from hmmseq.kernels.score_rows import exponential, scatter

_INNER = {"_nrt": False, "forceinline": True, "error_model": "numpy"}


@jit(inner=True)
def place(room, high, u, rows):
    """Where step u lies in the data; lanes that are not there read the nearest step they may."""
    if room.all_there[0] <= u <= room.all_there[1]:
        for p in range(WIDTH):
            rows[p] = room.at[p] + u
        return
    for p in range(WIDTH):
        rows[p] = room.at[p] + min(max(u, room.low[p]), high[p])


@jit(inner=True)
def read(code, room, high, u, rows):
    """The codes of step u."""
    if room.all_there[0] <= u <= room.all_there[1]:
        for p in range(WIDTH):
            rows[p] = code[room.at[p] + u]
        return
    for p in range(WIDTH):
        rows[p] = code[room.at[p] + min(max(u, room.low[p]), high[p])]


def prepare(scores, n_states, code, room, u, k):
    """Scores of step u, as row k. Columns past the states, which fill a BLOCK, are finite."""
    (_make if isinstance(scores, Normals) else _look_up)(scores, n_states, code, room, u, k)


def prepare_again(scores, n_states, code, room, u, k):
    """Going back: what was made for the k steps of the longest core is still there; steps past it share row k."""
    (_make_again if isinstance(scores, Normals) else _look_up)(scores, n_states, code, room, u, k)


def block(scores, room, k, j):
    """Scores of states j ... j + BLOCK - 1 in row k."""
    return (_made if isinstance(scores, Normals) else _columns)(scores, room, k, j)


def prepare_whole(scores, code, room, u, unit, mask):
    """Scores of step u in whole units, their lowest bits zero."""
    (_make_whole if isinstance(scores, Normals) else _look_up_whole)(scores, code, room, u, unit, mask)


def whole_block(scores, room, j):
    """Those of states j ... j + BLOCK - 1."""
    return (_made_whole if isinstance(scores, Normals) else _whole_columns)(scores, room, j)


def whole_score(scores, room, j, p):
    """That of state j in lane p."""
    return (_made_whole_one if isinstance(scores, Normals) else _whole_one)(scores, room, j, p)


def score(scores, room, k, j, p):
    """Score of state j in row k and lane p."""
    return (_made_one if isinstance(scores, Normals) else _one)(scores, room, k, j, p)


def count(scores, slot, room, used, u, beta, posterior, uses):
    """Posteriors of step u: added to the uses of labels, or kept until the whole tile is done."""
    (_keep if isinstance(uses, Moments) else _count)(scores, slot, room, used, u, beta, posterior, uses)


def collect(scores, room, longest, uses):
    """Add what was kept."""
    (_collect if isinstance(uses, Moments) else _nothing)(scores, room, longest, uses)


# ---- looked up


def _look_up(scores, n_states, code, room, u, k):
    read(code, room, room.stop, u, room.rows)


def _columns(scores, room, k, j):
    return columns(scores, room.rows, j)


def _one(scores, room, k, j, p):
    return scores[room.rows[p], j]


def _look_up_whole(scores, code, room, u, unit, mask):
    read(code, room, room.stop, u, room.rows)


def _whole_columns(scores, room, j):
    return columns(scores, room.rows, j)


def _whole_one(scores, room, j, p):
    return scores[room.rows[p], j]


def _count(scores, slot, room, used, u, beta, posterior, uses):
    """In lanes past their end alpha is zero. Without slots each step has a row of its own, of used states only."""
    n = beta.shape[0]
    first = (u + 1) * n
    if slot.size:
        read(slot, room, room.last, u, room.slots)
        for j in range(0, n, BLOCK):
            a, b = load(room.alpha, first + j) * load(beta, j), load(room.alpha, first + j + 1) * load(beta, j + 1)
            c, d = (
                load(room.alpha, first + j + 2) * load(beta, j + 2),
                load(room.alpha, first + j + 3) * load(beta, j + 3),
            )
            add_columns(uses, room.slots, j, (a, b, c, d))
        return
    for j in range(n):
        store(posterior, j, load(room.alpha, first + j) * load(beta, j))
    if used == WIDTH and uses.shape[1] >= BLOCK:  # a lane past its end sets its last row, which is set again later
        place(room, room.last, u, room.slots)
        scatter(posterior, room.slots, uses)
        return
    for p in range(used):
        if u <= room.last[p]:
            for j in range(uses.shape[1]):
                uses[room.at[p] + u, j] = posterior[j, p]


def _nothing(scores, room, longest, uses):
    pass


# ---- made


def _make(scores, n_states, code, room, u, k):
    """Exponentials, the largest being one; the logarithm of what they were divided by is added to `shift`."""
    first = k * scores.means.shape[1]
    top = _make_logs(scores, room, u, first)
    for j in range(first, first + n_states):
        store(room.scores, j, exponential(load(room.scores, j) - top))


@jit(inner=True)
def _make_logs(scores, room, u, first):
    """Logarithms of step u, from row `first` on. Returns the largest, which is added to `shift`."""
    place(room, room.stop, u, room.rows)
    normal_scores(scores, room.rows, room.features, room.scores, first)
    top = load(room.scores, first)
    for j in range(first + 1, first + scores.means.shape[1]):
        top = larger(top, load(room.scores, j))
    _add_exactly(room.shift, top)
    return top


def _make_whole(scores, code, room, u, unit, mask):
    top = _make_logs(scores, room, u, 0)
    for j in range(scores.means.shape[1]):
        score = whole((load(room.scores, j) - top) * unit)
        store(room.whole, j, score - (score & mask))


def _made_whole(scores, room, j):
    return load(room.whole, j), load(room.whole, j + 1), load(room.whole, j + 2), load(room.whole, j + 3)


def _made_whole_one(scores, room, j, p):
    return room.whole[j, p]


@jit(inner=True)
def _add_exactly(sums, value):
    """Row 0 and row 1 together are the sum, what rounding took being in row 1 (Knuth's two-sum)."""
    old = load(sums, 0)
    new = old + value
    back = new - old
    store(sums, 0, new)
    store(sums, 1, load(sums, 1) + ((old - (new - back)) + (value - back)))


def _make_again(scores, n_states, code, room, u, k):
    if u >= k:
        prepare(scores, n_states, code, room, u, k)


def _made(scores, room, k, j):
    at = k * scores.means.shape[1] + j
    return load(room.scores, at), load(room.scores, at + 1), load(room.scores, at + 2), load(room.scores, at + 3)


def _made_one(scores, room, k, j, p):
    return room.scores[k * scores.means.shape[1] + j, p]


def _keep(scores, slot, room, used, u, beta, posterior, uses):
    n = beta.shape[0]
    for j in range(n):
        store(room.scores, u * n + j, load(room.alpha, (u + 1) * n + j) * load(beta, j))


def _collect(scores, room, longest, uses):
    n = scores.means.shape[1]
    for low in range(0, longest, GROUP):
        groups = min(GROUP, longest - low)
        for g in range(groups):
            place(room, room.last, low + g, room.rows)
            enter_step(scores, room.rows, room.features, g, room.scores, (low + g) * n, uses)
        add_moments(scores, room.features, room.scores, low * n, groups, uses)


# ---- which


@overload(prepare, jit_options=_INNER)
def _compiled_prepare(scores, n_states, code, room, u, k):
    return _look_up if isinstance(scores, types.Array) else _make


@overload(prepare_again, jit_options=_INNER)
def _compiled_prepare_again(scores, n_states, code, room, u, k):
    return _look_up if isinstance(scores, types.Array) else _make_again


@overload(block, jit_options=_INNER)
def _compiled_block(scores, room, k, j):
    return _columns if isinstance(scores, types.Array) else _made


@overload(prepare_whole, jit_options=_INNER)
def _compiled_prepare_whole(scores, code, room, u, unit, mask):
    return _look_up_whole if isinstance(scores, types.Array) else _make_whole


@overload(whole_block, jit_options=_INNER)
def _compiled_whole_block(scores, room, j):
    return _whole_columns if isinstance(scores, types.Array) else _made_whole


@overload(whole_score, jit_options=_INNER)
def _compiled_whole_score(scores, room, j, p):
    return _whole_one if isinstance(scores, types.Array) else _made_whole_one


@overload(score, jit_options=_INNER)
def _compiled_score(scores, room, k, j, p):
    return _one if isinstance(scores, types.Array) else _made_one


@overload(count, jit_options=_INNER)
def _compiled_count(scores, slot, room, used, u, beta, posterior, uses):
    return _count if isinstance(uses, types.Array) else _keep


@overload(collect, jit_options=_INNER)
def _compiled_collect(scores, room, longest, uses):
    return _nothing if isinstance(uses, types.Array) else _collect
