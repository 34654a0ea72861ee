"""Windows as strided views: made as the formula says, recognised, never mistaken."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.testing import assert_array_equal

from skattn._strides import Layout, table_of, windows_at

MANY = settings(max_examples=200, deadline=None, derandomize=True)

layouts = st.builds(
    Layout,
    n_samples=st.integers(1, 8),
    n_timesteps=st.integers(1, 6),
    step=st.integers(1, 7),
    stride=st.integers(1, 4),
)


def rows_of(layout, n_features=2):
    return np.arange(layout.n_rows * n_features, dtype="float64").reshape(-1, n_features)


def assert_is_table_of(X):
    """Hold the result of `table_of` to what holds of every X; return it."""
    table, layout = table_of(X)
    assert_array_equal(layout.view(table), X)
    steps = np.unique(layout.view(np.arange(len(table))))
    assert np.isnan(np.delete(table, steps, axis=0)).all()  # rows between are no rows of X
    return table, layout


# Layouts


@MANY
@given(layout=layouts)
def test_step_t_of_sequence_i_is_row_i_step_plus_t_stride(layout):
    rows = rows_of(layout)
    view = layout.view(rows)
    assert view.shape == (layout.n_samples, layout.n_timesteps, 2)
    for i in range(layout.n_samples):
        for t in range(layout.n_timesteps):
            assert_array_equal(view[i, t], rows[i * layout.step + t * layout.stride])


@MANY
@given(layout=layouts)
def test_first_and_span_bound_each_sequence(layout):
    numbers = layout.view(np.arange(layout.n_rows))
    assert_array_equal(layout.first, numbers[:, 0])
    assert_array_equal(layout.first + layout.span - 1, numbers[:, -1])
    assert layout.n_rows == numbers.max() + 1


@MANY
@given(layout=layouts)
@example(layout=Layout(n_samples=2, n_timesteps=1, step=1, stride=4))  # a phase without rows
def test_sequences_are_slices_of_the_rows_in_their_order(layout):
    rows = np.arange(layout.n_rows)
    in_sequence, starts = layout.in_sequence(rows), layout.starts
    assert sorted(in_sequence) == list(rows)
    for i in range(layout.n_samples):
        for t in range(layout.n_timesteps):
            assert in_sequence[starts[i] + t] == i * layout.step + t * layout.stride


def test_the_order_of_stride_two_by_hand():
    layout = Layout(n_samples=3, n_timesteps=2, stride=2)
    assert layout.view(np.arange(5)).tolist() == [[0, 2], [1, 3], [2, 4]]
    assert layout.in_sequence(np.arange(5)).tolist() == [0, 2, 4, 1, 3]
    assert layout.starts.tolist() == [0, 3, 1]


def test_a_view_is_read_only_where_sequences_overlap():
    rows = np.zeros((6, 1))
    with pytest.raises(ValueError, match="read-only"):
        Layout(n_samples=3, n_timesteps=3).view(rows)[0, 0] = 1.0
    Layout(n_samples=2, n_timesteps=3, step=3).view(rows)[1, 0] = 1.0
    assert rows.ravel().tolist() == [0, 0, 0, 1, 0, 0]


@MANY
@given(layout=layouts)
def test_counts_are_of_the_sequences_that_hold_a_row(layout):
    held = layout.view(np.arange(layout.n_rows)).ravel().tolist()
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
    windows = windows_at(table, starts, length, stride)
    assert windows.shape == (len(starts), length, 2)
    for window, start in zip(windows, starts, strict=True):
        for t in range(length):
            assert_array_equal(window[t], table[start + t * stride])


@pytest.mark.parametrize(
    ("starts", "shared"),
    [([4], True), ([0, 1, 2], True), ([1, 4, 7], True), ([0, 1, 3], False), ([2, 1, 0], False)],
)
def test_evenly_spaced_windows_are_a_view(starts, shared):
    table = np.arange(12.0).reshape(12, 1)
    assert np.shares_memory(windows_at(table, np.array(starts), 3, 1), table) == shared


# Tables under arrays


@MANY
@given(layout=layouts)
def test_any_view_of_windows_is_that_of_its_table(layout):
    assert_is_table_of(layout.view(rows_of(layout)))


@MANY
@given(layout=layouts)
@example(layout=Layout(n_samples=3, n_timesteps=4, step=3, stride=2))  # rows 1 and 11 are no steps
def test_shared_rows_are_found(layout):
    rows = rows_of(layout)
    table, found = assert_is_table_of(layout.view(rows))
    steps = np.unique(layout.view(np.arange(layout.n_rows)))
    assert layout.shares_rows == (len(steps) < layout.n_samples * layout.n_timesteps)
    if layout.shares_rows:
        assert_array_equal(table[np.unique(found.view(np.arange(len(table))))], rows[steps])
        assert np.shares_memory(table, rows) or np.isnan(table).any()
    else:
        assert len(table) == layout.n_samples * layout.n_timesteps


@pytest.mark.parametrize("n_features", [1, 3])
@pytest.mark.parametrize("length", [2, 5, 19])
def test_windows_of_numpy_are_recognised(length, n_features):
    rows = np.random.default_rng(0).normal(size=(20, n_features))
    X = sliding_window_view(rows, length, axis=0).swapaxes(1, 2)
    table, layout = assert_is_table_of(X)
    assert layout == Layout(n_samples=21 - length, n_timesteps=length)
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
    assert layout == Layout(*X.shape[:2], step=X.shape[1])
    assert_array_equal(table, np.array(X).reshape(-1, X.shape[2]))


@MANY
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)),
    strides=st.tuples(*[st.integers(-8, 8)] * 3),
)
def test_arrays_of_any_strides_are_never_mistaken(shape, strides):
    numbers = np.random.default_rng(0).normal(size=400)[200:]  # with numbers before the first, too
    assert_is_table_of(as_strided(numbers, shape, [8 * stride for stride in strides]))
