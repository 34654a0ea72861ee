"""Attention weights of whatever holds a fitted regressor."""

import pandas as pd

from .._programs.spec import ATTENTIONS
from .last_step import read


def attention_weights(estimator, X, *, level="steps", as_frame=False):
    """Return the attention weights of a fitted regressor, Pipeline or search.

    Steps before the regressor are applied first; rows keep their order.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor or classifier of skattn, or a fitted `Pipeline`, search (``refit=True``)
        or `TransformedTargetRegressor` around one.
    X : array-like or list of array-like
        As `estimator.predict` takes it.
    level : str, default="steps"
        As in `LSTMAttentionRegressor.attention_weights`.
    as_frame : bool, default=False
        Whether to return a DataFrame. Its index is that of X; each column is a step,
        named by its lag: how long before the last step it is. Sequences of unequal
        length all end at lag 0. Lags are times where a `TimeWindows` read rows that come
        at even times, and numbers of rows or steps elsewhere. The columns are named "lag".

    Returns
    -------
    weights : ndarray or DataFrame of shape (n_samples, n_timesteps)
        Each row sums to one; absent steps have exactly 0. For level "self" an ndarray of
        shape (n_samples, n_timesteps, n_timesteps).

    Raises
    ------
    AttributeError
        If the last step has no attention weights, or a search no fitted model.
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If the network has no such level, or a frame is asked for a level of pairs of steps.

    See Also
    --------
    AttentionDisplay : Pictures of these weights.
    attention_faithfulness : Whether the model depends on what it attends to.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skattn import LSTMAttentionRegressor, SequenceScaler, attention_weights
    >>> from skattn.datasets import make_echo
    >>> X, y = make_echo(20, 4, lag=2, random_state=0)
    >>> model = make_pipeline(SequenceScaler(), LSTMAttentionRegressor(units=4, epochs=1))
    >>> frame = attention_weights(model.fit(X, y), X, as_frame=True)
    >>> frame.columns.tolist()
    [3, 2, 1, 0]
    >>> bool((frame.sum(axis=1).round(5) == 1).all())
    True
    """
    reading = read(estimator, X)
    weights = attention_of(reading, level)
    if not as_frame:
        return weights
    if weights.ndim != 2:
        raise ValueError(
            f"Level {level!r} has weights of shape {weights.shape}, which no frame holds. "
            "Use as_frame=False."
        )
    columns = reading.lags(weights.shape[1])
    return pd.DataFrame(reading.aligned(weights), index=reading.index, columns=columns)


def attention_of(reading, level="steps"):
    """Return the attention weights of the sequences of a `Reading`."""
    regressor = reading.regressor
    if not hasattr(regressor, "attention_weights"):
        setting = " with attention=None" if "attention" in regressor.get_params() else ""
        raise AttributeError(
            f"{type(regressor).__name__}{setting} has no attention weights. The last step must be "
            "an LSTMAttentionRegressor or -Classifier whose attention is one of "
            f"{[*filter(None, ATTENTIONS)]}, or a callable."
        )
    return regressor.attention_weights(reading.X, level=level)
