"""Sums of numbers that are kept as logarithms, and exponentials and logarithms of whole rows."""

import math

import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from hmmseq._jit import jit

NEVER = -np.inf  # log score of what cannot happen
LARGEST = 1e300  # size of any other: sums of them stay finite
LOG2_HIGH, LOG2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
_BIAS = 1023
_HALF_ROOT, _HALF_ROOT_BITS = 0.7071067811865476, 0x3FE6A09E667F3BCD


@jit(inner=True)
def largest(row):
    """The largest entry; minus infinity where there is none."""
    top = NEVER
    for value in row:
        top = max(top, value)
    return top


@jit(inner=True)
def copy_row(row, out):
    """out[:] = row; a slice assignment would allocate, in case the two overlap."""
    for i in range(row.size):
        out[i] = row[i]


@jit(inner=True)
def log_sum(row):
    """log sum_i exp(row[i]); minus infinity for a row of nothing but zeros."""
    top = largest(row)
    if top == NEVER:
        return top
    total = 0.0
    for value in row:
        total += math.exp(value - top)
    return top + math.log(total)


@jit(inner=True)
def log_add(a, b):
    """log(exp(a) + exp(b))."""
    low, high = min(a, b), max(a, b)
    if low == NEVER:
        return high
    return high + math.log1p(math.exp(low - high))


@jit(inner=True)
def add_exactly(total, lost, value):
    """One step of Neumaier's compensated sum: `total + lost` stays within one rounding of the true sum.

    At a million steps the plain sum of a log-likelihood is off by 1e-6 nats or more. Neumaier, ZAMM 54 (1974).
    """
    new = total + value
    if abs(total) >= abs(value):
        return new, lost + ((total - new) + value)
    return new, lost + ((value - new) + total)


def power_of_two(k):
    """2.0**k for integers -1022 <= k <= 1023, as one shift when compiled."""
    return math.ldexp(1.0, int(k))


@intrinsic
def _as_float(typingctx, bits):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.float64))

    return types.float64(types.int64), codegen


@overload(power_of_two)
def _compiled_power_of_two(k):
    return lambda k: _as_float(np.int64(k + _BIAS) << 52)


@jit(fastmath={"contract"}, inner=True)
def exp_series(r):
    """exp(r) for |r| <= log(2)/2, a number or lanes: of the polynomials that begin with 1 + r that of the least error, 4e-18.

    One multiplication fewer than Taylor's, whose error would be 2e-16.
    """
    p = r * 2.5000058020629617e-08 + 2.7630248403640173e-07
    p = r * (r * p + 2.755758638494029e-06) + 2.4801493098844148e-05
    p = r * (r * (r * p + 0.00019841269506566477) + 0.001388888894363016) + 0.008333333333494466
    p = r * (r * (r * p + 0.041666666666530155) + 0.16666666666666413) + 0.5000000000000011
    return r * (r * p + 1.0) + 1.0


@jit(fastmath={"contract"}, inner=True)
def exp_row(row, out):
    """out[i] = exp(row[i]) for row[i] <= 700; zero below -708, where doubles lose digits.

    exp(x) = 2**k * exp(r) with |r| <= log(2)/2 and a polynomial for exp(r): branch-free, so LLVM runs it in
    vector registers at 0.8 ns an element where `math.exp` takes 4.2 ns (`python -m benchmarks.primitives`); relative
    error below 1e-14 (not reassociated: the two halves of log(2) must stay apart).
    """
    for i in range(row.size):
        x = max(row[i], -708.0)
        k = np.floor(x * 1.4426950408889634 + 0.5)
        r = (x - k * LOG2_HIGH) - k * LOG2_LOW
        out[i] = exp_series(r) * power_of_two(np.int64(k)) if row[i] >= -708.0 else 0.0


def split(x):
    """m and k with x = m * 2**k and 0.7 < m < 1.42, for normal x > 0; some numbers for any other."""
    m, k = math.frexp(x)
    return (2.0 * m, k - 1.0) if m < _HALF_ROOT else (m, float(k))


@intrinsic
def _as_integer(typingctx, number):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.int64))

    return types.int64(types.float64), codegen


@overload(split)
def _compiled_split(x):
    def split_bits(x):
        k = (_as_integer(x) - _HALF_ROOT_BITS) >> 52
        return _as_float(_as_integer(x) - (k << 52)), float(k)

    return split_bits


@jit(fastmath={"contract"}, inner=True)
def log_row(row, out):
    """out[i] = log(row[i]) for normal row[i] > 0, any finite number for others. Not in place: then it is no vector loop.

    x = m 2**k, s = (m - 1) / (m + 1), log(m) = 2 s (1 + s**2 / 3 + s**4 / 5 + ...), |s| < 0.172: branch-free like
    `exp_row`; relative error below 1e-15.
    """
    for i in range(row.size):
        m, k = split(row[i])
        s = (m - 1.0) / (m + 1.0)
        z = s * s
        p = 1 / 15.0 + z * (1 / 17.0 + z * (1 / 19.0 + z * (1 / 21.0)))
        p = 1 / 7.0 + z * (1 / 9.0 + z * (1 / 11.0 + z * (1 / 13.0 + z * p)))
        p = z * (1 / 3.0 + z * (1 / 5.0 + z * p))
        out[i] = k * LOG2_HIGH + (2.0 * s + (2.0 * s * p + k * LOG2_LOW))
