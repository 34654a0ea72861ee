"""Measurements of speed; each runs in a process of its own and returns a dict of numbers.

python benchmarks/workers.py NAME '{"argument": value}'
"""

import json
import sys
import time
from statistics import median

import numpy as np

SHAPES = [(24, 4, 32), (96, 7, 64)]


def data(n_rows, n_timesteps, n_features):
    """Return X and y: the value of the first feature at step 3, with noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_timesteps, n_features)).astype("float32")
    return X, X[:, 3, 0] + 0.1 * rng.normal(size=n_rows).astype("float32")


def seconds(function, repeat=1):
    """Return the least time of some calls."""
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)


def set_threads(n):
    """Let one fit of skattn run on n threads; None: as TensorFlow has it."""
    import skattn

    if n:
        skattn.set_num_threads(n)


def search(library, epochs, threads=None, kind="regressor", n_jobs=None):
    """Time a grid search of 6 candidates by 5 folds; return seconds and the best score.

    A classifier has three classes, by thirds of y.
    """
    import peers
    from sklearn.model_selection import GridSearchCV

    X, y = data(1000, 24, 4)
    if kind == "classifier":
        y = np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))
    if library == "skorch":
        import torch

        torch.set_num_threads(threads)
        y = y[:, None]
        model, units, rate = peers.skorch_regressor(epochs=epochs), "module__units", "lr"
    else:
        import tensorflow  # noqa: F401  (its import is not what is compared)

        set_threads(threads)
        make = getattr(peers, f"{library}_{kind}")
        model, units, rate = make(epochs=epochs), "units", "learning_rate"
    grid = {units: [16, 32], rate: [1e-3, 3e-3, 1e-2]}
    found = GridSearchCV(model, grid, cv=5, refit=False, n_jobs=n_jobs)
    return {
        "seconds": seconds(lambda: found.fit(X, y)),
        "score": found.cv_results_["mean_test_score"].max(),
    }


def threads(epochs):
    """Time the search with one thread of fits and with two, in one process."""
    import joblib
    import peers
    from sklearn.model_selection import GridSearchCV

    set_threads(1)
    X, y = data(1000, 24, 4)
    grid = {"units": [16, 32], "learning_rate": [1e-3, 3e-3, 1e-2]}
    times = {}
    for n_jobs in (2, 1, 2):  # the first compiles
        found = GridSearchCV(peers.skattn_regressor(epochs=epochs), grid, cv=5, n_jobs=n_jobs)
        with joblib.parallel_backend("threading"):
            times[str(n_jobs)] = seconds(lambda found=found: found.fit(X, y))
    return times


def step(library, shape, batch, n_threads):
    """Time one training step in milliseconds, after warming up."""
    import peers

    T, F, H = shape
    # Products with the kernels of the LSTM and of the attention, forwards and twice backwards.
    products = 3 * 2 * batch * T * ((F + H) * 4 * H + H * H)
    n_steps = max(20, int(60 * 24 * 32 / (T * H) * 32 / batch))
    X, y = data(n_steps * batch, T, F)
    if library == "skattn":
        set_threads(n_threads)
        params = {"units": H, "batch_size": batch}
        peers.skattn_regressor(epochs=1, **params).fit(X, y)
        model = peers.skattn_regressor(epochs=3, **params)
        taken = seconds(lambda: model.fit(X, y), 3) / n_steps / 3
        return {"ms": 1e3 * taken, "GFLOPS": products / taken / 1e9}
    if library == "keras":
        model = peers.keras_model(F, H)
        model.fit(X, y, batch_size=batch, verbose=0)
        return {
            "ms": 1e3 * seconds(lambda: model.fit(X, y, batch_size=batch, verbose=0), 3) / n_steps
        }
    return {"ms": 1e3 * seconds(_torch_epoch(X, y, H, batch, n_threads), 4) / n_steps}


def _torch_epoch(X, y, units, batch, n_threads):
    import peers
    import torch

    torch.set_num_threads(n_threads)
    X, y = torch.from_numpy(X), torch.from_numpy(y)[:, None]
    network = peers.torch_module(X.shape[2], units)
    optimizer = torch.optim.Adam(network.parameters())

    def epoch():
        for rows in torch.randperm(len(X)).split(batch):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(X[rows]), y[rows]).backward()
            optimizer.step()

    return epoch


def fit(library, epochs):
    """Time a fit of an LSTM without attention; return seconds and the error on the same rows."""
    import tempfile

    import peers

    X, y = data(1000, 24, 4)
    with tempfile.TemporaryDirectory() as folder:
        if library == "aeon":
            model, X = peers.aeon_regressor(folder, epochs=epochs), np.swapaxes(X, 1, 2)
        else:
            set_threads(1)
            model = peers.skattn_regressor(attention=None, epochs=epochs)
        model.fit(X, y)  # the first time
        return {"seconds": seconds(lambda: model.fit(X, y))}


def matrix_product():
    """Measure billions of operations a second of a large product on one core."""
    import tensorflow as tf

    set_threads(1)
    a = tf.random.stateless_normal((2048, 2048), seed=(0, 0))
    tf.matmul(a, a)
    return {"GFLOPS": 2 * 2048**3 / seconds(lambda: tf.matmul(a, a).numpy(), 5) / 1e9}


def predict(library):
    """Time the prediction of one row, warm, in milliseconds."""
    import peers

    X, y = data(200, 24, 4)
    if library == "MLPRegressor":
        from sklearn.neural_network import MLPRegressor

        X = X.reshape(len(X), -1)
        model = MLPRegressor(max_iter=5, random_state=0)
    elif library == "skattn":
        model = peers.skattn_regressor()
    elif library == "scikeras":
        model = peers.scikeras_regressor()
    else:
        model = peers.keras_model(4)
    model.fit(X, y)
    call = (
        (lambda: model.predict(X[:1], verbose=0))
        if library == "keras"
        else (lambda: model.predict(X[:1]))
    )
    seconds(call, 20)
    return {"ms": 1e3 * median(seconds(call) for _ in range(100))}


def refit():
    """Time a refit of a known spec, 200 rows of 20 steps and 3 features, one epoch."""
    import peers

    X, y = data(200, 20, 3)
    model = peers.skattn_regressor(epochs=1).fit(X, y)
    return {"ms": 1e3 * median(seconds(lambda: model.fit(X, y)) for _ in range(20))}


def resident():
    """Return the resident memory of this process in MiB."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20


def memory(n_fits=300):
    """Measure growth and drift over many fits and predictions of changing numbers."""
    import peers

    times = []
    for i in range(n_fits + 10):
        if i == 10:
            before = resident()
        X, y = data(200 + i % 20, 20, 3)
        begin = time.perf_counter()
        peers.skattn_regressor(learning_rate=1e-3 * (1 + i % 3), epochs=2).fit(X, y).predict(X)
        times.append((time.perf_counter() - begin) / len(X))
    return {"MiB": resident() - before, "drift": median(times[-30:]) / median(times[10:40])}


def scaling():
    """Time fits as rows, steps and units double."""
    import peers

    base, times = (512, 32, 32), {}
    for name, position in (("base", None), ("rows", 0), ("steps", 1), ("units", 2)):
        size = [n * (2 if i == position else 1) for i, n in enumerate(base)]
        X, y = data(size[0], size[1], 4)
        model = peers.skattn_regressor(units=size[2], epochs=5).fit(X, y)
        times[name] = seconds(lambda model=model, X=X, y=y: model.fit(X, y), 5)
    return {name: times[name] / times["base"] for name in ("rows", "steps", "units")}


def light():
    """Measure the import, and a pickle against the bytes of the parameters."""
    import pickle

    begin = time.perf_counter()
    import skattn  # noqa: F401

    imported, tensorflow = time.perf_counter() - begin, "tensorflow" in sys.modules
    import peers

    model = peers.skattn_regressor(units=64).fit(*data(100, 10, 3))
    n_bytes = sum(value.nbytes for value in model.parameters_.values())
    return {
        "import s": imported,
        "loads TensorFlow": tensorflow,
        "pickle": len(pickle.dumps(model)) / n_bytes,
    }


if __name__ == "__main__":
    numbers = globals()[sys.argv[1]](**json.loads(sys.argv[2]))
    print(json.dumps({name: float(number) for name, number in numbers.items()}))
