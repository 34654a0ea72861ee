"""Arrays of a network packed into one vector, and unpacked."""

import numpy as np
import tensorflow as tf


class Packing:
    """Where the values of each variable lie in one float32 vector.

    Parameters
    ----------
    variables : list of keras.Variable
        Their shapes and types are read, never their values.
    """

    def __init__(self, variables):
        self.variables = variables
        self.shapes = [tuple(variable.shape) for variable in variables]  # slow to ask for
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]

    def pack(self, arrays):
        """Return the vector of an array for each variable; refuse arrays of other shapes."""
        arrays = [*map(np.asarray, arrays)]
        for array, shape, variable in zip(arrays, self.shapes, self.variables, strict=True):
            if array.shape != shape:
                raise ValueError(
                    f"Parameter {variable.path!r} must have shape {shape}. Got {array.shape}. "
                    "Change values of fitted parameters only, or fit anew."
                )
        joined = [np.zeros(0, "float32"), *(np.ravel(array) for array in arrays)]
        return np.concatenate(joined).astype("float32", copy=False)

    def unpack(self, vector):
        """Return a tensor for each variable, of its shape and type, from a vector."""
        return [
            tf.cast(tf.reshape(piece, variable.shape), variable.dtype)
            for piece, variable in zip(tf.split(vector, self.sizes), self.variables, strict=True)
        ]

    def unpack_arrays(self, vector):
        """Return an array for each variable, of its shape, from an array of all values."""
        pieces = np.split(vector, np.cumsum(self.sizes)[:-1])
        return [p.reshape(shape) for p, shape in zip(pieces, self.shapes, strict=True)]
