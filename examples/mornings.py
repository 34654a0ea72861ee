"""
Mornings of unequal length
==========================

At noon, what will the afternoon bring? Each day is one sequence: the hours from sunrise to noon,
with their sunlight and weather. In Alaska that is two hours in winter and seven in summer.
Nothing is padded: a list of arrays is enough. On these few hundred days the LSTM comes a little
behind a Ridge for which somebody chose what to sum up. The data, two typical meteorological
years [1]_, come with pvlib.

Run ``python examples/mornings.py``; add ``--picture mornings.png`` for the picture.

.. [1] S. Wilcox, W. Marion, "Users manual for TMY3 data sets", NREL, 2008.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skattn import LSTMAttentionRegressor

STATIONS = {"Greensboro": "723170TYA.CSV", "Sand Point": "703165TY.csv"}
FEATURES = ["ghi", "ghi_extra", "dni", "TotCld (tenths)", "temp_air", "relative_humidity"]

# %%
# A list of sequences
# -------------------
# Each sequence has the shape (hours of this morning, 6). Its target is the sunlight of the
# afternoon, in kWh/m²: the global horizontal irradiance "ghi", summed over its hours.


def load():
    """Return a list of sequences, their targets and their dates, in the order of time."""
    days = []
    for file in STATIONS.values():
        path = Path(pvlib.__file__).parent / "data" / file
        table, _ = pvlib.iotools.read_tmy3(path, coerce_year=2001, map_variables=True)
        for date, day in table.groupby(table.index.date):
            morning = day[(day.index.hour <= 12) & (day["ghi_extra"] > 0)]
            if len(morning):
                afternoon = day.loc[day.index.hour > 12, "ghi"].sum() / 1000
                days.append((date, morning[FEATURES].to_numpy(dtype=float), afternoon))
    dates, X, y = zip(*sorted(days, key=lambda day: day[0]), strict=True)
    return list(X), np.array(y), pd.DatetimeIndex(dates)


# %%
# Beside Ridge on sums and last values
# ------------------------------------
# Ridge needs a table, so somebody has to choose what to write into it. Here that is the sum, the
# mean and the last value of each feature, and the number of hours.


def summaries(X):
    """Return a table of one row for each sequence."""
    return np.array([np.r_[len(x), x.sum(axis=0), x.mean(axis=0), x[-1]] for x in X])


def predictions(X, y, X_test, epochs=60):
    """Fit three models; return what each predicts."""
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 4, 15)))
    lstm = LSTMAttentionRegressor(units=32, epochs=epochs, random_state=0)
    predicted = {
        "mean": np.full(len(X_test), y.mean()),
        "Ridge": ridge.fit(summaries(X), y).predict(summaries(X_test)),
        "skattn": lstm.fit(X, y).predict(X_test),
    }
    return predicted, lstm.attention_weights(X_test)


def draw(path, X_test, y_test, predicted, weights):
    """Write the picture: predictions, and where mornings of each length are looked at."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, y_test.max()], [0, y_test.max()], color="black", linewidth=1)
    for name, marker in (("Ridge", "x"), ("skattn", ".")):
        left.plot(y_test, predicted[name], marker, label=name)
    left.set(title="Days never seen", xlabel="measured, kWh/m²", ylabel="predicted, kWh/m²")
    left.legend()
    lengths = pd.Series([len(x) for x in X_test], name="hours")
    by_length = pd.DataFrame(weights).groupby(lengths).mean()
    by_length = by_length.where(by_length.columns.to_numpy() < by_length.index.to_numpy()[:, None])
    image = right.pcolormesh(by_length.columns + 1, by_length.index, by_length, cmap="cividis")
    right.set(xlabel="hour after sunrise", ylabel="hours from sunrise to noon", title="Attention")
    figure.colorbar(image, ax=right, label="mean weight")
    figure.savefig(path, dpi=120)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Afternoons from mornings of unequal length.")
    parser.add_argument("--picture", help="file to write the picture to")
    parser.add_argument("--quick", action="store_true", help="20 epochs in place of 60, for tests")
    options = parser.parse_args(arguments)

    X, y, dates = load()
    print("Hours from sunrise to noon, and days:", sorted(Counter(map(len, X)).items()))
    is_test = dates.month % 3 == 0  # whole months: days that follow one another are alike
    X_test, y_test = [x for x, test in zip(X, is_test, strict=True) if test], y[is_test]
    X, y = [x for x, test in zip(X, is_test, strict=True) if not test], y[~is_test]
    predicted, weights = predictions(X, y, X_test, epochs=20 if options.quick else 60)
    errors = {name: root_mean_squared_error(y_test, p) for name, p in predicted.items()}
    print(f"Error on {len(X_test)} days never seen, in kWh/m² (root mean square):")
    print(pd.Series(errors).round(3).to_string())
    if options.picture:
        draw(options.picture, X_test, y_test, predicted, weights)
    return errors


if __name__ == "__main__":
    main()
