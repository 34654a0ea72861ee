"""A file is written whole or not at all: whatever fails, the old one stays, and nothing else."""

import errno
import os
import re
import shutil
import stat

import pytest

from skattn._saving.atomic_write import write_whole

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions and pipes of POSIX")


def accept(path):
    """Find nothing wrong."""


@pytest.fixture
def path(tmp_path):
    """Return an old file, alone in its folder."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def assert_old(path):
    assert (os.listdir(path.parent), path.read_bytes()) == ([path.name], b"old")


def test_a_new_file_takes_the_place_of_the_old_one(path):
    write_whole(path, b"new", accept)
    assert (os.listdir(path.parent), path.read_bytes()) == ([path.name], b"new")


def test_the_check_sees_the_new_file_beside_the_old_one_and_may_refuse_it(path):
    def check(new):
        assert re.fullmatch(r"\.skattn-[0-9a-f]{16}\.tmp", new.name)
        assert new.parent == path.parent
        assert (path.read_bytes(), new.read_bytes()) == (b"old", b"new")
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        write_whole(path, b"new", check)
    assert_old(path)


@pytest.mark.parametrize("name", ["no/such/folder", "file/model", "folder"])
def test_where_nothing_can_be_written_the_error_says_so(path, name):
    (path.parent / "folder").mkdir()
    with pytest.raises(OSError, match=r"There is no folder '.*(such|file)'|is not a regular file"):
        write_whole(path.parent / name, b"new", accept)
    assert sorted(os.listdir(path.parent)) == ["file", "folder"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()], ids=["full", "Ctrl-C"]
)
@pytest.mark.parametrize(
    "function",
    [(os, "fsync"), (os, "replace"), (shutil, "copymode")],
    ids=["fsync", "replace", "copymode"],
)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    path, monkeypatch, function, error
):
    def fail(*args):
        raise error

    monkeypatch.setattr(*function, fail)
    with pytest.raises(type(error)):
        write_whole(path, b"new", accept)
    assert_old(path)


@POSIX
def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(tmp_path):
    file = tmp_path / "file"
    before = os.umask(0o027)
    try:
        write_whole(file, b"new", accept)
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        file.chmod(0o604)
        write_whole(file, b"newer", accept)
        assert stat.S_IMODE(file.stat().st_mode) == 0o604
    finally:
        os.umask(before)


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_what_others_must_not_read_they_cannot_read_while_it_is_written(path, monkeypatch, mode):
    """The permissions are those of the old file before the first byte is on the disk."""
    path.chmod(mode)
    seen, sync = [], os.fsync

    def look(handle):
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))
        sync(handle)

    monkeypatch.setattr(os, "fsync", look)
    before = os.umask(0)
    try:
        write_whole(path, b"new", accept)
    finally:
        os.umask(before)
    assert seen == [mode]
    assert stat.S_IMODE(path.stat().st_mode) == mode


@POSIX
def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match=r"pipe' is not a regular file\. Save to a path of"):
            write_whole(tmp_path / name, b"new", accept)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]
