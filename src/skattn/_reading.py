"""What the last step of a fitted estimator reads: its sequences, and their lags and names."""

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._validation import as_sequences, n_dims_of, n_samples_of


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
    step : int or Timedelta
        Rows, or time, from one step to the next.
    names : list of str or None
        Names of the features of a step, where they are known.
    """

    predictor: Any
    regressor: Any
    X: Any
    index: pd.Index
    step: Any = 1
    names: list | None = None

    def lags(self, n_timesteps):
        """Return how long before the last step each step is.

        As times where the samples are windows of rows at even times, as numbers of rows
        or steps where not.
        """
        return pd.Index(np.arange(n_timesteps)[::-1] * self.step, name="lag")

    def feature_names(self, n_features):
        """Return a name for each feature of a step."""
        if self.names is not None and len(self.names) == n_features:
            return self.names
        return [f"feature {feature}" for feature in range(n_features)]

    def sequences(self):
        """Return X as a float array (n_samples, n_timesteps, n_features) of its own."""
        return as_sequences(self.X, getattr(self.regressor, "n_timesteps", None))

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
    predictor, regressor, steps = unwrap(estimator)
    for step in steps:
        X = step.transform(X)
    if index is None or len(index) != n_samples_of(X):
        index = pd.RangeIndex(n_samples_of(X))
    windows = next((step for step in reversed(steps) if hasattr(step, "stride_within")), None)
    names = getattr(windows, "feature_names_in_", None)
    names = None if names is None else [str(name) for name in names]
    return Reading(predictor, regressor, X, index, _step_of(windows, index), names)


def _step_of(windows, index):
    """Return the rows, or the time where rows come at even times, from step to step."""
    if windows is None:
        return 1
    # The rows of groups may take turns, so that their index is not that of one series.
    period = None if windows.groups is not None else _even_period(index)
    return int(windows.stride_within) * (1 if period is None else period)


def unwrap(estimator):
    """Take a fitted estimator apart.

    Returns
    -------
    predictor : estimator
        Predicts from what reaches the last step.
    regressor : estimator
        The last step.
    steps : list of transformers
        The steps before it.
    """
    check_is_fitted(estimator)
    if isinstance(estimator, FrozenEstimator):  # it hands out its estimator's attributes
        return unwrap(estimator.estimator)
    if hasattr(estimator, "best_estimator_"):
        return _unwrap_inside(estimator, "best_estimator_")
    if hasattr(estimator, "cv_results_") and getattr(estimator, "refit", True) is False:
        raise AttributeError(
            f"This {type(estimator).__name__} keeps no fitted model, since refit=False. "
            "Search with refit=True, or pass the model fitted with the parameters it chose."
        )
    if isinstance(estimator, Pipeline):
        predictor, regressor, steps = unwrap(estimator.steps[-1][1])
        return predictor, regressor, _transformers(estimator.steps[:-1]) + steps
    if isinstance(estimator, TransformedTargetRegressor):
        return _unwrap_inside(estimator, "regressor_")
    return estimator, estimator, []


def _unwrap_inside(estimator, name):
    """Unwrap what an estimator holds; its own scoring, or target's transform, stays."""
    inner, regressor, steps = unwrap(getattr(estimator, name))
    predictor = copy(estimator)
    setattr(predictor, name, inner)
    return predictor, regressor, steps


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


def _even_period(index):
    """Return the time from each label to the next, where it is the same throughout."""
    index = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    if not isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)) or len(index) < 2:
        return None
    periods = index[1:] - index[:-1]
    return periods[0] if (periods == periods[0]).all() and periods[0] > pd.Timedelta(0) else None
