"""Optimizers as formulas on one vector of all trained parameters.

A step of Adam takes a dozen operations for each array. In small networks the operations cost
more than their arithmetic. On one vector they are paid once. Formulas hold no variables, so one
compiled epoch serves several networks at the same time.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Optimizer(NamedTuple):
    """A formula of Keras, with Keras' defaults.

    Attributes
    ----------
    n_slots : int
        Number of vectors that it keeps beside the parameters.
    move : callable
        ``(vector, slots, gradient, step, learning_rate) -> (vector, slots)``; steps are
        counted from 1.
    decays : bool
        Whether matrices decay, apart from the gradient.
    """

    n_slots: int
    move: Callable
    decays: bool


def adam(vector, slots, gradient, step, learning_rate):
    """Adam (D. P. Kingma, J. Ba, ICLR 2015)."""
    mean, square = slots
    step = tf.cast(step, "float32")
    rate = learning_rate * tf.sqrt(1.0 - tf.pow(0.999, step)) / (1.0 - tf.pow(0.9, step))
    mean += (gradient - mean) * (1 - 0.9)
    square += (tf.square(gradient) - square) * (1 - 0.999)
    return vector - mean * rate / (tf.sqrt(square) + 1e-7), (mean, square)


def nesterov(vector, slots, gradient, step, learning_rate):
    """Gradient descent with Nesterov's momentum of 0.9 (I. Sutskever et al., ICML 2013)."""
    (velocity,) = slots
    velocity = velocity * 0.9 - gradient * learning_rate
    return vector + (velocity * 0.9 - gradient * learning_rate), (velocity,)


#: Optimizer name → formula. The decay of adamw (I. Loshchilov, F. Hutter, ICLR 2019) is decoupled.
OPTIMIZERS = {
    "adamw": Optimizer(2, adam, decays=True),
    "sgd": Optimizer(1, nesterov, decays=False),
}


def clip(gradient, sizes, clipnorm):
    """Scale each array of a joined gradient down to a norm of at most `clipnorm`.

    Over hundreds of steps a gradient can overflow while loss and parameters are still
    finite. It has no direction then, and counts as zero for this step.
    """
    arrays = tf.split(gradient, sizes)
    norms = tf.sqrt(tf.stack([tf.reduce_sum(tf.square(array)) for array in arrays]))
    scales = clipnorm / tf.maximum(norms, clipnorm)
    scales = tf.unstack(tf.where(tf.math.is_finite(norms), scales, 0.0))
    return tf.concat([*map(tf.math.multiply_no_nan, arrays, scales)], axis=0)
