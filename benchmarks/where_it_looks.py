"""The attention on the true steps of generated tasks, and faithfulness.

    python benchmarks/where_it_looks.py [--write]

``--write`` puts the table into RESULTS.md.
"""

import argparse

import numpy as np
import pandas as pd
from tables import write

from skattn import LSTMAttentionRegressor, attention_faithfulness
from skattn.datasets import make_echo, make_selective_recall

N_TRAIN, N_TEST, SEEDS = 1000, 500, (0, 1, 2)
MODEL = LSTMAttentionRegressor(units=16, linear_path=False)  # a line would solve the echo
ERROR = "neg_root_mean_squared_error"


def shares():
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


def one_thread_each():
    """Give each fit one thread, before TensorFlow starts."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    one_thread_each()
    text = shares()
    print(text, flush=True)
    if options.write:
        title = f"Insight: {shares.__doc__.splitlines()[0]}"
        write("insight shares", title, text, "python benchmarks/where_it_looks.py --write")


if __name__ == "__main__":
    main()
