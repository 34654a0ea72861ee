"""The table under an array of sequences, found by its strides."""

from math import gcd

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .layout import Layout
from .windows import Windows


def table_of(X):
    """Find the table of rows under X (n_samples, n_timesteps, n_features).

    Parameters
    ----------
    X : array of shape (n_samples, n_timesteps, n_features) or Windows
        Sequences. Arrays that share the memory of their rows, such as
        `numpy.lib.stride_tricks.sliding_window_view` makes, are recognised by their strides.

    Returns
    -------
    table : array of shape (n_rows, n_features)
        Not copied where rows are shared. Then rows that are no step may hold anything.
    layout : Layout
        With ``table[layout.rows]`` equal to X.
    """
    if isinstance(X, Windows):
        windows = X.trimmed()
        return windows.table, windows.layout
    n_samples, n_timesteps, n_features = X.shape
    sample, step, feature = X.strides
    if min(sample, step) > 0:
        row = gcd(sample, step)
        stride, dilation = sample // row, step // row
        if dilation < n_samples and stride < n_timesteps:  # some row is a step of several
            first = np.arange(n_samples) * stride
            n_rows = int(first[-1]) + (n_timesteps - 1) * dilation + 1
            table = as_strided(X, (n_rows, n_features), (row, feature), writeable=False)
            whole = 1 in (stride, dilation)
            return table, Layout(first, n_timesteps, dilation, n_rows, whole)
    first = np.arange(n_samples) * n_timesteps
    return X.reshape(-1, n_features), Layout(
        first, n_timesteps, 1, n_samples * n_timesteps, whole=True
    )
