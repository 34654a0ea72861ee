"""Nothing lost, nothing silently wrong: faults injected on purpose, and counted.

    python benchmarks/trust.py [SECTION ...] [--count N] [--write]

Sections, with the number of faults when ``--count`` is not given:

- ``kills``: a process that saves over an existing file is killed (SIGKILL) at a random moment.
- ``full_disk``: a save for which there is no room.
- ``mutations``: files changed at random, also with lengths and checksum put right.
- ``divergences``: training driven to overflow.
- ``interrupts``: Ctrl-C at a random moment of a fit.
- ``threads``: predictions and fits at once.
- ``fork``: predictions in forked processes, of both estimators.
- ``many_specs``: fits over 20 specs; the pool and the memory.
- ``properties``: the property-based cases of tests/estimators/test_properties.py, 2,000 of them.

Each returns its counts; ``--write`` puts them into RESULTS.md. The suite runs them with small
counts. A file that loads as another model is one that was changed with a checksum that fits.
"""

import argparse
import contextlib
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from skattn import (
    LSTMAttentionClassifier,
    LSTMAttentionRegressor,
    ModelFileError,
    TrainingDivergedError,
    load,
    save,
)

sys.path.insert(0, str(Path(__file__).parent))
from mutate import mutate


def problem(n_samples=120, n_timesteps=6, seed=0):
    """Return sequences, and the first feature of their third step."""
    X = np.random.default_rng(seed).normal(size=(n_samples, n_timesteps, 2))
    return X, X[:, 2, 0].copy()


def fitted(seed=0, **params):
    """Return a small fitted regressor."""
    defaults = {"units": 4, "epochs": 2, "random_state": seed}
    return LSTMAttentionRegressor(**{**defaults, **params}).fit(*problem())


def same(model, other, X):
    """Tell whether two models predict the same bits."""
    return bool((model.predict(X) == other.predict(X)).all())


# ---- files


def kills(count=100):
    """Kill a process that saves two models in turn, and load what it has left."""
    X, rng = problem()[0], np.random.default_rng(0)
    models = [fitted(0, units=64), fitted(1, units=64)]
    outcome = {"killed": 0, "loaded one of the two": 0, "left files beside": 0}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        save(models[0], path)
        for _ in range(count):
            child = os.fork()
            while child == 0:  # in the child, until it is killed
                for model in models:
                    save(model, path)
            time.sleep(rng.uniform(0.001, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            left = load(path)
            outcome["killed"] += 1
            outcome["loaded one of the two"] += any(same(left, model, X) for model in models)
        outcome["left files beside"] = len(list(Path(folder).glob(".skattn-*.tmp")))
    return outcome


def full_disk(count=20):
    """Save with too little room (a limit on the size of files); the old file stays."""
    import resource

    model, X = fitted(units=32), problem()[0]
    outcome = {"refused": 0, "old file loads": 0, "left files beside": 0}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        save(model, path)
        size = path.stat().st_size
        for room in np.linspace(1, size - 1, count).astype(int):
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(room), before[1]))
            try:
                save(fitted(1, units=32), path)
            except OSError:
                outcome["refused"] += 1
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            outcome["old file loads"] += same(load(path), model, X)
        outcome["left files beside"] = len(list(Path(folder).glob(".skattn-*.tmp")))
    signal.signal(signal.SIGXFSZ, handler)
    return outcome


def mutations(count=10_000):
    """Load changed files; watch for code that runs, other errors, and memory."""
    X, rng = problem()[0], np.random.default_rng(0)
    model = fitted(warm_start=True)
    outcome = {"files": 0, "ModelFileError": 0, "loaded, same model": 0}
    outcome |= {"loaded, other model": 0, "other errors": 0, "events of code": 0}
    seen, events = [], {"exec", "compile", "import", "pickle.find_class", "os.system"}
    events |= {"subprocess.Popen", "os.exec", "ctypes.dlopen", "marshal.loads"}
    sys.addaudithook(lambda event, _: seen.append(event) if event in events and watching else None)
    watching = []
    with tempfile.TemporaryDirectory() as folder, Peak() as peak:
        path = Path(folder) / "model"
        save(model, path)
        content = path.read_bytes()
        load(path)
        for number in range(count):
            path.write_bytes(mutate(content, rng))
            watching.append(number)
            try:
                loaded = load(path)
            except ModelFileError:
                outcome["ModelFileError"] += 1
            except Exception as error:
                print(f"file {number}: {error!r}", flush=True)
                outcome["other errors"] += 1
            else:
                watching.clear()
                kind = "same" if same(loaded, model, X) else "other"
                outcome[f"loaded, {kind} model"] += 1
            watching.clear()
            outcome["files"] += 1
    outcome["events of code"] = len(seen)
    outcome["memory, MiB"] = round(peak.growth / 2**20, 1)
    return outcome


# ---- fits


def divergences(count=200):
    """Drive trainings to overflow; each must be an error or predict finite values."""
    import keras

    class Spoil(keras.callbacks.Callback):
        def __init__(self, epoch, rate):
            super().__init__()
            self.epoch, self.rate = epoch, rate

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == self.epoch:
                self.model.optimizer.learning_rate = self.rate

    rng = np.random.default_rng(0)
    X, y = problem()
    outcome = {"trainings": 0, "TrainingDivergedError": 0, "finite": 0, "silent NaN": 0}
    for number in range(count):
        params = [
            {"callbacks": [Spoil(int(rng.integers(3)), rng.choice([np.nan, np.inf]))]},
            {"learning_rate": float(10.0 ** rng.uniform(3, 30)), "clipnorm": None},
            {"learning_rate": float(10.0 ** rng.uniform(3, 30)), "optimizer": "sgd"},
            {"standardize": False, "clipnorm": None, "optimizer": "sgd"},
        ][number % 4]
        target = y * 10.0 ** rng.uniform(0, 37) if number % 4 == 3 else y
        model = LSTMAttentionRegressor(units=4, epochs=3, random_state=number, **params)
        outcome["trainings"] += 1
        try:
            predicted = model.fit(X, target).predict(X)
        except (TrainingDivergedError, FloatingPointError):
            outcome["TrainingDivergedError"] += 1
        else:
            outcome["finite" if np.isfinite(predicted).all() else "silent NaN"] += 1
    return outcome


def interrupts(count=50):
    """Interrupt fits of a fitted model; it must predict what it predicted before."""
    X, y = problem(600, 20)
    model = LSTMAttentionRegressor(units=8, epochs=30, random_state=0, early_stopping=False)
    model.fit(X, y)
    model.set_params(random_state=1)
    begin = time.perf_counter()
    whole = LSTMAttentionRegressor(**model.get_params()).fit(X, y)
    seconds, rng = time.perf_counter() - begin, np.random.default_rng(0)
    outcome = {"interrupts": 0, "same state": 0, "same predictions": 0, "too late": 0}
    # A process that was started in the background may have been told to ignore Ctrl-C.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    while outcome["interrupts"] < count and outcome["too late"] <= count:
        before, state = model.predict(X), {**vars(model)}
        timer = threading.Timer(rng.uniform(0, seconds), os.kill, args=(os.getpid(), signal.SIGINT))
        try:
            timer.start()
            model.fit(X, y)
            timer.cancel()
            timer.join()
            outcome["too late"] += 1
        except KeyboardInterrupt:
            if vars(model)["parameters_"] is not state["parameters_"] and same(model, whole, X):
                outcome["too late"] += 1  # the fit had just ended
                continue
            outcome["interrupts"] += 1
            kept = [vars(model)[name] is value for name, value in state.items()]
            outcome["same state"] += all(kept)
            outcome["same predictions"] += bool((model.predict(X) == before).all())
    signal.signal(signal.SIGINT, handler)
    return outcome


def threads(count=100):
    """Predict in 8 threads and fit in 4; everything must equal the serial result."""
    X = problem()[0]
    models = [fitted(seed, attention=kind) for seed, kind in enumerate(("additive", "dot") * 4)]
    expected = [model.predict(X) for model in models]
    with ThreadPoolExecutor(8) as pool:
        tasks = [(model, e) for model, e in zip(models, expected, strict=True)] * count
        equal = sum(pool.map(lambda task: bool((task[0].predict(X) == task[1]).all()), tasks))
    n_fits = 4 * max(1, count // 10)
    serial = [fitted(seed).predict(X) for seed in range(n_fits)]
    with ThreadPoolExecutor(4) as pool:
        predicted = list(pool.map(lambda seed: fitted(seed).predict(X), range(n_fits)))
    equal_fits = sum(bool((p == s).all()) for p, s in zip(predicted, serial, strict=True))
    return {
        "predictions": len(tasks),
        "equal to serial": equal,
        "fits": n_fits,
        "fits equal to serial": equal_fits,
    }


def fork(count=3):
    """Predict in forked processes, with both estimators; each must get an error at once."""
    X, y = problem()
    classifier = LSTMAttentionClassifier(units=4, epochs=2, random_state=0).fit(X, y > 0)
    calls = [fitted().predict, classifier.predict_proba]
    outcome = {"forks": 0, "RuntimeError": 0, "slowest, s": 0.0}
    context = multiprocessing.get_context("fork")
    for call in calls * count:
        queue = context.SimpleQueue()

        def child(call=call, queue=queue):
            begin = time.perf_counter()
            try:
                call(X)
            except RuntimeError:
                queue.put(time.perf_counter() - begin)

        process = context.Process(target=child)
        process.start()
        process.join(10)
        outcome["forks"] += 1
        if process.is_alive():
            process.kill()
        elif not queue.empty():
            outcome["RuntimeError"] += 1
            outcome["slowest, s"] = max(outcome["slowest, s"], round(queue.get(), 3))
    return outcome


def many_specs(count=1000):
    """Fit over 20 specs; the pool stays bounded, the memory flat after the first round."""
    from skattn._programs.pool import pool

    X, y = problem(40)
    kinds = ("dot", "mean")
    specs = [{"units": units, "attention": kind} for units in range(2, 12) for kind in kinds]
    for params in specs * 2:
        fitted(**params).predict(X)
    with Peak() as peak:
        for number in range(count):
            LSTMAttentionRegressor(epochs=1, **specs[number % 20]).fit(X, y).predict(X)
    growth = round(peak.growth / 2**20, 1)
    return {"fits": count, "programs": len(pool.programs()), "growth, MiB": growth}


def properties(count=2000):
    """Run the property-based test; each case is a documented error or finite predictions."""
    command = [sys.executable, "-m", "pytest", "-q", "--hypothesis-show-statistics"]
    command += ["--hypothesis-profile=full", "tests/estimators/test_properties.py"]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    found = re.findall(r"(\d+) passing(?: examples)?, (\d+) failing", done.stdout)
    if not found:
        raise SystemExit(f"The property-based test did not run:\n{done.stdout[-2000:]}")
    return {"passing": sum(int(p) for p, _ in found), "failing": sum(int(f) for _, f in found)}


class Peak:
    """Measures how far the memory of this process grows above where it began, in bytes."""

    def __enter__(self):
        self.begin = self.highest = resident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.growth = max(self.highest, resident()) - self.begin

    def _watch(self):
        while not self._stop.wait(0.005):
            self.highest = max(self.highest, resident())


def resident():
    """Return the resident memory of this process in bytes."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


SECTIONS = {
    function.__name__: function
    for function in (
        kills,
        full_disk,
        mutations,
        divergences,
        interrupts,
        threads,
        fork,
        many_specs,
        properties,
    )
}


def main():
    from tables import write

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=list(SECTIONS))
    parser.add_argument("--count", type=int)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for name in options.sections:
        counts = SECTIONS[name](*([] if options.count is None else [options.count]))
        text = "\n".join(f"{key}: {value}" for key, value in counts.items())
        print(f"{name}\n{text}\n", flush=True)
        if options.write:
            count = "" if options.count is None else f" --count {options.count}"
            title = SECTIONS[name].__doc__.splitlines()[0]
            command = f"python benchmarks/trust.py {name}{count} --write"
            write(f"trust {name}", f"Trust: {title}", text, command)


if __name__ == "__main__":
    main()
