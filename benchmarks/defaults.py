"""What the plain defaults earn: beside a line, beside themselves without it, and in seconds.

    python benchmarks/defaults.py errors --data DIR [P1 ... P12 linear] [--seeds 0] [--write]
    python benchmarks/defaults.py seconds --before OTHER_CHECKOUT [--data DIR] [--write]

``errors`` fits the default regressor (with `target_feature` where a task says so) on training
and validation samples together, as a user would who has no reason to set samples apart; so do
RidgeCV, HistGradientBoosting (with one output) and MiniRocket (with aeon). "networks" are the
networks of the same fit without their line, "inside" is the share of the test samples' targets
that lie within 1.645 predictive standard deviations of the prediction. Each row is printed, and
kept in ``--rows``, when it is done; those that the file holds are not run again, so that a run can
be stopped and go on.

``seconds`` times fits of two checkouts in turn, each in a process of its own, and prints the
median of each and their ratio.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import make_regression
from tables import keep_row, read_rows, write

ROOT = Path(__file__).parents[1]
NINE_OF_TEN = 1.645  # standard deviations, of normal errors


def linear(data):
    """Two linear tasks on ten columns, 200 training and 1,000 test samples; RMSE."""
    from protocols import Rows, Score, Task, rmse

    tasks = []
    for noise in (5, 20):
        X, y = make_regression(1200, 10, n_informative=3, noise=noise, random_state=1)
        y = (y - y.mean()) / y.std()
        train, test = Rows(X[:200, :, None], y[:200]), Rows(X[200:, :, None], y[200:])
        tasks.append(Task(f"linear, noise {noise}", train, test, {}, {"RMSE": Score(rmse, {})}))
    return tasks


def as_user(task):
    """Return the training and validation samples of a task as one."""
    from protocols import Rows

    parts = [task.train] if task.validation is None else [task.train, task.validation]
    return Rows(
        *(np.concatenate([np.asarray(each) for each in part]) for part in zip(*parts, strict=True))
    )


def baselines(task):
    """Return the predictions of the test samples by each simple model that can run."""
    from baselines import run_baselines

    found = ((name.split(",")[0], predicted) for name, predicted, _ in run_baselines(task))
    return {name: predicted for name, predicted in found if predicted is not None}


def rows_of(task, seeds):
    """Yield the errors of a task, a row for each seed."""
    if not seeds:
        return
    from skattn import LSTMAttentionRegressor

    task = replace(task, train=as_user(task))
    X, y = task.train
    score = next(iter(task.scores.values())).error
    fixed = {name: score(task.test.y, p) for name, p in baselines(task).items()}
    for seed in seeds:
        begin = time.perf_counter()
        model = LSTMAttentionRegressor(random_state=seed, **task.says).fit(X, y)
        seconds = time.perf_counter() - begin
        alone = copy(model)
        alone.line_, alone.network_share_ = None, 1.0
        predicted, std = model.predict(task.test.X, return_std=True)
        yield {
            "task": task.name,
            "seed": seed,
            **fixed,
            "networks": score(task.test.y, alone.predict(task.test.X)),
            "skattn": score(task.test.y, predicted),
            "inside": float(np.mean(np.abs(task.test.y - predicted) < NINE_OF_TEN * std)),
            "share": model.network_share_,
            "seconds": seconds,
        }


def errors(options):
    """Measure errors; return the table of medians over the seeds."""
    from protocols import PROTOCOLS

    done = read_rows(options.rows) if options.rows else []
    for name in options.tasks or ["linear", *PROTOCOLS]:
        make = linear if name == "linear" else PROTOCOLS[name]
        for task in make(options.data):
            known = {row["seed"] for row in done if row["task"] == task.name}
            for row in rows_of(task, [seed for seed in options.seeds if seed not in known]):
                print(json.dumps(row), flush=True)
                done.append(row)
                if options.rows:
                    keep_row(options.rows, row)
    groups = pd.DataFrame(done).groupby("task", sort=False)
    table = groups.median(numeric_only=True).assign(seeds=groups.size())
    better = table[["RidgeCV", "networks"]].min(axis=1)
    table["/ better of both"] = table["skattn"] / better
    models = ["RidgeCV", "HistGradientBoosting", "MiniRocket + RidgeCV", "skattn"]
    ranks = table.reindex(columns=models).rank(axis=1)
    table["rank"] = ranks["skattn"]
    cells = table.drop(columns=["seed", "seconds"]).map(lambda value: f"{value:.4g}")
    means = "Mean rank among those that ran:\n" + ranks.mean().round(2).to_string()
    return f"{cells.to_string()}\n\n{means}"


# Seconds


def jobs(data):
    """Return the jobs that are timed: a name, and a function that makes the call to time."""
    rng = np.random.default_rng(0)

    def fit(X, y, **params):
        from skattn import LSTMAttentionRegressor

        warm = slice(None, 60)
        LSTMAttentionRegressor(random_state=0, epochs=1, **params).fit(X[warm], y[warm])
        model = LSTMAttentionRegressor(random_state=0, **params)
        return lambda: model.fit(X, y)

    def series():
        level = np.cumsum(rng.normal(size=(245 * 4 + 168, 4)), axis=0)
        X = np.stack([level[4 * i : 4 * i + 168] for i in range(245)])
        return X, X[:, -1, 0] + rng.normal(size=245)

    def one_row():
        from skattn import LSTMAttentionRegressor

        X = rng.normal(size=(200, 30, 2))
        model = LSTMAttentionRegressor(n_members=5, epochs=1, random_state=0).fit(X, X[:, 5, 0])
        model.predict(X[:1])
        return lambda: [model.predict(X[:1]) for _ in range(100)]

    found = {"245 x 168 x 4": lambda: fit(*series()), "one row, x 100": one_row}
    if data is not None:
        from protocols import read_ts

        for name, folder in (("P2", "DailyOilGasPrices"), ("P1", "FloodModeling1")):
            rows = read_ts(data / "tser" / folder / f"{folder}_TRAIN.ts")
            found[name] = lambda rows=rows: fit(*rows)
    return found


def time_one(options):
    """Time one job in this process, and print its seconds."""
    call = jobs(options.data)[options.job]()
    begin = time.perf_counter()
    call()
    print(time.perf_counter() - begin)


def seconds_of(checkout, job, data):
    """Return the seconds of a job with a checkout, in a process of its own."""
    command = [sys.executable, __file__, "job", "--job", job]
    command += ["--data", str(data)] if data else []
    environment = {**os.environ, "PYTHONPATH": str(Path(checkout) / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def seconds(options):
    """Time all jobs with both checkouts in turn; return the table."""
    table = []
    for job in options.tasks or jobs(options.data):
        times = [
            [seconds_of(checkout, job, options.data) for checkout in (options.before, ROOT)]
            for _ in range(options.repeats)
        ]
        before, after = np.median(times, axis=0)
        table.append({"job": job, "before": before, "now": after, "ratio": after / before})
        print(table[-1], times, flush=True)
    return pd.DataFrame(table).set_index("job").round(3).to_string()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["errors", "seconds", "job"])
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_intermixed_args()
    if options.what == "job":
        time_one(options)
        return
    text = {"errors": errors, "seconds": seconds}[options.what](options)
    print(text)
    if options.write:
        command = f"python benchmarks/defaults.py {options.what} {' '.join(options.tasks)}"
        command += " --data DIR" if options.data else ""
        command += f" --seeds {' '.join(map(str, options.seeds))}" * (options.what == "errors")
        command += " --before c4b20b6" * (options.what == "seconds")
        title = {
            "errors": "Plain defaults, fitted on training and validation samples together",
            "seconds": "Seconds of plain defaults, beside c4b20b6 in the same run",
        }[options.what]
        write(f"defaults {options.what}", title, text, f"{command} --write")


if __name__ == "__main__":
    main()
