"""The same network and training, as users of other libraries write them.

LSTM, Bahdanau's additive attention asked by the last state, one linear output on [q; c];
Adam on the mean squared error, batches of 32. Each maker returns a scikit-learn regressor.
"""

BATCH = 32


def skattn_regressor(units=32, learning_rate=1e-3, epochs=2, attention="additive", **params):
    from skattn import LSTMAttentionRegressor

    plain = {
        "standardize": False,
        "clipnorm": None,
        "learning_rate_schedule": "constant",
        "early_stopping": False,
        "ema_momentum": 0.0,
        "batch_size": BATCH,
        "random_state": 0,
    }
    return LSTMAttentionRegressor(
        attention, units=units, learning_rate=learning_rate, epochs=epochs, **{**plain, **params}
    )


def skattn_classifier(units=32, learning_rate=1e-3, epochs=2):
    from skattn import LSTMAttentionClassifier

    params = skattn_regressor(units, learning_rate, epochs).get_params()
    known = LSTMAttentionClassifier().get_params().keys() - {"loss"}
    return LSTMAttentionClassifier(**{name: params[name] for name in known & params.keys()})


def keras_model(n_features, units=32, learning_rate=1e-3, n_classes=None):
    """Return the compiled Keras model that the other makers use."""
    import keras
    from keras import ops

    sequences = keras.Input((None, n_features))
    states, query, _ = keras.layers.LSTM(units, return_sequences=True, return_state=True)(sequences)
    looked_for = keras.layers.Dense(units)(query)
    found = keras.layers.Dense(units, use_bias=False)(states)
    scores = keras.layers.Dense(1, use_bias=False)(ops.tanh(found + looked_for[:, None]))
    context = ops.sum(ops.softmax(scores, axis=1) * states, axis=1)
    activation, loss = (
        ("softmax", "sparse_categorical_crossentropy") if n_classes else (None, "mse")
    )
    head = keras.layers.Dense(n_classes or 1, activation=activation)
    model = keras.Model(sequences, head(ops.concatenate([query, context], axis=-1)))
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    return model


def scikeras_classifier(units=32, learning_rate=1e-3, epochs=2):
    from scikeras.wrappers import KerasClassifier

    def build(meta, units, learning_rate):
        return keras_model(meta["X_shape_"][2], units, learning_rate, meta["n_classes_"])

    return KerasClassifier(
        build,
        units=units,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=BATCH,
        verbose=0,
        random_state=0,
    )


def scikeras_regressor(units=32, learning_rate=1e-3, epochs=2):
    from scikeras.wrappers import KerasRegressor

    def build(meta, units, learning_rate):
        return keras_model(meta["X_shape_"][2], units, learning_rate)

    return KerasRegressor(
        build,
        units=units,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=BATCH,
        verbose=0,
        random_state=0,
    )


def torch_module(n_features, units=32):
    """Return the network as a torch module."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(n_features, units, batch_first=True)
            self.looked_for = torch.nn.Linear(units, units)
            self.found = torch.nn.Linear(units, units, bias=False)
            self.score = torch.nn.Linear(units, 1, bias=False)
            self.output = torch.nn.Linear(2 * units, 1)

        def forward(self, sequences):
            states, (query, _) = self.lstm(sequences)
            looked_for = self.looked_for(query[0])[:, None]
            scores = self.score(torch.tanh(self.found(states) + looked_for))
            context = (torch.softmax(scores, dim=1) * states).sum(dim=1)
            return self.output(torch.cat([query[0], context], dim=1))

    return Network()


def skorch_regressor(units=32, learning_rate=1e-3, epochs=2, n_features=4):
    import torch
    from skorch import NeuralNetRegressor

    class Searchable(torch.nn.Module):
        def __init__(self, units):
            super().__init__()
            self.network = torch_module(n_features, units)

        def forward(self, sequences):
            return self.network(sequences)

    return NeuralNetRegressor(
        Searchable,
        module__units=units,
        optimizer=torch.optim.Adam,
        lr=learning_rate,
        max_epochs=epochs,
        batch_size=BATCH,
        train_split=None,
        verbose=0,
    )


def aeon_regressor(folder, units=32, epochs=2):
    """Return aeon's LSTM, which has no attention; it writes its checkpoints to a folder."""
    from aeon.regression.deep_learning import RecurrentRegressor

    return RecurrentRegressor(
        n_units=units,
        n_epochs=epochs,
        batch_size=BATCH,
        dropout_output=0.0,
        file_path=f"{folder}/",
        random_state=0,
    )
