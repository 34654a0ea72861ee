"""What the study found, from the rows of its file: a table, five sentences, and what failed."""

import numpy as np
import pandas as pd
import study_sets
from study_summary import (
    holm,
    log_ratio,
    mean_ranks,
    random_effects,
    rank_correlation,
    signs,
)

#: What may distinguish the sets where attention helps: column of the effects → words.
PROPERTIES = {
    "steps": "the number of steps",
    "needs_back": "how far back the deciding steps lie",
    "samples_per_step": "the samples for each step",
}
COLORS = {"helped": "#0072B2", "hurt": "#D55E00", "not shown": "#666666"}


def effects_of(rows, kind=None):
    """Return a row of numbers for each set whose comparison is done and did not fail.

    Parameters
    ----------
    rows : dict
        The results by key, as `study.read_rows` returns them.
    kind : str, default=None
        Sets of this kind alone; None for all that are not generated.
    """
    found = {}
    for name in study_sets.SETS:
        facts, comparison = rows.get((name, "facts"), {}), rows.get((name, "comparison"), {})
        wanted = facts.get("kind") == kind if kind else facts.get("kind") != "generated"
        if wanted and "comparisons" in comparison and "kind" in facts:
            found[name] = {**facts, **_effect(comparison), **_on_test(name, rows)}
            found[name]["seconds"] = _seconds_of(name, rows)
            found[name]["samples_per_step"] = facts["samples"] / facts["steps"]
    return pd.DataFrame.from_dict(found, orient="index")


def _seconds_of(name, rows):
    """Return the seconds of all fits of a set, each of which has one thread."""
    compared = sum(fit["fit_time"] for fit in rows[name, "comparison"].get("fits", ()))
    return compared + sum(row["seconds"] for key, row in rows.items() if key[:2] == (name, "test"))


def _effect(comparison):
    """Return the primary effect of a comparison, what pooling gives, and the time it took."""
    table = pd.DataFrame(comparison["comparisons"])
    primary, control = table.iloc[0], table[table["question"] == "control"]
    pooling = table[(table["attention"] == "mean") & (table["against"] == "none")]
    names = ["verdict", "removed", "removed_low", "removed_high", "alpha", "p_value"]
    effect = {name: primary[name] for name in names}
    effect["log_ratio"], effect["error"] = log_ratio(*primary[names[1:5]])
    effect["pooling"] = pooling["removed"].iloc[0] if len(pooling) else np.nan
    effect["control"] = control["verdict"].iloc[0] if len(control) else ""
    times = comparison["fit_times"]
    effect["time"] = times[primary["attention"]] / times["none"]
    return effect


def _on_test(name, rows):
    """Return what a set's default fits gave on test samples, and where the explained one looks."""
    fits = {key[2:]: row for key, row in rows.items() if key[:2] == (name, "test")}
    errors = errors_of(fits)
    both = {"additive", "none"} <= set(errors.index)
    found = {"test_removed": 1 - errors["additive"] / errors["none"]} if both else {}
    shares = [row["network_share"] for row in fits.values() if "network_share" in row]
    found["networks"] = float(np.median(shares)) if shares else np.nan
    explained = next((row["looks"] for row in fits.values() if "looks" in row), {})
    names = ["explained", "faithful", "looks_back", "needs_back", "agreement"]
    found |= {key: explained.get(key, np.nan) for key in names}
    if "advantage_interval" in explained:
        low, high = explained["advantage_interval"]
        found["faithful"] = "yes" if low > 0 else "misleads" if high < 0 else "not shown"
    return found


def errors_of(fits):
    """Return the mean test error of each attention over the seeds that none has missed."""
    errors = {key: row["test_error"] for key, row in fits.items() if "test_error" in row}
    frame = pd.Series(errors, dtype=float)
    if frame.empty:
        return frame
    frame.index = pd.MultiIndex.from_tuples([(name or "none", seed) for name, seed in errors])
    return frame.unstack().dropna(axis=1).mean(axis=1)


def table_of(effects):
    """Return the table of the page: a row for each set, shares in percent."""
    names = ["removed", "removed_low", "removed_high", "pooling", "test_removed"]
    share = effects.reindex(columns=[*names, "networks", "looks_back", "needs_back"])
    share = share.astype(float).map(percent)
    return pd.DataFrame(
        {
            "kind": effects["kind"],
            "steps": effects["steps"].map("{:g}".format),
            "features": effects["features"],
            "samples": effects["samples"],
            "verdict": effects["verdict"],
            "removed": share["removed"],
            "interval": share["removed_low"] + " to " + share["removed_high"],
            "pooling alone": share["pooling"],
            "on test": share["test_removed"],
            "networks": share["networks"],
            "explained": effects["explained"].astype(object).fillna(""),
            "faithful": effects["faithful"].astype(object).fillna(""),
            "looks back": share["looks_back"],
            "needs back": share["needs_back"],
            "agreement": effects["agreement"].astype(float).map(digits),
            "time ×": effects["time"].map("{:.1f}".format),
            "seconds": effects["seconds"].map("{:.0f}".format),
        }
    ).rename_axis("set")


def percent(share):
    """Write a share in percent; nothing where it is not known."""
    if np.isnan(share):
        return ""
    if np.isinf(share):
        return "−∞" if share < 0 else "∞"
    value = 100 * share
    return f"{value:.0f} %" if abs(value) >= 9.95 else f"{round(value, 1) + 0.0:.1f} %"


def digits(value):
    """Write a number with two decimals; nothing where it is not known."""
    return "" if np.isnan(value) else f"{value:.2f}"


def chance(p_value):
    """Write a p-value."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def main_sentence(effects):
    """Return the answer: the mean effect, and how the verdicts are shared out."""
    known = effects.dropna(subset=["log_ratio", "error"])
    found = random_effects(known["log_ratio"], known["error"])
    share, low, high = sorted_share(found, "mean", "low", "high")
    counts = effects["verdict"].value_counts().reindex(list(COLORS), fill_value=0)
    return (
        f"On {len(effects)} public data sets, of at most {effects['samples'].max():.0f} training "
        f"samples each, temporal attention {moves(share)} the error of a plain LSTM by "
        f"{percent(abs(share))} on average (95 % interval: from {apart(low)} to "
        f"{apart(high)}, {chance(found['p_value'])}); it helped on {counts['helped']}, hurt on "
        f"{counts['hurt']}, and made no difference that the data can show on "
        f"{counts['not shown']}."
    )


def sorted_share(found, middle, low, high):
    """Return removed shares of a summary of log ratios, whose ends change places."""
    return tuple(float(-np.expm1(found[name])) for name in (middle, high, low))


def moves(share):
    """Write the sign of a removed share as a verb."""
    return "lowered" if share >= 0 else "raised"


def apart(share):
    """Write a removed share as a lower or a higher error."""
    return f"{percent(abs(share))} {'lower' if share >= 0 else 'higher'}"


def spread_sentence(effects):
    """Return how far sets differ, and what the signs say without standard errors."""
    known = effects.dropna(subset=["log_ratio", "error"])
    found, sign = random_effects(known["log_ratio"], known["error"]), signs(known["removed"])
    _, low, high = sorted_share(found, "mean", "new_low", "new_high")
    return (
        f"Sets differ: on another set like these an error from {apart(low)} to {apart(high)} is "
        f"expected (95 %); by signs alone attention did better on {sign['positive']} of "
        f"{sign['n_sets']} (Wilcoxon, {chance(sign['p_value'])}), and the probability that it "
        f"helps on most sets is {sign['helps']:.2f}, that it makes less than 1 % difference "
        f"{sign['same']:.2f}, that it hurts {sign['hurts']:.2f}."
    )


def pooling_sentence(effects):
    """Return what pooling alone gives, and on how many sets looking gives more."""
    helped = effects[effects["verdict"] == "helped"]
    looking = int((helped["control"] == "helped").sum())
    worse = int((helped["control"] == "hurt").sum())
    pooled, own = _middle(effects, "pooling"), _middle(effects, "removed")
    return (
        f"Pooling all steps equally, which looks at none, {moves(pooled)} the error by "
        f"{percent(abs(pooled))} (median over sets; attention {moves(own)} it by "
        f"{percent(abs(own))}); of the sets on which attention "
        f"helped, {len(helped)} in all, looking was shown to do better than pooling on {looking}, "
        f"and worse on {worse}."
    )


def _middle(effects, column):
    return float(effects[column].astype(float).median())


def looking_sentence(effects):
    """Return whether models depend on what they attend to, and whether importance agrees."""
    own = effects[effects["faithful"].isin(["yes", "misleads", "not shown"])]
    counts = own["faithful"].value_counts()
    return (
        f"A model with the best of three attentions depends on what it attends to on "
        f"{counts.get('yes', 0)} of {len(own)} sets, and its attention misleads on "
        f"{counts.get('misleads', 0)}; the median rank correlation of attention and importance "
        f"over blocks of steps is {digits(_middle(own, 'agreement'))}."
    )


def correlations_of(effects):
    """Return for each property its rank correlation with the removed share, and p-values."""
    found = {}
    for name in PROPERTIES:
        pair = effects[[name, "removed"]].astype(float).dropna()
        r, p_value = rank_correlation(pair[name], pair["removed"])
        found[name] = {"n_sets": len(pair), "r": r, "p_value": p_value}
    table = pd.DataFrame.from_dict(found, orient="index")
    return table.assign(corrected=holm(table["p_value"]))


def property_sentence(effects):
    """Return what distinguishes the sets where attention helps, as tested."""
    table = correlations_of(effects)
    words = [
        f"{PROPERTIES[name]} (rank correlation {digits(row['r'])}, {chance(row['corrected'])})"
        for name, row in table.iterrows()
    ]
    shown = [text for text, p in zip(words, table["corrected"], strict=True) if p <= 0.05]
    rest = [text for text in words if text not in shown]
    first = f"What goes with the removed share is {'; '.join(shown)}" if shown else (
        "No property that was tested goes with the removed share")  # fmt: skip
    none = f"; not shown: {'; '.join(rest)}" if rest else ""
    return f"{first}{none} (permutations, corrected for their number)."


SENTENCES = (
    main_sentence,
    spread_sentence,
    pooling_sentence,
    looking_sentence,
    property_sentence,
)


def answer_of(effects):
    """Return the five sentences, or why there are none yet."""
    if len(effects.dropna(subset=["log_ratio", "error"]) if len(effects) else effects) < 3:
        return ["Fewer than three data sets were run, so that there is no answer yet."]
    return [sentence(effects) for sentence in SENTENCES]


def ranks_of(rows, effects):
    """Return the mean ranks on the test samples in words, of attentions that all sets have."""
    errors = {}
    for name in effects.index:
        fits = {key[2:]: row for key, row in rows.items() if key[:2] == (name, "test")}
        errors[name] = errors_of(fits)
    frame = pd.DataFrame.from_dict(errors, orient="index").drop(
        columns="hierarchical", errors="ignore"
    )
    frame = frame.dropna()
    if frame.shape[0] < 3 or frame.shape[1] < 3:
        return "Mean ranks need the test errors of three sets."
    ranks, p_value, critical = mean_ranks(frame)
    listed = ", ".join(f"{name} {rank:.2f}" for name, rank in ranks.sort_values().items())
    return (
        f"Mean ranks by the error on test samples, {len(frame)} sets: {listed}; Friedman's test "
        f"{chance(p_value)}; two ranks differ where they are {critical:.2f} apart (Nemenyi, 5 %)."
    )


def hierarchical_of(rows):
    """Return what the hierarchical network gave on the sets that have it, in words."""
    found = []
    for key, row in rows.items():
        if key[1] == "comparison":
            own = [r for r in row.get("comparisons", ()) if r["attention"] == "hierarchical"]
            found += [f"{key[0]} {percent(r['removed'])} ({r['verdict']})" for r in own]
    return f"Hierarchical attention removed: {'; '.join(found) or 'not run'}."


def calibration_of(rows):
    """Return what the study found on the generated tasks, in words."""
    effects = effects_of(rows, "generated")
    words = [
        f"{name}: {row['verdict']}, {percent(row['removed'])} removed "
        f"({percent(row['removed_low'])} to {percent(row['removed_high'])})"
        for name, row in effects.iterrows()
    ]
    return f"Generated tasks. {'; '.join(words) or 'Not run'}."


def state_of(plan, rows):
    """Return what failed and what is missing, in words."""
    errors = {k: r.get("error") or r.get("looks", {}).get("error") for k, r in rows.items()}
    failed = [f"{' '.join(map(str, key))}: {error}" for key, error in errors.items() if error]
    missing = [key for name in study_sets.SETS for key in plan.keys_of(name) if key not in rows]
    compared = [key[0] for key in missing if key[1] == "comparison"]
    fits = [key for key in missing if key[1] == "test"]
    words = f"the comparisons on {', '.join(compared)}; " if compared else ""
    words += f"{len(fits)} default fits" if fits else ""
    return f"Failed: {'; '.join(failed) or 'nothing'}. Not run: {words or 'nothing'}."
