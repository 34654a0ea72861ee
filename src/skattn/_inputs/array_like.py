"""What numpy asks of an array-like whose values are rows of a table."""

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .._sklearn import namespace_of
from .layout import Layout

#: Functions of numpy that work value by value, besides its ufuncs.
BY_VALUE = {np.clip, np.nan_to_num, np.round}

#: Functions of numpy that need the shape alone.
BY_SHAPE = {np.ndim, np.shape, np.size}


_OF_NUMPY = """Return what `numpy.{}` returns for these windows{}.

Parameters
----------
*args, **kwargs
    As numpy takes them.
"""


def _of_array(name):
    """Return a method that does to the windows what ndarray's method of this name does."""

    def method(self, *args, **kwargs):
        return getattr(np.asarray(self), name)(*args, **kwargs)

    method.__name__ = name
    method.__doc__ = _OF_NUMPY.format(f"ndarray.{name}", " as an array")
    return method


def _of_values(function):
    """Return a method that calls a function of numpy that works value by value."""

    def method(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = _OF_NUMPY.format(function.__name__, ", as windows")
    return method


class ArrayLike(NDArrayOperatorsMixin):
    """An array-like (n_samples, n_timesteps, n_features) on a table, as numpy takes it.

    What works value by value is done to the table; all else to the array.
    """

    table: np.ndarray
    layout: Layout
    feature_names: np.ndarray | None

    def _set(self, table, layout, feature_names):
        self.table = table.view()
        self.table.flags.writeable = False  # what is written to one window would show in others
        self.layout = layout
        self.feature_names = None if feature_names is None else np.array(feature_names, object)
        return self

    def _made(self, table, layout):
        """Return windows of another table or layout; the names go with equally many columns."""
        names = self.feature_names if table.shape[1] == self.table.shape[1] else None
        return object.__new__(type(self))._set(table, layout, names)

    def with_table(self, table):
        """Return the same windows of another table of equal length, such as a scaled one.

        Parameters
        ----------
        table : array-like of shape (n_rows, n_features)
            The other table.

        Returns
        -------
        windows : Windows
            Its windows; they keep the names of the features if there are as many.
        """
        table = np.asarray(table)
        if table.ndim != 2 or len(table) != len(self.table):
            raise ValueError(
                f"The other table needs the rows of this one, shape ({len(self.table)}, "
                f"n_features). Got shape {table.shape}."
            )
        return self._made(table, self.layout)

    def trimmed(self):
        """Return the same windows on the rows from their first step to their last, as a view."""
        rows, layout = self.layout.trimmed()
        return self._made(self.table[rows], layout)

    def __len__(self):
        return len(self.layout.first)

    # As an array

    @property
    def shape(self):
        """Number of samples, of time steps and of features."""
        return (len(self), self.layout.n_timesteps, self.table.shape[1])

    @property
    def dtype(self):
        """Type of the values."""
        return self.table.dtype

    @property
    def ndim(self):
        """Number of dimensions: 3."""
        return 3

    @property
    def size(self):
        """Number of values of the array, counted in each window."""
        return len(self) * self.layout.n_timesteps * self.table.shape[1]

    @property
    def nbytes(self):
        """Bytes of the array if it were spread out; ``table.nbytes`` are those that are kept."""
        return self.size * self.table.itemsize

    @property
    def T(self):  # noqa: N802
        """The array with its axes reversed."""
        return np.asarray(self).T

    all, any, max, mean, min, std, sum, var = map(
        _of_array, ("all", "any", "max", "mean", "min", "std", "sum", "var")
    )
    flatten, ravel, reshape, squeeze, swapaxes, tolist, transpose = map(
        _of_array, ("flatten", "ravel", "reshape", "squeeze", "swapaxes", "tolist", "transpose")
    )

    clip, round = map(_of_values, (np.clip, np.round))

    def astype(self, dtype, **options):
        """Return the windows with values of another type, as `numpy.ndarray.astype` does.

        Parameters
        ----------
        dtype : dtype
            The type.
        **options
            As `numpy.ndarray.astype` takes them.
        """
        windows = self.trimmed()
        return windows.with_table(windows.table.astype(dtype, **options))

    def copy(self):
        """Return the windows of a copy of the table."""
        return self.with_table(self.table.copy())

    def __bool__(self):
        return bool(np.asarray(self))  # an error, as of an array, but for a single value

    def __array__(self, dtype=None, copy=None):
        windows = self if dtype is None or dtype == self.dtype else self.astype(dtype)
        if copy is False and (windows is not self or self.layout.stride is None):
            raise ValueError(
                "Windows that are not evenly spaced, or of another dtype, are an array only as a "
                "copy: np.asarray(windows)."
            )
        array = windows.layout.windows_of(windows.table)
        return array.copy() if copy and not array.flags.writeable else array

    # numpy's protocols

    def __array_namespace__(self, api_version=None):
        return namespace_of(self.table)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any(isinstance(out, ArrayLike) for out in kwargs.get("out", ())):
            raise TypeError(
                "Windows are read-only, since they share the rows of one table. Make new ones "
                "(windows = windows - mean, not windows -= mean), or an array: np.array(windows)."
            )
        by_value = method == "__call__" and ufunc.signature is None
        return _apply(getattr(ufunc, method), inputs, kwargs, by_value)

    def __array_function__(self, function, types, args, kwargs):
        if function in BY_SHAPE:
            args = (np.broadcast_to(np.empty((), self.dtype), self.shape), *args[1:])
            return function(*args, **kwargs)
        return _apply(function, args, kwargs, function in BY_VALUE)

    def _held(self):
        """Return the windows trimmed, with rows that none of them holds replaced by one."""
        windows = self.trimmed()
        held = windows.layout.counts > 0
        if held.all():
            return windows
        row = windows.table[windows.layout.first[0]]
        return windows.with_table(np.where(held[:, np.newaxis], windows.table, row))

    def _lies_like(self, other):
        one, two = self.layout.trimmed()[1], other.layout.trimmed()[1]
        return (
            (one.n_timesteps, one.dilation, one.n_rows)
            == (two.n_timesteps, two.dilation, two.n_rows)
        ) and np.array_equal(one.first, two.first)


def _apply(function, args, kwargs, by_value):
    """Call a function of numpy on the tables of windows if it goes value by value, else on arrays.

    It can where all windows lie alike, and everything else is a number or one number for each
    feature.
    """
    values = [*args, *kwargs.values()]
    windows = [value for value in values if isinstance(value, ArrayLike)]
    others = [value for value in values if not isinstance(value, ArrayLike)]
    if (
        not by_value
        or not windows
        or kwargs.get("out") is not None
        or any(np.ndim(value) > 1 for value in others)
        or not all(windows[0]._lies_like(value) for value in windows[1:])
    ):
        return function(*map(_as_arrays, args), **{k: _as_arrays(v) for k, v in kwargs.items()})
    held = windows[0]._held()

    def of_table(value):
        if isinstance(value, ArrayLike):
            return value._held().table
        return np.asarray(value) if np.ndim(value) else value

    result = function(*map(of_table, args), **{k: of_table(v) for k, v in kwargs.items()})
    if isinstance(result, tuple):
        return tuple(held._made(table, held.layout) for table in result)
    return held._made(result, held.layout)


def _as_arrays(value):
    """Return a value with arrays in place of windows, also inside of lists and tuples."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_as_arrays, value))
    return np.asarray(value) if isinstance(value, ArrayLike) else value
