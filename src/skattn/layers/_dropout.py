"""Dropout with a rate that can change after compilation."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="skattn")
class Dropout(keras.layers.Layer):
    """Dropout whose rate is a variable, so that one compiled program serves every rate.

    Parameters
    ----------
    rate : float, default=0.0
        Share of the inputs set to zero in training, in [0, 1).
    seed : int, default=None
        Seed of the draws; None for a random one.
    **kwargs : dict
        Arguments of `keras.layers.Layer`.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: a simple way to prevent neural networks
       from overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import Dropout
    >>> Dropout(0.5)(np.ones((1, 3), dtype="float32")).numpy().tolist()
    [[1.0, 1.0, 1.0]]
    """

    def __init__(self, rate=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.rate = self.add_weight(
            name="rate",
            shape=(),
            initializer=keras.initializers.Constant(float(rate)),
            trainable=False,
        )

    def call(self, inputs, training=False):
        """Return inputs of the same shape, in training with some set to zero."""
        if not training:
            return inputs
        drawn = keras.random.uniform(
            ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator
        )
        kept = ops.cast(drawn >= self.rate, inputs.dtype)
        return inputs * kept / (1.0 - self.rate)

    def get_config(self):
        """Return the arguments from which the layer can be made again."""
        rate = float(keras.ops.convert_to_numpy(self.rate))
        return {**super().get_config(), "rate": rate, "seed": self.seed}
