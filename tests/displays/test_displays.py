"""Pictures of training, importance, faithfulness and comparisons; and of none of them."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from skattn import (
    AttentionDisplay,
    ComparisonDisplay,
    FaithfulnessDisplay,
    ImportanceDisplay,
    LossCurveDisplay,
    SequenceScaler,
    attention_faithfulness,
    sequence_importance,
)

WEIGHTS = np.array([[0.1, 0.2, 0.4, 0.2, 0.1], [0.5, 0.2, 0.1, 0.1, 0.1]])
LAGS = pd.Index([4, 3, 2, 1, 0], name="lag")
BLOCKS = [(0, 1), (1, 3), (3, 5)]


def importance(by, shape, **changes):
    means = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    result = {"importances_mean": means, "importances_std": means / 10, "blocks": BLOCKS}
    result |= {"lags": LAGS, "feature_names": ["wind", "sun"], "by": by, "scoring": None}
    return Bunch(**result | changes)


def faithfulness(**changes):
    curves = {"most": [0.0, 0.8, 1.0], "random": [0.0, 0.5, 1.0], "least": [0.0, 0.1, 1.0]}
    result = {"fractions": np.array([0, 0.4, 1]), "weights": WEIGHTS, "lags": LAGS}
    result["index"] = pd.Index(["calm", "storm", "rain", "sun"][: len(WEIGHTS)])
    result |= {"curves": {order: np.array(curve) for order, curve in curves.items()}}
    result |= {"summary": "The model depends on what it attends to.", "scoring": "r2"}
    return Bunch(**result | changes)


def comparison(**changes):
    rows = pd.DataFrame(
        {
            "attention": ["additive", "additive", "dot"],
            "against": ["none", "mean", "none"],
            "question": ["primary", "control", "others"],
            "verdict": ["helped", "not shown", "hurt"],
            "removed": [0.3, 0.1, -0.2],
            "removed_low": [0.2, -0.1, -0.3],
            "removed_high": [0.35, 0.3, -0.1],
            "difference": [3.0, 1.0, -2.0],
            "difference_low": [2.0, -1.0, -3.0],
            "difference_high": [4.0, 3.0, -1.0],
        }
    )
    result = {"comparisons": rows, "summary": "Attention helped.", "scoring": "r2"}
    return Bunch(**{**result, "confidence": 0.9, **changes})


DISPLAYS = {
    "attention": lambda: AttentionDisplay(WEIGHTS, lags=LAGS, index=pd.RangeIndex(2)),
    "training": lambda: LossCurveDisplay([0.9, 0.3], [0.8, 0.4], best_iter=2),
    "steps": lambda: ImportanceDisplay(importance(("timestep",), 3)),
    "features": lambda: ImportanceDisplay(importance(("feature",), 2)),
    "both": lambda: ImportanceDisplay(importance(("timestep", "feature"), (3, 2))),
    "faithfulness": lambda: FaithfulnessDisplay(faithfulness()),
    "comparison": lambda: ComparisonDisplay(comparison()),
}
every_display = pytest.mark.parametrize("make", DISPLAYS.values(), ids=DISPLAYS)


def texts(ticks):
    return [tick.get_text() for tick in ticks]


def legend_of(ax):
    return texts(ax.get_legend().get_texts())


def error_bars(container, axis):
    """Return both ends of every error bar on an axis (0 for x, 1 for y)."""
    segments = container.lines[2][0].get_segments()
    return [sorted(segment[:, axis].tolist()) for segment in segments]


@every_display
def test_given_axes_are_drawn_into_and_no_figure_is_made(make):
    ax = Figure().subplots()
    display = make().plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert ax.has_data()
    assert plt.get_fignums() == []


@every_display
def test_each_plot_makes_one_figure_and_neither_shows_nor_saves_it(make, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("shown or saved")

    for place, name in [(plt, "show"), (Figure, "show"), (Figure, "savefig")]:
        monkeypatch.setattr(place, name, fail)
    display = make()
    assert (plt.get_fignums(), hasattr(display, "ax_")) == ([], False)
    assert display.plot() is display
    first = display.ax_
    assert plt.get_fignums() == [display.figure_.number]
    display.plot()
    assert plt.get_fignums() == [first.figure.number, display.figure_.number]
    assert len(first.get_children()) == len(display.ax_.get_children())


def test_training_draws_both_curves_and_marks_the_kept_epoch():
    display = LossCurveDisplay([0.9, 0.3, 0.2], [0.8, 0.4, 0.5], best_iter=2, loss="huber").plot()
    assert display.line_.get_xdata().tolist() == [1, 2, 3]
    assert display.line_.get_ydata().tolist() == [0.9, 0.3, 0.2]
    assert display.validation_line_.get_xydata().tolist() == [[1, 0.8], [2, 0.4], [3, 0.5]]
    assert list(display.best_line_.get_xdata()) == [2, 2]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("epoch", "huber")
    assert legend_of(display.ax_) == ["training", "validation", "kept: epoch 2"]


def test_training_leaves_out_what_is_not_known():
    display = LossCurveDisplay([0.9, 0.3]).plot()
    assert display.validation_line_ is None
    assert display.best_line_ is None
    assert legend_of(display.ax_) == ["training"]
    assert display.ax_.get_yscale() == "log"
    assert LossCurveDisplay([0.9, 0.0]).plot().ax_.get_yscale() == "linear"


def test_training_is_that_of_the_fitted_regressor(small, sequences):
    X, y = sequences
    model = small(loss="huber", early_stopping=True).fit(X, y)
    display = LossCurveDisplay.from_estimator(make_pipeline(SequenceScaler(), model).fit(X, y))
    assert display.line_.get_ydata().tolist() == model.loss_curve_
    assert display.validation_line_.get_ydata().tolist() == model.validation_loss_curve_
    assert display.best_line_.get_xdata()[0] == model.best_iter_
    assert display.ax_.get_ylabel() == "huber of standardized y"


def test_epochs_of_partial_fit_have_no_point_on_the_validation_curve(small, sequences):
    search = GridSearchCV(small(standardize=False, early_stopping=True), {"units": [4]}, cv=2)
    model = search.fit(*sequences).best_estimator_.partial_fit(*sequences)
    display = LossCurveDisplay.from_estimator(search)
    assert display.ax_.get_ylabel() == "squared error"
    assert display.line_.get_ydata().tolist() == model.loss_curve_
    validation = display.validation_line_.get_ydata()
    assert_array_equal(np.isnan(validation), [False, False, True])
    assert_array_equal(validation[:2], model.validation_loss_curve_[:2])
    assert display.best_line_.get_xdata()[0] == 3


def test_importance_of_steps_has_a_bar_over_the_lags_of_each_block():
    display = ImportanceDisplay(importance(("timestep",), 3)).plot()
    spans = [(bar.get_x() + bar.get_width(), bar.get_x()) for bar in display.bars_]
    assert spans == [(4.5, 3.5), (3.5, 1.5), (1.5, -0.5)]
    assert [bar.get_height() for bar in display.bars_] == [1, 2, 3]
    assert_allclose(error_bars(display.bars_.errorbar, 1), [[0.9, 1.1], [1.8, 2.2], [2.7, 3.3]])
    assert display.ax_.get_xlim() == (4.5, -0.5)
    assert display.ax_.get_xlabel() == "steps before the last"
    assert display.ax_.get_ylabel() == "decrease of R²"
    assert display.ax_.get_title() == "Permutation importance"


def test_importance_of_features_has_a_named_bar_for_each_the_first_on_top():
    display = ImportanceDisplay(importance(("feature",), 2, scoring="neg_max_error")).plot()
    assert [bar.get_width() for bar in display.bars_] == [1, 2]
    assert texts(display.ax_.get_yticklabels()) == ["wind", "sun"]
    assert_allclose(error_bars(display.bars_.errorbar, 0), [[0.9, 1.1], [1.8, 2.2]])
    assert display.ax_.yaxis_inverted()
    assert display.ax_.get_xlabel() == "increase of max error"


def test_importance_of_both_is_a_heatmap_of_features_over_blocks():
    hours = {"lags": pd.to_timedelta(LAGS, unit="h")}
    display = ImportanceDisplay(importance(("timestep", "feature"), (3, 2), **hours)).plot()
    assert_array_equal(display.image_.get_array(), [[1, 3, 5], [2, 4, 6]])
    assert display.image_.get_coordinates()[0, :, 0].tolist() == [4.5, 3.5, 1.5, -0.5]
    assert display.image_.get_coordinates()[:, 0, 1].tolist() == [-0.5, 0.5, 1.5]
    assert display.image_.colorbar.ax.get_ylabel() == "decrease of R²"
    assert texts(display.ax_.get_yticklabels()) == ["wind", "sun"]
    assert display.ax_.yaxis_inverted()
    assert display.ax_.get_xlabel() == "hours before the last step"


@pytest.mark.parametrize("by", ["timestep", "feature", ["timestep", "feature"]])
def test_importance_is_drawn_as_it_is_computed(small, sequences, by):
    X, y = sequences
    model = make_pipeline(SequenceScaler(), small()).fit(X, y)
    options = {"by": by, "block": 4, "n_repeats": 2, "random_state": 0}
    display = ImportanceDisplay.from_estimator(model, X, y, **options)
    expected = sequence_importance(model, X, y, **options).importances_mean
    if len(by) == 2:
        assert_array_equal(display.image_.get_array(), expected.T)
    else:
        length = "get_height" if by == "timestep" else "get_width"
        assert [getattr(bar, length)() for bar in display.bars_] == expected.tolist()


def test_faithfulness_on_two_axes_draws_a_curve_for_each_order_and_the_weights():
    curves, heatmap = plt.subplots(1, 2)[1]
    display = FaithfulnessDisplay(faithfulness()).plot(ax=(curves, heatmap))
    assert (display.ax_, display.attention_.ax_) == (curves, heatmap)
    for order, curve in display.result.curves.items():
        assert_array_equal(display.lines_[order].get_ydata(), curve)
        assert display.lines_[order].get_xdata().tolist() == [0, 40, 100]
    assert_array_equal(display.attention_.image_.get_array(), WEIGHTS)
    assert display.ax_.get_xlabel() == "replaced steps (%)"
    assert display.ax_.get_ylabel() == "decrease of R²"
    orders = ["most attended first", "random order", "least attended first"]
    assert legend_of(display.ax_) == orders
    assert len({line.get_linestyle() for line in display.lines_.values()}) == 3


def test_faithfulness_on_one_axes_draws_the_curves_under_the_first_sentence():
    ax = Figure().subplots()
    display = FaithfulnessDisplay(faithfulness(summary="It does, by 0.5. That is all.")).plot(ax=ax)
    assert display.attention_ is None
    assert ax.figure.axes == [ax]
    assert ax.get_title() == "It does, by 0.5."


@pytest.mark.parametrize("n_columns", [1, 2, 3])
def test_a_long_title_leaves_the_neighbours_alone(n_columns):
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = np.ravel(figure.subplots(1, n_columns))
    sentence = (
        "WITH 'ADDITIVE' The Root Mean Squared Error is 2.67, with the plain LSTM 5.99"
        + 3 * (" and as long a sentence as those of summaries are")
    )
    for ax in axes:
        FaithfulnessDisplay(faithfulness(summary=sentence)).plot(ax=ax)
    figure.canvas.draw()
    titles = [ax.title.get_window_extent() for ax in axes]
    assert axes[0].get_title().split() == sentence.split()
    assert titles[0].x0 > 0
    assert titles[-1].x1 < figure.bbox.x1
    assert all(left.x1 < right.x0 for left, right in pairwise(titles))


def test_faithfulness_is_drawn_as_it_is_computed(small, sequences):
    model = small().fit(*sequences)
    options = {"n_fractions": 2, "n_repeats": 1, "n_bootstraps": 2, "random_state": 0}
    display = FaithfulnessDisplay.from_estimator(model, *sequences, **options)
    result = attention_faithfulness(model, *sequences, **options)
    for order, curve in result.curves.items():
        assert_array_equal(display.lines_[order].get_ydata(), curve)
    assert display.figure_.get_suptitle().split() == result.summary.split()


def test_a_comparison_has_a_point_with_an_interval_for_each_question():
    display = ComparisonDisplay(comparison()).plot()
    assert list(display.points_) == [("additive", "none"), ("additive", "mean"), ("dot", "none")]
    drawn = [points.lines[0].get_xydata()[0].tolist() for points in display.points_.values()]
    assert_allclose(drawn, [[30, 0], [10, 1], [-20, 2]])
    intervals = [error_bars(points, 0)[0] for points in display.points_.values()]
    assert_allclose(intervals, [[20, 35], [-10, 30], [-30, -10]])
    assert list(display.zero_.get_xdata()) == [0, 0]
    assert display.ax_.get_ylim() == (2.5, -0.5)
    assert display.ax_.get_title() == "Attention helped."
    assert texts(display.ax_.get_yticklabels()) == [
        "additive\nprimary: helped",
        "additive against mean\ncontrol: not shown",
        "dot\nothers: hurt",
    ]
    by_marker = {point.lines[0].get_marker() for point in display.points_.values()}
    by_colour = {point.lines[0].get_color() for point in display.points_.values()}
    assert (len(by_marker), len(by_colour)) == (3, 3)


def test_an_interval_without_a_low_end_is_an_arrow_to_the_left_edge():
    result = comparison()
    result.comparisons.loc[1, "removed_low"] = -np.inf
    display = ComparisonDisplay(result).plot()
    (arrow,) = display.ax_.texts
    assert (arrow.xy, arrow.xyann) == ((0, 1), (10, 1))
    assert error_bars(display.points_["additive", "mean"], 0) == [[10, 30]]
    display.figure_.canvas.draw()


def test_the_right_of_a_comparison_is_better():
    label = ComparisonDisplay(comparison()).plot().ax_.get_xlabel()
    assert label.startswith("removed squared error (%)")
    assert "with 90% interval (right of the line: better)" in label


def test_where_no_share_is_known_a_comparison_is_drawn_in_units_of_the_score():
    result = comparison(scoring=len)
    result.comparisons["removed"] = np.nan
    display = ComparisonDisplay(result).plot(errorbar_kw={"capsize": 0})
    points = display.points_["additive", "none"]
    assert points.lines[0].get_xydata()[0, 0] == 3
    assert error_bars(points, 0) == [[2, 4]]
    assert display.ax_.get_xlabel().startswith("increase of len")


def test_displays_of_what_is_not_fitted_or_does_not_attend_say_so(small, sequences):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(small())
    for display in (ImportanceDisplay, FaithfulnessDisplay):
        with pytest.raises(NotFittedError):
            display.from_estimator(small(), *sequences)
    with pytest.raises(AttributeError, match="has no attention weights"):
        FaithfulnessDisplay.from_estimator(small(None).fit(*sequences), *sequences)
    assert plt.get_fignums() == []


MAKE = (
    "import sys, numpy, pandas, skattn\n"
    "display = skattn.AttentionDisplay(\n"
    "    numpy.ones((1, 1)), lags=pandas.RangeIndex(1), index=pandas.RangeIndex(1))\n"
    "skattn.LossCurveDisplay([1.0]), skattn.ImportanceDisplay({})\n"
    "skattn.FaithfulnessDisplay({}), skattn.ComparisonDisplay({})\n"
)


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_displays_are_made_without_matplotlib():
    done = run(f"{MAKE}print([name for name in sys.modules if name.startswith('matplotlib')])")
    assert done.stdout.strip() == "[]", done.stderr


def test_a_plot_without_matplotlib_tells_what_to_install():
    done = run(f"import sys\nsys.modules['matplotlib'] = None\n{MAKE}display.plot()")
    assert done.stderr.endswith("Displays need matplotlib: pip install skattn[plots].\n")
