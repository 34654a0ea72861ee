"""The optimizer of a program: it moves all trainable parameters as one vector.

A step of Adam takes a dozen operations for each array. Networks here are small, so that the
operations cost more than the arithmetic; on one vector they are paid once.
"""

import keras
import numpy as np
import tensorflow as tf

#: Optimizer name → class. Learning rate and weight decay flow in with each step.
OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.Adam,  # its decoupled decay is a line of `step`
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": lambda: keras.optimizers.SGD(momentum=0.9, nesterov=True),
}


class Layout:
    """Where each of some variables lies in one float32 vector of all their values."""

    def __init__(self, variables):
        self.variables = variables
        self.sizes = [int(np.prod(variable.shape)) for variable in variables]

    def join(self, arrays):
        """Return the vector of an array for each variable; refuse arrays of other shapes."""
        arrays = [*map(np.asarray, arrays)]
        for array, variable in zip(arrays, self.variables, strict=True):
            if array.shape != tuple(variable.shape):
                raise ValueError(
                    f"Parameter {variable.path!r} must have shape {tuple(variable.shape)}. Got "
                    f"{array.shape}. Change values of fitted parameters only, or fit anew."
                )
        return join(arrays)

    def split(self, vector):
        """Return a tensor for each variable, of its shape and type, from a vector."""
        return [
            tf.cast(tf.reshape(piece, variable.shape), variable.dtype)
            for piece, variable in zip(tf.split(vector, self.sizes), self.variables, strict=True)
        ]

    def cut(self, vector):
        """Return an array for each variable, of its shape, from an array of all values."""
        pieces = np.split(vector, np.cumsum(self.sizes)[:-1])
        return [p.reshape(v.shape) for p, v in zip(pieces, self.variables, strict=True)]


def join(arrays):
    """Return one float32 vector of the values of several arrays."""
    return np.concatenate([np.ravel(array) for array in arrays]).astype("float32", copy=False)


class VectorOptimizer:
    """A Keras optimizer of one vector, which holds the values of many variables.

    Parameters
    ----------
    name : str
        A key of `OPTIMIZERS`.
    variables : list of keras.Variable
        Whose values are trained. The optimizer reads their shapes and starts from their
        values; it never assigns to them.

    Attributes
    ----------
    keras : keras.optimizers.Optimizer
        What moves the vector.
    layout : Layout
        Of the variables in the vector.
    moved : keras.Variable of shape (n_parameters,)
        The vector.
    """

    def __init__(self, name, variables):
        self.layout = Layout(variables)
        decays = [float(name == "adamw" and len(v.shape) > 1) for v in variables]  # never biases
        self._decays = np.repeat(np.array(decays, "float32"), self.layout.sizes)
        self.moved = keras.Variable(join(self._values()), name="moved")
        self.keras = OPTIMIZERS[name]()
        # Built before the first trace: otherwise TensorFlow traces twice.
        self.keras.build([self.moved])

    def vector(self):
        """Return the values of the variables as one tensor of shape (n_parameters,)."""
        values = [tf.cast(variable.value, "float32") for variable in self.layout.variables]
        return tf.concat([tf.reshape(value, (-1,)) for value in values], axis=0)

    def _values(self):
        return [variable.numpy() for variable in self.layout.variables]

    # State

    def restart(self, values=None):
        """Go on from some values, a list of arrays, or from those of the variables."""
        self.moved.value.assign(join(self._values() if values is None else values))

    def state(self):
        """Return the optimizer's variables, and then what it moves, as a list of arrays.

        Variables that hold a number for each parameter are cut up: first all those of the
        first array, as a Keras optimizer of many variables has it.
        """
        counters, slots = self._kinds()
        *cut, moved = [self.layout.cut(vector.numpy()) for vector in (*slots, self.moved)]
        by_variable = [array for arrays in zip(*cut, strict=True) for array in arrays]
        return [*(counter.numpy() for counter in counters), *by_variable, *moved]

    def start(self, state=None):
        """Take a state, as `state` gives it, or zeros and the values of the variables.

        A state may lack what is moved: it goes on from the variables then.
        """
        counters, slots = self._kinds()
        n_arrays = len(self.layout.variables)
        state = state or [np.zeros(counter.shape, counter.dtype) for counter in counters]
        for counter, value in zip(counters, state, strict=False):
            counter.value.assign(value)
        arrays = state[len(counters) :]
        for place, slot in enumerate(slots):
            values = arrays[place : len(slots) * n_arrays : len(slots)]
            slot.value.assign(join(values) if values else np.zeros(slot.shape, "float32"))
        self.restart(arrays[len(slots) * n_arrays :] or None)

    def _kinds(self):
        """Return the variables that count, and those with a number for each parameter."""
        counters = [v for v in self.keras.variables if v.shape != self.moved.shape]
        return counters, [v for v in self.keras.variables if v.shape == self.moved.shape]

    # In the compiled epoch

    def step(self, gradient, learning_rate, weight_decay, clipnorm):
        """Clip a gradient, array by array, then decay and move the vector."""
        self.keras.learning_rate.assign(learning_rate)
        if self._decays.any():
            self.moved.value.assign_sub(
                learning_rate * weight_decay * self._decays * self.moved.value
            )
        self.keras.apply([clip(gradient, self.layout.sizes, clipnorm)], [self.moved])


def clip(gradient, sizes, clipnorm):
    """Scale each array of a joined gradient down to a norm of at most `clipnorm`.

    Over hundreds of steps a gradient can overflow while loss and parameters are still
    finite. It points nowhere then, and counts as zero for this step. A clipnorm of infinity
    leaves the others as they are.
    """
    arrays = tf.split(gradient, sizes)
    norms = tf.sqrt(tf.stack([tf.reduce_sum(tf.square(array)) for array in arrays]))
    scales = tf.minimum(1.0, clipnorm / tf.maximum(norms, 1e-30))
    scales = tf.unstack(tf.where(tf.math.is_finite(norms), scales, 0.0))
    return tf.concat([*map(tf.math.multiply_no_nan, arrays, scales)], axis=0)
