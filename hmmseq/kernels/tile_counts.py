"""The backward recursion beside `tiles.py`, and what it counts. Same glossary."""

from hmmseq._jit import jit
from hmmseq.kernels.lanes import BLOCK, WIDTH, exponents, load, powers_of_two, store
from hmmseq.kernels.tile_scores import block, collect, count, prepare_again
from hmmseq.kernels.tiles import closes, is_even, lane_sums, normalise, opens, product, scale, two_products

BACKLOG = 32  # steps between additions to the counts of pairs, which then stay in registers


def work_rows(n: int) -> int:
    """Of the memory that is needed: a row more a step keeps steps from lying one below the other in cache."""
    return 2 * n + 1 + BACKLOG * (n + 1)


@jit(inner=True)
def count_tile(
    model, code, slot, pieces, low, high, room, seams, uses, pairs, starts, ends, beta, ahead, posterior, factor
):
    """After `forward_tile`: add the expected use of labels, pairs of states (not yet times the matrix), starts and ends.

    uses: of labels, what `tile_scores.count` adds to.
    slot: row of `uses` to which a step is added; if there is none, step t sets row t, which has used states only.
    pairs: (n * n, WIDTH), lane by lane; none: they are not counted.   starts, ends: (n, WIDTH)
    beta, posterior: (n, WIDTH).   ahead: (BACKLOG * (n + 1), WIDTH), scores times beta of some steps.   factor: (1, WIDTH)
    """
    n, every, longest, wide = model.start.size, model.every, pieces.length[low], ahead.shape[0] // BACKLOG
    beta[:] = 0.0
    even = is_even(pieces, low, room)
    for u in range(_mark(low, high, room) - 1, -1, -1):
        if room.event[u]:
            if even:
                _enter_all(pieces, low, high, u, room, beta, model.end, factor, starts, ends)
            elif seams.beta_last.shape[0]:
                _enter(pieces, low, high, u, room, beta, seams, starts, ends)
            else:
                _enter_whole(pieces, low, high, u, room, beta, model.end, factor, starts, ends)
        k, row = u % BACKLOG * wide, min(u, longest)
        prepare_again(model.scores, model.matrix.shape[0], code, room, u, longest)
        _weigh(beta, ahead, k, model.scores, room, row)
        if u < longest:
            count(model.scores, slot, room, high - low, u, beta, posterior, uses)
        if u % every == every - 1:
            _choose_factors(room, u, u // every, beta, factor)
            scale(ahead, k, n, load(factor, 0))
        _step_back(ahead, k, model.back, beta)
        if room.event[u] and not even:
            _cut(low, high, u, ahead, k, n, room)
        if k == 0 and u < longest and pairs.size:
            _count_pairs(room.alpha, u * n, ahead, wide, min(BACKLOG, longest - u), n, pairs)
    for p in range(min(high - low, seams.beta_before.shape[0])):
        normalise(beta, 0, p, seams.beta_before[low + p])
    collect(model.scores, room, longest, uses)


@jit(inner=True)
def _mark(low, high, room):
    """Note the steps at which a piece needs attention; returns how many steps there are, those after the cores too."""
    furthest = 0
    for p in range(high - low):
        furthest = max(furthest, room.stop[p] + 1)
    for u in range(furthest + 1):
        room.event[u] = u == 0
    for p in range(high - low):
        room.event[room.last[p]] = room.event[room.last[p] + 1] = room.event[room.stop[p]] = True
    return furthest


@jit(inner=True)
def _enter_whole(pieces, low, high, u, room, beta, end, factor, starts, ends):
    """Sequences that begin, going backward: beta is zero so far; at step 0, those that start."""
    n = beta.shape[0]
    for p in range(WIDTH):
        factor[0, p] = 0.0
    for p in range(high - low):
        if u == room.last[p] and room.totals[0, p] > 0.0:
            factor[0, p] = pieces.weight[low + p] / room.totals[0, p]
    scale_up = load(factor, 0)
    for j in range(n):
        own = scale_up * end[j]
        store(beta, j, load(beta, j) + own)
        store(ends, j, load(ends, j) + load(room.alpha, (u + 1) * n + j) * own)
    if u == 0:
        for j in range(n):
            store(starts, j, load(starts, j) + load(room.alpha, n + j) * load(beta, j))


@jit(inner=True)
def _enter_all(pieces, low, high, u, room, beta, end, factor, starts, ends):
    """The same where all sequences end together."""
    n = beta.shape[0]
    if u == room.all_there[1]:
        for p in range(WIDTH):
            factor[0, p] = 0.0
        for p in range(high - low):
            total = room.totals[0, p]
            factor[0, p] = pieces.weight[low + p] / total if total > 0.0 else 0.0
        scale_up = load(factor, 0)
        for j in range(n):
            own = scale_up * end[j]
            store(beta, j, own)
            store(ends, j, load(ends, j) + load(room.alpha, (u + 1) * n + j) * own)
    if u == 0:
        for j in range(n):
            store(starts, j, load(starts, j) + load(room.alpha, n + j) * load(beta, j))


@jit(inner=True)
def _enter(pieces, low, high, u, room, beta, seams, starts, ends):
    """Pieces that begin, going backward, and pieces that reach their core; at step 0, sequences that start."""
    n = beta.shape[0]
    for p in range(high - low):
        piece = low + p
        if u == room.stop[p]:
            for j in range(n):
                beta[j, p] = seams.beta_last[piece, j]
        if u == room.last[p]:
            normalise(beta, 0, p, seams.beta_last[piece])
            _open_beta(room.alpha, (u + 1) * n, beta, p, n, pieces.weight[piece])
            if closes(pieces, piece) and room.stop[p] == u:
                for j in range(n):
                    ends[j, p] += room.alpha[(u + 1) * n + j, p] * beta[j, p]
        if u == 0 and opens(pieces, piece):
            for j in range(n):
                starts[j, p] += room.alpha[n + j, p] * beta[j, p]


@jit(inner=True)
def _open_beta(alpha, row, beta, p, n, weight):
    """Scale beta so that the posterior sums to the weight of the sequence."""
    total = 0.0
    for j in range(n):
        total += alpha[row + j, p] * beta[j, p]
    for j in range(n):
        beta[j, p] *= weight / total if total > 0.0 else 0.0


@jit(inner=True)
def _weigh(beta, ahead, target, scores, room, k):
    """What the step before sees: ahead[target + j] = score of j in row k * beta[j]."""
    for j in range(0, beta.shape[0], BLOCK):
        a, b, c, d = block(scores, room, k, j)
        store(ahead, target + j, a * load(beta, j))
        store(ahead, target + j + 1, b * load(beta, j + 1))
        store(ahead, target + j + 2, c * load(beta, j + 2))
        store(ahead, target + j + 3, d * load(beta, j + 3))


@jit(inner=True)
def _choose_factors(room, u, k, beta, factor):
    """What alpha was multiplied by at this step; past the core, what keeps beta near one."""
    own = powers_of_two(exponents(lane_sums(beta, 0, beta.shape[0])) * -1)
    store(factor, 0, own)
    for p in range(WIDTH):
        if u <= room.last[p]:
            factor[0, p] = room.factors[k, p]


@jit(inner=True)
def _step_back(ahead, source, back, beta):
    """beta[i] = sum_j ahead[source + j] * back[j, i]"""
    n = back.shape[1]
    for i in range(0, n - BLOCK, 2 * BLOCK):
        (a, b, c, d), (e, f, g, h) = two_products(ahead, source, back, i)
        _store_block(beta, i, a, b, c, d)
        _store_block(beta, i + BLOCK, e, f, g, h)
    if n % (2 * BLOCK):
        a, b, c, d = product(ahead, source, back, n - BLOCK)
        _store_block(beta, n - BLOCK, a, b, c, d)


@jit(inner=True)
def _store_block(rows, at, a, b, c, d):
    store(rows, at, a)
    store(rows, at + 1, b)
    store(rows, at + 2, c)
    store(rows, at + 3, d)


@jit(inner=True)
def _cut(low, high, u, ahead, row, n, room):
    """The pair that leads out of a core belongs to the next piece, which counts it."""
    for p in range(high - low):
        if u == room.last[p] + 1:
            for j in range(n):
                ahead[row + j, p] = 0.0


@jit(inner=True)
def _count_pairs(alpha, row, ahead, wide, steps, n, pairs):
    """pairs[i * n + j] += sum over the steps of alpha[i] before the step times ahead[j] at it."""
    for j in range(0, n, BLOCK):
        for i in range(0, n, 2):
            at = i * n + j
            a, b, c, d = load(pairs, at), load(pairs, at + 1), load(pairs, at + 2), load(pairs, at + 3)
            at += n
            e, f, g, h = load(pairs, at), load(pairs, at + 1), load(pairs, at + 2), load(pairs, at + 3)
            before, after = row + i, j
            for _ in range(steps):
                x, y = load(alpha, before), load(alpha, before + 1)
                z = load(ahead, after)
                a, e = a + x * z, e + y * z
                z = load(ahead, after + 1)
                b, f = b + x * z, f + y * z
                z = load(ahead, after + 2)
                c, g = c + x * z, g + y * z
                z = load(ahead, after + 3)
                d, h = d + x * z, h + y * z
                before += n
                after += wide
            store(pairs, at, e)
            store(pairs, at + 1, f)
            store(pairs, at + 2, g)
            store(pairs, at + 3, h)
            at -= n
            store(pairs, at, a)
            store(pairs, at + 1, b)
            store(pairs, at + 2, c)
            store(pairs, at + 3, d)
