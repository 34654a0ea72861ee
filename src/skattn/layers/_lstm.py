"""An LSTM layer that runs as one fused kernel on the CPU."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="skattn")
class LSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` with the whole sequence in one kernel on the CPU.

    Keras steps through time in a graph loop; this layer hands the whole sequence
    to TensorFlow's `BlockLSTMV2` kernel [1]_. Weights,
    arguments, states, and outputs at present steps are those of `keras.layers.LSTM`, so
    weights can be moved from one to the other.

    Keras' own implementation runs instead where the kernel does not apply: on a
    GPU (cuDNN), with other activations, without bias, with dropout or recurrent
    dropout inside the layer, with ``unroll=True``, and in other types than float32.
    XLA has no such kernel: compile a model with ``jit_compile=False`` or, as Keras does
    by default, ``"auto"``.

    Parameters
    ----------
    units : int
        Dimension of the output and of the states.
    **kwargs : dict
        Every other argument of `keras.layers.LSTM`.

    Notes
    -----
    Call arguments are those of `keras.layers.LSTM`: ``sequences`` of shape
    (n_samples, n_timesteps, n_features), ``initial_state``, ``mask`` of shape
    (n_samples, n_timesteps) and ``training``. The fused kernel needs strictly
    right-padded masks with at least one present step; anything else raises
    `tf.errors.InvalidArgumentError`. So does cuDNN within a graph; outside of one Keras then
    steps through time. The kernel's outputs at absent steps are zero.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural
       Computation 9(8), 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.layers import LSTM
    >>> LSTM(8, return_sequences=True)(np.ones((2, 5, 3), dtype="float32")).shape
    TensorShape([2, 5, 8])
    """

    def __init__(self, units, **kwargs):  # else inspect shows *args in Python 3.11.2
        super().__init__(units, **kwargs)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Run the LSTM over time (called by `keras.layers.RNN.call`)."""
        if not self._runs_fused():
            return super().inner_loop(sequences, initial_state, mask, training=training)
        mask = tf.nest.flatten(mask)[0] if mask is not None else None
        lengths = None if mask is None else _right_padded_lengths(mask)
        if self.go_backwards:
            sequences = _reverse(sequences, lengths)
        outputs, cells = fused_lstm(
            sequences,
            *initial_state,
            kernel=tf.convert_to_tensor(self.cell.kernel),
            recurrent_kernel=tf.convert_to_tensor(self.cell.recurrent_kernel),
            bias=tf.convert_to_tensor(self.cell.bias),
        )
        last_output = _at_last_step(outputs, lengths)
        last_cell = _at_last_step(cells, lengths)
        outputs = tf.transpose(outputs, (1, 0, 2))
        if mask is not None:
            outputs *= tf.cast(mask, outputs.dtype)[:, :, None]
            if self.go_backwards:  # Keras' order: absent steps first, then last to first
                outputs = tf.reverse(_reverse(outputs, lengths), axis=(1,))
        return last_output, outputs, [last_output, last_cell]

    def _runs_fused(self):
        return (
            keras.backend.backend() == "tensorflow"
            and self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and self.use_bias
            and not (self.dropout or self.recurrent_dropout or self.unroll)
            and self.compute_dtype == "float32"
            and not tf.config.get_visible_devices("GPU")
        )


def fused_lstm(sequences, hidden, cell, *, kernel, recurrent_kernel, bias):
    """Run an LSTM over whole sequences in one kernel.

    Parameters
    ----------
    sequences : tensor of shape (n_samples, n_timesteps, n_features)
        The inputs.
    hidden, cell : tensors of shape (n_samples, units)
        The initial states.
    kernel, recurrent_kernel, bias : tensors
        Weights with Keras' shapes and gate order: (n_features, 4 * units),
        (units, 4 * units) and (4 * units,).

    Returns
    -------
    outputs, cells : tensors of shape (n_timesteps, n_samples, units)
        Hidden and cell states after each step, time first.
    """
    return _block_lstm(
        tf.transpose(sequences, (1, 0, 2)),
        hidden,
        cell,
        tf.concat((kernel, recurrent_kernel), axis=0),
        bias,
    )


@tf.custom_gradient
def _block_lstm(x, hidden, cell, weights, bias):
    """Call the kernel forwards and, for the gradient, its own kernel backwards.

    TensorFlow registers the gradient of `BlockLSTM` for `BlockLSTMV2` too, although
    V2 has the gates in another order (i, f, c, o instead of i, c, f, o): it would
    exchange the gradients of the forget gate and the cell input. `BlockLSTMGradV2` is
    the kernel that belongs to V2.
    """
    no_peephole = tf.zeros((weights.shape[1] // 4,), x.dtype)
    arguments = {
        "seq_len_max": tf.shape(x, out_type=tf.int64)[0],
        "x": x,
        "cs_prev": cell,
        "h_prev": hidden,
        "w": weights,
        "wci": no_peephole,
        "wcf": no_peephole,
        "wco": no_peephole,
        "b": bias,
        "use_peephole": False,
    }
    states = tf.raw_ops.BlockLSTMV2(**arguments, cell_clip=0.0)

    def gradient(h_grad, cs_grad):
        kept = states._asdict()
        back = tf.raw_ops.BlockLSTMGradV2(**arguments, **kept, cs_grad=cs_grad, h_grad=h_grad)
        return back.x_grad, back.h_prev_grad, back.cs_prev_grad, back.w_grad, back.b_grad

    return (states.h, states.cs), gradient


def _right_padded_lengths(mask):
    """Return the number of present steps of each sample; refuse any other mask."""
    mask = tf.cast(mask, tf.bool)
    right_padded = tf.reduce_all(mask[:, :1]) & tf.reduce_all(mask[:, :-1] | ~mask[:, 1:])
    check = tf.debugging.Assert(
        right_padded,
        ["skattn.layers.LSTM needs masks of present steps followed by absent steps."],
    )
    with tf.control_dependencies([check] if check is not None else []):
        return tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)


def _reverse(sequences, lengths):
    """Reverse each sequence within its length (all of it where `lengths` is None)."""
    if lengths is None:
        return tf.reverse(sequences, axis=(1,))
    return tf.reverse_sequence(sequences, lengths, seq_axis=1, batch_axis=0)


def _at_last_step(states, lengths):
    """Pick from time-first states each sample's state after its last present step."""
    if lengths is None:
        return states[-1]
    samples = tf.range(tf.shape(states)[1])
    return tf.gather_nd(states, tf.stack((lengths - 1, samples), axis=1))
