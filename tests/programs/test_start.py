"""TensorFlow starts without its notices, and without hiding anything else."""

import os
import subprocess
import sys

import pytest

from skattn._programs.start import without_notices

FIT = (
    "import numpy as np\n"
    "from skattn import LSTMAttentionRegressor\n"
    "X = np.arange(24.0).reshape(6, 4)\n"
    "LSTMAttentionRegressor(units=2, epochs=1, random_state=0).fit(X, X[:, 0])\n"
)


@pytest.mark.parametrize("level", [None, "0"])
def test_a_first_fit_is_silent_unless_the_user_has_set_a_level(level):
    environment = {n: v for n, v in os.environ.items() if n != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": level} if level else {}
    done = subprocess.run(
        [sys.executable, "-c", FIT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert bool(done.stderr) == bool(level)


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
