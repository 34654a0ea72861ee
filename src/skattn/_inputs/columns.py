"""Columns of a table as numbers, and what to do with a column that holds anything else."""

import datetime

import numpy as np
import pandas as pd


def numbers_of(columns, name, *, rows=True):
    """Return columns as numbers; refuse one that holds anything else, with what to do.

    Parameters
    ----------
    columns : DataFrame or array
        As `Table.columns`, without those that order the rows.
    name : str
        Who asks, for messages.
    rows : bool
        Whether parameters `time` and `group_by` are there to name a column.
    """
    if isinstance(columns, np.ndarray):
        if columns.ndim == 0 or columns.dtype.kind in "biuf":
            return columns
        if columns.ndim == 1:  # what checks the table refuses it, whatever it holds
            return _numbers(pd.DataFrame(columns[:, np.newaxis]), name, False, "X")[0].to_numpy()
        return _numbers(pd.DataFrame(columns), name, rows, "X[:, {}]").to_numpy()
    return _numbers(columns, name, rows, "X[{!r}]")


def _numbers(columns, name, rows, of_column):
    """Return columns as numbers; `of_column` is how one is written."""
    objects = {}
    for position, label in enumerate(columns.columns.tolist()):
        column, where = columns.iloc[:, position], f"{name}: column {label!r}"
        kind = _kind_of(column)
        if kind is not None:
            remedy = _remedy(kind, repr(label), of_column.format(label), rows)
            raise ValueError(f"{where} holds {kind}. {remedy}")
        if column.dtype.kind == "O":
            objects[position] = _as_floats(column, where)
    columns = columns.copy(deep=False) if objects else columns
    for position, values in objects.items():
        columns.isetitem(position, values)
    return columns


#: What a cell holds, by its type; the first that fits.
_KINDS = {
    (str, bytes): "text",
    (datetime.date, np.datetime64, pd.Period): "dates",
    (datetime.timedelta, np.timedelta64): "lengths of time",
    (datetime.time,): "times of day",
    (complex, np.complexfloating): "complex numbers",
    (list, tuple, np.ndarray, pd.Series): "an array in each cell",
}

#: What to do with a column that orders rows, where the one who asks has parameters for it.
_FOR_ROWS = {
    "dates": "if they order the rows, say time=NAME.",
    "lengths of time": "if they order the rows, say time=NAME.",
    "text": "if it tells series apart, say group_by=NAME; if it holds dates, parse them "
    "(pd.to_datetime, or str.to_datetime of polars) and say time=NAME.",
    "categories": "if they tell series apart, say group_by=NAME.",
}

#: What to do with any other column.
_REMEDIES = {
    "dates": "turn them into numbers that mean something, such as the hour of the day, or drop "
    "the column.",
    "lengths of time": "turn them into numbers, such as hours, or drop the column.",
    "times of day": "turn them into numbers, such as hours, or drop the column.",
    "text": "encode it, for instance with OneHotEncoder(sparse_output=False), or drop it.",
    "categories": "encode them, for instance with OneHotEncoder(sparse_output=False), or drop "
    "the column.",
    "complex numbers": "make two columns of the real and the imaginary part. Complex data not "
    "supported.",
    "sparse values": "make them dense, X.sparse.to_dense(); an encoder gives a dense table with "
    "sparse_output=False.",
    "intervals": "turn them into numbers, such as their middle, or drop the column.",
    "an array in each cell": "a sequence in each cell makes no table: pass the list of them, "
    "list(COLUMN), to what reads sequences. The values of one step get a column each: "
    "np.stack(COLUMN).",
}


def _remedy(kind, label, column, rows):
    """Return what to do with a column, as text that names it."""
    remedy = _REMEDIES[kind]
    if rows and kind in _FOR_ROWS:
        remedy = f"{_FOR_ROWS[kind]} Else {remedy}"
    remedy = remedy.replace("NAME", label).replace("COLUMN", column)
    return remedy[0].upper() + remedy[1:]


def _kind_of(column):
    """Return in words what a column holds that is not numbers; None of numbers."""
    dtype = column.dtype
    of_type = {
        pd.CategoricalDtype: "categories",
        pd.SparseDtype: "sparse values",
        pd.IntervalDtype: "intervals",
        pd.PeriodDtype: "dates",
        pd.StringDtype: "text",
    }.get(type(dtype))
    of_letter = {"M": "dates", "m": "lengths of time", "c": "complex numbers"}
    kind = of_type or of_letter.get(dtype.kind)
    if kind is not None or pd.api.types.is_numeric_dtype(dtype):
        return kind
    return next(filter(None, map(kind_of_cell, column.dropna().astype(object))), None)


def kind_of_cell(cell):
    """Return in words what a cell is that is no number; None of a number, or what is unknown."""
    return next((kind for types, kind in _KINDS.items() if isinstance(cell, types)), None)


def _as_floats(column, where):
    """Return a column of numbers, each an object, as floats."""
    try:
        return column.astype(object).where(column.notna(), np.nan).to_numpy("float64")
    except TypeError as error:
        raise TypeError(f"{where} holds more than numbers: {error}.") from error
    except OverflowError as error:
        raise ValueError(f"{where} contains infinity or a value too large: {error}.") from error
