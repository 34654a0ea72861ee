"""What a column of a table may hold: numbers, or an error that names it and the remedy."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skattn import SequenceScaler, TimeWindows, sliding_windows

DAYS = [date(2024, 1, day) for day in (1, 2, 3)]
HOURS = [datetime(2024, 1, 1, hour) for hour in (1, 2, 3)]
STEPS = [timedelta(hours=hour) for hour in (1, 2, 3)]
ARRAYS = [np.ones(3), np.ones(2), np.ones(3)]

COLUMNS = {
    "dates": (HOURS, "dates"),
    "days": (DAYS, "dates"),
    "Timestamps": ([pd.Timestamp(h) for h in HOURS], "dates"),
    "datetime64": (np.array(HOURS, "M8[s]"), "dates"),
    "datetime64 one by one": (np.array([*np.array(HOURS, "M8[s]")], object), "dates"),
    "dates of a zone": (pd.DatetimeIndex(HOURS, tz="Asia/Kolkata"), "dates"),
    "periods": (pd.PeriodIndex(HOURS, freq="h"), "dates"),
    "arrow dates": (pd.array(DAYS, dtype="date32[pyarrow]"), "dates"),
    "arrow times": (pd.array(HOURS, dtype="timestamp[ns][pyarrow]"), "dates"),
    "lengths of time": (STEPS, "lengths of time"),
    "timedelta64": (np.array(STEPS, "m8[h]"), "lengths of time"),
    "arrow lengths": (pd.array(STEPS, dtype="duration[us][pyarrow]"), "lengths of time"),
    "hours of the day": ([time(1), time(2), time(3)], "times of day"),
    "text": (["a", "b", "c"], "text"),
    "numbers as text": (["1", "2", "3"], "text"),
    "bytes": ([b"a", b"b", b"c"], "text"),
    "text among numbers": (np.array([1, "b", 3], object), "text"),
    "arrow text": (pd.array(["a", "b", "c"], dtype="string[pyarrow]"), "text"),
    "categories": (pd.Categorical(["a", "b", "a"]), "categories"),
    "categories of numbers": (pd.Categorical([1, 2, 1]), "categories"),
    "complex": ([1j, 2.0, 3.0], "complex numbers"),
    "intervals": (pd.interval_range(0, 3), "intervals"),
    "arrays": (ARRAYS, "an array in each cell"),
    "lists": ([[1, 2], [3], [4]], "an array in each cell"),
    "arrow lists": (
        pd.Series([[1], [2], [3]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        "an array in each cell",
    ),
    "sparse": (pd.arrays.SparseArray([0.0, 0, 1]), "sparse values"),
}

READERS = {
    "TimeWindows": TimeWindows(2).fit,
    "sliding_windows": lambda X: sliding_windows(X, length=2),
    "SequenceScaler": SequenceScaler().fit,
}


@pytest.mark.parametrize(("values", "kind"), COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("reader", READERS)
def test_a_column_of_anything_else_is_named(values, kind, reader):
    with pytest.raises(ValueError, match=f"^{reader}: column 'c' holds {kind}. [A-Z]"):
        READERS[reader](pd.DataFrame({"ok": [1.0, 2, 3], "c": values}))


POLARS = {
    "dates": HOURS,
    "days": DAYS,
    "lengths of time": STEPS,
    "hours of the day": [time(1), time(2), time(3)],
    "text": ["a", "b", "c"],
    "lists": [[1, 2], [3], [4]],
}


@pytest.mark.parametrize(
    "make",
    [
        pl.DataFrame,
        lambda columns: pl.DataFrame(columns).to_arrow(),
        lambda columns: batch(columns),
    ],
    ids=["polars", "pyarrow table", "record batch"],
)
@pytest.mark.parametrize("name", POLARS)
@pytest.mark.parametrize("reader", READERS)
def test_so_are_those_of_other_frames(make, name, reader):
    with pytest.raises(ValueError, match=f"^{reader}: column 'c' holds {COLUMNS[name][1]}. [A-Z]"):
        READERS[reader](make({"ok": [1.0, 2, 3], "c": POLARS[name]}))


def batch(columns):
    return pl.DataFrame(columns).to_arrow().to_batches()[0]


NOT_IN_ARRAYS = ("sparse", "intervals", "categories of numbers")


@pytest.mark.parametrize("name", [name for name in COLUMNS if name not in NOT_IN_ARRAYS])
@pytest.mark.parametrize("reader", ["TimeWindows", "sliding_windows"])
def test_so_are_those_of_arrays(name, reader):
    values, kind = COLUMNS[name]
    kind = {"categories": "(text|categories)"}.get(kind, kind)
    table = np.empty((3, 2), object)
    table[:, 0] = 1.0
    for row, value in enumerate(values):
        table[row, 1] = value
    for X in (table, table.tolist()):
        with pytest.raises(ValueError, match=rf"^{reader}: column 1 holds {kind}\. [A-Z]"):
            READERS[reader](X)


@pytest.mark.parametrize("dtype", ["M8[D]", "M8[ns]", "m8[h]", "U3", "S3", "complex128"])
@pytest.mark.parametrize("reader", READERS)
def test_so_are_whole_arrays(dtype, reader):
    with pytest.raises(ValueError, match=f"^{reader}: column 0 holds"):
        READERS[reader](np.ones((3, 2), int).astype(dtype))


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("dates", "say time='c'. Else turn them into numbers that mean something"),
        ("lengths of time", "say time='c'. Else turn them into numbers, such as hours"),
        ("text", r"group_by='c'; if it holds dates, parse them .*time='c'. Else encode it"),
        ("categories", r"say group_by='c'. Else encode them.*sparse_output=False"),
        ("arrays", r"pass the list of them, list\(X\['c'\]\).*np.stack\(X\['c'\]\)"),
        ("sparse", r"X.sparse.to_dense\(\).*sparse_output=False"),
        ("complex", "real and the imaginary part"),
    ],
)
def test_the_remedy_can_be_typed(name, remedy):
    with pytest.raises(ValueError, match=remedy):
        TimeWindows(2).fit(pd.DataFrame({"ok": [1.0, 2, 3], "c": COLUMNS[name][0]}))


def test_the_remedy_of_arrays_in_an_array_and_of_what_no_parameter_orders():
    with pytest.raises(ValueError, match=r"list\(X\[:, 0\]\)"):
        TimeWindows(2).fit(np.array([*ARRAYS, None], object).reshape(-1, 1))
    with pytest.raises(ValueError, match=r"list\(X\), to what reads sequences"):
        SequenceScaler().fit(pd.Series(ARRAYS))
    with pytest.raises(ValueError, match=r"dates. Turn them into numbers") as error:
        SequenceScaler().fit(pd.DataFrame({"c": HOURS}))
    assert "time=" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False, True], [1, 0, 1]),
        ([True, None, False], [1, np.nan, 0]),
        ([Decimal("1.5"), Decimal("2"), None], [1.5, 2, np.nan]),
        (pd.array([1, None, 3], dtype="Int64"), [1, np.nan, 3]),
        (pd.array([1.5, None, 3], dtype="double[pyarrow]"), [1.5, np.nan, 3]),
        (np.array([1, pd.NA, 2.5], object), [1, np.nan, 2.5]),
        ([None, None, None], [np.nan] * 3),
    ],
)
def test_numbers_of_any_type_are_read(values, expected):
    windows = TimeWindows(1).fit_transform(pd.DataFrame({"ok": [1.0, 2, 3], "c": values}))
    assert_array_equal(np.asarray(windows)[:, 0, 1], expected)


@pytest.mark.parametrize("reader", READERS)
def test_sparse_tables_are_refused_with_what_a_pipeline_can_do(reader):
    with pytest.raises(TypeError, match=rf"{reader} expects a dense table.*sparse_output=False"):
        READERS[reader](csr_array(np.eye(3)))


def test_an_encoder_before_windows_is_named():
    table = pd.DataFrame({"a": np.arange(6.0), "c": list("xyzxyz")})
    with pytest.raises(TypeError, match="sparse_output=False"):
        make_pipeline(OneHotEncoder(), TimeWindows(2)).fit(table)
    dense = OneHotEncoder(sparse_output=False)
    assert make_pipeline(dense, TimeWindows(2)).fit_transform(table).shape == (6, 2, 9)


@pytest.mark.parametrize("reader", READERS)
def test_lazy_frames_and_other_objects_are_refused(reader):
    with pytest.raises(TypeError, match=r"got a lazy one.*X.collect\(\)"):
        READERS[reader](pl.DataFrame({"a": [1.0, 2]}).lazy())
    with pytest.raises(TypeError, match=r"column 'd' holds more than numbers.*dict"):
        READERS[reader](pd.DataFrame({"d": [{}, {}]}))
    with pytest.raises(ValueError, match="column 'd' contains infinity or a value too large"):
        READERS[reader](pd.DataFrame({"d": pd.Series([10**400, 1], dtype=object)}))


def test_rows_of_unequal_length_are_no_table():
    for reader in ("TimeWindows", "sliding_windows"):
        with pytest.raises(ValueError, match=rf"{reader} expects a table .*unequal length.*concat"):
            READERS[reader]([[1.0, 2], [1.0]])


# Masked arrays

MASKED = np.ma.masked_array(np.arange(8.0).reshape(4, 2), mask=np.eye(4, 2))
EXPECTED = np.array([[np.nan, 1], [2, np.nan], [4, 5], [6, 7]])


@pytest.mark.parametrize(
    "table",
    [
        MASKED,
        MASKED.astype("float32"),
        MASKED.astype(int),
        MASKED.astype(object),
        [*MASKED],
        np.ma.array(
            [*map(tuple, MASKED.data)],
            mask=[*map(tuple, MASKED.mask)],
            dtype=[("a", float), ("b", int)],
        ),
    ],
    ids=["float64", "float32", "int", "object", "list of rows", "structured"],
)
def test_what_is_masked_is_missing(table):
    assert_array_equal(TimeWindows(1).fit_transform(table)[:, 0], EXPECTED)
    assert_array_equal(sliding_windows(table, length=1)[:, 0], EXPECTED)


def test_what_is_masked_is_missing_in_sequences_and_targets():
    expected = SequenceScaler().fit_transform(EXPECTED)
    assert_array_equal(SequenceScaler().fit_transform(MASKED), expected)
    assert_array_equal(SequenceScaler().fit_transform(MASKED[np.newaxis])[0], expected)
    assert_array_equal(SequenceScaler().fit_transform([MASKED])[0], expected)
    _, targets = sliding_windows(np.arange(4.0), MASKED[:, 1].astype(int), length=1)
    assert_array_equal(targets, [np.nan, 5, 7])


def test_nothing_masked_stays_as_it_was():
    table = np.ma.masked_array(np.arange(8).reshape(4, 2))
    assert_array_equal(TimeWindows(1).fit_transform(table)[:, 0], table.data)


# Lists of frames

FRAME = pd.DataFrame({"u": [1.0, 2], "v": [10.0, 20]})


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize(
    ("other", "message"),
    [
        (FRAME[["v", "u"]], "must be in the same order as they were in fit"),
        (FRAME.rename(columns={"v": "w"}), r"(?s)unseen at fit time:\n- w.*missing:\n- v"),
    ],
)
def test_a_list_of_frames_has_the_names_of_its_first(make, other, message):
    frame, other = make(FRAME), make(other)
    scaler = SequenceScaler().fit([frame, frame])
    assert scaler.feature_names_in_.tolist() == ["u", "v"]
    for use in (scaler.transform, scaler.inverse_transform, scaler.partial_fit):
        for frames in ([frame, other], [other, frame]):
            with pytest.raises(ValueError, match=message):
                use(frames)
    with pytest.raises(ValueError, match=message):
        SequenceScaler().fit([frame, other])


def test_frames_of_one_list_are_read_alike():
    scaled = SequenceScaler().fit([FRAME]).transform([FRAME, pl.from_pandas(FRAME).to_arrow()])
    assert_array_equal(scaled[0], scaled[1])
    assert_array_equal(scaled[0], [[-1, -1], [1, 1]])
