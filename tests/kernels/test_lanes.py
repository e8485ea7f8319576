"""Lanes compiled and interpreted: both are asked the same, and NumPy has the answers."""

import numpy as np
import pytest

from hmmseq._jit import jit
from hmmseq.kernels import lanes
from hmmseq.kernels.lanes import BLOCK, WIDTH
from hmmseq.kernels.score_rows import exponential, gather, scatter


@jit
def arithmetic(x, out):
    a, b = lanes.load(x, 0), lanes.load(x, 1)
    lanes.store(out, 0, a + b)
    lanes.store(out, 1, a - b)
    lanes.store(out, 2, a * b)
    lanes.store(out, 3, lanes.larger(a, b))
    lanes.store(out, 4, a * 3 + 2)
    lanes.store(out, 5, lanes.larger(a, 1))


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_arithmetic(dtype):
    x = np.random.default_rng(0).integers(-50, 50, (2, WIDTH)).astype(dtype)
    out = np.zeros((6, WIDTH), dtype)
    arithmetic(x, out)
    a, b = x
    expected = [a + b, a - b, a * b, np.maximum(a, b), a * 3 + 2, np.maximum(a, 1)]
    np.testing.assert_array_equal(out, expected)


@jit
def split(x, mask, low, rest):
    value = lanes.load(x, 0)
    bits = value & mask
    lanes.store_bytes(low, 1, bits)
    lanes.store(rest, 0, value - bits)


def test_low_bits_as_bytes():
    x = np.random.default_rng(1).integers(-(1 << 60), 1 << 60, (1, WIDTH))
    low, rest = np.zeros((3, WIDTH), np.uint8), np.zeros((1, WIDTH), np.int64)
    split(x, 255, low, rest)
    np.testing.assert_array_equal(low, [np.zeros(WIDTH), x[0] & 255, np.zeros(WIDTH)])
    np.testing.assert_array_equal(rest[0] % 256, 0)
    np.testing.assert_array_equal(rest[0] + low[1], x[0])


@jit
def powers(x, exponents, ones):
    value = lanes.load(x, 0)
    found = lanes.exponents(value)
    lanes.store(exponents, 0, found)
    lanes.store(ones, 0, value * lanes.powers_of_two(found * -1))


def test_powers_of_two_bring_numbers_between_one_and_two():
    x = np.random.default_rng(2).random((1, WIDTH)) * 10.0 ** np.linspace(-300, 300, WIDTH)
    x[0, :4] = 0.0, 1.0, 2.0, 1e-310  # the last one is not normal and stays
    exponents, ones = np.zeros((1, WIDTH), np.int64), np.zeros((1, WIDTH))
    powers(x, exponents, ones)
    assert ones[0, :4].tolist() == [0.0, 1.0, 1.0, 1e-310]
    assert np.all((ones[0, 4:] >= 1) & (ones[0, 4:] < 2))
    np.testing.assert_array_equal(np.ldexp(ones, exponents), x)


@jit
def move(table, rows, j, out):
    block = lanes.columns(table, rows, j)
    for k in range(BLOCK):
        lanes.store(out, k, block[k])
    lanes.add_columns(table, rows, j, block)


@pytest.mark.parametrize("j", [0, BLOCK])
def test_columns_of_single_rows(j):
    rng = np.random.default_rng(3)
    table, rows = rng.random((5, 2 * BLOCK)), rng.integers(0, 5, WIDTH)
    expected = table.copy()
    np.add.at(expected[:, j : j + BLOCK], rows, table[rows, j : j + BLOCK])
    out, part = np.zeros((BLOCK, WIDTH)), table[rows, j : j + BLOCK].T
    move(table, rows, j, out)
    np.testing.assert_array_equal(out, part)
    np.testing.assert_allclose(table, expected, rtol=1e-14)


@jit
def put(table, rows, x):
    lanes.put_columns(table, rows, 0, (lanes.load(x, 0), lanes.load(x, 1), lanes.load(x, 2), lanes.load(x, 3)))


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7])
def test_what_runs_on_into_the_next_row_is_overwritten(width):
    x = np.random.default_rng(4).random((BLOCK, WIDTH))
    table = np.zeros((WIDTH + BLOCK, width))
    put(table, np.arange(WIDTH), x)
    used = min(width, BLOCK)
    np.testing.assert_array_equal(table[:WIDTH, :used], x.T[:, :used])


@jit
def whole(x, integers, doubled):
    lanes.store(integers, 0, lanes.whole(lanes.load(x, 0)))
    powers = lanes.load(x, 0) * 1e-5 + lanes.WHOLE  # rounded to -10 ... 0
    lanes.store(doubled, 0, lanes.where_above(powers - lanes.WHOLE, -8.0, lanes.scaled(lanes.load(x, 0), powers)))


@jit
def below(x, limit):
    return lanes.all_below(lanes.load(x, 0), limit)


def test_whole_numbers_and_powers_of_two():
    x = np.random.default_rng(5).uniform(-1e6, 49.0, (1, WIDTH))
    integers, doubled = np.zeros((1, WIDTH), np.int64), np.zeros((1, WIDTH))
    whole(x, integers, doubled)
    np.testing.assert_array_equal(integers, np.trunc(x))
    powers = np.rint(x * 1e-5)
    np.testing.assert_array_equal(doubled, np.where(powers > -8, x * 2.0**powers, 0.0))


def test_whether_all_are_below():
    x = np.random.default_rng(5).uniform(-1e6, 49.0, (1, WIDTH))
    assert below(x, 50.0)
    for beyond in (50.0, np.inf, np.nan):
        assert not below(np.where(np.arange(WIDTH) == 3, beyond, x), 50.0)


@jit
def exponentials(x, out):
    lanes.store(out, 0, exponential(lanes.load(x, 0)))


def test_exponential_is_exp():
    rng = np.random.default_rng(6)
    for low, high in ((-1.0, 1.0), (-700.0, 0.0), (0.0, 700.0)):
        x, out = rng.uniform(low, high, (1, WIDTH)), np.zeros((1, WIDTH))
        exponentials(x, out)
        np.testing.assert_allclose(out, np.exp(x), rtol=2e-14)
    nothing = np.full((1, WIDTH), -710.0)
    nothing[0, ::2] = -np.inf
    exponentials(nothing, out)
    np.testing.assert_array_equal(out, 0.0)


@jit
def there_and_back(table, rows, room, out):
    gather(table, rows, room, 0)
    scatter(room, rows, out)


@pytest.mark.parametrize("width", [1, 3, 4, 6, 8])
def test_rows_into_lanes_and_back(width):
    rng = np.random.default_rng(width)
    table, rows = rng.random((WIDTH + 2, width)), rng.permutation(WIDTH + 2)[:WIDTH]
    room, out = np.zeros((width, WIDTH)), np.full(table.shape, -1.0)
    there_and_back(table, rows, room, out)
    np.testing.assert_array_equal(room, table[rows].T)
    expected = np.full(table.shape, -1.0)
    expected[rows] = table[rows]
    np.testing.assert_array_equal(out, expected)
