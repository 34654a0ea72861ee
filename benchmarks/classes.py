"""Accuracy on classes: the sets in aeon's wheel, in their own splits.

    python benchmarks/accuracy.py C [SET ...] [--seeds 0 1 2] [--rows FILE] [--write]

Beside the default classifier, in the same run: MiniRocket with a ridge classifier, gradient
boosting and logistic regression on flattened sequences, which are filled up with their last value
where they are shorter. Each row is kept in ``--rows`` when it is done. PLAID is in aeon's wheels up
to 1.2.
"""

import json
import time

import numpy as np
import pandas as pd
from baselines import Convolutions
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tables import keep_row, read_rows, write

from skattn import LSTMAttentionClassifier
from skattn.datasets import make_symbol_recall

#: Published accuracies on the same splits: InceptionTime (H. Ismail Fawaz et al., DMKD 34, 2020;
#: results-InceptionTime-128.csv of github.com/hfawaz/InceptionTime), and ROCKET (A. Dempster et
#: al., DMKD 34, 2020; results_ucr.csv of github.com/angus924/rocket, mean of ten runs).
SETS = {
    "BasicMotions": ("", ""),
    "JapaneseVowels": ("", ""),
    "ItalyPowerDemand": ("0.965", "0.970"),
    "GunPoint": ("1.000", "1.000"),
    "ArrowHead": ("0.846", "0.814"),
    "OSULeaf": ("0.942", "0.941"),
    "ACSF1": ("0.920", "0.886"),
    "PLAID": ("0.944", "0.903"),
    "symbol recall": ("", ""),
}

#: Training and test samples of symbol recall, a generated task whose deciding step is known.
N_RECALL = slice(3_000), slice(3_000, 4_000)

#: Edges of the bins of confidence for the expected calibration error.
BINS = np.linspace(0, 1, 11)


def read(name, part):
    """Return the sequences of a part of a set, each (n_timesteps, n_features), and labels."""
    if name == "symbol recall":
        X, y, _ = recall(part)
        return list(X), y
    from aeon.datasets import load_classification

    X, y = load_classification(name, split=part, load_equal_length=False)
    return [np.asarray(x, dtype=float).T for x in X], y


def recall(part):
    """Return sequences, labels and deciding steps of symbol recall, 40 steps."""
    task = make_symbol_recall(4_000, 40, random_state=0, return_steps=True)
    return [values[N_RECALL[part == "test"]] for values in task]


def attention_on_step(model):
    """Return the share of the attention on the deciding step of symbol recall, test samples."""
    X, _, steps = recall("test")
    return float(np.take_along_axis(model.attention_weights(X), steps, axis=1).mean())


def as_given(X):
    """Return sequences of one length as one array, others as the list."""
    return np.stack(X) if len({len(x) for x in X}) == 1 else X


def filled(X, n_timesteps):
    """Return an array in which shorter sequences go on with their last value."""
    rows = [np.minimum(np.arange(n_timesteps), len(x) - 1) for x in X]
    return np.stack([x[at] for x, at in zip(X, rows, strict=True)])


def baselines():
    """Return simple classifiers by name; all take arrays (n_samples, n_timesteps, n_features)."""
    flat = FunctionTransformer(lambda X: X.reshape(len(X), -1))
    channels_first = FunctionTransformer(lambda X: X.transpose(0, 2, 1))
    alphas = np.logspace(-3, 3, 10)
    rocket = [channels_first, Convolutions(), StandardScaler()]
    return {
        "MiniRocket": make_pipeline(*rocket, RidgeClassifierCV(alphas)),
        "HistGradientBoosting": make_pipeline(flat, HistGradientBoostingClassifier(random_state=0)),
        "LogisticRegression": make_pipeline(
            flat, StandardScaler(), LogisticRegression(max_iter=2_000)
        ),
    }


def calibration_error(y, probabilities, classes):
    """Return the expected calibration error (Naeini et al., AAAI 2015), ten bins of confidence."""
    confidence = probabilities.max(axis=1)
    hit = classes[probabilities.argmax(axis=1)] == y
    bins = np.digitize(confidence, BINS[1:-1])
    gaps = [
        abs((hit[bins == b].astype(float) - confidence[bins == b]).sum()) for b in np.unique(bins)
    ]
    return float(np.sum(gaps) / len(y))


def score(model, X, y):
    """Return accuracy and, where the model has probabilities, log loss and calibration error."""
    row = {"accuracy": accuracy_score(y, model.predict(X))}
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(X)
        row["log_loss"] = log_loss(y, probabilities, labels=model.classes_)
        row["calibration"] = calibration_error(y, probabilities, model.classes_)
    return row


def models(seeds):
    """Yield the name, the seed and the model of each fit, and whether it takes unequal lengths."""
    for name, model in baselines().items():
        yield name, 0, model, False
    for seed in seeds:
        yield "skattn", seed, LSTMAttentionClassifier(random_state=seed), True


def measure(names, seeds, rows):
    """Fit all models on all sets; return the rows, of which each is kept when it is done."""
    kept = read_rows(rows)
    done = {(row["set"], row["model"], row["seed"]) for row in kept}
    for name in names:
        (X, y), (X_test, y_test) = read(name, "train"), read(name, "test")
        longest = max(len(x) for x in X)
        for model_name, seed, model, ragged in models(seeds):
            if (name, model_name, seed) in done:
                continue
            given, asked = (as_given(p) if ragged else filled(p, longest) for p in (X, X_test))
            begin = time.perf_counter()
            model.fit(given, y)
            seconds = time.perf_counter() - begin
            row = {"set": name, "model": model_name, "seed": seed, **score(model, asked, y_test)}
            row |= {"seconds": seconds, "share": getattr(model, "network_share_", None)}
            if name == "symbol recall" and model_name == "skattn":
                row["attention"] = attention_on_step(model)
            print(json.dumps(row), flush=True)
            keep_row(rows, row)
            kept.append(row)
    return [row for row in kept if row["set"] in names]


def tabulate(rows):
    """Return the medians over seeds as text: a table of accuracies, and one of skattn."""
    table = pd.DataFrame(rows)
    order = [name for name in SETS if name in set(table["set"])]
    accuracy = table.pivot_table("accuracy", "set", "model", aggfunc="median").loc[order]
    accuracy["InceptionTime*"] = [SETS[name][0] for name in order]
    accuracy["ROCKET*"] = [SETS[name][1] for name in order]
    own = table[table["model"] == "skattn"].groupby("set").median(numeric_only=True).loc[order]
    own = own.reindex(columns=["accuracy", "log_loss", "calibration", "share", "attention"])
    own.insert(0, "seeds", table[table["model"] == "skattn"].groupby("set").size())
    losses = table.pivot_table("log_loss", "set", "model", aggfunc="median").loc[order]
    seconds = table.pivot_table("seconds", "set", "model", aggfunc="median").loc[order]
    parts = {
        "Accuracy": accuracy.round(3),
        "Log loss": losses.round(3),
        "Seconds a fit": seconds.round(1),
        "skattn": own.round(3),
    }
    texts = [f"{title}\n{part.to_string()}" for title, part in parts.items()]
    return "\n\n".join(
        [*texts, "* Published, on the same splits: sources in benchmarks/classes.py."]
    )


def run(options):
    """Run section C."""
    names = options.sets or list(SETS)
    text = tabulate(measure(names, options.seeds, options.rows))
    print(text)
    if options.write:
        seeds = " ".join(map(str, options.seeds))
        command = f"python benchmarks/accuracy.py C --seeds {seeds} --write"
        title = "Accuracy: C: classes, the sets in aeon's wheel, their own splits, defaults"
        write("accuracy C", title, text, command)
