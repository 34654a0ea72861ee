"""What the last step of a fitted estimator reads: its sequences, and their lags and names."""

import warnings
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._inputs.checks import as_sequences, n_dims_of
from .._preprocessing.time_windows import TimeWindows
from .._preprocessing.times import even_period
from .._sklearn import n_samples_of
from .alignment import move, places_of_ends


@dataclass(frozen=True)
class Reading:
    """The sequences that reach the last step of an estimator, and what predicts from them.

    Attributes
    ----------
    predictor : estimator
        Predicts, from the sequences, what the whole estimator predicts.
    regressor : estimator
        The last step itself.
    X : array, DataFrame or list
        The sequences as the regressor reads them.
    index : pandas.Index
        Labels of the samples: the index of the caller's X, where it has one.
    period : int or Timedelta
        Rows, or time, from one step to the next.
    transformers : tuple of transformers
        What X has passed through.
    columns : list of str or None
        Names of the caller's columns.
    """

    predictor: Any
    regressor: Any
    X: Any
    index: pd.Index
    period: Any = 1
    transformers: tuple = ()
    columns: list | None = None

    def lags(self, n_timesteps):
        """Return how long before the last step each step is.

        As times where the samples are windows of rows at even times, as numbers of rows
        or steps where not.
        """
        return pd.Index(np.arange(n_timesteps)[::-1] * self.period, name="lag")

    def feature_names(self, n_features):
        """Return a name for each feature of a step, numbers where none are known."""
        names = self.columns
        for transformer in self.transformers:
            names = _names_after(transformer, names)
        if names is None or not self.transformers:
            names = list(getattr(self.regressor, "feature_names_in_", []))
        if len(names) == n_features:
            return [str(name) for name in names]
        return [f"feature {feature}" for feature in range(n_features)]

    def sequences(self):
        """Return X as a float array (n_samples, n_timesteps, n_features), last steps aligned.

        Sequences of unequal length end in the last column, so that a column is a lag.
        """
        return self.aligned(self._sequences)

    def aligned(self, values, axes=(1,)):
        """Move values with a time axis so that every sequence ends in the last column."""
        return move(values, self._places, axes)

    @property
    def length_of_dependence(self):
        """Number of neighbouring samples that share rows: the rows that a window spans."""
        windows = _windows_among(self.transformers)
        return 1 if windows is None else windows.window_span_

    @cached_property
    def _sequences(self):
        return as_sequences(self.X, _n_timesteps_of(self.regressor))

    @cached_property
    def _places(self):
        """Return for each aligned column the column it has now; None where none moves.

        Windows of a table stay as they are: their last step is that of their row, present
        or not. So do the columns of a regressor that does not read steps.
        """
        is_table = n_dims_of(self.X) == 2 and not _has_n_timesteps(self.regressor)
        if is_table or _windows_among(self.transformers) is not None:
            return None
        return places_of_ends(self._sequences)

    def as_read(self, sequences):
        """Return an array of sequences in the form in which the regressor reads them."""
        if isinstance(self.X, pd.DataFrame):
            columns = self.X.columns
            return pd.DataFrame(sequences.reshape(len(sequences), -1), columns=columns)
        return sequences.reshape(len(sequences), -1) if n_dims_of(self.X) == 2 else sequences


def read(estimator, X):
    """Follow X through a fitted estimator to its last step.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor, or a Pipeline, a search or a `TransformedTargetRegressor`
        around one, in any order.
    X : array-like
        As the estimator's `predict` takes it.

    Returns
    -------
    reading : Reading
        What reaches the last step.
    """
    index = X.index if isinstance(X, (pd.DataFrame, pd.Series)) else None
    predictor, regressor, transformers = unwrap(estimator)
    columns = list(X.columns) if isinstance(X, pd.DataFrame) else None
    for transformer in transformers:
        X = transformer.transform(X)
    if index is None or len(index) != n_samples_of(X):
        index = pd.RangeIndex(n_samples_of(X))
    period = _period_of(_windows_among(transformers), index)
    return Reading(predictor, regressor, X, index, period, tuple(transformers), columns)


def _names_after(transformer, names):
    """Return the names of features after a transformer; None where none are known."""
    if not hasattr(transformer, "get_feature_names_out"):
        return None
    if names is None and not hasattr(transformer, "feature_names_in_"):
        return None  # it would make some up
    try:
        return list(transformer.get_feature_names_out(names))
    except (AttributeError, ValueError) as error:
        warnings.warn(
            f"Features are numbered, since {type(transformer).__name__}.get_feature_names_out "
            f"failed: {error}",
            stacklevel=2,
        )
        return None


def _windows_among(transformers):
    """Return the last `TimeWindows`; None without one."""
    return next((each for each in reversed(transformers) if isinstance(each, TimeWindows)), None)


def _period_of(windows, index):
    """Return the rows, or the time where rows come at even times, from step to step."""
    if windows is None:
        return 1
    row_period = windows.row_period_
    one_row = len(index) == 1 and windows.max_gap is None
    agrees = one_row or even_period(index) == row_period
    return int(windows.dilation) * (row_period if row_period is not None and agrees else 1)


def _n_timesteps_of(regressor):
    """Return how a regressor, or the one inside it, reads the columns of 2-D X."""
    found = set(_all_n_timesteps(regressor))
    return found.pop() if len(found) == 1 else None


def _has_n_timesteps(regressor):
    return bool(_all_n_timesteps(regressor))


def _all_n_timesteps(regressor):
    params = regressor.get_params(deep=True)
    return [value for name, value in params.items() if name.split("__")[-1] == "n_timesteps"]


def unwrap(estimator):
    """Take a fitted estimator apart.

    Returns
    -------
    predictor : estimator
        Predicts from what reaches the last step.
    regressor : estimator
        The last step.
    transformers : list of transformers
        The steps before it.
    """
    check_is_fitted(estimator)
    if isinstance(estimator, FrozenEstimator):  # it hands out its estimator's attributes
        return unwrap(estimator.estimator)
    if hasattr(estimator, "best_estimator_"):
        return unwrap(estimator.best_estimator_)
    if hasattr(estimator, "cv_results_") and getattr(estimator, "refit", True) is False:
        raise AttributeError(
            f"This {type(estimator).__name__} keeps no fitted model, since refit=False. "
            "Search with refit=True, or pass the model fitted with the parameters it chose."
        )
    if isinstance(estimator, Pipeline):
        predictor, regressor, transformers = unwrap(estimator.steps[-1][1])
        return predictor, regressor, _transformers(estimator.steps[:-1]) + transformers
    if isinstance(estimator, TransformedTargetRegressor):
        inner, regressor, transformers = unwrap(estimator.regressor_)
        predictor = copy(estimator)
        predictor.regressor_ = inner  # what predicts still undoes the target's transform
        return predictor, regressor, transformers
    return estimator, estimator, []


def _transformers(steps):
    """List the transformers among the steps of a Pipeline, those of inner ones too."""
    flat = []
    for _, step in steps:
        while isinstance(step, FrozenEstimator):
            step = step.estimator
        if isinstance(step, Pipeline):
            flat += _transformers(step.steps)
        elif step not in (None, "passthrough"):
            flat.append(step)
    return flat
