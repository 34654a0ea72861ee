"""TensorFlow starts without its notices, and without hiding anything else."""

import os
import pickle
import subprocess
import sys
import tempfile

import pytest

from skattn._programs.start import without_notices

pytestmark = pytest.mark.slow

FIT = (
    "import numpy as np\n"
    "from skattn import LSTMAttentionRegressor\n"
    "X = np.arange(24.0).reshape(6, 4)\n"
    "LSTMAttentionRegressor(units=2, epochs=1, random_state=0).fit(X, X[:, 0])\n"
)


EXPORT = (
    "import pickle, sys\n"
    "pickle.load(open('model.pkl', 'rb')).to_keras()\n"
    "threading = sys.modules['tensorflow'].config.threading\n"
    "print(threading.get_intra_op_parallelism_threads())\n"
)


def run(code, folder, **environment):
    """Return what code writes to standard output and error where these variables alone are set."""
    unset = ("TF_CPP_MIN_LOG_LEVEL", "TF_NUM_INTRAOP_THREADS")
    environment |= {n: v for n, v in os.environ.items() if n not in unset}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


def test_a_first_fit_is_silent(tmp_path):
    assert run(FIT, tmp_path) == ("", "")


def test_a_first_fit_is_not_silent_where_the_user_has_set_a_level(tmp_path):
    out, error = run(FIT, tmp_path, TF_CPP_MIN_LOG_LEVEL="0")
    assert out == ""
    assert error


def test_a_first_export_starts_tensorflow_as_a_fit_does(small, sequences, tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(small().fit(*sequences)))
    assert run(EXPORT, tmp_path) == ("1\n", "")


def test_nothing_is_hidden_without_a_folder_for_temporary_files(capfd, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        with without_notices():
            os.write(2, b"To enable the following instructions: AVX2\n")
    assert capfd.readouterr().err == "To enable the following instructions: AVX2\n"


def test_a_standard_error_that_takes_nothing_is_no_error():
    reader, writer = os.pipe()
    before = os.dup(2)
    os.dup2(writer, 2)
    try:
        os.close(reader)
        with without_notices():
            os.write(2, b"nobody reads this\n")
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(writer)


def test_other_lines_are_passed_on(capfd):
    with without_notices():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called\n")
        os.write(2, b"I0000 00:00:1795669252.2 22422 cudart_stub.cc:31] Could not find cuda\n")
        os.write(2, b"a warning of the user's own\nE0000 00:00:1 2 file.cc:3] an error\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err.splitlines() == [
        "a warning of the user's own",
        "E0000 00:00:1 2 file.cc:3] an error",
        "after",
    ]


def test_what_is_written_before_an_error_is_passed_on(capfd):
    def fail():
        with without_notices():
            os.write(2, b"why it failed\n")
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert capfd.readouterr().err == "why it failed\n"
