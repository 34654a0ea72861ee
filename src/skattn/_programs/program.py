"""Compiled programs: a network with its training epoch and its prediction as functions.

A `Program` depends on a `NetworkSpec` alone. Numbers flow in: every fit loads its
parameters, seeds and rates, and takes numpy arrays out again. A program serves one
fit or prediction at a time; `borrow` lends it from a bounded pool.
"""

import threading
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from .initial_values import draw
from .network import assemble, dropout_layers, seeds_apart, weights_of
from .optimizer import Layout, VectorOptimizer

#: Loss name → formula for the errors of one output, ``(y, prediction, quantile) -> loss``.
#: The huber loss changes from square to line at 1, in the units of (standardized) y.
LOSSES = {
    "squared_error": lambda y, p, quantile: tf.square(y - p),
    "absolute_error": lambda y, p, quantile: tf.abs(y - p),
    "huber": lambda y, p, quantile: tf.where(
        tf.abs(y - p) <= 1.0, 0.5 * tf.square(y - p), tf.abs(y - p) - 0.5
    ),
    "quantile": lambda y, p, quantile: tf.maximum(quantile * (y - p), (quantile - 1) * (y - p)),
}

#: Bytes of intermediate values that one call of a prediction may hold, roughly.
CHUNK_BYTES = 2**25

#: Predictions run on multiples of this many rows. Matrix kernels treat leftover rows
#: differently; on whole multiples a row's result does not depend on its neighbours.
ROW_MULTIPLE = 16

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"skattn trains on TensorFlow. Got the Keras backend {keras.backend.backend()!r}. Set the "
        "environment variable KERAS_BACKEND=tensorflow before Keras is imported."
    )

_building = threading.Lock()


class Program:
    """One network, compiled once, for every fit and prediction of its spec.

    Parameters
    ----------
    spec : NetworkSpec
        What to compile.
    n_parts : int, default=1
        Into how many parts, which run side by side, training cuts each batch.

    Attributes
    ----------
    network : keras.Model
        The network whose variables the functions move.
    n_traces : dict
        How often each function was traced; a program in good order shows ones.
    """

    def __init__(self, spec, n_parts=1):
        self.spec = spec
        self.n_parts = n_parts
        self.n_traces = {"train_epoch": 0, "predict": 0, "attend": 0}
        self._compiled = {}
        with _building, seeds_apart():
            self.network = assemble(spec)
            self._optimizer = VectorOptimizer(spec.optimizer, self.network.trainable_variables)
        self.network.compile(optimizer=self._optimizer.keras, jit_compile=False)
        dropouts = dropout_layers(self.network)
        self._rates = [layer.rate for layer in dropouts]
        counted = {id(weight) for weight in self.network.weights}
        self._seeds = [v for v in self.network.variables if id(v) not in counted]
        self._trainable = self.network.trainable_variables
        self._others = self.network.non_trainable_variables  # rates, seeds, a user's own
        self._weights = weights_of(self.network)
        self._layout = Layout(self._weights)
        self._built = [weight.numpy() for weight in self._weights]
        if len({weight.path for weight in self._weights}) < len(self._weights):
            raise ValueError(
                f"attention={spec.attention!r} makes layers of equal names, so that parameters "
                "cannot be told apart. Give each of its layers a name of its own."
            )

    # Numbers in and out

    def draw_parameters(self, random_state):
        """Draw initial parameters; return them as a dict of arrays."""
        return {
            weight.path: draw(weight.path, built, random_state)
            for weight, built in zip(self._weights, self._built, strict=True)
        }

    def load(self, parameters):
        """Take parameters, as `parameters` gives them, into the network."""
        for weight, value in zip(self._weights, parameters.values(), strict=True):
            weight.value.assign(value)  # Keras' own assign does more, slowly

    def parameters(self):
        """Return a copy of the network's parameters as a dict of arrays."""
        return {weight.path: weight.numpy() for weight in self._weights}

    def start(self, optimizer_state=None, dropout=0.0, seed=0):
        """Begin a fit: optimizer slots (zeros unless given), dropout rate and seeds.

        The state of an optimizer ends with the parameters that it moves, of which those of
        the network are the average; without them it goes on from the network's.
        """
        self._optimizer.start(optimizer_state)
        for rate in self._rates:
            rate.assign(dropout)
        for position, state in enumerate(self._seeds):
            state.assign(np.array([seed + position, 0], dtype="uint32"))

    def restart_average(self):
        """Let the optimizer go on from the parameters of the network."""
        self._optimizer.restart()

    @contextmanager
    def followed(self):
        """Let the optimizer go on from the parameters that are set meanwhile, by a callback."""
        before = [variable.numpy() for variable in self._trainable]
        yield
        moved = self._optimizer.layout.cut(self._optimizer.moved.numpy())
        after = [variable.numpy() for variable in self._trainable]
        self._optimizer.restart(
            [
                own if np.array_equal(old, new) else new
                for own, old, new in zip(moved, before, after, strict=True)
            ]
        )

    def optimizer_state(self):
        """Return a copy of the optimizer's slots, and of what it moves, as a list of arrays."""
        return self._optimizer.state()

    @property
    def learning_rate(self):
        """The optimizer's learning rate, which Keras callbacks may read and set."""
        return float(self._optimizer.keras.learning_rate.numpy())

    @learning_rate.setter
    def learning_rate(self, value):
        self._optimizer.keras.learning_rate.assign(value)

    # Compiled functions

    def tensors(self, X, y):
        """Return sequences on a float32 table, and targets, as tensors for many epochs."""
        if len(X.table) > np.iinfo("int32").max:
            raise ValueError(f"X has {len(X.table)} rows. At most 2**31 - 1 can be trained on.")
        integers = (tf.constant(a, "int32") for a in (X.starts, X.lengths, X.n_timesteps))
        return tf.constant(X.table), *integers, tf.constant(y)

    def rows_at_once(self, n_timesteps):
        """Return how many rows to evaluate at once, bounded by memory alone."""
        directions = 2 if self.spec.bidirectional else 1
        floats = self.spec.n_features + 8 * directions * self.spec.units * self.spec.n_layers
        if self.spec.attention == "hierarchical" or self.spec.segment_length > 1:
            floats += 4 * n_timesteps  # a weight for each pair of steps
        return max(ROW_MULTIPLE, CHUNK_BYTES // (4 * n_timesteps * floats))

    def train_epoch(self, data, batches, validation, learning_rates, settings):
        """Train for one epoch, then evaluate.

        Parameters
        ----------
        data : tuple of tensors
            Training and validation rows as `tensors` gives them.
        batches : tuple of arrays (rows, weights, shares)
            Row numbers and weights, each of shape (n_batches, batch_size), where
            the weights of a batch add to about one; and each batch's share of the
            epoch's loss, of shape (n_batches,).
        validation : tuple of arrays (rows, weights)
            As `batches`, with weights that add to one over all batches.
        learning_rates : array of shape (n_batches,)
            The learning rate of each step.
        settings : tuple of float
            Weight decay, clipnorm, quantile and momentum of the average.

        Returns
        -------
        loss, validation_loss : float
            Weighted mean losses; the first is taken while training, batch by batch.
        """
        rows, weights, shares = batches
        missing = (0, 0), (0, -rows.shape[1] % self.n_parts)
        batches = np.pad(rows, missing), np.pad(weights, missing), shares
        losses = self._function("train_epoch")(
            *data, *map(tf.constant, (*batches, *validation, learning_rates, *settings))
        )
        return tuple(float(loss) for loss in losses)

    def predict(self, parameters, X):
        """Return predictions of sequences on a float32 table, of shape (n_rows, n_outputs).

        The parameters, a dict as `parameters` gives it, flow in with the sequences: those
        of the network are neither read nor changed.
        """
        return self._in_chunks("predict", parameters, X)["prediction"]

    def attend(self, parameters, X):
        """Return the attention weights of such sequences: a dict with an array per level."""
        return self._in_chunks("attend", parameters, X)

    def _in_chunks(self, name, parameters, X):
        """Evaluate X in chunks of whole multiples of rows; return a dict of arrays."""
        vector = tf.constant(self._layout.join(parameters.values()))
        size = self.rows_at_once(X.n_timesteps) // ROW_MULTIPLE * ROW_MULTIPLE
        function = self._function(name)
        chunks = []
        for begin in range(0, len(X), size):
            chunk = X.padded(slice(begin, begin + size))
            missing = -len(chunk) % ROW_MULTIPLE
            padded = np.concatenate([chunk, np.repeat(chunk[:1], missing, axis=0)])
            outputs = function(vector, tf.constant(padded))
            chunks.append({key: value.numpy()[: len(chunk)] for key, value in outputs.items()})
        return {key: np.concatenate([chunk[key] for chunk in chunks]) for key in chunks[0]}

    def _function(self, name):
        if name not in self._compiled:
            with _building:
                self._compiled[name] = self._trace(name)
        return self._compiled[name]

    def _trace(self, name):
        floats, integers = "float32", "int32"
        X = tf.TensorSpec((None, None, self.spec.n_features), floats)
        table = tf.TensorSpec((None, self.spec.n_features), floats)
        y = tf.TensorSpec((None, self.spec.n_outputs), floats)
        slices, n_timesteps = tf.TensorSpec((None,), integers), tf.TensorSpec((), integers)
        rows, weights = tf.TensorSpec((None, None), integers), tf.TensorSpec((None, None), floats)
        vector, number = tf.TensorSpec((None,), floats), tf.TensorSpec((), floats)
        data = (table, slices, slices, n_timesteps, y)
        settings = (vector, number, number, number, number)
        function, signature = {
            "train_epoch": (
                self._train_epoch,
                (*data, rows, weights, vector, rows, weights, *settings),
            ),
            "predict": (self._predict, (vector, X)),
            "attend": (self._attend, (vector, X)),
        }[name]
        compiled = tf.function(function, signature, jit_compile=False, autograph=False)
        return compiled.get_concrete_function()

    def _train_epoch(
        self, table, starts, lengths, n_timesteps, y, rows, weights, shares,
        validation_rows, validation_weights, learning_rates, weight_decay, clipnorm, quantile,
        momentum,
    ):  # fmt: skip
        self.n_traces["train_epoch"] += 1
        data = (table, starts, lengths, n_timesteps, y)

        def train(batch, average, loss):
            batch_loss, gradient = self._gradient(data, rows[batch], weights[batch], quantile)
            self._optimizer.step(gradient, learning_rates[batch], weight_decay, clipnorm)
            steps = tf.cast(self._optimizer.keras.iterations, "float32")
            kept = tf.minimum(momentum, (steps - 1.0) / (steps + 9.0))
            average = kept * average + (1.0 - kept) * self._optimizer.moved.value
            return average, loss + shares[batch] * batch_loss

        def validate(batch, loss):
            outputs = self.network(_padded(data[:-1], validation_rows[batch]), training=False)
            of_batch = validation_rows[batch], validation_weights[batch]
            return (loss + self._loss(outputs, y, *of_batch, quantile),)

        average = self._optimizer.vector()  # which the network holds between epochs
        average, loss = _repeat(train, rows, average, tf.constant(0.0))
        averages = self._optimizer.layout.split(average)
        for variable, value in zip(self._trainable, averages, strict=True):
            variable.value.assign(value)
        (validation_loss,) = _repeat(validate, validation_rows, tf.constant(0.0))
        return loss, validation_loss

    def _gradient(self, data, rows, weights, quantile):
        """Return the loss of a batch, and its gradient by the vector that is moved."""
        *sequences, y = data
        state = [variable.value for variable in self._others]
        batch_loss = objective = tf.constant(0.0)
        with tf.GradientTape() as tape:
            vector = tf.identity(self._optimizer.moved.value)
            tape.watch(vector)
            trained = self._optimizer.layout.split(vector)
            parts = (tf.split(numbers, self.n_parts) for numbers in (rows, weights))
            for part, part_weights in zip(*parts, strict=True):  # side by side
                outputs, penalty, state = self._call(_padded(sequences, part), trained, state)
                part_loss = self._loss(outputs, y, part, part_weights, quantile)
                batch_loss += part_loss
                share = tf.reduce_sum(part_weights) / tf.reduce_sum(weights)
                objective += part_loss + share * penalty
        for variable, value in zip(self._others, state, strict=True):
            variable.value.assign(value)
        return batch_loss, tape.gradient(objective, vector)

    def _call(self, X, trained, state):
        """Call the network, training, with the values of its variables as tensors.

        Returns outputs, the sum of losses that layers add, and the state afterwards.
        """
        values = zip((*self._trainable, *self._others), (*trained, *state), strict=True)
        with keras.StatelessScope(list(values), collect_losses=True) as scope:
            outputs = self.network(X, training=True)
            penalty = sum(self.network.losses)
        return outputs, penalty, [scope.get_current_value(variable) for variable in self._others]

    def _loss(self, outputs, y, rows, weights, quantile):
        losses = LOSSES[self.spec.loss](tf.gather(y, rows), outputs["prediction"], quantile)
        return tf.reduce_sum(weights * tf.reduce_mean(losses, axis=1))

    def _predict(self, vector, X):
        self.n_traces["predict"] += 1
        return {"prediction": self._evaluated(vector, X)["prediction"]}

    def _attend(self, vector, X):
        self.n_traces["attend"] += 1
        outputs = self._evaluated(vector, X)
        return {name: level for name, level in outputs.items() if name != "prediction"}

    def _evaluated(self, vector, X):
        values = zip(self._weights, self._layout.split(vector), strict=True)
        with keras.StatelessScope(list(values)):
            return self.network(X, training=False)


def _repeat(step, batches, *state):
    """Take a step for each row of `batches`; return the state, a tuple, after the last."""
    n_batches = tf.shape(batches)[0]
    _, *state = tf.while_loop(
        lambda batch, *state: batch < n_batches,
        lambda batch, *state: (batch + 1, *step(batch, *state)),
        (tf.constant(0), *state),
    )
    return state


def _padded(sequences, rows):
    """Gather sequences from their table: (n_rows, n_timesteps, n_features), NaN to the right."""
    table, starts, lengths, n_timesteps = sequences
    steps = tf.range(n_timesteps)
    present = steps < tf.gather(lengths, rows)[:, None]
    places = tf.where(present, tf.gather(starts, rows)[:, None] + steps, 0)
    return tf.where(present[:, :, None], tf.gather(table, places), np.nan)
