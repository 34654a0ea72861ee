"""What flows through a program: named arrays or tensors. No Keras is imported here."""

from typing import Any, NamedTuple

import numpy as np


class Data(NamedTuple):
    """Sequences on a table, and their targets.

    Where a sequence is shorter than `n_timesteps`, the last row of the table is absent (NaN).
    """

    table: Any  # (n_rows, n_features)
    starts: Any  # (n_samples,)
    lengths: Any  # (n_samples,)
    n_timesteps: Any
    y: Any  # (n_samples, n_outputs)


class Batches(NamedTuple):
    """Numbers of samples and their weights.

    The weights of each training batch add to about one; the loss of the epoch is the sum of
    shares times losses. The weights of validation batches add to one over all of them.
    """

    samples: np.ndarray  # (n_batches, batch_size)
    weights: np.ndarray  # (n_batches, batch_size)
    shares: np.ndarray  # (n_batches,)


class Settings(NamedTuple):
    """Numbers that steer an epoch."""

    weight_decay: np.float32
    clipnorm: np.float32
    quantile: np.float32
    momentum: np.float32  # of the average


class State(NamedTuple):
    """What training moves."""

    n_steps: Any  # so far
    moved: Any  # the trained parameters as one vector
    average: Any  # their running average, which is validated and predicts
    slots: tuple  # what the optimizer keeps
    others: tuple  # dropout rates, seeds, and weights that are not trained
