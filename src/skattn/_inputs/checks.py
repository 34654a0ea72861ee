"""The input contract: shapes, absent steps, weights, and the messages when they are off.

The one place that imports scikit-learn's private helpers; it knows no Keras.
"""

from contextlib import contextmanager

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    validate_data,
)

from .._sklearn import check_y
from .sequences import present_steps
from .strides import table_of
from .windows import Windows

FLOAT32_MAX = float(np.finfo("float32").max)


def check_sequences(estimator, X, *, reset):
    """Check X and bring it to three dimensions, present steps first.

    Parameters
    ----------
    estimator : estimator
        With `n_timesteps`; takes `n_features_in_`, `feature_names_in_` and
        `n_timesteps_in_` where `reset`, and is held to them where not.
    X : array, DataFrame or list of 2-D arrays
        As the user gave it.
    reset : bool
        True in fit, False afterwards.

    Returns
    -------
    sequences : Sequences
        The checked sequences; windows that share the rows of one table share them still.
    """
    if is_list_of_sequences(X):
        with _overflow_named("X"):
            X = _padded(X)
    n_dims = n_dims_of(X)
    if n_dims in (2, 3):
        with _overflow_named("X"):
            X = (_check_3d if n_dims == 3 else _check_2d)(estimator, X, reset)
            if X.dtype.kind == "O":  # of nested lists; scikit-learn leaves them so
                X = X.astype("float64")
    else:
        got = "rows of unequal length" if n_dims is None else f"shape {np.shape(X)}"
        raise ValueError(
            f"{_name(estimator)} expects X of shape (n_samples, n_timesteps, n_features), or a "
            f"list of arrays (n_timesteps, n_features). Got {got}. Reshape your data: one sequence "
            "of one feature is X.reshape(1, -1, 1); for one long table make windows first, with "
            "skattn.TimeWindows or skattn.sliding_windows."
        )
    if X.dtype.kind in "mM":
        raise ValueError(
            f"{_name(estimator)} expects numbers. Got X of dtype {X.dtype}: dates and times. Turn "
            "them into numbers that mean something, such as the hour of the day, or drop them."
        )
    table, layout = table_of(X)
    sequences = present_steps(table, layout, _name(estimator))
    _check_range(
        sequences.table,
        "X",
        f"{_name(estimator)} expects finite values up to 3.4e38 in size; replace it, or mark the "
        "whole step as absent with NaN in all its features.",
    )
    return sequences


def check_array_of_sequences(X, estimator=None):
    """Check an array of three dimensions, NaN allowed; infinity is not looked for."""
    if isinstance(X, Windows):
        if not len(X):
            raise ValueError(
                f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required."
            )
        windows = X.trimmed()
        table = check_array(windows.table, ensure_all_finite=False, estimator=estimator)
        return windows.with_table(table)
    return check_array(X, allow_nd=True, ensure_all_finite=False, estimator=estimator)


def _check_3d(estimator, X, reset):
    X = check_array_of_sequences(X, estimator)
    n_timesteps, n_features = X.shape[1:]
    if 0 in (n_timesteps, n_features):
        raise ValueError(
            f"{_name(estimator)} expects X with at least one time step and one feature. "
            f"Got shape {X.shape} of (n_samples, n_timesteps, n_features)."
        )
    if reset:
        estimator.n_features_in_ = n_features
        estimator.n_timesteps_in_ = n_timesteps
        estimator._X_ndim = 3
        vars(estimator).pop("feature_names_in_", None)
        return X
    if estimator._X_ndim == 2:
        raise ValueError(
            f"X has 3 dimensions (shape {X.shape}), but {_name(estimator)} was fitted on 2-D X "
            f"with {estimator.n_features_in_} columns. Pass X of shape (n_samples, "
            f"{estimator.n_features_in_})."
        )
    if n_features != estimator.n_features_in_:
        hint = ""
        if n_timesteps == estimator.n_features_in_:
            hint = (
                " The axes look swapped: aeon, sktime and tsai use (n_samples, n_channels, "
                "n_timesteps); pass X.transpose(0, 2, 1)."
            )
        raise ValueError(
            f"X has {n_features} features per time step (shape {X.shape} of (n_samples, "
            f"n_timesteps, n_features)), but {_name(estimator)} is expecting "
            f"{estimator.n_features_in_} features as input.{hint}"
        )
    return X


def _check_2d(estimator, X, reset):
    if not reset and estimator._X_ndim == 3:
        raise ValueError(
            f"X has 2 dimensions (shape {np.shape(X)}), but {_name(estimator)} was fitted on X "
            "of shape (n_samples, n_timesteps, n_features) with n_features="
            f"{estimator.n_features_in_}. Reshape your data: one sequence is X[np.newaxis]."
        )
    X = validate_data(estimator, X, reset=reset, ensure_all_finite=False)
    if reset:
        estimator.n_timesteps_in_ = estimator.n_timesteps or X.shape[1]
        estimator._X_ndim = 2
        if X.shape[1] % estimator.n_timesteps_in_:
            raise ValueError(
                f"n_timesteps={estimator.n_timesteps} does not divide the {X.shape[1]} columns "
                "of X. X needs n_timesteps * n_features columns, in time order: all features "
                "of the first step, then all of the second, ..."
            )
    return X.reshape(len(X), estimator.n_timesteps_in_, -1)


def is_list_of_sequences(X):
    """Tell whether X is a list of sequences, each (n_timesteps, n_features)."""
    is_list = isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.ndim == 1)
    if not is_list or len(X) == 0:
        return False
    return all(n_dims_of(sequence) == 2 for sequence in X)


def n_dims_of(values):
    """Return the number of dimensions; None for a list of rows of unequal length."""
    try:
        return values.ndim if hasattr(values, "ndim") else np.asarray(values).ndim
    except ValueError:
        return None


def _padded(sequences):
    """Stack sequences of unequal length into one array, NaN to the right."""
    sequences = [check_array(s, ensure_all_finite=False, ensure_min_samples=0) for s in sequences]
    check_widths(sequences)
    longest = max(len(sequence) for sequence in sequences)
    if all(len(sequence) == longest for sequence in sequences):
        return np.stack(sequences)
    X = np.full((len(sequences), longest, sequences[0].shape[1]), np.nan)
    for row, sequence in zip(X, sequences, strict=True):
        row[: len(sequence)] = sequence
    return X


def as_sequences(X, n_timesteps=None):
    """Return X as a new float64 array (n_samples, n_timesteps, n_features), NaN where absent.

    Parameters
    ----------
    X : array-like or list of array-like
        As an estimator's `fit` takes it.
    n_timesteps : int or None
        How the columns of a 2-D X are read; None for one feature per step.
    """
    if is_list_of_sequences(X):
        X = _padded(X)
    if n_dims_of(X) == 2:
        X = check_array(X, dtype="float64", ensure_all_finite=False, copy=True)
        return X.reshape(len(X), n_timesteps or X.shape[1], -1)
    X = np.array(X, dtype="float64")
    if X.ndim != 3:
        raise ValueError(
            "Expected X of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns). "
            f"Got shape {X.shape}."
        )
    return X


def check_widths(sequences):
    """Refuse sequences of different numbers of features."""
    widths = [sequence.shape[1] for sequence in sequences]
    for position, width in enumerate(widths):
        if width != widths[0]:
            raise ValueError(
                "A list of sequences needs the same features in each: sequence 0 has shape "
                f"{sequences[0].shape}, sequence {position} has {sequences[position].shape}. "
                "Each must have shape (n_timesteps, n_features)."
            )


def _check_range(X, name, advice):
    """Refuse infinite values, and values that float32 cannot hold."""
    if X.dtype.kind != "f":
        return
    lowest, highest = float(np.fmin.reduce(X, axis=None)), float(np.fmax.reduce(X, axis=None))
    if max(-lowest, highest) > FLOAT32_MAX:
        value = highest if highest > FLOAT32_MAX else lowest
        raise ValueError(
            f"Input {name} contains infinity or a value too large for float32: {value}. {advice}"
        )


def check_table(X, estimator=None, *, reset=True, **options):
    """Check a table (n_rows, n_features); return it as floats, NaN allowed."""
    options |= {"dtype": ["float64", "float32"], "ensure_all_finite": "allow-nan"}
    if estimator is None:
        return check_array(X, **options)
    return validate_data(estimator, X, reset=reset, **options)


def check_targets(y, X, estimator):
    """Check y; return it as float64 of shape (n_samples, n_outputs), and its dimensions."""
    if y is None:
        raise ValueError(
            f"This {_name(estimator)} estimator requires y to be passed, but the target y is "
            "None. Pass one target, or one row of targets, for each sequence in X."
        )
    if issparse(y):
        raise TypeError("Sparse data was passed for y, but dense data is required: y.toarray().")
    with np.errstate(invalid="ignore"), _overflow_named("y"):
        y = check_y(y, multi_output=True, y_numeric=True, estimator=estimator)
        check_consistent_length(X, y)
        if y.dtype.kind in "mM":
            raise ValueError(
                f"{_name(estimator)} expects y to be numbers. Got dtype {y.dtype}. Predict a "
                "number, such as the hours until a date."
            )
        y = y.astype("float64")
    if np.isnan(y).any():
        raise ValueError("Input y contains NaN. Remove these rows, or fill in their targets.")
    _check_range(y, "y", "Rescale y, or remove these rows.")
    return y.reshape(len(y), -1), y.ndim


@contextmanager
def _overflow_named(name):
    """Name the input in which an integer of Python is too large for a float."""
    try:
        yield
    except OverflowError as error:
        raise ValueError(
            f"Input {name} contains infinity or a value too large for float32: {error}."
        ) from error


def check_validation_rows(X_val, y_val, sample_weight_val):
    """Refuse validation rows of which a part is missing."""
    named = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
    given = [name for name, value in named.items() if value is not None]
    if given and (X_val is None or y_val is None):
        raise ValueError(
            f"Validation rows need both X_val and y_val. Got only {' and '.join(given)}."
        )


def check_weights(sample_weight, X):
    """Check sample weights; return them as float64 (ones where None)."""
    if sample_weight is None:
        return np.ones(len(X))
    weights = check_array(
        sample_weight, ensure_2d=False, dtype="float64", input_name="sample_weight"
    )
    if weights.shape != (len(X),):
        raise ValueError(
            f"sample_weight has shape {weights.shape}, expected ({len(X)},): one weight for each "
            "row of X."
        )
    if (weights < 0).any():
        raise ValueError(
            f"sample_weight contains a negative value: {weights.min():g} at row "
            f"{weights.argmin()}. Weights must be zero or positive; zero leaves a row out."
        )
    if not weights.any():
        raise ValueError(
            f"sample_weight is zero for all {len(weights)} rows: nothing is left to fit. "
            "Give at least one row a positive weight."
        )
    # Only their ratios matter. A power of two keeps every bit and no sum overflows.
    return weights / 2.0 ** np.floor(np.log2(weights.max()))


def _name(estimator):
    return type(estimator).__name__
