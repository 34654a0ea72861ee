"""Draws and weights of the tests: partners, stretches of samples, weights of the samples."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import VotingRegressor
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from panels import hourly
from skattn import TimeWindows, attention_faithfulness, sequence_importance
from skattn._insight.faithfulness import _draws
from skattn._insight.last_step import read
from skattn._insight.replacement import partners

MAE, MSE = "neg_mean_absolute_error", "neg_mean_squared_error"


class StepTwo(RegressorMixin, BaseEstimator):
    """Predicts feature 0 of step 2, and looks at it."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return self.factor * np.asarray(X)[:, 2, 0]

    def attention_weights(self, X, level="steps"):
        return np.broadcast_to(np.float32(np.arange(np.shape(X)[1]) == 2), np.shape(X)[:2])


@pytest.fixture
def rng():
    return np.random.RandomState(0)


# Partners


@pytest.mark.parametrize("n_samples", [2, 3, 10])
def test_each_sample_is_the_partner_of_one_and_none_of_itself(n_samples, rng):
    for _ in range(20):
        drawn = partners(np.ones((n_samples, 3), dtype=bool), rng)
        assert_array_equal(np.sort(drawn, axis=0), np.arange(n_samples)[:, np.newaxis] + [0] * 3)
        assert (drawn != np.arange(n_samples)[:, np.newaxis]).all()


def test_every_other_sample_is_a_partner_at_times(rng):
    present = np.ones((4, 1), dtype=bool)
    assert {partners(present, rng)[0, 0] for _ in range(200)} == {1, 2, 3}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_partners_are_a_permutation_of_the_samples_in_which_a_step_is_present(share, rng):
    for _ in range(20):
        present = rng.uniform(size=(8, 5)) < share
        drawn = partners(present, rng)
        assert drawn.shape == present.shape
        for step in range(5):
            among = np.flatnonzero(present[:, step])
            assert sorted(drawn[among, step]) == among.tolist()
            assert (drawn[among, step] != among).all() or len(among) == 1
            absent = np.flatnonzero(~present[:, step])
            assert_array_equal(drawn[absent, step], absent)


def test_steps_that_are_present_in_the_same_samples_have_the_same_partners(rng):
    present = np.array([[1, 1, 0, 1], [1, 1, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]], dtype=bool)
    for _ in range(20):
        drawn = partners(present, rng)
        assert_array_equal(drawn[:, 1], drawn[:, 0])
        assert_array_equal(drawn[:, 3], drawn[:, 0])


# Stretches of samples


@pytest.mark.parametrize(("n_samples", "length"), [(20, 1), (20, 3), (21, 10), (7, 3)])
def test_samples_are_drawn_in_stretches_of_neighbours(n_samples, length, rng):
    draws = _draws(n_samples, 50, length, rng)
    assert draws.shape == (50, n_samples)
    assert draws.min() >= 0
    assert draws.max() < n_samples
    begins = draws[:, ::length]
    for place in range(n_samples):
        assert_array_equal(draws[:, place], begins[:, place // length] + place % length)
    assert set(begins.ravel()) == set(range(n_samples - length + 1))  # all are drawn at times


def test_stretches_are_at_most_half_of_the_samples(rng):
    draws = _draws(10, 20, 99, rng)
    assert_array_equal(draws[:, 1:5] - draws[:, :4], 1)
    assert (draws[:, 5] != draws[:, 4] + 1).any()


def test_stretches_are_as_long_as_the_windows_of_a_table_and_one_sample_of_others(sequences):
    table, X = hourly(30), sequences[0]
    model = make_pipeline(TimeWindows(4), StepTwo()).fit(table, table["a"])
    assert read(model, table).length_of_dependence == 4
    assert read(StepTwo().fit(X), X).length_of_dependence == 1


# Weights of the samples


def importance(X, y, weights=None, **options):
    options = {"by": "timestep", "random_state": 0, **options}
    return sequence_importance(StepTwo().fit(X), X, y, weights, **options)


def faithfulness(X, y, weights=None, **options):
    options = {"n_bootstraps": 20, "random_state": 0, **options}
    return attention_faithfulness(StepTwo().fit(X), X, y, weights, **options)


@pytest.mark.parametrize("tested", [importance, faithfulness])
@pytest.mark.parametrize("scoring", [MSE, "r2"])
def test_of_weight_zero_a_sample_is_left_out_and_of_weight_two_it_counts_twice(
    tested, scoring, sequences, rng
):
    X, y = sequences
    y, counts = y + rng.normal(size=40), rng.randint(3, size=40)
    rows = np.repeat(np.arange(40), counts)
    truth, predicted = y[rows], X[rows, 2, 0]
    expected = r2_score(truth, predicted)
    expected = expected if scoring == "r2" else -np.mean((truth - predicted) ** 2)
    assert tested(X, y, counts, scoring=scoring).baseline == pytest.approx(expected)
    assert tested(X, y, counts.tolist(), scoring=scoring).baseline == pytest.approx(expected)
    assert tested(X, y, scoring=scoring).baseline != pytest.approx(expected)


def test_lost_scores_are_weighted_as_the_baseline_is(sequences, rng):
    X, y = sequences
    weights = rng.uniform(size=40)
    result = faithfulness(X, y, weights, scoring=MAE)
    expected = np.average(result.effects[:, 2], weights=weights)
    assert result.curves["most"][-1] == pytest.approx(expected)
    alone = 7 * (np.arange(40) == 3)  # the loss of sample 3 is the distance to its partners
    lost = importance(X, y, alone, scoring=MAE, n_repeats=3).importances[2]
    distances = np.abs(X[3, 2, 0] - X[:, 2, 0])
    assert all(np.isclose(distances, loss).any() for loss in lost)
    assert (lost > 0).all()


def test_equal_weights_change_nothing(sequences):
    X, y = sequences
    for tested, name in ((importance, "importances_mean"), (faithfulness, "advantage_interval")):
        assert_allclose(tested(X, y, np.full(40, 3.0))[name], tested(X, y)[name])


@pytest.mark.parametrize("scoring", [None, MAE, "r2"])
@pytest.mark.parametrize("own", [None, MSE])
def test_a_search_is_scored_with_weights_by_the_scoring_that_is_given_or_its_own(
    own, scoring, sequences, rng
):
    X, y = sequences
    y, weights = y + rng.normal(size=40), rng.randint(3, size=40)
    search = GridSearchCV(StepTwo(), {"factor": [0.5]}, cv=KFold(2), scoring=own).fit(X, y)
    options = {"by": "timestep", "n_repeats": 1, "scoring": scoring}
    result = sequence_importance(search, X, y, weights, **options)
    named = scoring or own or "r2"
    expected = get_scorer(named)(search, X, y, sample_weight=weights)
    assert result.baseline == pytest.approx(expected)
    assert result.scoring == named
    plain = sequence_importance(search, X, y, **options)
    assert plain.baseline == pytest.approx(get_scorer(named)(search, X, y))
    assert plain.baseline != pytest.approx(expected)


# What is around the regressor


def test_a_search_is_tested_by_its_own_scoring_where_none_is_given(sequences):
    X, y = sequences
    search = GridSearchCV(StepTwo(), {"factor": [0.5]}, cv=KFold(2), scoring=MAE).fit(X, y)
    options = {"n_bootstraps": 20, "random_state": 0}
    result = attention_faithfulness(search, X, y, scoring=None, **options)
    assert result.scoring == MAE
    assert result.baseline == pytest.approx(search.score(X, y))
    assert result.baseline == pytest.approx(-np.mean(np.abs(y / 2)))
    named = attention_faithfulness(search, X, y, scoring=MAE, **options)
    assert_array_equal(result.curves["most"], named.curves["most"])
    assert "more mean absolute error than" in result.summary


def test_an_absent_step_of_a_nullable_frame_is_that_of_a_frame_of_floats(small, sequences):
    X, y = sequences
    frame = pd.DataFrame(X.reshape(40, 12), columns=[f"c{i}" for i in range(12)])
    nullable = frame.astype("Float64")
    frame.iloc[1, 2:4], nullable.iloc[1, 2:4] = np.nan, pd.NA
    model = small(n_timesteps=6).fit(frame, y)
    expected = sequence_importance(model, frame, y, n_repeats=1, random_state=0)
    result = sequence_importance(model, nullable, y, n_repeats=1, random_state=0)
    assert result.baseline == expected.baseline
    assert_array_equal(result.importances, expected.importances)


def test_columns_are_cut_into_steps_as_the_regressor_inside_another_cuts_them(small, sequences):
    X, y = sequences
    columns = X.reshape(40, 12)
    model = VotingRegressor([("network", small(n_timesteps=6))]).fit(columns, y)
    result = sequence_importance(model, columns, y, n_repeats=1, random_state=0)
    assert result.importances_mean.shape == (6, 2)
    assert result.baseline == pytest.approx(model.score(columns, y))
