"""The feature that y continues, by its number or by its name."""

import numpy as np
import pandas as pd
import pytest

from skattn import TimeWindows, sliding_windows
from skattn._training.target_feature import check_target_feature

NAMES = ["load", "wind", "sun"]
RIGHT = [
    (None, 1, None),
    (1, 1, [1]),
    (-1, 1, [2]),
    (np.int8(2), 2, [2, 2]),
    ("wind", 1, [1]),
    (["sun", "load"], 2, [2, 0]),
    (["sun", 0], 4, [2, 0, 2, 0]),
    (np.array([1, -3]), 2, [1, 0]),
    (("wind",), 3, [1, 1, 1]),
]


@pytest.mark.parametrize(("target_feature", "n_outputs", "numbers"), RIGHT, ids=map(repr, RIGHT))
def test_numbers_and_names_are_numbers(target_feature, n_outputs, numbers):
    found = check_target_feature(target_feature, NAMES, 3, n_outputs)
    assert (None if found is None else found.tolist()) == numbers


WRONG = [
    (
        "rain",
        NAMES,
        1,
        r"'rain' is the name of 0 features of a step: their names are \['load', 'wi",
    ),
    ("a", ["a", "b", "a"], 1, "'a' is the name of 2 features"),
    (
        "load",
        None,
        1,
        r"is a name, and the features of X have none. A list of DataFrames .*Windows",
    ),
    (3, NAMES, 1, "3 is not among the features of a step. .* numbered from 0 to 2"),
    ([0, -4], NAMES, 2, "-4 is not among the features of a step"),
    ([0, 1], NAMES, 3, "n_outputs=3 its length must divide that"),
    ([], NAMES, 3, r"Got target_feature=\[\]"),
    (1.0, NAMES, 1, "the number or the name of a feature"),
    (True, NAMES, 1, "the number or the name of a feature"),
    ([[0]], NAMES, 1, "the number or the name of a feature"),
    ([None], NAMES, 1, "the number or the name of a feature"),
]


@pytest.mark.parametrize(("target_feature", "names", "n_outputs", "message"), WRONG)
def test_what_is_no_feature_is_an_error(target_feature, names, n_outputs, message):
    with pytest.raises(ValueError, match=message):
        check_target_feature(target_feature, names, 3, n_outputs)


@pytest.fixture
def table():
    walks = np.cumsum(np.random.default_rng(0).normal(size=(60, 2)), axis=0)
    return pd.DataFrame(walks, columns=["load", "wind"])


def test_windows_and_lists_of_frames_carry_names(small, table):
    windows, y = sliding_windows(table, table["wind"], length=4)
    frames = [table[begin : begin + 4] for begin in range(56)]
    unequal = [*frames[:-1], frames[-1][1:]]
    for X in (windows, windows[3:], TimeWindows(4).fit_transform(table)[3:-1], frames, unequal):
        model = small(target_feature="wind", epochs=1).fit(X, y[: len(X)])
        assert model.target_features_.tolist() == [1]
        assert model.feature_names_in_.tolist() == ["load", "wind"]


@pytest.mark.parametrize(
    "form", [np.array, lambda X: pd.DataFrame(X.reshape(56, 8)).add_prefix("x")]
)
def test_elsewhere_a_name_is_an_error(small, table, form):
    windows, y = sliding_windows(table, table["wind"], length=4)
    with pytest.raises(ValueError, match="the features of X have none"):
        small(target_feature="wind", n_timesteps=4).fit(form(windows), y)
