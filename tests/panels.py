"""Tables of several series for the tests of windows, and windows by a plain loop."""

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

RANDOM = settings(max_examples=40, deadline=None, derandomize=True)
TIMES = {
    "dates": lambda hours: pd.Timestamp("2024-03-30") + pd.to_timedelta(hours, "h"),
    "periods": lambda hours: pd.PeriodIndex(pd.Period("2024-03-30", "h") + np.array(hours)),
    "numbers": lambda hours: pd.Index(hours),
}


def series_by_loop(groups, hours, max_gap=None):
    """Return the rows of each series: of one group, without a step longer than max_gap."""
    series, last = [], {}
    for row, (group, hour) in enumerate(zip(groups, hours, strict=True)):
        is_first = group not in last or hour - hours[last[group][-1]] > (max_gap or np.inf)
        if is_first:
            last[group] = []
            series.append(last[group])
        last[group].append(row)
    return series


def windows_by_loop(table, series, length, dilation=1):
    windows = np.full((len(table), length, table.shape[1]), np.nan)
    for rows in series:
        for place, row in enumerate(rows):
            for back in range(length):
                if place - back * dilation >= 0:
                    windows[row, length - 1 - back] = table[rows[place - back * dilation]]
    return windows


@st.composite
def panels(draw, min_rows=1):
    """Draw a table with a column of groups, its series, and the settings of windows.

    The time of a group goes on by 1 to 4 hours from row to row. Groups are interleaved
    or follow one another.
    """
    n_rows = draw(st.integers(min_rows, 24))
    groups = draw(st.lists(st.sampled_from("abc"[: draw(st.integers(1, 3))]), min_size=n_rows))
    groups = sorted(groups) if draw(st.booleans()) else groups
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 4]), min_size=len(groups)))
    hours, now = [], {}
    for group, step in zip(groups, steps, strict=False):
        now[group] = now.get(group, 0) + step
        hours.append(now[group])
    max_gap = draw(st.sampled_from([None, 1, 2]))
    kind = draw(st.sampled_from(sorted(TIMES)))
    table = pd.DataFrame({"u": np.arange(1.0, len(groups) + 1), "g": groups, "v": hours})
    table.index = TIMES[kind](hours).rename("time")
    series = series_by_loop(groups, hours, max_gap)
    longest = max(map(len, series))
    length = draw(st.integers(1, min(longest, 6)))
    dilation = draw(st.integers(1, max(1, (longest - 1) // max(1, length - 1))))
    units = max_gap if max_gap is None or kind == "numbers" else f"{max_gap}h"
    params = {"length": length, "dilation": dilation, "group_by": "g", "max_gap": units}
    return table, series, params


def as_level(table):
    return table.set_index("g", append=True)


def as_position(table):
    return table.assign(g=table["g"].map(ord)).to_numpy(dtype="float64")


def hourly(n_rows, start=0):
    """Return rows of an hourly table: feature a counts them, b is random."""
    index = pd.date_range("2024-03-30", periods=start + n_rows, freq="h")
    values = {"a": np.arange(start + n_rows) + 0.0, "b": np.random.RandomState(0).rand(len(index))}
    return pd.DataFrame(values, index)[start:]


def two_stations(n_rows, start=0):
    return pd.concat([hourly(n_rows, start).assign(g=g) for g in "pq"]).sort_index(kind="stable")
