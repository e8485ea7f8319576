"""Packing ragged sequences: what goes in comes out, and what cannot be packed says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq import Sequences
from hmmseq.sequences import is_one

ragged = st.lists(st.lists(st.integers(-5, 5), max_size=6), min_size=1, max_size=6).filter(
    lambda X: any(len(x) for x in X)
)


@given(ragged)
def test_packing_and_unpacking_is_the_identity(X):
    packed = Sequences.pack(X)
    assert [x.tolist() for x in packed] == X
    assert [packed[s].tolist() for s in range(-len(X), len(X))] == X + X
    assert packed.lengths.tolist() == [len(x) for x in X]
    assert [x.tolist() for x in packed.unpack(packed.values * 2)] == [[2 * v for v in x] for x in X]


@given(ragged)
def test_where_finds_the_sequence_and_step_of_a_row(X):
    packed = Sequences.pack(X)
    rows = [(s, t) for s, x in enumerate(X) for t in range(len(x))]
    assert [packed.where(row) for row in range(len(rows))] == rows


@given(ragged)
def test_a_list_and_rows_with_lengths_are_the_same(X):
    flat, lengths = [v for x in X for v in x], [len(x) for x in X]
    split, joined = Sequences.pack(np.array(flat), lengths), Sequences.pack(X)
    np.testing.assert_array_equal(split.values, joined.values)
    np.testing.assert_array_equal(split.offsets, joined.offsets)


def test_one_array_is_one_sequence_and_is_not_copied():
    X = np.arange(6.0).reshape(3, 2)
    for packed in (Sequences.pack(X), Sequences.pack([X]), Sequences.pack(X, [1, 2])):
        assert np.shares_memory(packed.values, X)
    assert Sequences.pack(X).lengths.tolist() == [3]
    packed = Sequences.pack([X, X])
    assert Sequences.pack(packed) is packed


def test_three_dimensions_are_sequences_of_equal_length():
    X = np.arange(24.0).reshape(2, 3, 4)
    packed = Sequences.pack(X)
    assert len(packed) == 2
    np.testing.assert_array_equal(packed[1], X[1])


def test_an_object_array_of_arrays_is_a_list():
    X = np.empty(2, dtype=object)
    X[:] = [np.zeros((3, 2)), np.ones((1, 2))]
    assert Sequences.pack(X).lengths.tolist() == [3, 1]
    assert not is_one(X)


def test_empty_sequences_are_kept_whatever_their_shape():
    packed = Sequences.pack([[], np.zeros((2, 3)), np.zeros((0, 7))])
    assert packed.lengths.tolist() == [0, 2, 0] and packed.values.shape == (2, 3)
    assert Sequences.pack([[], []]).lengths.tolist() == [0, 0]


@pytest.mark.parametrize(
    "X, one",
    [
        (np.zeros(3), True), (np.zeros((3, 2)), True), ([1, 2, 3], True), (np.zeros((0, 2)), True),
        (np.zeros((2, 3, 2)), False), ([np.zeros(3)], False), ([[1, 2], [3]], False), ([[]], False),
        (Sequences.pack([1, 2]), False),
    ],
)  # fmt: skip
def test_only_one_sequence_gets_one_answer(X, one):
    assert is_one(X) is one


@pytest.mark.parametrize(
    "X, lengths, message",
    [
        ([], None, "holds no sequence"),
        (5, None, "X is a int; expected a list of arrays"),
        (None, None, "X is a NoneType"),
        (np.array(5.0), None, "X is a single ndarray"),
        ("ACGT", None, r"X\[0\] has 0 dimensions"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], None, r"X\[1\] has shape \(2, 3\) but X\[0\]"),
        ([np.zeros((2, 2)), np.zeros(2)], None, "all sequences need the same features"),
        ([np.zeros((3, 0)), np.zeros((2, 2))], None, "all sequences need the same features"),
        ([np.zeros((1, 2, 3))], None, r"X\[0\] has 3 dimensions"),
        (np.zeros(5), [2, 2], "lengths sum to 4 but X has 5 rows"),
        (np.zeros(5), [-1, 6], "0 or more"),
        (np.zeros(5), [2.5, 2.5], "whole numbers"),
        (np.zeros(5), 5, "one per sequence"),
        (Sequences.pack([1.0]), [1], "leave lengths out"),
    ],
)
def test_what_cannot_be_packed_says_why(X, lengths, message):
    with pytest.raises(ValueError, match=message):
        Sequences.pack(X, lengths)


def test_lengths_that_wrap_around_are_refused():
    """In 64 bits these sum to 5 and each difference is positive; kernels would read far outside the array."""
    lengths = [2**62, 2**62, 2**62, 2**62 + 5]
    with pytest.raises(ValueError, match="lengths sum to 18446744073709551621"):
        Sequences.pack(np.zeros(5), lengths)
    with pytest.raises(ValueError, match="offsets must rise"):
        Sequences(np.zeros(5), np.concatenate([[0], np.cumsum(lengths)]))


@pytest.mark.parametrize("offsets", [[], [1, 5], [0, 4], [0, 3, 2, 5]])
def test_offsets_must_rise_from_zero_to_the_end(offsets):
    with pytest.raises(ValueError, match="offsets must rise from 0 to the number of rows, 5"):
        Sequences(np.zeros(5), np.array(offsets, dtype=int))


def test_a_sequence_that_is_not_there_is_an_index_error():
    packed = Sequences.pack([[1], [2]])
    for s in (2, -3):
        with pytest.raises(IndexError):
            packed[s]
