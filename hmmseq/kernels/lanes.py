"""Numbers side by side: `WIDTH` of them in vector registers, one for each of as many sequences.

Left to itself LLVM keeps the accumulators of such loops in memory. So
`Lanes` is a type of its own: kernels say what is loaded, what stays in registers and what is stored. Interpreted, lanes are
NumPy arrays, and so they read like those: `a + b * 2.0`.

A row of lanes is a row of a contiguous array (n_rows, WIDTH).
"""

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 16  # two registers of AVX-512: while one waits for its sum, the other adds
BLOCK = 4  # columns of a table that are read or written together
CONTRACT = ("contract", "nsz")  # a product and a sum become one instruction
WHOLE = 1.5 * 2.0**52  # beside this number doubles are whole; the lowest bits of WHOLE + k are those of k


class Lanes(types.Type):
    """WIDTH numbers in registers."""

    def __init__(self, dtype: types.Type) -> None:
        self.dtype = dtype
        super().__init__(f"Lanes({dtype}, {WIDTH})")


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        one = manager.lookup(lanes.dtype).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(one, WIDTH))


def _pointer(context, builder, array_type, array, at, n, dtype=None):
    """Pointer to n numbers from the flat position `at` of an array."""
    if array_type.layout != "C":
        raise TypingError(f"lanes lie in contiguous arrays; this one is {array_type}")
    data = context.make_array(array_type)(context, builder, array).data
    one = context.get_value_type(dtype or array_type.dtype)
    return builder.bitcast(builder.gep(data, [at]), ir.VectorType(one, n).as_pointer())


def _numbers(values):
    return ir.Constant(ir.VectorType(ir.IntType(32), len(values)), list(values))


def _all(builder, value):
    """The same number in all lanes."""
    nothing = ir.Constant(ir.VectorType(value.type, WIDTH), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, _numbers([0] * WIDTH))


# ---- rows of lanes


def load(rows, k):
    """Row k."""
    return rows[k].copy()


def load_from(flat, at):
    """WIDTH numbers of a contiguous array (n,) from any position on."""
    return flat[at : at + WIDTH].copy()


def store(rows, k, lanes):
    """Set row k."""
    rows[k] = lanes


def store_bytes(rows, k, lanes):
    """Set row k, one byte a lane."""
    rows[k] = lanes


@intrinsic
def _load(typingctx, rows, k):
    def codegen(context, builder, signature, args):
        at = builder.mul(args[1], ir.Constant(args[1].type, WIDTH))
        return builder.load(_pointer(context, builder, rows, args[0], at, WIDTH), align=8)

    return Lanes(rows.dtype)(rows, types.intp), codegen


@intrinsic
def _load_from(typingctx, flat, at):
    def codegen(context, builder, signature, args):
        return builder.load(_pointer(context, builder, flat, args[0], args[1], WIDTH), align=8)

    return Lanes(flat.dtype)(flat, types.intp), codegen


@intrinsic
def _store(typingctx, rows, k, lanes):
    def codegen(context, builder, signature, args):
        at = builder.mul(args[1], ir.Constant(args[1].type, WIDTH))
        value, size = args[2], rows.dtype.bitwidth // 8
        if rows.dtype != lanes.dtype:
            value = builder.trunc(value, ir.VectorType(context.get_value_type(rows.dtype), WIDTH))
        builder.store(value, _pointer(context, builder, rows, args[0], at, WIDTH), align=size)
        return context.get_dummy_value()

    return types.void(rows, types.intp, lanes), codegen


@overload(load)
def _compiled_load(rows, k):
    return lambda rows, k: _load(rows, k)


@overload(load_from)
def _compiled_load_from(flat, at):
    return lambda flat, at: _load_from(flat, at)


@overload(store)
@overload(store_bytes)
def _compiled_store(rows, k, lanes):
    def store_row(rows, k, lanes):
        _store(rows, k, lanes)

    return store_row


# ---- arithmetic


def larger(a, b):
    """The larger of both, lane by lane."""
    return np.maximum(a, b)


def exponents(lanes):
    """The largest integers e with 2**e <= x; 0 for zero and for numbers too small to be normal."""
    return np.where(lanes < 2.0**-1022, 0, np.frexp(lanes)[1] - 1)


def powers_of_two(lanes):
    """2.0**e; for e = -1023 zero."""
    return np.where(lanes > -1023, np.ldexp(1.0, lanes), 0.0)


def whole(lanes):
    """Without what comes after the point, as integers; for numbers below 2**63 in size."""
    return lanes.astype(np.int64)


def scaled(lanes, powers):
    """lanes * 2.0**k, where `powers` are WHOLE + k; for normal numbers and results."""
    return np.ldexp(lanes, (powers - WHOLE).astype(np.int64))


def where_above(lanes, limit, values):
    """`values` where lanes > limit, zero elsewhere."""
    return np.where(lanes > limit, values, 0.0)


def all_below(lanes, limit):
    """Whether all are below `limit`; a NaN is not."""
    return bool(np.all(lanes < limit))


def _binary(of_floats, of_integers):
    """Intrinsic of two operands, one of which may be a plain number."""

    def operation(typingctx, a, b):
        lanes = a if isinstance(a, Lanes) else b
        a, b = (t if isinstance(t, Lanes) else lanes.dtype for t in (a, b))

        def codegen(context, builder, signature, args):
            both = (v if isinstance(t, Lanes) else _all(builder, v) for t, v in zip(signature.args, args, strict=True))
            return (of_floats if lanes.dtype == types.float64 else of_integers)(builder, *both)

        return lanes(a, b), codegen

    return intrinsic(operation)


def _larger_float(builder, x, y):
    return builder.select(builder.fcmp_ordered(">", x, y, flags=("nnan", "nsz")), x, y)


def _larger_integer(builder, x, y):
    return builder.select(builder.icmp_signed(">", x, y), x, y)


_OPERATIONS = {
    operator.add: _binary(lambda b, x, y: b.fadd(x, y, flags=CONTRACT), lambda b, x, y: b.add(x, y)),
    operator.sub: _binary(lambda b, x, y: b.fsub(x, y, flags=CONTRACT), lambda b, x, y: b.sub(x, y)),
    operator.mul: _binary(lambda b, x, y: b.fmul(x, y, flags=CONTRACT), lambda b, x, y: b.mul(x, y)),
    operator.and_: _binary(None, lambda b, x, y: b.and_(x, y)),
    larger: _binary(_larger_float, _larger_integer),
}


def _register(function, operation):
    @overload(function)
    def compiled(a, b):
        if isinstance(a, Lanes) or isinstance(b, Lanes):
            return lambda a, b: operation(a, b)
        return None


for _function, _operation in _OPERATIONS.items():
    _register(_function, _operation)


@intrinsic
def _exponents(typingctx, lanes):
    integers = Lanes(types.int64)

    def codegen(context, builder, signature, args):
        vector = context.get_value_type(integers)
        bits = builder.lshr(builder.bitcast(args[0], vector), ir.Constant(vector, [52] * WIDTH))
        found = builder.sub(bits, ir.Constant(vector, [1023] * WIDTH))
        zero = ir.Constant(vector, [0] * WIDTH)
        return builder.select(builder.icmp_signed("==", bits, zero), zero, found)

    return integers(lanes), codegen


@intrinsic
def _powers_of_two(typingctx, lanes):
    floats = Lanes(types.float64)

    def codegen(context, builder, signature, args):
        vector = args[0].type
        biased = builder.add(args[0], ir.Constant(vector, [1023] * WIDTH))
        return builder.bitcast(builder.shl(biased, ir.Constant(vector, [52] * WIDTH)), context.get_value_type(floats))

    return floats(lanes), codegen


@intrinsic
def _scaled(typingctx, lanes, powers):
    def codegen(context, builder, signature, args):
        integers = context.get_value_type(Lanes(types.int64))
        number, power = (builder.bitcast(value, integers) for value in args)
        moved = builder.shl(power, ir.Constant(integers, [52] * WIDTH))  # to where exponents are
        return builder.bitcast(builder.add(number, moved), args[0].type)

    return lanes(lanes, powers), codegen


@intrinsic
def _where_above(typingctx, lanes, limit, values):
    def codegen(context, builder, signature, args):
        above = builder.fcmp_ordered(">", args[0], _all(builder, args[1]))
        return builder.select(above, args[2], ir.Constant(args[2].type, [0.0] * WIDTH))

    return lanes(lanes, types.float64, values), codegen


@intrinsic
def _whole(typingctx, lanes):
    integers = Lanes(types.int64)

    def codegen(context, builder, signature, args):
        return builder.fptosi(args[0], context.get_value_type(integers))

    return integers(lanes), codegen


@intrinsic
def _all_below(typingctx, lanes, limit):
    def codegen(context, builder, signature, args):
        below = builder.fcmp_ordered("<", args[0], _all(builder, args[1]))
        bits = builder.bitcast(below, ir.IntType(WIDTH))
        return builder.icmp_unsigned("==", bits, ir.Constant(ir.IntType(WIDTH), (1 << WIDTH) - 1))

    return types.boolean(lanes, types.float64), codegen


@overload(exponents)
def _compiled_exponents(lanes):
    return lambda lanes: _exponents(lanes)


@overload(powers_of_two)
def _compiled_powers_of_two(lanes):
    return lambda lanes: _powers_of_two(lanes)


@overload(whole)
def _compiled_whole(lanes):
    return lambda lanes: _whole(lanes)


@overload(scaled)
def _compiled_scaled(lanes, powers):
    return lambda lanes, powers: _scaled(lanes, powers)


@overload(where_above)
def _compiled_where_above(lanes, limit, values):
    return lambda lanes, limit, values: _where_above(lanes, limit, values)


@overload(all_below)
def _compiled_all_below(lanes, limit):
    return lambda lanes, limit: _all_below(lanes, limit)


# ---- from and to tables whose rows belong to single lanes: a transposition in registers


def columns(table, rows, j):
    """Columns j ... j + BLOCK - 1 of a table: in lane p those of row rows[p].

    Past the last column goes on with the next row; past the last row lies other memory.
    """
    return tuple(table.reshape(-1)[rows * table.shape[1] + j + k] for k in range(BLOCK))


def column(table, rows, j):
    """Column j of a table: in lane p that of row rows[p]."""
    return table[rows, j]


def put_columns(table, rows, j, block):
    """Set columns j ... j + BLOCK - 1: in row rows[p] to lane p. Past the last column goes on with the next row.

    One lane after the other, so that what runs on is overwritten where the next row follows.
    """
    flat, at = table.reshape(-1), rows * table.shape[1] + j
    for p in range(WIDTH):
        flat[at[p] : at[p] + BLOCK] = [lanes[p] for lanes in block]


def add_columns(table, rows, j, block):
    """Add to columns j ... j + BLOCK - 1: lane p to row rows[p]. Rows may occur twice."""
    for k in range(BLOCK):
        np.add.at(table.reshape(-1), rows * table.shape[1] + j + k, block[k])


def _transpose(builder, vectors):
    """Four vectors of four numbers, columns for rows."""
    a, b, c, d = vectors
    even, odd = _numbers([0, 4, 2, 6]), _numbers([1, 5, 3, 7])
    low, high = _numbers([0, 1, 4, 5]), _numbers([2, 3, 6, 7])
    pairs = [builder.shuffle_vector(x, y, mask) for x, y in ((a, b), (c, d)) for mask in (even, odd)]
    return [builder.shuffle_vector(pairs[k], pairs[k + 2], mask) for mask in (low, high) for k in (0, 1)]


def _join(builder, vectors):
    """Vectors one behind the other."""
    while len(vectors) > 1:
        both = _numbers(range(2 * vectors[0].type.count))
        vectors = [builder.shuffle_vector(a, b, both) for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
    return vectors[0]


def _row_pointers(context, builder, table_type, table, rows_type, rows, j, n=BLOCK):
    """For each lane, a pointer to n numbers from column j of its row."""
    width = builder.extract_value(context.make_array(table_type)(context, builder, table).shape, 1)
    numbers = context.make_array(rows_type)(context, builder, rows).data
    for p in range(WIDTH):
        row = builder.load(builder.gep(numbers, [ir.Constant(ir.IntType(64), p)]))
        at = builder.add(builder.mul(row, width), j)
        yield _pointer(context, builder, table_type, table, at, n)


@intrinsic
def _columns(typingctx, table, rows, j):
    block = types.UniTuple(Lanes(table.dtype), BLOCK)

    def codegen(context, builder, signature, args):
        pointers = _row_pointers(context, builder, table, args[0], rows, args[1], args[2])
        found = [builder.load(pointer, align=8) for pointer in pointers]
        groups = [_transpose(builder, found[p : p + BLOCK]) for p in range(0, WIDTH, BLOCK)]
        lanes = [_join(builder, list(parts)) for parts in zip(*groups, strict=True)]
        return context.make_tuple(builder, block, lanes)

    return block(table, rows, types.intp), codegen


@intrinsic
def _column(typingctx, table, rows, j):
    lanes = Lanes(table.dtype)

    def codegen(context, builder, signature, args):
        found = ir.Constant(context.get_value_type(lanes), ir.Undefined)
        for p, pointer in enumerate(_row_pointers(context, builder, table, args[0], rows, args[1], args[2], 1)):
            number = builder.load(builder.bitcast(pointer, found.type.element.as_pointer()))
            found = builder.insert_element(found, number, ir.Constant(ir.IntType(32), p))
        return found

    return lanes(table, rows, types.intp), codegen


def _rows_of(builder, block):
    """For each lane, its BLOCK numbers."""
    lanes = [builder.extract_value(block, k) for k in range(BLOCK)]
    for p in range(0, WIDTH, BLOCK):
        part = _numbers(range(p, p + BLOCK))
        yield from _transpose(builder, [builder.shuffle_vector(x, x, part) for x in lanes])


def _writer(add):
    def write(typingctx, table, rows, j, block):
        def codegen(context, builder, signature, args):
            pointers = _row_pointers(context, builder, table, args[0], rows, args[1], args[2])
            for pointer, vector in zip(pointers, _rows_of(builder, args[3]), strict=True):
                value = builder.fadd(builder.load(pointer, align=8), vector) if add else vector
                builder.store(value, pointer, align=8)
            return context.get_dummy_value()

        return types.void(table, rows, types.intp, block), codegen

    return intrinsic(write)


_put_columns, _add_columns = _writer(False), _writer(True)


@overload(columns)
def _compiled_columns(table, rows, j):
    return lambda table, rows, j: _columns(table, rows, j)


@overload(column)
def _compiled_column(table, rows, j):
    return lambda table, rows, j: _column(table, rows, j)


@overload(put_columns)
def _compiled_put_columns(table, rows, j, block):
    def put(table, rows, j, block):
        _put_columns(table, rows, j, block)

    return put


@overload(add_columns)
def _compiled_add_columns(table, rows, j, block):
    def add(table, rows, j, block):
        _add_columns(table, rows, j, block)

    return add
