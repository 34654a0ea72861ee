"""Numbers in two parts, data and arrays: what each has to hold."""

from dataclasses import fields

import numpy as np
import pytest

from forged_files import good_parts, refusal
from skattn import load
from skattn._saving.data_and_arrays import N_SLOTS, expected_arrays, join, parse_data, split
from skattn._training.numbers import Numbers


@pytest.fixture
def good():
    return good_parts().copy()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def numbers_in(parts):
    """Return the `Numbers` of the parts of a file."""
    return join(parse_data(parts.description["numbers"]), parts.arrays)


def test_each_field_of_numbers_is_in_the_data_or_in_the_arrays(good):
    data, arrays = split(numbers_in(good))
    in_arrays = {name.split("/")[0] for name in arrays}
    assert set(data) | in_arrays == {field.name for field in fields(Numbers)}
    assert set(data).isdisjoint(in_arrays)
    assert {name for name, value in data.items() if value is None} == {
        "line",
        "residual_variance",
        "target_features",
        "validation_loss_curve",
    }


def test_expected_arrays_are_those_of_a_file_by_name_type_and_shape(good):
    kinds = {"float32": "F32", "float64": "F64", "int64": "I64"}
    found = {name: (kinds[str(a.dtype)], a.shape) for name, a in good.arrays.items()}
    assert expected_arrays(parse_data(good.description["numbers"])) == found


def test_arrays_of_a_network_by_hand(good):
    """Two features, two units: 4 gates; additive attention; the head reads [query; context]."""
    parameters = {"2 x 8", "8", "2 x 2", "2", "2 x 1", "4 x 1", "1"}
    found = [a.shape for n, a in good.arrays.items() if n.startswith("parameters/")]
    assert {" x ".join(map(str, shape)) for shape in found} == parameters
    n_trained = 16 + 16 + 8 + 4 + 4 + 2 + 2 + 4 + 1
    assert good.arrays["optimizer_state/n_steps"].shape == ()
    assert good.arrays["optimizer_state/moved"].shape == (n_trained,)
    assert good.arrays["optimizer_state/slots"].shape == (2, n_trained)


def test_members_lie_along_a_leading_axis_and_the_gain_is_not_trained(good):
    data = parse_data(good.description["numbers"])
    one = expected_arrays(data)
    of_three = expected_arrays(data | {"n_members": 3})
    for name, (kind, shape) in one.items():
        per_network = name.startswith(("parameters/", "optimizer_state/"))
        assert of_three[name] == (kind, (3, *shape) if per_network else shape)
    spec = type(data["spec"])(**vars(data["spec"]) | {"relative": True})
    relative = expected_arrays(data | {"spec": spec})
    assert relative["parameters/relative_steps/gain"] == ("F32", (2,))
    # The head reads the level, two numbers more; nothing else is trained in addition.
    assert relative["optimizer_state/moved"][1][0] == one["optimizer_state/moved"][1][0] + 2


def test_the_number_of_slots_is_that_of_the_optimizers():
    from skattn._programs.optimizer import OPTIMIZERS

    assert {name: optimizer.n_slots for name, optimizer in OPTIMIZERS.items()} == N_SLOTS


# Arrays that are not those of a model, in files with a right checksum

KERNEL, SCALE = "parameters/output/kernel", "feature_statistics/scale"
STEPS = "optimizer_state/n_steps"
OTHER_NAMES = "its arrays are not those of its network"

WRONG = [
    ({"more": np.zeros(1)}, OTHER_NAMES),
    ({"../../x": np.zeros(1)}, OTHER_NAMES),
    ({KERNEL: None}, OTHER_NAMES),
    ({KERNEL: None, "../../x": np.zeros((4, 1), "float32")}, OTHER_NAMES),
    ({KERNEL: np.zeros((4, 1))}, "type F64 and shape [4, 1], expected F32 and [4, 1]"),
    ({KERNEL: np.zeros((4, 1), "float16")}, "type F16 and shape [4, 1], expected F32"),
    ({KERNEL: np.zeros((1, 4), "float32")}, "shape [1, 4], expected F32 and [4, 1]"),
    ({KERNEL: np.zeros(4, "float32")}, "shape [4], expected F32 and [4, 1]"),
    ({KERNEL: np.full((4, 1), np.nan, "float32")}, f"{KERNEL!r} is not finite"),
    ({KERNEL: np.full((4, 1), np.inf, "float32")}, f"{KERNEL!r} is not finite"),
    ({SCALE: np.array([1.0, 0.0])}, f"{SCALE!r} is not positive"),
    ({SCALE: np.array([1.0, -1.0])}, f"{SCALE!r} is not positive"),
    ({SCALE: np.array([1.0, np.inf])}, f"{SCALE!r} is not finite"),
    ({"loss_curve": np.array([np.nan])}, "'loss_curve' is not finite"),
    ({"loss_curve": np.zeros(2)}, "'loss_curve' has type F64 and shape [2]"),
    ({"validation_loss_curve": np.zeros(1)}, OTHER_NAMES),
    ({"target_features": np.zeros(1, "int64")}, OTHER_NAMES),
    ({STEPS: None}, OTHER_NAMES),
    ({STEPS: np.float32(3)}, "type F32 and shape [], expected I64 and []"),
    ({STEPS: np.array([3])}, "type I64 and shape [1], expected I64 and []"),
    ({"optimizer_state/moved": np.zeros(56, "float32")}, "shape [56], expected F32 and [57]"),
    ({"optimizer_state/moved": np.full(57, np.nan, "float32")}, "moved' is not finite"),
    ({"optimizer_state/slots": np.zeros((1, 57), "float32")}, "expected F32 and [2, 57]"),
    ({"optimizer_state/2": np.zeros(57, "float32")}, OTHER_NAMES),
]


@pytest.mark.parametrize(("changes", "told"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_array_is_told(path, good, changes, told):
    changed = {**good.arrays, **changes}
    good.arrays = {name: np.asarray(a) for name, a in changed.items() if a is not None}
    assert told in refusal(path, good.forged())


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ([2], "its target_features are not features of its steps"),
        ([-1], "its target_features are not features of its steps"),
        ([0, 0], "'target_features' has type I64 and shape [2], expected I64 and [1]"),
        ([], "'target_features' has type I64 and shape [0], expected I64 and [1]"),
        ([0.0], "'target_features' has type F64 and shape [1], expected I64 and [1]"),
    ],
)
def test_target_features_are_one_feature_for_each_output(path, good, features, told):
    del good.description["numbers"]["target_features"]
    good.arrays["target_features"] = np.array(features, "int64" if features != [0.0] else None)
    assert told in refusal(path, good.forged())


@pytest.mark.parametrize(
    ("variance", "told"),
    [
        ([-1.0], "its residual_variance is negative"),
        ([np.nan], "'residual_variance' is not finite"),
        ([1.0, 1.0], "'residual_variance' has type F64 and shape [2], expected F64 and [1]"),
        (None, OTHER_NAMES),
    ],
)
def test_the_residual_variance_is_no_square_of_an_error(path, good, variance, told):
    del good.description["numbers"]["residual_variance"]
    if variance is not None:
        good.arrays["residual_variance"] = np.array(variance)
    assert told in refusal(path, good.forged())


def test_validation_losses_alone_may_be_missing_epoch_by_epoch(path, good):
    del good.description["numbers"]["validation_loss_curve"]
    good.arrays["validation_loss_curve"] = np.array([np.nan])
    path.write_bytes(good.forged())
    assert np.isnan(load(path).validation_loss_curve_).tolist() == [True]
