"""Messages: each says what came, what was expected and what to do next."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from conftest import spaced
from skattn import LSTMAttentionRegressor, build_network

SHAPES = ["LSTMAttentionRegressor", "(n_samples, n_timesteps, n_features)"]


def message_of(kind, call, *args, **kwargs):
    with pytest.raises(kind) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def assert_says(message, parts):
    assert [part for part in parts if part not in message] == []


def with_value(X, place, value):
    X = X.copy()
    X[place] = value
    return X


BAD_X = {
    "1-D": (lambda X: X[:, 0, 0], [*SHAPES, "shape (40,)", "Reshape", "X.reshape(1, -1, 1)"]),
    "4-D": (lambda X: X[np.newaxis], [*SHAPES, "shape (1, 40, 6, 2)", "Reshape your data"]),
    "series": (lambda X: pd.Series(X[:, 0, 0]), [*SHAPES, "shape (40,)", "Reshape your data"]),
    "number": (lambda X: 5.0, [*SHAPES, "shape ()"]),
    "ragged rows": (
        lambda X: [row[: 1 + i % 3] for i, row in enumerate(X[:, :, 0].tolist())],
        [*SHAPES, "unequal length", "list of arrays (n_timesteps, n_features)"],
    ),
    "unequal features": (
        lambda X: [X[0], X[1, :3, :1], *X[2:]],
        ["same features", "sequence 0 has shape (6, 2)", "sequence 1 has (3, 1)", "(n_timesteps, "],
    ),
    "partly missing step": (
        lambda X: with_value(X, (3, 2, 1), np.nan),
        ["NaN", "sample 3", "step 2", "features [1]", "absent", "sklearn.impute.SimpleImputer"],
    ),
    "no present step": (
        lambda X: with_value(X, [4, 7], np.nan),
        ["every step of sample 4", "2 such samples", "at least one present step", "Remove"],
    ),
    "no present step at all": (
        lambda X: np.full_like(X, np.nan),
        ["every step of sample 0", "40 such samples", "at least one present step", "Remove"],
    ),
    "sequence of length zero": (
        lambda X: [X[0], X[1, :0], *X[2:]],
        ["sample 1", "1 such samples", "at least one present step", "Remove"],
    ),
    "infinity": (
        lambda X: with_value(X, (3, 2, 1), np.inf),
        ["Input X", "infinity", "inf.", "finite values", "replace it", "NaN in all its features"],
    ),
    "too large for float32": (
        lambda X: with_value(X, (3, 2, 1), -1e39),
        ["Input X", "too large for float32", "-1e+39", "3.4e38", "replace it"],
    ),
    "no samples": (lambda X: X[:0], ["0 sample(s)", "(0, 6, 2)", "minimum of 1 is required"]),
    "empty list": (lambda X: [], [*SHAPES, "shape (0,)"]),
    "no steps": (lambda X: X[:, :0], ["at least one time step", "Got shape (40, 0, 2)", SHAPES[1]]),
    "no features": (lambda X: X[:, :, :0], ["one feature", "Got shape (40, 6, 0)", SHAPES[1]]),
    "no columns": (lambda X: X[:, :0, 0], ["0 feature(s)", "(40, 0)", "minimum of 1 is required"]),
    "text": (lambda X: X.astype(str), ["LSTMAttentionRegressor: column 0 holds text", "Encode it"]),
}


@pytest.mark.parametrize(("spoil", "parts"), BAD_X.values(), ids=BAD_X)
def test_bad_x_in_fit(sequences, small, spoil, parts):
    X, y = sequences
    assert_says(message_of(ValueError, small().fit, spoil(X), y), parts)


@pytest.mark.parametrize("name", [name for name in BAD_X if name != "no columns"])
def test_bad_x_in_predict(sequences, small, name):
    spoil, parts = BAD_X[name]
    model = small().fit(*sequences)
    assert_says(message_of(ValueError, model.predict, spoil(sequences[0])), parts)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("samples", [slice(None), [9, 4, 30, 4]], ids=["view", "Windows"])
@pytest.mark.parametrize("place", [(0, 1), (2, 0), (2, 3)])
def test_the_first_step_that_is_partly_missing_is_named(small, stride, samples, place):
    """Whatever the windows share, and with absent steps before it."""
    layout = spaced(40, 4, dilation=stride)
    layout = layout if samples == slice(None) else layout.take(samples)
    table = np.ones((layout.n_rows, 3))
    table[[3, 4, 11, 19]] = np.nan
    row = layout.rows[place]
    table[row] = [np.nan, 1, np.nan]
    sample, step = np.argwhere(layout.rows == row)[0]
    message = message_of(
        ValueError, small().fit, layout.windows_of(table), np.zeros(len(layout.first))
    )
    assert_says(message, [f"sample {sample}, step {step}, features [0, 2]"])


def test_the_column_of_text_among_numbers_is_named(sequences, small):
    X = with_value(sequences[0].astype(object), (0, 0, 1), "high")
    assert_says(message_of(ValueError, small().fit, X, sequences[1]), ["column 1 holds text"])


OTHER_X = {
    "swapped axes": (
        lambda X: X.transpose(0, 2, 1),
        ["6 features", "(40, 2, 6)", "expecting 2 features", "aeon, sktime and tsai", "transpose"],
    ),
    "fewer features": (lambda X: X[:, :, :1], ["1 features", "(40, 6, 1)", "expecting 2 features"]),
    "2-D": (lambda X: X[:, :, 0], ["2 dimensions", "(40, 6)", SHAPES[1], "n_features=2"]),
    "one sequence": (lambda X: X[0], ["2 dimensions", "(6, 2)", "X[np.newaxis]"]),
}


@pytest.mark.parametrize(("change", "parts"), OTHER_X.values(), ids=OTHER_X)
@pytest.mark.parametrize("method", ["predict", "attention_weights"])
def test_other_x_than_the_3d_of_fit(sequences, small, change, parts, method):
    model = small().fit(*sequences)
    assert_says(message_of(ValueError, getattr(model, method), change(sequences[0])), parts)


@pytest.mark.parametrize("n_timesteps", [6, 1])
def test_a_feature_too_many_is_named_whatever_the_length_in_fit(sequences, small, n_timesteps):
    X, y = sequences
    model = small().fit(X[:, :n_timesteps], y)
    message = message_of(ValueError, model.predict, np.ones((5, 6, 3)))
    assert_says(message, ["3 features", "expecting 2 features"])


@pytest.mark.parametrize("n_columns", [12, 1])
def test_3d_after_2d(sequences, small, n_columns):
    X, y = sequences
    model = small().fit(X.reshape(40, 12)[:, :n_columns], y)
    message = message_of(ValueError, model.predict, np.ones((5, 6, 2)))
    assert_says(message, ["LSTMAttentionRegressor", "(5, 6, 2)"])
    if n_columns == 12:
        assert_says(message, ["3 dimensions", "2-D X with 12 columns", "(n_samples, 12)"])


def test_other_number_of_columns(sequences, small):
    X, y = sequences
    model = small(n_timesteps=6).fit(X.reshape(40, 12), y)
    message = message_of(ValueError, model.predict, X.reshape(40, 12)[:, :5])
    assert_says(message, ["X has 5 features", "expecting 12 features"])


def test_other_column_names(sequences, small):
    frame = pd.DataFrame(sequences[0][:, :, 0]).add_prefix("c")
    model = small().fit(frame, sequences[1])
    renamed = frame.rename(columns={"c3": "unknown"})
    message = message_of(ValueError, model.predict, renamed)
    assert_says(message, ["unseen at fit time", "unknown", "now missing", "c3"])
    message = message_of(ValueError, model.predict, frame[frame.columns[::-1]])
    assert_says(message, ["same order as they were in fit"])


def test_steps_that_do_not_divide_the_columns(sequences, small):
    table = sequences[0].reshape(40, 12)
    message = message_of(ValueError, small(n_timesteps=5).fit, table, sequences[1])
    assert_says(message, ["n_timesteps=5", "12 columns", "n_timesteps * n_features", "time order"])


BAD_Y = {
    "none": (lambda y: None, ["requires y", "None", "one target", "each sequence"]),
    "wrong length": (lambda y: y[:39], ["inconsistent numbers of samples", "[40, 39]"]),
    "NaN": (lambda y: with_value(y, 3, np.nan), ["Input y contains NaN"]),
    "infinity": (lambda y: with_value(y, 3, np.inf), ["Input y contains infinity"]),
    "too large": (lambda y: with_value(y, 3, 1e39), ["Input y", "1e+39", "float32"]),
    "3-D": (lambda y: y.reshape(40, 1, 1), ["dim 3", "dim <= 2", "LSTMAttentionRegressor"]),
    "text": (lambda y: ["high"] * 40, ["high"]),
}


@pytest.mark.parametrize(("spoil", "parts"), BAD_Y.values(), ids=BAD_Y)
def test_bad_y(sequences, small, spoil, parts):
    X, y = sequences
    message = message_of(ValueError, small().fit, X, spoil(y))
    assert_says(message, parts)
    assert "step" not in message


BAD_WEIGHTS = {
    "negative": (lambda w: with_value(w, 3, -2), ["negative", "-2", "row 3", "zero or positive"]),
    "all zero": (lambda w: 0 * w, ["sample_weight", "zero for all 40 rows", "at least one"]),
    "wrong length": (lambda w: w[:39], ["sample_weight", "(39,)", "(40,)"]),
    "NaN": (lambda w: with_value(w, 3, np.nan), ["sample_weight", "NaN"]),
    "2-D": (lambda w: w[:, np.newaxis], ["sample_weight", "(40, 1)", "(40,)", "one weight"]),
}


@pytest.mark.parametrize(("spoil", "parts"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_bad_weights(sequences, small, spoil, parts, method):
    message = message_of(ValueError, getattr(small(), method), *sequences, spoil(np.ones(40)))
    assert_says(message, parts)


BAD_PARAMETERS = {
    "attention": ("luong", ["'luong'", "mean", "dot", "general", "additive", "hierarchical"]),
    "head_input": ("query", ["'query'", "concat", "context"]),
    "units": (0, ["int in the range [1, inf)", "Got 0"]),
    "loss": ("mse", ["'mse'", "squared_error", "absolute_error", "huber", "quantile"]),
    "quantile": (1.0, ["(0.0, 1.0)", "Got 1.0"]),
    "optimizer": ("lion", ["'lion'", "adamw", "sgd"]),
    "dropout": (1.0, ["[0.0, 1.0)", "Got 1.0"]),
    "early_stopping": ("yes", ["'yes'", "auto"]),
    "callbacks": (print, ["list", "None", "print"]),
}


@pytest.mark.parametrize("name", BAD_PARAMETERS)
def test_bad_parameters(sequences, name):
    value, parts = BAD_PARAMETERS[name]
    model = LSTMAttentionRegressor(**{name: value})
    message = message_of(ValueError, model.fit, *sequences)
    assert_says(message, [f"'{name}' parameter of LSTMAttentionRegressor must be", *parts])


DENSE = [64, "128", (0,), (8.5,), (-1,), ("a",), (None,), (np.nan,), (np.inf,), ((8, 8),)]


@pytest.mark.parametrize("dense_units", DENSE, ids=repr)
def test_bad_dense_units(sequences, small, dense_units):
    message = message_of(ValueError, small(dense_units=dense_units).fit, *sequences)
    assert_says(message, ["dense_units", repr(dense_units)])


@pytest.mark.parametrize("weights", [None, np.eye(40)[3]])
def test_early_stopping_needs_two_rows(sequences, small, weights):
    X, y = sequences
    rows = slice(1) if weights is None else slice(None)
    model = small(early_stopping=True)
    message = message_of(ValueError, model.fit, X[rows], y[rows], weights)
    assert_says(message, ["early_stopping=True", "n_samples = 1 ", "too few for both"])
    assert_says(message, ["early_stopping=False", "X_val and y_val", "more samples"])


def test_early_stopping_needs_windows_apart_from_the_last(small):
    X = np.lib.stride_tricks.sliding_window_view(np.arange(25.0), 16)
    model, y = small(early_stopping=True, validation_fraction=0.2), np.arange(10.0)
    message = message_of(ValueError, model.fit, X, y)
    assert_says(
        message, ["share nothing with them", "n_samples = 10 ", "16 steps", "shorter windows"]
    )
    assert message_of(ValueError, model.fit, X.copy(), y) == message


def test_validation_targets_are_asked_for_by_name(sequences, small):
    X, y = sequences
    assert_says(message_of(ValueError, small().fit, X, y, X_val=X), ["y_val"])
    assert_says(message_of(ValueError, small().fit, X, y, y_val=y), ["X_val", "y_val"])


def test_other_number_of_outputs(sequences, small):
    X, y = sequences
    model = small().partial_fit(X, y)
    message = message_of(ValueError, model.partial_fit, X, X[:, 0])
    assert_says(message, ["y has 2 outputs", "expecting 1", "as many outputs as in the first fit"])


def test_no_attention_has_no_weights(sequences, small):
    model = small(attention=None).fit(*sequences)
    assert not hasattr(model, "attention_weights")
    with pytest.raises(AttributeError, match="attention_weights") as caught:
        model.attention_weights(sequences[0])
    assert_says(str(caught.value.__cause__), ["attention=None", "additive", "callable"])


def test_unknown_level(sequences, small):
    model = small().fit(*sequences)
    message = message_of(ValueError, model.attention_weights, sequences[0], level="self")
    assert_says(message, ["attention='additive'", "no level 'self'", "['steps']"])
    model = small("hierarchical").fit(*sequences)
    message = message_of(ValueError, model.attention_weights, sequences[0], level="top")
    assert_says(message, ["'top'", "'self'", "'steps'", "'summary'"])


@pytest.mark.parametrize("method", ["predict", "attention_weights", "to_keras", "to_scikeras"])
def test_unfitted(sequences, small, method):
    arguments = [] if method.startswith("to_") else [sequences[0]]
    message = message_of(NotFittedError, getattr(small(), method), *arguments)
    assert_says(message, ["LSTMAttentionRegressor", "not fitted yet", "Call 'fit'"])


def test_errors_of_validation_rows_say_so(sequences, small):
    X, y = sequences
    bad = with_value(y, 3, np.nan)
    message = message_of(ValueError, small().fit, X, y, X_val=X, y_val=bad)
    assert_says(message, ["In X_val, y_val", "Input y contains NaN"])


def test_only_ratios_of_weights_matter(sequences, small):
    X, y = sequences
    equal = small().fit(X, y, sample_weight=np.full(40, 1e308))
    np.testing.assert_allclose(equal.predict(X), small().fit(X, y).predict(X), rtol=1e-6)


@pytest.mark.parametrize(("name", "value"), [("attention", "luong"), ("head_input", "query")])
def test_build_network_names_what_it_knows(name, value):
    message = message_of(ValueError, build_network, n_features=2, **{name: value})
    assert_says(message, [name, repr(value), "one of"])


def test_value_too_far_from_the_training_rows(sequences, small):
    X, y = sequences
    model = small().fit(X * 1e-30, y)
    far = with_value(X, (3, 2, 1), 1e20)
    message = message_of(ValueError, model.predict, far)
    assert_says(message, ["The value 1e+20", "feature 1", "too far", "training rows", "Remove it"])
