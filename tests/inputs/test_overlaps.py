"""Copies of windows show by their content which rows they share; separate sequences do not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline

from conftest import sequences_of
from skattn import SequenceScaler, TimeWindows, Windows, sliding_windows
from skattn._inputs.overlaps import find_shared_rows

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(80, 2))
SUN = np.sin(np.linspace(0, 2 * np.pi, 24, endpoint=False)).clip(0)  # zero in 13 hours of 24
NIGHTS = (SUN * RNG.uniform(size=(20, 24))).reshape(-1, 1)
HOURS = np.eye(24)[np.arange(200) % 24]


def found(X):
    return find_shared_rows(sequences_of(X))


def assert_same_sequences(one, other):
    """Hold two records of sequences to the same table and the same places in it."""
    assert_array_equal(one.table, other.table, strict=True)
    assert_array_equal(one.starts, other.starts)
    assert_array_equal(one.lengths, other.lengths)


# Copies

WINDOWS = {
    "every row": Windows(TABLE, np.arange(70), 6),
    "every third row": Windows(TABLE, np.arange(0, 70, 3), 6),
    "one row in common": Windows(TABLE, np.arange(0, 70, 5), 6),
    "two steps": Windows(TABLE, np.arange(70), 2),
    "dilated": Windows(TABLE, np.arange(60), 5, 4),
    "every third row, dilated": Windows(TABLE, np.arange(0, 60, 3), 5, 2),
    "absent steps first": TimeWindows(6).fit_transform(TABLE)[1:],
    "nights": Windows(NIGHTS, np.arange(400), 12),
    "whole nights": Windows(NIGHTS, np.arange(400), 5),
    "hours of the day": Windows(HOURS, np.arange(190), 6),
}
MAPS = {
    "copy": lambda X: X,
    "float32": lambda X: X.astype("float32"),
    "scaled": lambda X: (X - 0.25) * 8.0,
    "rounded": np.round,
    "clipped": lambda X: np.clip(X, 0.2, 0.8),
}


@pytest.mark.parametrize("mapped", MAPS.values(), ids=MAPS)
@pytest.mark.parametrize("windows", WINDOWS.values(), ids=WINDOWS)
def test_mapped_copies_in_order_are_the_mapped_windows(windows, mapped):
    copied = mapped(np.array(windows))
    assert_same_sequences(found(copied), sequences_of(mapped(windows)))
    assert_same_sequences(found(list(copied)), sequences_of(mapped(windows)))


@pytest.mark.parametrize("n_windows", [2, 3, 5])
def test_few_windows_are_enough_if_their_values_vary(n_windows):
    windows = Windows(TABLE, np.arange(n_windows), 6)
    assert_same_sequences(found(np.array(windows)), sequences_of(windows))


ORDERS = {
    "shuffled": lambda n: np.random.default_rng(1).permutation(n),
    "reversed": lambda n: np.arange(n)[::-1],
    "some": lambda n: np.flatnonzero(np.arange(n) % 5),
    "some, shuffled": lambda n: np.random.default_rng(1).permutation(n)[: 4 * n // 5],
    "a fold left out": lambda n: np.r_[: n // 3, n // 2 : n],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("name", ["every row", "absent steps first"])
def test_copies_in_any_order_are_the_windows(name, order):
    windows = WINDOWS[name]
    samples = order(len(windows))
    of_copies, of_windows = found(np.array(windows)[samples]), sequences_of(windows[samples])
    # Rows of other series may come first: a chain begins where its first sample stands in X.
    assert len(of_copies.table) == len(of_windows.table)
    assert_array_equal(shared(of_copies), shared(of_windows))


def shared(sequences):
    """Return for each pair of sequences whether they share a row of the table, by a loop."""
    rows = [
        set(range(start, start + length))
        for start, length in zip(sequences.starts, sequences.lengths, strict=True)
    ]
    return np.array([[bool(one & other) for one in rows] for other in rows])


def test_copies_of_panels_share_what_their_windows_share():
    table = pd.DataFrame(TABLE).assign(g=np.arange(80) % 3)
    windows = TimeWindows(5, **{GROUP_BY: "g"}).fit_transform(table)
    assert_array_equal(shared(found(np.array(windows))), shared(sequences_of(windows)))


GROUP_BY = "group_by" if "group_by" in TimeWindows(1).get_params() else "groups"


def overlap(one, other):
    """Return whether a sequence, shifted by a step or more, equals another one: the rule."""
    n_timesteps = len(one)
    for shift in range(1, n_timesteps):
        for a, b in [(one, other), (other, one)]:
            run = a[shift:]
            if np.array_equal(run, b[:-shift]) and len(np.unique(run, axis=0)) > 1:
                return True
    return False


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    first=st.lists(st.integers(0, 60), min_size=12, max_size=25, unique=True),
    n_timesteps=st.integers(4, 8),
)
def test_sequences_share_rows_if_they_overlap_or_a_chain_of_overlaps_joins_them(first, n_timesteps):
    """Wherever windows begin, in any order. A chain shows how far apart its samples are."""
    X = np.array([TABLE[begin : begin + n_timesteps] for begin in first])
    overlaps = np.array([[overlap(one, other) for one in X] for other in X]) | np.eye(
        len(X), dtype=bool
    )
    chained = np.linalg.matrix_power(overlaps.astype(float), len(X)) > 0
    near = abs(np.subtract.outer(first, first)) < n_timesteps
    assert_array_equal(shared(found(X)), chained & near)
    assert_array_equal(found(X).padded(slice(None)), X)


# Separate sequences

SEPARATE = {
    "noise": RNG.normal(size=(60, 6, 2)),
    "nights": (SUN * RNG.uniform(size=(60, 24)))[:, :, np.newaxis],
    "nights, rounded": np.round(SUN * RNG.uniform(size=(60, 24)))[:, :, np.newaxis],
    "two states": RNG.integers(2, size=(60, 6, 1)).astype(float),
    "one-hot of 3": np.eye(3)[RNG.integers(3, size=(60, 6))],
    "one-hot of 3, short": np.eye(3)[RNG.integers(3, size=(200, 3))],
    "one-hot of 10": np.eye(10)[RNG.integers(10, size=(200, 12))],
    "one mark": np.eye(6)[RNG.integers(6, size=60)][:, :, np.newaxis],
    "one mark, sorted": np.eye(6)[np.sort(RNG.integers(6, size=60))][:, :, np.newaxis],
    "static, sorted": np.repeat(np.eye(3)[np.repeat(np.arange(3), 20)][:, np.newaxis], 6, axis=1),
    "a switch": (np.arange(12) >= RNG.integers(12, size=(60, 1)))[:, :, np.newaxis].astype(float),
    "whole numbers": RNG.integers(1000, size=(200, 10, 1)).astype(float),
    "counted down": np.maximum(RNG.integers(3, 9, size=(60, 1)) - np.arange(6), 0.0)[
        :, :, np.newaxis
    ],
    "equal": np.ones((60, 6, 1)),
    "each twice": np.repeat(RNG.normal(size=(30, 6, 2)), 2, axis=0),
    "periodic, each twice": np.repeat([[0.0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1]], 20, axis=0)[
        :, :, np.newaxis
    ],
    "two": RNG.normal(size=(2, 6, 2)),
    "one": RNG.normal(size=(1, 6, 2)),
    "one step": np.ones((60, 1, 1)),
    "absent steps": np.where(
        RNG.uniform(size=(60, 6, 1)) < 0.3, np.nan, RNG.normal(size=(60, 6, 2))
    ),
}


@pytest.mark.parametrize("X", SEPARATE.values(), ids=SEPARATE)
def test_separate_sequences_share_no_row(X):
    sequences = sequences_of(X[~np.isnan(X).all(axis=(1, 2))])
    assert find_shared_rows(sequences) is sequences


def test_equal_samples_among_overlapping_ones_are_the_same_window():
    windows = np.array(Windows(TABLE, np.r_[:30, 4, 4, 7], 6))
    assert found(windows).starts[[30, 31, 32]].tolist() == [4, 4, 7]


def test_sequences_in_a_cycle_stay_apart():
    """Each is the next one, shifted; the first follows the last."""
    X = np.array([np.roll([1.0, 2.0, 3.0, 4.0, 5.0], -k) for k in range(5)])[:, :, np.newaxis]
    X = np.concatenate([X[[3, 0, 2, 4, 1]], RNG.normal(size=(20, 5, 1))])
    assert len(found(X).table) == 125


# In fits


@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_a_fit_on_copies_is_that_on_windows(small, order):
    """Bit for bit, and it holds out the same samples."""
    table = RNG.normal(size=(95, 2))
    windows, y = sliding_windows(table, table[:, 0], length=5)
    if order == "shuffled":
        samples = np.random.default_rng(0).permutation(len(y))
        windows, y = windows[samples], y[samples]
    model = small(early_stopping=True)
    expected = model.fit(windows, y).predict(windows)
    curve = model.validation_loss_curve_
    for X in (np.array(windows), list(np.asarray(windows))):
        assert_array_equal(model.fit(X, y).predict(X), expected)
        assert model.validation_loss_curve_ == curve


def test_a_search_with_a_cache_is_that_without(small, tmp_path):
    table = RNG.normal(size=(90, 2))
    y = np.roll(table[:, 0], -1)
    steps = [("windows", TimeWindows(5)), ("scale", SequenceScaler())]
    steps += [("model", small(early_stopping=True))]
    results = []
    for memory in (None, str(tmp_path), str(tmp_path)):  # the third fit is all from the cache
        search = GridSearchCV(
            Pipeline(steps, memory=memory),
            {"model__learning_rate": [0.003, 0.03]},
            cv=TimeSeriesSplit(2),
        ).fit(table, y)
        results.append((search.cv_results_["mean_test_score"], search.predict(table)))
    for scores, predictions in results[1:]:
        assert_array_equal(scores, results[0][0])
        assert_array_equal(predictions, results[0][1])


def test_views_are_not_looked_at_by_content():
    sequences = sequences_of(sliding_window_view(np.zeros(30), 6)[:, :, np.newaxis])
    assert find_shared_rows(sequences) is sequences
    assert len(sequences.table) == 30
