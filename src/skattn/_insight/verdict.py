"""From the scores of folds to a verdict: the test, the table and the sentence."""

import numpy as np
import pandas as pd
from scipy.stats import t as student

from .scores import interval, is_error, number, score_name

#: Verdict → what is said of the attentions, the first that holds for one of them.
FOUND = {
    "helped": "Attention helped.",
    "no difference shown": "Attention made no difference that these data can show.",
    "hurt": "Attention hurt.",
}

#: Verdict on the best attention against pooling → what is said of it.
CONTROL = {
    "helped": "It is the looking that helps, more than pooling all steps equally does ('mean')",
    "hurt": "Pooling all steps equally ('mean') does better",
    "no difference shown": "Pooling all steps equally ('mean') does as well, as far as these data "
    "can show",
}

#: Attentions whose network is that of "mean" but for the weights.
CONTROLLED = ("dot", "general", "additive")


def corrected_t_test(differences, ratio):
    """Test whether the mean of differences over folds is 0, after Nadeau and Bengio.

    Parameters
    ----------
    differences : array of shape (n_folds,)
        Difference of two models' scores on each fold.
    ratio : float
        Test rows of a fold in relation to its training rows.

    Returns
    -------
    mean, error, p_value : float
        The mean, its corrected standard error, and the two-sided p-value.
    """
    n_folds = len(differences)
    mean = float(np.mean(differences))
    error = float(np.sqrt((1 / n_folds + ratio) * np.var(differences, ddof=1)))
    if error == 0:
        return mean, error, float(mean == 0)
    return mean, error, float(2 * student.sf(abs(mean) / error, df=n_folds - 1))


def tabulate(by_fold, scores, ratio, confidence):
    """Make the table of `compare_attentions` from the scores of each attention and fold."""
    n_comparisons = len(by_fold) - 1
    rows = {}
    for name, row in by_fold.iterrows():
        fit_time = scores.loc[scores["attention"] == name, "fit_time"].mean()
        rows[name] = {
            "mean_score": row.mean(),
            "std_score": row.std(ddof=0),
            "mean_fit_time": fit_time,
            **_compare(row - by_fold.loc["None"], ratio, confidence, n_comparisons),
        }
    rows["None"] |= {"interval_low": 0.0, "interval_high": 0.0, "p_value": 1.0, "verdict": ""}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("attention")


def _compare(differences, ratio, confidence, n_comparisons):
    """Test a difference as one of several."""
    mean, error, p_value = corrected_t_test(differences, ratio)
    tail = (1 - confidence) / (2 * n_comparisons)
    half = error * student.isf(tail, df=len(differences) - 1)
    low, high = mean - half, mean + half
    return {
        "difference": mean,
        "interval_low": low,
        "interval_high": high,
        "p_value": min(1.0, n_comparisons * p_value),
        "verdict": "helped" if low > 0 else "hurt" if high < 0 else "no difference shown",
    }


def summarize(table, by_fold, ratio, scoring, confidence):
    """Put the verdict into plain words."""
    others = table.drop(index="None")
    learned = others.drop(index="mean", errors="ignore")
    candidates = others if learned.empty else learned
    verdict = next(v for v in FOUND if (candidates["verdict"] == v).any())
    best = candidates.loc[candidates["verdict"] == verdict, "mean_score"].idxmax()
    sign = -1 if is_error(scoring) else 1
    values = sign * table["mean_score"]
    score, gap = score_name(scoring), _difference(table.loc[best], sign, confidence)
    summary = (
        f"{FOUND[verdict]} With {best!r} the {score} is {number(values[best])}, with the plain "
        f"LSTM {number(values['None'])}: {gap}."
    )
    if best == "mean" or "mean" not in table.index:
        return summary
    if verdict != "helped":
        pooled = table.loc["mean", "verdict"] == "helped"
        return f"{summary} Pooling all steps equally ('mean') helped." if pooled else summary
    differences = by_fold.loc[best] - by_fold.loc["mean"]
    to_mean = _compare(differences, ratio, confidence, len(table) - 1)
    control = CONTROL[to_mean["verdict"]]
    if to_mean["verdict"] == "helped" and best not in CONTROLLED:
        control = (
            "It does better than pooling all steps equally ('mean'), but its network differs in "
            "more than that"
        )
    return f"{summary} {control}: {_difference(to_mean, sign, confidence)}."


def _difference(row, sign, confidence):
    bounds = sorted((sign * row["interval_low"], sign * row["interval_high"]))
    return f"difference {number(sign * row['difference'])} ({interval(bounds, confidence)})"
