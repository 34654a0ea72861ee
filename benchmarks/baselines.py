"""What a network has to beat: simple regressors, on the same rows.

All are fitted to the training rows alone, with default parameters and a search over alphas.
They see each sequence relative to its last step, and predict the distance from the last value
of `target_feature` where a task has one.
"""

import time
from importlib.util import find_spec

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

ALPHAS = np.logspace(-3, 4, 15)
MAX_ROWS = 4_000  # of MiniRocket, whose 9,996 features RidgeCV is slow on with more rows
MIN_STEPS = 9  # of MiniRocket: its kernels have 9 weights


def flattened(X):
    """Return all steps but the last less the last, side by side, and the last itself."""
    steps = X[:, :-1] - X[:, -1:]
    return np.hstack([steps.reshape(len(X), -1), X[:, -1]])


def channels_first(X):
    """Return the sequences less their last step, as (n, n_features, n_timesteps)."""
    return (X - X[:, -1:]).transpose(0, 2, 1)


class Convolutions(TransformerMixin, BaseEstimator):
    """aeon's MiniRocket beside any y; in a Pipeline of scikit-learn 1.9 its own fit fails."""

    def fit(self, X, y=None):
        """Draw the convolutions."""
        from aeon.transformations.collection.convolution_based import MiniRocket

        self.rocket_ = MiniRocket(random_state=0).fit(X)
        return self

    def transform(self, X):
        """Return the features."""
        return self.rocket_.transform(X)


def ridge(X, y):
    """Ridge regression on flattened sequences, alpha by leave-one-out."""
    model = make_pipeline(FunctionTransformer(flattened), StandardScaler(), RidgeCV(ALPHAS))
    return "RidgeCV", model


def boosting(X, y):
    """Gradient boosting on flattened sequences; for one output."""
    name = "HistGradientBoosting"
    if y.ndim == 2:
        return f"{name} (not run: {y.shape[1]} outputs)", None
    model = HistGradientBoostingRegressor(random_state=0)
    return name, make_pipeline(FunctionTransformer(flattened), model)


def minirocket(X, y):
    """Random convolutions, then ridge regression, alpha by leave-one-out."""
    name = "MiniRocket + RidgeCV"
    if X.shape[1] < MIN_STEPS:
        return f"{name} (not run: {X.shape[1]} steps)", None
    if find_spec("aeon") is None:
        return f"{name} (not run: needs aeon)", None
    model = make_pipeline(
        FunctionTransformer(channels_first),
        Convolutions(),
        StandardScaler(),
        RidgeCV(ALPHAS),
    )
    if len(X) > MAX_ROWS:
        name += f", {MAX_ROWS:,} of {len(X):,} sequences"
    return name, model


BASELINES = {ridge: None, boosting: None, minirocket: MAX_ROWS}  # → greatest number of rows


def last_value(task, X):
    """Return the last value of a task's `target_feature`, or 0 where it has none."""
    feature = task.says.get("target_feature")
    if feature is None:
        return 0.0
    last = X[:, -1, feature]
    return last[:, np.newaxis] if task.train.y.ndim == 2 else last


def run_baselines(task):
    """Yield each baseline's name, predictions of the test rows (or None), seconds of its fit.

    A fit to 20 rows goes first, unmeasured, in which aeon compiles.
    """
    X, X_test = np.asarray(task.train.X), np.asarray(task.test.X)
    y = task.train.y - last_value(task, X)
    for make, max_rows in BASELINES.items():
        name, model = make(X, y)
        if model is None:
            yield name, None, None
            continue
        rows = np.linspace(0, len(X) - 1, min(max_rows or len(X), len(X))).astype(int)
        model.fit(X[rows[:20]], y[rows[:20]])
        begin = time.perf_counter()
        model.fit(X[rows], y[rows])
        seconds = time.perf_counter() - begin
        yield name, model.predict(X_test) + last_value(task, X_test), seconds
