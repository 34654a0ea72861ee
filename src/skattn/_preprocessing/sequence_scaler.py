"""Standardization of sequences as a scikit-learn transformer."""

from collections.abc import Callable
from copy import copy, deepcopy
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from .._inputs.checks import (
    check_array_of_sequences,
    check_table,
    n_dims_of,
)
from .._inputs.columns import numbers_of
from .._inputs.containers import check_widths
from .._inputs.sequences import table_of
from .._inputs.tables import filled, read_table
from .._inputs.windows import Windows
from .._sklearn import fit_context


class SequenceScaler(
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    """Standardize each feature of sequences to mean 0 and standard deviation 1.

    What `sklearn.preprocessing.StandardScaler` does for tables, and does itself here, on
    the steps of all sequences together. NaN is left out of the statistics and stays NaN,
    so absent steps stay absent.

    `LSTMAttentionRegressor` standardizes by itself; this is for other estimators, and
    for transformers between the two.

    Parameters
    ----------
    with_mean : bool, default=True
        Whether to subtract the mean.
    with_std : bool, default=True
        Whether to divide by the standard deviation.

    Attributes
    ----------
    scaler_ : StandardScaler
        The scaler of the steps, with ``mean_``, ``var_``, ``scale_`` and
        ``n_samples_seen_``, which counts steps.
    n_features_in_ : int
        Number of features of a step.
    feature_names_in_ : ndarray of str
        Their names; for 2-D X with string column names only.

    See Also
    --------
    TimeWindows : Windows of a table; scale the table before.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn import SequenceScaler
    >>> X = np.array([[[1.0], [3.0]], [[np.nan], [5.0]]])
    >>> SequenceScaler(with_std=False).fit_transform(X).tolist()
    [[[-2.0], [0.0]], [[nan], [2.0]]]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
    }

    def __init__(self, *, with_mean=True, with_std=True):
        self.with_mean = with_mean
        self.with_std = with_std

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Take the mean and the standard deviation of each feature.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences of shape (n_samples, n_timesteps, n_features), a list of arrays
            (n_timesteps, n_features), or a table (n_rows, n_features).
        y : None
            Not used.

        Returns
        -------
        self : SequenceScaler
            The fitted scaler.
        """
        scaler = StandardScaler(with_mean=self.with_mean, with_std=self.with_std)
        scaler.set_output(transform="default")  # whatever the global setting
        return self._learn(scaler, X, reset=True)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Take further sequences into the statistics.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences as in `fit`.
        y : None
            Not used.

        Returns
        -------
        self : SequenceScaler
            The fitted scaler.
        """
        if not hasattr(self, "scaler_"):
            return self.fit(X)
        return self._learn(deepcopy(self.scaler_), X, reset=False)

    def transform(self, X):
        """Standardize sequences.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences as in `fit`.

        Returns
        -------
        scaled : ndarray or list of ndarray
            Of the shape of X. Windows that share the rows of one table share them still.
        """
        check_is_fitted(self)
        return self._map(self.scaler_.transform, X)

    def inverse_transform(self, X):
        """Undo the standardization.

        Parameters
        ----------
        X : array-like or list of array-like
            Standardized sequences.

        Returns
        -------
        sequences : ndarray or list of ndarray
            Of the shape of X, in the units of `fit`.
        """
        check_is_fitted(self)
        return self._map(self.scaler_.inverse_transform, X)

    def set_output(self, *, transform=None):
        """Accept the setting and change nothing: sequences are arrays.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            For the other steps of a Pipeline.

        Returns
        -------
        self : SequenceScaler
            The scaler.
        """
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _learn(self, scaler, X, reset):
        trial = copy(self)
        table, counts, _ = trial._read(X, reset)
        trial.scaler_ = scaler.partial_fit(table, sample_weight=counts)
        self.__dict__ = trial.__dict__  # a fit that fails leaves no trace
        return self

    def _map(self, function, X):
        table, _, as_sequences = self._read(X, reset=False)
        return as_sequences(function(table))

    def _read(self, X, reset):
        """Return the steps of X as a table, their counts, and what makes sequences of them."""
        if _is_list_of_sequences(X):
            return self._read_list(X, reset)
        counts, n_dims, X = None, _n_dims(X), filled(X)
        as_sequences: Callable = np.asarray
        if n_dims == 3:
            sequences = check_array_of_sequences(_numbers_of_3d(X))
            X, layout = table_of(sequences)
            is_windows = isinstance(sequences, Windows)
            as_sequences = sequences.with_table if is_windows else layout.windows_of
            if layout.shares_rows:
                counts = layout.counts.astype("float64")
                X = X if layout.whole else np.where(counts[:, np.newaxis] > 0, X, np.nan)
        elif n_dims is not None and n_dims > 3:
            raise ValueError(
                f"SequenceScaler expects X of shape (n_samples, n_timesteps, n_features), a list "
                f"of arrays (n_timesteps, n_features) or a table. Got shape {np.shape(X)}."
            )
        return _by_rows(check_table(_numbers(X), self, reset=reset)), counts, as_sequences

    def _read_list(self, X, reset):
        """Read a list of sequences, whose columns must have the names of the first in fit."""
        sequences = [_numbers(sequence) for sequence in X]
        check_widths(sequences)
        tables: list[np.ndarray] = []
        for sequence in sequences:
            resets = reset and not tables
            tables.append(check_table(sequence, self, reset=resets, ensure_min_samples=0))
        ends = np.cumsum([len(table) for table in tables])
        as_sequences: Callable = lambda table: np.split(table, ends[:-1])  # noqa: E731
        return _by_rows(check_table(np.concatenate(tables))), None, as_sequences


def _by_rows(table):
    """Return a table row by row in memory: the order of a sum decides its last bit."""
    return np.ascontiguousarray(table)


def _is_list_of_sequences(X):
    is_list = isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.ndim == 1)
    return is_list and len(X) > 0 and all(_n_dims(sequence) == 2 for sequence in X)


def _n_dims(X):
    """Return the number of dimensions, without making an array of a frame."""
    if getattr(getattr(X, "dtype", None), "names", None):  # the fields of a structured array
        return X.ndim + 1
    return len(X.shape) if hasattr(X, "shape") else n_dims_of(X)


def _numbers(X):
    return numbers_of(read_table(X, "SequenceScaler").columns, "SequenceScaler", rows=False)


def _numbers_of_3d(X):
    """Return sequences as numbers, where they are an array of anything else."""
    if not isinstance(X, np.ndarray) or X.dtype.kind in "biuf" or not X.size:
        return X
    return _numbers(X.reshape(-1, X.shape[2])).reshape(X.shape)
