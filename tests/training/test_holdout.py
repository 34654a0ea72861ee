"""Samples held out: the last block for the first network, earlier ones for others; none leaks."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from conftest import sequences_of, spaced, windows_on
from panels import RANDOM, panels, two_stations
from skattn import LSTMAttentionClassifier, LSTMAttentionRegressor, TimeWindows, sliding_windows
from skattn._training.holdout import parts_of, split_block
from skattn._training.samples import Samples, check_samples


@pytest.mark.parametrize(
    ("n_samples", "fraction", "n_validation"),
    [
        (10, 0.1, 1),
        (10, 0.25, 3),
        (11, 0.1, 2),
        (2, 0.1, 1),
        (2, 0.9, 1),
        (10, 0.99, 9),
        (1, 0.5, 0),
    ],
)
def test_the_last_samples_validate(n_samples, fraction, n_validation):
    part = split_block(sequences_of(np.zeros((n_samples, 3, 1))), fraction)
    assert part.train.tolist() == list(range(n_samples - n_validation))
    assert part.validation.tolist() == list(range(n_samples - n_validation, n_samples))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    n_samples=st.integers(4, 30),
    n_timesteps=st.integers(1, 6),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    fraction=st.floats(0.01, 0.99),
    number=st.integers(0, 12),
)
@example(n_samples=30, n_timesteps=6, stride=3, dilation=2, fraction=0.2, number=0)
@example(n_samples=30, n_timesteps=6, stride=3, dilation=2, fraction=0.2, number=3)
def test_training_windows_share_nothing_with_the_block_that_validates(
    n_samples, n_timesteps, stride, dilation, fraction, number
):
    layout = spaced(n_samples, n_timesteps, stride, dilation)
    numbers = np.arange(n_samples)
    X = windows_on(np.arange(float(layout.n_rows))[:, np.newaxis], layout)
    rows = [set(of_window) for of_window in layout.rows.tolist()]
    n_validation = min(n_samples - 1, math.ceil(fraction * n_samples))
    ends = list(range(n_samples, 0, -n_validation))  # the first block takes from its neighbour
    end = max(n_validation, ends[number % len(ends)])
    block = numbers[end - n_validation : end]
    held_out = set.union(*(rows[i] for i in block))
    apart = [i for i in numbers if i not in block and not rows[i] & held_out]
    part = split_block(sequences_of(X), fraction, number)
    assert_array_equal(part.validation, block)
    assert_array_equal(part.train, apart)


@pytest.mark.parametrize("layout", [spaced(9, 4, stride=4), spaced(9, 4, stride=6), spaced(9, 1)])
def test_windows_that_share_nothing_are_all_kept(layout):
    """Of 9 windows, 4 validate and 5 train."""
    X = windows_on(np.arange(60.0).reshape(60, 1)[: layout.n_rows], layout)
    part = split_block(sequences_of(X), 0.4)
    assert (len(part.train), len(part.validation)) == (5, 4)


def windows_of_panel(panel):
    """Return its windows, and for each pair of rows whether their windows share a row."""
    table, series, params = panel
    span = (params["length"] - 1) * params["dilation"] + 1
    number, place = np.empty((2, len(table)), dtype=int)
    for n, rows in enumerate(series):
        number[rows], place[rows] = n, np.arange(len(rows))
    apart = np.subtract.outer(place, place)
    near = (abs(apart) < span) & (apart % params["dilation"] == 0)
    windows = TimeWindows(**params).fit_transform(table)
    return windows, near & np.equal.outer(number, number)


@RANDOM
@given(
    panel=panels(min_rows=6),
    fraction=st.floats(0.1, 0.6),
    every=st.integers(1, 2),
    shuffled=st.booleans(),
)
def test_of_groups_and_gaps_windows_that_share_a_row_with_validation_are_left_out(
    panel, fraction, every, shuffled
):
    """No more than these in the order of time, in folds of some of the windows too."""
    windows, shares = windows_of_panel(panel)
    fold = np.arange(len(windows))[::every]
    fold = np.random.default_rng(0).permutation(fold) if shuffled else fold
    assume(len(fold) > 1)
    part = split_block(sequences_of(windows[fold]), fraction)
    n_validation = min(len(fold) - 1, math.ceil(fraction * len(fold)))
    held_out, others = fold[-n_validation:], fold[:-n_validation]
    assert_array_equal(fold[part.validation], held_out)
    apart = others[~shares[np.ix_(others, held_out)].any(axis=1)]
    assert set(fold[part.train]) <= set(apart)
    if len(apart) and not shuffled:
        assert_array_equal(fold[part.train], apart)


def test_interleaved_groups_train_all_of_them():
    """Of 60 windows of 5 steps the last 6 validate; 4 before in each group share rows."""
    windows = sliding_windows(two_stations(34), length=5, group_by="g")
    part = split_block(sequences_of(windows), 0.1)
    assert part.validation.tolist() == [54, 55, 56, 57, 58, 59]
    assert part.train.tolist() == list(range(46))


@pytest.mark.parametrize(
    ("left_out", "n_trained", "validating"),
    [([], 6, [8, 9]), ([6, 7], 6, [8, 9]), ([8], 5, [7, 9]), ([9], 5, [7, 8])],
)
def test_windows_of_weight_zero_neither_train_nor_validate(small, left_out, n_trained, validating):
    """Of 10 windows of 3 steps, the last 2 that have a weight validate."""
    X, weights = windows_on(np.arange(12.0)[:, np.newaxis], spaced(10, 3)), np.ones(10)
    weights[left_out] = 0
    samples = check_samples(small(), X, np.arange(10), weights, reset=True)
    part = split_block(samples.X, 0.2)
    assert samples.y[part.validation, 0].tolist() == validating
    assert samples.y[part.train, 0].tolist() == list(range(n_trained))


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_too_few_samples_are_an_error_only_where_validation_was_asked_for(early_stopping):
    """Ten windows of nine rows each share rows with the last one."""
    X = sequences_of(windows_on(np.arange(18.0)[:, np.newaxis], spaced(10, 9)))
    samples = Samples(X, np.zeros((10, 1)), np.ones(10), np.ones(10))
    params = LSTMAttentionRegressor(early_stopping=early_stopping).get_params()
    if early_stopping == "auto":
        assert [len(p.validation) for p in parts_of(samples, None, params)] == [0]
    else:
        with pytest.raises(ValueError, match=r"n_samples = 10 .* each of 9 steps: too few for b"):
            parts_of(samples, None, params)


# Blocks of several networks


def parts(X, **params):
    """Return the numbers of the samples that train and stop each network."""
    X = sequences_of(X)
    samples = Samples(X, np.arange(float(len(X)))[:, np.newaxis], *np.ones((2, len(X))))
    chosen = parts_of(samples, None, LSTMAttentionRegressor(**params).get_params())
    return [(part.train.tolist(), part.validation.tolist()) for part in chosen]


def apart(n_samples):
    return np.random.default_rng(0).normal(size=(n_samples, 3, 1))


@pytest.mark.parametrize("n_samples", [50, 60, 103, 499])
def test_five_networks_train_and_each_sample_stops_one(n_samples):
    chosen = parts(apart(n_samples))
    assert len(chosen) == 5
    stopping = Counter()
    for train, held_out in chosen:
        assert sorted(train + held_out) == list(range(n_samples))
        assert len(held_out) == -(-n_samples // 5)
        stopping.update(held_out)
    assert chosen[0][1][-1] == n_samples - 1
    assert set(stopping) == set(range(n_samples))
    assert Counter(stopping.values())[2] == 5 * -(-n_samples // 5) - n_samples < 5


@pytest.mark.parametrize(
    ("n_samples", "params", "n_members", "n_held_out"),
    [
        (50, {}, 5, 10),
        (500, {}, 5, 100),
        (499, {"n_members": 1}, 1, 100),
        (499, {"n_members": 2}, 2, 100),
        (500, {"n_members": 12}, 12, 100),
        (500, {"validation_fraction": 0.1}, 5, 50),
        (499, {"early_stopping": True}, 5, 100),
        (499, {"early_stopping": False}, 1, 0),
        (499, {"early_stopping": False, "n_members": 3}, 3, 0),
        (49, {}, 1, 0),
        (49, {"n_members": 3}, 3, 0),
        (10, {"early_stopping": True}, 5, 2),
    ],
)
def test_networks_and_samples_held_out(n_samples, params, n_members, n_held_out):
    chosen = parts(apart(n_samples), **params)
    assert len(chosen) == n_members
    for train, held_out in chosen:
        assert (len(train), len(held_out)) == (n_samples - n_held_out, n_held_out)


@pytest.mark.parametrize(
    ("params", "n_networks"),
    [({}, 5), ({"n_members": 2}, 2), ({"early_stopping": False}, 1)],
)
def test_the_callers_validation_samples_are_numbered_after_those_that_train(params, n_networks):
    samples = Samples(sequences_of(apart(6)), np.zeros((6, 1)), *np.ones((2, 6)))
    params = LSTMAttentionRegressor(**params).get_params()
    chosen = parts_of(samples, samples.take([0, 3]), params)
    expected = ([0, 1, 2, 3, 4, 5], [6, 7])
    assert [(p.train.tolist(), p.validation.tolist()) for p in chosen] == [expected] * n_networks


@pytest.mark.parametrize("n_members", [1, "auto", 5])
def test_a_fit_that_goes_on_has_as_many_parts_as_the_earlier_one(n_members):
    samples = Samples(sequences_of(apart(60)), np.zeros((60, 1)), *np.ones((2, 60)))
    params = LSTMAttentionRegressor(n_members=n_members).get_params()
    assert len(parts_of(samples, None, params, n_earlier=3)) == 3


@pytest.mark.parametrize(("length", "first"), [(5, [48, 36, 24, 12, 0]), (25, [48, 48, 48, 48, 0])])
def test_networks_whose_block_leaves_less_than_half_stop_by_the_last_one(length, first):
    """Of 60 windows, 12 validate, and up to length - 1 on either side share rows with them.

    Of length 25 the last block and the first leave 24 windows, the others 12 or none.
    """
    table = np.random.default_rng(0).normal(size=(59 + length, 1))
    chosen = parts(windows_on(table, spaced(60, length)), early_stopping=True)
    assert [held_out[0] for _, held_out in chosen] == first
    assert all(2 * len(train) > len(chosen[0][0]) for train, _ in chosen)


# Blocks of classes


def parts_of_classes(X, codes, **params):
    """Return the samples that train and stop each network of a classifier."""
    X, y = sequences_of(X), np.eye(max(codes) + 1)[codes]
    samples = Samples(X, y, *np.ones((2, len(X))))
    params = LSTMAttentionClassifier(**params).get_params() | {"classes": np.unique(codes)}
    return parts_of(samples, None, params)


@pytest.mark.parametrize("sizes", [(50, 20, 10), (2, 60), (30, 1, 30)])
def test_of_each_class_the_last_share_is_held_out_and_a_single_sample_trains(sizes):
    codes = np.repeat(np.arange(len(sizes)), sizes)
    for train, held_out in parts_of_classes(apart(sum(sizes)), codes):
        assert sorted([*train, *held_out]) == list(range(sum(sizes)))
        held = np.bincount(codes[held_out], minlength=len(sizes))
        expected = [min(math.ceil(0.2 * size), size - 1) for size in sizes]
        assert_array_equal(held, expected)


def test_windows_of_a_table_are_held_out_in_one_block_whatever_their_classes():
    table = np.random.default_rng(0).normal(size=(64, 1))
    codes = np.arange(60) % 2
    chosen = parts_of_classes(windows_on(table, spaced(60, 5)), codes, early_stopping=True)
    assert_array_equal(chosen[0].validation, np.arange(48, 60))
    assert_array_equal(chosen[0].train, np.arange(44))
