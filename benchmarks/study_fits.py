"""The results of the study: a comparison, and a default fit that is tested and explained."""

import time

import numpy as np
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.metrics import get_scorer

from skattn import attention_faithfulness, compare_attentions, sequence_importance

#: Attentions that look at single steps, and of whose network "mean" is the control.
LOOKING = ("dot", "general", "additive")


def result_of(key, call, *arguments):
    """Return the row of a result."""
    begin = time.perf_counter()
    row = attempt(call, *arguments)
    return {"key": list(key), **row, "seconds": time.perf_counter() - begin}


def attempt(call, *arguments):
    """Return what a call returns; of one that fails its error, which is reported as well."""
    try:
        return call(*arguments)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def compare(study_set, plan, n_jobs):
    """Compare the attentions on the training samples of a set."""
    result = compare_attentions(
        study_set.model,
        study_set.X,
        study_set.y,
        attentions=plan.attentions_of(study_set.name),
        cv=study_set.folds(plan.n_folds),
        scoring=study_set.scoring,
        n_seeds=plan.n_seeds,
        random_state=0,
        n_jobs=n_jobs,
    )
    means = result.scores.groupby("attention")[["score", "fit_time"]].mean()
    return {
        "summary": result.summary,
        "comparisons": result.comparisons.to_dict("records"),
        "cv_errors": (-means["score"]).to_dict(),
        "fit_times": means["fit_time"].to_dict(),
        "fits": result.scores.to_dict("records"),
    }


def best_looking(comparison):
    """Return which attention is explained; None where the comparison failed."""
    errors = comparison.get("cv_errors", {})
    looking = [name for name in LOOKING if name in errors]
    return min(looking, key=errors.get, default=None)


def fit_and_test(study_set, attention, seed, plan, explained):
    """Fit an attention on all training samples, score the test samples, and explain it if asked."""
    model = clone(study_set.model).set_params(attention=attention, random_state=seed)
    begin = time.perf_counter()
    model.fit(study_set.X, study_set.y)
    seconds = time.perf_counter() - begin
    score = get_scorer(study_set.scoring)(model, study_set.X_test, study_set.y_test)
    row = {"test_error": -float(score), "fit_seconds": seconds}
    row["network_share"] = float(model.network_share_)
    return row | ({"looks": attempt(explain, model, study_set, plan)} if explained else {})


def explain(model, study_set, plan):
    """Find where a fitted model looks, and whether what it needs is there."""
    n_test = len(study_set.y_test)
    at = np.unique(np.linspace(0, n_test - 1, min(plan.n_explained, n_test)).astype(int))
    X, y = study_set.X_test, study_set.y_test[at]
    X = X[at] if isinstance(X, np.ndarray) else [X[row] for row in at]
    longest = max(map(len, X))
    block = -(-longest // plan.n_blocks)
    asked = {"block": block, "n_repeats": plan.n_repeats, "random_state": 0}
    asked["scoring"] = study_set.scoring
    found = attention_faithfulness(model, X, y, **asked)
    needed = sequence_importance(model, X, y, by="timestep", **asked)
    weights = found.weights.mean(axis=0)
    profile = np.array([weights[begin:end].sum() for begin, end in needed.blocks])
    middles = np.mean(needed.blocks, axis=1) - 0.5
    distances = (longest - 1 - middles) / max(1, longest - 1)
    importance = needed.importances_mean
    return {
        "explained": model.attention,
        "faithful": bool(found.faithful),
        "advantage": found.advantage,
        "advantage_interval": list(found.advantage_interval),
        "top_agreement": found.top_agreement,
        "chance": found.chance,
        "distances": distances.tolist(),
        "profile": profile.tolist(),
        "importance": importance.tolist(),
        "looks_back": _mean_distance(distances, profile),
        "needs_back": _mean_distance(distances, importance),
        "agreement": float(spearmanr(profile, importance).statistic),
    }


def _mean_distance(distances, weights):
    """Return the mean distance from the last step as a share of the length; NaN without weight."""
    weights = np.maximum(weights, 0)
    return float(np.average(distances, weights=weights)) if weights.sum() > 0 else np.nan
