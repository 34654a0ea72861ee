"""Whether the verdict of `compare_attentions` can be trusted: level, power and coverage.

    python benchmarks/insight.py [control windows power classes] [--sets N] [--quick] [--stand-in]
        [--first N] [--sizes N ...] [--kinds NAME ...] [--truths N] [--rows FILE] [--write]
    python benchmarks/insight.py flood --data DIR [--write]
    python benchmarks/insight.py long_recall [--write]

``control`` counts false alarms on four kinds of sets on which attention cannot help, ``windows``
on overlapping windows of one series, ``power`` finds out how often help is seen, ``classes``
does both for a classifier. Each set is a row of FILE (JSON lines), written when it is done; sets
that FILE holds are not run again, so that a run can be stopped and go on; insight_rows.jsonl beside
this script has the sets run last. ``--sets`` is the number for each kind and size, of which
``--first`` leaves out the first ones; ``--sizes`` cuts the numbers of samples, ``--kinds`` the
kinds to run, ``--truths`` the number of sets of ``power`` whose true share is found by fresh fits;
``--quick`` runs two small ones of each. ``--stand-in`` takes random reservoirs in place of networks
(reservoir.py), which fit in milliseconds. ``flood`` compares on the training rows of FloodModeling1
(P1; DIR as in accuracy.py), ``long_recall`` on 500 sequences of 40 steps, both with defaults and on
two cores. ``--write`` puts the tables into RESULTS.md and the figure into docs/images.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import verdict_sets as sets
from accuracy import read_ts
from reservoir import Reservoir
from scipy.stats import binomtest
from scipy.stats import t as student
from sklearn.base import clone
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import TimeSeriesSplit, check_cv
from tables import keep_row, read_rows, write

from skattn import LSTMAttentionClassifier, LSTMAttentionRegressor, compare_attentions
from skattn.datasets import make_selective_recall

#: Section → kinds of sets, their sizes, how they are split.
SECTIONS = {
    "control": (
        (sets.fading_memory, sets.pure_noise, sets.linear_autoregression, sets.shuffled_targets),
        (100, 300, 1000),
        5,
    ),
    "windows": ((sets.overlapping_windows,), (300, 1000), TimeSeriesSplit(5)),
    "power": ((sets.recall, sets.adding, sets.echo, sets.one_tenth), (100, 300, 1000), 5),
    "classes": ((sets.symbols, sets.fading_classes), (300,), 5),
}
#: Trained to the end in few epochs; without a line, which would solve the echo alone.
NETWORK = LSTMAttentionRegressor(units=8, epochs=30, learning_rate=0.02, linear_path=False)
CLASSIFIER = LSTMAttentionClassifier(units=8, epochs=60, learning_rate=0.02, linear_path=False)
ERROR = "neg_mean_squared_error"
#: Sections with a model and a scoring of their own; no truth is fitted for these.
OWN = {"classes": (CLASSIFIER, "neg_log_loss")}
LEAST_SHARE = 0.05  # of the error, for a set to count in the figure of power
N_FRESH, FRESH_SEEDS = 2000, 20
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "verdict.png"


def run_set(section, model, make, n_samples, number, options):
    """Compare on one set; return a row with the verdict, today's test beside it, and the truth.

    The primary comparison does not depend on the other attentions, so that only its two are
    fitted.
    """
    begin, cv = time.perf_counter(), SECTIONS[section][2]
    X, y = make(n_samples, number)
    model, scoring = OWN.get(section, (model, ERROR))
    attentions = [None, "additive"]
    result = compare_attentions(
        model, X, y, attentions=attentions, cv=cv, scoring=scoring, random_state=number
    )
    row = result.comparisons.iloc[0]
    names = ["verdict", "p_value", "removed", "removed_low", "removed_high", "n_seeds"]
    done = {name: row[name] if isinstance(row[name], str) else float(row[name]) for name in names}
    done |= {"n_fits": len(result.scores), "seconds": time.perf_counter() - begin}
    done["corrected_t"] = corrected_t(result.scores, check_cv(cv, y), X)
    # Elsewhere the truth says whether "helped" is a false alarm, and nothing more.
    wanted = number < options.truths if section == "power" else done["verdict"] == "helped"
    if section not in OWN and options.fresh_seeds and wanted:
        done["truth"] = true_share(model, make, X, y, cv, number, options.fresh_seeds)
    return done


def corrected_t(scores, cv, X):
    """Return the p-value of the test before: one seed a fold, Nadeau and Bengio's variance."""
    first = scores.drop_duplicates(["attention", "fold"]).pivot_table("score", "fold", "attention")
    differences = first["additive"] - first["none"]
    ratio = np.mean([len(test) / len(train) for train, test in cv.split(X)])
    error = np.sqrt((1 / len(differences) + ratio) * differences.var(ddof=1))
    return float(2 * student.sf(abs(differences.mean()) / error, df=len(differences) - 1))


def true_share(model, make, X, y, cv, number, n_seeds):
    """Return the share of the error that attention removes: fresh seeds and fresh samples."""
    X_fresh, y_fresh = make(N_FRESH, 10**6 + number)
    errors = dict.fromkeys((None, "additive"), 0.0)
    for fold, (train, _) in enumerate(check_cv(cv).split(X)):
        for seed in range(n_seeds):
            for attention in errors:
                fitted = clone(model).set_params(attention=attention)
                fitted.set_params(random_state=10**6 + 1000 * number + 100 * fold + seed)
                if isinstance(model, LSTMAttentionRegressor):
                    fitted.set_params(n_members=1)
                fitted.fit(X[train], y[train])
                errors[attention] += mean_squared_error(y_fresh, fitted.predict(X_fresh))
    return 1 - errors["additive"] / errors[None]


def run(sections, options):
    """Run the sets that are not in the file of rows: the first of each kind, then the second."""
    done = {tuple(row["key"]) for row in read_rows(options.rows)}
    name = type(options.model).__name__
    tasks = [
        (section, make, size, number)
        for number in range(options.first, options.sets)
        for section in sections
        for make in SECTIONS[section][0]
        for size in SECTIONS[section][1]
        if size in options.sizes and (not options.kinds or make.__name__ in options.kinds)
    ]
    for section, make, size, number in tasks:
        key = (name, section, make.__name__, size, number)
        if key not in done:
            row = run_set(section, options.model, make, size, number, options)
            keep_row(options.rows, {"key": key, **row})
            print(*key, row, flush=True)


def rows_of(section, model, options):
    """Return the rows of a section as a frame."""
    frame = pd.DataFrame(read_rows(options.rows))
    keys = pd.DataFrame(frame.pop("key").tolist(), columns=["model", "section", "kind", "n", "set"])
    frame = pd.concat([keys, frame], axis=1)
    own = (frame["model"] == type(model).__name__) & (frame["section"] == section)
    own &= frame["set"].between(options.first, options.sets - 1)
    return frame[own & frame["n"].isin(options.sizes)]


def table_of(frame):
    """Summarize the sets of each kind and size, and of all sizes of a kind."""
    rows = {}
    for kind, own in frame.groupby("kind", sort=False):
        for n, sized in [*own.groupby("n"), ("all", own)]:
            rows[kind, n] = summary_of(sized)
    rows["all", "all"] = summary_of(frame)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["kind", "n"])
    return table.to_string(float_format="%.3g")


def summary_of(frame):
    """Count how often attention was said to help, falsely too, and how often it was covered."""
    helped, truth = frame["verdict"] == "helped", frame.get("truth", pd.Series(np.nan, frame.index))
    false = helped & (truth <= 0)
    row = {"sets": len(frame), "helped": helped.sum(), "95% of helped": in_words(helped)}
    row |= {"false": false.sum(), "95% of false": in_words(false)}
    known = frame[truth.notna()]
    if len(known) and (frame["section"] == "power").all():
        row |= {"truths": len(known)}
        covered = known["truth"].between(known["removed_low"], known["removed_high"])
        row |= {"true share": known["truth"].mean()}
        row |= {"covered": covered.mean(), "95% of covered": in_words(covered)}
    better, before = frame["removed"] > 0, frame["corrected_t"]
    row |= {"before, alone": (better & (before < 0.05)).sum()}
    row |= {"before": (better & (before < 0.01)).sum()}
    return row | {"fits": frame["n_fits"].mean(), "seconds": frame["seconds"].mean()}


def in_words(happened):
    """Write the exact binomial 95% interval of how often something happened."""
    low, high = binomtest(int(happened.sum()), len(happened)).proportion_ci()
    return f"{low:.2f} to {high:.2f}"


def flood(data):
    """Compare attentions on FloodModeling1, training rows, defaults."""
    return timed(*read_ts(data / "tser" / "FloodModeling1" / "FloodModeling1_TRAIN.ts"))


def long_recall(data):
    """Compare attentions on selective recall of 500 x 40 x 2, defaults."""
    return timed(*make_selective_recall(500, 40, random_state=0))


def timed(X, y):
    """Compare three attentions with defaults on two cores; return table, sentence and seconds."""
    begin = time.perf_counter()
    attentions = [None, "mean", "additive"]
    result = compare_attentions(
        LSTMAttentionRegressor(), X, y, attentions=attentions, random_state=0, n_jobs=2
    )
    seconds = time.perf_counter() - begin
    return f"{result.table.to_string()}\n{result.summary}\n{seconds:.0f} s"


#: Sections that are one comparison with defaults.
SINGLE = {"flood": flood, "long_recall": long_recall}


def draw(options):
    """Draw level and power against the number of samples, today's test beside the new one."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.subplots(1, 2)
    titles = {"control": "False alarms", "power": "Attention removes 5% or more"}
    for ax, (section, title) in zip(axes, titles.items(), strict=True):
        frame = rows_of(section, options.model, options)
        frame["helped"] = frame["verdict"] == "helped"
        frame["before"] = (frame["corrected_t"] < 0.01) & (frame["removed"] > 0)
        if section == "control":
            false = frame["truth"].isna() | (frame["truth"] <= 0)  # known where it was said
            frame[["helped", "before"]] &= false.to_numpy()[:, np.newaxis]
        else:
            frame = frame[frame["truth"] > LEAST_SHARE]
        means = frame.groupby("n")[["helped", "before"]].mean()
        ax.plot(means.index, means["helped"], "o-", color="#0072B2", label="compare_attentions")
        ax.plot(means.index, means["before"], "s--", color="#D55E00", label="corrected t-test")
        ax.set(xscale="log", xlabel="samples", ylabel='share of sets: "helped"', title=title)
        ax.set_ylim(-0.03, 1.03)
        ax.axhline(0.05 if section == "control" else 0.95, color="black", linewidth=0.6)
        ax.set_xticks(means.index, means.index)
        ax.minorticks_off()
        ax.legend(fontsize="small")
    figure.savefig(FIGURE, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=list(SECTIONS))
    parser.add_argument("--sets", type=int, default=40)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--kinds", nargs="+", help="names of kinds to run; all by default")
    parser.add_argument("--truths", type=int, default=40)
    parser.add_argument("--fresh-seeds", type=int, default=FRESH_SEEDS)
    parser.add_argument("--rows", type=Path, default=Path("insight_rows.jsonl"))
    parser.add_argument("--data", type=Path)
    for flag in ("--quick", "--stand-in", "--write"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    options.model = Reservoir() if options.stand_in else NETWORK
    if options.quick:
        options.sets, options.fresh_seeds, options.sizes = 2, 1, [100, 300]
    run([section for section in options.sections if section in SECTIONS], options)
    for section in options.sections:
        report(section, options)
    if options.write and {"control", "power"} <= set(options.sections):
        draw(options)


def report(section, options):
    """Run a section, print its table, and write it where that is wanted."""
    command = f"python benchmarks/insight.py {section}"
    if section in SINGLE:
        title, text = SINGLE[section].__doc__, SINGLE[section](options.data)
        command += " --data DIR" if section == "flood" else ""
    else:
        text = table_of(rows_of(section, options.model, options))
        name = type(OWN.get(section, (options.model,))[0]).__name__
        fresh = f"truth from {options.fresh_seeds} fresh seeds a fold"
        truth = "no truth is fitted" if section in OWN else fresh
        title = f"{section}, {name}, {truth}"
        command += f" --first {options.first}" if options.first else ""
        command += f" --sets {options.sets} --fresh-seeds {options.fresh_seeds}"
        command += f" --truths {options.truths} --sizes {' '.join(map(str, options.sizes))}"
        command += " --stand-in" if options.stand_in else ""
    print(text, flush=True)
    if options.write:
        place = f"insight {section}" + (" stand-in" if options.stand_in else "")
        write(place, f"Insight: {title}", text, command)


if __name__ == "__main__":
    main()
