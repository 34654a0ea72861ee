"""A table parted into its features and what orders its rows."""

from decimal import Decimal
from numbers import Integral, Real

import numpy as np
import pandas as pd

from .._inputs.columns import numbers_of
from .._inputs.tables import filled
from .._sklearn import Interval
from .order import Order
from .times import TEXT, times_of, times_of_levels, warn_of_text

#: Constraints of the name, or the position, of a column.
TIME = [str, Interval(Integral, 0, None, closed="left"), tuple, None]

#: Constraints of what tells series apart.
GROUP_BY = [*TIME, "array-like"]


def read_order(table, group_by, time, name):
    """Part a table into its features and the order of its rows.

    Parameters
    ----------
    table : Table
        The table.
    group_by : str, int, tuple, list, array or None
        Columns or levels of the index that hold each row's group, or the groups.
    time : str, int, tuple or None
        The column, or level of the index, that holds each row's time.
    name : str
        Who asks, for messages.

    Returns
    -------
    features : array or DataFrame
        The columns without those of groups and of time, as numbers.
    order : Order
        Groups and times.
    """
    if table.columns.ndim > 2:
        raise ValueError(
            f"{name} expects a table of shape (n_rows, n_columns). Got shape "
            f"{table.columns.shape}. Sequences need no windows: pass them to the regressor."
        )
    if table.columns.ndim < 2:  # what checks the table says what is wrong
        return numbers_of(table.columns, name), Order(np.zeros(table.columns.size), None)
    keys = names_in(group_by)
    places = [table.place_of(key, f"{name}: group_by={group_by!r}") for key in keys]
    groups = [table.labels(place) for place in places]
    if group_by is not None and not keys:
        groups = [_labels_given(group_by, table, name)]
    if time is not None:
        places.append(table.place_of(time, f"{name}: time={time!r}"))
        times = _times_given(table.labels(places[-1]), f"{name}: time={time!r}")
    else:
        times = _times_of_index(table, places)
    if len(set(places)) < len(places):
        raise ValueError(f"{name}: group_by={group_by!r} and time={time!r} name a column twice.")
    _check_complete(times, "the index of X" if time is None else f"time={time!r}")
    order = Order(_group_of_each(groups, group_by, len(table)), times)
    return numbers_of(table.without(places), name), order


def names_in(group_by):
    """Return the names in a parameter `group_by`: each item of a list, else the one."""
    if isinstance(group_by, list):
        return group_by
    return [group_by] if isinstance(group_by, (str, tuple, Integral)) else []


def _labels_given(group_by, table, name):
    """Check labels that are given themselves, one for each row."""
    is_series = isinstance(group_by, (pd.Series, pd.DataFrame))
    labels = filled(group_by if is_series else np.ma.asanyarray(group_by))
    if np.ndim(labels) != 1 or len(labels) != len(table):
        raise ValueError(
            f"{name}: group_by as an array needs one label for each of the {len(table)} rows. Got "
            f"shape {np.shape(labels)}. Columns or index levels are named by text, or a list."
        )
    if is_series and table.index is not None and not labels.index.equals(table.index):
        raise ValueError(
            f"{name}: the index of group_by is not that of X. Bring both into the same rows "
            "first, for instance with group_by.loc[X.index]."
        )
    return pd.Index(labels)


def _times_given(labels, what):
    times = times_of(labels)
    if times is None:
        raise ValueError(
            f"{what} must hold dates, periods, lengths of time or numbers. Got {labels.dtype}, "
            f"such as {labels[0]!r}. Parse text first, with pd.to_datetime or polars' "
            "str.to_datetime."
        )
    return times


def _times_of_index(table, places):
    """Return the times that the index tells besides groups; None where it tells none."""
    levels = [table.labels(place) for place in table.levels if place not in places]
    if not levels:
        return None
    several = len(levels) > 1
    times = times_of_levels(levels) if several else times_of(levels[0])
    if times is None or times.kind == TEXT:
        warn_of_text(levels[-1], several)
    return times


def _check_complete(times, what):
    missing = np.zeros(0) if times is None else times.missing
    if missing.any():
        raise ValueError(
            f"There is no time in row {missing.argmax()} of {what} ({missing.sum()} such rows). "
            "Give each row a time, or remove these rows."
        )


def _group_of_each(parts, group_by, n_rows):
    """Return the group of each row; `parts` hold the labels of each column or level."""
    if not parts:
        return np.zeros(n_rows, dtype=int)
    codes, labels = zip(*map(pd.factorize, parts), strict=True)
    missing = np.min(codes, axis=0) < 0
    if missing.any():
        what = f"={group_by!r}" if names_in(group_by) else ""
        raise ValueError(
            f"group_by{what} has no value in row {missing.argmax()} ({missing.sum()} such rows). "
            "Give each row a group, or remove these rows."
        )
    shape = [max(len(of_part), 1) for of_part in labels]
    numbers, found = pd.factorize(np.ravel_multi_index(codes, shape))
    groups = np.empty(len(found), dtype=object)
    for place, each in enumerate(zip(*np.unravel_index(found, shape), strict=True)):
        label = tuple(_plain(of_part[code]) for of_part, code in zip(labels, each, strict=True))
        groups[place] = label[0] if len(parts) == 1 else repr(label)
    if all(isinstance(label, int) and abs(label) < 2**63 for label in groups):
        groups = groups.astype("int64")  # sooner told apart than objects
    return groups[numbers]


def _plain(label):
    """Return a label as a number or text, which any file format can hold."""
    if isinstance(label, str):
        return str(label)
    if isinstance(label, np.timedelta64) or not isinstance(label, (Real, np.bool_, Decimal)):
        return repr(label)
    if isinstance(label, (Integral, np.bool_)):
        return int(label)
    if isinstance(label, Decimal):  # floats would make one group of two numbers of many digits
        is_whole = label.is_finite() and label == label.to_integral_value()
        return int(label) if is_whole else repr(label)
    number = float(label)
    return int(number) if number.is_integer() else number  # 1 and 1.0 are one group
