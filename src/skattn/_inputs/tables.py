"""Tables as users have them: arrays, masked arrays, frames of any package, in one form."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.sparse import issparse


class Place(NamedTuple):
    """Where labels of rows are: a column, or a level of the index, by its number."""

    is_level: bool
    number: int


@dataclass(frozen=True)
class Table:
    """A table of any kind, in one of two forms.

    Attributes
    ----------
    columns : DataFrame or array
        A DataFrame where columns have names, else an array.
    index : pandas.Index or None
        The labels of the rows, where the user's table has such.
    """

    columns: pd.DataFrame | np.ndarray
    index: pd.Index | None = None

    def __len__(self):
        return len(self.columns)

    @property
    def levels(self):
        """The places of the levels of the index."""
        n_levels = 0 if self.index is None else self.index.nlevels
        return [Place(True, level) for level in range(n_levels)]

    def place_of(self, key, what):
        """Return the place that a name, or the position of a column without one, stands for."""
        if isinstance(self.columns, np.ndarray):
            return self._place_at(key, what)
        names = {Place(False, number): name for number, name in enumerate(self.columns.columns)}
        named_levels = [] if self.index is None else self.index.names
        names |= dict(zip(self.levels, named_levels, strict=True))
        found = [place for place, name in names.items() if name == key]
        if len(found) > 1:
            raise ValueError(
                f"{what} is the name of {len(found)} columns or levels of the index. Rename or "
                "drop the others."
            )
        if not found:
            raise ValueError(
                f"{what} is neither a column ({list(self.columns)}) nor a level of the index "
                f"({list(named_levels)}). Name one that is in the table: a list names several, a "
                "tuple is one name. X.index.names = [...] names levels. In a Pipeline, steps "
                "before keep the index after set_output(transform='pandas')."
            )
        return found[0]

    def _place_at(self, position, what):
        n_columns = self.columns.shape[1]
        if not isinstance(position, Integral) or position >= n_columns:
            raise ValueError(
                f"{what} needs the position of a column, below {n_columns}, or a table with named "
                "columns (pandas, polars, pyarrow, a structured array). Got an array of shape "
                f"{self.columns.shape}. In a Pipeline, steps before give a DataFrame after "
                "set_output(transform='pandas')."
            )
        return Place(False, int(position))

    def labels(self, place):
        """Return the labels that are at a place, as an index."""
        if place.is_level and self.index is not None:
            return self.index.set_names([None] * self.index.nlevels).get_level_values(place.number)
        if isinstance(self.columns, np.ndarray):
            return pd.Index(self.columns[:, place.number])
        return pd.Index(self.columns.iloc[:, place.number])

    def without(self, places):
        """Return the columns without those at some places."""
        numbers = [place.number for place in places if not place.is_level]
        if not numbers:
            return self.columns
        if isinstance(self.columns, np.ndarray):
            return np.delete(self.columns, numbers, axis=1)
        kept = [number for number in range(self.columns.shape[1]) if number not in numbers]
        return self.columns.iloc[:, kept]


def read_table(X, name):
    """Read a table of any kind, without a look at its values.

    Parameters
    ----------
    X : array-like, masked array, structured array or frame
        Frames of pandas, of what narwhals knows (polars, pyarrow, Modin, cuDF, ...) and of
        what hands out Arrow streams.
    name : str
        Who asks, for messages.
    """
    if isinstance(X, pd.DataFrame):
        return Table(X, X.index)
    if issparse(X):
        raise TypeError(
            f"{name} expects a dense table, and got a sparse one ({type(X).__name__}). Make it "
            "dense: X.toarray(). In a Pipeline, the encoder before it gives a dense table with "
            "sparse_output=False, and a ColumnTransformer with sparse_threshold=0."
        )
    _refuse_other_collections(X, name)
    if isinstance(X, np.ndarray):
        return Table(filled(X)) if X.dtype.names is None else Table(_structured(X, name))
    frame = nw.from_native(X, pass_through=True, allow_series=True)
    if frame is X and hasattr(X, "__arrow_c_stream__"):
        frame = nw.from_arrow(X, backend="pyarrow")
    if isinstance(frame, nw.LazyFrame):
        raise TypeError(
            f"{name} expects a table with its values, and got a lazy one "
            f"({type(X).__module__}.{type(X).__name__}). Compute it first: X.collect(), or "
            "X.compute()."
        )
    if isinstance(frame, nw.DataFrame):
        return _named(frame)
    return Table(_as_array(filled(X), name))


def _refuse_other_collections(X, name):
    """Refuse what holds a table, or several, but is none."""
    remedy = None
    if isinstance(X, Mapping):
        remedy = "Make a table of its columns, pd.DataFrame(X), or a list of its sequences."
    if isinstance(X, (pd.api.typing.DataFrameGroupBy, pd.api.typing.SeriesGroupBy)):
        remedy = (
            "Sequences are a list, [rows.drop(columns=KEY) for _, rows in X]; windows take the "
            "table itself and group_by=KEY."
        )
    if remedy:
        raise TypeError(f"{name} expects a table, and got a {type(X).__name__}. {remedy}")


def as_frame(X):
    """Return a series, of any kind, as a table of one column, and anything else as it is."""
    series = nw.from_native(X, pass_through=True, series_only=True)
    return series.to_frame().to_native() if isinstance(series, nw.Series) else X


def filled(values):
    """Return an array in which what was masked is missing: NaN, NaT or None."""
    if isinstance(values, (list, tuple)) and any(np.ma.isMaskedArray(row) for row in values):
        values = np.ma.array(values)
    if not np.ma.isMaskedArray(values):
        return values
    mask = np.ma.getmaskarray(values)
    if not mask.any():
        return values.data
    filled_as = {"b": "float64", "i": "float64", "u": "float64", "U": "O", "S": "O"}
    values = values.data.astype(filled_as.get(values.dtype.kind, values.dtype.str))
    missing = {"M": np.datetime64("NaT"), "m": np.timedelta64("NaT"), "O": None}
    values[mask] = missing.get(values.dtype.kind, np.nan)
    return values


def _as_array(X, name):
    """Return an array of any other array-like."""
    try:
        values = np.asarray(X)
        # Of [[1.0, "a"]] numpy makes text of the number as well, of [[1.0, 1j]] two complex ones.
        return np.asarray(X, dtype=object) if values.dtype.kind in "USc" else values
    except ValueError as error:
        values = np.asarray(X, dtype=object)
        if values.ndim == 2:  # of cells that are arrays
            return values
        raise ValueError(
            f"{name} expects a table of shape (n_rows, n_columns), and got rows of unequal "
            "length. Of several series make one table, with a column that tells them apart: "
            "pd.concat(frames, keys=names, names=['series']) and group_by='series'."
        ) from error


def _structured(X, name):
    if X.ndim != 1:
        raise ValueError(
            f"{name} expects a structured array of shape (n_rows,). Got shape {X.shape}."
        )
    fields = {field: filled(X[field]) for field in X.dtype.names}
    return pd.DataFrame(
        {f: list(values) if values.ndim > 1 else values for f, values in fields.items()}
    )


def _named(frame):
    """Return a frame that narwhals reads as a table with a DataFrame."""
    if frame.implementation.is_pandas_like():  # Modin, cuDF: they have an index
        columns = frame.to_pandas()
        return Table(columns, columns.index)
    columns = {column: _values_of(frame[column]) for column in frame.columns}
    return Table(pd.DataFrame(columns, copy=False))


def _values_of(series):
    """Return the values of a column in the type that pandas would have given them."""
    dtype = series.dtype
    if not (dtype.is_numeric() or dtype.is_temporal() or dtype == nw.Boolean):
        return pd.Series(series.to_list(), dtype=object)
    values = pd.Series(series.to_numpy())
    zone = getattr(dtype, "time_zone", None)
    return values if zone is None else values.dt.tz_localize("UTC").dt.tz_convert(zone)
