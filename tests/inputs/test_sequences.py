"""Sequences as slices of a table, against lists of arrays and plain loops."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from conftest import sequences_of, spaced
from skattn._inputs.sequences import Sequences, join

MANY = settings(max_examples=100, deadline=None, derandomize=True)
EVERY = slice(None)


@st.composite
def slices(draw, table=None):
    """Draw sequences that are any slices of a table of few different rows."""
    if table is None:
        n_rows = draw(st.integers(1, 10))
        table = draw(arrays("float64", (n_rows, 2), elements=st.sampled_from([0.0, 1.0])))
    ends = [draw(st.integers(1, len(table))) for _ in range(draw(st.integers(1, 6)))]
    lengths = np.array([draw(st.integers(1, end)) for end in ends])
    return Sequences(
        table=table,
        starts=np.array(ends) - lengths,
        lengths=lengths,
        n_timesteps=int(lengths.max()) + draw(st.integers(0, 2)),
        layout=spaced(len(ends), n_timesteps=1, stride=10),
    )


def listed(sequences):
    """Return the sequences as a list of arrays (n_timesteps, n_features)."""
    pairs = zip(sequences.starts, sequences.lengths, strict=True)
    return [sequences.table[start : start + length] for start, length in pairs]


def laid_out(sequences, n_timesteps, dtype="float64"):
    """Lay a list of arrays into one array, NaN to the right."""
    X = np.full((len(sequences), n_timesteps, sequences[0].shape[1]), np.nan, dtype)
    for row, sequence in zip(X, sequences, strict=True):
        row[: len(sequence)] = sequence
    return X


@MANY
@given(sequences=slices(), data=st.data())
def test_padding_lays_sequences_out_with_nan_to_the_right(sequences, data):
    expected = laid_out(listed(sequences), sequences.n_timesteps)
    assert_array_equal(sequences.padded(EVERY), expected)
    rows = data.draw(st.lists(st.integers(0, len(sequences) - 1), min_size=1))
    assert_array_equal(sequences.padded(np.array(rows)), expected[rows])
    assert_array_equal(sequences.padded(slice(1)), expected[:1])


@pytest.mark.parametrize(
    ("dtype", "padded"), [("float32", "float32"), ("float64", "float64"), ("int64", "float64")]
)
def test_padding_makes_numbers_that_can_be_nan(dtype, padded):
    sequences = sequences_of([np.ones((2, 1)), np.ones((1, 1))]).on(
        np.array([[1], [2], [3]], dtype)
    )
    values = sequences.padded(EVERY)
    assert values.dtype == padded
    assert_array_equal(values[:, :, 0], [[1, 2], [3, np.nan]])


@MANY
@given(sequences=slices(), data=st.data())
def test_taken_sequences_are_those_asked_for(sequences, data):
    rows = np.array(data.draw(st.lists(st.integers(0, len(sequences) - 1), min_size=1)))
    taken = sequences.take(rows)
    assert len(taken) == len(rows)
    assert taken.table is sequences.table
    assert_array_equal(taken.padded(EVERY), sequences.padded(rows))
    assert_array_equal(taken.layout.first, rows * 10)


def test_taken_sequences_keep_their_absent_steps():
    X = np.array([[np.nan, 1.0], [2.0, 3.0], [4.0, np.nan]])[:, :, np.newaxis]
    taken = sequences_of(X).take(np.array([2, 0]))
    assert taken.absent[taken.layout.rows].tolist() == [[False, True], [True, False]]
    assert_array_equal(taken.put_back(taken.padded(EVERY)), X[[2, 0]])


@MANY
@given(sequences=slices())
def test_compact_sequences_are_the_same_on_rows_of_their_own(sequences):
    compact = sequences.compact()
    assert_array_equal(compact.padded(EVERY), sequences.padded(EVERY))
    assert_array_equal(compact.layout.first, sequences.layout.first)
    if sequences.lengths.sum() <= len(sequences.table):
        assert_array_equal(compact.table, np.concatenate(listed(sequences)))
    else:
        used = sequences.row_weights(np.ones(len(sequences))) > 0
        assert_array_equal(compact.table, sequences.table[used])
        assert (compact is sequences) == used.all()


@MANY
@given(sequences=slices(), data=st.data())
def test_a_row_weighs_what_the_sequences_that_hold_it_weigh(sequences, data):
    weights = data.draw(arrays("float64", len(sequences), elements=st.integers(0, 9)))
    expected = np.zeros(len(sequences.table))
    for start, length, weight in zip(sequences.starts, sequences.lengths, weights, strict=True):
        for row in range(start, start + length):
            expected[row] += weight
    assert_array_equal(sequences.row_weights(weights), expected)


def keys_of_rows(table):
    """Return a random 64-bit key for each row, the same for equal rows."""
    _, number = np.unique(table, axis=0, return_inverse=True)
    keys = np.random.default_rng(0).integers(2**64, size=len(table), dtype="uint64")
    return keys[number.ravel()]


@MANY
@given(sequences=slices())
def test_a_key_is_a_polynomial_of_the_keys_of_rows(sequences):
    """Step t counts 0x9E3779B97F4A7C15**t times: in integers of any size, modulo 2**64."""
    row_keys = keys_of_rows(sequences.table)
    expected = [
        sum(int(key) * 0x9E3779B97F4A7C15**t for t, key in enumerate(row_keys[start:][:length]))
        for start, length in zip(sequences.starts, sequences.lengths, strict=True)
    ]
    assert sequences.keys(row_keys).tolist() == [key % 2**64 for key in expected]


@MANY
@given(sequences=slices(), longer=st.integers(0, 3))
def test_sequences_have_equal_keys_exactly_where_their_contents_are_equal(sequences, longer):
    contents = listed(sequences)
    copies = sequences_of(contents)
    keys = sequences.keys(row_keys := keys_of_rows(sequences.table))
    row_key = dict(zip(map(bytes, sequences.table), row_keys, strict=True))
    keys_of_copies = np.array([row_key[bytes(row)] for row in copies.table])
    assert_array_equal(copies.keys(keys_of_copies), keys)
    padded = replace(sequences, n_timesteps=sequences.n_timesteps + longer)
    assert_array_equal(padded.keys(row_keys), keys)
    distinct = {sequence.tobytes() for sequence in contents}
    assert len(set(keys)) == len(distinct)


@MANY
@given(data=st.data())
def test_joined_sequences_follow_one_another(data):
    one = data.draw(slices())
    parts = [one, data.draw(slices()), data.draw(slices(table=one.table))]
    joined = join(parts)
    n_timesteps = max(part.n_timesteps for part in parts)
    contents = [sequence for part in parts for sequence in listed(part)]
    assert_array_equal(joined.padded(EVERY), laid_out(contents, n_timesteps))
    assert_array_equal(joined.table, np.concatenate([part.table for part in parts]))


@MANY
@given(sequences=slices())
def test_trimmed_sequences_are_no_longer_than_the_longest(sequences):
    trimmed = sequences.trimmed()
    longest = max(map(len, listed(sequences)))
    assert_array_equal(trimmed.padded(EVERY), sequences.padded(EVERY)[:, :longest])


@MANY
@given(absent=arrays(bool, st.tuples(st.integers(1, 5), st.integers(1, 6))))
def test_put_back_undoes_the_move_to_the_left(absent):
    absent[absent.all(axis=1), -1] = False
    X = np.arange(1.0, 1 + 2 * absent.size).reshape(*absent.shape, 2)
    X[absent] = np.nan
    sequences = sequences_of(X)
    moved = laid_out([row[~gone] for row, gone in zip(X, absent, strict=True)], X.shape[1])
    assert_array_equal(sequences.padded(EVERY), moved)
    assert_array_equal(sequences.put_back(moved), X)
    pairs = np.stack([moved, -moved], axis=1)  # the time axis is the third
    assert_array_equal(sequences.put_back(pairs, axis=2), np.stack([X, -X], axis=1))
