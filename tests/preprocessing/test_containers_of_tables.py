"""The same numbers and times in any container: the same windows bit for bit, or our own error.

A few examples by default; ``--hypothesis-profile=full`` runs 2,000 of each property.
"""

import warnings
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

from panels import series_by_loop, windows_by_loop
from skattn import SequenceScaler, TimeWindows, sliding_windows

ANY = settings(deadline=None, derandomize=True)

NUMBERS = st.one_of(
    st.just(np.nan), st.floats(-1e6, 1e6), st.integers(-9, 9).map(float), st.just(-0.0)
)


@st.composite
def numbers(draw, min_rows=1):
    """Draw the numbers of a table (n_rows, n_columns)."""
    shape = draw(st.integers(min_rows, 8)), draw(st.integers(1, 4))
    size = shape[0] * shape[1]
    return np.reshape(draw(st.lists(NUMBERS, min_size=size, max_size=size)), shape)


# Containers of numbers


def as_frame(values, dtype="float64"):
    return pd.DataFrame(values, columns=list("dbca")[: values.shape[1]]).astype(dtype)


def as_masked(values):
    """Hide what is missing under a mask, above numbers that must not be read."""
    return np.ma.masked_array(np.where(np.isnan(values), 77.0, values), mask=np.isnan(values))


def as_structured(values, masked=False):
    names = list("dbca")[: values.shape[1]]
    if not masked:
        return np.array([*map(tuple, values)], dtype=[(name, float) for name in names])
    rows, mask = as_masked(values).data, np.isnan(values)
    dtype = [(name, float) for name in names]
    return np.ma.array([*map(tuple, rows)], mask=[*map(tuple, mask)], dtype=dtype)


def as_polars(values):
    """Return a polars frame in which null and NaN take turns as what is missing."""
    columns = {}
    for position, name in enumerate(list("dbca")[: values.shape[1]]):
        column = pl.Series(name, values[:, position])
        columns[name] = column.fill_nan(None) if position % 2 else column
    return pl.DataFrame(columns)


def as_objects(values):
    return np.where(np.isnan(values), None, values.astype(object))


UNNAMED = {
    "array": lambda values: values,
    "by columns": np.asfortranarray,
    "backwards": lambda values: values[::-1].copy()[::-1],
    "every second": lambda values: np.repeat(values, 2, axis=0)[::2],
    "read-only": lambda values: np.broadcast_to(values, values.shape),
    "longdouble": lambda values: values.astype("longdouble"),
    "list": lambda values: values.tolist(),
    "list of arrays": list,
    "tuple": lambda values: (*map(tuple, values),),
    "objects": as_objects,
    "list with None": lambda values: as_objects(values).tolist(),
    "masked": as_masked,
    "list of masked rows": lambda values: [*as_masked(values)],
    "masked objects": lambda values: as_masked(values).astype(object),
}
NAMED = {
    "pandas": as_frame,
    "pandas, numbered": pd.DataFrame,
    "pandas, each column apart": lambda values: pd.concat(
        [as_frame(values)[[name]] for name in as_frame(values)], axis=1
    ),
    "pandas, objects": lambda values: as_frame(as_objects(values), object),
    "pandas, Float64": lambda values: as_frame(values, "Float64"),
    "pandas, arrow": lambda values: as_frame(values, "double[pyarrow]"),
    "pandas, pairs of names": lambda values: as_frame(values).set_axis(
        pd.MultiIndex.from_tuples([("x", n) for n in range(values.shape[1])]), axis=1
    ),
    "polars": as_polars,
    "pyarrow": lambda values: as_polars(values).to_arrow(),
    "record batch": lambda values: as_polars(values).to_arrow().to_batches()[0],
    "structured": as_structured,
    "masked structured": lambda values: as_structured(values, masked=True),
}
REFUSED = {
    "sparse": lambda values: csr_array(np.nan_to_num(values)),
    "sparse columns": lambda values: as_frame(values, pd.SparseDtype("float64", np.nan)),
    "lazy": lambda values: as_polars(values).lazy(),
    "text": lambda values: values.astype(str),
    "text columns": lambda values: as_frame(values.astype(str), "str"),
    "categories": lambda values: as_frame(values, "category"),
    "complex": lambda values: values.astype(complex),
    "dates": lambda values: np.nan_to_num(values).astype("M8[s]"),
    "lengths of time": lambda values: pl.DataFrame(np.nan_to_num(values).astype("m8[ms]")),
    "three dimensions": lambda values: values[np.newaxis],
    "cells": lambda values: pd.DataFrame({"d": [*values]}),
    "series": lambda values: pd.Series([*values]),
    "ragged": lambda values: [*values.tolist(), [1.0] * 9],
}
WHOLE = UNNAMED | NAMED


def refuses(function, table):
    """Return whether a function refuses a table in words of ours, not of a library below."""
    with pytest.raises((ValueError, TypeError)) as error:
        function(table)
    return "skattn" in str(error.traceback[-1].path).split("site-packages")[-1]


@ANY
@given(values=numbers(), name=st.sampled_from(sorted(WHOLE)), dilation=st.integers(1, 2))
def test_windows_do_not_depend_on_the_container(values, name, dilation):
    length = 1 + (len(values) - 1) // dilation
    windows = TimeWindows(length, dilation=dilation)
    expected = windows_by_loop(values, [range(len(values))], length, dilation)
    result = windows.fit(WHOLE[name](values)).transform(WHOLE[name](values))
    assert result.dtype == "float64"
    assert_array_equal(result, expected)
    sliding = sliding_windows(WHOLE[name](values), length=length, dilation=dilation)
    assert_array_equal(sliding, expected[(length - 1) * dilation :])


@ANY
@given(values=numbers(min_rows=2), name=st.sampled_from(sorted(REFUSED)))
def test_what_is_refused_is_refused_in_our_words(values, name):
    table = REFUSED[name](values)
    assert refuses(TimeWindows(1).fit, table)
    assert refuses(lambda X: sliding_windows(X, length=1), table)
    if name not in ("three dimensions", "ragged"):
        assert refuses(SequenceScaler().fit, table)


@ANY
@given(values=numbers(), data=st.data())
def test_columns_are_known_by_name(values, data):
    """In another order they are an error; and a column of groups is found wherever it is."""
    frame = as_frame(values)
    order = data.draw(st.permutations(list(frame)))
    make = data.draw(st.sampled_from([pd.DataFrame, pl.from_pandas]))
    windows = TimeWindows(1).fit(make(frame))
    if order == list(frame):
        assert_array_equal(windows.transform(make(frame[order])), values[:, np.newaxis])
    else:
        with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
            windows.transform(make(frame[order]))
    groups = data.draw(st.lists(st.sampled_from("pq"), min_size=len(frame), max_size=len(frame)))
    place = data.draw(st.integers(0, frame.shape[1]))
    table = frame.copy()
    table.insert(place, "g", groups)
    expected = windows_by_loop(values, series_by_loop(groups, np.arange(len(groups))), 2)
    if max(map(groups.count, "pq")) > 1:
        assert_array_equal(TimeWindows(2, group_by="g").fit_transform(make(table)), expected)


@ANY
@given(
    parts=st.lists(numbers(), min_size=1, max_size=3),
    names=st.lists(st.sampled_from(sorted(WHOLE)), min_size=3, max_size=3),
)
def test_scaled_sequences_do_not_depend_on_the_container(parts, names):
    width = min(part.shape[1] for part in parts)
    parts = [part[:, :width] for part in parts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no value in a column; frames beside arrays
        expected = SequenceScaler().fit(parts).transform(parts)
        given = [make(part) for make, part in zip([WHOLE[n] for n in names], parts, strict=False)]
        if "pandas, numbered" in names or "pandas, pairs of names" in names:
            given = parts
        result = SequenceScaler().fit(given).transform(given)
    for one, other in zip(result, expected, strict=True):
        assert_array_equal(one, other)


# Containers of times

START = datetime(2024, 3, 30, 20)  # two hours before clocks change in Berlin


def stamps(hours, unit):
    return pd.DatetimeIndex([START + timedelta(hours=hour) for hour in hours]).as_unit(unit)


def with_offsets(hours):
    """Return dates of which those from hour 5 on have another distance from UTC."""
    return [
        (START + timedelta(hours=hour))
        .replace(tzinfo=timezone.utc)
        .astimezone(timezone(timedelta(hours=1 + (hour >= 5))))
        for hour in hours
    ]


def objects(labels):
    return pd.Index([*labels], dtype=object)


DATED = {
    **{f"dates in {u}": lambda h, u=u: stamps(h, u) for u in ("s", "ms", "us", "ns")},
    "a zone": lambda hours: stamps(hours, "us").tz_localize("UTC").tz_convert("Europe/Berlin"),
    "a fixed offset": lambda hours: stamps(hours, "ns").tz_localize("+05:30"),
    "several offsets": lambda hours: objects(with_offsets(hours)),
    "datetimes": lambda hours: objects(stamps(hours, "us").to_pydatetime()),
    "Timestamps": lambda hours: objects(stamps(hours, "ns")),
    "periods": lambda hours: stamps(hours, "us").to_period("h"),
    "Periods": lambda hours: objects(stamps(hours, "us").to_period("h")),
    "timedelta64": lambda hours: pd.to_timedelta(hours, "h"),
    "timedeltas": lambda hours: objects([timedelta(hours=hour) for hour in hours]),
    "categories": lambda hours: pd.CategoricalIndex(stamps(hours, "us")),
    "arrow": lambda hours: pd.Index(stamps(hours, "us"), dtype="timestamp[us][pyarrow]"),
    "arrow of a zone": lambda hours: pd.Index(
        stamps(hours, "us").tz_localize("UTC"), dtype="timestamp[us, UTC][pyarrow]"
    ),
}
NUMBERED = {
    **{t: lambda h, t=t: pd.Index(h, dtype=t) for t in ("int8", "uint64", "float64", "Int64")},
    "arrow integers": lambda hours: pd.Index(hours, dtype="int64[pyarrow]"),
    "integers one by one": lambda hours: objects(hours),
}


NOT_IN_POLARS = {"periods", "Periods", "several offsets", "a fixed offset", "categories"}


@st.composite
def timed(draw):
    """Draw the groups and times, in hours, of the rows of a panel."""
    groups = draw(st.lists(st.sampled_from("pq"), min_size=2, max_size=9))
    hours, now = [], {}
    for group in groups:
        now[group] = now.get(group, 0) + draw(st.sampled_from([1, 1, 2, 5]))
        hours.append(now[group])
    return groups, hours


@ANY
@given(
    rows=timed(),
    kind=st.sampled_from(sorted(DATED | NUMBERED)),
    place=st.sampled_from(["index", "column", "level", "polars", "pyarrow"]),
    max_gap=st.sampled_from([None, 1, 2]),
)
def test_windows_do_not_depend_on_how_time_is_told(rows, kind, place, max_gap):
    groups, hours = rows
    labels = (DATED | NUMBERED)[kind](hours)
    units = max_gap if max_gap is None or kind in NUMBERED else f"{max_gap}h"
    params = {"group_by": "g", "max_gap": units}
    table = pd.DataFrame({"a": np.arange(float(len(groups))), "g": groups})
    if place == "index":
        table.index = labels
    elif place == "level":
        table.index = pd.MultiIndex.from_arrays([labels, table.pop("g")], names=["t", "g"])
    else:
        table["t"], params["time"] = pd.Series(labels, dtype=labels.dtype), "t"
    if place in ("polars", "pyarrow"):
        if kind in NOT_IN_POLARS:
            return
        table = pl.from_pandas(table)
        table = table.to_arrow() if place == "pyarrow" else table
    windows = np.asarray(TimeWindows(1, **params).fit(table).set_params(length=2).transform(table))
    expected = windows_by_loop(
        np.arange(float(len(groups)))[:, np.newaxis], series_by_loop(groups, hours, max_gap), 2
    )
    assert_array_equal(windows, expected)
