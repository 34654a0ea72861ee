"""
Does an LSTM on sunspots benefit from attention?
================================================

Sunspots come and go in cycles of about eleven years. From the 22 years before it we
predict the number of each year, let a grid search choose the attention and the width of
the LSTM, compare the winner with persistence and with Ridge on the same windows, and look
at where it looked. The data come with statsmodels.

Run ``python examples/sunspots.py``; add ``--picture sunspots.png`` for the picture.
"""

import argparse

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from statsmodels.datasets import sunspots

from skattn import LSTMAttentionRegressor

LENGTH, N_TEST = 22, 60

# %%
# Sequences
# ---------
# Each window of 22 years, one feature a year, precedes the year to predict. The last 60
# years are for the test alone.


def load():
    """Return X (n_samples, 22, 1), y (n_samples,) and the year of each target."""
    table = sunspots.load_pandas().data
    years, numbers = table["YEAR"].to_numpy(dtype=int), table["SUNACTIVITY"].to_numpy()
    windows = sliding_window_view(numbers, LENGTH + 1)
    return windows[:, :-1, np.newaxis], windows[:, -1], years[LENGTH:]


# %%
# A model and a search
# --------------------
# The square root evens out the spread of counts, in X and in y. The rest is what
# scikit-learn users know: a Pipeline, a grid, folds in time order. With 200 rows there is
# none to spare for early stopping; fifty epochs with larger steps do.


def search_attention(X, y):
    """Search over attention and units with folds in time order; return the search."""
    lstm = LSTMAttentionRegressor(
        learning_rate=1e-2, epochs=50, early_stopping=False, random_state=0
    )
    pipeline = Pipeline([("root", FunctionTransformer(np.sqrt)), ("lstm", lstm)])
    model = TransformedTargetRegressor(pipeline, func=np.sqrt, inverse_func=np.square)
    grid = {
        "regressor__lstm__attention": [None, "mean", "dot", "general", "additive"],
        "regressor__lstm__units": [8, 16],
    }
    folds = TimeSeriesSplit(n_splits=4, test_size=40)
    return GridSearchCV(model, grid, cv=folds, scoring="neg_root_mean_squared_error").fit(X, y)


def print_search(search):
    """Print each attention's best error over the folds."""
    print("Error over the folds of the search (root mean square, in sunspots):")
    attentions = search.cv_results_["param_regressor__lstm__attention"]
    for attention in dict.fromkeys(attentions):
        scores = search.cv_results_["mean_test_score"][[a == attention for a in attentions]]
        print(f"  attention={attention!s:9} {-scores.max():5.1f}")


# %%
# The test, beside simpler models
# -------------------------------


def ridge_predictions(X, y, X_test):
    """Predict with Ridge on the same windows, square roots included."""
    ridge = RidgeCV(np.logspace(-3, 5, 25)).fit(np.sqrt(X[:, :, 0]), np.sqrt(y))
    return np.square(ridge.predict(np.sqrt(X_test[:, :, 0])))


def print_test(y_test, predictions):
    """Print the test error of each model."""
    print(f"Error on the last {N_TEST} years, seen by no model:")
    for name, predicted in predictions.items():
        print(f"  {name:12} {root_mean_squared_error(y_test, predicted):5.1f}")


# %%
# Where it looked
# ---------------


def draw(path, years, y_test, predictions, weights):
    """Write the picture: predictions above, attention weights below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.plot(years, y_test, "k.-", label="observed")
    for (name, predicted), style in zip(predictions.items(), (":", "--", "-"), strict=True):
        top.plot(years, predicted, style, label=name)
    top.set(ylabel="sunspots", title="One year ahead, on years seen by no model")
    top.legend(ncols=4)
    edges = np.arange(LENGTH + 1) + 0.5, np.append(years, years[-1] + 1) - 0.5
    image = bottom.pcolormesh(edges[1], edges[0], weights[:, ::-1].T, cmap="cividis")
    bottom.set(xlabel="predicted year", ylabel="years before", title="Attention weights")
    figure.colorbar(image, ax=bottom, label="weight")
    figure.savefig(path, dpi=120)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--picture", help="file to write the picture to")
    picture = parser.parse_args(arguments).picture

    X, y, years = load()
    search = search_attention(X[:-N_TEST], y[:-N_TEST])
    print_search(search)

    X_test, y_test = X[-N_TEST:], y[-N_TEST:]
    predictions = {
        "persistence": X_test[:, -1, 0],
        "Ridge": ridge_predictions(X[:-N_TEST], y[:-N_TEST], X_test),
        "skattn": search.predict(X_test),
    }
    print_test(y_test, predictions)

    pipeline = search.best_estimator_.regressor_
    print(f"Chosen: {pipeline['lstm']}")
    if pipeline["lstm"].attention is not None:
        weights = pipeline["lstm"].attention_weights(pipeline["root"].transform(X_test))
        top = np.argsort(weights.mean(axis=0))[::-1][:3]
        steps = ", ".join(f"{LENGTH - t} ({weights.mean(axis=0)[t]:.0%})" for t in top)
        print(f"It looked most at these years before the predicted one: {steps}")
        if picture:
            draw(picture, years[-N_TEST:], y_test, predictions, weights)
    return predictions, y_test


if __name__ == "__main__":
    main()
