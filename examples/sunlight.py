"""
Does an LSTM on the weather benefit from attention?
===================================================

How much sunlight will there be in three hours? From the last 24 hours of sun, clouds and
weather at an airport we predict it. A grid search with folds in time order chooses the
attention and the width of the LSTM; the winner then meets persistence and Ridge on two
months that no model has seen. The best network with a learned attention, whether it won or
not, shows where it looks. The data, a typical meteorological
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
from sklearn.base import clone
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
# Differences of a few percent between attentions are within what another seed does. So the
# plain LSTM may win; then the best attention over the folds is fitted for a look.


def best_attentive(search, X, y):
    """Fit the best candidate with a learned attention; return its Pipeline."""
    results = search.cv_results_
    learned = [p for p in results["params"] if p["lstm__attention"] not in (None, "mean")]
    params = max(learned, key=lambda p: results["mean_test_score"][results["params"].index(p)])
    return clone(search.estimator).set_params(**params).fit(X, y)


def draw(path, times, y_test, predicted, weights):
    """Write the picture: a week of the test, and attention by hour of the day."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.5), layout="constrained")
    top, bottom = figure.subplots(2, 1)
    days = slice(10 * 24, 17 * 24)
    top.plot(times[days], y_test[days], color="black", label="measured")
    top.plot(times[days], predicted[days], color="tab:orange", label="predicted")
    top.set(ylabel="sunlight in W/m²", title="A week that no model has seen, three hours ahead")
    top.legend()
    by_hour = pd.DataFrame(weights).groupby(times.hour).mean()
    hours_before = HOURS_AHEAD + np.arange(HOURS_BACK)[::-1]
    image = bottom.pcolormesh(by_hour.index, hours_before, by_hour.T, cmap="cividis")
    bottom.set(
        xlabel="hour of the day to predict",
        ylabel="hours before it",
        title="Attention weights, mean over two months",
    )
    figure.colorbar(image, ax=bottom, label="weight")
    figure.savefig(path, dpi=120)


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

    pipeline = best_attentive(search, X, y)
    weights = pipeline["lstm"].attention_weights(pipeline["root"].transform(X_test))
    most = HOURS_AHEAD + HOURS_BACK - 1 - int(weights.mean(axis=0).argmax())
    print(f"The best attention, {pipeline['lstm'].attention!r}, looks most at {most} hours before.")
    if picture:
        draw(picture, times[-N_TEST:], y_test, predictions["skattn"], weights)
    return errors


if __name__ == "__main__":
    main()
