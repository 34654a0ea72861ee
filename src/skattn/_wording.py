"""Scores and numbers in words, for sentences and axes."""


def score_name(scoring):
    """Return a score's name in plain words, "root mean squared error" for its negative."""
    if scoring is None:
        return "R²"
    if not isinstance(scoring, str):
        scoring = getattr(scoring, "__name__", "score")
    return "R²" if scoring == "r2" else scoring.removeprefix("neg_").replace("_", " ")


def is_error(scoring):
    """Tell whether a score is an error with its sign turned, so that less of it is better."""
    return isinstance(scoring, str) and scoring.startswith("neg_")


def number(value):
    """Write a number with three significant digits."""
    return f"{value:.3g}"


def interval(bounds, confidence):
    """Write an interval with its confidence."""
    low, high = bounds
    return f"{100 * confidence:g} % interval {number(low)} to {number(high)}"
