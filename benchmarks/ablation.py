"""What each part of the recipe earns under drift: errors on blocks in time that follow training.

    python benchmarks/ablation.py --data DIR [P5 P6 P7 P10 P11 P12] [--seeds 0] [--rows FILE]
        [--changes NAME ...] [--write]

No test sample is read. The training and validation samples of a series are one series here; its
last three tenths are two blocks. A model is fitted on the newest samples before a block, at most
`MOST` of them, whose windows and targets end before it begins, and scored on that block. Each
change of the plain defaults is fitted with all else as it is. Two simple models stand beside them.
Each error is a row of FILE (JSON lines), written when it is done; what FILE holds is not run
again. ``--write`` puts the table into RESULTS.md.
"""

import argparse
import shlex
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from baselines import boosting, last_value, ridge
from defaults import as_user
from protocols import PROTOCOLS
from sklearn.preprocessing import QuantileTransformer
from tables import keep_row, read_rows, write

from skattn import LSTMAttentionRegressor

#: Greatest number of samples that train: the newest ones.
MOST = 2_500

#: Where the two blocks begin and end, as shares of a series.
EDGES = (0.7, 0.85, 1.0)

#: Task that is run → number of steps from the last one of a window to its target.
AHEAD = {"P5": 1, "P6, 16 steps": 16, "P7": 1, "P10": 6, "P11": 24, "P12": 0}

#: Each change of the defaults: parameters.
CHANGES = {
    "defaults": {},
    "loss='huber'": {"loss": "huber"},
    "loss='absolute_error'": {"loss": "absolute_error"},
    "dropout=0.2": {"dropout": 0.2},
    "weight_decay=2": {"weight_decay": 2.0},
    "learning_rate=1e-3": {"learning_rate": 1e-3},
    "ema_momentum=0": {"ema_momentum": 0.0},
    "units=32": {"units": 32},
    "n_members=10": {"n_members": 10},
    "n_members=1": {"n_members": 1},
    "instance_norm=True": {"instance_norm": True},
    "linear_path=False": {"linear_path": False},
    "attention=None": {"attention": None},
}


def squashed(steps):
    """Return features whose distance from the mean enters as its inverse hyperbolic sine."""
    mean, deviation = steps.mean(axis=0), steps.std(axis=0) + 1e-9
    return lambda values: np.arcsinh((values - mean) / deviation)


def ranked(steps):
    """Return features as normal scores of their ranks in training, which bound them."""
    return QuantileTransformer(output_distribution="normal", random_state=0).fit(steps).transform


#: Further readings of each step that stand beside the features themselves, learned in training.
READINGS = {"squashed levels beside": squashed, "ranks beside": ranked}

#: Simple models beside the defaults.
SIMPLE = {"RidgeCV": ridge, "HistGradientBoosting": boosting}


def blocks(task, ahead):
    """Yield the numbers of the samples that train, and of those of the block after them."""
    n_samples, n_timesteps = task.train.X.shape[:2]
    edges = [int(edge * n_samples) for edge in EDGES]
    for begin, end in pairwise(edges):
        last = begin - ahead - n_timesteps
        yield np.arange(max(0, last - MOST), last), np.arange(begin, end)


def predict(task, change, seed, train, block):
    """Fit a model on the samples before a block; return its predictions of the block."""
    X, y = task.train
    if change in SIMPLE:
        model = SIMPLE[change](X[train], y[train])[1].fit(
            X[train], y[train] - last_value(task, X[train])
        )
        return model.predict(X[block]) + last_value(task, X[block])
    if change in READINGS:
        read = READINGS[change](X[train].reshape(-1, X.shape[2]))
        beside = read(X.reshape(-1, X.shape[2])).reshape(X.shape)
        X = np.concatenate([X, beside], axis=2)
    params = task.says | CHANGES.get(change, {})
    model = LSTMAttentionRegressor(random_state=seed, **params)
    return model.fit(X[train], y[train]).predict(X[block])


def run(options, known):
    """Run what is not known yet: all series with the first change, then with the second."""
    tasks = [task for name in options.protocols for task in PROTOCOLS[name](options.data)]
    tasks = [as_series(task) for task in tasks if task.name in AHEAD]
    for change in options.changes:
        for task in tasks:
            score = next(iter(task.scores.values())).error
            for seed in options.seeds:
                for number, (train, block) in enumerate(blocks(task, AHEAD[task.name])):
                    key = [task.name, change, number, seed]
                    if key in known:
                        continue
                    error = score(task.train.y[block], predict(task, change, seed, train, block))
                    print(*key, error, flush=True)
                    keep_row(options.rows, {"key": key, "error": error})


def as_series(task):
    """Return a task whose training samples are all that are not test samples."""
    return replace(task, train=as_user(task), validation=None)


def table_of(rows):
    """Return errors as multiples of the defaults', mean over blocks and seeds, and their mean."""
    keys = pd.DataFrame([row["key"] for row in rows], columns=["task", "change", "block", "seed"])
    errors = keys.assign(error=[row["error"] for row in rows])
    errors = errors.pivot_table("error", ["task", "block", "seed"], "change", sort=False)
    ratios = errors.div(errors["defaults"], axis=0)
    table = ratios.groupby("task", sort=False).mean().T
    table["all"] = table.mean(axis=1)
    table["better in"] = (ratios < 1).sum().astype(str) + " of " + ratios.notna().sum().astype(str)
    table.loc["defaults", "better in"] = ""
    own = errors["defaults"].groupby("task", sort=False).mean().map("{:.4g}".format)
    return f"{table.round(3).to_string()}\n\nErrors of the defaults: {own.to_dict()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("protocols", nargs="*", default=["P5", "P6", "P7", "P10", "P11", "P12"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    everything = [*CHANGES, *READINGS, *SIMPLE]
    parser.add_argument("--changes", nargs="+", choices=everything, default=everything)
    parser.add_argument("--rows", type=Path, default=Path("ablation_rows.jsonl"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    run(options, [row["key"] for row in read_rows(options.rows)])
    text = table_of(read_rows(options.rows))
    print(text)
    if options.write:
        command = f"python benchmarks/ablation.py --data DIR {' '.join(options.protocols)}"
        command += f" --seeds {' '.join(map(str, options.seeds))}"
        command += f" --changes {shlex.join(options.changes)} --write"
        title = "Ablation: errors on blocks in time, over those of the defaults"
        write("ablation", title, text, command)


if __name__ == "__main__":
    main()
