"""What other packages get out of skattn, beside what its estimators give alone.

python benchmarks/clients.py [NAMES] [--write]

Each client does one job the package's own way and returns what came of it. A comparison that
does not hold is an error, and an error is a row. A package that is not installed is a row, too.
Some hold back numpy, pandas or scikit-learn; pip finds versions that go together in ten minutes:

pip install skattn[forecasting,dask] aeon alibi crepes hyperopt mapie mlflow optuna puncc ray
    scikit-optimize shap skops skore
"""

import argparse
import contextlib
import importlib.metadata
import io
import os
import re
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import tables
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from skattn import LSTMAttentionRegressor
from skattn.datasets import make_echo

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guide"
#: Packages whose versions stand below the table.
BESIDE = ["tensorflow", "scikit-learn", "numpy", "pandas"]
#: (name of the distribution, job, what its result is compared with, function), by name.
CLIENTS = {}


def client(job, compared, name=None):
    """Enter a function into the table under the name of a distribution, or its own."""

    def enter(function):
        CLIENTS[function.__name__] = (name or function.__name__, job, compared, function)
        return function

    return enter


X, Y = make_echo(1200, 8, lag=3, noise=0.3, random_state=0)
TRAIN, APART, NEW = slice(0, 300), slice(300, 600), slice(600, 1200)


def small(**parameters):
    """Return an estimator that is fitted in a second."""
    defaults = {"units": 8, "epochs": 10, "n_members": 1, "random_state": 0}
    return LSTMAttentionRegressor(**defaults | parameters)


def flat(sequences):
    """Return sequences as rows: all features of the first step first."""
    return sequences.reshape(len(sequences), -1)


def equal(found, expected):
    """Return how far both are apart; an error where that is more than rounding."""
    found, expected = np.ravel(found), np.ravel(expected)
    apart = float(np.max(np.abs(found - expected)))
    if not apart <= 1e-6:
        raise AssertionError(f"apart by {apart:.2g}")
    return f"{len(expected)} values, apart by {apart:.0e}" if apart else f"{len(expected)} equal"


def covered(bounds, targets=Y[NEW]):
    """Return the share of targets within bounds (n_samples, 2) that ask for 0.9."""
    lower, upper = np.transpose(bounds)
    share = np.mean((lower <= targets) & (targets <= upper))
    if not 0.85 <= share <= 0.95:
        raise AssertionError(f"{share:.3f} inside")
    return f"{share:.3f} inside, {np.mean(upper - lower):.2f} wide"


def run_page(page, *sections, language="python"):
    """Run the blocks of a page of the guide before its first section, and of some sections."""
    start, *rest = re.split(r"^## ", (GUIDE / page).read_text(), flags=re.MULTILINE)
    chosen = [text for name in sections for text in rest if text.startswith(f"{name}\n")]
    if len(chosen) != len(sections):
        raise ValueError(f"{page} lacks one of the sections {sections}.")
    namespace = {}
    for text in [start, *chosen]:
        for block in re.findall(rf"^```(?:{language})\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            exec(compile(block, page, "exec"), namespace)
    return namespace


# Forecasts


def forecast(page, forecasts, recursive):
    """Compare a page's seven days of forecasts with the estimator on windows of its own."""
    series, test, n_train = page["series"].to_numpy(), page["test"], len(page["train"])
    horizon = 1 if recursive else 24
    windows = np.lib.stride_tricks.sliding_window_view(series[:n_train], 24 + horizon)
    fitted = clone(page["lstm"]).fit(windows[:, :24], windows[:, 24:].squeeze())
    own = []
    for begin in range(n_train, len(series), 24):
        known = list(series[:begin])
        while len(known) < begin + 24:
            known.extend(np.ravel(fitted.predict(np.array([known[-24:]]))))
        own.extend(known[begin:])
    errors = [np.sqrt(np.mean((f - test) ** 2)) for f in (np.ravel(forecasts), page["last_values"])]
    if not errors[0] < errors[1]:
        raise AssertionError(f"RMSE {errors[0]:.2f}, last value {errors[1]:.2f}")
    return f"{equal(forecasts, own)}; RMSE {errors[0]:.2f}, last {errors[1]:.2f}"


@client("recursive, 24 h on 7 days", "own windows; last value")
def skforecast():
    page = run_page("forecasting.md", "skforecast")
    return forecast(page, page["recursive"]["pred"], recursive=True)


@client("recursive, 24 h on 7 days", "own windows; last value")
def mlforecast():
    page = run_page("forecasting.md", "mlforecast")
    return forecast(page, page["crossed"]["lstm"], recursive=True)


@client("make_reduction, 24 outputs", "own windows; last value")
def sktime():
    page = run_page("forecasting.md", "sktime")
    return forecast(page, np.concatenate(page["results"]["y_pred"].tolist()), recursive=False)


@client("SKLearnModel, 24 outputs", "own windows; last value")
def darts():
    page = run_page("forecasting.md", "darts")
    return forecast(page, [day.values() for day in page["days"]], recursive=False)


@client("RegressorPipeline of a Normalizer", "the same without aeon")
def aeon():
    from aeon.regression.compose import RegressorPipeline
    from aeon.transformations.collection import Normalizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    channels_first = X[:, :, :1].transpose(0, 2, 1)
    steps_first = FunctionTransformer(np.transpose, kw_args={"axes": (0, 2, 1)})
    pipeline = RegressorPipeline([Normalizer()], make_pipeline(steps_first, small()))
    pipeline.fit(channels_first[TRAIN], Y[TRAIN])
    normal = Normalizer().fit_transform(channels_first).transpose(0, 2, 1)
    own = small().fit(normal[TRAIN], Y[TRAIN])
    return equal(pipeline.predict(channels_first[NEW]), own.predict(normal[NEW]))


# Searches


def score_with(**parameters):
    return cross_val_score(small(**parameters), X[TRAIN], Y[TRAIN], cv=2).mean()


@client("pruned by partial_fit", "error of the best, fitted again")
def optuna():
    page = run_page("tuning.md", "Searches that stop early: Optuna")
    study = page["study"]
    again = page["by_epochs"](page["optuna"].trial.FixedTrial(study.best_params))
    pruned = sum(trial.state.name == "PRUNED" for trial in study.trials)
    within = sum(trial.state.name == "PRUNED" for trial in page["within"].trials)
    found = equal([study.best_value], [again])
    return f"{found}; {pruned} of 12 pruned, {within} by callback"


@client("BayesSearchCV of a rate", "cross_val_score of the best", "scikit-optimize")
def skopt():
    from skopt import BayesSearchCV
    from skopt.space import Real

    space = {"learning_rate": Real(1e-3, 1e-1, prior="log-uniform")}
    search = BayesSearchCV(small(), space, n_iter=4, cv=2, random_state=0).fit(X[TRAIN], Y[TRAIN])
    return equal([search.best_score_], [score_with(**search.best_params_)])


@client("fmin of a rate", "cross_val_score of the best")
def hyperopt():
    from hyperopt import Trials, fmin, hp, tpe

    trials = Trials()
    best = fmin(
        lambda rate: -score_with(learning_rate=rate),
        hp.loguniform("rate", np.log(1e-3), np.log(1e-1)),
        algo=tpe.suggest,
        max_evals=4,
        trials=trials,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
    )
    return equal([min(trials.losses())], [-score_with(learning_rate=best["rate"])])


SEARCHES = ["Searches, threads, processes", "Dask and Ray"]


def scores(search):
    return search.cv_results_["mean_test_score"]


@client("joblib backend of a search", "scores of threads")
def ray():
    page = run_page("speed.md", *SEARCHES, language="python|py")
    return equal(scores(page["on_ray"]), scores(page["search"]))


@client("joblib backend of a search", "scores of threads")
def dask():
    page = run_page("speed.md", *SEARCHES)
    return equal(scores(page["on_dask"]), scores(page["search"]))


# Records and files


@client("save_model, load_model", "predictions before")
def mlflow():
    import mlflow.sklearn
    from skops.io import dumps, get_untrusted_types

    fitted = small().fit(X[TRAIN], Y[TRAIN])
    trusted = get_untrusted_types(data=dumps(fitted))
    mlflow.sklearn.save_model(fitted, "mlflow", skops_trusted_types=trusted)
    return equal(mlflow.sklearn.load_model("mlflow").predict(X[NEW]), fitted.predict(X[NEW]))


@client("EstimatorReport, RMSE", "RMSE without skore")
def skore():
    from skore import EstimatorReport

    report = EstimatorReport(
        small(), X_train=X[TRAIN], y_train=Y[TRAIN], X_test=X[NEW], y_test=Y[NEW]
    )
    errors = small().fit(X[TRAIN], Y[TRAIN]).predict(X[NEW]) - Y[NEW]
    return equal([report.metrics.rmse()], [np.sqrt(np.mean(errors**2))])


@client("dumps, loads", "predictions before")
def skops():
    from skops.io import dumps, get_untrusted_types, loads

    fitted = small().fit(X[TRAIN], Y[TRAIN])
    data = dumps(fitted)
    again = loads(data, trusted=get_untrusted_types(data=data))
    return equal(again.predict(X[NEW]), fitted.predict(X[NEW]))


# Explanations


@client("KernelExplainer of recall", "flagged steps; predictions")
def shap():
    page = run_page("insight.md", "Does it depend on that?", "One prediction: SHAP")
    hits = int((page["found_steps"] == page["steps"][-20:, 0]).sum())
    sums = page["added"].sum(axis=1) + page["explainer"].expected_value
    return f"{hits} of 20; {equal(sums, page['recall'].predict(page['new']))}"


@client("ALE of an echo of lag 3", "1 at its column, else 0")
def alibi():
    from alibi.explainers import ALE

    fitted = small().fit(X[TRAIN], Y[TRAIN])
    explained = ALE(fitted.predict).explain(flat(X))
    slopes = np.array(
        [
            (effects[-1, 0] - effects[0, 0]) / max(values[-1] - values[0], 1e-9)
            for effects, values in zip(explained.ale_values, explained.feature_values, strict=True)
        ]
    )
    moving = flat(X).std(axis=0) > 0  # the clock of a step is the same in each sample
    column = 2 * (8 - 1 - 3)
    others = np.delete(slopes * moving, column)
    if not (abs(slopes[column] - 1) < 0.2 and np.abs(others).max() < 0.1):
        raise AssertionError(slopes.round(2).tolist())
    return f"{slopes[column]:.2f}; elsewhere at most {np.abs(others).max():.2f}"


# Intervals

COVERAGE = "share inside, 0.9 asked"


@client("WrapRegressor", COVERAGE)
def crepes():
    from crepes import WrapRegressor

    wrapped = WrapRegressor(small())
    wrapped.fit(X[TRAIN], Y[TRAIN])
    wrapped.calibrate(X[APART], Y[APART])
    return covered(wrapped.predict_int(X[NEW], confidence=0.9))


@client("SplitCP", COVERAGE)
def puncc():
    from deel.puncc.api.prediction import BasePredictor
    from deel.puncc.regression import SplitCP

    split = SplitCP(BasePredictor(small(), is_trained=False), train=True)
    split.fit(X_fit=X[TRAIN], y_fit=Y[TRAIN], X_calib=X[APART], y_calib=Y[APART])
    _, lower, upper = split.predict(X[NEW], alpha=0.1)
    return covered(np.column_stack([lower, upper]))


@client("SplitConformalRegressor", COVERAGE, "mapie")
def mapie_split():
    from mapie.regression import SplitConformalRegressor

    split = SplitConformalRegressor(small(), confidence_level=0.9, prefit=False)
    split.fit(X[TRAIN], Y[TRAIN]).conformalize(X[APART], Y[APART])
    return covered(split.predict_interval(X[NEW])[1][:, :, 0])


@client("CrossConformalRegressor", COVERAGE, "mapie")
def mapie_cross():
    from mapie.regression import CrossConformalRegressor

    cross = CrossConformalRegressor(small(), confidence_level=0.9, cv=5, random_state=0)
    cross.fit_conformalize(X[TRAIN], Y[TRAIN])
    return covered(cross.predict_interval(X[NEW])[1][:, :, 0])


@client("ConformalizedQuantileRegressor", COVERAGE, "mapie")
def mapie_quantiles():
    page = run_page("intervals.md", "Samples to spare", "Noise that depends on the sequence")
    return covered(page["following"][:, :, 0], page["y_new"])


@client("EnbPI, temperature", COVERAGE, "mapie")
def mapie_enbpi():
    page = run_page("intervals.md", "Samples to spare", "Rows of a table", "A series that goes on")
    return covered(np.concatenate(page["days"])[:, :, 0], page["targets"][2016:3024])


# The table


def row(name):
    """Return the row of a client; an error is one, too."""
    package, job, compared, function = CLIENTS[name]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return package, "-", job, compared, "not installed", 0.0
    begin = time.perf_counter()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            result = function()
    except Exception as error:
        result = f"{type(error).__name__}: {error}".splitlines()[0][:80]
    return package, version, job, compared, result, time.perf_counter() - begin


def table(names):
    """Run clients one after the other in a folder of their own; return the table as text."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            rows = []
            for name in names:
                rows.append(row(name))
                print(*rows[-1], sep=" | ", flush=True)
        finally:
            os.chdir(before)
    columns = ["package", "version", "job", "compared with", "result", "seconds"]
    text = pd.DataFrame(rows, columns=columns).set_index("package").round(1).to_string()
    versions = (f"{name} {importlib.metadata.version(name)}" for name in BESIDE)
    return f"{text}\n\nbeside {', '.join(versions)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAMES", help=f"of {', '.join(CLIENTS)}")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(CLIENTS):
        parser.error(f"unknown clients {sorted(unknown)}; there are {', '.join(CLIENTS)}")
    warnings.simplefilter("ignore")  # of the packages, about one another
    text = table(arguments.names or CLIENTS)
    print(text)
    if arguments.write:
        command = " ".join(["python benchmarks/clients.py", *arguments.names, "--write"])
        name = " ".join(["clients", *arguments.names])
        tables.write(name, "Clients: what other packages get out of skattn", text, command)


if __name__ == "__main__":
    main()
