"""Files that are no model, or damaged, or made to harm: each is refused, by one kind of error."""

import io
import json
import os
import pickle
import re
import subprocess
import sys
import tracemalloc
import zipfile
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import save as to_bytes

from skattn import LSTMAttentionRegressor, ModelFileError, load, save
from skattn._saving.file_format import _digest

X = np.random.default_rng(0).normal(size=(8, 3, 2))


@dataclass
class Parts:
    """What a good file holds, to make others of."""

    content: bytes
    description: dict
    tensors: dict


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "model.safetensors"
    params = {"units": 2, "epochs": 1, "warm_start": True, "random_state": 0}
    model = LSTMAttentionRegressor(optimizer="adam", **params)
    save(model.fit(X, X[:, 1, 0]), path)
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        description = json.loads(file.metadata()["estimator"])
    return Parts(path.read_bytes(), description, tensors)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def forged(description, tensors, **metadata):
    """Return a file with a right checksum, whatever it says."""
    text = description if isinstance(description, str) else json.dumps(description)
    said = {"format": "skattn", "version": "2", "estimator": text}
    return to_bytes(tensors, {**said, "sha256": _digest(tensors, text), **metadata})


def refusal(path, content):
    """Return the text with which a file is refused; it names the file."""
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{os.fspath(path)!r} cannot be loaded as a model of skattn: ")
    assert text.endswith(". Was it written by skattn.save, and copied whole?")
    assert ".." not in text
    return text


def begin_of_data(content):
    return 8 + int.from_bytes(content[:8], "little")


def parts_of(content):
    """Return header and data; the order of the keys in a header means nothing."""
    begin = begin_of_data(content)
    return json.loads(content[8:begin]), content[begin:]


def without_optimizer(good):
    """Return the smaller description and arrays of a model that was not warm-started."""
    tensors = {name: value for name, value in good.tensors.items() if "optimizer" not in name}
    return {**good.description, "optimizer": None}, tensors


def test_the_forger_makes_a_file_that_loads(path, good):
    path.write_bytes(forged(good.description, good.tensors))
    save(load(path), path)
    assert parts_of(path.read_bytes()) == parts_of(good.content)


# No such file, and files of others


def test_where_there_is_no_file_the_error_is_that_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file"):
        load(tmp_path / "model")
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        load(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="devices of POSIX")
def test_a_device_is_no_file():
    with pytest.raises(ModelFileError, match=r"'/dev/zero' .*: it is not a regular file\. Was it"):
        load("/dev/zero")


def zipped():
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        archive.writestr("model", "text" * 100)
        return archive.fp.getvalue()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "it has 0 bytes"),
        (b"1234567", "it has 7 bytes"),
        (bytes(8), "header"),
        (b"\0" * 7 + b"\1" + b"text", "its header claims 72057594037927936 bytes"),
        (b"no model but text", "its header claims"),
        (pickle.dumps(X), "its header claims"),
        (zipped(), "its header claims"),
        ((2**22 + 1).to_bytes(8, "little") + bytes(2**22 + 1), "its header claims 4194305 bytes"),
        ((93).to_bytes(8, "little") + bytes(92), "its header claims 93 bytes"),
        ((2**64 - 1).to_bytes(8, "little"), "its header claims 18446744073709551615 bytes"),
        (to_bytes({"weight": X}), "it does not say that it is one"),
        (to_bytes({"weight": X}, {"format": "pt"}), "it does not say that it is one"),
    ],
    ids=[
        "empty",
        "7",
        "0s",
        "2**56",
        "text",
        "pickle",
        "zip",
        "long",
        "longer",
        "2**64",
        "plain",
        "torch",
    ],
)
def test_files_of_others_are_refused(path, content, text):
    assert text in refusal(path, content)


def test_an_unknown_version_is_named_beside_the_known_one(path, good):
    text = refusal(path, forged(good.description, good.tensors, version="3"))
    assert "its format has version '3', and this version of skattn reads '2'; a newer" in text


def test_metadata_are_those_that_save_writes(path, good):
    text = refusal(path, forged(good.description, good.tensors, more=""))
    assert "its metadata are not those of a model" in text


# Headers that are not JSON, or not those of a model


def with_header(header):
    """Return a file of nothing but a header."""
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    "header",
    [b"{", b"text", b"{'a': 1}", b"\xff\xfe\xff", b'{"a": 1} {}', b"9" * 5000],
    ids=["cut off", "text", "quotes", "no text", "two", "digits"],
)
def test_a_header_that_is_no_json_is_damaged(path, header):
    text = refusal(path, with_header(header))
    assert re.search(r"skattn: its header is damaged \(.+\)\. Was it", text)


@pytest.mark.parametrize("header", [b"null", b"[]", b"3", b'{"__metadata__": []}', b"{}"])
def test_a_header_of_other_json_is_not_that_of_a_model(path, header):
    assert "it does not say that it is one" in refusal(path, with_header(header))


def test_a_header_nested_without_end_is_refused(path):
    refusal(path, with_header(b"[" * 100_000 + b"]" * 100_000))


# Damage


@pytest.mark.slow
def test_a_file_cut_off_anywhere_is_refused(path, good):
    for size in range(0, len(good.content), 97):
        refusal(path, good.content[:size])
    refusal(path, good.content[:-1])
    refusal(path, good.content + b"\0")


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.slow
def test_a_header_with_any_byte_flipped_is_refused_or_says_the_same(path, good):
    content = forged(*without_optimizer(good))
    for place in range(begin_of_data(content)):
        path.write_bytes(flipped(content, place))
        try:
            loaded, text = load(path), ""
        except ModelFileError as error:
            loaded, text = None, str(error)
        if loaded is None:
            assert repr(os.fspath(path)) in text
        else:
            save(loaded, path)
            assert parts_of(path.read_bytes()) == parts_of(content)


@pytest.mark.slow
def test_data_with_a_byte_flipped_are_told_by_their_checksum(path, good):
    for place in range(begin_of_data(good.content), len(good.content), 13):
        assert "its checksum does not fit" in refusal(path, flipped(good.content, place))


# Descriptions that are not those of a model, with a right checksum

NESTED = "[" * 100_000 + "]" * 100_000

DESCRIPTIONS = [
    ("", "Expecting value"),
    (NESTED, ""),
    ('{"params": ' + NESTED + "}", ""),
    ("null", "parts are missing"),
    ("[]", "parts are missing"),
    ("{}", "parts are missing"),
    ("9" * 5000, ""),
]


@pytest.mark.parametrize(("text", "told"), DESCRIPTIONS, ids=range(len(DESCRIPTIONS)))
def test_a_description_is_one_object_of_known_parts(path, good, text, told):
    assert told in refusal(path, forged(text, good.tensors))


#: Where in the description, what stands there, and what the error says.
WRONG = [
    ("params", None, "its parameters are not known"),
    ("params", [], "its parameters are not known"),
    ("params.__class__", "os.system", "its parameters are not known"),
    ("params.units", "a", "'units' parameter"),
    ("params.units", -1, "'units' parameter"),
    ("params.units", 2.0, "'units' parameter"),
    ("params.units", None, "'units' parameter"),
    ("params.units", [2], "'units' parameter"),
    ("params.units", {"list": [2]}, "a tuple is damaged"),
    ("params.units", {"tuple": 2}, "a tuple is damaged"),
    ("params.attention", "nonsense", "'attention' parameter"),
    ("params.attention", "os.system", "'attention' parameter"),
    ("params.callbacks", "os.system", "'callbacks' parameter"),
    ("params.random_state", "os.system", "'random_state' parameter"),
    ("params.learning_rate", float("nan"), "'learning_rate' parameter"),
    ("spec", None, "spec is damaged"),
    ("spec", {}, "spec is damaged"),
    ("spec.more", 1, "spec is damaged"),
    ("spec.attention", "nonsense", "attention='nonsense' is unknown"),
    ("spec.attention", ["additive"], "is unknown"),
    ("spec.head_input", "os.system", "head_input='os.system' is unknown"),
    ("spec.loss", None, "loss=None is unknown"),
    ("spec.optimizer", "lion", "optimizer='lion' is unknown"),
    ("spec.bidirectional", 0, "bidirectional=0 is unknown"),
    ("spec.dropout", 0.0, "dropout=0.0 is unknown"),
    ("spec.units", True, "units=True is not positive"),
    ("spec.units", 0, "units=0 is not positive"),
    ("spec.units", 2.0, "units=2.0 is not positive"),
    ("spec.units", 10**9, "its optimizer does not fit"),
    ("spec.units", 10**400, "its optimizer does not fit"),
    ("spec.units", 10**4299, ""),
    ("spec.segment_length", 10**9, "its optimizer does not fit"),
    ("spec.relative", 1, "relative=1 is unknown"),
    ("spec.relative", True, "its optimizer does not fit"),
    ("spec.linear_steps", -1, "linear_steps=-1 is not positive"),
    ("spec.linear_steps", False, "linear_steps=False is not positive"),
    ("spec.linear_steps", 0.0, "linear_steps=0.0 is not positive"),
    ("spec.linear_steps", None, "linear_steps=None is not positive"),
    ("spec.linear_steps", 3, "its optimizer does not fit"),
    ("spec.linear_steps", 10**400, "its optimizer does not fit"),
    ("spec.n_layers", 10**9, "too many layers"),
    ("spec.n_layers", 2, "its optimizer does not fit"),
    ("spec.n_outputs", 2, "its numbers contradict each other"),
    ("spec.n_features", "2", "n_features='2' is not positive"),
    ("spec.dense_units", None, "no list of integers"),
    ("spec.dense_units", 5, "no list of integers"),
    ("spec.dense_units", [0], "not positive"),
    ("spec.dense_units", [True], "no list of integers"),
    ("spec.dense_units", [1] * 1001, "too many layers"),
    ("numbers", None, "numbers are missing"),
    ("numbers", {}, "numbers are missing"),
    ("numbers.more", 1, "numbers are missing"),
    ("numbers.n_iter_", -1, "n_iter_=-1 is not valid"),
    ("numbers.n_iter_", True, "n_iter_=True is not valid"),
    ("numbers.n_iter_", 10**9, "'history/loss' has type F64 and shape [1]"),
    ("numbers.best_iter_", 2, "contradict"),
    ("numbers.best_loss_", 1, "best_loss_=1 is not valid"),
    ("numbers.best_loss_", float("nan"), "best_loss_=nan is not valid"),
    ("numbers.best_loss_", float("-inf"), "best_loss_=-inf is not valid"),
    ("numbers.n_features_in_", 3, "contradict"),
    ("numbers.n_outputs_", 2, "contradict"),
    ("numbers.n_members_", 0, "n_members_=0 is not valid"),
    ("numbers.n_members_", True, "n_members_=True is not valid"),
    ("numbers.n_members_", 2, "its optimizer does not fit"),
    ("numbers.n_members_", 10**9, "its optimizer does not fit"),
    ("numbers._X_ndim", 2, "contradict"),
    ("numbers._X_ndim", 4, "contradict"),
    ("numbers._y_ndim", 3, "contradict"),
    ("numbers.n_timesteps_in_", None, "n_timesteps_in_=None is not valid"),
    ("feature_names", ["a"], "names are missing"),
    ("feature_names", ["a", 1], "no list of text"),
    ("feature_names", "ab", "no list of text"),
    ("feature_names", {"a": 1, "b": 2}, "no list of text"),
    ("target_features", [2], "its target_features are not those of its outputs"),
    ("target_features", [-1], "its target_features are not those of its outputs"),
    ("target_features", [0, 0], "its target_features are not those of its outputs"),
    ("target_features", [], "its target_features are not those of its outputs"),
    ("target_features", [True], "its target_features are not those of its outputs"),
    ("target_features", 0, "its target_features are not those of its outputs"),
    ("target_features", "0", "its target_features are not those of its outputs"),
    ("has_validation", 0, "has_validation is not a bool"),
    ("has_validation", True, "'history/val_loss' has type F64 and shape [0]"),
    ("optimizer", None, "its arrays are not those of its network"),
    ("optimizer", "adam", "its optimizer is damaged"),
    ("optimizer", [], "its optimizer does not fit"),
    ("optimizer.0", None, "its optimizer is damaged"),
    ("optimizer.0", ["int64", [], 1], "its optimizer is damaged"),
    ("optimizer.0", ["object", []], "its optimizer has unknown types"),
    ("optimizer.0", ["int64", [10**9]], "its optimizer does not fit"),
    ("optimizer.0", ["int64", [False]], "its optimizer is damaged"),
    ("optimizer.0", ["float32", []], "its optimizer does not fit"),
]


@pytest.mark.parametrize(("place", "value", "told"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_value_anywhere_in_the_description_is_told(path, good, place, value, told):
    description = deepcopy(good.description)
    *parts, last = (int(part) if part.isdigit() else part for part in place.split("."))
    inner = description
    for part in parts:
        inner = inner[part]
    inner[last] = value
    assert told in refusal(path, forged(description, good.tensors))


@pytest.mark.parametrize(
    "part",
    [
        "params",
        "spec",
        "numbers",
        "feature_names",
        "target_features",
        "has_validation",
        "optimizer",
    ],
)
def test_no_part_of_the_description_may_be_missing(path, good, part):
    description = {name: value for name, value in good.description.items() if name != part}
    assert "parts are missing" in refusal(path, forged(description, good.tensors))


# Optimizers that are not those of the network, with a right checksum


def entries_of(good):
    """Return the entries of the good file's optimizer, a copy."""
    return deepcopy(good.description["optimizer"])


def optimizer_forged(good, entries):
    """Return a file whose optimizer has these entries, and arrays of zeros as they say."""
    description, tensors = without_optimizer(good)
    for place, (kind, shape) in enumerate(entries):
        tensors[f"optimizer/{place}"] = np.zeros(shape, kind)
    return forged({**description, "optimizer": entries}, tensors)


def test_the_optimizer_of_adam_has_two_counters_two_arrays_for_each_parameter_and_what_it_moves(
    path, good
):
    shapes = [list(v.shape) for n, v in good.tensors.items() if n.startswith("parameters/")]
    slots = [["float32", shape] for shape in shapes] * 3
    assert sorted(entries_of(good)) == sorted([["int64", []], ["float32", []], *slots])
    path.write_bytes(optimizer_forged(good, entries_of(good)))
    assert len(load(path)._optimizer_state) == 2 + 3 * len(shapes)


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: [],
        lambda entries: [*entries, ["float32", []]],
        lambda entries: [*entries, entries[-1]],
        lambda entries: entries[:-1],
        lambda entries: [["float32", [2]] for _ in entries],
        lambda entries: [[kind, shape[::-1]] for kind, shape in entries],
    ],
    ids=["empty", "a counter more", "an array more", "one less", "all alike", "transposed"],
)
def test_an_optimizer_that_does_not_fit_the_network_is_told(path, good, change):
    content = optimizer_forged(good, change(entries_of(good)))
    assert "its optimizer does not fit" in refusal(path, content)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adamw"])
def test_an_optimizer_of_another_name_needs_other_arrays(path, good, optimizer):
    description = deepcopy(good.description)
    description["spec"]["optimizer"] = optimizer
    if optimizer == "adamw":  # keeps what Adam keeps
        path.write_bytes(forged(description, good.tensors))
        assert load(path).spec_.optimizer == "adamw"
    else:
        text = refusal(path, forged(description, good.tensors))
        assert "its optimizer does not fit" in text


# Arrays that are not those of a model, with a right checksum

KERNEL, SCALE = "parameters/output/kernel", "feature_statistics_/scale"
OTHER_NAMES = "its arrays are not those of its network"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
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
        ({SCALE: np.array([1.0, 0.0])}, "the scale of 'feature_statistics_' is not positive"),
        ({SCALE: np.array([1.0, -1.0])}, "the scale of 'feature_statistics_' is not positive"),
        ({SCALE: np.array([1.0, np.inf])}, f"{SCALE!r} is not finite"),
        ({"history/loss": np.array([np.nan])}, "'history/loss' is not finite"),
        ({"history/loss": np.zeros(2)}, "'history/loss' has type F64 and shape [2]"),
        ({"optimizer/1": None}, OTHER_NAMES),
        ({"optimizer/1": np.float32([np.nan]).reshape(())}, "'optimizer/1' is not finite"),
    ],
)
def test_a_wrong_array_is_told(path, good, changes, told):
    changed = {**good.tensors, **changes}
    tensors = {name: value for name, value in changed.items() if value is not None}
    assert told in refusal(path, forged(good.description, tensors))


# What a file cannot make this process do


@pytest.mark.parametrize("units", [10**9, 10**400])
def test_sizes_that_a_file_claims_take_no_memory(path, good, units):
    description, tensors = without_optimizer(good)
    content = forged({**description, "spec": {**description["spec"], "units": units}}, tensors)
    tracemalloc.start()
    try:
        assert f"expected F32 and [2, {4 * units}]" in refusal(path, content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10e6


WATCHED = """
import os
import sys
from skattn import ModelFileError, load

FORBIDDEN = {"exec", "compile", "import", "pickle.find_class", "os.system", "subprocess.Popen",
             "os.exec", "os.posix_spawn", "os.fork", "ctypes.dlopen", "socket.connect",
             "marshal.loads"}
seen, written, watching = [], [], False

def watch(event, arguments):
    if watching and event in FORBIDDEN:
        seen.append(event)
    if watching and event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        written.append(arguments)

load(sys.argv[1])
sys.addaudithook(watch)
for path in sys.argv[1:]:
    watching = True
    try:
        load(path)
        outcome = "loaded"
    except ModelFileError:
        outcome = "refused"
    watching = False
    print(outcome, seen, written)
watching = True
exec("pass")
print(seen)
"""


@pytest.mark.slow
def test_loading_runs_imports_and_writes_nothing(tmp_path, good):
    bad = deepcopy(good.description)
    bad["params"]["attention"] = "__import__('os').system('true')"
    contents = [
        good.content,
        forged(bad, good.tensors),
        forged(good.description, {**good.tensors, "os": X}),
        pickle.dumps(X),
    ]
    paths = [tmp_path / str(place) for place in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    command = [sys.executable, "-c", WATCHED, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *outcomes, proof = done.stdout.splitlines()
    assert outcomes == ["loaded [] []"] + ["refused [] []"] * 3
    assert "exec" in proof  # the watch was on


def test_a_loaded_model_shares_no_memory_with_the_file(path, good):
    path.write_bytes(good.content)
    loaded = load(path)
    before = {name: value.copy() for name, value in loaded.parameters_.items()}
    with open(path, "r+b") as file:
        file.write(bytes(len(good.content)))
    for name, value in loaded.parameters_.items():
        assert_array_equal(value, before[name])
