"""What X must be: its shape, its names, and which samples count, with the messages."""

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from .._sklearn import check_names
from .containers import Container, read_container
from .sequences import sequences_of
from .windows import Windows


def check_sequences(estimator, X, *, reset):
    """Check X and bring it to three dimensions, present steps first.

    Parameters
    ----------
    estimator : estimator
        With `n_timesteps`; takes `n_features_in_`, `n_features_per_step_`,
        `feature_names_in_` and `n_timesteps_in_` where `reset`, and is held to them where not.
    X : array, DataFrame, Windows or list of arrays or DataFrames
        As the user gave it.
    reset : bool
        True in fit, False afterwards.

    Returns
    -------
    sequences : Sequences
        The checked sequences; windows that share the rows of one table share them still.
    """
    return sequences_of(check_shape(estimator, X, reset=reset), _name(estimator))


def check_shape(estimator, X, *, reset, input_name="X"):
    """Check what of X does not depend on its values, and bring it to three dimensions.

    Parameters
    ----------
    estimator, X, reset
        As in `check_sequences`.
    input_name : str
        The parameter that X was passed as.

    Returns
    -------
    X : array of shape (n_samples, n_timesteps, n_features), or Windows
    """
    container = _read(X, _name(estimator))
    if container.n_dims not in (2, 3):
        raise ValueError(
            f"{_name(estimator)} expects {input_name} of shape (n_samples, n_timesteps, "
            "n_features), or a list of arrays (n_timesteps, n_features). Got shape "
            f"{container.values.shape}. Reshape your data: one sequence of one feature is "
            "X.reshape(1, -1, 1), a list of sequences in cells is list(X); for one long table make "
            "windows first, with skattn.TimeWindows or skattn.sliding_windows."
        )
    if container.n_dims == 3:
        return _check_3d(estimator, container, reset)
    if not reset and estimator._X_ndim == 3:
        return _check_flattened(estimator, container.values, input_name)
    return _check_2d(estimator, container.values, reset)


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


def _read(X, name):
    """Return windows and an array of numbers as they are; read any other container."""
    if isinstance(X, Windows):
        return Container(X, X.feature_names)
    if type(X) is np.ndarray and X.ndim and X.dtype.kind in "biuf":
        return Container(X)
    return read_container(X, name)


def _check_3d(estimator, container, reset):
    X, names = check_array_of_sequences(container.values, estimator), container.feature_names
    n_timesteps, n_features = X.shape[1:]
    if 0 in (n_timesteps, n_features):
        raise ValueError(
            f"{_name(estimator)} expects X with at least one time step and one feature. "
            f"Got shape {X.shape} of (n_samples, n_timesteps, n_features)."
        )
    if reset:
        _take_shape(estimator, 3, n_timesteps, n_features)
        estimator.n_features_in_ = n_timesteps * n_features
        vars(estimator).pop("feature_names_in_", None)
        if names is not None:
            estimator.feature_names_in_ = names
        return X
    if estimator._X_ndim == 2:
        raise ValueError(
            f"X has 3 dimensions (shape {X.shape}), but {_name(estimator)} was fitted on 2-D X "
            f"with {estimator.n_features_in_} columns. Pass X of shape (n_samples, "
            f"{estimator.n_features_in_})."
        )
    if n_features != estimator.n_features_per_step_:
        hint = ""
        if n_timesteps == estimator.n_features_per_step_:
            hint = (
                " The axes look swapped: aeon, sktime and tsai use (n_samples, n_channels, "
                "n_timesteps); pass X.transpose(0, 2, 1)."
            )
        raise ValueError(
            f"X has {n_features} features per time step (shape {X.shape} of (n_samples, "
            f"n_timesteps, n_features)), but {_name(estimator)} is expecting "
            f"{estimator.n_features_per_step_} features as input.{hint}"
        )
    if names is not None and hasattr(estimator, "feature_names_in_"):
        check_names(estimator, names)
    return X


def _check_2d(estimator, X, reset):
    X = validate_data(estimator, X, reset=reset, ensure_all_finite=False)
    if reset:
        n_timesteps = estimator.n_timesteps or X.shape[1]
        if X.shape[1] % n_timesteps:
            raise ValueError(
                f"n_timesteps={estimator.n_timesteps} does not divide the {X.shape[1]} columns "
                "of X. X needs n_timesteps * n_features columns, in time order: all features of "
                "the first step, then all of the second, ... If all steps of the first feature "
                "come first, pass X.reshape(len(X), n_features, n_timesteps).transpose(0, 2, 1). A "
                "RegressorChain appends outputs as columns: fit all outputs at once instead, "
                "y of shape (n_samples, n_outputs)."
            )
        _take_shape(estimator, 2, n_timesteps, X.shape[1] // n_timesteps)
    return X.reshape(len(X), estimator.n_timesteps_in_, -1)


def _check_flattened(estimator, X, input_name):
    """Read 2-D X after a fit on 3-D X: the same steps and features, side by side."""
    n_columns, n_features = estimator.n_features_in_, estimator.n_features_per_step_
    if X.shape[1] != n_columns:
        remedy = (
            f"Reshape your data: pass {input_name} of shape (n_samples, n_timesteps, "
            f"{n_features}), or with "
            f"{n_columns} columns, all features of the first step first."
        )
        if input_name == "X_val":
            remedy += (
                " Behind other steps of a Pipeline, X_val has to go through them as well: "
                "Pipeline(steps, transform_input=['X_val']), with metadata routing enabled."
            )
        elif X.shape[1] == n_features:
            remedy += " If the rows are the time steps of one sequence, pass X[np.newaxis]."
        raise ValueError(
            f"{input_name} has 2 dimensions (shape {X.shape}), but {_name(estimator)} was fitted "
            "on X of shape (n_samples, n_timesteps, n_features) with n_timesteps="
            f"{estimator.n_timesteps_in_}, n_features={n_features}. {remedy}"
        )
    X = check_array(X, ensure_all_finite=False, estimator=estimator, input_name="X")
    return X.reshape(len(X), -1, n_features)


def _take_shape(estimator, n_dims, n_timesteps, n_features):
    estimator.n_timesteps_in_ = n_timesteps
    estimator.n_features_per_step_ = n_features
    estimator._X_ndim = n_dims


def n_dims_of(X):
    """Return the number of dimensions of X as an estimator's `fit` takes it."""
    return _read(X, "The estimator").n_dims


def as_sequences(X, n_timesteps=None):
    """Return X as a new float64 array (n_samples, n_timesteps, n_features), NaN where absent.

    Parameters
    ----------
    X : array-like or list of array-like
        As an estimator's `fit` takes it.
    n_timesteps : int or None
        How the columns of a 2-D X are read; None for one feature per step.
    """
    container = _read(X, "The estimator")
    if container.n_dims == 2:
        X = check_array(container.values, dtype="float64", ensure_all_finite=False, copy=True)
        return X.reshape(len(X), n_timesteps or X.shape[1], -1)
    X = np.array(container.values, dtype="float64")
    if X.ndim != 3:
        raise ValueError(
            "Expected X of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns). "
            f"Got shape {X.shape}."
        )
    return X


def check_table(X, estimator=None, *, reset=True, **options):
    """Check a table (n_rows, n_features); return it as floats, NaN allowed."""
    options |= {"dtype": ["float64", "float32"], "ensure_all_finite": "allow-nan"}
    if estimator is None:
        return check_array(X, **options)
    return validate_data(estimator, X, reset=reset, **options)


def _name(estimator):
    return type(estimator).__name__
