"""Accuracy on public protocols, with default parameters.

    python benchmarks/accuracy.py --data DIR [P1 ... P12] [--seeds 0 1 2] [--members N]
        [--variants] [--write]
    python benchmarks/accuracy.py C [SET ...] [--seeds 0 1 2] [--rows FILE] [--write]

DIR has a folder for each data set: ``tser`` with the ``.ts`` files of the archive of extrinsic
regression (tseregression.org), ``ett`` (zhouhaoyi/ETDataset), ``sml2010`` and ``pm25`` (UCI);
P8 is generated. Each protocol first reproduces the published errors of naive predictions,
which checks the data path. Then simple regressors run on the same rows (MiniRocket needs aeon),
and then skattn, once for each seed; ``--members N`` also averages N networks,
``--variants`` runs the other attentions on P1.
Fits "as a user", on training and validation rows together, and the mean rank of each model are in
defaults.py. Section C is about classes: see `classes`. ``--write`` puts the tables into RESULTS.md.
"""

import argparse
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from baselines import run_baselines
from protocols import PROTOCOLS, read_ts  # noqa: F401  (insight.py takes read_ts from here)
from tables import write

from skattn import LSTMAttentionRegressor


@dataclass(frozen=True)
class Result:
    """Predictions of the test rows, one for each seed; seconds a fit; attention on true steps."""

    model: str
    predictions: list
    seconds: float | None = None
    shares: tuple = ()


def agrees(error, published, tolerance):
    """Whether an error has the published digits, or lies within a relative tolerance."""
    if tolerance:
        return abs(error / float(published) - 1) <= tolerance
    decimals = len(published.partition(".")[2])
    return f"{error:.{decimals}f}" == published


def check_naive(task):
    """Stop unless the naive errors are those that are published."""
    for kind, score in task.scores.items():
        for name, published in score.naive.items():
            error = score.error(task.test.y, task.naive[name])
            if not agrees(error, published, score.tolerance):
                raise SystemExit(
                    f"{task.name}: {kind} of {name} {error:.5g}, expected {published}. Wrong data?"
                )


def in_digits(number, digits=4):
    """Write a number with so many significant digits, never with an exponent."""
    return f"{Decimal(f'{number:.{digits - 1}e}'):f}"


def networks(task, members):
    """Return the parameters of skattn to run: what is varied, the default, the average."""
    averages = [{"n_members": members}] if members else []
    return [{**task.says, **more} for more in (*task.variants, {}, *averages)]


def in_words(params):
    """Write the parameters that are not at their defaults."""
    words = {name: f"{name}={value!r}" for name, value in params.items()}
    if "n_members" in params:
        words["n_members"] = f"{params['n_members']} members"
    return ", ".join(["skattn", *words.values()])


def train(task, params, seeds):
    """Fit one network for each seed, and predict the test rows."""
    known = {}
    if task.validation is not None:
        known = {"X_val": task.validation.X, "y_val": task.validation.y}
    predictions, shares, seconds = [], [], 0.0
    for seed in seeds:
        begin = time.perf_counter()
        model = LSTMAttentionRegressor(random_state=seed, **params).fit(*task.train, **known)
        seconds += time.perf_counter() - begin
        predictions.append(model.predict(task.test.X))
        if task.steps is not None:
            weights = model.attention_weights(task.test.X)
            shares.append(np.take_along_axis(weights, task.steps, axis=1).sum(axis=1).mean())
    return Result(in_words(params), predictions, seconds / len(seeds), tuple(shares))


def run(task, seeds, members):
    """Yield the results of naive predictions, of the baselines and of skattn."""
    for name, predicted in task.naive.items():
        yield Result(name, [predicted])
    for name, predicted, seconds in run_baselines(task):
        yield Result(name, [] if predicted is None else [predicted], seconds)
    for params in networks(task, members):
        yield train(task, params, seeds)


def row(task, score, result):
    """Return a row of a table, in words."""
    errors = [score.error(task.test.y, predicted) for predicted in result.predictions]
    cells = {"model": result.model}
    if errors:
        cells["median"] = in_digits(np.median(errors))
    if len(errors) > 1:
        cells["worst"] = in_digits(max(errors))
        cells["all seeds"] = " ".join(map(in_digits, errors))
    if result.seconds is not None:
        cells["seconds a fit"] = in_digits(result.seconds, 3)
    if errors and task.relative_to:
        naive = score.error(task.test.y, task.naive[task.relative_to])
        cells[f"× {task.relative_to}"] = in_digits(np.median(errors) / naive)
    if result.shares:
        cells["attention on the true steps"] = " ".join(f"{share:.3f}" for share in result.shares)
    return cells


def tabulate(task, score, results):
    """Return the table of one kind of error, with what is published of it below."""
    rows = [row(task, score, result) for result in results]
    rows += [
        {"model": f"{name} (published)", "median": figure}
        for name, figure in score.published.items()
    ]
    columns = ["model", "median", "worst", "seconds a fit", "all seeds"]
    columns += sorted({name for cells in rows for name in cells} - set(columns))
    table = pd.DataFrame(rows).reindex(columns=columns).fillna("").set_index("model")
    return table.to_string()


def compare(task, seeds, members):
    """Run all models on a task, and return its tables as text."""
    print(task.name, task.train.X.shape, task.test.X.shape, flush=True)
    results = []
    for result in run(task, seeds, members):
        results.append(result)
        print(*(row(task, score, result) for score in task.scores.values()), flush=True)
    return "\n\n".join(
        f"{task.name}, {kind}\n{tabulate(task, score, results)}"
        for kind, score in task.scores.items()
    )


def measure(name, options):
    """Run a protocol, print its tables and, where wanted, write them."""
    begin = time.perf_counter()
    tasks = PROTOCOLS[name](options.data)
    if not options.variants:
        tasks = [replace(task, variants=()) for task in tasks]
    for task in tasks:
        check_naive(task)
    texts = [compare(task, options.seeds, options.members) for task in tasks]
    texts.append(f"In total {time.perf_counter() - begin:.0f} s.")
    title, text = PROTOCOLS[name].__doc__, "\n\n".join(texts)
    print(title, text, sep="\n\n", flush=True)
    if options.write:
        more = f" --members {options.members}" if options.members else ""
        more += " --variants" if options.variants else ""
        command = f"python benchmarks/accuracy.py --data DIR {name} --seeds "
        command += " ".join(map(str, options.seeds)) + f"{more} --write"
        write(f"accuracy {name}", f"Accuracy: {title}", text, command)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("protocols", nargs="*", default=list(PROTOCOLS))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--members", type=int)
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--rows", type=Path, default=Path("classes.jsonl"), help="of section C")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_intermixed_args()
    if options.protocols[:1] == ["C"]:
        from classes import run as run_classes  # needs aeon

        options.sets = options.protocols[1:]
        run_classes(options)
        return
    for name in options.protocols or PROTOCOLS:
        measure(name, options)


if __name__ == "__main__":
    main()
