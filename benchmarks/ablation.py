"""What each default earns: errors on validation rows when one of them is changed.

    python benchmarks/ablation.py --data DIR [P1 P3 P4 P5 P6 P7] [--seeds 0] [--write]

No test row is read. P3, P4 and P7 train on their training rows and are scored on their
validation rows; P5 and P6 on four blocks in time of both together, each left out once with the
rows around it; P1 on two of four folds of its training rows. Early stopping uses the last tenth
of what is trained on, as always. ``--write`` puts the tables into RESULTS.md.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from protocols import PROTOCOLS, Rows
from sklearn.model_selection import KFold
from tables import write

from skattn import LSTMAttentionRegressor

#: Each change of the defaults, and whether it says anything without a target_feature.
CHANGES = {
    "defaults": ({}, True),
    "target_feature=None": ({"target_feature": None}, False),
    "relative_inputs=False": ({"relative_inputs": False}, False),
    "linear_path=False": ({"linear_path": False}, False),
    "segment_length=1": ({"segment_length": 1}, False),
    "ema_momentum=0": ({"ema_momentum": 0.0}, True),
    "weight_decay=None": ({"weight_decay": None}, True),
    "weight_decay=2": ({"weight_decay": 2.0}, True),
    "dropout=0.1": ({"dropout": 0.1}, True),
    "learning_rate=1e-3": ({"learning_rate": 1e-3}, True),
    "n_members=3": ({"n_members": 3}, True),
}

#: Rows left out on both sides of a block: a window and the longest horizon of P6.
GAP = 26


def splits(task):
    """Return pairs of rows to train on and to score, none of them test rows."""
    X, y = np.asarray(task.train.X), task.train.y
    if task.validation is None:
        folds = list(KFold(4, shuffle=True, random_state=0).split(X))[:2]
        return [(Rows(X[a], y[a]), Rows(X[b], y[b])) for a, b in folds]
    if not task.name.startswith(("P5", "P6")):
        return [(task.train, task.validation)]
    X = np.concatenate([X, task.validation.X])
    y = np.concatenate([y, task.validation.y])
    at, pairs = np.arange(len(X)), []
    for block in np.array_split(at, 4):
        apart = (at < block[0] - GAP) | (at > block[-1] + GAP)
        pairs.append((Rows(X[apart], y[apart]), Rows(X[block], y[block])))
    return pairs


def error(task, params, seed):
    """Return the error over all rows that are scored."""
    predicted, known = [], []
    for train, scored in splits(task):
        model = LSTMAttentionRegressor(random_state=seed, **{**task.says, **params})
        predicted.append(model.fit(train.X, train.y).predict(scored.X))
        known.append(scored.y)
    score = next(iter(task.scores.values()))
    return score.error(np.concatenate(known), np.concatenate(predicted))


def ablate(task, seeds):
    """Return the errors of all changes that say something about a task, as a table."""
    rows, first = {}, None
    for name, (params, always) in CHANGES.items():
        if not (always or task.says):
            continue
        n_timesteps = task.train.X.shape[1]
        if name.startswith("segment") and not 32 <= n_timesteps <= 100:  # no other, or an hour
            continue
        if name.startswith("target_feature"):  # as long segments as with it
            params = {**params, "segment_length": max(1, n_timesteps // 16)}
        errors = [error(task, params, seed) for seed in seeds]
        first = first or np.median(errors)
        rows[name] = {
            "median": f"{np.median(errors):.4g}",
            "against defaults": f"{np.median(errors) / first:.3f}",
            "all seeds": " ".join(f"{value:.4g}" for value in errors),
        }
        print(task.name, name, rows[name], flush=True)
    return pd.DataFrame(rows).T


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("protocols", nargs="*")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for name in options.protocols or ("P1", "P3", "P4", "P5", "P6", "P7"):
        for task in PROTOCOLS[name](options.data):
            table = ablate(task, options.seeds)
            text = table.to_string()
            print(task.name, text, sep="\n")
            if options.write:
                seeds = " ".join(map(str, options.seeds))
                command = f"python benchmarks/ablation.py --data DIR {name} --seeds {seeds} --write"
                write(f"ablation {task.name}", f"Ablation on validation rows: {task.name}", text,
                      command)  # fmt: skip


if __name__ == "__main__":
    main()
