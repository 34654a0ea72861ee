"""From comparisons that are written down to the table and the sentence."""

import numpy as np
import pandas as pd
import pytest

from skattn._insight.clusters import Losses
from skattn._insight.looks import Look
from skattn._insight.trials import Fits
from skattn._insight.verdict import compare, summarize, tabulate

MSE = "neg_mean_squared_error"
ALL = Look(n_seeds=2, alpha=0.05, growth=1.0)


class Known:
    """Fits whose losses are known: for each attention one number a fold."""

    knows_errors = True
    pair = Fits.pair

    def __init__(self, **losses):
        self.losses = {
            name: Losses(np.repeat(np.array(folds, "float64")[:, None], 2, axis=1), ONE)
            for name, folds in losses.items()
        }


ONE = [np.zeros((1, 2))] * 3


def judge(scoring=MSE, confidence=0.95, pooled=None, others=(), knows_errors=True, **losses):
    """Return the table and the sentence; "dot" is the primary attention."""
    fits = Known(**losses)
    fits.knows_errors = knows_errors
    alpha = 1 - confidence
    found = [compare(fits, "dot", "none", "primary", ALL, alpha)]
    if "mean" in losses and found[0]["verdict"] == "helped":
        found.append(compare(fits, "dot", "mean", "control", ALL, alpha))
    found += [compare(fits, name, "none", "others", ALL, alpha) for name in others]
    comparisons = pd.DataFrame(found)
    scores = pd.DataFrame(
        [
            {"attention": name, "fold": fold, "seed": seed, "score": -own.values[fold, seed]}
            for name, own in fits.losses.items()
            for fold in range(3)
            for seed in range(2)
        ]
    )
    table = tabulate(scores, comparisons, [name for name in losses if name != "mean" or others])
    return table, summarize(table, comparisons, scores, scoring, confidence)


def test_a_difference_in_the_scores_units_stands_beside_the_removed_share():
    row = compare(Known(none=[4, 4, 4], dot=[3, 3, 3]), "dot", "none", "primary", ALL, 0.05)
    assert (row["difference"], row["removed"], row["verdict"]) == (1, 0.25, "helped")
    row = compare(Known(none=[4, 4, 4], dot=[5, 5, 5]), "dot", "none", "primary", ALL, 0.05)
    assert (row["difference"], row["removed"], row["verdict"]) == (-1, -0.25, "hurt")


def test_a_verdict_follows_from_the_interval():
    for dot in ([3, 3.1, 2.9], [5, 5.1, 4.9], [3, 5, 4]):
        row = compare(Known(none=[4, 4, 4], dot=dot), "dot", "none", "primary", ALL, 0.05)
        low, high = row["difference_low"], row["difference_high"]
        assert row["verdict"] == ("helped" if low > 0 else "hurt" if high < 0 else "not shown")


def test_the_table_has_a_row_for_each_attention():
    table, _ = judge(none=[4, 4, 4], dot=[3, 3, 3], general=[4, 4, 4], others=["general"])
    assert table.index.tolist() == ["none", "dot", "general"]
    assert table["mean_score"].tolist() == [-4, -3, -4]
    assert table["removed"].tolist() == [0, 0.25, 0]
    assert table["verdict"].tolist() == ["", "helped", "not shown"]


def test_the_sentence_says_that_attention_helped_and_what_was_spent():
    assert judge(none=[4, 4, 4], dot=[3, 3, 3])[1] == (
        "Attention helped: with 'dot' the mean squared error is 3, with the plain LSTM 4; 25% of "
        "the mean squared error removed (95% interval 25% to 25%). Spent: 12 fits, 2 seeds in "
        "each of 3 folds for it."
    )


def test_the_sentence_says_that_attention_hurt():
    assert judge(none=[4, 4, 4], dot=[5, 5, 5])[1].startswith(
        "Attention hurt: with 'dot' the mean squared error is 5, with the plain LSTM 4; 25% of "
        "the mean squared error added (95% interval 25% to 25%)."
    )


def test_the_sentence_says_that_nothing_is_shown_and_what_would_have_been_found():
    _, summary = judge(none=[4, 4, 4], dot=[3.9, 4.1, 4.02], confidence=0.9)
    assert summary.startswith("Attention made no difference that these data can show: with 'dot'")
    assert " (90% interval " in summary
    # Standard error .0581 with 2 degrees of freedom: (2.92 + 1.06) * .0581 / 4.
    assert summary.endswith(
        "a removed share of 5.8% would have been found with a probability of 80%."
    )


def test_a_share_without_a_low_end_and_one_beyond_the_whole_are_said_in_words():
    """Of each fold one network takes the whole loss: the mean of the other may as well be 0."""
    _, summary = judge(none=[4, 5, 0], dot=[0, 0, 5])
    assert "50% of the mean squared error removed (95% interval up to " in summary
    assert "inf" not in summary
    assert summary.endswith("too few to find even that all of the error is removed.")
    _, summary = judge(none=[0, 0, 5], dot=[4, 5, 0])
    assert "of the mean squared error added (95% interval " in summary
    assert " or more)" in summary
    assert "inf" not in summary


def test_where_no_share_is_known_the_difference_is_said():
    _, summary = judge(scoring=len, knows_errors=False, none=[4, 4, 4], dot=[3.9, 4.1, 4.02])
    assert "the len is -4.01, with the plain LSTM -4; difference -0.00667 (95% interval " in summary
    assert "; a difference of 0." in summary


@pytest.mark.parametrize(
    ("mean", "control"),
    [
        (4, "It is the looking that helps, more than pooling all steps equally ('mean') does: 25%"),
        (3, "Pooling all steps equally ('mean') does as well, as far as these data can show: 0%"),
        (2, "Pooling all steps equally ('mean') does better: 50% of the mean squared error added"),
    ],
)
def test_what_helps_is_compared_with_pooling(mean, control):
    assert f" {control}" in judge(none=[4, 4, 4], dot=[3, 3, 3], mean=[mean] * 3)[1]


def test_what_was_found_among_the_others_is_named():
    losses = {"none": [4, 4, 4], "dot": [4, 4, 4], "general": [3, 3, 3], "additive": [5, 5, 5]}
    _, summary = judge(**losses, others=["general", "additive"])
    assert "Among the others, corrected for their number: 'general' helped." in summary
    assert "Among the others, corrected for their number: 'additive' hurt." in summary


def test_a_network_that_differs_in_more_is_not_said_to_help_by_looking():
    fits = Known(none=[4] * 3, hierarchical=[2] * 3, mean=[3] * 3)
    found = [
        compare(fits, "hierarchical", "none", "primary", ALL, 0.05),
        compare(fits, "hierarchical", "mean", "control", ALL, 0.05),
    ]
    scores = pd.DataFrame({"attention": ["none", "hierarchical"], "fold": 0, "score": [-4, -2]})
    comparisons = pd.DataFrame(found)
    table = tabulate(scores, comparisons, ["none", "hierarchical"])
    summary = summarize(table, comparisons, scores, MSE, 0.95)
    assert "the looking" not in summary
    assert "does better than pooling all steps equally ('mean'), but its network differs" in summary
