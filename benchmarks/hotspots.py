"""Where the time of a fit and of a prediction of one row goes.

    python benchmarks/hotspots.py [--write]

Training steps are traced by TensorFlow's profiler, Python's part by cProfile; both slow down
what they watch, so that shares count here and not times.
"""

import argparse
import cProfile
import pstats
import tempfile
from collections import Counter
from pathlib import Path

import peers
from tables import write
from workers import SHAPES, data, set_threads

#: Share of a training step → words in the names of its operations; the first that fits counts.
KINDS = {
    "LSTM kernel, forwards": ("BlockLSTMV2",),
    "LSTM kernel, backwards": ("BlockLSTMGradV2",),
    "LSTM, around the kernel (time first, masks)": ("/lstm_1", "present_steps"),
    "attention": ("/attention",),
}

#: Part of a call → (file, function) whose time it is.
PARTS_OF_FIT = {
    "checks of X and y": ("samples.py", "check_samples"),
    "scaling": ("scaling.py", "apply"),
    "copy into tensors": ("program.py", "tensors"),
    "drawing parameters": ("program.py", "draw_parameters"),
    "starting": ("program.py", "start"),
    "epochs (compiled)": ("program.py", "train_epoch"),
    "reading numbers": ("run.py", "close"),
}
PARTS_OF_PREDICT = {
    "checks of X": ("checks.py", "check_sequences"),
    "scaling": ("scaling.py", "apply"),
    "filling up to whole multiples of rows": ("sequences.py", "padded"),
    "compiled function": ("execute.py", "quick_execute"),
    "TensorFlow around it": ("program.py", "_in_chunks"),
}


def shares_of_a_step(shape, n_steps=300):
    """Trace a fit; return the share of each kind of operation in its steps."""
    import tensorflow as tf

    n_timesteps, n_features, units = shape
    X, y = data(32 * n_steps, n_timesteps, n_features)
    model = peers.skattn_regressor(epochs=1, units=units).fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            model.fit(X, y)
        spent = _operations(next(Path(folder).rglob("*.xplane.pb")))
    whole = spent.pop("epoch")
    shares = {name: spent[name] / whole for name in KINDS}
    return shares | {"optimizer, batch, and between operations": 1 - sum(shares.values())}


def _operations(path):
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space, spent = xplane_pb2.XSpace(), Counter()
    space.ParseFromString(path.read_bytes())
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if name == "_train_epoch" or name.startswith("__inference__train_epoch"):
                    spent["epoch"] = max(spent["epoch"], event.duration_ps)
                elif "while/" in name:
                    kind = next((k for k, words in KINDS.items() if _has(name, words)), None)
                    spent[kind] += event.duration_ps
    return spent


def _has(name, words):
    return any(word in name for word in words)


def shares_of_a_call(call, whole, parts, repeat=200):
    """Profile a call; return the share of each part in the function `whole`."""
    for _ in range(20):
        call()
    watched = cProfile.Profile()
    watched.enable()
    for _ in range(repeat):
        call()
    watched.disable()
    seconds = {}
    for (path, _, name), (*_, cumulative, _) in pstats.Stats(watched).stats.items():
        seconds[Path(path).name, name] = cumulative
    total = seconds["_regressor.py", whole]
    shares = {part: seconds[place] / total for part, place in parts.items()}
    if whole == "predict":
        shares["TensorFlow around it"] -= shares["compiled function"] + shares[list(parts)[2]]
    return shares | {"the rest of Python": 1 - sum(shares.values())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    set_threads(1)
    tables = {f"training step, (T, F, H) = {shape}": shares_of_a_step(shape) for shape in SHAPES}
    X, y = data(200, 20, 3)
    model = peers.skattn_regressor(epochs=1)
    tables["refit, 200 x 20 x 3, one epoch of 7 steps"] = shares_of_a_call(
        lambda: model.fit(X, y), "fit", PARTS_OF_FIT
    )
    tables["prediction of one row"] = shares_of_a_call(
        lambda: model.predict(X[:1]), "predict", PARTS_OF_PREDICT
    )
    lines = []
    for title, shares in tables.items():
        lines += [title, *(f"  {name:45} {share:6.1%}" for name, share in shares.items()), ""]
    print("\n".join(lines))
    if options.write:
        command = "python benchmarks/hotspots.py --write"
        write("speed hotspots", "Speed: where the time goes", "\n".join(lines[:-1]), command)


if __name__ == "__main__":
    main()
