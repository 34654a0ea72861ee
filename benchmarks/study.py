"""The evidence: can an LSTM benefit from temporal attention? A study on public data sets.

    python benchmarks/study.py run --data DIR [--rows FILE] [--sets NAME ...] [--jobs N]
        [--dask ADDRESS] [--seeds 0 1 2] [--max-sequences N]
    python benchmarks/study.py report [--rows FILE] [--write]
    python benchmarks/study.py sets --data DIR

``run`` adds results to FILE (JSON lines), each when it is done: the comparisons of all sets first,
then the default fits, seed by seed. What FILE holds is not run again, so that a run can be stopped,
or killed, and go on. Workers of Dask need this folder on their path. ``report`` prints the table
and the answer; ``--write`` puts them into docs/evidence.md, docs/images/evidence.png, RESULTS.md
and the README. ``sets`` reads all sets and prints their sizes. DIR is as in accuracy.py; the sets
of classes are in aeon's wheels up to 1.2.

What is compared, and what counts. All of this was fixed before the first run on real data. Tried
before were the cost, by the comparison on CardanoSentiment, and whether every set can be read and
run, with networks of three units and one epoch.

1. *Sets.* `study_sets.SETS`, cut to `Plan.max_sequences` and `Plan.max_steps` as study_sets.py
   says. Generated sets check the study, since their answer is known: attention helps on recall,
   adding and symbol recall, and cannot help on fading memory. They are in no summary.
2. *Comparison.* `compare_attentions` on the training samples of a set: the default estimator, and
   `target_feature` where y continues a feature; trained to the end; the folds, the looks and the
   budget of seeds as in `Plan`. Squared error, of classes the log loss.
3. *The effect of a set* is its primary comparison: the share of the plain LSTM's error that the
   default attention, "additive", removes, with its interval.
4. *The answer over sets* is the mean effect of a random-effects model on the log ratio of the
   errors (`study_summary.random_effects`), at 5 %. Beside it, with fewer assumptions: the sign of
   the effect over sets, by Wilcoxon's test and by the Bayesian signed-rank test, for which less
   than 1 % of the error is no difference; and the mean ranks of all attentions, by their mean error
   on the test samples, with Nemenyi's critical difference.
5. *Test samples* choose nothing. The default fit of each attention, networks and line together, is
   scored on them, with each seed of `Plan.seeds`.
6. *Where it looks.* Of dot, general and additive the one with the best mean score in the comparison
   is explained, its fit with the first seed, on test samples: its mean attention (the profile), its
   faithfulness, the importance of blocks of steps, and how both agree over the blocks (Spearman).
7. *What distinguishes the sets where attention helps*: rank correlations of the removed share with
   three properties of a set, tested by permutation, corrected for their number (Holm): the steps of
   its sequences; how far back the deciding steps lie, the mean distance of the steps from the last,
   weighted by their importance, as a share of the length; and samples for each step.
8. Everything that was run is reported, fits that failed as well.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import study_sets
from joblib import Parallel, delayed, parallel_config
from study_fits import best_looking, compare, fit_and_test, result_of

#: What makes the rows of the page.
COMMAND = "python benchmarks/study.py run --data DIR --jobs 2"


@dataclass(frozen=True)
class Plan:
    """What decides the numbers; a file of rows begins with it.

    Attributes
    ----------
    max_sequences, max_steps : int
        Samples to train on, samples to test, and steps of a sequence, at most.
    n_folds, n_seeds : int
        Of the comparison; `n_seeds` for each fold at most.
    seeds : tuple of int
        Of the default fits.
    attentions : tuple
        What is compared.
    with_hierarchical : tuple of str
        The sets on which the hierarchical network, which takes about six times as long, is compared
        too: the smallest, of each kind.
    n_explained, n_blocks, n_repeats : int
        Test samples to explain, evenly spaced; blocks of steps, and draws.
    network : tuple of (str, value)
        Parameters of the estimator that are not at their defaults.
    """

    max_sequences: int = 500
    max_steps: int = 100
    n_folds: int = 3
    n_seeds: int = 4
    seeds: tuple = (0, 1, 2)
    attentions: tuple = (None, "mean", "dot", "general", "additive")
    with_hierarchical: tuple = (
        "CardanoSentiment",
        "SML2010, 4 hours",
        "ItalyPowerDemand",
        "DailyOilGasPrices",
        "BasicMotions",
        "JapaneseVowels",
    )
    n_explained: int = 200
    n_blocks: int = 20
    n_repeats: int = 2
    network: tuple = ()

    def attentions_of(self, name):
        """Return the attentions that are compared on a set."""
        return self.attentions + ("hierarchical",) * (name in self.with_hierarchical)

    def keys_of(self, name):
        """Return the keys of a set's results, in the order in which they are made."""
        fits = [("test", at, seed) for seed in self.seeds for at in self.attentions_of(name)]
        return [(name, "facts"), (name, "comparison"), *((name, *fit) for fit in fits)]


#: Three small sets take seconds, for tests; what comes out has no meaning.
TINY = Plan(
    max_sequences=40,
    max_steps=6,
    n_folds=2,
    n_seeds=2,
    seeds=(0, 1),
    attentions=(None, "additive"),
    with_hierarchical=(),
    n_explained=20,
    n_repeats=1,
    network=(("units", 3), ("epochs", 2)),
)


class Rows:
    """The results in a file: a line for each, the first for the plan.

    A line that a kill cut short, which can only be the last, is dropped.
    """

    def __init__(self, path, plan):
        self.path, self.kept = path, {}
        given = json.loads(json.dumps({"key": ["plan"], **asdict(plan)}))
        if path.exists():
            whole = path.read_bytes()
            whole = whole[: whole.rfind(b"\n") + 1]
            path.write_bytes(whole)
            self.kept = {tuple(row["key"]): row for row in map(json.loads, whole.splitlines())}
        if not self.kept:
            self.add(given)
        if self.kept.get(("plan",)) != given:
            raise ValueError(
                f"{path} was made by another plan, {self.kept.get(('plan',))}. This run has "
                f"{given}. Use another file, or the options that it was made with."
            )

    def add(self, row):
        """Keep a row, and write it."""
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        self.kept[tuple(row["key"])] = row


def read_rows(path):
    """Return the plan and the results of a file, results by key; a cut line is left out."""
    lines = path.read_text().split("\n")[:-1]
    rows = {tuple(row.pop("key")): row for row in map(json.loads, lines)}
    plan = rows.pop(("plan",))
    return Plan(**{name: _as_tuple(value) for name, value in plan.items()}), rows


def _as_tuple(value):
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def run(names, plan, rows, data, n_jobs):
    """Run what is missing in the rows, and print each result when it is done.

    The comparisons of all sets come first, then the default fits of all sets, seed by seed: so a
    run that is cut short has an answer over all sets. The `wall` seconds of a row are those since
    the row before.
    """
    n_left = sum(key not in rows.kept for name in names for key in plan.keys_of(name))
    print(f"{n_left} results to make, {len(rows.kept) - 1} are there", flush=True)
    last = time.perf_counter()
    for row in chain(
        compared(names, plan, rows, data, n_jobs), tested(names, plan, rows, data, n_jobs)
    ):
        now = time.perf_counter()
        row["wall"], last, n_left = now - last, now, n_left - 1
        rows.add(row)
        words = row.get("error") or row.get("test_error") or row.get("summary", "")
        print(f"{n_left} left", *row["key"], f"{row['seconds']:.1f} s:", words, flush=True)


def compared(names, plan, rows, data, n_jobs):
    """Yield the missing comparisons and facts, set by set."""
    for name in names:
        facts, comparison = (name, "facts"), (name, "comparison")
        if {facts, comparison} <= rows.kept.keys():
            continue
        study_set = load(name, data, plan)
        if facts not in rows.kept:
            yield result_of(facts, study_set.facts)
        if comparison not in rows.kept:
            yield result_of(comparison, compare, study_set, plan, n_jobs)


def tested(names, plan, rows, data, n_jobs):
    """Yield the missing default fits as they are done, begun seed by seed and set by set."""
    keys = [key for name in names for key in plan.keys_of(name) if key[1] == "test"]
    keys = sorted((key for key in keys if key not in rows.kept), key=lambda key: key[3])
    sets = {name: load(name, data, plan) for name in names if any(name == key[0] for key in keys)}
    best = {name: best_looking(rows.kept[name, "comparison"]) for name in sets}
    calls = (
        delayed(result_of)(
            key,
            fit_and_test,
            sets[key[0]],
            *key[2:],
            plan,
            key[2:] == (best[key[0]], plan.seeds[0]),
        )
        for key in keys
    )
    yield from Parallel(n_jobs, prefer="threads", return_as="generator_unordered")(calls)


def load(name, data, plan):
    """Return a set, with the network of the plan."""
    study_set = study_sets.load(name, data, plan)
    study_set.model.set_params(**dict(plan.network))
    return study_set


def print_sets(names, plan, data):
    """Print the sizes of the sets, which checks that all can be read."""
    for name in names:
        print(name, study_sets.load(name, data, plan).facts(), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("run", "report", "sets"))
    parser.add_argument("--data", type=Path, help="folder of the sets that come with no package")
    parser.add_argument("--rows", type=Path, default=Path("study_rows.jsonl"))
    parser.add_argument("--sets", nargs="+", default=list(study_sets.SETS))
    parser.add_argument("--jobs", type=int, default=1, help="fits at once, in threads")
    parser.add_argument("--dask", metavar="ADDRESS", help="scheduler of more machines")
    parser.add_argument("--seeds", type=int, nargs="+", default=Plan.seeds)
    parser.add_argument("--max-sequences", type=int, default=Plan.max_sequences)
    parser.add_argument("--tiny", action="store_true", help="seconds, without meaning, for tests")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    plan = Plan(seeds=tuple(options.seeds), max_sequences=options.max_sequences)
    plan = TINY if options.tiny else plan
    if options.action == "report":
        from study_page import report

        report(options.rows, COMMAND, options.write)
    elif options.action == "sets":
        print_sets(options.sets, plan, options.data)
    else:
        with backend(options.dask):
            n_jobs = -1 if options.dask else options.jobs
            run(options.sets, plan, Rows(options.rows, plan), options.data, n_jobs)


def backend(address):
    """Return where fits run: threads of this process, or the workers of a Dask scheduler."""
    if address is None:
        return parallel_config("threading")
    from distributed import Client

    Client(address)
    return parallel_config("dask")


if __name__ == "__main__":
    main()
