"""Each example runs, predicts better than doing nothing, and draws its picture."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

#: Example → what its network has to beat. The README's test runs sunlight.py as a user does.
TO_BEAT = {"half_day.py": "day before", "mornings.py": "mean"}


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*TO_BEAT, "sunlight.py"}


@pytest.mark.slow
@pytest.mark.parametrize(("example", "simplest"), TO_BEAT.items())
def test_example(example, simplest, tmp_path, capsys):
    picture = tmp_path / "picture.png"
    errors = runpy.run_path(EXAMPLES / example)["main"](["--picture", str(picture)])
    assert errors["skattn"] < errors[simplest]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "root mean square" in capsys.readouterr().out
