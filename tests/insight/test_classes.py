"""Labels of classes, where models and attention are judged: every shape, rare classes, none."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from skattn import AttentionDisplay, attention_faithfulness, compare_attentions, sequence_importance
from skattn._insight.bootstrap import Draws

QUICK = {"n_repeats": 1, "n_bootstraps": 60, "random_state": 0}


class Reader(ClassifierMixin, BaseEstimator):
    """Says "yes" where step 2 is positive, and looks there."""

    def __init__(self, attention="additive", random_state=None):
        self.attention = attention
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.array(["no", "yes"])
        return self

    def predict_proba(self, X):
        yes = 1 / (1 + np.exp(-4 * X[:, 2, 0]))
        return np.column_stack([1 - yes, yes])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def attention_weights(self, X, level="steps"):
        return np.tile(np.arange(X.shape[1]) == 2, (len(X), 1)).astype("float32")


@pytest.fixture(name="X")
def sequences_of_one_feature():
    return np.random.default_rng(0).normal(size=(40, 5, 1))


@pytest.fixture(name="y")
def answers(X):
    return np.where(X[:, 2, 0] > 0, "yes", "no")


@pytest.fixture
def reader(X, y):
    return Reader().fit(X, y)


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize(
    "container",
    [
        list,
        pd.Categorical,
        lambda y: pd.Series(y, dtype="string"),
        lambda y: y[:, np.newaxis],
        lambda y: pd.DataFrame({"answer": y}),
    ],
    ids=["list", "categories", "nullable", "column", "frame"],
)
def test_labels_may_come_in_any_container(reader, X, y, container):
    given = container(y)
    found = attention_faithfulness(reader, X, given, scoring="neg_log_loss", **QUICK)
    expected = attention_faithfulness(reader, X, y, scoring="neg_log_loss", **QUICK)
    assert found.faithful
    assert found.advantage_interval == expected.advantage_interval
    importance = sequence_importance(reader, X, given, by="timestep", random_state=0)
    assert importance.importances_mean.argmax() == 2
    compared = compare_attentions(reader, X, given, attentions=[None, "additive"], n_seeds=2, cv=2)
    assert compared.scores["score"].eq(1).all()
    display = AttentionDisplay.from_estimator(reader, X, kind="profile", labels=given)
    assert list(display.line_) == ["no", "yes"]


def test_missing_labels_are_an_error_everywhere(reader, X, y):
    y = y.astype(object)
    y[3] = None
    for judge in (
        lambda: attention_faithfulness(reader, X, y, **QUICK),
        lambda: compare_attentions(reader, X, y),
        lambda: AttentionDisplay.from_estimator(reader, X, kind="profile", labels=y),
    ):
        with pytest.raises(ValueError, match="1 labels are missing, the first at sample 3"):
            judge()


def test_the_log_loss_of_one_class_alone_is_scored(reader, X, y):
    yes = y == "yes"
    result = sequence_importance(reader, X[yes], y[yes], by="timestep", scoring="neg_log_loss")
    assert result.baseline == pytest.approx(np.log(reader.predict_proba(X[yes])[:, 1]).mean())


def test_a_label_of_no_class_is_a_miss():
    y, probabilities = np.array([[1.0, 0.0], [0.0, 0.0]]), np.full((1, 1, 2, 2), [0.9, 0.1])
    draws = Draws(np.array([[0, 1], [1, 1], [0, 0]]), None, of_classes=True)
    assert draws.losses("accuracy", y, probabilities).tolist() == [[0.5, 1, 0]]


def test_a_draw_without_a_finite_score_is_an_error(reader, X, y):
    alone = np.where(np.arange(40) == 0, "yes", "no")
    with (
        pytest.warns(match="Only one class is present"),
        pytest.raises(ValueError, match="score is not finite on samples drawn with replacement"),
    ):
        attention_faithfulness(reader, X, alone, scoring="roc_auc", **QUICK)
    with pytest.raises(ValueError, match="score is not finite on samples drawn with replacement"):
        attention_faithfulness(reader, X, y, np.eye(40)[0], **QUICK)


def test_labels_of_which_none_is_known_are_an_error(reader, X, y):
    for explain in (attention_faithfulness, sequence_importance):
        with pytest.raises(
            ValueError, match=r"y holds \['NO', 'YES'\], and the classes are \['no'"
        ):
            explain(reader, X, np.char.upper(y))


def test_a_score_is_named_as_what_it_is(reader, X, y):
    assert sequence_importance(reader, X, y).scoring == "accuracy"
    result = attention_faithfulness(reader, X, y, **QUICK)
    assert result.scoring == "accuracy"
    assert "accuracy" in result.summary


def test_importance_that_is_not_finite_is_an_error(reader, X, y):
    yes = y == "yes"
    with (
        pytest.warns(match="Only one class is present"),
        pytest.raises(ValueError, match="score is not finite on samples in which parts"),
    ):
        sequence_importance(reader, X[yes], y[yes], scoring="roc_auc", n_repeats=1)


@pytest.mark.parametrize("explain", [attention_faithfulness, sequence_importance])
@pytest.mark.parametrize(
    ("weights", "text"), [(np.ones(5), "expected"), (np.r_[-1, np.ones(39)], "negative value")]
)
def test_weights_are_checked_as_in_fit(reader, X, y, explain, weights, text):
    with pytest.raises(ValueError, match=f"sample_weight .*{text}"):
        explain(reader, X, y, weights)
