"""Scores and numbers in words."""

import pytest
from sklearn.metrics import make_scorer, mean_squared_error

from skattn._wording import interval, is_error, number, score_name


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


def test_an_interval_is_written_with_its_confidence_as_a_percentage():
    assert interval((-0.5, 1.23456), 0.95) == "95 % interval -0.5 to 1.23"
    assert interval((0.0, 2.0), 0.995) == "99.5 % interval 0 to 2"
