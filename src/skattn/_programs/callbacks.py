"""The user's own callbacks, called as Keras calls them."""

import keras
import numpy as np

from .network import assemble, weights_of
from .program import apart


class Listeners:
    """Keras callbacks that hear one training, whatever the number of its networks.

    They may read, stop the training and move the learning rate. Their `model` is a network
    of the training's kind with the parameters of the first one, in standardized units.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
        Instances, which are called, or classes, of which instances are made.
    spec : NetworkSpec
        Spec of the networks.
    epochs, n_batches, verbose : int
        The callbacks' `params` "epochs", "steps" and "verbose".
    """

    def __init__(self, callbacks, spec, epochs, n_batches, verbose):
        made = [c() if isinstance(c, type) else c for c in callbacks]
        self._model = apart(_compiled, spec)
        self._list = keras.callbacks.CallbackList(
            made, model=self._model, epochs=epochs, steps=n_batches, verbose=verbose
        )

    @property
    def stop(self):
        """Whether a callback has asked to stop."""
        return self._model.stop_training

    def tell(self, hook, parameters, learning_rate, *arguments):
        """Call a hook of each callback; return the learning rate afterwards."""
        rate = self._model.optimizer.learning_rate
        rate.assign(learning_rate)
        told = float(rate.numpy())
        for weight, value in zip(weights_of(self._model), parameters.values(), strict=True):
            weight.assign(value)
        getattr(self._list, hook)(*arguments)
        self._check_weights(parameters, hook)
        left = float(self._model.optimizer.learning_rate)
        return learning_rate if left == told else left

    def close(self):
        """Take the model away, so that copies and pickles drag no network along."""
        for callback in self._list.callbacks:
            callback.set_model(None)

    def _check_weights(self, parameters, hook):
        for weight, value in zip(weights_of(self._model), parameters.values(), strict=True):
            if not np.array_equal(weight.numpy(), value, equal_nan=True):
                raise ValueError(
                    f"A callback has changed the weight {weight.path!r} in {hook}. Callbacks may "
                    "read, stop the training and move the learning rate. To keep the weights of "
                    "the best epoch use early_stopping=True, in the place of "
                    "EarlyStopping(restore_best_weights=True)."
                )


def _compiled(spec):
    """Return a network with an optimizer, whose learning rate callbacks read and move."""
    network = assemble(spec)
    network.compile(optimizer=keras.optimizers.SGD(), jit_compile=False)
    network.stop_training = False
    return network
