"""Sequences in any container: one reader for array-likes, lists and frames."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pandas as pd

from .._sklearn import names_of_columns
from .columns import numbers_of
from .tables import filled, read_table
from .windows import Windows


class Container(NamedTuple):
    """Numbers as they came, in one of a few forms.

    Attributes
    ----------
    values : Windows, DataFrame or array
        A frame has two dimensions. A list of sequences is an array of three, NaN to the right.
    feature_names : array of str or None
        Names of the features of a step, where a list of frames or windows have them.
    """

    values: Windows | pd.DataFrame | np.ndarray
    feature_names: np.ndarray | None = None

    @property
    def n_dims(self):
        return len(self.values.shape)


def read_container(X, name):
    """Read sequences in any container, converted once.

    Parameters
    ----------
    X : array-like, masked array, frame, or list of arrays or frames
        As the user gave it. What is masked is missing.
    name : str
        Who asks, for messages.

    Returns
    -------
    container : Container

    Raises
    ------
    ValueError, TypeError
        If X holds anything but numbers, or a list of what is no sequence.
    """
    if is_list(X):
        sequences = _as_list(X)
        if sequences is not None:
            return _of_list(sequences, name)
        X = _of_nested_lists(X, name)
        if isinstance(X, Container):
            return X
    with overflow_named("X"):
        return Container(_numbers(read_table(X, name).columns, name))


def is_list(X):
    """Return whether X is a list, a tuple, or a column of objects."""
    is_column = (
        len(getattr(X, "shape", ())) == 1 and getattr(getattr(X, "dtype", None), "kind", "") == "O"
    )
    return (isinstance(X, (list, tuple)) or is_column) and len(X) > 0


def _as_list(X):
    """Return a list of tables: arrays and frames of two dimensions; None of anything else."""
    return list(X) if all(map(_is_table, X)) else None


def _is_table(X):
    names = getattr(getattr(X, "dtype", None), "names", None)  # of a structured array
    return len(getattr(X, "shape", ())) == (2 if names is None else 1)


def _of_nested_lists(X, name):
    """Return an array of nested lists, or what a list of unequal sequences is."""
    if any(np.ma.isMaskedArray(row) for row in X):
        X = [filled(row) for row in X]
    try:
        values = np.asarray(X)
    except ValueError as error:
        return _of_unequal(X, name, error)
    is_column = values.ndim == 1 and values.dtype == object
    return _of_unequal(values, name) if is_column and is_list(values[0]) else values


def _of_unequal(X, name, error=None):
    """Read a list of nested lists of unequal length."""
    got = "a list of parts of unequal shape"
    try:
        sequences = [np.asarray(sequence) for sequence in X]
    except ValueError as inner:
        raise ValueError(_expected(name, got)) from inner
    n_dims = {sequence.ndim for sequence in sequences}
    if n_dims == {2}:
        return _of_list(sequences, name)
    remedy = ""
    if n_dims == {1}:
        got = "a list of sequences of one dimension and unequal length"
        remedy = " Give each one a feature: [s.reshape(-1, 1) for s in X], if these are arrays."
    raise ValueError(_expected(name, got) + remedy) from error


def _expected(name, got):
    return (
        f"{name} expects X of shape (n_samples, n_timesteps, n_features), or a list of arrays "
        f"(n_timesteps, n_features). Got {got}."
    )


def _of_list(sequences, name):
    """Read a list of sequences, each an array or a frame of two dimensions."""
    with overflow_named("X"):
        tables = [_numbers(read_table(sequence, name).columns, name) for sequence in sequences]
    names = _names_of(tables)
    arrays = [np.asarray(table) for table in tables]
    check_widths(arrays)
    longest = max(map(len, arrays))
    if all(len(array) == longest for array in arrays):
        return Container(np.stack(arrays), names)
    X = np.full((len(arrays), longest, arrays[0].shape[1]), np.nan)
    for row, array in zip(X, arrays, strict=True):
        row[: len(array)] = array
    return Container(X, names)


def _names_of(tables):
    """Return the names of the columns, which must be the same in all tables; None where none is."""
    names = [names_of_columns(table) for table in tables]
    for number, other in enumerate(names):
        if not _equal(other, names[0]):
            raise ValueError(
                "A list of sequences needs the same columns in each, in the same order: sequence 0 "
                f"has {_in_words(names[0])}, sequence {number} has {_in_words(other)}. Bring them "
                "into one order: [frame[names] for frame in X]."
            )
    return names[0]


def _equal(names, others):
    return names is others if names is None or others is None else list(names) == list(others)


def _in_words(names):
    return "no names" if names is None else f"columns {list(names)}"


def _numbers(values, name):
    """Return a table, or an array of any dimensions, as numbers."""
    if isinstance(values, np.ndarray) and values.ndim > 2 and values.dtype.kind not in "biuf":
        return numbers_of(values.reshape(-1, values.shape[-1]), name, rows=False).reshape(
            values.shape
        )
    return numbers_of(values, name, rows=False)


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


@contextmanager
def overflow_named(name):
    """Name the input in which an integer of Python is too large for a float."""
    try:
        yield
    except OverflowError as error:
        raise ValueError(
            f"Input {name} contains infinity or a value too large for float32: {error}."
        ) from error
