"""Temporal attention: one query looks back over the steps of a sequence."""

import math

import keras
from keras import ops


def attention_weights(scores, mask=None):
    """Turn scores into weights: softmax over present steps, exactly 0 elsewhere.

    Parameters
    ----------
    scores : tensor of shape (..., n_timesteps)
        Scores of the steps.
    mask : boolean tensor broadcastable to `scores`, default=None
        True where a step is present; at least one step must be.

    Returns
    -------
    weights : tensor of the shape of `scores`
        Non-negative, summing to one over the last axis.
    """
    if scores.shape[-1] == 1:
        return ops.ones_like(scores)
    if mask is not None:
        lowest = -1e30 if keras.backend.standardize_dtype(scores.dtype) != "float16" else -6e4
        scores = ops.where(mask, scores, lowest)
    return ops.softmax(scores, axis=-1)


def weighted_sum(weights, states):
    """Return the context Σ_t weights_t · states_t, of shape (n_samples, d)."""
    return ops.squeeze(ops.matmul(ops.expand_dims(weights, 1), states), axis=1)


def scaled_products(query, states):
    """Return query · states_t / √d for every step, of shape (n_samples, n_timesteps)."""
    products = ops.squeeze(ops.matmul(states, ops.expand_dims(query, -1)), axis=-1)
    return products / math.sqrt(states.shape[-1])


def _each_step(states, kernel):
    """Return states_t · kernel for every step: one product of two matrices."""
    n_timesteps, width = ops.shape(states)[1], states.shape[-1]
    products = ops.matmul(ops.reshape(states, (-1, width)), kernel)
    return ops.reshape(products, (-1, n_timesteps, kernel.shape[-1]))


class QueryAttention(keras.layers.Layer):
    """Base of the layers in which one query attends to the steps of a sequence.

    A subclass gives the scores; masking, softmax and the weighted sum are the same
    for all of them.
    """

    def call(self, query, states, mask=None):
        """Attend.

        Parameters
        ----------
        query : tensor of shape (n_samples, d)
            The state that looks.
        states : tensor of shape (n_samples, n_timesteps, d)
            The states that it looks at.
        mask : boolean tensor of shape (n_samples, n_timesteps), default=None
            True where a step is present.

        Returns
        -------
        context : tensor of shape (n_samples, d)
            The weighted sum of the states.
        weights : tensor of shape (n_samples, n_timesteps)
            Attention weights: they sum to one and are 0 on absent steps.
        """
        scores = self.scores(query, states)
        weights = attention_weights(scores, mask)
        return weighted_sum(weights, states), weights

    def compute_mask(self, *args, **kwargs):
        """Return None: the context has no time axis to mask."""

    def scores(self, query, states):
        """Return the score of each step, of shape (n_samples, n_timesteps)."""
        raise TypeError(
            f"{type(self).__name__} is a base class without scores. "
            "Use DotAttention, GeneralAttention, AdditiveAttention or MeanAttention."
        )


@keras.saving.register_keras_serializable(package="skattn")
class MeanAttention(QueryAttention):
    """Equal weights for all present steps: mean pooling.

    The control of every comparison: a learned attention that beats it gains by looking, and
    not by pooling.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import MeanAttention
    >>> states = np.array([[[1.0], [3.0]]], dtype="float32")
    >>> context, weights = MeanAttention()(states[:, -1], states)
    >>> float(context[0, 0]), weights.numpy().tolist()
    (2.0, [[0.5, 0.5]])
    """

    def scores(self, query, states):
        """Return equal scores, of shape (n_samples, n_timesteps)."""
        return ops.zeros_like(states[:, :, 0])


@keras.saving.register_keras_serializable(package="skattn")
class DotAttention(QueryAttention):
    """Luong's dot score, q·h_t / √d [1]_, scaled as in [2]_.

    Query and states must have the same width d. The layer has no parameters.

    References
    ----------
    .. [1] M.-T. Luong, H. Pham, C. D. Manning, "Effective approaches to
       attention-based neural machine translation", EMNLP 2015.
    .. [2] A. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import DotAttention
    >>> states = np.zeros((2, 5, 4), dtype="float32")
    >>> context, weights = DotAttention()(states[:, -1], states)
    >>> context.shape, weights.shape
    (TensorShape([2, 4]), TensorShape([2, 5]))
    """

    def scores(self, query, states):
        """Return q·h_t / √d, of shape (n_samples, n_timesteps)."""
        return scaled_products(query, states)


@keras.saving.register_keras_serializable(package="skattn")
class GeneralAttention(QueryAttention):
    """Luong's general score, q W h_t / √d [1]_, scaled as the dot score is.

    References
    ----------
    .. [1] M.-T. Luong, H. Pham, C. D. Manning, "Effective approaches to
       attention-based neural machine translation", EMNLP 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import GeneralAttention
    >>> states = np.zeros((2, 5, 4), dtype="float32")
    >>> context, weights = GeneralAttention()(states[:, -1], states)
    >>> context.shape, weights.shape
    (TensorShape([2, 4]), TensorShape([2, 5]))
    """

    def build(self, query_shape, states_shape):
        """Create W, of shape (width of the query, width of the states)."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(query_shape[-1], states_shape[-1]),
            initializer="glorot_uniform",
        )

    def scores(self, query, states):
        """Return q W h_t / √d, of shape (n_samples, n_timesteps)."""
        return scaled_products(ops.matmul(query, self.kernel), states)


@keras.saving.register_keras_serializable(package="skattn")
class AdditiveAttention(QueryAttention):
    """Bahdanau's additive score, vᵀ tanh(W₁ h_t + W₂ q + b) [1]_.

    `keras.layers.AdditiveAttention` has neither W₁ nor W₂; this is the score of
    the paper.

    Parameters
    ----------
    units : int, default=None
        Rows of W₁ and W₂; None for the width of the states.
    **kwargs : dict
        Arguments of `keras.layers.Layer`.

    References
    ----------
    .. [1] D. Bahdanau, K. Cho, Y. Bengio, "Neural machine translation by jointly
       learning to align and translate", ICLR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import AdditiveAttention
    >>> states = np.zeros((2, 5, 4), dtype="float32")
    >>> context, weights = AdditiveAttention(units=8)(states[:, -1], states)
    >>> context.shape, weights.shape
    (TensorShape([2, 4]), TensorShape([2, 5]))
    """

    def __init__(self, units=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, query_shape, states_shape):
        """Create W₁, W₂, b and v."""
        units = self.units or states_shape[-1]
        self.states_kernel = self.add_weight(
            name="states_kernel", shape=(states_shape[-1], units), initializer="glorot_uniform"
        )
        self.query_kernel = self.add_weight(
            name="query_kernel", shape=(query_shape[-1], units), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(units,), initializer="zeros")
        self.scores_kernel = self.add_weight(
            name="scores_kernel", shape=(units, 1), initializer="glorot_uniform"
        )

    def scores(self, query, states):
        """Return vᵀ tanh(W₁ h_t + W₂ q + b), of shape (n_samples, n_timesteps)."""
        looked_for = ops.expand_dims(ops.matmul(query, self.query_kernel) + self.bias, 1)
        found = _each_step(states, self.states_kernel)
        return ops.squeeze(_each_step(ops.tanh(found + looked_for), self.scores_kernel), -1)

    def get_config(self):
        """Return the arguments from which the layer can be made again."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="skattn")
class SelfAttention(keras.layers.Layer):
    """Every step attends to all steps, with the score h_s·h_t / √d [1]_.

    The layer has no parameters. The weights come with the outputs so that a later
    attention over the outputs can be followed down to the steps: if α_s are its
    weights, Σ_s α_s · weights[s, t] is the weight of step t through both levels.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import SelfAttention
    >>> outputs, weights = SelfAttention()(np.zeros((2, 5, 4), dtype="float32"))
    >>> outputs.shape, weights.shape
    (TensorShape([2, 5, 4]), TensorShape([2, 5, 5]))
    """

    def call(self, states, mask=None):
        """Attend.

        Parameters
        ----------
        states : tensor of shape (n_samples, n_timesteps, d)
            The states, which look at each other.
        mask : boolean tensor of shape (n_samples, n_timesteps), default=None
            True where a step is present.

        Returns
        -------
        outputs : tensor of shape (n_samples, n_timesteps, d)
            For each step the weighted sum of all steps.
        weights : tensor of shape (n_samples, n_timesteps, n_timesteps)
            Row s holds the weights with which step s looks at each step.
        """
        products = ops.matmul(states, ops.swapaxes(states, 1, 2))
        scores = products / math.sqrt(states.shape[-1])
        weights = attention_weights(scores, None if mask is None else ops.expand_dims(mask, 1))
        return ops.matmul(weights, states), weights

    def compute_mask(self, states, mask=None):
        """Return the mask of the outputs, which have the steps of the states."""
        return mask, None
