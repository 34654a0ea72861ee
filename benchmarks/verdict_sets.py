"""Data sets on which the answer of `compare_attentions` is known, by kind.

Each kind is a function ``(n_samples, random_state) -> X, y``. Sets of one kind and size differ by
`random_state` alone, so that fresh samples are another call.
"""

import numpy as np

from skattn import sliding_windows
from skattn.datasets import (
    make_adding,
    make_echo,
    make_fading_memory,
    make_selective_recall,
    make_symbol_recall,
)

STEPS = 12


def fading_memory(n_samples, random_state):
    """Make sets whose last state has all that can be known."""
    return make_fading_memory(n_samples, STEPS, random_state=random_state)


def pure_noise(n_samples, random_state):
    """Make sets of which nothing can be known."""
    rng = np.random.default_rng(random_state)
    return rng.normal(size=(n_samples, STEPS, 2)), rng.normal(size=n_samples)


def linear_autoregression(n_samples, random_state):
    """Make a series for each sample, whose next value follows from the last two."""
    rng = np.random.default_rng(random_state)
    values = rng.normal(size=(n_samples, STEPS + 21))
    for step in range(2, values.shape[1]):
        values[:, step] += 0.5 * values[:, step - 1] + 0.3 * values[:, step - 2]
    return values[:, 20:-1, np.newaxis], values[:, -1]


def shuffled_targets(n_samples, random_state):
    """Unpair the sequences and targets of a task that attention solves."""
    X, y = make_selective_recall(n_samples, STEPS, random_state=random_state)
    return X, np.random.default_rng(random_state).permutation(y)


def overlapping_windows(n_samples, random_state):
    """Make windows of one series, five rows ahead: neighbours share all rows but one."""
    rng = np.random.default_rng(random_state)
    series = rng.normal(size=n_samples + STEPS + 104)
    for row in range(1, len(series)):
        series[row] += 0.9 * series[row - 1]
    series = series[100:]
    X, y = sliding_windows(series.reshape(-1, 1), series, length=STEPS, horizon=5)
    y = np.asarray(y).reshape(len(y), -1)[:, -1]
    return np.asarray(X)[:n_samples], y[:n_samples]


def recall(n_samples, random_state):
    """Make selective recall with noise."""
    return make_selective_recall(n_samples, 30, noise=0.2, random_state=random_state)


def adding(n_samples, random_state):
    """Make the adding problem with noise."""
    return make_adding(n_samples, 30, noise=0.05, random_state=random_state)


def echo(n_samples, random_state):
    """Make an echo with noise."""
    return make_echo(n_samples, 30, lag=15, noise=0.2, random_state=random_state)


def one_tenth(n_samples, random_state):
    """Make recall under noise of which attention removes about a tenth of the error."""
    return make_selective_recall(n_samples, 20, noise=0.35, random_state=random_state)


def symbols(n_samples, random_state):
    """Make symbol recall of three classes."""
    return make_symbol_recall(n_samples, 20, random_state=random_state)


def fading_classes(n_samples, random_state):
    """Make three classes of a fading memory, of which the last state has all that can be known."""
    X, y = fading_memory(n_samples, random_state)
    return X, np.digitize(y, [-0.5, 0.5])
