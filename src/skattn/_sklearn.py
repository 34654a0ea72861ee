"""The door to scikit-learn: the one module that imports its private helpers."""

from numbers import Integral

import pandas as pd
from sklearn.base import _fit_context as fit_context
from sklearn.externals import array_api_compat
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.validation import (
    _check_feature_names,
    _check_feature_names_in,
    _get_feature_names,
    _num_samples,
)

__all__ = [
    "POSITIVE_INTEGER",
    "SCORING",
    "Interval",
    "StrOptions",
    "check_names",
    "check_params",
    "feature_names",
    "fit_context",
    "n_samples_of",
    "names_of_columns",
    "namespace_of",
    "validate_params",
]


POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")

#: Constraints of one score.
SCORING = [StrOptions(set(get_scorer_names())), callable, None]


def n_samples_of(X):
    """Return the number of rows of an array-like."""
    return _num_samples(X)


def feature_names(estimator, input_features=None):
    """Return the names of a fitted estimator's features, as scikit-learn does."""
    return _check_feature_names_in(estimator, input_features)


def check_names(estimator, names):
    """Refuse names of features that are not those of fit, as scikit-learn does for a frame."""
    _check_feature_names(estimator, pd.DataFrame(columns=names), reset=False)


def names_of_columns(X):
    """Return the names of a table's columns where all are strings, else None."""
    return _get_feature_names(X)


def namespace_of(array):
    """Return the namespace of the array API in which scikit-learn works on an array."""
    return array_api_compat.array_namespace(array)


def check_params(estimator):
    """Check an estimator's parameters against its constraints, as `fit` does."""
    estimator._validate_params()
