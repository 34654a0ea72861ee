"""What X and y may be, and that absent steps are skipped wherever they stand."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose, assert_array_equal

from conftest import spaced, windows_on
from skattn import LSTMAttentionRegressor, SequenceScaler
from skattn._inputs.sequences import table_of

ATTENTIVE = [{"attention": a} for a in ("mean", "dot", "general", "additive", "hierarchical")]
SHAPED = [{"bidirectional": True}, {"n_layers": 2}, {"segment_length": 2}]
NETWORKS = [{"attention": None}, *ATTENTIVE, *SHAPED]
PLACES = ["right", "left", "gaps"]


def each(networks):
    names = ["-".join(map(str, network.values())) for network in networks]
    return pytest.mark.parametrize("network", networks, ids=names)


def place(ragged, where, n_timesteps=6):
    """Lay sequences of unequal length into one array, NaN around or between their steps."""
    rng = np.random.default_rng(1)
    X = np.full((len(ragged), n_timesteps, ragged[0].shape[1]), np.nan)
    for row, sequence in zip(X, ragged, strict=True):
        free = n_timesteps - len(sequence)
        steps = {
            "right": np.arange(len(sequence)),
            "left": np.arange(free, n_timesteps),
            "gaps": np.sort(rng.choice(n_timesteps, len(sequence), replace=False)),
        }[where]
        row[steps] = sequence
    return X


@pytest.fixture
def ragged(sequences):
    """24 sequences of 1 to 6 steps, and y."""
    X, y = sequences
    return [X[i, : 1 + i % 6] for i in range(24)], y[:24]


@pytest.fixture(scope="module")
def fitted():
    X = np.random.default_rng(0).normal(size=(40, 6, 2))
    return LSTMAttentionRegressor(units=4, epochs=2, random_state=0).fit(X, X[:, 2, 0])


def test_2d_is_one_feature_per_step(sequences, small):
    X, y = sequences
    flat = small().fit(X[:, :, 0], y)
    deep = small().fit(X[:, :, :1], y)
    assert_array_equal(flat.predict(X[:, :, 0]), deep.predict(X[:, :, :1]))
    for model in (flat, deep):
        assert (model.n_features_in_, model.n_timesteps_in_) == (6, 6)
        assert model.n_features_per_step_ == 1


def test_2d_with_n_timesteps_is_the_3d_reshape(sequences, small):
    X, y = sequences
    table = X.reshape(40, 12)
    flat = small(n_timesteps=6).fit(table, y)
    deep = small().fit(X, y)
    assert_array_equal(flat.predict(table), deep.predict(X))
    assert_array_equal(flat.attention_weights(table), deep.attention_weights(X))
    for model in (flat, deep):
        assert (model.n_features_in_, model.n_timesteps_in_) == (12, 6)
        assert model.n_features_per_step_ == 2
    assert_array_equal(deep.predict(table), deep.predict(X))  # all features of a step together


@pytest.mark.parametrize("container", [list, tuple, lambda X: np.array(X, dtype=object)])
def test_unequal_lengths_are_nan_padding(ragged, small, container):
    X, y = ragged
    padded = place(X, "right")
    from_list = small().fit(container(X), y)
    assert_array_equal(from_list.predict(container(X)), small().fit(padded, y).predict(padded))
    assert from_list.n_timesteps_in_ == 6


@each(NETWORKS)
@pytest.mark.slow
def test_padding_does_not_change_a_prediction(ragged, small, network):
    X, y = ragged
    model = small(**network).fit(X, y)
    expected = [model.predict([sequence])[0] for sequence in X]
    for where in PLACES:
        for n_timesteps in (6, 9):
            assert_allclose(model.predict(place(X, where, n_timesteps)), expected, atol=1e-6)


@each(NETWORKS)
def test_padding_does_not_change_what_is_learned(ragged, small, network):
    X, y = ragged
    expected = small(batch_size=8, **network).fit(X, y).parameters_
    for where in PLACES:
        for n_timesteps in (6, 9):
            learned = (
                small(batch_size=8, **network).fit(place(X, where, n_timesteps), y).parameters_
            )
            for name, value in learned.items():
                assert_allclose(value, expected[name], atol=1e-6, err_msg=f"{where} {n_timesteps}")


@each([*ATTENTIVE, *SHAPED])
@pytest.mark.parametrize("where", PLACES)
@pytest.mark.slow
def test_attention_comes_back_in_the_callers_places(ragged, small, network, where):
    X, y = ragged
    model = small(**network).fit(X, y)
    padded = place(X, where, n_timesteps=8)
    present = ~np.isnan(padded).all(axis=2)
    weights = model.attention_weights(padded)
    assert weights.shape == (24, 8)
    assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert not weights[~present].any()
    for i, sequence in enumerate(X):
        alone = model.attention_weights([sequence])[0]
        assert_allclose(weights[i, present[i]], alone, atol=1e-6)


@pytest.mark.parametrize("segment_length", [1, 2])
@pytest.mark.slow
def test_every_level_of_attention_comes_back_in_place(ragged, small, segment_length):
    X, y = ragged
    model = small("hierarchical", segment_length=segment_length).fit(X, y)
    padded = place(X, "gaps", n_timesteps=8)
    present = ~np.isnan(padded).all(axis=2)
    self_weights = model.attention_weights(padded, level="self")
    summary = model.attention_weights(padded, level="summary")
    assert self_weights.shape == (24, 8, 8)
    assert not summary[~present].any()
    assert_allclose(summary.sum(axis=1), 1, atol=1e-6)
    for i, sequence in enumerate(X):
        rows = self_weights[i, present[i]]
        assert_allclose(rows.sum(axis=1), 1, atol=1e-6)
        assert not rows[:, ~present[i]].any()
        alone = model.attention_weights([sequence], level="self")[0]
        assert_allclose(rows[:, present[i]], alone, atol=1e-6)


def test_steps_of_the_hierarchy_are_the_product_of_its_levels(ragged, small):
    X, y = ragged
    model = small("hierarchical").fit(X, y)
    padded = place(X, "gaps")
    self_weights, summary, steps = (
        model.attention_weights(padded, level=level) for level in ("self", "summary", "steps")
    )
    assert_allclose(np.einsum("is,ist->it", summary, self_weights), steps, atol=1e-6)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(data=st.data())
def test_absent_steps_are_skipped_wherever_they_stand(fitted, data):
    present = data.draw(arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 9))))
    present[:, 0] |= ~present.any(axis=1)
    X = np.random.default_rng(0).normal(size=(*present.shape, 2))
    X[~present] = np.nan
    compact = [row[keep] for row, keep in zip(X, present, strict=True)]
    assert_allclose(fitted.predict(X), fitted.predict(compact), atol=1e-6)
    weights = fitted.attention_weights(X)
    assert not weights[~present].any()
    assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("n_timesteps", [1, 4, 11])
def test_3d_may_be_longer_or_shorter_than_in_fit(fitted, n_timesteps):
    X = np.random.default_rng(1).normal(size=(5, n_timesteps, 2))
    alone = [fitted.predict(X[i : i + 1])[0] for i in range(5)]
    assert fitted.attention_weights(X).shape == (5, n_timesteps)
    assert_allclose(fitted.predict(X), alone, atol=1e-6)


def test_a_shorter_sequence_is_one_with_absent_steps(fitted, sequences):
    X = sequences[0].copy()
    X[:, 4:] = np.nan
    assert_allclose(fitted.predict(X), fitted.predict(sequences[0][:, :4]), atol=1e-6)


@pytest.mark.parametrize("frame", [pd.DataFrame, lambda data, columns: pl.DataFrame(data, columns)])
def test_data_frames_keep_their_names(sequences, small, frame):
    X, y = sequences
    table, names = X.reshape(40, 12), [f"c{i}" for i in range(12)]
    model = small(n_timesteps=6).fit(frame(table, columns=names), y)
    assert model.feature_names_in_.tolist() == names
    expected = small(n_timesteps=6).fit(table, y).predict(table)
    assert_array_equal(model.predict(frame(table, columns=names)), expected)
    with pytest.raises(ValueError, match="names must be in the same order"):
        model.predict(frame(table, columns=names)[names[::-1]])


def test_a_fit_on_arrays_forgets_the_names_of_a_frame(sequences, small):
    X, y = sequences
    model = small().fit(pd.DataFrame(X[:, :, 0]).add_prefix("c"), y)
    assert not hasattr(model.fit(X, y), "feature_names_in_")


@pytest.mark.parametrize("dtype", ["Float64", "Float32", "Int64", "boolean", "float64[pyarrow]"])
def test_nullable_pandas_types(small, dtype):
    table = np.random.default_rng(0).integers(0, 2, size=(40, 6)).astype("float64")
    frame = pd.DataFrame(table).astype(dtype).add_prefix("c")
    expected = small().fit(table, table[:, 1])
    model = small().fit(frame, frame["c1"])
    assert_array_equal(model.predict(frame), expected.predict(table))


def test_na_in_nullable_pandas_marks_an_absent_step(small):
    table = np.random.default_rng(0).integers(0, 5, size=(40, 6)).astype("float64")
    frame = pd.DataFrame(table).astype("Int64").add_prefix("c")
    frame.iloc[::2, 3] = pd.NA
    table[::2, 3] = np.nan
    expected = small().fit(table, table[:, 1]).predict(table)
    assert_array_equal(small().fit(frame, table[:, 1]).predict(frame), expected)


CONVERSIONS = {
    **{t: lambda X, t=t: X.astype(t) for t in ("float32", "float16", "int64", "uint8", "bool")},
    "big-endian": lambda X: X.astype(">f8"),
    "object": lambda X: X.astype(object),
    "fortran": np.asfortranarray,
    "non-contiguous view": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed view": lambda X: X[:, ::-1].copy()[:, ::-1],
    "nested lists": lambda X: X.tolist(),
    "list of arrays": list,
}


@pytest.mark.parametrize("convert", CONVERSIONS.values(), ids=CONVERSIONS)
@pytest.mark.parametrize("n_dims", [2, 3])
def test_any_array_predicts_as_float64_does(small, convert, n_dims):
    X = np.random.default_rng(0).integers(0, 2, size=(40, 6, 2)).astype("float64")
    X = X if n_dims == 3 else X[:, :, 0]
    y = np.arange(40.0)
    expected = small().fit(X, y)
    prediction = small().fit(convert(X), y).predict(convert(X))
    assert_array_equal(prediction, expected.predict(X))
    assert_array_equal(expected.predict(convert(X)), prediction)


def test_read_only_memmap(sequences, small, tmp_path):
    X, y = sequences
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert_array_equal(small().fit(mapped, y).predict(mapped), small().fit(X, y).predict(X))


LAYOUTS = {
    "every row": spaced(40, 6),
    "every second row begins a window": spaced(40, 6, stride=2),
    "windows of every second row": spaced(40, 6, dilation=2),
    "both": spaced(40, 6, stride=3, dilation=2),
    "unevenly spaced": spaced(60, 6, dilation=2).take(np.r_[50:9:-2, 30:49]),
}


@pytest.fixture(params=LAYOUTS.values(), ids=LAYOUTS)
def layout(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "absent rows"])
def windows(layout, request):
    """Windows that share the rows of one table, and y."""
    table = np.random.default_rng(0).normal(size=(layout.n_rows, 2))
    y = np.array(layout.windows_of(table)[:, 2, 0])
    if request.param:
        table[[0, 7, 8, 9, 20, -1]] = np.nan
    X = layout.windows_of(table) if layout.stride else windows_on(table, layout)
    assert np.shares_memory(table_of(X)[0], table)
    return X, y


def test_windows_of_one_table_predict_as_their_copies(windows, small):
    X, y = windows
    model = small().fit(np.array(X), y)
    assert_array_equal(model.predict(X), model.predict(np.array(X)))


@pytest.mark.parametrize("attention", ["additive", "hierarchical"])
def test_attention_on_windows_of_one_table_is_that_on_their_copies(windows, small, attention):
    X, y = windows
    model = small(attention).fit(np.array(X), y)
    weights = model.attention_weights(X)
    assert_array_equal(weights, model.attention_weights(np.array(X)))
    assert not weights[np.isnan(X[:, :, 0])].any()
    assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_windows_of_one_table_are_learned_as_their_copies(windows, small, weighted):
    X, y = windows
    weights = np.arange(40.0) % 3 if weighted else None
    plain = {"standardize": False, "early_stopping": False, "batch_size": 8}
    one, other = (small(**plain).fit(x, y, weights) for x in (X, np.array(X)))
    assert_array_equal(one.predict(X), other.predict(X))
    assert one.loss_curve_ == other.loss_curve_


@pytest.mark.parametrize("weighted", [False, True])
def test_standardized_windows_of_one_table_are_learned_as_their_copies(windows, small, weighted):
    """Not bit for bit: means and deviations add up each row once, and not in each window."""
    X, y = windows
    weights = np.arange(40.0) % 3 if weighted else None
    params = {"early_stopping": False, "batch_size": 8}
    one, other = (small(**params).fit(x, y, weights) for x in (X, np.array(X)))
    assert_allclose(one.feature_statistics_.mean, other.feature_statistics_.mean, atol=1e-14)
    assert_allclose(one.feature_statistics_.scale, other.feature_statistics_.scale, rtol=1e-14)
    assert_allclose(one.predict(X), other.predict(X), atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize(
    "layout",
    [
        spaced(12, 4, stride=3, dilation=2),
        spaced(12, 4, stride=6),
        spaced(40, 4).take([1, 9, 2, 17, 30, 18]),
        spaced(40, 4, dilation=2).take(np.arange(38)[::-3]),
    ],
    ids=["stride and dilation", "apart", "some samples", "every third, backwards"],
)
def test_rows_that_no_window_holds_may_hold_anything(small, layout, value):
    table = np.random.default_rng(0).normal(size=(layout.n_rows, 2))
    y = np.arange(float(len(layout.first)))
    expected = small().fit(layout.windows_of(table.copy()), y)
    unused = np.setdiff1d(np.arange(layout.n_rows), layout.rows)
    table[unused, 1] = value
    for X in (layout.windows_of(table), windows_on(table, layout)):
        model = small().fit(X, y)
        assert_array_equal(model.predict(X), expected.predict(X))
        assert np.isfinite(SequenceScaler().fit_transform(X)).all()


def test_windows_of_a_series_are_learned_as_their_copies(small):
    """In two dimensions, as numpy makes them; the last two features of each step as well."""
    series = np.random.default_rng(0).normal(size=120)
    X, y = sliding_window_view(series, 12)[::2], np.arange(55.0)
    for n_timesteps in (None, 6):
        params = {"n_timesteps": n_timesteps, "standardize": False, "early_stopping": False}
        one, other = (small(**params).fit(x, y) for x in (X, X.copy()))
        assert_array_equal(one.predict(X), other.predict(X))


def test_held_out_windows_share_no_rows_with_the_training_windows(small):
    """Of 40 windows of 6 steps, 32 to 39 validate and 27 to 31 reach into row 32."""
    X = sliding_window_view(np.random.default_rng(0).normal(size=45), 6)
    y = np.arange(40.0) % 7
    held_out, apart = (small(early_stopping=True, linear_path=False) for _ in range(2))
    held_out.fit(X, y)
    apart.fit(X[:27], y[:27], X_val=X[32:], y_val=y[32:])
    assert_array_equal(held_out.predict(X), apart.predict(X))
    assert held_out.validation_loss_curve_ == apart.validation_loss_curve_


@pytest.mark.parametrize(("n_windows", "stops"), [(54, False), (55, True)])
def test_auto_stops_early_where_50_windows_are_left(small, n_windows, stops):
    """Windows of 6 steps: the 5 before the first that validates are left out."""
    X = sliding_window_view(np.random.default_rng(0).normal(size=n_windows + 5), 6)
    model = small(early_stopping="auto", epochs=1).fit(X, np.arange(float(n_windows)))
    assert (model.validation_loss_curve_ is not None) == stops


def test_auto_trains_on_all_windows_where_none_ends_before_the_last(small):
    """Of 200 windows of 60 steps, 180 would validate and share rows with the other 20."""
    X = sliding_window_view(np.random.default_rng(0).normal(size=259), 60)
    model = small(early_stopping="auto", validation_fraction=0.9, n_timesteps=2, epochs=1)
    assert model.fit(X, np.arange(200.0)).validation_loss_curve_ is None


@pytest.mark.parametrize("shape", [(40,), (40, 1), (40, 3)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_predictions_have_the_dimensions_of_y(sequences, small, shape, dtype):
    X, _ = sequences
    y = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    model = small().fit(X, y)
    assert model.predict(X).shape == shape
    assert model.predict(X[:1]).shape == (1, *shape[1:])
    assert model.predict(X).dtype == "float64"
    assert model.n_outputs_ == (1 if len(shape) == 1 else shape[1])


@pytest.mark.parametrize("convert", [list, pd.Series, np.float32, lambda y: y.astype(object)])
def test_any_y_is_learned_as_float64_is(sequences, small, convert):
    X, _ = sequences
    y = np.arange(40.0)
    assert_array_equal(small().fit(X, convert(y)).predict(X), small().fit(X, y).predict(X))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize("n_dims", [2, 3])
def test_the_callers_arrays_are_not_modified(sequences, small, dtype, absent, n_dims):
    X, y = sequences[0].astype(dtype), sequences[1]
    X = X if n_dims == 3 else X[:, :, 0].copy()
    if absent:
        X[::2, 2] = np.nan
    weights = np.arange(40.0)
    originals = X.copy(), y.copy(), weights.copy()
    for array in (X, y, weights):
        array.setflags(write=False)
    model = small(early_stopping=True, linear_path=False)
    model.fit(X, y, weights, X_val=X, y_val=y)
    model.partial_fit(X, y, weights)
    model.predict(X)
    model.attention_weights(X)
    for array, original in zip((X, y, weights), originals, strict=True):
        assert_array_equal(array, original)
