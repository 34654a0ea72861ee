"""Layers of steps: present, last, relative and normalized steps, segments."""

import keras
import numpy as np
from keras import ops

#: A place behind every step.
FAR = 2**24

#: Least deviation of a sequence that `NormalizedSteps` divides by, and the greatest value that it
#: takes: squares of larger ones overflow.
LEAST_SCALE, GREATEST = 1e-5, 1e16


def counted(values):
    """Return 0, 1, 2, ... along the second axis of values (n_samples, n_timesteps), as int32.

    No number of steps is asked for, so that this holds where it is not yet known.
    """
    return ops.cumsum(ops.ones_like(values, dtype="int32"), axis=1) - 1


@keras.saving.register_keras_serializable(package="skattn")
class PresentSteps(keras.layers.Layer):
    """Split right-padded sequences into finite values and a mask.

    A step is absent where its first feature is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import PresentSteps
    >>> values, mask = PresentSteps()(np.array([[[1.0], [np.nan]]], dtype="float32"))
    >>> values.numpy().tolist(), mask.numpy().tolist()
    ([[[1.0], [0.0]]], [[True, False]])
    """

    def call(self, sequences):
        """Return values with 0 at absent steps, and the mask of present steps."""
        mask = ops.logical_not(ops.isnan(sequences[:, :, 0]))
        return ops.where(ops.expand_dims(mask, -1), sequences, 0.0), mask


@keras.saving.register_keras_serializable(package="skattn")
class LeftAlign(keras.layers.Layer):
    """Move the present steps of each sequence to the left, NaN steps to the right.

    The order of the present steps is kept.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import LeftAlign
    >>> LeftAlign()(np.array([[[np.nan], [1.0], [2.0]]], dtype="float32")).numpy().tolist()
    [[[1.0], [2.0], [nan]]]
    """

    def call(self, sequences):
        """Return sequences of the same shape, (n_samples, n_timesteps, n_features)."""
        absent = ops.isnan(sequences[:, :, 0])
        place = counted(sequences[:, :, 0])
        order = ops.argsort(ops.where(absent, place + FAR, place), axis=1)
        return ops.take_along_axis(sequences, ops.expand_dims(order, -1), axis=1)


@keras.saving.register_keras_serializable(package="skattn")
class LastSteps(keras.layers.Layer):
    """Take the last present steps of each sequence, in their order.

    Parameters
    ----------
    length : int, default=1
        Number of steps; a sequence of fewer has zeros on the left.
    **kwargs : dict
        Arguments of `keras.layers.Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import LastSteps
    >>> values = np.array([[[1.0], [2.0], [0.0]]], dtype="float32")
    >>> LastSteps(2)(values, np.array([[True, True, False]])).numpy().tolist()
    [[[1.0], [2.0]]]
    """

    def __init__(self, length=1, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def call(self, values, mask):
        """Return the steps, of shape (n_samples, length, n_features).

        Values have shape (n_samples, n_timesteps, n_features), right-padded; the mask,
        (n_samples, n_timesteps), is True where a step is present.
        """
        n_present = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True)
        source = n_present - self.length + np.arange(self.length, dtype="int32")
        inside = ops.expand_dims(source >= 0, -1)
        steps = ops.take_along_axis(values, ops.expand_dims(ops.maximum(source, 0), -1), axis=1)
        return ops.where(inside, steps, 0.0)

    def get_config(self):
        """Return the arguments from which the layer can be made again."""
        return {**super().get_config(), "length": self.length}


@keras.saving.register_keras_serializable(package="skattn")
class RelativeSteps(keras.layers.Layer):
    """Give each step relative to the last one: (x_t - x_T) · gain, feature by feature.

    So the shape of a sequence enters, apart from its level [1]_. The gain is a weight of shape
    (n_features,), which training does not move. It brings each feature to a scale of about one,
    and is 1 unless assigned.

    References
    ----------
    .. [1] A. Zeng, M. Chen, L. Zhang, Q. Xu, "Are transformers effective for time series
       forecasting?", AAAI 2023 (NLinear).

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import RelativeSteps
    >>> values = np.array([[[1.0], [4.0], [0.0]]], dtype="float32")
    >>> relative, last = RelativeSteps()(values, np.array([[True, True, False]]))
    >>> relative.numpy().tolist(), last.numpy().tolist()
    ([[[-3.0], [0.0], [0.0]]], [[4.0]])
    """

    def build(self, values_shape):
        """Create the gain."""
        self.gain = self.add_weight(
            name="gain", shape=(values_shape[-1],), initializer="ones", trainable=False
        )

    def call(self, values, mask):
        """Return the relative steps, 0 at absent ones, and the last present step.

        Values have shape (n_samples, n_timesteps, n_features), right-padded, and so have
        the relative steps; the last step has shape (n_samples, n_features).
        """
        last = LastSteps(dtype=self.dtype_policy)(values, mask)
        relative = ops.where(ops.expand_dims(mask, -1), (values - last) * self.gain, 0.0)
        return relative, ops.squeeze(last, axis=1)


@keras.saving.register_keras_serializable(package="skattn")
class NormalizedSteps(keras.layers.Layer):
    """Give each step in units of its own sequence: (x_t - mean) / deviation, feature by feature.

    So sequences whose scales lie decades apart have shapes of one size. Mean and deviation are
    those of the sequence's present steps, as in instance normalization [1]_. They are returned
    beside, so that nothing is lost.

    References
    ----------
    .. [1] T. Kim et al., "Reversible instance normalization for accurate time-series forecasting
       against distribution shift", ICLR 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import NormalizedSteps
    >>> values = np.array([[[100.0], [300.0]]], dtype="float32")
    >>> steps, levels = NormalizedSteps()(values, np.array([[True, True]]))
    >>> steps.numpy().tolist(), levels.numpy().tolist()
    ([[[-1.0], [1.0]]], [[200.0, 2.0]])
    """

    def call(self, values, mask):
        """Return the normalized steps, 0 at absent ones, and the levels.

        Values have shape (n_samples, n_timesteps, n_features), right-padded, and so have the
        normalized steps. Levels have shape (n_samples, 2 * n_features): the means, and the
        decimal logarithms of the deviations, of which the least is 1e-5. Values beyond 1e16 count
        as 1e16.
        """
        values = ops.clip(values, -GREATEST, GREATEST)
        present = ops.expand_dims(ops.cast(mask, values.dtype), -1)
        n_present = ops.sum(present, axis=1, keepdims=True)
        mean = ops.sum(values, axis=1, keepdims=True) / n_present
        apart = (values - mean) * present
        variance = ops.sum(ops.square(apart), axis=1, keepdims=True) / n_present
        scale = ops.maximum(ops.sqrt(variance), LEAST_SCALE)
        levels = ops.concatenate([mean, ops.log10(scale)], axis=-1)
        return apart / scale, ops.squeeze(levels, axis=1)


@keras.saving.register_keras_serializable(package="skattn")
class Segments(keras.layers.Layer):
    """Join consecutive steps into segments, so that an LSTM reads several at once.

    Segments are counted back from each sequence's last present step: the last
    segment is full, and the first is filled up with zeros on its left.

    Parameters
    ----------
    length : int
        Steps per segment.
    **kwargs : dict
        Arguments of `keras.layers.Layer`.

    References
    ----------
    .. [1] S. Lin et al., "SegRNN: Segment recurrent neural network for long-term
       time series forecasting", 2023, arXiv:2308.11200.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import Segments
    >>> values = np.array([[[1.0], [2.0], [3.0]]], dtype="float32")
    >>> segments, mask, membership = Segments(2)(values, np.ones((1, 3), dtype=bool))
    >>> segments.numpy().tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    """

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def call(self, values, mask):
        """Segment.

        Parameters
        ----------
        values : tensor of shape (n_samples, n_timesteps, n_features)
            Right-padded sequences, 0 at absent steps.
        mask : boolean tensor of shape (n_samples, n_timesteps)
            True where a step is present.

        Returns
        -------
        segments : tensor of shape (n_samples, n_segments, length * n_features)
            The segments, right-padded.
        segment_mask : boolean tensor of shape (n_samples, n_segments)
            True where a segment has a present step.
        membership : tensor of shape (n_samples, n_timesteps, n_segments)
            1 where a present step belongs to a segment, else 0.
        """
        n_present = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True)
        n_used = (n_present + self.length - 1) // self.length
        shift = n_used * self.length - n_present

        first = values[:, :: self.length, 0]  # one for each segment
        source = counted(ops.repeat(first, self.length, axis=1)) - shift
        inside = ops.logical_and(source >= 0, source < n_present)
        source = ops.minimum(ops.maximum(source, 0), n_present - 1)
        steps = ops.take_along_axis(values, ops.expand_dims(source, -1), axis=1)
        steps = ops.where(ops.expand_dims(inside, -1), steps, 0.0)
        joined = keras.layers.Reshape((-1, self.length * values.shape[-1]), dtype=values.dtype)
        segments = joined(steps)

        indices = counted(first)
        segment_of = (counted(values[:, :, 0]) + shift) // self.length
        membership = ops.logical_and(
            ops.equal(ops.expand_dims(segment_of, -1), ops.expand_dims(indices, 1)),
            ops.expand_dims(mask, -1),
        )
        return segments, indices < n_used, ops.cast(membership, values.dtype)

    def get_config(self):
        """Return the arguments from which the layer can be made again."""
        return {**super().get_config(), "length": self.length}
