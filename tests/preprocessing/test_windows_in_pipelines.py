"""Tables of rows through scikit-learn's pipelines to predictions."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from panels import hourly, two_stations
from skattn import SequenceScaler, TimeWindows, sliding_windows

LENGTH = "timewindows__length"


@pytest.fixture
def pipeline(small):
    return make_pipeline(StandardScaler(), TimeWindows(3), small())


@pytest.fixture
def table():
    return hourly(41)[["b"]].assign(c=lambda table: np.sin(table["b"]))


@pytest.fixture(name="X")
def rows(table):
    return table[:-1]


@pytest.fixture(name="y")
def next_values(table):
    return table["b"].shift(-1)[:-1]


def test_a_pipeline_is_sliding_windows_by_hand(pipeline, small, table, X, y):
    scaled = StandardScaler().fit(X).transform(table)
    windows, targets = sliding_windows(scaled, table["b"], length=3, drop_incomplete=False)
    assert_array_equal(targets, y)
    by_hand = small().fit(windows, targets).predict(windows)
    assert_array_equal(pipeline.fit(X, y).predict(X), by_hand)


def test_a_view_and_its_copy_train_alike(small, X, y):
    windows = TimeWindows(4).fit_transform(X)
    assert np.shares_memory(windows[0], windows[1])
    of_view, of_copy = small().fit(windows, y), small().fit(windows.copy(), y)
    assert_allclose(of_view.predict(windows), of_copy.predict(windows), rtol=1e-5)
    assert_allclose(of_view.predict(windows.copy()), of_view.predict(windows), rtol=1e-6)


def test_a_row_is_predicted_from_the_rows_of_its_window(pipeline, X, y):
    pipeline.fit(X, y)
    assert_array_equal(pipeline.predict(X[20:])[2:], pipeline.predict(X)[22:])


def test_a_search_tunes_the_length_of_windows_on_the_past(pipeline, small, X, y):
    folds = TimeSeriesSplit(2, gap=3)
    search = GridSearchCV(pipeline, {LENGTH: [2, 4]}, cv=folds).fit(X, y)
    for length in (2, 4):
        by_hand = make_pipeline(StandardScaler(), TimeWindows(length), small())
        scores = [
            by_hand.fit(X.iloc[train], y.iloc[train]).score(X.iloc[test], y.iloc[test])
            for train, test in folds.split(X)
        ]
        place = [2, 4].index(length)
        assert search.cv_results_["mean_test_score"][place] == np.mean(scores)
    best = make_pipeline(StandardScaler(), TimeWindows(search.best_params_[LENGTH]), small())
    assert_array_equal(search.predict(X), best.fit(X, y).predict(X))


def test_a_fold_too_short_for_a_window_says_so(pipeline, X, y):
    search = GridSearchCV(pipeline, {LENGTH: [30]}, cv=TimeSeriesSplit(2))
    with pytest.raises(ValueError, match=r"in cross-validation: longer training folds"):
        search.fit(X, y)


def test_shuffled_folds_are_a_warning_and_others_are_not(pipeline, X, y):
    pipeline.set_output(transform="pandas")
    cross_val_score(pipeline, X, y, cv=KFold(2))
    with pytest.warns(UserWarning, match="use TimeSeriesSplit"):
        cross_val_score(pipeline, X.sample(frac=1, random_state=0), y, cv=KFold(2))


def test_a_column_transformer_before(small, X, y):
    table = X.assign(place="somewhere")
    columns = ColumnTransformer([("scaled", StandardScaler(), ["b", "c"])])
    model = make_pipeline(columns, TimeWindows(3), small()).fit(table, y)
    plain = make_pipeline(StandardScaler(), TimeWindows(3), small()).fit(X, y)
    assert_array_equal(model.predict(table), plain.predict(X))


def test_an_imputer_before(pipeline, small, X, y):
    holes = X.copy()
    holes.iloc[5, 0] = np.nan
    filled = holes.fillna(holes.mean())
    model = make_pipeline(SimpleImputer(), *clone_steps(pipeline)).fit(holes, y)
    assert_array_equal(model.predict(holes), pipeline.fit(filled, y).predict(filled))
    with pytest.raises(ValueError, match=r"step \d, features \[0\].*SimpleImputer"):
        make_pipeline(TimeWindows(3), small()).fit(holes, y)


def clone_steps(pipeline):
    return [step for _, step in pipeline.steps]


def test_a_transformed_target_around(pipeline, X, y):
    model = TransformedTargetRegressor(pipeline, func=np.sqrt, inverse_func=np.square)
    by_hand = pipeline.fit(X, np.sqrt(y)).predict(X) ** 2
    assert_array_equal(model.fit(X, y).predict(X), by_hand)


def stations(small):
    """Return a pipeline that scales the features and hands the group on."""
    columns = make_column_transformer(
        (StandardScaler(), ["a", "b"]), remainder="passthrough", verbose_feature_names_out=False
    )
    return make_pipeline(columns, TimeWindows(3, group_by="g"), small())


def test_stations_are_predicted_as_each_alone(small):
    table = two_stations(20)
    model = stations(small).set_output(transform="pandas").fit(table, table["b"])
    predicted = model.predict(table)
    for station in "pq":
        alone = (table["g"] == station).to_numpy()
        assert_array_equal(model.predict(table[alone]), predicted[alone])


def test_folds_of_whole_stations(small):
    table = pd.concat([two_stations(12), two_stations(12).replace({"p": "r", "q": "s"})])
    model = stations(small).set_output(transform="pandas")
    folds = {"cv": GroupKFold(2), "groups": table["g"]}
    scores = cross_val_score(model, table, table["b"], **folds)
    for (train, test), score in zip(
        GroupKFold(2).split(table, groups=table["g"]), scores, strict=True
    ):
        model.fit(table.iloc[train], table["b"].iloc[train])
        assert model.score(table.iloc[test], table["b"].iloc[test]) == score
    predicted = cross_val_predict(model, table, table["b"], **folds)
    assert predicted.shape == (48,)


def test_a_group_that_a_step_drops_is_an_error_with_the_remedy(small):
    table = two_stations(12)
    with pytest.raises(ValueError, match=r"set_output\(transform='pandas'\)"):
        stations(small).fit(table, table["b"])


def test_names_of_features_go_through_the_pipeline(pipeline, small, X, y):
    assert pipeline.fit(X, y)[:-1].get_feature_names_out().tolist() == ["b", "c"]
    table = two_stations(12)
    model = stations(small).set_output(transform="pandas").fit(table, table["b"])
    assert model[:-1].get_feature_names_out().tolist() == ["a", "b"]


def test_output_set_on_the_pipeline_changes_no_prediction(pipeline, X, y):
    expected = pipeline.fit(X, y).predict(X)
    assert_array_equal(pipeline.set_output(transform="pandas").fit(X, y).predict(X), expected)
    assert pipeline[:-1].transform(X).shape == (40, 3, 2)


def test_sequences_scaled_after_windows_train_alike(small, X, y):
    """The regressor standardizes too; in one batch, the order of rows does not matter."""
    scaled = make_pipeline(TimeWindows(3), SequenceScaler(), small(batch_size=40)).fit(X, y)
    windows = scaled[:-1].transform(X)
    assert np.shares_memory(windows[0], windows[1])
    plain = make_pipeline(TimeWindows(3), small(batch_size=40)).fit(X, y)
    assert_allclose(scaled.predict(X), plain.predict(X), atol=1e-5)


# Predictions that go on after the training rows


@pytest.fixture
def walking(small):
    """A fitted pipeline that keeps its context, and 15 rows that follow."""
    pipeline = make_pipeline(StandardScaler(), TimeWindows(4, keep_context=True), small())
    return pipeline.set_output(transform="pandas").fit(hourly(30), hourly(30)["b"]), hourly(15, 30)


def test_walking_forward_predicts_the_same_as_one_call(walking):
    pipeline, later = walking
    expected = pipeline.predict(later)
    for row in range(15):
        rows = later.iloc[[row]]
        assert pipeline.predict(rows) == expected[row]
        pipeline["timewindows"].extend_context(pipeline[:1].transform(rows))


def test_following_rows_are_predicted_as_in_the_whole_table(walking):
    pipeline, later = walking
    assert_array_equal(pipeline.predict(later), pipeline.predict(hourly(45))[30:])


def test_without_set_output_the_context_has_no_times(small):
    pipeline = make_pipeline(StandardScaler(), TimeWindows(4, keep_context=True), small())
    with pytest.raises(ValueError, match=r"keep the index after set_output\(transform='pandas'\)"):
        pipeline.fit(hourly(30), hourly(30)["b"])


def test_a_context_works_in_cross_validation(walking):
    pipeline, _ = walking
    X = hourly(30)
    predicted = cross_val_score(pipeline, X, X["b"], cv=TimeSeriesSplit(2))
    for (train, test), score in zip(TimeSeriesSplit(2).split(X), predicted, strict=True):
        pipeline.fit(X.iloc[train], X["b"].iloc[train])
        assert pipeline.score(X.iloc[test], X["b"].iloc[test]) == score
        assert not np.isnan(pipeline[:-1].transform(X.iloc[test])).any()
