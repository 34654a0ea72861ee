"""Windows of a table: made as the formula says, recognised, never mistaken."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.testing import assert_array_equal

from conftest import spaced, windows_on
from skattn import Windows, sliding_windows
from skattn._inputs.layout import Layout
from skattn._inputs.sequences import table_of

MANY = settings(max_examples=200, deadline=None, derandomize=True)

SHAPES = {"n_samples": st.integers(1, 8), "n_timesteps": st.integers(1, 6)}
SPACES = {"stride": st.integers(1, 7), "dilation": st.integers(1, 4)}
even_layouts = st.builds(spaced, **SHAPES, **SPACES)


@st.composite
def uneven_layouts(draw):
    """Draw sequences that begin anywhere, in any order, on a table that may have other rows."""
    first = np.array(draw(st.lists(st.integers(0, 12), min_size=1, max_size=8)))
    n_timesteps, dilation = draw(SHAPES["n_timesteps"]), draw(SPACES["dilation"])
    n_rows = int(first.max()) + (n_timesteps - 1) * dilation + 1 + draw(st.integers(0, 5))
    return Layout(first, n_timesteps, dilation, n_rows)


layouts = even_layouts | uneven_layouts()


def rows_of(layout, n_features=2):
    return np.arange(layout.n_rows * n_features, dtype="float64").reshape(-1, n_features)


def numbers_of(layout):
    """Return the row number of each step, by a loop."""
    steps = range(layout.n_timesteps)
    return np.array([[first + t * layout.dilation for t in steps] for first in layout.first])


def assert_same_layout(one, other):
    assert_array_equal(one.rows, other.rows)
    assert (one.dilation, one.n_rows) == (other.dilation, other.n_rows)


def assert_is_table_of(X):
    """Hold the result of `table_of` to what holds of every X; return it."""
    table, layout = table_of(X)
    assert_array_equal(table[layout.rows], X)
    assert len(table) == layout.n_rows
    assert not layout.whole or len(np.unique(layout.rows)) == layout.n_rows
    return table, layout


# Layouts


@MANY
@given(layout=layouts)
def test_step_t_of_sequence_i_is_row_first_i_plus_t_times_the_dilation(layout):
    assert_array_equal(layout.rows, numbers_of(layout))
    rows = rows_of(layout)
    assert_array_equal(layout.windows_of(rows), rows[numbers_of(layout)])


@MANY
@given(layout=layouts)
def test_first_and_span_bound_each_sequence(layout):
    assert_array_equal(layout.first + layout.span - 1, numbers_of(layout)[:, -1])


@MANY
@given(layout=layouts, data=st.data())
def test_a_layout_of_some_sequences_is_on_the_same_table(layout, data):
    samples = data.draw(st.lists(st.integers(0, len(layout.first) - 1), min_size=1))
    taken = layout.take(np.array(samples))
    assert_array_equal(taken.rows, layout.rows[samples])
    assert taken.n_rows == layout.n_rows


@pytest.mark.parametrize(("length", "stride"), [(100, 1), (50, 3)])
def test_spans_of_small_integers_do_not_overflow(length, stride):
    table = pd.DataFrame({"a": np.arange(600.0), "g": np.repeat([0, 1], 300)})
    windows = sliding_windows(table, length=np.int8(length), dilation=np.int8(stride), group_by="g")
    assert windows.layout.span == (length - 1) * stride + 1
    assert np.asarray(windows)[0, -1, 0] == (length - 1) * stride


@MANY
@given(layout=layouts)
@example(layout=spaced(n_samples=2, n_timesteps=1, stride=1, dilation=4))  # a phase without rows
def test_sequences_are_slices_of_the_rows_in_their_order(layout):
    rows = np.arange(layout.n_rows)
    in_sequence, starts = layout.in_sequence(rows), layout.starts
    assert sorted(in_sequence) == list(rows)
    for start, numbers in zip(starts, numbers_of(layout), strict=True):
        assert_array_equal(in_sequence[start : start + layout.n_timesteps], numbers)


def test_the_order_of_dilation_two_by_hand():
    layout = spaced(n_samples=3, n_timesteps=2, dilation=2)
    assert layout.rows.tolist() == [[0, 2], [1, 3], [2, 4]]
    assert layout.in_sequence(np.arange(5)).tolist() == [0, 2, 4, 1, 3]
    assert layout.starts.tolist() == [0, 3, 1]


def test_sequences_that_follow_one_another_share_nothing_and_can_be_written_to():
    rows, layout = np.zeros((6, 1)), Layout(np.array([0, 3]), 3, 1, n_rows=6, whole=True)
    assert not layout.shares_rows
    layout.windows_of(rows)[1, 0] = 1.0
    assert rows.ravel().tolist() == [0, 0, 0, 1, 0, 0]
    with pytest.raises(ValueError, match="read-only"):
        spaced(n_samples=3, n_timesteps=3).windows_of(rows)[0, 0] = 1.0


@MANY
@given(layout=layouts)
def test_counts_are_of_the_sequences_that_hold_a_row(layout):
    held = numbers_of(layout).ravel().tolist()
    assert layout.counts.tolist() == [held.count(row) for row in range(layout.n_rows)]


# Windows at given rows


@MANY
@given(
    starts=st.lists(st.integers(0, 9)).map(np.array).map(lambda a: a.astype(int)),
    length=st.integers(1, 4),
    stride=st.integers(1, 3),
)
def test_windows_begin_where_asked(starts, length, stride):
    table = np.random.default_rng(0).normal(size=(20, 2))
    windows = Windows(table, starts, length, stride)
    assert windows.shape == (len(starts), length, 2)
    for window, start in zip(windows, starts, strict=True):
        for t in range(length):
            assert_array_equal(window[t], table[start + t * stride])


@pytest.mark.parametrize(
    ("starts", "stride"),
    [
        ([4], 1),
        ([0, 1, 2], 1),
        ([1, 4, 7], 3),
        ([0, 1, 3], None),
        ([2, 1, 0], None),
        ([1, 1], None),
    ],
)
def test_arrays_of_evenly_spaced_windows_are_a_view(starts, stride):
    table = np.arange(12.0).reshape(12, 1)
    windows = Windows(table, np.array(starts), 3, 1)
    assert isinstance(windows, Windows)
    assert windows.layout.stride == stride
    assert np.shares_memory(windows.table, table)
    assert np.shares_memory(np.asarray(windows), table) == (stride is not None)


# Tables under arrays


@MANY
@given(layout=layouts)
def test_any_windows_are_those_of_their_table(layout):
    rows = rows_of(layout)
    assert_is_table_of(layout.windows_of(rows))
    table, found = assert_is_table_of(windows_on(rows, layout))
    assert np.shares_memory(table, rows)
    assert table[0].tolist() == rows[layout.first.min()].tolist()
    assert table[-1].tolist() == rows[layout.rows.max()].tolist()
    assert found.shares_rows


@MANY
@given(layout=even_layouts)
@example(
    layout=spaced(n_samples=3, n_timesteps=4, stride=3, dilation=2)
)  # rows 1 and 11 are no steps
def test_shared_rows_are_found(layout):
    rows = rows_of(layout)
    table, found = assert_is_table_of(layout.windows_of(rows))
    shared = len(np.unique(layout.rows)) < layout.rows.size
    assert found.shares_rows == shared
    if shared:
        assert_array_equal(table[np.unique(found.rows)], rows[np.unique(layout.rows)])
        assert np.shares_memory(table, rows)
    else:
        assert len(table) == layout.rows.size


@pytest.mark.parametrize("n_features", [1, 3])
@pytest.mark.parametrize("length", [2, 5, 19])
def test_windows_of_numpy_are_recognised(length, n_features):
    rows = np.random.default_rng(0).normal(size=(20, n_features))
    X = sliding_window_view(rows, length, axis=0).swapaxes(1, 2)
    table, layout = assert_is_table_of(X)
    assert_same_layout(layout, spaced(n_samples=21 - length, n_timesteps=length))
    assert_array_equal(table, rows)
    assert np.shares_memory(table, rows)


SLICES = {
    "every second window": (np.s_[::2], 20),
    "every second step": (np.s_[:, ::2], 19),
    "every second window and step": (np.s_[::2, ::2], 10),
    "last windows": (np.s_[5:], 15),
    "first steps": (np.s_[:, :3], 17),
    "some features": (np.s_[..., ::2], 20),
    "reversed features": (np.s_[..., ::-1], 20),
}


@pytest.mark.parametrize(("part", "n_rows"), SLICES.values(), ids=SLICES)
def test_slices_of_windows_are_recognised(part, n_rows):
    """Of 15 windows of 6 steps, on 20 rows."""
    rows = np.random.default_rng(0).normal(size=(20, 3))
    X = sliding_window_view(rows, 6, axis=0).swapaxes(1, 2)[part]
    table, _ = assert_is_table_of(X)
    assert len(table) == n_rows
    assert np.shares_memory(table, rows)


NUMBERS = np.arange(60.0)
C_ORDER = NUMBERS.reshape(4, 5, 3)
ORDINARY = {
    "C order": C_ORDER,
    "Fortran order": np.asfortranarray(C_ORDER),
    "steps first": NUMBERS.reshape(5, 4, 3).transpose(1, 0, 2),
    "features second": NUMBERS.reshape(4, 3, 5).transpose(0, 2, 1),
    "features first": NUMBERS.reshape(3, 4, 5).transpose(1, 2, 0),
    "one sample for all": np.broadcast_to(C_ORDER[:1], (4, 5, 3)),
    "one step for all": np.broadcast_to(C_ORDER[:, :1], (4, 5, 3)),
    "one feature for all": np.broadcast_to(C_ORDER[:, :, :1], (4, 5, 3)),
    "one number for all": np.broadcast_to(7.0, (4, 5, 3)),
    "samples reversed": C_ORDER[::-1],
    "steps reversed": C_ORDER[:, ::-1],
    "features reversed": C_ORDER[:, :, ::-1],
    "all reversed": C_ORDER[::-1, ::-1, ::-1],
    "some samples": C_ORDER[::2],
    "some steps": C_ORDER[:, 1:4],
    "some features": C_ORDER[:, :, :2],
    "one sample": C_ORDER[:1],
    "one step": C_ORDER[:, :1],
    "one feature": C_ORDER[:, :, :1],
    "windows reversed": sliding_window_view(NUMBERS[:12], 4)[::-1, :, np.newaxis],
    "windows backwards in time": sliding_window_view(NUMBERS[:12], 4)[:, ::-1, np.newaxis],
}


@pytest.mark.parametrize("X", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_arrays_are_their_own_steps(X):
    table, layout = assert_is_table_of(X)
    assert_same_layout(layout, spaced(*X.shape[:2], stride=X.shape[1]))
    assert not layout.shares_rows
    assert_array_equal(table, np.array(X).reshape(-1, X.shape[2]))


@MANY
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)),
    strides=st.tuples(*[st.integers(-8, 8)] * 3),
)
def test_arrays_of_any_strides_are_never_mistaken(shape, strides):
    numbers = np.random.default_rng(0).normal(size=400)[200:]  # with numbers before the first, too
    assert_is_table_of(as_strided(numbers, shape, [8 * stride for stride in strides]))
