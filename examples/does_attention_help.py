"""
Does attention help?
====================

A river basin fills while it rains and drains all the time. From the rain of eighty hours we
predict how high the water rose at its highest. That peak may lie far back, and the last state
of a plain LSTM has to carry it to the end; attention can look back instead. Does it help? We
ask `compare_attentions`, which fits every attention on the same folds with the same seeds. Its
answer is a sentence, a table and a picture.

Real data of this kind are FloodModeling1 of the Monash, UEA & UCR archive; the benchmark
``benchmarks/insight.py flood`` asks the same question there.

Run ``python examples/does_attention_help.py``; add ``--picture help.png`` for the picture.
"""

import argparse

import numpy as np

from skattn import ComparisonDisplay, LSTMAttentionRegressor, compare_attentions

# %%
# Rain and water
# --------------
# One to three showers fall at any time, on a wet ground. Each hour a tenth of the water drains.


def make_flood(n_samples=400, n_timesteps=80, seed=0):
    """Return rain (n_samples, n_timesteps, 1) and the highest water (n_samples,)."""
    rng = np.random.default_rng(seed)
    rain = rng.exponential(0.3, size=(n_samples, n_timesteps))
    hours = np.arange(n_timesteps)
    for row in rain:
        for begin in rng.integers(n_timesteps, size=rng.integers(1, 4)):
            shower = (hours >= begin) & (hours < begin + 6)
            row[shower] += rng.exponential(4, size=shower.sum())
    water, highest = np.zeros(n_samples), np.zeros(n_samples)
    for hour in hours:
        water = 0.9 * water + rain[:, hour]
        highest = np.maximum(highest, water)
    return rain[:, :, np.newaxis], highest


# %%
# The question
# ------------
# ``"mean"`` is the control: it pools all states equally and looks at none. Shares are of the
# plain LSTM's error; their intervals hold other samples and other seeds. What crosses zero may be
# chance.


def compare(X, y, n_folds=5, n_seeds=8):
    """Compare the plain LSTM, pooling and additive attention."""
    return compare_attentions(
        LSTMAttentionRegressor(units=16, epochs=40),
        X,
        y,
        attentions=[None, "mean", "additive"],
        cv=n_folds,
        n_seeds=n_seeds,
        scoring="neg_root_mean_squared_error",
        random_state=0,
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Does attention help to predict a flood?")
    parser.add_argument("--picture", help="file to write the picture to")
    parser.add_argument("--quick", action="store_true", help="3 folds and 2 seeds, for tests")
    options = parser.parse_args(arguments)

    X, y = make_flood()
    result = compare(X, y, 3, 2) if options.quick else compare(X, y)
    print("Score: root mean squared error, with its sign turned (greater is better).")
    print(result.table.round(3).to_string())
    print(f"Predicting the mean has an error of {y.std():.3g}.")
    print(result.summary)
    if options.picture:
        ComparisonDisplay(result).plot().figure_.savefig(options.picture, dpi=120)
    return result


if __name__ == "__main__":
    main()
