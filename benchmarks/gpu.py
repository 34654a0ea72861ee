"""The package on a GPU: where operations run, numbers beside the CPU's, speed beside peers.

    python benchmarks/gpu.py [SECTION ...] [--quick] [--out FILE]
    python benchmarks/gpu.py --write FILE MACHINE

Each worker runs in a process of its own and prints a row, as JSON, as soon as it is measured;
``--out`` adds the rows of a section to a file, of which ``--write`` makes the tables in
RESULTS.md. Without a GPU all runs on the CPU. PyTorch's rows need ``pip install torch`` with CUDA.
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import peers
import workers
from tables import write

#: (n_timesteps, n_features, units) of the speed table, and the small ones of ``--quick``.
SHAPES = [(96, 7, 64), (336, 7, 128)]
QUICK_SHAPES = [(12, 3, 8)]
BATCHES = [32, 256, 1024]

ATTENTIONS = [None, "mean", "dot", "general", "additive", "hierarchical"]

#: Case of the numbers → (kind of data, parameters besides those of `_fit`).
CASES = {
    **{f"{name}, {kind}": (kind, {"attention": name})
       for name in ATTENTIONS for kind in ("full", "ragged")},
    "two bidirectional LSTMs, ragged": ("ragged", {"n_layers": 2, "bidirectional": True}),
    "segments of 4, ragged": ("ragged", {"segment_length": 4}),
    "two outputs": ("outputs", {}),
    "windows that continue": ("windows", {}),
    "three classes, ragged": ("classes", {}),
    "defaults, 5 epochs": ("full", {"early_stopping": "auto", "n_members": "auto", "epochs": 5}),
}  # fmt: skip

CPU = {"CUDA_VISIBLE_DEVICES": ""}


def data(kind, n_samples=200, n_timesteps=12):
    """Return X and y of a kind; ragged sequences have 4 to `n_timesteps` steps."""
    rng = np.random.default_rng(0)
    if kind == "windows":
        from skattn import sliding_windows

        table = rng.normal(size=(n_samples + n_timesteps, 3)).cumsum(axis=0)
        return sliding_windows(table, length=n_timesteps)[:n_samples], table[n_timesteps:, 0]
    X = rng.normal(size=(n_samples, n_timesteps, 3))
    y = np.abs(X[:, 3, 0]) + X[:, 1, 1]
    if kind in ("ragged", "classes"):
        X[np.arange(n_timesteps) >= rng.integers(4, n_timesteps + 1, size=(n_samples, 1))] = np.nan
    if kind == "classes":
        y = np.digitize(y, [0.3, 1.3])
    return X, np.column_stack([y, -X[:, 0, 2]]) if kind == "outputs" else y


def devices():
    """Yield what TensorFlow sees, and the devices for which kernels of an LSTM exist."""
    import tensorflow as tf
    from tensorflow.python.framework import kernels

    for gpu in tf.config.list_physical_devices("GPU"):
        yield {"what": gpu.name, "is": str(tf.config.experimental.get_device_details(gpu))}
    yield {"what": "TensorFlow", "is": tf.__version__}
    for name in ("BlockLSTMV2", "BlockLSTMGradV2", "CudnnRNNV3", "CudnnRNNBackpropV3"):
        found = kernels.get_registered_kernels_for_op(name).kernel
        yield {"what": name, "is": ", ".join(sorted({kernel.device_type for kernel in found}))}


def placement(attention, kind):
    """Yield how many operations of a fit and a prediction each device ran, and the LSTM's."""
    from tensorflow.python.eager import context

    context.context().enable_graph_collection()
    X, y = data(kind)
    _fit(X, y, attention=attention).predict(X)
    graphs = context.context().export_run_metadata().partition_graphs
    nodes = [node for graph in graphs for node in graph.node]
    placed = pd.Series([node.device.rpartition("/")[2] for node in nodes], dtype=str)
    rnns = sorted({f"{n.op} {n.device[-5:]}" for n in nodes if "RNN" in n.op or "LSTM" in n.op})
    copies = sum(node.op in ("_Send", "_HostSend") for node in nodes)
    yield {"attention": attention, "data": kind, "operations": placed.value_counts().to_dict(),
           "sent": copies, "LSTM": ", ".join(rnns)}  # fmt: skip


def _fit(X, y, **params):
    from skattn import LSTMAttentionClassifier, LSTMAttentionRegressor

    few = {"units": 16, "epochs": 3, "n_members": 1, "early_stopping": False, "random_state": 0}
    make = LSTMAttentionClassifier if y.dtype.kind == "i" else LSTMAttentionRegressor
    return make(**{**few, **params}).fit(X, y)


def _outputs(model, X):
    """Return predictions, or probabilities of classes, and attention weights, as one dict."""
    predict = getattr(model, "predict_proba", model.predict)
    weights = {} if model.attention is None else {"weights": model.attention_weights(X)}
    return {"predictions": predict(X), **weights}


def _furthest(ours, theirs):
    """Return the greatest difference of each array, in standard deviations of theirs."""
    return {f"{name}": float(np.nanmax(np.abs(ours[name] - theirs[name])) / np.nanstd(theirs[name]))
            for name in ours}  # fmt: skip


def numbers(name, folder, reference=None, tensor_float_32=True, n_parts=None, deterministic=False):
    """Fit each case twice; yield how far it is from a reference, which another worker kept.

    ``same parameters``: predictions with the parameters that the reference has trained.
    ``trained``: predictions of the own fit. ``loss``: relative difference of the first epoch's.
    """
    import tensorflow as tf

    import skattn

    if n_parts:
        skattn.set_num_threads(n_parts)
    tf.config.experimental.enable_tensor_float_32_execution(tensor_float_32)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    for case, (kind, params) in CASES.items():
        X, y = data(kind)
        model, again = (_fit(X, y, **params) for _ in range(2))
        ours = _outputs(model, X)
        Path(folder, f"{name} {case}").write_bytes(pickle.dumps((model, ours)))
        row = {"run": name, "case": case}
        if reference:
            theirs, expected = pickle.loads(Path(folder, f"{reference} {case}").read_bytes())
            row["same parameters"] = _furthest(_outputs(theirs, X), expected)
            row["trained"] = _furthest(ours, expected)
            row["loss"] = abs(model.loss_curve_[0] / theirs.loss_curve_[0] - 1)
        yield row | {"twice the same": bool(np.array_equal(model.predict(X), again.predict(X)))}


def _row(label, shape, batch, n_samples, times, besides=0.0):
    return {"library": label, "shape": str(shape), "batch": batch, "samples": n_samples,
            "seconds an epoch": median(times), "besides": besides}  # fmt: skip


def _timed(fit):
    """Return seconds of each of three epochs, as a Keras callback hears them, and of the rest.

    The rest is what a fit of one epoch takes besides the epoch. `fit` takes a number of epochs
    and callbacks. A fit comes before, to warm up.
    """
    import keras

    begins, ends = [], []
    listener = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs=None: begins.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs=None: ends.append(time.perf_counter()),
    )
    fit(1, None)
    fit(3, [listener])
    times = np.subtract(ends, begins)
    return list(times), workers.seconds(lambda: fit(1, None)) - median(times)


def speed_skattn(shapes, batches, n_samples, label="skattn", kernel=False, n_threads=None):
    """Yield the time of an epoch; `kernel` takes BlockLSTMV2 where a GPU would take cuDNN."""
    from skattn import layers

    workers.set_threads(n_threads)
    if kernel:
        layers.LSTM._runs_fused = lambda layer: True
    for T, F, H in shapes:
        X, y = workers.data(n_samples, T, F)
        for batch in batches:

            def fit(epochs, callbacks, X=X, y=y, H=H, batch=batch):
                model = peers.skattn_regressor(H, epochs=epochs, batch_size=batch, n_members=1)
                model.set_params(callbacks=callbacks).fit(X, y)

            yield _row(label, (T, F, H), batch, n_samples, *_timed(fit))


def speed_keras(shapes, batches, n_samples):
    """Yield the time of an epoch of Keras' own loop."""
    for T, F, H in shapes:
        X, y = workers.data(n_samples, T, F)
        for batch in batches:
            model = peers.keras_model(F, H)

            def fit(epochs, callbacks, model=model, X=X, y=y, batch=batch):
                model.fit(X, y, batch_size=batch, epochs=epochs, callbacks=callbacks, verbose=0)

            yield _row("Keras", (T, F, H), batch, n_samples, *_timed(fit))


def speed_torch(shapes, batches, n_samples):
    """Yield the time of an epoch of PyTorch, with all data on the device beforehand."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    for T, F, H in shapes:
        X, y = (torch.from_numpy(array).to(device) for array in workers.data(n_samples, T, F))
        for batch in batches:
            network = peers.torch_module(F, H).to(device)
            optimizer = torch.optim.Adam(network.parameters())

            def epoch(network=network, optimizer=optimizer, X=X, y=y, batch=batch):
                for rows in torch.randperm(len(X), device=device).split(batch):
                    optimizer.zero_grad()
                    torch.nn.functional.mse_loss(network(X[rows]), y[rows, None]).backward()
                    optimizer.step()
                next(network.parameters()).detach().cpu()  # waits for the device

            epoch()  # to warm up
            times = [workers.seconds(epoch) for _ in range(3)]
            yield _row("PyTorch", (T, F, H), batch, n_samples, times)


def networks(n_samples):
    """Yield the time of ten epochs of one network and of five, and of predictions."""
    from skattn import LSTMAttentionRegressor

    T, F, H = 96, 7, 64
    X, y = workers.data(n_samples, T, F)
    for n_members in (1, 5):
        model = LSTMAttentionRegressor(
            units=H, epochs=10, n_members=n_members, random_state=0, n_iter_no_change=10
        )
        model.fit(X, y)
        yield {"what": f"fit of {n_members} network(s), 10 epochs", "n_samples": n_samples,
               "seconds": workers.seconds(lambda model=model: model.fit(X, y))}  # fmt: skip
        for n in (1, n_samples):
            model.predict(X[:n])
            calls = [workers.seconds(lambda model=model, n=n: model.predict(X[:n]))
                     for _ in range(10)]  # fmt: skip
            yield {"what": f"predict, {n_members} network(s)", "n_samples": n,
                   "seconds": median(calls)}  # fmt: skip


def sections(quick, folder):
    """Return section → list of stages; the workers of a stage run side by side.

    A worker is (function, arguments, environment).
    """
    shapes, n_samples = (QUICK_SHAPES, 64) if quick else (SHAPES, 8192)
    size = {"shapes": shapes, "batches": [32] if quick else BATCHES, "n_samples": n_samples}
    cores = len(os.sched_getaffinity(0))
    one = {**size, "batches": [256]}
    near = {"folder": folder, "reference": "CPU"}
    exact = {"name": "GPU, float32", "tensor_float_32": False, **near}
    return {
        "devices": [[(devices, {}, {})]],
        "placement": [[
            (placement, {"attention": name, "kind": kind}, {})
            for name, kind in (("additive", "full"), ("hierarchical", "ragged"))
        ]],
        "numbers": [
            [(numbers, {"name": "CPU", "folder": folder}, CPU)],
            [
                (numbers, exact, {}),
                (numbers, {"name": "GPU, TF32", **near}, {}),
                (numbers, {**exact, "name": "GPU, float32, 2 parts", "n_parts": 2}, {}),
                (numbers, {**exact, "name": "GPU, deterministic", "deterministic": True}, {}),
            ],
        ],
        "speed": [
            [(speed_skattn, size, {})],
            [(speed_keras, size, {})],
            [(speed_torch, size, {})],
            [(speed_skattn, {**one, "label": "skattn, BlockLSTMV2", "kernel": True}, {})],
            [(speed_skattn, {**one, "label": f"skattn, {cores} cores", "n_threads": cores}, CPU)],
        ],
        "networks": [
            [(networks, {"n_samples": n_samples // 8}, environment)] for environment in ({}, CPU)
        ],
    }  # fmt: skip


def run(job):
    """Run a worker in a process of its own; return its rows."""
    worker, arguments, environment = job
    command = [sys.executable, __file__, "--worker", worker.__name__, json.dumps(arguments)]
    device = "CPU" if environment == CPU else "GPU"
    environment = {**os.environ, "TF_FORCE_GPU_ALLOW_GROWTH": "true", **environment}
    rows = []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(device, line, end="", flush=True)
            if line.startswith("{"):
                rows.append({"device": device, **json.loads(line)})
    if process.returncode:
        print(f"{worker.__name__} {arguments} ended with {process.returncode}", flush=True)
    return rows


def _devices_table(rows):
    return rows[["what", "is"]].to_string(header=False, index=False, max_colwidth=100)


def _placement_table(rows):
    return rows.set_index(["attention", "data"])[["LSTM", "operations", "sent"]].T.to_string()


def _numbers_table(rows):
    """Return the greatest differences over all cases, and how many fits do not repeat."""
    flat = pd.json_normalize(rows.to_dict("records"), sep=", ").set_index("run")
    runs = flat.filter(regex="predictions|weights|loss").groupby(level=0, sort=False)
    table = runs.max().dropna().map("{:.1e}".format)
    repeats = flat["twice the same"].astype(bool)
    table["fits that do not repeat"] = (~repeats).groupby(level=0).sum()
    return table.T.to_string()


def _speed_table(rows):
    rows = rows.set_index(["shape", "batch"])
    table = pd.DataFrame({name: of["seconds an epoch"] for name, of in rows.groupby("library")})
    table = table.reindex(rows.index.unique())
    for name in ("Keras", "PyTorch"):
        table[f"{name} / skattn"] = table[name] / table["skattn"]
    table["rest of a fit, s"] = rows.loc[rows["library"] == "skattn", "besides"]
    return table.to_string(float_format="{:.3g}".format)


def _networks_table(rows):
    table = rows.pivot_table("seconds", ["what", "n_samples"], "device", sort=False)
    return table.to_string(float_format="{:.3g}".format)


#: Section → title and the function that makes its table.
TABLES = {
    "devices": ("devices, and kernels of the operations", _devices_table),
    "placement": ("operations of a fit and a prediction by device", _placement_table),
    "numbers": (
        "greatest difference from the CPU over 18 small fits, in standard deviations of the CPU's",
        _numbers_table,
    ),
    "speed": ("seconds an epoch of 8,192 samples, shape (T, F, H)", _speed_table),
    "networks": ("seconds of fits and predictions, 96 x 7, 64 units, batch 32", _networks_table),
}


def write_tables(path, machine):
    """Write each section's rows into RESULTS.md as a table."""
    rows = pd.DataFrame(map(json.loads, Path(path).read_text().splitlines()))
    for section, of_section in rows.groupby("section", sort=False):
        title, make = TABLES[section]
        table = make(of_section.dropna(axis=1, how="all").convert_dtypes())
        write(
            f"gpu {section}", f"GPU: {title}", table, f"python benchmarks/gpu.py {section}", machine
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", default=os.devnull)
    parser.add_argument("--write", nargs=2, metavar=("FILE", "MACHINE"))
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        name, arguments = options.worker
        for row in globals()[name](**json.loads(arguments)):
            print(json.dumps(row), flush=True)
        return
    if options.write:
        write_tables(*options.write)
        return
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as threads:
        known = sections(options.quick, folder)
        for section in options.sections or known:
            rows = [row for stage in known[section] for of in threads.map(run, stage) for row in of]
            with open(options.out, "a") as out:
                out.writelines(json.dumps({"section": section, **row}) + "\n" for row in rows)


if __name__ == "__main__":
    main()
