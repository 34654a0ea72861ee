"""Predictions and attention weights from the numbers of a fit."""

import numpy as np
from scipy.special import log_softmax

from .._programs import program_of
from .members import log_mean_probability, unstack_arrays
from .target_feature import last_values


def predict_members(numbers, X):
    """Return the predictions of each network, in units of y.

    Parameters
    ----------
    numbers : Numbers
        The numbers of a fit.
    X : Sequences
        Checked sequences.

    Returns
    -------
    predictions : array of shape (n_members, n_samples, n_outputs)

    Raises
    ------
    FloatingPointError
        If a prediction is not finite.
    """
    sequences = _scaled(numbers, X)
    scaled = program_of(numbers.spec).predict(_networks(numbers), sequences)
    if numbers.line is not None:
        share = numbers.network_share
        scaled = share * scaled + (1 - share) * numbers.line.predict(sequences)
    predictions = numbers.target_statistics.undo(scaled)
    if numbers.target_features is not None:
        predictions += last_values(X, numbers.target_features)
    _check_finite(predictions)
    return predictions


def predict_probabilities(numbers, X):
    """Return the probabilities of the classes, of shape (n_samples, n_classes), as logarithms.

    Parameters and errors are those of `predict_members`.
    """
    sequences = _scaled(numbers, X)
    networks = _networks(numbers)
    logits = log_mean_probability(program_of(numbers.spec).predict(networks, sequences))
    if numbers.line is not None:
        share = numbers.network_share
        logits = share * logits + (1 - share) * numbers.line.predict(sequences)
    _check_finite(logits)
    return log_softmax(logits, axis=1)


def attend(numbers, X):
    """Return the attention weights, mean over the networks: a dict with an array for each level."""
    levels = program_of(numbers.spec).attend(_networks(numbers), _scaled(numbers, X))
    return {level: weights.mean(axis=0) for level, weights in levels.items()}


def _check_finite(predictions):
    """Refuse predictions (..., n_samples, n_outputs) that are not finite."""
    finite = np.isfinite(predictions).all(axis=-1)
    finite = finite if finite.ndim == 1 else finite.all(axis=0)
    if not finite.all():
        raise FloatingPointError(
            f"The prediction of sample {np.flatnonzero(~finite)[0]} is not finite "
            f"({(~finite).sum()} such samples). Its values lie too far from the training samples; "
            "compare them with feature_statistics_."
        )


def _networks(numbers):
    return unstack_arrays(numbers.parameters, numbers.n_members)


def _scaled(numbers, X):
    return X.on(numbers.feature_statistics.apply(X.table))
