"""
Does an LSTM on the weather benefit from attention?
===================================================

How much sunlight will there be in three hours? From the last 24 hours of sun, clouds and
weather at an airport we predict it. A grid search with folds in time order chooses the
attention and the width of the LSTM; the winner then meets persistence and Ridge on two
months that no model has seen, and shows where it looks. The data, a typical meteorological
year of Greensboro (USA) measured by the hour [1]_, come with pvlib.

Run ``python examples/sunlight.py``; add ``--picture sunlight.png`` for the picture.

.. [1] S. Wilcox, W. Marion, "Users manual for TMY3 data sets", NREL, 2008.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skattn import LSTMAttentionRegressor

HOURS_BACK, HOURS_AHEAD, N_TEST = 24, 3, 60 * 24
FEATURES = ["ghi", "dni", "TotCld (tenths)", "temp_air", "relative_humidity", "pressure"]

# %%
# Sequences
# ---------
# Each window of 24 hours and six features belongs to the sunlight three hours after it:
# the global horizontal irradiance "ghi", in W/m².


def load():
    """Return X (n_samples, 24, 6), y (n_samples,) and the time of each target."""
    path = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    table, _ = pvlib.iotools.read_tmy3(path, coerce_year=2001, map_variables=True)
    windows = sliding_window_view(table[FEATURES].to_numpy(dtype=float), HOURS_BACK, axis=0)
    X = windows[:-HOURS_AHEAD].swapaxes(1, 2)
    targets = table["ghi"].iloc[HOURS_BACK + HOURS_AHEAD - 1 :]
    return X, targets.to_numpy(dtype=float), targets.index


# %%
# A search over attentions
# ------------------------
# The regressor is an ordinary last step of a Pipeline, here after one that evens out the
# skewed sunlight. ``gap`` keeps the hours between a window and its target apart.


def search_attention(X, y):
    """Search over attention and units; return the fitted search."""
    pipeline = Pipeline(
        [
            ("root", FunctionTransformer(_root_of_sunlight)),
            ("lstm", LSTMAttentionRegressor(epochs=10, random_state=0)),
        ]
    )
    grid = {"lstm__attention": [None, "mean", "dot", "additive"], "lstm__units": [16, 32]}
    folds = TimeSeriesSplit(n_splits=3, test_size=60 * 24, gap=HOURS_AHEAD)
    return GridSearchCV(pipeline, grid, cv=folds, scoring="neg_root_mean_squared_error").fit(X, y)


def _root_of_sunlight(X):
    return np.concatenate([np.sqrt(X[:, :, :2]), X[:, :, 2:]], axis=2)


def search_table(search):
    """Return each attention's best error over the folds, in W/m²."""
    attentions = map(str, search.cv_results_["param_lstm__attention"])
    errors = pd.Series(-search.cv_results_["mean_test_score"], index=list(attentions))
    return errors.groupby(level=0).min().sort_values()


# %%
# The test, beside simpler models
# -------------------------------
# Persistence takes the last hour, or the same hour of the day before. Ridge reads the same
# windows.


def baselines(X, y, X_test):
    """Return the predictions of simpler models."""
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 5, 15)))
    ridge.fit(X.reshape(len(X), -1), y)
    return {
        "last hour": X_test[:, -1, 0],
        "day before": X_test[:, HOURS_AHEAD - 1, 0],
        "Ridge": ridge.predict(X_test.reshape(len(X_test), -1)),
    }


# %%
# Where it looked
# ---------------


def draw(path, times, y_test, predicted, weights):
    """Write the picture: a week of the test and, where there is attention, its weights."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.5), layout="constrained")
    top, bottom = figure.subplots(2, 1)
    bottom.set_visible(weights is not None)
    days = slice(10 * 24, 17 * 24)
    top.plot(times[days], y_test[days], color="black", label="measured")
    top.plot(times[days], predicted[days], color="tab:orange", label="predicted")
    top.set(ylabel="sunlight in W/m²", title="A week that no model has seen, three hours ahead")
    top.legend()
    if weights is not None:
        _draw_attention(figure, bottom, times, weights)
    figure.savefig(path, dpi=120)


def _draw_attention(figure, bottom, times, weights):
    by_hour = pd.DataFrame(weights).groupby(times.hour).mean()
    hours_before = HOURS_AHEAD + np.arange(HOURS_BACK)[::-1]
    image = bottom.pcolormesh(by_hour.index, hours_before, by_hour.T, cmap="cividis")
    bottom.set(
        xlabel="hour of the day to predict",
        ylabel="hours before it",
        title="Attention weights, mean over two months",
    )
    figure.colorbar(image, ax=bottom, label="weight")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Sunlight in three hours.")
    parser.add_argument("--picture", help="file to write the picture to")
    picture = parser.parse_args(arguments).picture

    X, y, times = load()
    X_test, y_test = X[-N_TEST:], y[-N_TEST:]
    X, y = X[: -N_TEST - HOURS_AHEAD], y[: -N_TEST - HOURS_AHEAD]
    search = search_attention(X, y)
    print("Error over the folds of the search, in W/m² (root mean square):")
    print(search_table(search).round(1).to_string())

    predictions = baselines(X, y, X_test) | {"skattn": search.predict(X_test)}
    errors = {name: root_mean_squared_error(y_test, p) for name, p in predictions.items()}
    print(f"Chosen: {search.best_params_}. Error on the last {N_TEST // 24} days:")
    print(pd.Series(errors).round(1).to_string())

    root, lstm = search.best_estimator_["root"], search.best_estimator_["lstm"]
    weights = None
    if lstm.attention is not None:
        weights = lstm.attention_weights(root.transform(X_test))
        most = int(weights.mean(axis=0).argmax())
        print(f"It looks most at {HOURS_AHEAD + HOURS_BACK - 1 - most} hours before the target.")
    if picture:
        draw(picture, times[-N_TEST:], y_test, predictions["skattn"], weights)
    return errors


if __name__ == "__main__":
    main()
