"""Scores and numbers in words."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skattn._insight.scores import (
    gain_of,
    interval,
    is_error,
    loss_of,
    number,
    score_name,
    scoring_of,
)


def half_of_them(estimator, X, y):
    return 0.5


@pytest.mark.parametrize(
    ("scoring", "name", "error"),
    [
        (None, "R²", False),
        ("r2", "R²", False),
        ("neg_root_mean_squared_error", "root mean squared error", True),
        ("neg_mean_absolute_error", "mean absolute error", True),
        ("explained_variance", "explained variance", False),
        (half_of_them, "half of them", False),
        (make_scorer(mean_squared_error), "score", False),
    ],
)
def test_a_score_has_a_plain_name_and_is_an_error_where_less_is_better(scoring, name, error):
    assert score_name(scoring) == name
    assert is_error(scoring) is error


def test_a_number_has_three_significant_digits():
    numbers = [0, 1, -0.12345, 1234.5, 0.00012345]
    assert [number(n) for n in numbers] == ["0", "1", "-0.123", "1.23e+03", "0.000123"]


@pytest.mark.parametrize("zero", [-0.0, np.float64(-0.0), 0])
def test_zero_has_no_sign(zero):
    assert number(zero) == "0"
    assert interval((zero, 1), 0.95) == "95% interval 0 to 1"


def test_what_is_lost_or_gained_is_named_by_the_direction_of_the_score():
    assert loss_of("r2") == "decrease of R²"
    assert gain_of("r2") == "increase of R²"
    assert loss_of("neg_mean_absolute_error") == "increase of mean absolute error"
    assert gain_of("neg_mean_absolute_error") == "decrease of mean absolute error"


SEARCH = GridSearchCV(Ridge(), {}, scoring="neg_max_error")


@pytest.mark.parametrize(
    ("estimator", "scoring", "expected"),
    [
        (Ridge(), None, None),
        (SEARCH, None, "neg_max_error"),
        (make_pipeline(StandardScaler(), SEARCH), None, "neg_max_error"),
        (FrozenEstimator(SEARCH), None, "neg_max_error"),
        (TransformedTargetRegressor(SEARCH), None, None),  # its own score is R²
        (SEARCH, "r2", "r2"),
    ],
)
def test_a_search_is_scored_by_its_own_scoring_where_none_is_given(estimator, scoring, expected):
    assert scoring_of(estimator, scoring) == expected


def test_an_interval_is_written_with_its_confidence_as_a_percentage():
    assert interval((-0.5, 1.23456), 0.95) == "95% interval -0.5 to 1.23"
    assert interval((0.0, 2.0), 0.995) == "99.5% interval 0 to 2"


@pytest.mark.parametrize(
    ("search", "scoring"),
    [
        (GridSearchCV(Ridge(), {}, scoring=["r2", "max_error"], refit="max_error"), "max_error"),
        (GridSearchCV(Ridge(), {}, scoring={"a": "neg_max_error"}, refit="a"), "neg_max_error"),
        (
            GridSearchCV(make_pipeline(GridSearchCV(Ridge(), {}, scoring="max_error")), {}),
            "max_error",
        ),
        (GridSearchCV(Ridge(), {}), None),
    ],
)
def test_a_search_scores_by_what_chooses_its_model(search, scoring):
    assert scoring_of(search, None) == scoring
