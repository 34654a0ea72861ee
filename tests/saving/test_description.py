"""Descriptions that are not those of a model, in files with a right checksum: all are refused."""

import pytest

from forged_files import forged, good_parts, refusal
from skattn import load
from skattn._saving.description import CLASSES


@pytest.fixture
def good():
    return good_parts().copy()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


NESTED = "[" * 100_000 + "]" * 100_000
PARTS = "parts of its description are missing or unknown"

DESCRIPTIONS = [
    ("", "Expecting value"),
    (NESTED, ""),
    ('{"params": ' + NESTED + "}", ""),
    ("null", PARTS),
    ("[]", PARTS),
    ("{}", PARTS),
    ("9" * 5000, ""),
]


@pytest.mark.parametrize(("text", "told"), DESCRIPTIONS, ids=range(len(DESCRIPTIONS)))
def test_a_description_is_one_object_of_known_parts(path, good, text, told):
    assert told in refusal(path, forged(text, good.arrays))


@pytest.mark.parametrize("part", ["class", "params", "attributes", "feature_names", "numbers"])
def test_no_part_of_a_description_may_be_missing(path, good, part):
    del good.description[part]
    assert PARTS in refusal(path, good.forged())


def test_each_class_has_its_own_name():
    assert all(name == cls.__name__ for name, cls in CLASSES.items())


CONTRADICT = "its attributes contradict each other or its spec"
KERNEL = "'parameters/lstm_1/lstm_cell/kernel' has type F32 and shape [2, 8]"
OTHER_ARRAYS = "its arrays are not those of its network"

#: Where in the description, the value put there, and what the error says.
WRONG = [
    ("class", "Ridge", "its class 'Ridge' is unknown"),
    ("class", "os.system", "its class 'os.system' is unknown"),
    ("class", None, "its class None is unknown"),
    ("class", ["LSTMAttentionRegressor"], "is unknown"),
    ("params", None, "its parameters are not known"),
    ("params", [], "its parameters are not known"),
    ("params.__class__", "os.system", "its parameters are not known"),
    ("params.units", "a", "'units' parameter"),
    ("params.units", -1, "'units' parameter"),
    ("params.units", 2.0, "'units' parameter"),
    ("params.units", None, "'units' parameter"),
    ("params.units", [2], "'units' parameter"),
    ("params.units", {"list": [2]}, "a tuple or a dict is damaged"),
    ("params.units", {"tuple": 2}, "a tuple or a dict is damaged"),
    ("params.units", {}, "a tuple or a dict is damaged"),
    ("params.units", {"dict": [[1, 2, 3]]}, "an item of a dict is damaged"),
    ("params.units", {"dict": [[[1], 2]]}, "a key of a dict is neither text nor a number"),
    ("params.attention", "nonsense", "'attention' parameter"),
    ("params.attention", "os.system", "'attention' parameter"),
    ("params.callbacks", "os.system", "'callbacks' parameter"),
    ("params.random_state", "os.system", "'random_state' parameter"),
    ("params.learning_rate", float("nan"), "'learning_rate' parameter"),
    ("attributes", None, "its attributes are missing or unknown"),
    ("attributes", [], "its attributes are missing or unknown"),
    ("attributes.parameters_", 1, "its attributes are missing or unknown"),
    ("attributes.n_features_in_", 3, CONTRADICT),
    ("attributes.n_outputs_", 2, CONTRADICT),
    ("attributes.n_features_per_step_", 3, CONTRADICT),
    ("attributes._X_ndim", 4, CONTRADICT),
    ("attributes._y_ndim", 3, CONTRADICT),
    ("attributes.n_timesteps_in_", None, "n_timesteps_in_=None is not valid"),
    ("attributes.n_timesteps_in_", 0, "n_timesteps_in_=0 is not valid"),
    ("attributes.n_outputs_", True, "n_outputs_=True is not valid"),
    ("feature_names", ["a"], "names of its features are missing"),
    ("feature_names", ["a", 1], "a name of a feature is no text"),
    ("feature_names", "ab", "its names of features are no list"),
    ("feature_names", {"a": 1, "b": 2}, "its names of features are no list"),
    ("numbers", None, "its numbers are damaged"),
    ("numbers", {}, "its spec is damaged"),
    ("numbers.more", 1, "its numbers are damaged"),
    ("numbers.n_iter", -1, "n_iter=-1 is not valid"),
    ("numbers.n_iter", True, "n_iter=True is not valid"),
    ("numbers.n_iter", None, "n_iter=None is not valid"),
    ("numbers.n_iter", 10**9, "'loss_curve' has type F64 and shape [1], expected F64"),
    ("numbers.best_iter", 2, "best_iter is greater than n_iter"),
    ("numbers.best_loss", 1, "best_loss=1 is not valid"),
    ("numbers.best_loss", float("nan"), "best_loss=nan is not valid"),
    ("numbers.best_loss", float("-inf"), "best_loss=-inf is not valid"),
    ("numbers.n_members", 0, "n_members=0 is not valid"),
    ("numbers.n_members", True, "n_members=True is not valid"),
    ("numbers.n_members", 2, f"{KERNEL}, expected F32 and [2, 2, 8]"),
    ("numbers.n_members", 10**9, f"{KERNEL}, expected F32 and [1000000000, 2, 8]"),
    ("numbers.parameters", None, "parameters=None is not valid"),
    ("numbers.loss_curve", None, "loss_curve=None is not valid"),
    ("numbers.feature_statistics", None, "feature_statistics=None is not valid"),
    ("numbers.target_features", [0], "target_features=[0] is not valid"),
    ("numbers.optimizer_state", {}, "optimizer_state={} is not valid"),
    ("numbers.optimizer_state", None, OTHER_ARRAYS),
    ("numbers.spec", None, "its spec is damaged"),
    ("numbers.spec", {}, "its spec is damaged"),
    ("numbers.spec.more", 1, "its spec is damaged"),
    ("numbers.spec.attention", "nonsense", "attention='nonsense' is not valid"),
    ("numbers.spec.attention", ["additive"], "attention=['additive'] is not valid"),
    ("numbers.spec.attention", "dot", OTHER_ARRAYS),
    ("numbers.spec.head_input", "os.system", "head_input='os.system' is not valid"),
    ("numbers.spec.loss", None, "loss=None is not valid"),
    ("numbers.spec.optimizer", "lion", "optimizer='lion' is not valid"),
    ("numbers.spec.optimizer", "sgd", "'optimizer_state/slots' has type F32 and shape [2, "),
    ("numbers.spec.bidirectional", 0, "bidirectional=0 is not valid"),
    ("numbers.spec.has_dropout", 0.0, "has_dropout=0.0 is not valid"),
    ("numbers.spec.units", True, "units=True is not valid"),
    ("numbers.spec.units", 0, "units=0 is not valid"),
    ("numbers.spec.units", 2.0, "units=2.0 is not valid"),
    ("numbers.spec.units", 10**9, f"{KERNEL}, expected F32 and [2, 4000000000]"),
    ("numbers.spec.units", 10**400, KERNEL),
    ("numbers.spec.units", 10**4299, ""),
    ("numbers.spec.segment_length", 10**9, f"{KERNEL}, expected F32 and [2000000000, 8]"),
    ("numbers.spec.relative", 1, "relative=1 is not valid"),
    ("numbers.spec.relative", True, OTHER_ARRAYS),
    ("numbers.spec.linear_steps", -1, "linear_steps=-1 is not valid"),
    ("numbers.spec.linear_steps", False, "linear_steps=False is not valid"),
    ("numbers.spec.linear_steps", 0.0, "linear_steps=0.0 is not valid"),
    ("numbers.spec.linear_steps", None, "linear_steps=None is not valid"),
    ("numbers.spec.linear_steps", 3, OTHER_ARRAYS),
    ("numbers.spec.linear_steps", 10**400, OTHER_ARRAYS),
    ("numbers.spec.n_layers", 10**9, "it has 1000000000 layers, more than 1000"),
    ("numbers.spec.n_layers", 2, OTHER_ARRAYS),
    ("numbers.spec.n_outputs", 2, CONTRADICT),
    ("numbers.spec.n_features", "2", "n_features='2' is not valid"),
    ("numbers.spec.conv_filters", None, "conv_filters=None is not valid"),
    ("numbers.spec.conv_filters", {"tuple": [0]}, "conv_filters=(0,) is not valid"),
    ("numbers.spec.dense_units", None, "dense_units=None is not valid"),
    ("numbers.spec.dense_units", [5], "dense_units=[5] is not valid"),
    ("numbers.spec.dense_units", {"tuple": [0]}, "dense_units=(0,) is not valid"),
    ("numbers.spec.dense_units", {"tuple": [True]}, "dense_units=(True,) is not valid"),
    ("numbers.spec.dense_units", {"tuple": [1] * 1001}, "it has 1002 layers, more than 1000"),
]


@pytest.mark.parametrize(("place", "value", "told"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_value_anywhere_in_the_description_is_told(path, good, place, value, told):
    *parts, last = place.split(".")
    inner = good.description
    for part in parts:
        inner = inner[part]
    inner[last] = value
    assert told in refusal(path, good.forged())


def test_parameters_that_differ_from_the_network_are_no_damage(path, good):
    """They may be set after the fit, and shape the next one."""
    good.description["params"]["units"] = 7
    path.write_bytes(good.forged())
    assert (load(path).units, load(path).spec_.units) == (7, 2)
