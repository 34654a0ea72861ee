"""Scores and numbers in words, for sentences and axes."""

from sklearn.base import is_classifier
from sklearn.metrics import check_scoring, get_scorer_names, log_loss, make_scorer

#: Scores without a best value of 1 or an error's of 0, so that no share of an error is known.
UNBOUNDED = ("positive_likelihood_ratio",)


def scoring_of(estimator, scoring):
    """Return the scoring that an estimator is scored with: a search has its own."""
    while scoring is None:
        if hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "refit") and hasattr(estimator, "scoring"):
            scoring, estimator = _of_search(estimator), estimator.estimator
        else:
            break
    return scoring


def _of_search(search):
    """Return the scoring of a search; where it has several, the one that chooses."""
    if search.scoring is None or isinstance(search.scoring, str) or callable(search.scoring):
        return search.scoring
    return search.scoring[search.refit] if isinstance(search.scoring, dict) else search.refit


def scorer_of(estimator, scoring, classes=None):
    """Return the scorer of an estimator, also for samples among which a class is missing.

    The log loss has to be told all classes, those of a classifier.
    """
    if scoring == "neg_log_loss" and classes is not None:
        return make_scorer(
            log_loss, greater_is_better=False, response_method="predict_proba", labels=classes
        )
    return check_scoring(estimator, scoring)


def default_scoring(estimator):
    """Return the scoring of scikit-learn's own `score`: R², of classifiers the accuracy."""
    return "accuracy" if is_classifier(estimator) else "r2"


def best_score(scoring):
    """Return the score of a perfect prediction: 0 for errors, 1 for others, None if unknown."""
    if is_error(scoring):
        return 0.0
    known = isinstance(scoring, str) and scoring in get_scorer_names()
    return 1.0 if known and scoring not in UNBOUNDED else None


def score_name(scoring):
    """Return a score's name in plain words, "root mean squared error" for its negative."""
    if scoring is None or scoring == "r2":
        return "R²"
    if not isinstance(scoring, str):
        return getattr(scoring, "__name__", "score").replace("_", " ")
    return scoring.removeprefix("neg_").replace("_", " ")


def error_name(scoring):
    """Name what is left to a perfect score: the squared error for R², 1 - accuracy, ..."""
    name = score_name(scoring)
    if name == "R²":
        return "squared error"
    return name if is_error(scoring) else f"1 - {name}"


def is_error(scoring):
    """Return whether a score is an error with its sign turned, so that less of it is better."""
    return isinstance(scoring, str) and scoring.startswith("neg_")


def loss_of(scoring):
    """Name what is lost where a score falls: an error increases, another score decreases."""
    return f"{'increase' if is_error(scoring) else 'decrease'} of {score_name(scoring)}"


def gain_of(scoring):
    """Name what is gained where a score rises."""
    return f"{'decrease' if is_error(scoring) else 'increase'} of {score_name(scoring)}"


def number(value):
    """Write a number with three significant digits."""
    return f"{value + 0.0:.3g}"  # a negative zero becomes zero


def percent(share):
    """Write a share in percent, without digits that no one needs."""
    value = 100 * share
    return f"{value + 0.0:.2g}%" if abs(value) < 10 else f"{value:.0f}%"


def interval(bounds, confidence):
    """Write an interval with its confidence."""
    low, high = bounds
    return f"{100 * confidence:g}% interval {number(low)} to {number(high)}"
