"""
Winter or summer, from one day of electricity demand
====================================================

ItalyPowerDemand has days of Italy's demand for electricity in 1997, 24 hours each, from two
classes: days from October to March, and days from April to September. The demand is standardized
within each day, so that a level says nothing: the shape of the day has to. 67 days train, 1,029 are
asked for. The data come with aeon.

- *Which class?* Beside logistic regression and gradient boosting, by accuracy and by log loss.
- *Which hours did it look at?* A profile of the attention for each class.
- *Does it depend on them?* Faithfulness, by the log loss, since accuracy moves in jumps.

Run ``python examples/seasons.py``; add ``--picture seasons.png`` for the picture.
"""

import argparse

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skattn import AttentionDisplay, LSTMAttentionClassifier, attention_faithfulness

SEASONS = {"1": "October to March", "2": "April to September"}


# %%
# The days
# --------
# aeon has features before time steps; skattn, as Keras, has them after.


def read(part):
    """Return days (n_days, 24, 1) and their season."""
    from aeon.datasets import load_classification

    X, y = load_classification("ItalyPowerDemand", split=part)
    return X.transpose(0, 2, 1), np.array([SEASONS[label] for label in y])


def scores(models, X, y, X_test, y_test):
    """Fit models on flattened days or sequences; print accuracy and log loss of each."""
    found = {}
    for name, (model, prepare) in models.items():
        model.fit(prepare(X), y)
        probabilities = model.predict_proba(prepare(X_test))
        accuracy = np.mean(model.predict(prepare(X_test)) == y_test)
        found[name] = accuracy, log_loss(y_test, probabilities)
        print(f"{name:22s} accuracy {accuracy:.3f}, log loss {found[name][1]:.3f}")
    return found


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Winter or summer, from a day of demand?")
    parser.add_argument("--picture", help="file to write the picture to")
    parser.add_argument("--quick", action="store_true", help="fewer epochs, days and bootstraps")
    options = parser.parse_args(arguments)
    (X, y), (X_test, y_test) = read("train"), read("test")
    shown = slice(200 if options.quick else 400)

    model = LSTMAttentionClassifier(epochs=60 if options.quick else "auto", random_state=0)
    models = {
        "logistic regression": (LogisticRegression(), lambda X: X[:, :, 0]),
        "gradient boosting": (HistGradientBoostingClassifier(random_state=0), lambda X: X[:, :, 0]),
        "skattn": (model, lambda X: X),
    }
    found = scores(models, X, y, X_test, y_test)
    print(f"The networks have a share of {model.network_share_:.0%} in it, a line the rest.")
    faithfulness = attention_faithfulness(
        model,
        X_test[shown],
        y_test[shown],
        scoring="neg_log_loss",
        n_bootstraps=50 if options.quick else 500,
        random_state=0,
    )
    print(faithfulness.summary)
    if options.picture:
        draw(options.picture, model, X_test, y_test)
    return found, faithfulness


# %%
# The picture
# -----------
# Above the days, below where the networks looked.


def draw(path, model, X, y):
    """Write the picture: the mean day of each season, and its profile of attention."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 7), layout="constrained")
    above, below = figure.subplots(2)
    for number, season in enumerate(model.classes_):
        days = X[y == season, :, 0]
        middle, (low, high) = days.mean(axis=0), np.percentile(days, [10, 90], axis=0)
        above.plot(middle, color=f"C{number}", label=season)
        above.fill_between(range(24), low, high, color=f"C{number}", alpha=0.2, linewidth=0)
    above.set(xlabel="hour of the day", ylabel="demand (standardized)", xlim=(0, 23))
    above.set_title("Days of two seasons, mean and 10th to 90th percentile")
    above.legend()
    AttentionDisplay.from_estimator(model, X, kind="profile", labels=y, ax=below)
    below.set(xlabel="hours before the last", title="Where the networks looked")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
