"""Files that are no model, or damaged, or made to harm: each is refused, by one kind of error."""

import io
import os
import pickle
import re
import subprocess
import sys
import tracemalloc
import zipfile

import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import save as to_bytes

from forged_files import X, good_parts, refusal
from skattn import ModelFileError, load, save


@pytest.fixture
def good():
    return good_parts().copy()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def in_file(path):
    """Return metadata and arrays of a file, as safetensors reads them."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return file.metadata(), arrays


def assert_says_the_same(path, content):
    """Assert that a file holds what other bytes hold."""
    metadata, arrays = in_file(path)
    path.write_bytes(content)
    assert in_file(path)[0] == metadata
    for name, array in in_file(path)[1].items():
        assert_array_equal(arrays[name], array, strict=True)


def begin_of_data(content):
    return 8 + int.from_bytes(content[:8], "little")


def test_the_forger_makes_a_file_that_loads(path, good):
    path.write_bytes(good.forged())
    save(load(path), path)
    assert_says_the_same(path, good.content)


# No such file, and files of others


@pytest.mark.parametrize("name", ["model", "", "no/such/folder"])
def test_where_there_is_no_file_the_error_names_the_path(tmp_path, name):
    path = str(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=re.escape(f"{path!r} is not a file, or does not")):
        load(path)


@pytest.mark.skipif(os.name != "posix", reason="devices and pipes of POSIX")
def test_devices_and_pipes_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    for path in ("/dev/zero", str(tmp_path / "pipe")):
        with pytest.raises(FileNotFoundError, match=f"'{path}' is not a file"):
            load(path)


def zipped():
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        archive.writestr("model", "text" * 100)
        return archive.fp.getvalue()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "header too small"),
        (b"1234567", "limit is 4194304"),
        (bytes(8), "invalid JSON in header"),
        (b"\0" * 7 + b"\1" + b"text", "its header claims 72057594037927936 bytes"),
        (b"no model but text", "its header claims"),
        (pickle.dumps(X), "its header claims"),
        (zipped(), "its header claims"),
        ((2**22 + 1).to_bytes(8, "little") + bytes(2**22 + 1), "its header claims 4194305 bytes"),
        ((93).to_bytes(8, "little") + bytes(92), "invalid header length"),
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


@pytest.mark.parametrize("version", ["0", "2", "1.0", ""])
def test_an_unknown_version_is_named_beside_the_known_one(path, good, version):
    text = refusal(path, good.forged(version=version))
    assert f"its format has version {version!r}, and this version of skattn reads '1'; a" in text


@pytest.mark.parametrize("metadata", [{"more": ""}, {"format": "skattn2"}])
def test_metadata_are_those_that_save_writes(path, good, metadata):
    told = "its metadata are not those" if "more" in metadata else "it does not say that it is one"
    assert told in refusal(path, good.forged(**metadata))


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
    assert "skattn: Error while deserializing header: " in refusal(path, with_header(header))


@pytest.mark.parametrize("header", [b"null", b"[]", b"3", b'{"__metadata__": []}', b"{}"])
def test_a_header_of_other_json_is_not_that_of_a_model(path, header):
    told = "it does not say that it is one" if header == b"{}" else "deserializing header"
    assert told in refusal(path, with_header(header))


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
    content = good.without_optimizer().forged()
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
            assert_says_the_same(path, content)


@pytest.mark.slow
def test_data_with_a_byte_flipped_are_told_by_their_checksum(path, good):
    for place in range(begin_of_data(good.content), len(good.content), 13):
        assert "its checksum does not fit" in refusal(path, flipped(good.content, place))


# What a file cannot make this process do


@pytest.mark.parametrize("units", [10**9, 10**400])
def test_sizes_that_a_file_claims_take_no_memory(path, good, units):
    good.description["numbers"]["spec"]["units"] = units
    content = good.forged()
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
    attention, name, array = good.copy(), good.copy(), good.copy()
    attention.description["params"]["attention"] = "__import__('os').system('true')"
    name.description["class"] = "os.system"
    array.arrays["os"] = X
    contents = [good.content, *(part.forged() for part in (attention, name, array))]
    contents.append(pickle.dumps(X))
    paths = [tmp_path / str(place) for place in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    command = [sys.executable, "-c", WATCHED, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *outcomes, proof = done.stdout.splitlines()
    assert outcomes == ["loaded [] []"] + ["refused [] []"] * 4
    assert "exec" in proof  # the watch was on


def test_a_loaded_model_shares_no_memory_with_the_file(path, good):
    path.write_bytes(good.content)
    loaded = load(path)
    before = {name: value.copy() for name, value in loaded.parameters_.items()}
    with open(path, "r+b") as file:
        file.write(bytes(len(good.content)))
    for name, value in loaded.parameters_.items():
        assert_array_equal(value, before[name])
