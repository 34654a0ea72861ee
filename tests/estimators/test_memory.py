"""Windows take the memory of their table: nothing on the way to training spreads them out."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from skattn import SequenceScaler, TimeWindows, sliding_windows
from skattn._training.holdout import parts_of
from skattn._training.samples import check_samples, distinct, keys_of
from skattn._training.scaling import Statistics

LENGTH = 50


def peak(function):
    """Return the most bytes that a call holds at once above those before it."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).normal(size=(100_000, 8))


def prepare(small, X, y, early_stopping):
    """Do all that a fit does before training: merge, hold out, take statistics, scale."""
    model = small(early_stopping=early_stopping, epochs=1)
    samples = check_samples(model, X, y, None, reset=True)
    parts = parts_of(samples, None, model.get_params())
    first, weights = distinct(samples.take(parts[0].train), keys_of(samples)[parts[0].train])
    merged = samples.take(parts[0].train[first]).compact()._replace(weights=weights)
    statistics = Statistics.of(merged.X.table, merged.X.row_weights(merged.weights))
    return samples.X.compact().on(statistics.apply(samples.X.compact().table))


def in_groups(table):
    """Return the table as that of 10 interleaved series."""
    return pd.DataFrame(table).add_prefix("c").assign(g=np.arange(len(table)) % 10)


def with_gaps(table):
    """Return the table with a pause after each 10,000 rows."""
    times = np.arange(len(table)) + 5 * (np.arange(len(table)) // 10_000)
    return pd.DataFrame(table, times).add_prefix("c")


UNEVEN = pytest.mark.parametrize(
    ("make", "params"),
    [(in_groups, {"group_by": "g"}), (with_gaps, {"max_gap": 1})],
    ids=["groups", "gaps"],
)


@UNEVEN
@pytest.mark.parametrize("early_stopping", [False, True])
def test_windows_of_groups_and_gaps_are_prepared_in_a_few_tables(
    small, table, make, params, early_stopping
):
    X = TimeWindows(LENGTH, **params).fit_transform(make(table))
    y = table[:, 0]
    assert peak(lambda: prepare(small, X, y, early_stopping)) < 5 * table.nbytes


@UNEVEN
def test_windows_of_groups_and_gaps_are_made_in_a_few_tables(table, make, params):
    rows = make(table)
    windows = TimeWindows(LENGTH, **params)
    assert peak(lambda: windows.fit_transform(rows)) < 5 * table.nbytes
    X = windows.transform(rows)
    assert peak(lambda: SequenceScaler().fit_transform(X)) < 4 * table.nbytes


@pytest.mark.parametrize("early_stopping", [False, True])
def test_samples_are_prepared_in_the_memory_of_a_few_tables(small, table, early_stopping):
    X = TimeWindows(LENGTH).fit_transform(table)
    y = table[:, 0]
    assert peak(lambda: prepare(small, X, y, early_stopping)) < 4 * table.nbytes
    assert X.nbytes == LENGTH * table.nbytes


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda table: TimeWindows(LENGTH).fit_transform(table), 3),
        (lambda table: sliding_windows(table, table[:, 0], length=LENGTH), 2),
        (lambda table: SequenceScaler().fit_transform(sliding_windows(table, length=LENGTH)), 4),
    ],
    ids=["TimeWindows", "sliding_windows", "SequenceScaler"],
)
def test_windows_are_made_in_the_memory_of_a_few_tables(table, make, most):
    assert peak(lambda: make(table)) < most * table.nbytes
