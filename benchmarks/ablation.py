"""What each default earns where the world moves: errors when one of them is changed.

    python benchmarks/ablation.py --data DIR [P3 ... P12] [--seeds 0] [--rows FILE] [--write]

No test sample is read. Three blocks in time of the training and validation samples are scored:
each ends a third, two thirds, or all the way through. A model is fitted on the samples before
the block, at most the newest `NEWEST`, less those whose window or target reaches into it. Each
row is printed, and kept in ``--rows``, when it is done; those that the file holds are not run
again. ``--write`` puts the table of all rows into RESULTS.md.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from defaults import as_user
from protocols import PROTOCOLS
from tables import write

from skattn import LSTMAttentionRegressor

#: Each change of the plain defaults.
CHANGES = {
    "defaults": {},
    "loss='huber'": {"loss": "huber"},
    "loss='absolute_error'": {"loss": "absolute_error"},
    "instance_norm=True": {"instance_norm": True},
    "relative_inputs=False": {"relative_inputs": False},
    "linear_path=False": {"linear_path": False},
    "segment_length=1": {"segment_length": 1},
    "ema_momentum=0": {"ema_momentum": 0.0},
    "weight_decay=None": {"weight_decay": None},
    "weight_decay=2": {"weight_decay": 2.0},
    "dropout=0.1": {"dropout": 0.1},
    "learning_rate=1e-3": {"learning_rate": 1e-3},
    "n_members=2": {"n_members": 2},
    "n_members=10": {"n_members": 10},
    "validation_fraction=0.1": {"validation_fraction": 0.1},
}

SETS = ("P3", "P4", "P5", "P6", "P7", "P10", "P11", "P12")

#: Greatest number of samples that train, and that are scored, in each block.
NEWEST, SCORED = 3_000, 1_000


def blocks(X, y):
    """Return for each block the samples to train on and those to score, as slices."""
    n_apart = X.shape[1] + (y.shape[1] if y.ndim > 1 else 1)
    pairs = []
    for third in (1, 2, 3):
        end = len(X) * third // 3
        begin = end - SCORED
        stop = begin - n_apart
        pairs.append((slice(max(0, stop - NEWEST), stop), slice(begin, end)))
    return pairs


def says_nothing(name, task):
    """Return whether a change leaves a task's default as it is, or cannot be made."""
    n_timesteps = task.train.X.shape[1]
    if name.startswith("segment"):
        return not task.says or not 32 <= n_timesteps <= 100  # no other, or an hour
    return name.startswith(("relative", "weight_decay=None")) and not task.says


def error(task, params, seed):
    """Return the error over the blocks."""
    X, y = as_user(task)
    predicted, known = [], []
    for train, scored in blocks(X, y):
        model = LSTMAttentionRegressor(random_state=seed, **{**task.says, **params})
        predicted.append(model.fit(X[train], y[train]).predict(X[scored]))
        known.append(y[scored])
    score = next(iter(task.scores.values()))
    return float(score.error(np.concatenate(known), np.concatenate(predicted)))


def table(rows):
    """Return the error of each change against the defaults, a column for each task."""
    errors = pd.DataFrame(rows).groupby(["change", "task"], sort=False)["error"].median()
    errors = errors.unstack()
    errors = errors.reindex(list(CHANGES)).dropna(how="all")
    ratios = errors / errors.loc["defaults"]
    ratios["mean"] = np.exp(np.log(ratios).mean(axis=1))
    text = ratios.map(lambda ratio: "" if np.isnan(ratio) else f"{ratio:.3f}")
    text.loc["defaults"] = [*errors.loc["defaults"].map("{:.4g}".format), "1"]
    return text.rename_axis(index=None, columns=None).to_string()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("protocols", nargs="*", metavar="P")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--changes", nargs="+", default=list(CHANGES), choices=list(CHANGES))
    parser.add_argument("--rows", type=Path, default=Path("ablation.jsonl"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.rows.touch()
    rows = [json.loads(line) for line in options.rows.read_text().splitlines()]
    done = {(row["task"], row["change"], row["seed"]) for row in rows}
    for task in (t for name in options.protocols or SETS for t in PROTOCOLS[name](options.data)):
        for change in options.changes:
            for seed in options.seeds:
                if (task.name, change, seed) in done or says_nothing(change, task):
                    continue
                found = error(task, CHANGES[change], seed)
                rows.append({"task": task.name, "change": change, "seed": seed, "error": found})
                print(json.dumps(rows[-1]), flush=True)
                with options.rows.open("a") as file:
                    print(json.dumps(rows[-1]), file=file)
    print(table(rows))
    if options.write:
        command = f"python benchmarks/ablation.py {' '.join(options.protocols)} --data DIR --write"
        title = "Ablation: error against the defaults, three blocks in time of training samples"
        write("ablation", title, table(rows), command)


if __name__ == "__main__":
    main()
