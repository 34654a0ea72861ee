"""Pictures of attention weights: what is drawn, where, and under which label."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skattn import AttentionDisplay, SequenceScaler, TimeWindows, attention_weights

WEIGHTS = np.array([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.3, 0.4, 0.3], [0.0, 0.5, 0.5]])
SERIES = np.arange(24.0).reshape(4, 3, 2)
PAIRS = np.arange(18.0).reshape(2, 3, 3) / 18


def draw(weights=WEIGHTS, kind="heatmap", **options):
    return AttentionDisplay.from_weights(weights, kind=kind, **options)


def hourly(n_rows, period="1h"):
    index = pd.date_range("2024-03-01", periods=n_rows, freq=period)
    table = pd.DataFrame({"wind": np.arange(float(n_rows)), "sun": np.ones(n_rows)}, index)
    return table, np.sin(np.arange(float(n_rows)))


def column_edges(image):
    return image.get_coordinates()[0, :, 0].tolist()


def row_edges(image):
    return image.get_coordinates()[:, 0, 1].tolist()


def heights(bars):
    return [bar.get_height() for bar in bars]


def band_of(display):
    """Return the lowest and the highest point of the band at each lag, in order of the lags."""
    outline = pd.DataFrame(display.band_.get_paths()[0].vertices, columns=["lag", "weight"])
    return outline.groupby("lag")["weight"].agg(["min", "max"]).T.to_numpy()


def texts(ticks):
    return [tick.get_text() for tick in ticks]


def test_a_heatmap_shows_every_weight_in_the_cell_of_its_sample_and_lag():
    display = draw()
    assert_array_equal(display.image_.get_array(), WEIGHTS)
    assert column_edges(display.image_) == [2.5, 1.5, 0.5, -0.5]
    assert row_edges(display.image_) == [-0.5, 0.5, 1.5, 2.5, 3.5]


def test_the_last_step_is_on_the_right_and_the_first_sample_on_top():
    ax = draw().ax_
    assert ax.get_xlim() == (2.5, -0.5)
    assert ax.get_ylim() == (3.5, -0.5)
    assert ax.get_xlabel() == "steps before the last"
    assert ax.get_ylabel() == "sample"
    assert ax.get_title() == "Attention weights"


def test_colours_begin_at_a_weight_of_zero_and_the_bar_says_what_they_are():
    image = draw(WEIGHTS[:3]).image_
    assert image.get_clim() == (0, 0.6)
    assert image.colorbar.ax.get_ylabel() == "attention weight"


def test_samples_are_labelled_by_their_dates_first_and_last_among_them():
    index = pd.date_range("2024-03-01", periods=40, freq="D")
    weights = pd.DataFrame(np.full((40, 2), 0.5), index=index)
    ax = draw(weights).ax_
    ticks, labels = ax.get_yticks(), texts(ax.get_yticklabels())
    assert (ticks[0], ticks[-1]) == (0, 39)
    assert labels == [f"{index[at]:%Y-%m-%d}" for at in ticks]


def test_a_frame_of_weights_brings_its_index_and_its_lags():
    lags = pd.to_timedelta([4, 2, 0], unit="h").rename("lag")
    frame = pd.DataFrame(WEIGHTS, list("abcd"), lags)
    ax = draw(frame).ax_
    assert texts(ax.get_yticklabels()) == ["a", "b", "c", "d"]
    assert ax.get_xlim() == (5, -1)
    assert ax.get_xlabel() == "hours before the last step"


@pytest.mark.parametrize(
    ("lags", "drawn", "label"),
    [
        ([6, 3, 0], [7.5, 4.5, 1.5, -1.5], "steps before the last"),
        (pd.to_timedelta([48, 24, 0], unit="h"), [2.5, 1.5, 0.5, -0.5], "days"),
        (pd.to_timedelta([180, 90, 0], unit="min"), [225, 135, 45, -45], "minutes"),
        (pd.to_timedelta([20, 10, 0], unit="s"), [25, 15, 5, -5], "seconds"),
        (pd.to_timedelta([0.5, 0.25, 0], unit="s"), [0.625, 0.375, 0.125, -0.125], "seconds"),
    ],
)
def test_times_are_drawn_in_the_largest_unit_that_needs_no_fractions(lags, drawn, label):
    display = draw(lags=lags)
    assert_allclose(column_edges(display.image_), drawn)
    assert display.ax_.get_xlabel().startswith(label)


@pytest.mark.parametrize(
    ("sample", "drawn", "whose"),
    [(None, PAIRS.mean(axis=0), "mean of the samples"), (1, PAIRS[1], "sample 1")],
)
def test_self_attention_is_drawn_of_one_sample_or_as_their_mean(sample, drawn, whose):
    display = draw(PAIRS, sample=sample)
    assert_array_equal(display.image_.get_array(), drawn)
    assert column_edges(display.image_) == row_edges(display.image_) == [2.5, 1.5, 0.5, -0.5]
    assert display.ax_.get_title() == f"Self-attention weights, {whose}"
    assert display.ax_.get_ylabel() == "looking step: steps before the last"


def test_one_step_and_one_sample_are_one_cell_one_point_and_one_bar():
    one = draw([[1.0]], kind="sample", X=[[[7.0]]])
    assert (one.line_.get_ydata().tolist(), heights(one.bars_)) == ([7], [1])
    display = draw([[1.0]])
    assert_array_equal(display.image_.get_array(), [[1]])
    assert (column_edges(display.image_), row_edges(display.image_)) == ([0.5, -0.5], [-0.5, 0.5])


def test_a_profile_is_the_mean_over_samples_with_a_band_of_percentiles():
    alone = draw(WEIGHTS[:1], kind="profile")
    assert_allclose(band_of(alone), [WEIGHTS[0, ::-1]] * 2)
    display = draw(kind="profile")
    assert display.line_.get_xdata().tolist() == [2, 1, 0]
    assert_allclose(display.line_.get_ydata(), [0.15, 0.425, 0.425])
    percentiles = np.percentile(WEIGHTS, [10, 90], axis=0)
    assert_allclose(band_of(display), percentiles[:, ::-1])
    assert texts(display.ax_.get_legend().get_texts()) == ["10th to 90th percentile", "mean"]


def test_a_profile_runs_to_the_right_from_a_weight_of_zero():
    ax = draw(kind="profile").ax_
    assert ax.get_xlim() == (2.5, -0.5)
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylabel() == "attention weight"
    assert ax.get_title() == "Attention weights, 4 samples"


def test_a_profile_of_self_attention_is_the_mean_over_the_steps_that_look():
    display = draw(PAIRS, kind="profile")
    assert_allclose(display.line_.get_ydata(), PAIRS.mean(axis=(0, 1)))


@pytest.mark.parametrize("feature", ["sun", 1, -1])
def test_a_sample_is_its_series_over_bars_of_its_weights(feature):
    options = {"X": SERIES, "feature_names": ["wind", "sun"], "sample": 2, "feature": feature}
    display = draw(kind="sample", **options)
    assert display.line_.get_xdata().tolist() == [2, 1, 0]
    assert display.line_.get_ydata().tolist() == SERIES[2, :, 1].tolist()
    assert heights(display.bars_) == WEIGHTS[2].tolist()
    assert [bar.get_x() + bar.get_width() / 2 for bar in display.bars_] == [2, 1, 0]
    assert display.ax_.get_ylabel() == "sun"
    assert display.weights_ax_.get_ylabel() == "attention weight (bars)"
    assert display.ax_.get_title() == "Sample 2 and its attention weights"


def test_without_a_choice_the_first_series_is_drawn_before_bars_from_zero():
    display = draw(kind="sample", X=SERIES)
    assert display.line_.get_ydata().tolist() == [0, 2, 4]
    assert heights(display.bars_) == WEIGHTS[0].tolist()
    assert display.ax_.get_ylabel() == "feature 0"
    assert display.ax_.get_zorder() > display.weights_ax_.get_zorder()
    assert not display.ax_.patch.get_visible()
    assert display.weights_ax_.get_ylim()[0] == 0
    assert display.ax_.get_xlim() == (2.5, -0.5)


def test_a_bare_regressor_is_drawn_with_its_weights(small, sequences):
    model = small().fit(*sequences)
    display = AttentionDisplay.from_estimator(model, sequences[0])
    assert_array_equal(display.image_.get_array(), model.attention_weights(sequences[0]))
    assert_array_equal(display.lags, [5, 4, 3, 2, 1, 0])


def test_a_search_is_drawn_with_the_weights_of_its_best_model(small, sequences):
    search = GridSearchCV(small(epochs=1), {"units": [3, 4]}, cv=2).fit(*sequences)
    display = AttentionDisplay.from_estimator(search, sequences[0])
    expected = search.best_estimator_.attention_weights(sequences[0])
    assert_array_equal(display.image_.get_array(), expected)


def test_a_pipeline_draws_the_series_that_its_last_step_reads(small, sequences):
    X, y = sequences
    model = make_pipeline(SequenceScaler(), small()).fit(X, y)
    display = AttentionDisplay.from_estimator(model, X, kind="sample", sample=1, feature=1)
    assert_allclose(display.line_.get_ydata(), model[0].transform(X)[1, :, 1])
    assert_array_equal(heights(display.bars_), attention_weights(model, X)[1])


@pytest.mark.parametrize(
    ("period", "stride", "lags", "unit"),
    [
        ("1h", 2, [4, 2, 0], "hours"),
        ("10min", 1, [20, 10, 0], "minutes"),
        ("1D", 1, [2, 1, 0], "d"),
    ],
)
def test_windows_of_an_even_table_have_lags_in_its_time(small, period, stride, lags, unit):
    table, y = hourly(12, period)
    model = make_pipeline(TimeWindows(3, dilation=stride), small(epochs=1)).fit(table, y)
    display = AttentionDisplay.from_estimator(model, table, kind="sample", sample=9, feature="wind")
    assert display.line_.get_xdata().tolist() == lags
    assert display.ax_.get_xlabel().startswith(unit)
    assert display.line_.get_ydata().tolist() == [9 - 2 * stride, 9 - stride, 9]
    assert display.ax_.get_title().startswith(f"Sample {table.index[9].date()}")


def test_absent_steps_have_no_point_and_a_bar_of_no_height(small):
    table, y = hourly(12)
    model = make_pipeline(TimeWindows(3), small(epochs=1)).fit(table, y)
    display = AttentionDisplay.from_estimator(model, table, kind="sample", sample=1)
    assert_array_equal(display.line_.get_ydata(), [np.nan, 0, 1])
    assert heights(display.bars_)[0] == 0
    assert sum(heights(display.bars_)) == pytest.approx(1)


def test_weights_of_attention_weights_are_drawn_like_those_of_the_estimator(small):
    table, y = hourly(12)
    model = make_pipeline(TimeWindows(3), small(epochs=1)).fit(table, y)
    there = AttentionDisplay.from_estimator(model, table)
    here = draw(attention_weights(model, table, as_frame=True))
    assert_array_equal(here.image_.get_array(), there.image_.get_array())
    assert here.ax_.get_xlabel() == there.ax_.get_xlabel() == "hours before the last step"
    assert texts(here.ax_.get_yticklabels()) == texts(there.ax_.get_yticklabels())


def test_each_level_of_the_hierarchical_network_is_drawn(small, sequences):
    X, y = sequences
    model = small("hierarchical", epochs=1).fit(X, y)
    whole = AttentionDisplay.from_estimator(model, X, level="self")
    pairs = model.attention_weights(X, level="self")
    assert_allclose(whole.image_.get_array(), pairs.mean(axis=0))
    one = AttentionDisplay.from_estimator(model, X, level="self", sample=5)
    assert_array_equal(one.image_.get_array(), pairs[5])
    summary = AttentionDisplay.from_estimator(model, X, level="summary", kind="profile")
    expected = model.attention_weights(X, level="summary").mean(axis=0)
    assert_allclose(summary.line_.get_ydata(), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["heatmap", "profile", "sample"])
def test_given_axes_are_drawn_into_and_no_figure_is_made(kind):
    ax = Figure().subplots()
    display = draw(kind=kind, X=SERIES, ax=ax)
    assert (display.ax_, display.figure_) == (ax, ax.figure)
    assert ax.has_data()
    assert plt.get_fignums() == []


def test_a_second_plot_goes_to_axes_of_its_own():
    display = draw(kind="profile")
    first = display.ax_
    assert display.plot("heatmap") is display
    assert display.ax_ is not first
    assert (len(first.lines), len(display.ax_.lines)) == (1, 0)
    assert_array_equal(display.image_.get_array(), WEIGHTS)


def test_an_unknown_kind_is_told_the_three_there_are():
    with pytest.raises(ValueError, match=r"'kind' parameter .* Got 'cake'"):
        draw(kind="cake")


def test_an_unknown_feature_is_told_the_names_there_are():
    with pytest.raises(ValueError, match=r"There is no feature 'rain'\. There are \['a', 'b'\]"):
        draw(kind="sample", X=SERIES, feature_names=["a", "b"], feature="rain")


@pytest.mark.parametrize("options", [{}, {"weights": PAIRS, "X": SERIES[:2]}])
def test_a_sample_needs_its_series_and_a_weight_for_each_step(options):
    with pytest.raises(ValueError, match=r'kind="sample" needs the sequences and a weight'):
        draw(kind="sample", **options)


def test_weights_of_one_dimension_are_told_the_shape_that_is_expected():
    with pytest.raises(ValueError, match=r"shape \(n_samples, n_timesteps\).* Got shape \(3,\)"):
        draw(WEIGHTS[0])


def test_what_has_no_weights_says_so(small, sequences):
    with pytest.raises(AttributeError, match="with attention=None has no attention weights"):
        AttentionDisplay.from_estimator(small(None).fit(*sequences), sequences[0])
    ridge = Ridge().fit(sequences[0][:, :, 0], sequences[1])
    with pytest.raises(AttributeError, match="Ridge has no attention weights"):
        AttentionDisplay.from_estimator(ridge, sequences[0][:, :, 0])


def test_what_is_not_fitted_says_so_and_leaves_no_figure(small, sequences):
    for estimator in (small(), make_pipeline(SequenceScaler(), small())):
        with pytest.raises(NotFittedError):
            AttentionDisplay.from_estimator(estimator, sequences[0])
    assert plt.get_fignums() == []


def test_of_unequal_sequences_the_last_steps_are_drawn_at_lag_zero():
    X = [np.array([[1.0], [2.0], [3.0]]), np.array([[4.0], [5.0]])]
    weights = np.array([[0.2, 0.3, 0.5], [0.4, 0.6, 0]])
    display = draw(weights, "sample", X=X, sample=1)
    assert_array_equal(display.line_.get_xdata(), [2, 1, 0])
    assert_array_equal(display.line_.get_ydata(), [np.nan, 4, 5])
    assert heights(display.bars_) == [0, 0.4, 0.6]
    whole = draw(weights, "sample", X=X, sample=0)
    assert_array_equal(whole.line_.get_ydata(), [1, 2, 3])
    assert heights(whole.bars_) == [0.2, 0.3, 0.5]


def test_columns_that_are_text_are_no_lags():
    display = draw(pd.DataFrame(WEIGHTS, columns=["t-2", "t-1", "t-0"]))
    assert column_edges(display.image_) == [2.5, 1.5, 0.5, -0.5]
    assert_array_equal(display.image_.get_array(), WEIGHTS)
