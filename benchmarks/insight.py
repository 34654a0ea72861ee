"""Whether attention finds known answers, and whether the verdict can be trusted.

    python benchmarks/insight.py [shares] [verdicts] [control] [flood --data DIR] [--write]

``shares`` measures the attention on the true steps of generated tasks, and faithfulness;
``verdicts`` compares attentions on tasks where it should help; ``control`` counts false alarms
on 20 data sets where attention cannot help; ``flood`` compares on the training rows of
FloodModeling1 (P1; DIR as in accuracy.py). Two fits run at once, each on one thread.
``--write`` puts the tables into RESULTS.md.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy import read_ts
from tables import write

from skattn import LSTMAttentionRegressor, attention_faithfulness, compare_attentions
from skattn.datasets import make_echo, make_fading_memory, make_selective_recall

N_TRAIN, N_TEST, SEEDS = 1000, 500, (0, 1, 2)
MODEL = LSTMAttentionRegressor(units=16)
ERROR = "neg_root_mean_squared_error"


def shares(data):
    """Measure attention on the true step, and faithfulness; additive, 16 units, test rows."""
    rows = []
    for make in (make_selective_recall, make_echo):
        for n_timesteps, lag in ((40, 20), (50, 30), (60, 40)):
            options = {"lag": lag} if make is make_echo else {}
            task = make.__name__.removeprefix("make_") + f", {n_timesteps} steps"
            rows += [
                {"task": task + "".join(f", lag {lag}" for _ in options), "seed": seed}
                | share(make, n_timesteps, seed, **options)
                for seed in SEEDS
            ]
            print(pd.DataFrame(rows[-3:]), flush=True)
    frame = pd.DataFrame(rows)
    medians = frame.groupby("task", sort=False).median().drop(columns="seed")
    medians.insert(1, "shares of seeds", frame.groupby("task")["share"].agg(in_words))
    return medians.to_string(float_format="%.3f")


def share(make, n_timesteps, seed, **options):
    """Fit one network; return what it attends to, how well it predicts, and faithfulness."""
    X, y, steps = make(
        N_TRAIN + N_TEST, n_timesteps, random_state=seed, return_steps=True, **options
    )
    model = LSTMAttentionRegressor(**MODEL.get_params()).set_params(random_state=seed)
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    X, y, steps = X[N_TRAIN:], y[N_TRAIN:], steps[N_TRAIN:]
    on_steps = np.take_along_axis(model.attention_weights(X), steps, axis=1).sum(axis=1)
    found = attention_faithfulness(model, X[:200], y[:200], scoring=ERROR, random_state=0)
    return {
        "share": on_steps.mean(),
        "R²": model.score(X, y),
        "advantage": found.advantage,
        "interval low": found.advantage_interval[0],
        "area random": found.areas["random"],
        "top": found.top_agreement,
        "τ": found.rank_agreement,
    }


def in_words(values):
    """Write several numbers with two digits."""
    return " ".join(f"{value:.2f}" for value in values)


def verdicts(data):
    """Compare attentions where one should help: 50 steps, 16 units, 10 folds.

    Of the echo, three seeds a fold: the plain LSTM solves it with one seed and not with
    another, and with one seed a fold these differences are no evidence (p = 0.13).
    """
    texts = []
    for make, n_repeats in ((make_selective_recall, 1), (make_echo, 3)):
        X, y = make(N_TRAIN, random_state=0)
        result = compare_attentions(
            MODEL, X, y, cv=10, scoring=ERROR, n_repeats=n_repeats, random_state=0, n_jobs=2
        )
        texts.append(f"{make.__name__}, seeds a fold: {n_repeats}\n{in_text(result)}")
        print(texts[-1], flush=True)
    return "\n\n".join(texts)


def control(data):
    """Count false alarms on 20 data sets where attention cannot help: 8 units, 1 network."""
    model = LSTMAttentionRegressor(units=8, n_members=1)
    kinds, sentences = [], []
    for seed in range(20):
        X, y = make_fading_memory(300, 20, random_state=seed)
        result = compare_attentions(model, X, y, random_state=seed, n_jobs=2)
        kinds.append(result.table["verdict"][1:])
        sentences.append(result.summary.partition(".")[0])
        print(seed, kinds[-1].to_dict(), result.summary, flush=True)
    counts = pd.DataFrame(kinds).apply(lambda kind: kind.value_counts()).fillna(0).astype(int)
    return f"{counts.T.to_string()}\n\n{pd.Series(sentences).value_counts().to_string()}"


def flood(data):
    """Compare attentions on FloodModeling1, training rows, defaults, 10 folds, 1 seed a fold."""
    X, y = read_ts(data / "tser" / "FloodModeling1" / "FloodModeling1_TRAIN.ts")
    model = LSTMAttentionRegressor()
    return in_text(compare_attentions(model, X, y, cv=10, scoring=ERROR, random_state=0, n_jobs=2))


def in_text(result):
    """Write a comparison: its table, then its sentence."""
    return f"{result.table.to_string(float_format='%.4f')}\n{result.summary}"


SECTIONS = {function.__name__: function for function in (shares, verdicts, control, flood)}


def one_thread_each():
    """Give each fit one thread, before TensorFlow starts."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=list(SECTIONS))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if "flood" in options.sections and options.data is None:
        parser.error("flood needs --data DIR")
    one_thread_each()
    for name in options.sections:
        text = SECTIONS[name](options.data)
        print(text, flush=True)
        if options.write:
            where = " --data DIR" if name == "flood" else ""
            command = f"python benchmarks/insight.py {name}{where} --write"
            write(
                f"insight {name}",
                f"Insight: {SECTIONS[name].__doc__.splitlines()[0]}",
                text,
                command,
            )


if __name__ == "__main__":
    main()
