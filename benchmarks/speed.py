"""Speed beside what a user would pick instead: same data, network, batches and epochs.

    python benchmarks/speed.py [SECTION ...] [--repeat 3] [--write]

Each measurement runs in a process of its own, in turn, `--repeat` times; the table shows the
best and the median, and ratios of the medians. ``--write`` puts it into RESULTS.md. Peers need
``pip install aeon skorch torch``.
"""

import argparse
import json
import subprocess
import sys
from statistics import median

import workers
from tables import write
from workers import SHAPES

# Sections: name → rows of (what, worker, arguments, figure)


def _searches(epochs):
    each = {
        "skattn": {"library": "skattn"},
        "skattn, 1 thread": {"library": "skattn", "threads": 1},
        "skattn, 2 threads": {"library": "skattn", "threads": 2},
        "SciKeras": {"library": "scikeras"},
        "skorch, 1 thread": {"library": "skorch", "threads": 1},
        "skorch, 2 threads": {"library": "skorch", "threads": 2},
    }
    return [
        (f"{label}, {figure}", workers.search, arguments | {"epochs": epochs}, figure)
        for figure in ("seconds", "score")
        for label, arguments in each.items()
    ]


def _searches_in_processes():
    each = {
        "skattn": {"library": "skattn"},
        "SciKeras": {"library": "scikeras"},
        "skorch, 1 thread": {"library": "skorch", "threads": 1},
    }
    return [
        (f"{label}, {figure}", workers.search, arguments | {"epochs": 20, "n_jobs": 2}, figure)
        for figure in ("seconds", "score")
        for label, arguments in each.items()
    ]


def _searches_of_classes():
    each = {
        "skattn": {"library": "skattn"},
        "SciKeras": {"library": "scikeras"},
    }
    return [
        (
            f"{label}, {figure}",
            workers.search,
            arguments | {"epochs": 20, "kind": "classifier"},
            figure,
        )
        for figure in ("seconds", "score")
        for label, arguments in each.items()
    ]


def _steps(shape):
    each = {
        "skattn": {"library": "skattn", "n_threads": None},
        "skattn, 1 thread": {"library": "skattn", "n_threads": 1},
        "skattn, 2 threads": {"library": "skattn", "n_threads": 2},
        "Keras fit": {"library": "keras", "n_threads": None},
        "PyTorch loop, 1 thread": {"library": "torch", "n_threads": 1},
        "PyTorch loop, 2 threads": {"library": "torch", "n_threads": 2},
    }
    return [
        (f"{label}, ms", workers.step, arguments | {"shape": shape, "batch": 32}, "ms")
        for label, arguments in each.items()
    ]


WIDE = {"library": "skattn", "shape": SHAPES[1], "batch": 256, "n_threads": 1}

SECTIONS = {
    "search 2": _searches(2),
    "search 20": _searches(20),
    "search_jobs": _searches_in_processes(),
    "search_classes": _searches_of_classes(),
    "threads": [
        (f"{n} thread(s) of fits, s", workers.threads, {"epochs": 20}, str(n)) for n in (1, 2)
    ],
    "step small": _steps(SHAPES[0]),
    "step large": _steps(SHAPES[1]),
    "fit": [
        (f"{library}, s", workers.fit, {"library": library, "epochs": 20}, "seconds")
        for library in ("skattn", "aeon")
    ],
    "throughput": [
        ("matrix product, GFLOPS", workers.matrix_product, {}, "GFLOPS"),
        ("training, GFLOPS", workers.step, WIDE, "GFLOPS"),
    ],
    "predict": [
        (f"{label}, ms", workers.predict, {"library": label}, "ms")
        for label in ("skattn", "keras", "scikeras", "MLPRegressor")
    ],
    "small": [
        ("refit of a known spec, ms", workers.refit, {}, "ms"),
        ("growth over 300 fits and predictions, MiB", workers.memory, {}, "MiB"),
        ("time of the last fits against the first", workers.memory, {}, "drift"),
        ("time of twice the rows", workers.scaling, {}, "rows"),
        ("time of twice the steps", workers.scaling, {}, "steps"),
        ("time of twice the units", workers.scaling, {}, "units"),
        ("import skattn, s", workers.light, {}, "import s"),
        ("import loads TensorFlow (0: no)", workers.light, {}, "loads TensorFlow"),
        ("pickle against bytes of parameters", workers.light, {}, "pickle"),
    ],
}  # fmt: skip

TITLES = {
    "search 2": "search of 6 candidates by 5 folds, 1,000 x 24 x 4, 2 epochs",
    "search 20": "the same search, 20 epochs",
    "search_jobs": "the same search, 20 epochs, with n_jobs=2, its processes not yet started",
    "search_classes": "the same search of classifiers, three classes, 20 epochs",
    "threads": "the same search, 20 epochs, with one fit at a time and with two",
    "step small": f"training step, (T, F, H) = {SHAPES[0]}, batch 32",
    "step large": f"training step, (T, F, H) = {SHAPES[1]}, batch 32",
    "fit": "a fit without attention, 1,000 x 24 x 4, 32 units, 20 epochs",
    "throughput": f"the products of a training step, {SHAPES[1]}, batch 256, on one core",
    "predict": "prediction of one row, warm",
    "small": "refits, memory, scaling, import, pickle",
}

#: Section → ratios to show: (what, rows of the numerator, rows of the denominator). The least
#: of the rows' medians counts: each library at its better thread setting.
_SKATTN = [f"skattn{threads}, {{}}" for threads in ("", ", 1 thread", ", 2 threads")]
_RATIOS = {
    "search": [("SciKeras / skattn", ["SciKeras, {}"], _SKATTN),
               ("SciKeras / skattn, threads as they are", ["SciKeras, {}"], _SKATTN[:1]),
               ("skorch, 1 thread / skattn", ["skorch, 1 thread, {}"], _SKATTN)],
    "search_jobs": [("SciKeras / skattn", ["SciKeras, {}"], _SKATTN[:1]),
                    ("skorch, 1 thread / skattn", ["skorch, 1 thread, {}"], _SKATTN[:1])],
    "search_classes": [("SciKeras / skattn", ["SciKeras, {}"], _SKATTN[:1])],
    "step": [("Keras / skattn", ["Keras fit, {}"], _SKATTN),
             ("Keras / skattn, threads as they are", ["Keras fit, {}"], _SKATTN[:1]),
             ("PyTorch / skattn", [f"PyTorch loop, {n}, {{}}" for n in ("1 thread", "2 threads")],
              _SKATTN)],
    "threads": [("one / two", ["1 thread(s) of fits, {}"], ["2 thread(s) of fits, {}"])],
    "fit": [("aeon / skattn", ["aeon, {}"], ["skattn, {}"])],
    "throughput": [("share", ["training, {}"], ["matrix product, {}"])],
    "predict": [("Keras / skattn", ["keras, {}"], ["skattn, {}"]),
                ("MLPRegressor / skattn", ["MLPRegressor, {}"], ["skattn, {}"])],
    "small": [],
}  # fmt: skip
_UNITS = {"search": "seconds", "search_jobs": "seconds", "search_classes": "seconds",
          "step": "ms", "threads": "s",
          "fit": "s", "predict": "ms", "throughput": "GFLOPS", "small": ""}  # fmt: skip


def run(worker, arguments):
    """Run a worker in a process of its own; return its numbers."""
    command = [sys.executable, workers.__file__, worker.__name__, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{worker.__name__} {arguments} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(name, repeat):
    """Run a section in turn, several times; return its lines."""
    rows = SECTIONS[name]
    measured = {}
    for _ in range(repeat):
        for worker, arguments in {(w, json.dumps(a)): (w, a) for _, w, a, _ in rows}.values():
            numbers = run(worker, arguments)
            measured.setdefault((worker, json.dumps(arguments)), []).append(numbers)
    values = {
        what: [numbers[figure] for numbers in measured[worker, json.dumps(arguments)]]
        for what, worker, arguments, figure in rows
    }
    return [*_table(values), "", *_ratios(name.split()[0], values)]


def _table(values):
    width = max(map(len, values))
    lines = [f"{'':{width}} {'best':>10} {'median':>10}"]
    for what, numbers in values.items():
        best = max(numbers) if what.endswith(("score", "GFLOPS")) else min(numbers)
        lines.append(f"{what:{width}} {best:10.4g} {median(numbers):10.4g}")
    return lines


def _ratios(kind, values):
    def least(rows):
        return min(median(values[row.format(_UNITS[kind])]) for row in rows)

    return [f"{what}: {least(above) / least(below):.3g}" for what, above, below in _RATIOS[kind]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=list(SECTIONS))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for name in options.sections:
        lines = measure(name, options.repeat)
        print("\n".join([TITLES[name], *lines, ""]), flush=True)
        if options.write:
            command = f"python benchmarks/speed.py '{name}' --repeat {options.repeat} --write"
            write(f"speed {name}", f"Speed: {TITLES[name]}", "\n".join(lines).rstrip(), command)


if __name__ == "__main__":
    main()
