"""Displays at the edges: odd lags, labels and shapes, a second drawing, errors."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.linear_model import Ridge
from sklearn.utils import Bunch

from skattn import AttentionDisplay, FaithfulnessDisplay, ImportanceDisplay, LossCurveDisplay
from skattn._displays.axes import edges

WEIGHTS = np.array([[0.5, 0.3, 0.2], [0.0, 0.4, 0.6]])


def draw(weights=WEIGHTS, kind="heatmap", **options):
    return AttentionDisplay.from_weights(weights, kind=kind, **options)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2, 1, 0], [2.5, 1.5, 0.5, -0.5]),
        ([0, 1, 2], [-0.5, 0.5, 1.5, 2.5]),
        ([4, 2, 0], [5, 3, 1, -1]),
        ([7], [7.5, 6.5]),
    ],
)
def test_edges_lie_between_values_in_either_direction(values, expected):
    assert edges(np.array(values)).tolist() == expected


def test_columns_that_count_up_are_steps_and_not_lags():
    display = draw(pd.DataFrame(WEIGHTS))
    assert display.lags.tolist() == [2, 1, 0]


@pytest.mark.parametrize("by", [("feature",), ("timestep", "feature")])
def test_drawing_twice_into_the_same_axes_keeps_the_first_row_on_top(by):
    result = importance(by)
    ax = Figure().subplots()
    for _ in range(2):
        ImportanceDisplay(result).plot(ax=ax)
    assert ax.get_ylim() == (1.5, -0.5)


def test_a_second_heatmap_keeps_the_first_sample_on_top():
    ax = Figure().subplots()
    for _ in range(2):
        draw(ax=ax)
    assert ax.get_ylim() == (1.5, -0.5)


def importance(by, names=("a", "b")):
    shape = tuple({"timestep": 3, "feature": 2}[axis] for axis in by)
    return Bunch(
        importances_mean=np.arange(1.0, 1 + np.prod(shape)).reshape(shape),
        importances_std=np.zeros(shape),
        blocks=[(0, 1), (1, 2), (2, 3)],
        lags=pd.Index([2, 1, 0]),
        feature_names=list(names),
        by=by,
        scoring=None,
    )


def test_features_of_equal_name_have_a_bar_each():
    display = ImportanceDisplay(importance(("feature",), names=("a", "a"))).plot()
    assert [(bar.get_y() + bar.get_height() / 2, bar.get_width()) for bar in display.bars_] == [
        (0, 1),
        (1, 2),
    ]


@pytest.mark.parametrize("names", [pd.Index(["wind", "sun"]), np.array(["wind", "sun"])])
def test_names_of_features_may_be_an_index_or_an_array(names):
    X = np.arange(12.0).reshape(2, 3, 2)
    display = draw(X=X, kind="sample", sample=1, feature="sun", feature_names=names)
    assert display.line_.get_ydata().tolist() == [7, 9, 11]
    assert display.ax_.get_ylabel() == "sun"


def test_rows_that_do_not_count_from_zero_keep_their_numbers():
    display = draw(pd.DataFrame(WEIGHTS, index=pd.RangeIndex(500, 502)))
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["500", "501"]


def test_labels_leave_out_what_is_zero_and_join_levels():
    index = pd.MultiIndex.from_tuples(
        [("x", pd.Timestamp("2026-01-01")), ("x", pd.Timestamp("2026-01-01 05:00"))]
    )
    display = draw(pd.DataFrame(WEIGHTS, index=index))
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["x, 2026-01-01", "x, 2026-01-01 05:00"]


def test_a_profile_leaves_absent_steps_out():
    X = np.ones((2, 3, 1))
    X[1, 0] = np.nan  # its weight is 0 because it is absent, not because it was passed over
    display = draw(X=X, kind="profile")
    np.testing.assert_allclose(display.line_.get_ydata(), [0.5, 0.35, 0.4])


def test_a_lag_that_is_absent_everywhere_has_no_profile():
    X = np.ones((2, 3, 1))
    X[:, 0] = np.nan
    assert np.isnan(draw(X=X, kind="profile").line_.get_ydata()).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lags": [1, 0]}, "weights have 3 steps .* but there are 2 lags"),
        ({"X": np.ones((2, 4, 1))}, r"X has shape \(2, 4, 1\), expected .* n_timesteps=3"),
        ({"kind": "sample"}, "needs the sequences"),
        ({"sample": 2}, "There is no sample 2. There are 2 samples."),
        ({"kind": "sample", "X": np.ones((2, 3, 1)), "feature": "sun"}, "no feature 'sun'"),
        ({"kind": "sample", "X": np.ones((2, 3, 1)), "feature": 1}, "There is no feature 1"),
    ],
)
def test_errors_come_before_a_figure_is_made(options, message):
    with pytest.raises(ValueError, match=message):
        draw(**options)
    assert plt.get_fignums() == []


def test_epochs_and_steps_have_whole_numbers():
    display = LossCurveDisplay([0.9, 0.5]).plot()
    assert all(float(tick).is_integer() for tick in display.ax_.get_xticks())


def test_one_epoch_is_seen():
    assert LossCurveDisplay([0.5]).plot().line_.get_marker() == "o"


def test_a_model_without_epochs_has_no_loss_curve():
    with pytest.raises(AttributeError, match="Ridge has no loss curve"):
        LossCurveDisplay.from_estimator(Ridge().fit(WEIGHTS, [1, 2]))


def test_a_title_of_the_callers_figure_stays():
    figure = Figure()
    figure.suptitle("mine")
    result = Bunch(
        weights=WEIGHTS,
        index=pd.RangeIndex(len(WEIGHTS)),
        lags=pd.Index([2, 1, 0]),
        curves={order: [0.0, 1.0] for order in ("most", "random", "least")},
        fractions=np.array([0, 1]),
        scoring=None,
        summary="What was found.",
    )
    display = FaithfulnessDisplay(result).plot(ax=figure.subplots(1, 2))
    assert figure.get_suptitle() == "mine"
    assert display.ax_.get_title() == "What was found."


@pytest.mark.parametrize("display", [AttentionDisplay, ImportanceDisplay, FaithfulnessDisplay])
def test_an_unknown_option_is_an_error_that_says_whose_options_there_are(display):
    given = (None, None) if display is AttentionDisplay else (None, None, None)
    text = rf"^{display.__name__}\.from_estimator has no option 'n_repeat'\. Further options are"
    with pytest.raises(TypeError, match=text):  # before the estimator, None, is looked at
        display.from_estimator(*given, n_repeat=3)


def test_keywords_change_the_style_and_keep_the_rest():
    curve = LossCurveDisplay([0.9, 0.5], [0.8, 0.4]).plot(line_kw={"linewidth": 4})
    assert curve.line_.get_linewidth() == curve.validation_line_.get_linewidth() == 4
    assert curve.line_.get_linestyle() != curve.validation_line_.get_linestyle()
    assert draw(heatmap_kw={"vmax": 2}).image_.get_clim() == (0, 2)
    profile = draw(kind="profile", line_kw={"color": "red"}, band_kw={"alpha": 1})
    assert (profile.line_.get_color(), profile.band_.get_alpha()) == ("red", 1)
    bars = draw(kind="sample", X=np.ones((2, 3, 1)), bar_kw={"width": 0.1}).bars_
    np.testing.assert_allclose([bar.get_width() for bar in bars], 0.1)
    by_feature = ImportanceDisplay(importance(("feature",))).plot(bar_kw={"color": "red"})
    assert {bar.get_facecolor() for bar in by_feature.bars_} == {(1, 0, 0, 1)}
