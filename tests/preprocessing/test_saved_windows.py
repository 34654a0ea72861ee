"""Fitted windows through pickle and skops: what is loaded does what was saved."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io

from panels import as_level, hourly, two_stations
from skattn import TimeWindows


def numbered(n_rows, start=0):
    return hourly(n_rows, start).set_axis(range(start, start + n_rows))


def in_berlin(n_rows, start=0):
    index = pd.date_range("2024-10-26", periods=start + n_rows, freq="h", tz="Europe/Berlin")
    return hourly(n_rows, start).set_axis(index[start:])


TABLES = {
    "hourly index": (hourly, {}),
    "numbered index": (numbered, {}),
    "time zone": (in_berlin, {"max_gap": "1D"}),
    "periods": (lambda *n: hourly(*n).to_period("h"), {}),
    "panel": (two_stations, {"group_by": "g"}),
    "panel by level": (lambda *n: as_level(two_stations(*n)), {"group_by": "g"}),
    "panel by several": (
        lambda *n: two_stations(*n).assign(day=pd.Timestamp("2024"), h=1.5),
        {"group_by": ["g", "day", "h"], "max_gap": "2h"},
    ),
    "time column": (lambda *n: hourly(*n).reset_index(names="when"), {"time": "when"}),
    "polars": (lambda *n: pl.DataFrame(hourly(*n).reset_index(names="when")), {"time": "when"}),
}


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


def through_skops(estimator):
    """Load what was dumped, with trust in skattn's own types alone."""
    content = io.dumps(estimator)
    types = io.get_untrusted_types(data=content)
    assert all(name.startswith("skattn.") for name in types)
    return io.loads(content, trusted=types)


@pytest.mark.parametrize("through", [through_pickle, through_skops])
@pytest.mark.parametrize("keep_context", [False, True])
@pytest.mark.parametrize(("make", "params"), TABLES.values(), ids=TABLES)
def test_what_is_loaded_does_what_was_saved(make, params, keep_context, through):
    windows = TimeWindows(3, keep_context=keep_context, **params).fit(make(8))
    loaded, later = through(windows), make(3, 8)
    expected = np.asarray(windows.transform(later))
    assert_array_equal(loaded.transform(later), expected)
    assert np.isnan(expected).any() != keep_context
    assert loaded.row_period_ == windows.row_period_
    if keep_context:
        loaded.extend_context(make(2, 8))
        windows.extend_context(make(2, 8))
        assert_array_equal(loaded.transform(make(2, 10)), windows.transform(make(2, 10)))
        with pytest.raises(ValueError, match="The context of TimeWindows needs times that incr"):
            loaded.extend_context(make(2, 8))


@pytest.mark.parametrize("through", [through_pickle, through_skops])
def test_a_whole_pipeline_predicts_what_it_did(small, through):
    pipeline = make_pipeline(StandardScaler(), TimeWindows(3, keep_context=True), small(epochs=1))
    pipeline.set_output(transform="pandas").fit(hourly(20), hourly(20)["b"])
    loaded = through(pipeline)
    assert_array_equal(loaded.predict(hourly(5, 20)), pipeline.predict(hourly(5, 20)))
