"""Sequences of unequal length: a column is a lag, every present step counts, and none twice."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from panels import hourly
from skattn import (
    AttentionDisplay,
    SequenceScaler,
    TimeWindows,
    attention_faithfulness,
    attention_weights,
    sequence_importance,
)
from skattn._inputs.checks import as_sequences
from skattn._insight.jobs import run_side_by_side
from skattn._insight.last_step import read
from skattn._insight.replacement import ORDERS, Steps, predict_deletions

NAN = np.nan
QUICK = {"n_bootstraps": 40, "random_state": 0}


class LastPresent(RegressorMixin, BaseEstimator):
    """Predicts the last present value of feature 0, wherever it stands."""

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return np.array([x[~np.isnan(x)][-1] for x in as_sequences(X)[:, :, 0]])

    def attention_weights(self, X, level="steps"):
        """Look at that value."""
        present = ~np.isnan(as_sequences(X)[:, :, 0])
        last = present.shape[1] - 1 - present[:, ::-1].argmax(axis=1)
        return (np.arange(present.shape[1]) == last[:, np.newaxis]).astype("float32")


class EqualWeights(LastPresent):
    """Predicts the mean of the present values, and looks at all of them equally."""

    def predict(self, X):
        return np.nanmean(as_sequences(X)[:, :, 0], axis=1)

    def attention_weights(self, X, level="steps"):
        present = ~np.isnan(as_sequences(X)[:, :, 0])
        return (present / present.sum(axis=1, keepdims=True)).astype("float32")


class Own(EqualWeights):
    """Predicts the very sequences it is given."""

    def predict(self, X):
        return as_sequences(X)


@pytest.fixture
def unequal():
    """60 sequences of 1 to 5 steps of 2 features."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(1 + row % 5, 2)) for row in range(60)]


def padded(sequences, side):
    """Return an array in which absent steps are on the left, or on the right."""
    longest = max(map(len, sequences))
    X = np.full((len(sequences), longest, sequences[0].shape[1]), NAN)
    for row, sequence in zip(X, sequences, strict=True):
        row[slice(longest - len(sequence), None) if side == "left" else slice(len(sequence))] = (
            sequence
        )
    return X


def last_values(sequences):
    return np.array([sequence[-1, 0] for sequence in sequences])


# A column is a lag


def test_what_the_last_value_tells_is_at_lag_zero_of_all_lengths(unequal):
    y = last_values(unequal)
    model = LastPresent().fit(unequal, y)
    result = sequence_importance(model, unequal, y, by="timestep", random_state=0)
    assert result.baseline == 1
    assert result.lags.tolist() == [4, 3, 2, 1, 0]
    assert_array_equal(result.importances_mean != 0, [False] * 4 + [True])
    for side in ("left", "right"):
        X = padded(unequal, side)
        other = sequence_importance(model, X, y, by="timestep", random_state=0)
        assert_array_equal(other.importances, result.importances)


def test_of_a_network_the_importance_of_a_list_is_that_of_its_array_padded_on_the_left(
    small, unequal
):
    y = last_values(unequal)
    model = make_pipeline(SequenceScaler(), small()).fit(unequal, y)
    options = {"n_repeats": 1, "random_state": 0}
    result = sequence_importance(model, unequal, y, **options)
    other = sequence_importance(model, padded(unequal, "left"), y, **options)
    assert_allclose(other.importances, result.importances, atol=1e-5)


def test_a_frame_has_last_steps_at_lag_zero_and_an_array_the_callers_layout(unequal):
    model = LastPresent().fit(unequal)
    frame = attention_weights(model, unequal, as_frame=True)
    assert (frame[0] == 1).all()
    weights = attention_weights(model, unequal)
    assert_array_equal(weights.argmax(axis=1), [len(sequence) - 1 for sequence in unequal])


def test_a_picture_of_an_estimator_has_last_steps_at_lag_zero(unequal):
    display = AttentionDisplay.from_estimator(
        LastPresent().fit(unequal), unequal, kind="sample", sample=1
    )
    assert_array_equal(display.line_.get_ydata(), [NAN, NAN, NAN, *unequal[1][:, 0]])
    assert [bar.get_height() for bar in display.bars_] == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("form", ["list", "array padded on the right", "array padded on the left"])
def test_a_picture_of_the_frame_of_weights_has_bars_and_series_at_the_same_lags(unequal, form):
    X = unequal if form == "list" else padded(unequal, form.split()[-1])
    model = EqualWeights().fit(X)
    frame = attention_weights(model, X, as_frame=True)
    for sample, sequence in enumerate(unequal[:5]):
        there = AttentionDisplay.from_estimator(model, X, kind="sample", sample=sample)
        here = AttentionDisplay.from_weights(frame, X=X, kind="sample", sample=sample)
        for display in (there, here):
            lags = {bar.get_x() + bar.get_width() / 2: bar.get_height() for bar in display.bars_}
            assert sorted(lag for lag, height in lags.items() if height > 0) == pytest.approx(
                range(len(sequence))
            )
            drawn = dict(zip(*display.line_.get_data(), strict=True))
            assert [drawn[lag] for lag in range(len(sequence))] == sequence[::-1, 0].tolist()


def test_faithfulness_has_aligned_weights_and_effects(unequal):
    y = last_values(unequal)
    result = attention_faithfulness(LastPresent().fit(unequal, y), unequal, y, **QUICK)
    assert_array_equal(result.weights, [[0, 0, 0, 0, 1]] * 60)
    assert_array_equal(result.effects.any(axis=0), [False] * 4 + [True])
    assert result.baseline == 1  # R² of exact predictions
    assert result.faithful
    assert result.top_agreement == 1


def test_windows_whose_own_row_is_absent_are_not_shifted(small):
    table = hourly(12)
    table.iloc[[5, -1]] = NAN
    model = make_pipeline(TimeWindows(3), small()).fit(table, np.arange(12.0))
    sequences = read(model, table).sequences()
    assert_array_equal(sequences[-1, :, 0], [9, 10, NAN])
    assert_array_equal(sequences[5, :, 0], [3, 4, NAN])
    frame = attention_weights(model, table, as_frame=True)
    assert frame.columns[-1].value == 0
    assert_array_equal(frame.iloc[[5, -1], 2], 0)
    assert (frame.iloc[[5, -1], :2] > 0).all(axis=None)
    assert_array_equal(frame, attention_weights(model, table))


@pytest.mark.parametrize("place", ["bare", "in a pipeline"])
def test_columns_of_a_table_of_which_the_last_is_missing_are_not_shifted(place):
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = X[:, 0] + 2 * X[:, 2]
    X[::3, 2] = NAN
    model = HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=5)
    model = make_pipeline(StandardScaler(), model) if place == "in a pipeline" else model
    model.fit(X, y)
    result = sequence_importance(model, X, y, random_state=0)
    assert result.baseline == model.score(X, y) > 0.5
    by_column = permutation_importance(model, X, y, random_state=0).importances_mean
    assert result.importances_mean[0, 0] == pytest.approx(by_column[0], rel=0.5)
    assert result.importances_mean[1, 0] < result.importances_mean[0, 0]
    assert_array_equal(
        read(model, X).sequences()[:, :, 0],
        model[:-1].transform(X) if place == "in a pipeline" else X,
    )


# Blocks of steps


@pytest.mark.parametrize("n_timesteps", [7, 10, 11])
@pytest.mark.parametrize("block", [2, 3, 4, 6])
def test_equal_weights_are_equal_in_blocks_that_do_not_divide_the_steps(n_timesteps, block):
    X = np.random.default_rng(0).normal(size=(5, n_timesteps, 1))
    masses = Steps.of(read(EqualWeights().fit(X), X), block).masses
    assert_array_equal(masses, np.repeat(masses[:, :1], masses.shape[1], axis=1))


@pytest.mark.parametrize("block", [1, 2, 3])
def test_equal_weights_are_equal_in_all_present_blocks_of_unequal_sequences(block):
    unequal = [np.ones((length, 1)) for length in range(1, 12)]
    masses = Steps.of(read(EqualWeights().fit(unequal), unequal), block).masses
    for mass, sequence in zip(masses, unequal, strict=True):
        present = mass[~np.isnan(mass)]
        assert len(present) == -(-len(sequence) // block)
        assert len(set(present)) == 1


@pytest.mark.parametrize("block", [3, 4])
def test_equal_weights_neither_tell_nor_mislead_in_blocks_of_unequal_length(block):
    X = np.random.default_rng(0).normal(size=(200, 10, 1))
    model = EqualWeights().fit(X)
    result = attention_faithfulness(model, X, model.predict(X), block=block, random_state=0)
    low, high = result.advantage_interval
    assert low < 0 < high
    assert not result.faithful
    assert result.summary.startswith("Attention does not show what the model depends on.")


def test_equal_weights_neither_tell_nor_mislead_in_sequences_of_unequal_length():
    rng = np.random.default_rng(0)
    unequal = [rng.normal(size=(2 + row % 9, 1)) for row in range(200)]
    model = EqualWeights().fit(unequal)
    y = model.predict(unequal)
    result = attention_faithfulness(model, unequal, y, block=4, random_state=0)
    assert result.advantage_interval[0] < 0 < result.advantage_interval[1]


# All is replaced


def test_at_the_end_of_the_curve_every_present_step_is_that_of_another_sample():
    """The values of a sample are its number."""
    unequal = [np.full((1 + row % 5, 2), row + 1.0) for row in range(10)]
    steps, rng = Steps.of(read(Own().fit(unequal), unequal), 2), np.random.RandomState(0)
    donors = [steps.draw_donors(rng) for _ in range(4)]
    jobs = partial(run_side_by_side, n_jobs=None, verbose=0)
    predictions = predict_deletions(steps, np.array([0, 1.0]), donors, rng, jobs)
    own = padded(unequal, "left")
    for order in ORDERS:
        for moved in predictions[order][0]:
            assert_array_equal(np.isnan(moved), np.isnan(own))
            assert (moved[~np.isnan(own)] != own[~np.isnan(own)]).all()
            assert_array_equal(np.sort(moved, axis=0), np.sort(own, axis=0))
