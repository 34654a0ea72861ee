"""Compiled programs: a network with its training epoch and its prediction as pure functions.

A `Program` depends on a `NetworkSpec` alone, and holds no numbers. They flow in and out with
every call, so that fits and predictions share one program, also at the same time.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from .flows import Batches, Data, Settings, State
from .initial_values import draw
from .network import DTYPE, assemble, dropout_layers, seeds_apart, weights_of
from .optimizer import OPTIMIZERS, clip
from .packing import Packing


def _mean(losses):
    return tf.reduce_mean(losses, axis=1)


#: Loss name → formula for the loss of each sample, ``(y, prediction, quantile) -> loss``, of
#: arrays (n_samples, n_outputs). The huber loss changes from square to line at 1, in the units of
#: (standardized) y. For the log loss y is 1 in the column of the class, and p holds logits.
LOSSES = {
    "squared_error": lambda y, p, quantile: _mean(tf.square(y - p)),
    "absolute_error": lambda y, p, quantile: _mean(tf.abs(y - p)),
    "huber": lambda y, p, quantile: _mean(
        tf.where(tf.abs(y - p) <= 1.0, 0.5 * tf.square(y - p), tf.abs(y - p) - 0.5)
    ),
    "quantile": lambda y, p, quantile: _mean(
        tf.maximum(quantile * (y - p), (quantile - 1) * (y - p))
    ),
    "log_loss": lambda y, p, quantile: -tf.reduce_sum(y * tf.nn.log_softmax(p), axis=1),
}

#: Bytes that one call of a prediction may hold, roughly. It takes more samples to fill a GPU.
CHUNK_BYTES, GPU_CHUNK_BYTES = 2**25, 2**29

#: Predictions run on multiples of this number of samples. Matrix kernels treat leftover samples
#: differently; on whole multiples a sample's neighbours change its result by no bit, or by one.
SAMPLE_MULTIPLE = 16

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
        Spec of the network.
    n_parts : int, default=1
        Number of parts into which training cuts each batch; they run side by side.

    Attributes
    ----------
    network : keras.Model
        The network whose layers the functions call. Its variables are never assigned.
    n_traces : dict
        Number of traces of each function; none is traced twice.
    """

    def __init__(self, spec, n_parts=1):
        self.spec = spec
        self.n_parts = n_parts
        self.n_traces = {"train_epoch": 0, "predict": 0, "attend": 0}
        self._compiled = {}
        self.network = apart(assemble, spec)
        self._optimizer = OPTIMIZERS[spec.optimizer]
        self._trained = Packing(self.network.trainable_variables)
        self._others = self.network.non_trainable_variables  # rates, seeds, a user's own
        self._levels = [name for name in self.network.output if name != "prediction"]
        self._weights = weights_of(self.network)
        self._packing = Packing(self._weights)
        self._built = [weight.numpy() for weight in self._weights]
        decays = [self._optimizer.decays and len(v.shape) > 1 for v in self._trained.variables]
        self._decays = np.repeat(np.array(decays, "float32"), self._trained.sizes)  # never biases
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

    def start(self, parameters, optimizer_state=None, dropout=0.0, seed=0):
        """Return the `State` from which to train.

        Parameters
        ----------
        parameters : dict of str to array
            As `parameters` gives them.
        optimizer_state : dict or None
            As `optimizer_state` gives it; None for a fresh start from the parameters.
        dropout : float
            The dropout rate.
        seed : int
            Seed of the draws of dropout.
        """
        self._packing.pack(parameters.values())  # refuses other shapes
        values = dict(zip(map(id, self._weights), parameters.values(), strict=True))
        average = self._trained.pack(values[id(variable)] for variable in self._trained.variables)
        zeros = {"n_steps": 0, "moved": average, "slots": [0 * average] * self._optimizer.n_slots}
        before = zeros if optimizer_state is None else optimizer_state
        return State(
            n_steps=tf.constant(int(before["n_steps"]), "int64"),
            moved=tf.constant(before["moved"], "float32"),
            average=tf.constant(average),
            slots=tuple(tf.constant(slot, "float32") for slot in before["slots"]),
            others=tuple(self._other_values(values, dropout, seed)),
        )

    def _other_values(self, values, dropout, seed):
        """Yield a tensor for each variable that is not trained."""
        rates = {id(layer.rate) for layer in dropout_layers(self.network)}
        n_seeds = 0
        for variable in self._others:
            if id(variable) in values:
                value = values[id(variable)]
            elif id(variable) in rates:
                value = dropout
            else:
                value, n_seeds = np.array([seed + n_seeds, 0]), n_seeds + 1
            yield tf.cast(tf.constant(value), variable.dtype)

    def parameters(self, state):
        """Return the parameters of a state, the average of those that moved, as arrays."""
        values = dict(zip(map(id, self._others), state.others, strict=True))
        pieces = self._trained.unpack_arrays(state.average.numpy())
        values |= dict(zip(map(id, self._trained.variables), pieces, strict=True))
        return {weight.path: np.array(values[id(weight)]) for weight in self._weights}

    def optimizer_state(self, state):
        """Return the optimizer's part of a state as arrays."""
        return {
            "n_steps": state.n_steps.numpy(),
            "moved": state.moved.numpy(),
            "slots": np.stack([slot.numpy() for slot in state.slots]),
        }

    def tensors(self, X, y):
        """Return sequences on a float32 table, and targets, as `Data` for many epochs."""
        if len(X.table) >= np.iinfo("int32").max:
            raise ValueError(f"X has {len(X.table)} rows. At most 2**31 - 2 can be trained on.")
        table = X.table
        if (X.lengths < X.n_timesteps).any():
            table = np.concatenate([table, np.full((1, table.shape[1]), np.nan, table.dtype)])
        starts, lengths = tf.constant(X.starts, "int32"), tf.constant(X.lengths, "int32")
        n_timesteps = tf.constant(X.n_timesteps, "int32")
        return Data(tf.constant(table), starts, lengths, n_timesteps, tf.constant(y))

    def samples_at_once(self, n_timesteps, n_networks=1):
        """Return the number of samples to evaluate at once, bounded by memory alone."""
        directions = 2 if self.spec.bidirectional else 1
        floats = self.spec.n_features + 8 * directions * self.spec.units * self.spec.n_layers
        if self.spec.attention == "hierarchical" or self.spec.segment_length > 1:
            floats += 4 * n_timesteps  # a weight for each pair of steps
        n_bytes = GPU_CHUNK_BYTES if tf.config.get_visible_devices("GPU") else CHUNK_BYTES
        return max(SAMPLE_MULTIPLE, n_bytes // (4 * n_timesteps * floats * n_networks))

    # Compiled functions

    def train_epoch(self, state, data, batches, validation, learning_rates, settings):
        """Train for one epoch, then evaluate.

        Parameters
        ----------
        state : State
            Where the epoch begins; it is not changed.
        data : Data
            Training and validation samples.
        batches, validation : Batches
            Batches that train, and batches whose loss is taken afterwards.
        learning_rates : array of shape (n_batches,)
            The learning rate of each step.
        settings : Settings
            Weight decay, clipnorm, quantile and momentum of the average.

        Returns
        -------
        state : State
            Where the epoch ends.
        loss, validation_loss : float
            Weighted mean losses; the first is taken while training, batch by batch.
        """
        missing = (0, 0), (0, -batches.samples.shape[1] % self.n_parts)
        batches = batches._replace(
            samples=np.pad(batches.samples, missing), weights=np.pad(batches.weights, missing)
        )
        numbers = tf.nest.map_structure(
            tf.constant, (batches, validation, learning_rates, settings)
        )
        state, *losses = self._function("train_epoch")(state, data, *numbers)
        return state, *map(float, losses)

    def predict(self, networks, X):
        """Return predictions, of shape (n_networks, n_samples, n_outputs).

        Parameters
        ----------
        networks : list of dict of str to array
            The parameters of each network, as `parameters` gives them.
        X : Sequences
            On a float32 table.
        """
        return self._in_chunks("predict", networks, X)["prediction"]

    def attend(self, networks, X):
        """Return the attention weights: for each level an array (n_networks, n_samples, ...).

        Parameters are those of `predict`. A network without weights has no level.
        """
        return self._in_chunks("attend", networks, X) if self._levels else {}

    def _in_chunks(self, name, networks, X):
        """Evaluate X in chunks of whole multiples of samples; return a dict of arrays."""
        vectors = tf.constant(np.stack([self._packing.pack(p.values()) for p in networks]))
        size = self.samples_at_once(X.n_timesteps, len(networks))
        size = size // SAMPLE_MULTIPLE * SAMPLE_MULTIPLE
        function = self._function(name)
        chunks = []
        for begin in range(0, len(X), size):
            chunk = X.padded(slice(begin, begin + size))
            missing = -len(chunk) % SAMPLE_MULTIPLE
            padded = np.concatenate([chunk, np.repeat(chunk[:1], missing, axis=0)])
            outputs = function(vectors, tf.constant(padded))
            chunks.append({key: value.numpy()[:, : len(chunk)] for key, value in outputs.items()})
        return {key: np.concatenate([chunk[key] for chunk in chunks], axis=1) for key in chunks[0]}

    def _function(self, name):
        if name not in self._compiled:
            compiled = apart(self._trace, name)
            self._compiled.setdefault(name, compiled)
        return self._compiled[name]

    def _trace(self, name):
        if name in self._compiled:  # by another thread, meanwhile
            return self._compiled[name]
        function = getattr(self, f"_{name}")
        signature = self._epoch_signature() if name == "train_epoch" else self._call_signature()
        compiled = tf.function(function, signature, jit_compile=False, autograph=False)
        return compiled.get_concrete_function()

    def _epoch_signature(self):
        number, vector = tf.TensorSpec((), DTYPE), tf.TensorSpec((None,), DTYPE)
        integers, matrix = tf.TensorSpec((None,), "int32"), tf.TensorSpec((None, None), DTYPE)
        moved = tf.TensorSpec((sum(self._trained.sizes),), DTYPE)
        slots = (moved,) * self._optimizer.n_slots
        others = tuple(tf.TensorSpec(v.shape, v.dtype) for v in self._others)
        state = State(tf.TensorSpec((), "int64"), moved, moved, slots, others)
        table = tf.TensorSpec((None, self.spec.n_features), DTYPE)
        y = tf.TensorSpec((None, self.spec.n_outputs), DTYPE)
        data = Data(table, integers, integers, tf.TensorSpec((), "int32"), y)
        batches = Batches(tf.TensorSpec((None, None), "int32"), matrix, vector)
        return state, data, batches, batches, vector, Settings(*[number] * 4)

    def _call_signature(self):
        vectors = tf.TensorSpec((None, sum(self._packing.sizes)), DTYPE)
        return vectors, tf.TensorSpec((None, None, self.spec.n_features), DTYPE)

    def _train_epoch(self, state, data, batches, validation, learning_rates, settings):
        self.n_traces["train_epoch"] += 1

        def train(batch, state, loss):
            samples, weights = batches.samples[batch], batches.weights[batch]
            batch_loss, gradient, others = self._gradient(state, data, samples, weights, settings)
            state = self._step(state, gradient, learning_rates[batch], settings)
            return state._replace(others=others), loss + batches.shares[batch] * batch_loss

        def validate(batch, loss):
            X = _padded(data, validation.samples[batch])
            outputs, *_ = self._call(X, averages, state.others, training=False)
            of_batch = validation.samples[batch], validation.weights[batch]
            return (loss + self._loss(outputs, data.y, *of_batch, settings.quantile),)

        state, loss = _repeat(train, batches.samples, state, tf.constant(0.0))
        averages = self._trained.unpack(state.average)
        (validation_loss,) = _repeat(validate, validation.samples, tf.constant(0.0))
        return state, loss, validation_loss

    def _step(self, state, gradient, learning_rate, settings):
        """Clip a gradient, array by array, then decay and move the vector, and average it."""
        gradient = clip(gradient, self._trained.sizes, settings.clipnorm)
        moved, n_steps = state.moved, state.n_steps + 1
        if self._decays.any():
            moved -= learning_rate * settings.weight_decay * self._decays * moved
        moved, slots = self._optimizer.move(moved, state.slots, gradient, n_steps, learning_rate)
        steps = tf.cast(n_steps, "float32")
        kept = tf.minimum(settings.momentum, (steps - 1.0) / (steps + 9.0))
        average = kept * state.average + (1.0 - kept) * moved
        return State(n_steps, moved, average, slots, state.others)

    def _gradient(self, state, data, samples, weights, settings):
        """Return the loss of a batch, its gradient by the moved vector, and the other values."""
        others = state.others
        batch_loss = objective = tf.constant(0.0)
        with tf.GradientTape() as tape:
            vector = tf.identity(state.moved)
            tape.watch(vector)
            trained = self._trained.unpack(vector)
            parts = (tf.split(numbers, self.n_parts) for numbers in (samples, weights))
            for part, part_weights in zip(*parts, strict=True):  # side by side
                outputs, penalty, others = self._call(_padded(data, part), trained, others)
                part_loss = self._loss(outputs, data.y, part, part_weights, settings.quantile)
                batch_loss += part_loss
                share = tf.reduce_sum(part_weights) / tf.reduce_sum(weights)
                objective += part_loss + share * penalty
        return batch_loss, tape.gradient(objective, vector), others

    def _call(self, X, trained, others, training=True):
        """Call the network with the values of its variables as tensors.

        Returns outputs, the sum of losses that layers add, and the other values afterwards.
        """
        variables = (*self._trained.variables, *self._others)
        values = list(zip(variables, (*trained, *others), strict=True))
        with keras.StatelessScope(values, collect_losses=True) as scope:
            outputs = self.network(X, training=training)
            penalty = sum(self.network.losses)
        return outputs, penalty, tuple(scope.get_current_value(v) for v in self._others)

    def _loss(self, outputs, y, samples, weights, quantile):
        losses = LOSSES[self.spec.loss](tf.gather(y, samples), outputs["prediction"], quantile)
        return tf.reduce_sum(weights * losses)

    def _predict(self, vectors, X):
        self.n_traces["predict"] += 1
        return self._of_each(vectors, X, ["prediction"])

    def _attend(self, vectors, X):
        self.n_traces["attend"] += 1
        return self._of_each(vectors, X, self._levels)

    def _of_each(self, vectors, X, names):
        """Return outputs of each network, which run side by side, along a leading axis."""

        def of_one(vector):
            values = zip(self._weights, self._packing.unpack(vector), strict=True)
            with keras.StatelessScope(list(values)):
                outputs = self.network(X, training=False)
            return {name: outputs[name] for name in names}

        return tf.map_fn(of_one, vectors, fn_output_signature=dict.fromkeys(names, tf.float32))


def apart(function, *arguments):
    """Call a function in a thread of its own, one at a time.

    Scopes and policies of Keras and TensorFlow belong to a thread. Here those of the caller do
    not reach the function, which does not change them either.
    """

    def call():
        keras.config.set_dtype_policy(DTYPE)
        with seeds_apart():
            return function(*arguments)

    with _building, ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(call).result()


def _repeat(step, batches, *state):
    """Take a step for each row of `batches`; return the state, a tuple, after the last."""
    n_batches = tf.shape(batches)[0]
    _, *state = tf.while_loop(
        lambda batch, *state: batch < n_batches,
        lambda batch, *state: (batch + 1, *step(batch, *state)),
        (tf.constant(0), *state),
    )
    return state


def _padded(data, samples):
    """Gather sequences from their table: (n, n_timesteps, n_features), absent to the right."""
    steps = tf.range(data.n_timesteps)
    present = steps < tf.gather(data.lengths, samples)[:, None]
    absent = tf.shape(data.table)[0] - 1
    rows = tf.where(present, tf.gather(data.starts, samples)[:, None] + steps, absent)
    return tf.gather(data.table, rows)
