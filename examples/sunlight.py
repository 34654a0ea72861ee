"""
Does an LSTM on the weather benefit from attention?
===================================================

How much sunlight will there be in three hours? From the last hours of sun, clouds and
weather at an airport we predict it. A grid search with folds in time order chooses the
attention and how many hours to look back, with one small network for each candidate. The winner is
trained with five, as by default, and meets persistence, Ridge and gradient boosting on two months
that no model has seen. The best learned attention, whether it won or not, shows
where it looks. The data, a typical meteorological year of Greensboro (USA) measured by the hour
[1]_, come with pvlib.

Run ``python examples/sunlight.py``; add ``--picture sunlight.png`` for the picture.

.. [1] S. Wilcox, W. Marion, "Users manual for TMY3 data sets", NREL, 2008.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
from joblib import parallel_config
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skattn import LSTMAttentionRegressor, TimeWindows

HOURS_AHEAD, N_TEST = 3, 60 * 24
FEATURES = ["ghi", "dni", "TotCld (tenths)", "temp_air", "relative_humidity", "pressure"]

# %%
# A table of hours
# ----------------
# Each row is an hour. Its target is the sunlight three hours later: the global horizontal
# irradiance "ghi", in W/m². The last three hours have no target yet.


def load():
    """Return the table (n_hours, 6) and the target of each row."""
    path = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    table, _ = pvlib.iotools.read_tmy3(path, coerce_year=2001, map_variables=True)
    table = table[FEATURES].astype(float)
    return table[:-HOURS_AHEAD], table["ghi"].shift(-HOURS_AHEAD)[:-HOURS_AHEAD]


# %%
# A search over attentions and windows
# ------------------------------------
# ``TimeWindows`` gives each row the rows before it. It is a step of an ordinary Pipeline, so the
# length of the windows is searched like any parameter. Sunlight is skewed: all models, the simpler
# ones too, read and predict its root. On two blocks of rows that train, this takes 2 % off the
# networks' error.
# ``gap`` leaves out the training rows whose target is not yet known when the test fold begins. One
# small network for each candidate is enough to choose by. Threads share what is compiled.

ATTENTION, LENGTH = "regressor__lstm__attention", "regressor__windows__length"

#: What makes a search quick: it compares candidates, and need not get the best of each.
SMALL = {
    "regressor__lstm__units": 16,
    "regressor__lstm__n_members": 1,
    "regressor__lstm__epochs": 8,
    "regressor__lstm__batch_size": 64,
    "regressor__lstm__n_iter_no_change": 5,
}


def model_of(**training):
    """Return the steps from a table of hours to a prediction."""
    return in_roots(
        Pipeline(
            [
                ("root", FunctionTransformer(_root_of_sunlight)),
                ("windows", TimeWindows(24)),
                ("lstm", LSTMAttentionRegressor(random_state=0, **training)),
            ]
        )
    )


def search_attention(X, y, model):
    """Search over attentions and lengths of windows; return the fitted search."""
    grid = {ATTENTION: [None, "mean", "additive"], LENGTH: [12, 24]}
    folds = TimeSeriesSplit(n_splits=2, test_size=60 * 24, gap=HOURS_AHEAD - 1)
    search = GridSearchCV(
        model, grid, cv=folds, scoring="neg_root_mean_squared_error", refit=False, verbose=1
    )
    with parallel_config(backend="threading", n_jobs=2):
        return search.fit(X, y)


def in_roots(pipeline):
    """Return a regressor that learns the root of the sunlight, and predicts no negative one."""
    return TransformedTargetRegressor(
        pipeline, func=np.sqrt, inverse_func=_square, check_inverse=False
    )


def _square(root):
    return np.maximum(root, 0) ** 2


def _root_of_sunlight(table):
    return table.assign(ghi=np.sqrt(table["ghi"]), dni=np.sqrt(table["dni"]))


def search_table(search):
    """Return each attention's best error over the folds, in W/m²."""
    attentions = map(str, search.cv_results_[f"param_{ATTENTION}"])
    errors = pd.Series(-search.cv_results_["mean_test_score"], index=list(attentions))
    return errors.groupby(level=0).min().sort_values()


# %%
# The test, beside simpler models
# -------------------------------
# Persistence takes the last hour, or the same hour of the day before. Ridge and gradient boosting
# read windows of 24 hours, flattened. The hours right before the test rows go along, as history of
# the first ones.


def with_history(predict, X):
    """Predict the last rows of a table, which begin with a full history."""
    return predict(X[-N_TEST - 48 :])[-N_TEST:]


def baselines(X, y, X_all):
    """Return the predictions of simpler models on the last rows."""
    roots = FunctionTransformer(_root_of_sunlight)
    flat = FunctionTransformer(lambda windows: windows.reshape(len(windows), -1))
    ridge = RidgeCV(np.logspace(-2, 5, 15))
    ridge = make_pipeline(roots, TimeWindows(24), flat, SimpleImputer(), StandardScaler(), ridge)
    trees = make_pipeline(
        roots, TimeWindows(24), flat, HistGradientBoostingRegressor(random_state=0)
    )
    return {
        "last hour": X_all["ghi"][-N_TEST:],
        "day before": X_all["ghi"].shift(24 - HOURS_AHEAD)[-N_TEST:],
        "Ridge": with_history(in_roots(ridge).fit(X, y).predict, X_all),
        "gradient boosting": with_history(in_roots(trees).fit(X, y).predict, X_all),
    }


# %%
# Where it looked
# ---------------
# Differences of a few percent between attentions are within what another seed does. So the
# plain LSTM may win; then the best attention over the folds is fitted for a look.


def best_attentive(search, winner, X, y):
    """Return the winner's Pipeline, or fit the best candidate with a learned attention."""
    if search.best_params_[ATTENTION] not in (None, "mean"):
        return winner.regressor_
    results = search.cv_results_
    learned = [p for p in results["params"] if p[ATTENTION] not in (None, "mean")]
    params = max(learned, key=lambda p: results["mean_test_score"][results["params"].index(p)])
    return clone(search.estimator).set_params(**params).fit(X, y).regressor_


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
    hours_before = HOURS_AHEAD + np.arange(weights.shape[1])[::-1]
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
    parser.add_argument(
        "--quick", action="store_true", help="small networks and 3 epochs throughout"
    )
    options = parser.parse_args(arguments)

    X_all, y_all = load()
    y_test, times = y_all[-N_TEST:], y_all.index[-N_TEST:] + pd.Timedelta(hours=HOURS_AHEAD)
    X, y = X_all[: -N_TEST - HOURS_AHEAD + 1], y_all[: -N_TEST - HOURS_AHEAD + 1]
    small = SMALL | ({"regressor__lstm__epochs": 3} if options.quick else {})
    search = search_attention(X, y, model_of().set_params(**small))
    print("Error over the folds of the search, in W/m² (root mean square):")
    print(search_table(search).round(1).to_string())

    winner = model_of(verbose=1).set_params(**search.best_params_)
    winner = (winner.set_params(**small) if options.quick else winner).fit(X, y)
    predictions = baselines(X, y, X_all) | {"skattn": with_history(winner.predict, X_all)}
    errors = {name: root_mean_squared_error(y_test, p) for name, p in predictions.items()}
    attention, length = (search.best_params_[name] for name in (ATTENTION, LENGTH))
    print(f"Chosen: attention {attention!r}, windows of {length} hours.")
    print(f"Error on the last {N_TEST // 24} days:")
    print(pd.Series(errors).round(1).to_string())
    print(f"The least error has {min(errors, key=errors.get)}.")

    pipeline = best_attentive(search, winner, X, y)
    windows = with_history(pipeline[:-1].transform, X_all)
    weights = pipeline["lstm"].attention_weights(windows)
    most = HOURS_AHEAD + weights.shape[1] - 1 - int(weights.mean(axis=0).argmax())
    print(f"The best attention, {pipeline['lstm'].attention!r}, looks most at {most} hours before.")
    if options.picture:
        draw(options.picture, times, y_test, predictions["skattn"], weights)
    return errors


if __name__ == "__main__":
    main()
