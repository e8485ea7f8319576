"""Scores in both forms: packed right, and refused with the place of what is wrong."""

import numpy as np
import pytest
from hypothesis import given

from hmmseq import Sequences
from hmmseq.scores import Indexed, encode, pack, restrict
from strategies import seeds

NEVER = -np.inf


def written_out(packed):
    """The scores as one dense array."""
    return packed.table[packed.code]


@given(seeds)
def test_dense_and_indexed_scores_mean_the_same(seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(4, 3))
    symbols = [rng.integers(-1, 4, n) for n in (3, 0, 5)]
    expected = np.vstack([table, np.zeros(3)])[np.concatenate(symbols)]  # row -1, missing, is zeros
    np.testing.assert_array_equal(written_out(pack(Indexed(table, symbols), 3)), expected)
    dense = np.split(expected, [3, 3])
    np.testing.assert_array_equal(written_out(pack(dense, 3)), expected)
    assert pack(dense, 3).offsets.tolist() == pack(Indexed(table, symbols), 3).offsets.tolist() == [0, 3, 3, 8]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8, bool])
@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2]])
def test_any_number_type_and_memory_layout_is_taken(dtype, layout):
    scores = np.array([[1, 0], [0, 1], [1, 1]]).astype(dtype)
    packed = pack(layout(scores), 2)
    np.testing.assert_array_equal(written_out(packed), scores.astype(float))
    assert packed.table.dtype == np.float64 and packed.table.flags.c_contiguous and packed.single


WHOLE = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]


@pytest.mark.parametrize("dtype", WHOLE)
def test_any_whole_number_is_a_symbol(dtype):
    symbols = np.array([0, 2, 1], dtype=dtype)
    assert encode(Sequences.pack(symbols), 3).tolist() == [0, 2, 1]
    assert encode(Sequences.pack(symbols[:, None]), 3).tolist() == [0, 2, 1]
    assert encode(Sequences.pack(np.repeat(symbols, 2)[::2]), 3).flags.c_contiguous
    assert encode(Sequences.pack(symbols), 100_000).tolist() == [0, 2, 1]
    with pytest.raises(ValueError, match=r"X\[0\] has symbol 2 at position 1; n_symbols is 2"):
        encode(Sequences.pack(symbols), 2)
    most = np.array([0, np.iinfo(dtype).max], dtype=dtype)
    with pytest.raises(ValueError, match=f"has symbol {most[1]} at position 1"):
        encode(Sequences.pack(most), 3)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_a_missing_symbol_has_a_row_of_its_own(dtype):
    assert encode(Sequences.pack(np.array([0, -1, 1], dtype=dtype)), 3).tolist() == [0, 3, 1]


def test_bytes_are_codes_as_they_are():
    symbols = np.array([0, 2, 1], dtype=np.uint8)
    code = encode(Sequences.pack(symbols), 3)
    assert np.shares_memory(code, symbols) and not code.flags.writeable and symbols.flags.writeable


def test_large_finite_scores_are_not_mistaken_for_infinite_ones():
    """Their sum is beyond the limit; the check that looks only at the sum must look again."""
    np.testing.assert_array_equal(written_out(pack(np.full((3, 2), 4e299), 2)), 4e299)
    with pytest.raises(ValueError, match="at step 0, label 0; log scores are finite, below"):
        pack(np.full((3, 2), -1e308), 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bad_score_is_named_with_its_place(value):
    scores = np.full((4, 2), NEVER)
    scores[2, 1] = value
    with pytest.raises(ValueError, match=f"{value} at step 2, label 1"):
        pack(scores, 2)
    with pytest.raises(ValueError, match=f"{value} at row 2, label 1"):
        pack(Indexed(scores, [0]), 2)


@pytest.mark.parametrize(
    "scores, message",
    [
        (np.zeros((3, 4)), r"shape \(3, 4\); the graph reads 2"),
        (np.zeros(3), r"shape \(3,\)"),
        ([[0.0, 1.0], [0.0, 1.0]], "the graph reads 2 columns"),  # a list of sequences, not of rows
        (Indexed(np.zeros(3), [0]), r"table has shape \(3,\)"),
        (Indexed(np.zeros((3, 2)), [0, 3]), r"X\[0\] has symbol 3 at position 1; n_symbols is 3"),
        (Indexed(np.zeros((3, 2)), [[0], [1, -2]]), r"X\[1\] has symbol -2 at position 1"),
        (Indexed(np.zeros((3, 2)), [0, 2**40]), f"symbol {2**40}"),
        (Indexed(np.zeros((3, 2)), [0.0, 1.0]), "float64; expected whole numbers"),
        (Indexed(np.zeros((3, 2)), np.zeros((2, 2), int)), r"shape \(2, 2\); expected one whole number"),
    ],
)
def test_scores_of_the_wrong_kind_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        pack(scores, 2)


@given(seeds)
def test_restricting_forbids_all_but_the_known_label(seed):
    rng = np.random.default_rng(seed)
    table, symbols = rng.normal(size=(3, 4)), rng.integers(-1, 3, 12)
    known = rng.integers(-1, 4, 12)
    packed = pack(Indexed(table, symbols), 4)
    restricted, row = restrict(packed, known)
    free = (known[:, None] == -1) | (known[:, None] == np.arange(4))
    np.testing.assert_array_equal(written_out(restricted), np.where(free, written_out(packed), NEVER))
    np.testing.assert_array_equal(row[restricted.code], packed.code)
