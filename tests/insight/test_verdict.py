"""The verdict from scores that are written down: the test, the table and the sentence."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from skattn._insight.verdict import corrected_t_test, summarize, tabulate

RMSE = "neg_root_mean_squared_error"
NOTHING = "no difference shown"
ZEROS = [0, 0, 0]


def judge(plain, scoring=None, confidence=0.95, **scores):
    """Return the table and the sentence for scores fold by fold, those of the plain LSTM first.

    Of each fold a third is tested, so that the ratio of test and training rows is a half.
    """
    by_fold = pd.DataFrame.from_dict({"None": plain, **scores}, orient="index")
    times = pd.DataFrame({"attention": by_fold.index, "fit_time": 1.0})
    table = tabulate(by_fold, times, 0.5, confidence)
    return table, summarize(table, by_fold, 0.5, scoring, confidence)


def constant(**gains):
    return {name: [gain] * 3 for name, gain in gains.items()}


# The test


def test_the_corrected_t_test_is_what_it_is_by_hand():
    mean, error, p_value = corrected_t_test(np.array([1.0, 2.0, 3.0]), ratio=0.5)
    assert mean == 2
    assert error == pytest.approx(np.sqrt((1 / 3 + 1 / 2) * 1))
    # With 2 degrees of freedom P(|T| > t) = 1 - t / sqrt(2 + t²), and t² = 4 / (5 / 6) = 4.8.
    assert p_value == pytest.approx(1 - np.sqrt(4.8 / 6.8))


def test_without_overlap_the_corrected_t_test_is_scipys():
    differences = np.random.default_rng(0).normal(0.5, size=7)
    mean, error, p_value = corrected_t_test(differences, ratio=0)
    expected = ttest_1samp(differences, 0)
    assert mean / error == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue)


def test_differences_that_do_not_vary_are_certain():
    assert corrected_t_test(np.zeros(3), 0.5) == (0, 0, 1)
    assert corrected_t_test(np.full(3, -2.0), 0.5) == (-2, 0, 0)


# The table


def test_mean_and_deviation_are_those_over_the_folds_as_in_scikit_learn():
    table, _ = judge([0, 1, 2], dot=[3, 4, 8])
    assert table["mean_score"].tolist() == [1, 5]
    np.testing.assert_allclose(table["std_score"], [np.std([0, 1, 2]), np.std([3, 4, 8])])
    assert table["difference"].tolist() == [0, 4]
    assert table.index.name == "attention"


def test_the_fit_time_is_the_mean_over_all_fits_of_an_attention():
    by_fold = pd.DataFrame([ZEROS, ZEROS], ["None", "dot"])
    times = pd.DataFrame({"attention": ["None", "dot", "dot", "None"], "fit_time": [1, 5, 7, 2]})
    assert tabulate(by_fold, times, 0.5, 0.95)["mean_fit_time"].tolist() == [1.5, 6]


@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_intervals_and_p_values_are_corrected_for_overlap_and_the_number_of_comparisons(confidence):
    rng = np.random.default_rng(0)
    plain, mean, dot = rng.normal([[0], [1], [3]], size=(3, 3))
    table, _ = judge(plain, mean=mean, dot=dot, confidence=confidence)
    for name, differences in (("mean", mean - plain), ("dot", dot - plain)):
        row = table.loc[name]
        assert row["difference"] == pytest.approx(differences.mean())
        # Of three folds a third tests: the variance is (1/3 + 1/2) s² and not 1/3 s².
        error = np.sqrt(5 / 6) * differences.std(ddof=1)
        tails = 2 * student.sf(abs(differences.mean()) / error, df=2)
        assert row["p_value"] == pytest.approx(min(1, 2 * tails))
        half = error * student.ppf(1 - (1 - confidence) / 2 / 2, df=2)
        assert row["interval_low"] == pytest.approx(differences.mean() - half)
        assert row["interval_high"] == pytest.approx(differences.mean() + half)
        assert (row["verdict"] != NOTHING) == (row["p_value"] < 1 - confidence)


def test_the_plain_lstm_is_not_compared_with_itself():
    table, _ = judge(ZEROS, **constant(dot=1))
    assert table.loc["None"].tolist()[3:] == [0, 0, 0, 1, ""]


def test_verdicts_follow_from_the_interval():
    table, _ = judge(ZEROS, **constant(mean=1, dot=-1), general=[3, -3, 0.3])
    assert table["verdict"].tolist() == ["", "helped", "hurt", NOTHING]


# The sentence


def test_the_sentence_says_that_attention_helped():
    assert judge(ZEROS, **constant(dot=0.5, additive=0.25))[1] == (
        "Attention helped. With 'dot' the R² is 0.5, with the plain LSTM 0: difference "
        "0.5 (95% interval 0.5 to 0.5)."
    )


def test_the_sentence_says_that_even_the_best_hurt():
    assert judge(ZEROS, **constant(dot=-1, additive=-2))[1] == (
        "Attention hurt. With 'dot' the R² is -1, with the plain LSTM 0: difference -1 "
        "(95% interval -1 to -1)."
    )


def test_the_sentence_says_that_nothing_is_shown():
    table, summary = judge(ZEROS, dot=[3, -3, 0.3], confidence=0.9)
    low, high = table.loc["dot", ["interval_low", "interval_high"]]
    assert summary == (
        "Attention made no difference that these data can show. With 'dot' the R² is "
        f"0.1, with the plain LSTM 0: difference 0.1 (90% interval {low:.3g} to {high:.3g})."
    )


def test_of_an_error_less_is_better():
    table, summary = judge([-2] * 3, RMSE, **constant(dot=-1, general=-3))
    assert table["verdict"].tolist() == ["", "helped", "hurt"]
    assert summary == (
        "Attention helped. With 'dot' the root mean squared error is 1, with the plain "
        "LSTM 2: difference -1 (95% interval -1 to -1)."
    )


def test_an_attention_that_helped_is_not_hidden_by_one_that_is_higher_but_undecided():
    table, summary = judge([0] * 4, dot=[2, -1, 2, -1], additive=[0.4] * 4)
    assert table["verdict"].tolist() == ["", NOTHING, "helped"]
    assert table["mean_score"].idxmax() == "dot"
    assert summary == (
        "Attention helped. With 'additive' the R² is 0.4, with the plain LSTM 0: "
        "difference 0.4 (95% interval 0.4 to 0.4)."
    )


def test_of_several_that_helped_the_best_is_named():
    summary = judge([0] * 4, dot=[2, -1, 2, -1], additive=[0.3] * 4, general=[0.4] * 4)[1]
    assert summary.startswith("Attention helped. With 'general' the R² is 0.4,")


@pytest.mark.parametrize(
    ("mean", "control", "difference"),
    [
        (0, "It is the looking that helps, more than pooling all steps equally does ('mean')", 1),
        (1, "Pooling all steps equally ('mean') does as well, as far as these data can show", 0),
        (3, "Pooling all steps equally ('mean') does better", -2),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_what_helps_is_compared_with_pooling(mean, control, difference, sign):
    """Of an error, a difference has the other sign; that of zero has none."""
    scores = constant(mean=mean, dot=1, additive=0.5)
    summary = judge(ZEROS, None if sign == 1 else RMSE, **scores)[1]
    assert summary.startswith("Attention helped. With 'dot' the ")
    gap = f"{sign * difference}"
    assert summary.endswith(f" {control}: difference {gap} (95% interval {gap} to {gap}).")


@pytest.mark.parametrize("gains", [{"dot": 1}, {"mean": 1}])
def test_pooling_is_no_control_where_nothing_else_helped_or_it_is_absent(gains):
    assert "Pooling" not in judge(ZEROS, **constant(**gains))[1]


def test_pooling_that_helped_is_told_where_looking_did_not():
    summary = judge(ZEROS, **constant(mean=1, dot=-1))[1]
    assert summary.startswith("Attention hurt. With 'dot' the R² is -1,")
    assert summary.endswith("Pooling all steps equally ('mean') helped.")


def test_pooling_alone_may_be_what_helped():
    summary = judge(ZEROS, **constant(mean=1))[1]
    assert summary.startswith("Attention helped. With 'mean' the R² is 1,")


def test_attention_hurt_only_where_every_learned_one_did():
    undecided = [1, -1, 0.1]
    assert judge(ZEROS, **constant(mean=-1, dot=-1, general=-2))[1].startswith("Attention hurt.")
    assert judge(ZEROS, **constant(mean=1, dot=-1))[1].startswith("Attention hurt.")
    table, summary = judge(ZEROS, **constant(mean=-1, dot=-1), general=undecided)
    assert table["verdict"].tolist() == ["", "hurt", "hurt", NOTHING]
    assert summary.startswith(
        "Attention made no difference that these data can show. With 'general' the R² is 0.0333,"
    )


@pytest.mark.parametrize("name", ["hierarchical", "looks_back"])
def test_a_network_that_differs_in_more_is_not_said_to_help_by_looking(name):
    summary = judge(ZEROS, **constant(mean=0, **{name: 1}))[1]
    assert summary.startswith(f"Attention helped. With '{name}' the R² is 1,")
    assert "the looking" not in summary
    assert summary.endswith(
        " It does better than pooling all steps equally ('mean'), but its network differs in more "
        "than that: difference 1 (95% interval 1 to 1)."
    )


@pytest.mark.parametrize("name", ["dot", "general", "additive"])
def test_a_network_that_differs_only_in_looking_helps_by_looking(name):
    summary = judge(ZEROS, **constant(mean=0, **{name: 1}))[1]
    assert " It is the looking that helps, more than pooling all steps equally does" in summary
