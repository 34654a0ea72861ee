"""The input contract: shapes, absent steps, weights, and the messages when they are off.

The one place that imports scikit-learn's private helpers; it knows no Keras.
"""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_y,
    check_array,
    check_consistent_length,
    validate_data,
)

__all__ = ["Integral", "Interval", "Real", "StrOptions", "fit_context"]

FLOAT32_MAX = float(np.finfo("float32").max)


@dataclass(frozen=True)
class Sequences:
    """Sequences with their present steps on the left and NaN on the right.

    Attributes
    ----------
    X : array of shape (n_samples, n_timesteps, n_features)
        Present steps first, in their order; then NaN.
    order : int array of shape (n_samples, n_timesteps) or None
        ``order[i, t]`` is the place that step t of sample i came from; None where
        no step is absent.
    """

    X: np.ndarray
    order: np.ndarray | None = None

    def put_back(self, values, axis=1):
        """Return values, which have a time axis, in the order the caller gave."""
        if self.order is None:
            return values
        shape = [len(self.order)] + [1] * (values.ndim - 1)
        shape[axis] = self.order.shape[1]
        placed = np.empty_like(values)
        np.put_along_axis(placed, self.order.reshape(shape), values, axis=axis)
        return placed


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
        The checked sequences.
    """
    if _is_list_of_2d(X):
        X = _padded(X)
    n_dims = _n_dims(X)
    if n_dims == 3:
        X = _check_3d(estimator, X, reset)
    elif n_dims == 2:
        X = _check_2d(estimator, X, reset)
    else:
        got = "rows of unequal length" if n_dims is None else f"shape {np.shape(X)}"
        raise ValueError(
            f"{_name(estimator)} expects X of shape (n_samples, n_timesteps, n_features), or a "
            f"list of arrays (n_timesteps, n_features). Got {got}. Reshape your data: one sequence "
            "of one feature is X.reshape(1, -1, 1); for one long table make windows first, for "
            "instance with numpy.lib.stride_tricks.sliding_window_view."
        )
    _check_range(
        X,
        "X",
        f"{_name(estimator)} expects finite values up to 3.4e38 in size; replace it, or mark the "
        "whole step as absent with NaN in all its features.",
    )
    return _present_steps_left(X, _name(estimator))


def _check_3d(estimator, X, reset):
    X = check_array(X, allow_nd=True, ensure_all_finite=False, estimator=estimator)
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


def _is_list_of_2d(X):
    """Tell whether X is a list of sequences, each (n_timesteps, n_features)."""
    is_list = isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.ndim == 1)
    if not is_list or len(X) == 0:
        return False
    return all(_n_dims(sequence) == 2 for sequence in X)


def _n_dims(values):
    """Return the number of dimensions; None for a list of rows of unequal length."""
    try:
        return values.ndim if hasattr(values, "ndim") else np.asarray(values).ndim
    except ValueError:
        return None


def _padded(sequences):
    """Stack sequences of unequal length into one array, NaN to the right."""
    sequences = [check_array(s, ensure_all_finite=False, ensure_min_samples=0) for s in sequences]
    widths = [sequence.shape[1] for sequence in sequences]
    for position, width in enumerate(widths):
        if width != widths[0]:
            raise ValueError(
                "A list of sequences needs the same features in each: sequence 0 has shape "
                f"{sequences[0].shape}, sequence {position} has {sequences[position].shape}. "
                "Each must have shape (n_timesteps, n_features)."
            )
    longest = max(len(sequence) for sequence in sequences)
    if all(len(sequence) == longest for sequence in sequences):
        return np.stack(sequences)
    X = np.full((len(sequences), longest, widths[0]), np.nan)
    for row, sequence in zip(X, sequences, strict=True):
        row[: len(sequence)] = sequence
    return X


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


def _present_steps_left(X, name):
    """Return X as `Sequences`; refuse partly missing steps and empty samples."""
    if X.dtype.kind != "f" or not np.isnan(np.min(X)):
        return Sequences(X)
    missing = np.isnan(X)
    absent = missing.all(axis=2)
    partly = missing.any(axis=2) & ~absent
    if partly.any():
        sample, step = np.argwhere(partly)[0]
        features = np.flatnonzero(missing[sample, step]).tolist()
        raise ValueError(
            f"Input X contains NaN in some features of a step: sample {sample}, step {step}, "
            f"features {features}. {name} accepts NaN only where all features of a step are "
            "NaN, which marks the step as absent. Fill the others first, for instance with "
            "sklearn.impute.SimpleImputer or pandas.DataFrame.ffill on the table of rows."
        )
    empty = absent.all(axis=1)
    if empty.any():
        raise ValueError(
            f"Input X contains NaN in every step of sample {np.flatnonzero(empty)[0]} "
            f"({empty.sum()} such samples): a sequence needs at least one present step. "
            "Remove these samples."
        )
    order = np.argsort(absent, axis=1, kind="stable")
    return Sequences(np.take_along_axis(X, order[:, :, np.newaxis], axis=1), order)


def check_targets(y, X, estimator):
    """Check y; return it as float64 of shape (n_samples, n_outputs), and its dimensions."""
    if y is None:
        raise ValueError(
            f"This {_name(estimator)} estimator requires y to be passed, but the target y is "
            "None. Pass one target, or one row of targets, for each sequence in X."
        )
    y = _check_y(y, multi_output=True, y_numeric=True, estimator=estimator)
    check_consistent_length(X, y)
    y = y.astype("float64")
    _check_range(y, "y", "Rescale y, or remove these rows.")
    return y.reshape(len(y), -1), y.ndim


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


def check_finite_predictions(prediction):
    """Refuse to return a prediction that is not finite."""
    finite = np.isfinite(prediction).all(axis=1)
    if not finite.all():
        raise FloatingPointError(
            f"The prediction of sample {np.flatnonzero(~finite)[0]} is not finite "
            f"({(~finite).sum()} such samples). Its values lie too far from the training rows; "
            "compare them with feature_statistics_."
        )


def _name(estimator):
    return type(estimator).__name__
