"""Several series in one table: levels of an index, groups by several names, given labels."""

from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from panels import two_stations
from skattn import TimeWindows, sliding_windows

MONTHS = pd.date_range("2024-01", periods=6, freq="MS")
OFFSETS = [datetime.fromisoformat(f"2024-03-31T0{3 * h}:00+0{h + 1}:00") for h in range(3)]
LEVELS = {
    "integers": [["p", "q"], range(6)],
    "floats": [["p", "q"], [0.5, 1.5, 2.5]],
    "text": [["p", "q"], list("abc")],
    "dates as text": [["p", "q"], ["2024-01-01", "2024-01-02"]],
    "dates": [["p", "q"], MONTHS],
    "dates of a zone": [["p", "q"], MONTHS.tz_localize("Europe/Berlin")],
    "dates of two offsets": [["p", "q"], OFFSETS],
    "periods": [["p", "q"], MONTHS.to_period("M")],
    "lengths of time": [["p", "q"], MONTHS - MONTHS[0]],
    "categories of dates": [["p", "q"], pd.CategoricalIndex(MONTHS)],
    "numbers apart": [[1, 2], range(6)],
    "two dated": [MONTHS[:2], MONTHS + pd.Timedelta("1h")],
    "three": [["r", "s"], ["p", "q"], range(6)],
    "time first": [range(6), ["p", "q"]],
}


def table_of(levels, names=None):
    index = pd.MultiIndex.from_product(levels, names=names)
    return pd.DataFrame({"a": np.arange(float(len(index)))}, index)


@pytest.mark.filterwarnings("ignore:The index of X holds dates as text")
@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_series_that_nothing_tells_apart_are_a_warning_or_an_error(levels):
    table = table_of(levels)
    with pytest.warns(UserWarning, match="repeats or goes backwards.*group_by="):
        TimeWindows(2).fit_transform(table)
    with pytest.raises(ValueError, match=r"Row \d has .* after .*group_by=.*time="):
        sliding_windows(table, length=2)


@pytest.mark.parametrize("kind", [kind for kind in LEVELS if "text" not in kind])
def test_max_gap_and_context_see_the_times_of_levels(kind):
    table = table_of(LEVELS[kind])
    with pytest.raises(ValueError, match=r"keep_context=True needs times that increase.*group_by="):
        TimeWindows(2, keep_context=True).fit(table)
    dated = not any(word in kind for word in ("integers", "floats", "numbers", "three", "first"))
    with pytest.raises(ValueError, match=r"needs times that increase from row to row.*group_by="):
        sliding_windows(table, length=2, max_gap="1000D" if dated else 1000)


@pytest.mark.filterwarnings("ignore:The index of X holds dates as text")
@pytest.mark.parametrize("kind", ["text", "dates as text"])
def test_text_orders_no_rows(kind):
    for params in ({"keep_context": True}, {"max_gap": 1}):
        with pytest.raises(ValueError, match="needs the time of each row: dates, periods"):
            TimeWindows(2, **params).fit(table_of(LEVELS[kind]))


@pytest.mark.filterwarnings("ignore:The index of X holds dates as text")
@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_levels_that_are_named_tell_the_series_apart(levels):
    names = ["x", "y", "t"][-len(levels) :]
    names = ["t", "y"] if isinstance(levels[0], range) else names
    table = table_of(levels, names)
    groups = [name for name in names if name != "t"]
    n_series = np.prod(
        [len({*level}) for level, name in zip(levels, names, strict=True) if name != "t"]
    )
    windows = sliding_windows(table, length=2, group_by=groups)
    assert len(windows) == len(table) - n_series
    if not any("text" in k for k, v in LEVELS.items() if v is levels):
        assert_array_equal(windows, sliding_windows(table, length=2, group_by=groups, time="t"))


def test_one_series_in_several_levels_is_no_warning():
    assert len(TimeWindows(2).fit_transform(table_of([["p"], range(6)]))) == 6
    index = pd.MultiIndex.from_arrays([list("ppqq"), list("abcd")])
    assert len(sliding_windows(pd.DataFrame({"a": range(4)}, index), length=2)) == 3


# Names


def panel():
    """Four series of two rows: of the stations p and q, at the heights 1 and 2."""
    return pd.DataFrame({"a": np.arange(8.0), "g": list("ppqq") * 2, "h": np.repeat([1, 2], 4)})


EXPECTED = [[0, 1], [2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize(
    "make",
    [
        lambda table: table,
        lambda table: table.set_index("g"),
        lambda table: table.set_index(["h", "g"]),
        lambda table: table.set_index(["g"], append=True),
        pl.from_pandas,
        lambda table: pl.from_pandas(table).to_arrow(),
        lambda table: table.to_records(index=False),
        lambda table: table.assign(g=table["g"].astype("category")),
    ],
    ids=["columns", "a level", "levels", "beside time", "polars", "pyarrow", "records", "category"],
)
def test_a_list_names_several(make):
    table = make(panel())
    windows = sliding_windows(table, length=2, group_by=["g", "h"])
    assert windows.shape == (4, 2, 1)
    assert np.asarray(windows)[:, :, 0].tolist() == EXPECTED
    assert len(TimeWindows(2, group_by=["g", "h"]).fit_transform(table)) == 8


def test_a_list_of_positions_names_several():
    table = panel().assign(g=panel()["g"].map(ord)).to_numpy()
    windows = TimeWindows(2, group_by=[1, 2]).fit(table)
    assert np.asarray(windows.transform(table))[1::2, :, 0].tolist() == EXPECTED
    assert windows.get_feature_names_out(["a", "g", "h"]).tolist() == ["a"]


def test_a_tuple_is_one_name():
    table = panel()[["a", "g"]]
    table.columns = pd.MultiIndex.from_tuples([("value", "a"), ("station", "g")])
    windows = TimeWindows(2, group_by=("station", "g")).fit_transform(table)
    assert np.asarray(windows)[:, 0, 0].tolist()[4:6] == [1, 4]
    with pytest.raises(ValueError, match=r"group_by=\('g', 'h'\) is neither a column"):
        TimeWindows(2, group_by=("g", "h")).fit(panel())


def test_groups_of_several_names_are_those_of_their_values():
    """Joined as text, row 1 could be of the series of row 3."""
    table = pd.DataFrame({"a": [1.0, 2, 3, 4], "g": ["1", "1', '2", "1", "1"], "h": list("abac")})
    windows = sliding_windows(table, length=2, group_by=["g", "h"])
    assert windows[:, :, 0].tolist() == [[1, 3]]


def test_large_numbers_tell_series_apart():
    for dtype, start in (("int64", 2**60), ("uint64", 2**63), (object, 2**70)):
        groups = pd.Series([start, start + 1], dtype=dtype)
        with pytest.raises(ValueError, match="longest series of X has 1"):
            sliding_windows(pd.DataFrame({"a": [1.0, 2], "g": groups}), length=2, group_by="g")


def test_a_group_is_known_again_in_another_type():
    table = two_stations(8).assign(g=lambda rows: (rows["g"] == "p").astype(int))
    later = two_stations(2, 8).assign(g=lambda rows: (rows["g"] == "p").astype(float))
    windows = TimeWindows(2, group_by="g", keep_context=True).fit(table)
    assert_array_equal(windows.transform(later)[:, :, 0], [[7, 8], [7, 8], [8, 9], [8, 9]])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array(list("ppqqrrss")), EXPECTED),
        (np.repeat([1.5, 2, 3, 4], 2), EXPECTED),
        (pd.Series(list("ppqqrrss")), EXPECTED),
        (pl.Series(list("ppqqrrss")), EXPECTED),
        (pd.Categorical(list("ppqqrrss")), EXPECTED),
        (pd.date_range("2024", periods=4).repeat(2), EXPECTED),
        (np.array(list("pppppppq")), [[row, row + 1] for row in range(6)]),
    ],
    ids=["text", "numbers", "Series", "polars", "categories", "dates", "unequal"],
)
def test_sliding_windows_take_one_label_for_each_row(labels, expected):
    windows = sliding_windows(panel()[["a"]], length=2, group_by=labels)
    assert np.asarray(windows)[:, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(7), r"one label for each of the 8 rows. Got shape \(7,\)"),
        (np.zeros((8, 2)), r"one label for each of the 8 rows. Got shape \(8, 2\)"),
        (pd.Series(range(8), range(1, 9)), r"index of group_by is not that of X.*X.index"),
        (np.ma.array(np.arange(8), mask=[0, 0, 1, 0, 0, 0, 0, 0]), "no value in row 2"),
        (np.array(["p", None] * 4), r"no value in row 1 \(4 such rows\)"),
        (["p"] * 8, "a list names several"),
    ],
)
def test_labels_that_do_not_fit_are_an_error(labels, message):
    with pytest.raises(ValueError, match=message):
        sliding_windows(panel()[["a"]], length=2, group_by=labels)


@pytest.mark.parametrize("labels", [np.array(list("ppqqrrss")), pd.Series(list("ppqqrrss"))])
def test_a_parameter_cannot_follow_the_rows_of_a_fold(labels):
    message = r"a parameter cannot follow the rows of a fold.*X.assign\(series=labels\)"
    with pytest.raises(ValueError, match=message):
        TimeWindows(2, group_by=labels).fit(panel()[["a"]])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"group_by": ["g", "z"]}, r"group_by=\['g', 'z'\] is neither a column .* nor a level"),
        ({"group_by": ["g", "g"]}, "name a column twice"),
        ({"group_by": "h", "time": "h"}, "name a column twice"),
        ({"time": "z"}, "time='z' is neither a column"),
        ({"time": "g"}, r"time='g' must hold dates, .* Got (str|object).*, such as 'p'. Parse"),
    ],
)
@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_names_that_do_not_fit_are_an_error(params, message, make):
    message = message if make is pd.DataFrame else message.replace("Got (str|object).*,", "Got .*,")
    for function in (
        TimeWindows(2, **params).fit,
        lambda X: sliding_windows(X, length=2, **params),
    ):
        with pytest.raises(ValueError, match=message):
            function(make(panel()))


def test_a_name_of_a_column_and_of_a_level_is_an_error():
    table = panel().set_index("g", drop=False)
    with pytest.raises(ValueError, match="'g' is the name of 2 columns or levels"):
        TimeWindows(2, group_by="g").fit(table)


def test_one_target_for_each_series_is_an_error_with_the_remedy():
    with pytest.raises(ValueError, match=r"one target for each series.*pass a list of them"):
        sliding_windows(panel(), [1, 2], length=2, group_by="g")
