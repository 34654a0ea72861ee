"""
When attention misleads
=======================

y is the sum of the first half of a series; the second half means nothing. So no single step
matters more than any other of its half. A network with dot attention learns this well. Where
does it look? At the *end*, the part that means nothing: its LSTM has carried the sum along, and
any later state will do. A reader of the heat map would name the wrong steps.

The weights are right about the computation: these are the *states* that were mixed. They are
wrong about the *data*, since a state is not its step. `attention_faithfulness` notices, without
knowing how the data were made.

Run ``python examples/misleading_attention.py``; add ``--picture misled.png`` for the picture.
"""

import argparse

import numpy as np

from skattn import (
    FaithfulnessDisplay,
    LSTMAttentionRegressor,
    attention_faithfulness,
    sequence_importance,
)

N_TIMESTEPS, N_TRAIN = 30, 1000

# %%
# The first half counts
# ---------------------
# Feature 0 is noise, feature 1 a clock that tells where the second half begins.


def make_first_half(n_samples, seed=0):
    """Return sequences (n_samples, 30, 2) and the scaled sum of their first half."""
    values = np.random.default_rng(seed).standard_normal((n_samples, N_TIMESTEPS))
    clock = np.broadcast_to(np.linspace(-1, 1, N_TIMESTEPS), values.shape)
    half = N_TIMESTEPS // 2
    return np.stack([values, clock], axis=2), values[:, :half].sum(axis=1) / np.sqrt(half)


# %%
# What it attends to, and what it needs
# -------------------------------------


def shares_of_first_half(weights, importance):
    """Return the first half's share of the attention, and of the importance."""
    half, needed = N_TIMESTEPS // 2, importance.importances_mean
    return weights[:, :half].sum(axis=1).mean(), needed[:half].sum() / needed.sum()


def main(arguments=None):
    parser = argparse.ArgumentParser(description="A network that looks elsewhere.")
    parser.add_argument("--picture", help="file to write the picture to")
    parser.add_argument(
        "--quick", action="store_true", help="one network, and 50 bootstraps in place of 500"
    )
    options = parser.parse_args(arguments)

    X, y = make_first_half(N_TRAIN + 300)
    model = LSTMAttentionRegressor(
        "dot",
        units=16,
        epochs=60,
        linear_path=False,
        n_members=1 if options.quick else "auto",
        random_state=0,
    )
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    X, y = X[N_TRAIN:], y[N_TRAIN:]
    found = attention_faithfulness(
        model, X, y, n_bootstraps=50 if options.quick else 500, random_state=0
    )
    importance = sequence_importance(model, X, y, by="timestep", random_state=0)
    attended, needed = shares_of_first_half(found.weights, importance)
    print(f"R² = {model.score(X, y):.3f}")
    print(
        f"The first half has {attended:.0%} of the attention, and {needed:.0%} of the importance."
    )
    print(found.summary)
    if options.picture:
        FaithfulnessDisplay(found).plot().figure_.savefig(options.picture, dpi=110)
    return found, attended, needed


if __name__ == "__main__":
    main()
