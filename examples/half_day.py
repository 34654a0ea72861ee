"""
The next twelve hours at once
=============================

A horizon of several steps is several outputs: from the last 24 hours of weather, the sunlight of
each of the next 12 hours. `sliding_windows` cuts windows and targets before the split, as a view
that takes no more memory than the table. The data, a typical meteorological year of Greensboro
(USA) [1]_, come with pvlib.

Run ``python examples/half_day.py``; add ``--picture half_day.png`` for the picture.

.. [1] S. Wilcox, W. Marion, "Users manual for TMY3 data sets", NREL, 2008.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skattn import LSTMAttentionRegressor, sliding_windows

HOURS_BACK, HORIZON, TEST_BEGIN = 24, 12, "2001-11-01"
FEATURES = ["ghi", "dni", "TotCld (tenths)", "temp_air", "relative_humidity", "pressure"]

# %%
# Windows and targets
# -------------------
# ``targets`` is a DataFrame: one column for each hour ahead, and the time of the first hour as its
# index. The test begins where no training window's target reaches.


def load():
    """Return windows (n, 24, 7) and targets (n, 12), of training rows and of test rows."""
    path = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    table, _ = pvlib.iotools.read_tmy3(path, coerce_year=2001, map_variables=True)
    features = table[[*FEATURES, "ghi_extra"]].astype(float)
    features[["ghi", "dni"]] = np.sqrt(features[["ghi", "dni"]])  # evens out the skew
    X, y = sliding_windows(
        features,
        table["ghi"].astype(float),
        length=HOURS_BACK,
        horizon=HORIZON,
        max_gap="1h",
        on_gap="raise",
    )
    n_train = y.index.searchsorted(pd.Timestamp(TEST_BEGIN, tz=y.index.tz))
    test = slice(n_train + HORIZON - 1, None)
    return X[:n_train], y[:n_train], X[test], y[test]


# %%
# One model for all hours
# -----------------------
# The regressor fits the twelve outputs together. Early stopping holds out the last windows, and
# leaves out those before them that share rows with them.


def predictions(X, y, X_test, epochs=20):
    """Return what each model predicts, of shape (n, 12)."""
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 6, 15)))
    lstm = LSTMAttentionRegressor(units=32, epochs=epochs, random_state=0)
    flat, flat_test = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
    return {
        "day before": X_test[:, :HORIZON, 0] ** 2,
        "Ridge": ridge.fit(flat, y).predict(flat_test),
        "skattn": lstm.fit(X, y).predict(X_test),
    }


def draw(path, y_test, predicted):
    """Write the picture: a forecast at each dawn for a week, and the error by hours ahead."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1)
    week = y_test.iloc[: 7 * 24, 0]
    top.plot(week.index, week, color="black", label="measured")
    dawns = np.flatnonzero(week.index.hour == 7)
    for start in dawns[dawns + HORIZON <= len(week)]:
        label = "predicted at dawn" if start == dawns[0] else None
        times = week.index[start : start + HORIZON]
        top.plot(times, predicted["skattn"][start], color="tab:orange", label=label)
    top.set(
        ylabel="sunlight in W/m²",
        title="A week that no model has seen, a day at a time",
        ylim=(None, 850),
    )
    top.legend(loc="upper left", ncols=2)
    for name, values in predicted.items():
        bottom.plot(np.arange(1, HORIZON + 1), rmse(y_test, values, axis=0), label=name)
    bottom.set(xlabel="hours ahead", ylabel="error in W/m² (root mean square)", ylim=(0, None))
    bottom.legend()
    figure.savefig(path, dpi=120)


def rmse(y, predicted, axis=None):
    """Return the root mean squared error."""
    return np.sqrt(np.mean((np.asarray(y) - predicted) ** 2, axis=axis))


def main(arguments=None):
    parser = argparse.ArgumentParser(description="The sunlight of the next twelve hours at once.")
    parser.add_argument("--picture", help="file to write the picture to")
    parser.add_argument("--quick", action="store_true", help="5 epochs in place of 20, for tests")
    options = parser.parse_args(arguments)

    X, y, X_test, y_test = load()
    print(f"{len(X)} windows to learn from; neighbours share rows: {np.shares_memory(*X[:2])}")
    predicted = predictions(X, y, X_test, epochs=5 if options.quick else 20)
    errors = {name: rmse(y_test, values) for name, values in predicted.items()}
    print(
        f"Error over {HORIZON} hours ahead, {len(X_test)} test windows, in W/m² (root mean square):"
    )
    print(pd.Series(errors).round(1).to_string())
    if options.picture:
        draw(options.picture, y_test, predicted)
    return errors


if __name__ == "__main__":
    main()
