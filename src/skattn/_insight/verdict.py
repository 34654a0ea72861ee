"""From losses to a verdict: the comparisons, the table and the sentence."""

import numpy as np

from .paired_test import estimate, removed_share
from .scores import error_name, is_error, number, percent, score_name

#: Attentions whose network is that of "mean" but for the weights.
CONTROLLED = ("dot", "general", "additive")


def compare(fits, name, against, question, look, alpha):
    """Compare two attentions on the seeds of a look.

    Returns
    -------
    row : dict
        A row of the comparisons that `compare_attentions` returns.
    """
    own, other = fits.pair(name, against, look.n_seeds)
    gain = estimate(other.minus(own))  # a loss that is less is a score that is more
    half, detectable = gain.half_width(alpha), gain.detectable(alpha)
    total = other.values.mean() if fits.knows_errors else np.nan
    shares = removed_share(own, other, alpha) if total > 0 else (np.nan,) * 3
    # A difference that is found early is found at any later look, whose level is greater.
    finding = "helped" if gain.mean > 0 else "hurt"
    return {
        "attention": name,
        "against": against,
        "question": question,
        "n_seeds": look.n_seeds,
        "difference": gain.mean,
        "difference_low": gain.mean - half,
        "difference_high": gain.mean + half,
        **dict(zip(("removed", "removed_low", "removed_high"), shares, strict=True)),
        "p_value": gain.p_value,
        "alpha": alpha,
        "detectable": detectable,
        "detectable_removed": detectable / total if total > 0 else np.nan,
        "verdict": finding if gain.p_value <= alpha else "not shown",
    }


def tabulate(scores, comparisons, names):
    """Make the table of `compare_attentions`: a row for each attention, against none."""
    to_none = comparisons[comparisons["against"] == "none"].set_index("attention")
    columns = ["removed", "removed_low", "removed_high", "question", "verdict"]
    table = to_none[columns].set_axis(["removed", "low", "high", "question", "verdict"], axis=1)
    table.insert(0, "mean_score", scores.groupby("attention")["score"].mean())
    plain = scores.loc[scores["attention"] == "none", "score"].mean()
    table.loc["none"] = [plain, 0.0, 0.0, 0.0, "", ""]
    return table.loc[names].rename_axis("attention")


def summarize(table, comparisons, scores, scoring, confidence):
    """Put the verdict into plain words."""
    primary = comparisons.iloc[0]
    parts = [_first_sentence(primary, table, scoring, confidence)]
    control = comparisons[comparisons["question"] == "control"]
    if len(control):
        parts.append(_about_control(control.iloc[0], scoring, confidence))
    others = comparisons[comparisons["question"] == "others"]
    parts += [
        f"Among the others, corrected for their number: {_listed(own['attention'])} {verdict}."
        for verdict, own in others.groupby("verdict", sort=False)
        if verdict != "not shown"
    ]
    parts.append(_spent(comparisons, scores))
    return " ".join(parts)


_FOUND = {
    "helped": "Attention helped",
    "hurt": "Attention hurt",
    "not shown": "Attention made no difference that these data can show",
}


def _first_sentence(row, table, scoring, confidence):
    """Say whether the primary attention helped, and by how much."""
    sign = -1 if is_error(scoring) else 1
    own, plain = (
        number(sign * table.loc[name, "mean_score"]) for name in (row["attention"], "none")
    )
    return (
        f"{_FOUND[row['verdict']]}: with {row['attention']!r} the {score_name(scoring)} is {own}, "
        f"with the plain LSTM {plain}; {_effect(row, scoring, confidence)}."
    )


def _effect(row, scoring, confidence):
    """Say how much of the error is removed, or what the difference is where that is unknown."""
    sure = f"{100 * confidence:g}% interval"
    if np.isnan(row["removed"]):
        low, high = row["difference_low"], row["difference_high"]
        return f"difference {number(row['difference'])} ({sure} {number(low)} to {number(high)})"
    share, low, high = row["removed"], row["removed_low"], row["removed_high"]
    verb = "removed" if share >= 0 else "added"
    low, high = (low, high) if share >= 0 else (-high, -low)
    return (
        f"{percent(abs(share))} of the {error_name(scoring)} {verb} ({sure} {_between(low, high)})"
    )


def _between(low, high):
    """Write an interval of shares, one end of which may be infinite."""
    if np.isinf(low):
        return f"up to {percent(high)}"
    return f"{percent(low)} or more" if np.isinf(high) else f"{percent(low)} to {percent(high)}"


_CONTROL = {
    "helped": "It is the looking that helps, more than pooling all steps equally ('mean') does",
    "hurt": "Pooling all steps equally ('mean') does better",
    "not shown": "Pooling all steps equally ('mean') does as well, as far as these data can show",
}
_OTHER_NETWORK = (
    "It does better than pooling all steps equally ('mean'), but its network differs in more than "
    "that"
)


def _about_control(row, scoring, confidence):
    """Say whether it is the looking that helps."""
    unlike = row["verdict"] == "helped" and row["attention"] not in CONTROLLED
    words = _OTHER_NETWORK if unlike else _CONTROL[row["verdict"]]
    return f"{words}: {_effect(row, scoring, confidence)}."


def _spent(comparisons, scores):
    """Say what was spent, and how small a difference would have been seen."""
    row = comparisons.iloc[0]
    n_folds = scores["fold"].nunique()
    spent = f"Spent: {len(scores)} fits, {row['n_seeds']} seeds in each of {n_folds} folds for it"
    if row["verdict"] != "not shown":
        return f"{spent}."
    if np.isnan(row["removed"]):
        seen = f"a difference of {number(row['detectable'])}"
    elif row["detectable_removed"] > 1:
        return f"{spent}; they were too few to find even that all of the error is removed."
    else:
        seen = f"a removed share of {percent(row['detectable_removed'])}"
    return f"{spent}; {seen} would have been found with a probability of 80%."


def _listed(names):
    return ", ".join(repr(name) for name in names)
