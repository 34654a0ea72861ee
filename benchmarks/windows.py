"""Windows of a table: those of a public protocol, and what they cost.

    python benchmarks/windows.py [protocol --data DIR] [memory] [--write]

``protocol`` cuts ETTh1 (DIR/ett/ETTh1.csv) into the windows of the published comparisons and
checks their number and the errors of naive predictions. ``memory`` fits one epoch on the windows
of a table of 1,000,000 rows and predicts them all, in a process of its own for each library.
``--write`` puts the table into RESULTS.md.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
from tables import write

N_ROWS, N_FEATURES, LENGTH, UNITS, BATCH = 1_000_000, 8, 96, 16, 512
SECTIONS = ("protocol", "memory")


# The protocol


def protocol(data):
    """P3: ETTh1 OT, 336 hours back, 96 ahead; the windows of the test rows; MSE."""
    from sklearn.preprocessing import StandardScaler

    from skattn import sliding_windows

    table = pd.read_csv(data / "ett" / "ETTh1.csv", index_col="date", parse_dates=True)
    scaler = StandardScaler().set_output(transform="pandas").fit(table[["OT"]].iloc[:8640])
    test = scaler.transform(table[["OT"]]).iloc[11520 - 336 : 14400]
    windows, targets = sliding_windows(
        test, test["OT"], length=336, horizon=96, max_gap="1h", on_gap="raise"
    )
    y = targets.to_numpy()
    naive = {
        "last value": np.repeat(windows[:, -1], 96, axis=1),
        "last day": np.tile(windows[:, -24:, 0], 4),
    }
    rows = {
        "windows": (len(windows), 2785),
        "first target at": (targets.index[0], "2017-10-24 00:00:00"),
        **{f"repeat {name}": (f"{np.mean((y - p) ** 2):.4f}", e) for (name, p), e in
           zip(naive.items(), ("0.0693", "0.0715"), strict=True)},
        "shares memory": (np.shares_memory(windows[0], windows[1]), True),
    }  # fmt: skip
    wrong = [name for name, (found, expected) in rows.items() if str(found) != str(expected)]
    if wrong:
        raise SystemExit(f"P3: {wrong} not as published: {rows}")
    return pd.DataFrame(rows, index=["here", "expected"]).T.to_string()


# What windows cost


class Peak:
    """The most memory that this process holds in a block, above that at its beginning."""

    def __enter__(self):
        self.before = self.most = resident()
        self.watching = True
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        """Look again and again."""
        while self.watching:
            self.most = max(self.most, resident())
            time.sleep(0.005)

    def __exit__(self, *_):
        self.watching = False
        self.thread.join()

    @property
    def growth(self):
        """Bytes above those at the beginning."""
        return self.most - self.before


def resident():
    """Return the bytes that this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def series(n_rows):
    """Return a table and what to predict: the next value of its first column."""
    table = np.random.default_rng(0).normal(size=(n_rows, N_FEATURES))
    return table, np.append(table[1:, 0], 0.0)


def with_early_stopping(n_rows):
    """Do the same, with validation rows held out."""
    return with_skattn(n_rows, early_stopping=True)


def with_skattn(n_rows, early_stopping=False, n_groups=None):
    """Fit one epoch in a Pipeline with `TimeWindows`, predict each row."""
    from peers import skattn_regressor
    from sklearn.pipeline import make_pipeline

    from skattn import TimeWindows

    regressor = skattn_regressor(
        units=UNITS, epochs=1, batch_size=BATCH, early_stopping=early_stopping
    )
    pipeline = make_pipeline(TimeWindows(LENGTH, group_by=n_groups and "group"), regressor)

    def table_of(n_rows):
        table, y = series(n_rows)
        if n_groups:
            groups = pd.Index(np.arange(n_rows) % n_groups, name="group")
            table = pd.DataFrame(table, groups, columns=list("abcdefgh"))
        return table, y

    small, y = table_of(20_000)
    pipeline.fit(small, y).predict(small)  # compiles
    table, y = table_of(n_rows)
    return timed(table, lambda: pipeline.fit(table, y), lambda: pipeline.predict(table))


def with_groups(n_rows):
    """Do the same with a panel of 100 series, sorted by time, validation rows held out."""
    return with_skattn(n_rows, early_stopping=True, n_groups=100)


def with_keras(n_rows):
    """Do the same with Keras' `timeseries_dataset_from_array`."""
    import keras
    from peers import keras_model

    def windows(table, y=None):
        y = None if y is None else y[LENGTH - 1 :]
        return keras.utils.timeseries_dataset_from_array(
            table, y, LENGTH, batch_size=BATCH, shuffle=y is not None
        )

    model = keras_model(N_FEATURES, UNITS)
    small, y = series(20_000)
    model.fit(windows(small, y), verbose=0)
    model.predict(windows(small), verbose=0)
    table, y = series(n_rows)
    return timed(
        table,
        lambda: model.fit(windows(table, y), verbose=0),
        lambda: model.predict(windows(table), verbose=0),
    )


def timed(table, fit, predict):
    """Run both; return seconds, and memory in multiples of the table's own."""
    numbers, nbytes = {}, np.asarray(table).nbytes
    with Peak() as whole:
        for name, function in (("fit", fit), ("predict", predict)):
            begin = time.perf_counter()
            with Peak() as peak:
                function()
            numbers[f"{name}, s"] = time.perf_counter() - begin
            numbers[f"{name}, growth / table"] = peak.growth / nbytes
    numbers["both, growth / table"] = whole.growth / nbytes
    return numbers


def memory(n_rows):
    """Measure each library in a process of its own."""
    numbers = {}
    workers = {
        "skattn": "with_skattn",
        "early stopping": "with_early_stopping",
        "100 groups": "with_groups",
        "Keras": "with_keras",
    }
    for name, worker in workers.items():
        command = [sys.executable, __file__, "--worker", worker, "--rows", str(n_rows)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
        numbers[name] = json.loads(done.stdout.splitlines()[-1])
        print(name, numbers[name], flush=True)
    head = f"{n_rows} rows, {N_FEATURES} columns, length {LENGTH}, {UNITS} units, batch {BATCH}\n"
    return head + pd.DataFrame(numbers).to_string(float_format="%.2f")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=list(SECTIONS))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=N_ROWS)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(globals()[options.worker](options.rows)))
        return
    for name in options.sections or SECTIONS:
        if name == "protocol":
            if options.data is None:
                parser.error("protocol needs --data DIR")
            text, command = protocol(options.data), "protocol --data DIR"
        else:
            text, command = memory(options.rows), f"memory --rows {options.rows}"
        print(text)
        if options.write:
            write(f"windows {name}", f"Windows: {name}", text,
                  f"python benchmarks/windows.py {command} --write")  # fmt: skip


if __name__ == "__main__":
    main()
