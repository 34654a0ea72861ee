"""
Attention finds a known lag
===========================

An echo repeats a value that came thirty steps before the last. Because we made the data, we
know where a network has to look, and can see whether it does. Three questions, three answers:

- *Where did it look?* Attention weights: one number for each step of each sequence.
- *Which steps does its error need?* Permutation importance of the steps, which does not know of
  attention at all.
- *Does it depend on what it attends to?* Faithfulness: the most attended steps are replaced by
  those of other sequences, beside random steps.

Only if all three agree has attention told the truth about this model. See
``misleading_attention.py`` for a case in which they do not.

Run ``python examples/known_lag.py``; add ``--picture lag.png`` for the picture.
"""

import argparse

from skattn import (
    AttentionDisplay,
    FaithfulnessDisplay,
    ImportanceDisplay,
    LossCurveDisplay,
    LSTMAttentionRegressor,
    attention_faithfulness,
    attention_weights,
    sequence_importance,
)
from skattn.datasets import make_echo

LAG, N_TRAIN = 30, 1000

# %%
# The echo
# --------
# Feature 0 is noise, feature 1 a clock. Sixteen units are enough. The rows that are looked at
# were not in training.


def fit(n_members="auto"):
    """Return fitted networks, and sequences that they have not seen; a line would solve an echo."""
    X, y = make_echo(N_TRAIN + 200, 50, lag=LAG, random_state=0)
    model = LSTMAttentionRegressor(units=16, linear_path=False, n_members=n_members, random_state=0)
    return model.fit(X[:N_TRAIN], y[:N_TRAIN]), X[N_TRAIN:], y[N_TRAIN:]


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Does attention find a known lag?")
    parser.add_argument("--picture", help="file to write the picture to")
    parser.add_argument(
        "--quick", action="store_true", help="one network, and 50 bootstraps in place of 500"
    )
    options = parser.parse_args(arguments)

    model, X, y = fit(n_members=1 if options.quick else "auto")
    weights = attention_weights(model, X, as_frame=True)
    importance = sequence_importance(model, X, y, random_state=0)
    faithfulness = attention_faithfulness(
        model, X, y, n_bootstraps=50 if options.quick else 500, random_state=0
    )
    on_values = importance.importances_mean[:, 0]
    print(f"R² = {model.score(X, y):.3f}")
    print(f"Attention at lag {LAG}: {weights[LAG].mean():.0%}, the most at any lag is "
          f"{weights.mean().max():.0%}, at lag {weights.mean().idxmax()}.")  # fmt: skip
    print(f"The error needs the value at lag {importance.lags[on_values.argmax()]} most.")
    print(faithfulness.summary)
    if options.picture:
        draw(options.picture, model, X, weights, importance, faithfulness)
    return weights, importance, faithfulness


# %%
# The picture
# -----------
# Every display draws into the axes that it is given.


def draw(path, model, X, weights, importance, faithfulness):
    """Write the picture: training, one sequence, importance, attention, deletion curves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 10), layout="constrained")
    axes = figure.subplots(3, 2)
    LossCurveDisplay.from_estimator(model, ax=axes[0, 0])
    AttentionDisplay.from_weights(weights, X=X, kind="sample", ax=axes[0, 1])
    AttentionDisplay.from_weights(weights, kind="profile", ax=axes[1, 0])
    ImportanceDisplay(importance).plot(ax=axes[1, 1])
    FaithfulnessDisplay(faithfulness).plot(ax=axes[2])
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
